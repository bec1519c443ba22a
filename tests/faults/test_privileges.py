# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of docs/permissions.md as they stand there: each is enough for its task, and needs all of itself."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import oracle
import pytest
from canaries import CANARIES, USER, hits
from collection_tree import CHECKOUT
from embedded_lab.models import Identity
from labs import RunningLab
from milvus_lab import LabConfig, start, stop
from module_process import ModuleRun, run
from tally import INJECTED, SECRET_HITS, SURVIVED, Tally

Options = dict[str, Any]
ROWS = 200
SIDE = "milvus_a"
"""It is backed up and restored into."""

DOCUMENT = (CHECKOUT / "docs" / "permissions.md").read_text(encoding="utf-8")
STATEMENTS: Mapping[str, list[dict[str, Any]]] = {
    task.lower(): json.loads(text)["Statement"]
    for task, text in re.findall(r"^(\w+) \(`milvus_[^\n]*\n\n```json\n(.*?)```", DOCUMENT, re.MULTILINE | re.DOTALL)
}
SECRET = CANARIES["secret_access_key"]
"""What the secret of every key begins with."""

LOGIN = {"user": USER, "password": CANARIES["password"]}
"""A server without authorization lets anybody in."""

PLACES = {"BUCKET": "bucket-a", "FILES": "files_a", "BACKUP": "backup"}
RIGHTS = {
    "s3:ListBucket": "List",
    "s3:GetObject": "Read",
    "s3:PutObject": "Write",
    "s3:DeleteObject": "Write",
    "s3:AbortMultipartUpload": "Write",
}
"""What the service of the lab calls them."""

OPTIONAL = {("restore", "Guard")}
"""Statements without which a task works, and warns."""


def of_lab(resource: str) -> str:
    """A resource of the documentation as the service of the lab names it, which knows no * but a last one."""
    named = re.sub("[A-Z]+", lambda word: PLACES[word[0]], resource.removeprefix("arn:aws:s3:::"))
    return named.replace("/*/", "/by_policy/")


def identity(task: str, lacking: str = "") -> Identity:
    """A key with the rights of a documented policy, but for one statement."""
    actions = {
        f"{RIGHTS[action]}:{of_lab(resource)}"
        for statement in STATEMENTS[task]
        if statement["Sid"] != lacking
        for action in statement["Action"]
        for resource in statement["Resource"]
    }
    name = f"{task}_without_{lacking}".lower() if lacking else task
    return Identity(name, f"KEYOF{name.upper()}", SECRET + name, tuple(sorted(actions)) or ("Read:elsewhere",))


LACKING = [(task, statement["Sid"]) for task in STATEMENTS for statement in STATEMENTS[task]]
IDENTITIES = (*map(identity, STATEMENTS), *(identity(task, sid) for task, sid in LACKING))
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    directory = Path(tmp_path_factory.mktemp("policies"))
    try:
        yield RunningLab(start(LabConfig(directory=directory, instances={SIDE: {}}, identities=IDENTITIES)))
    finally:
        stop(LabConfig(directory=directory), wipe=True)


@pytest.fixture(scope="module")
def backup(guarded: RunningLab) -> str:
    """Made with the key of the policy for backups."""
    oracle.create_collection(guarded.side(SIDE).client(), "films", rows=ROWS)
    made = do(guarded, "backup", "backup", "by_policy")
    assert not made.failed, made.output
    return "by_policy"


def do(lab: RunningLab, task: str, key: str, name: str, suffix: str = "_new") -> ModuleRun:
    """One task with one key."""
    tasks: dict[str, tuple[str, Options]] = {
        "backup": ("milvus_backup", {"collections": ["films"], "name": name}),
        "verify": ("milvus_backup_info", {"name": name, "verify": "content"}),
        "restore": ("milvus_restore", {"collections": ["films"], "name": name, "suffix": suffix}),
        "remove": ("milvus_backup", {"state": "absent", "name": name}),
        "prune": ("milvus_backup_prune", {"name_pattern": f"{name}*", "keep_last": 1}),
    }
    module, options = tasks[task]
    keys = {"access_key_id": f"KEYOF{key.upper()}", "secret_access_key": SECRET + key}
    return run(module, {**lab.side(SIDE).options, **options, **keys, **LOGIN})


