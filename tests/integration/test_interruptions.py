# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed, and runs at the same time: one whole backup, one whole collection, nothing doubled."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import oracle
import pytest
from labs import RunningLab, Side
from module_process import finish, killed_at, run, start
from waiting import wait_until

Fresh = Callable[[str], str]
PATIENCE = 60
SLOWLY = {"copy_concurrency": 1, "max_rate": "64K"}
"""Or a copy of small objects is over before a test that looks at the bucket sees that it has begun."""

WRITES = (
    "write lock:1",
    "write plan:1",
    "copy insert log:1",
    "copy insert log:10",
    "copy delta log:1",
    "write list of objects:1",
    "write manifest.json:1",
    "write backup_meta.json:1",
    "write full_meta.json:1",
    "delete lock:1",
)
"""In their order; the names are those of crash_points.py."""

AFTER_THE_COMMIT = ("after:write full_meta.json:1", "before:delete lock:1", "after:delete lock:1")


@pytest.fixture(scope="module")
def many_objects(lab: RunningLab) -> str:
    """A collection of many partitions: so many objects that a copy takes long enough to be killed in.

    One segment for each partition and shard, so that no compaction changes them during a test.
    """
    partitions = ("_default", *(f"part_{number}" for number in range(1, 12)))
    oracle.create_collection(lab.side("milvus_a").client(), "many_objects", rows=600, partitions=partitions)
    return "many_objects"


@pytest.mark.parametrize("share", [0.0, 0.2, 0.7])
def test_a_killed_backup_is_continued(
    lab: RunningLab, source: Side, many_objects: str, fresh: Fresh, share: float
) -> None:
    """Killed in mid-copy, the next run takes over the lock of the dead process and copies only what is missing."""
    name = fresh("killed")
    arguments = {**source.options, "name": name, "collections": [many_objects]}
    planned = run("milvus_backup", arguments, check=True).result["backup"]["objects"]
    process = start("milvus_backup", {**arguments, **SLOWLY})
    wait_until(lambda: f"backup/{name}/control/plan.json" in lab.objects(f"backup/{name}/"))
    wait_until(lambda: len(lab.objects(f"backup/{name}/binlogs/")) >= share * planned)
    process.kill()
    process.wait()
    left = lab.objects(f"backup/{name}/")
    assert f"backup/{name}/meta/full_meta.json" not in left, "the run was faster than the kill"
    assert f"backup/{name}/control/lock.json" in left
    copied_before = len([key for key in left if "/binlogs/" in key])

    unfinished = run("milvus_restore", {**source.options, "name": name, "collections": [many_objects], "suffix": "_x"})
    assert unfinished.kind == "incomplete"

    resumed = run("milvus_backup", arguments)
    assert not resumed.failed, resumed.output
    assert resumed.result["resumed"] is True
    assert resumed.result["kept_objects"] >= copied_before > 0 or share == 0.0
    assert resumed.result["copied"]["objects"] + resumed.result["kept_objects"] == resumed.result["backup"]["objects"]
    assert f"backup/{name}/control/lock.json" not in lab.objects(f"backup/{name}/")
    assert run("milvus_backup", arguments).result["changed"] is False


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_backup_killed_at_each_kind_of_write(
    lab: RunningLab, source: Side, films: str, fresh: Fresh, moment: str
) -> None:
    """Lock, plan, copies, list of objects, manifest, each meta file, the commit, the release of the lock.

    Until the commit no backup exists, from then on a complete one does; the next run always ends with it.
    """
    arguments = {**source.options, "collections": [films], "copy_concurrency": 1}
    objects = run("milvus_backup", {**arguments, "name": fresh("whole")}).result["backup"]["objects"]
    for write in WRITES:
        point, name = f"{moment}:{write}", fresh(f"killed_{moment}")
        assert killed_at("milvus_backup", {**arguments, "name": name}, point), f"{point} was not reached"
        committed = f"backup/{name}/meta/full_meta.json" in lab.objects(f"backup/{name}/")
        assert committed == (point in AFTER_THE_COMMIT), point
        again = run("milvus_backup", {**arguments, "name": name, "verify": "content"})
        assert not again.failed, (point, again.output)
        assert again.result["changed"] is not committed, point
        assert again.result["backup"]["objects"] == objects
        assert f"backup/{name}/control/lock.json" not in lab.objects(f"backup/{name}/"), point


