# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crash points: every change has a name, a process dies where it is told, and the product has none of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import crash_points
import pytest
from collection_tree import CHECKOUT
from crash_points import AFTER, BEFORE, Point, name_of_write, parse, points_of

BACKUP = "/bucket/backup/nightly"
STAGED = f"/bucket/vectorops_staging/{'0' * 16}/{'1' * 16}"
SUPPORT = Path(crash_points.__file__).parent
CALLED_METHOD = re.compile(r"\.call(?:_when_allowed)?\(\s*\"(\w+)\"")

CHANGES = """
import crash_points, sys
watch = crash_points._Watch(crash_points.parse(sys.argv[1]), None)
for event in ("write lock", "write plan", "copy insert log", "copy insert log", "write lock"):
    watch.around(event, lambda: print("sent", event, flush=True))
"""


def head(method: str, target: str, *headers: str) -> bytes:
    return "\r\n".join((f"{method} {target} HTTP/1.1", "host: h", *headers, "", "")).encode()


def deletion(*keys: str) -> bytes:
    items = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    return f"<Delete><Quiet>true</Quiet>{items}</Delete>".encode()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"{BACKUP}/control/lock.json", "write lock"),
        (f"{BACKUP}/control/restores/00ff.json", "write restore lock"),
        (f"{BACKUP}/control/plan.json", "write plan"),
        (f"{BACKUP}/control/objects-00000.jsonl", "write list of objects"),
        (f"{BACKUP}/control/manifest.json", "write manifest.json"),
        (f"{BACKUP}/control/manifest-next.json", "write manifest-next.json"),
        (f"{BACKUP}/meta/full_meta.json", "write full_meta.json"),
        (f"{BACKUP}/binlogs/insert_log/1/2/3/4/5", "write insert log"),
        (f"{BACKUP}/binlogs/delta_log/1/-1/3/4", "write delta log"),
        (f"{BACKUP}/bundle/1/exports/2/files/3", "write exported object"),
        (f"{STAGED}/control/lock.json", "write staged lock"),
        (f"{STAGED}/binlogs/insert_log/1/2/3/4/5", "write staged log"),
        (f"{BACKUP}/control/something-new.json", f"write {BACKUP}/control/something-new.json"),
    ],
)
def test_a_write_is_named_by_the_role_of_its_object(path: str, name: str) -> None:
    assert name_of_write(head("PUT", path)) == name


@pytest.mark.parametrize(
    ("method", "query", "name"),
    [
        ("PUT", "", "copy insert log"),
        ("PUT", "?partNumber=1&uploadId=x", "copy part of insert log"),
        ("POST", "?uploads=", "begin upload of insert log"),
        ("POST", "?uploadId=x", "complete upload of insert log"),
        ("DELETE", "?uploadId=x", "abort upload of insert log"),
        ("DELETE", "", "delete insert log"),
        ("GET", "", ""),
        ("HEAD", "", ""),
    ],
)
def test_a_write_is_named_by_what_it_does(method: str, query: str, name: str) -> None:
    source = ("X-Amz-Copy-Source: /other/key",) if method == "PUT" else ()
    assert name_of_write(head(method, f"{BACKUP}/binlogs/insert_log/1/2/3/4/5{query}", *source)) == name


def test_a_deletion_of_many_is_named_by_the_commit_or_the_first() -> None:
    request = head("POST", "/bucket?delete=")
    logs = ("b/n/binlogs/insert_log/1/2/3/4/5", "b/n/control/lock.json")
    assert name_of_write(request, deletion(*logs)) == "delete insert log"
    assert name_of_write(request, deletion(*logs, "b/n/meta/full_meta.json")) == "delete full_meta.json"


def test_calls_to_milvus_that_change_something() -> None:
    """Of the methods that the product calls these; one that is added counts until it is known to read only."""
    sources = "".join(path.read_text() for path in sorted((CHECKOUT / "plugins").rglob("*.py")))
    called = set(CALLED_METHOD.findall(sources))
    assert {"Import", "RenameCollection", "AlterAlias", "DescribeCollection"} <= called
    assert {method for method in called if not crash_points.changes(method)} == {
        "CheckHealth",
        "Connect",
        "DescribeCollection",
        "DescribeDatabase",
        "DescribeIndex",
        "DescribeSnapshot",
        "GetCollectionStatistics",
        "GetExportSnapshotState",
        "GetFlushAllState",
        "GetFlushState",
        "GetImportState",
        "GetRestoreSnapshotState",
        "ListRestoreSnapshotJobs",
        "ListSnapshots",
        "GetLoadState",
        "GetPersistentSegmentInfo",
        "GetReplicas",
        "GetVersion",
        "ListDatabases",
        "ListImportTasks",
        "Query",
        "SelectGrant",
        "SelectRole",
        "SelectUser",
        "ShowCollections",
        "ShowPartitions",
    }


def test_the_points_of_a_recording() -> None:
    recorded = ["write lock", "copy insert log", "copy insert log", "copy insert log", "copy insert log", "Import"]
    chosen = [str(point) for point in points_of(recorded) if point.moment == AFTER]
    assert chosen == [
        "after:write lock:1",
        "after:copy insert log:1",
        "after:copy insert log:2",
        "after:copy insert log:4",
        "after:Import:1",
    ]
    assert [str(parse(text)) for text in chosen] == chosen
    assert parse("before:write /a:b/c:2") == Point(BEFORE, "write /a:b/c", 2)


@pytest.mark.parametrize("text", ["write lock:1", "before:1", "before:write lock", "during:write lock:1", ""])
def test_what_is_no_point_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no point"):
        parse(text)


@pytest.mark.parametrize(
    ("point", "sent", "code"),
    [
        ("before:write lock:1", 0, -signal.SIGKILL),
        ("after:write lock:1", 1, -signal.SIGKILL),
        ("before:copy insert log:2", 3, -signal.SIGKILL),
        ("after:write lock:2", 5, -signal.SIGKILL),
        ("after:write lock:3", 5, 0),
    ],
)
def test_a_process_dies_at_its_point_and_nowhere_else(point: str, sent: int, code: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CHANGES, point],
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (len(ended.stdout.splitlines()), ended.returncode) == (sent, code), ended.stderr


def test_the_product_has_no_crash_points() -> None:
    """Nothing in what users install knows of them: neither their module nor their variables, nor any way to die."""
    words = (crash_points.__name__, crash_points.KILL_VARIABLE, crash_points.RECORD_VARIABLE, "SIGKILL", "_exit(")
    installed = [path for folder in ("plugins", "roles", "playbooks") for path in (CHECKOUT / folder).rglob("*.py")]
    lab = CHECKOUT / "roles" / "milvus_lab"  # starts servers and ends them
    watcher = (
        CHECKOUT / "plugins" / "plugin_utils" / "watched_module.py"
    )  # ends a worker of Ansible that lost its parent
    found = [
        f"{path.relative_to(CHECKOUT)}: {word}"
        for path in installed
        for word in words
        if word in path.read_text() and lab not in path.parents and path != watcher
    ]
    assert found == []