def test_every_task_has_a_policy() -> None:
    assert set(STATEMENTS) == {"backup", "verify", "restore", "remove"}
    used = {action for statements in STATEMENTS.values() for item in statements for action in item["Action"]}
    assert used == set(RIGHTS)


def test_each_policy_is_enough(guarded: RunningLab, backup: str, tally: Tally) -> None:
    """One after another on one backup, the removal last; nothing but what is expected is left."""
    tally.add("documented policies", INJECTED, 5)
    before = guarded.objects("backup/")
    for task in ("verify", "restore"):
        made = do(guarded, task, task, backup)
        assert not made.failed, made.output
        assert "nothing keeps it" not in made.output
    assert guarded.objects("backup/") == before
    for name in ("to_remove_1", "to_remove_2"):
        again = do(guarded, "backup", "backup", name)
        assert not again.failed, again.output
    pruned = do(guarded, "prune", "remove", "to_remove")
    assert not pruned.failed, pruned.output
    assert guarded.objects("backup/to_remove_1/") == {}
    removed = do(guarded, "remove", "remove", "to_remove_2")
    assert not removed.failed, removed.output
    assert guarded.objects("backup/to_remove_2/") == {}
    tally.add("documented policies", SURVIVED, 5)


@pytest.mark.parametrize(("task", "sid"), LACKING)
def test_each_statement_is_needed(guarded: RunningLab, backup: str, tally: Tally, task: str, sid: str) -> None:
    """Without it the task is refused with the right that is missing, and the backup is as it was."""
    tally.add("documented policies", INJECTED)
    name = backup
    if task in ("backup", "remove"):
        name = f"lacking_{next(_numbers)}"
    if task == "remove":
        assert not do(guarded, "backup", "backup", name).failed
    before = guarded.objects(f"backup/{backup}/") | guarded.objects(f"backup/{name}/")
    made = do(guarded, task, f"{task}_without_{sid}".lower(), name, suffix=f"_{next(_numbers)}")
    if (task, sid) in OPTIONAL:
        assert not made.failed, made.output
        assert "nothing keeps it from being removed meanwhile" in made.output
    else:
        assert made.kind == "permission", made.output
        assert "give this key the right" in made.result["failure"]["next_step"]
    tally.add("documented policies", SURVIVED)
    left = guarded.objects(f"backup/{backup}/") | guarded.objects(f"backup/{name}/")
    begun = {key for key in left if key.startswith(f"backup/{name}/control/")} if task == "backup" else set()
    assert {key: etag for key, etag in left.items() if key not in begun} == before


def test_nothing_secret_is_stored(guarded: RunningLab, backup: str, tally: Tally) -> None:
    """Neither in an object of the bucket nor with a collection, after a backup, an unfinished one, and a restore."""
    restored = do(guarded, "restore", "restore", backup, suffix="_stored")
    assert not restored.failed, restored.output
    unfinished = do(guarded, "backup", "backup_without_read", "unfinished")
    assert unfinished.failed
    found = hits(restored.output + unfinished.output)
    s3 = guarded.s3()
    keys = [key for key in guarded.objects() if not key.startswith("files_")]
    assert [key for key in keys if "/control/" in key]
    for key in keys:
        body = s3.get_object(Bucket=guarded.bucket, Key=key)["Body"].read()
        found += [f"{key}: {hit}" for hit in hits(body.decode("utf-8", "replace"))]
    found += hits(str(guarded.side(SIDE).client().describe_collection("films_stored")))
    tally.add("secrets in what is stored", INJECTED, len(keys))
    tally.add("secrets in what is stored", SECRET_HITS, len(found))
    assert found == []