def test_a_cancelled_backup_gives_its_lock_back(lab: RunningLab, source: Side, many_objects: str, fresh: Fresh) -> None:
    """SIGTERM, as a job scheduler sends it: a clear result, no lock, and the next run continues."""
    name = fresh("cancelled")
    arguments = {**source.options, "name": name, "collections": [many_objects]}
    process = start("milvus_backup", {**arguments, **SLOWLY})
    wait_until(lambda: bool(lab.objects(f"backup/{name}/binlogs/")))
    process.send_signal(signal.SIGTERM)
    cancelled = finish(process)
    assert cancelled.kind == "cancelled", cancelled.output
    assert f"backup/{name}/control/lock.json" not in lab.objects(f"backup/{name}/")
    assert run("milvus_backup", arguments).result["resumed"] is True


def test_two_backups_of_one_name(lab: RunningLab, source: Side, many_objects: str, fresh: Fresh) -> None:
    """One works. The one that may not wait says who holds the lock; those that wait adopt the finished backup."""
    name = fresh("raced")
    arguments = {**source.options, "name": name, "collections": [many_objects]}
    first = start("milvus_backup", {**arguments, **SLOWLY})
    wait_until(lambda: f"backup/{name}/control/lock.json" in lab.objects(f"backup/{name}/"))
    first.send_signal(signal.SIGSTOP)  # or it might be done before the others have begun
    waiters = [start("milvus_backup", {**arguments, "lock_timeout": 60}) for _each in range(2)]
    refused = run("milvus_backup", arguments)
    first.send_signal(signal.SIGCONT)
    finished = [finish(process) for process in (first, *waiters)]
    assert refused.kind == "lock_held", refused.output
    assert str(first.pid) in refused.result["msg"]
    assert [each.failed for each in finished] == [False, False, False], [each.output for each in finished]
    assert [each.result["changed"] for each in finished] == [True, False, False]
    assert len({each.result["backup"]["id"] for each in finished}) == 1


def test_a_run_that_slept_through_its_lease_does_not_commit(
    lab: RunningLab, source: Side, many_objects: str, fresh: Fresh
) -> None:
    """Another run took the lock while this one was stopped: it proves its lock before the commit, and ends."""
    name = fresh("slept")
    arguments = {**source.options, "name": name, "collections": [many_objects], "copy_concurrency": 1}
    key = f"backup/{name}/control/lock.json"
    process = start("milvus_backup", {**arguments, "max_rate": "64K"})
    wait_until(lambda: bool(lab.objects(f"backup/{name}/binlogs/")))
    process.send_signal(signal.SIGSTOP)
    held = json.loads(lab.s3().get_object(Bucket=lab.bucket, Key=key)["Body"].read())
    thief = {**held, "run_id": "the-thief", "epoch": held["epoch"] + 1, "host": "another-host"}
    lab.s3().put_object(Bucket=lab.bucket, Key=key, Body=json.dumps(thief).encode())
    process.send_signal(signal.SIGCONT)
    woken = finish(process)
    assert woken.kind == "lock_held", woken.output
    assert "the-thief" in woken.result["msg"]
    assert f"backup/{name}/meta/full_meta.json" not in lab.objects(f"backup/{name}/")
    assert key in lab.objects(f"backup/{name}/"), "the lock of the thief was taken away"
    lab.s3().delete_object(Bucket=lab.bucket, Key=key)
    assert run("milvus_backup", arguments).result["resumed"] is True


def test_the_lock_of_a_live_process_on_another_host_is_respected(
    lab: RunningLab, source: Side, films: str, fresh: Fresh
) -> None:
    """Only time can prove such a holder dead, so a fresh lock is held; an unreadable one counts as held too."""
    name = fresh("elsewhere")
    key = f"backup/{name}/control/lock.json"
    holder = {
        "run_id": "r",
        "epoch": 0,
        "host": "another-host",
        "boot_id": "b",
        "namespace": "n",
        "pid": os.getpid(),
        "process_start": "1",
        "user": "u",
        "written_at": time.time(),
    }
    for body in (json.dumps(holder).encode(), b"not json"):
        lab.s3().put_object(Bucket=lab.bucket, Key=key, Body=body)
        refused = run("milvus_backup", {**source.options, "name": name, "collections": [films]})
        assert refused.kind == "lock_held", refused.output
        assert set(lab.objects(f"backup/{name}/")) == {key}
    lab.s3().delete_object(Bucket=lab.bucket, Key=key)


@pytest.fixture
def backup(source: Side, films: str, fresh: Fresh) -> str:
    name = fresh("to_restore")
    made = run("milvus_backup", {**source.options, "name": name, "collections": [films]})
    assert not made.failed, made.output
    return name


@pytest.fixture
def clean_target(target: Side) -> Iterator[Any]:
    client = target.client()
    yield client
    for name in client.list_collections():
        client.drop_collection(name)


def staging_names(client: Any) -> list[str]:
    return [name for name in client.list_collections() if "__restoring_" in name]


@pytest.mark.parametrize("delay", [0.0, 1.5, 3.0, 5.0])
def test_a_killed_restore_is_continued(target: Side, films: str, backup: str, clean_target: Any, delay: float) -> None:
    """Wherever it dies after the staging collection exists: no half target, and exact rows after the next run."""
    arguments = {**target.options, "name": backup, "collections": [films], "suffix": "_killed"}
    process = start("milvus_restore", arguments)
    wait_until(lambda: bool(staging_names(clean_target)))
    time.sleep(delay)
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()
    seen = clean_target.list_collections()
    if "films_killed" not in seen:
        assert len(seen) == 1
        assert staging_names(clean_target) == seen
    again = run("milvus_restore", arguments)
    assert not again.failed, again.output
    assert clean_target.list_collections() == ["films_killed"]
    assert oracle.count(clean_target, "films_killed") == len(oracle.expected())
    assert oracle.differences(oracle.read_all(clean_target, "films_killed"), oracle.expected()) == []
    assert run("milvus_restore", arguments).result["changed"] is False


def test_two_restores_of_one_target(target: Side, films: str, backup: str, clean_target: Any) -> None:
    """Both into one staging collection would double the rows; one works, the other says who does."""
    arguments = {**target.options, "name": backup, "collections": [films], "suffix": "_raced"}
    first = start("milvus_restore", arguments)
    wait_until(lambda: bool(staging_names(clean_target)))
    refused = run("milvus_restore", arguments)
    waiting = start("milvus_restore", {**arguments, "lock_timeout": PATIENCE})
    assert refused.kind == "lock_held", refused.output
    assert not finish(first).failed
    waited = finish(waiting)
    assert (waited.failed, waited.result["changed"]) == (False, False), waited.output
    assert oracle.count(clean_target, "films_raced") == len(oracle.expected())


def test_a_staging_collection_that_others_wrote_to_is_built_again(
    target: Side, films: str, backup: str, clean_target: Any
) -> None:
    """The same directory imported twice: queries would not show the double, the number of jobs does."""
    arguments = {**target.options, "name": backup, "collections": [films], "suffix": "_doubled"}
    process = start("milvus_restore", arguments)
    wait_until(lambda: bool(staging_names(clean_target)))
    staging = staging_names(clean_target)[0]
    process.kill()
    process.wait()
    handler = clean_target._get_connection()
    jobs = handler.list_bulk_insert_tasks(100, staging)
    for job in jobs:
        handler.do_bulk_insert(staging, job.infos["partition"], job.infos["files"].split(","), backup="true")
    again = run("milvus_restore", arguments)
    assert not again.failed, again.output
    assert oracle.count(clean_target, "films_doubled") == len(oracle.expected())
