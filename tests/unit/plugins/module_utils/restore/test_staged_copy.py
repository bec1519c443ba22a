# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a staged copy, using it, and taking it away again."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from staging_world import World

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.integrity import HEADER_NAME, write_manifest
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import CompleteBackup
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.imports import FAILED_STATES
from ansible_collections.vectorops.milvus.plugins.module_utils.restore import staged_leftovers
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.folding import folded_logs
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.staged_copy import StagedCopy
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.staged_leftovers import (
    remove_leftovers,
)


@pytest.mark.parametrize("chosen", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("foreign", [False, True])
def test_the_chosen_collections_are_there_for_the_time_of_the_restore(
    world: World, chosen: tuple[int, ...], foreign: bool
) -> None:
    """Also of a backup by another tool, which records no ETags; the backup stays as it is, and nothing else is left."""
    world = replace(world, backup=CompleteBackup(world.backup.meta, None)) if foreign else world
    wanted, warnings = world.objects(*chosen), list[str]()
    with world.run(*chosen, warnings=warnings) as copy:
        assert world.staged() == wanted
        assert (copy.copied.objects, copy.kept_objects) == (len(wanted), 0)
        assert copy.copied.bytes == sum(map(len, wanted.values()))
        copy.guard()
    assert world.left() == []
    assert warnings == []
    assert world.objects(*chosen) == wanted


@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize("foreign", [False, True])
def test_deletes_of_level_zero_are_there_for_each_segment_too(world: World, foreign: bool, rows: bool) -> None:
    """Also where nothing else is staged but deletes. An earlier copy of rows, which nobody will read, is not kept."""
    world = replace(world, backup=CompleteBackup(world.backup.meta, None)) if foreign else world
    logs = list(folded_logs(world.backup.meta.collections[0]))
    bodies = {item.target_key(world.layout): Path(item.source_key(world.place.layout)).read_bytes() for item in logs}
    folded = {key.removeprefix(world.layout.directory): body for key, body in bodies.items()}
    assert folded
    own = {key: body for key, body in world.objects(0).items() if rows or "/delta_log/" in key}
    stale = next(key for key in world.objects(0) if "/insert_log/" in key)
    world.put(stale)
    with world.run(part=world.part(0, fold=True, rows=rows)) as copy:
        assert world.staged() == {**own, **folded}
        assert (copy.copied.objects, copy.kept_objects) == (len(own) + len(folded), 0)
        assert copy.copied.bytes == world.part(0, fold=True, rows=rows).size
    assert world.left() == []


def test_without_collections_nothing_is_touched(world: World) -> None:
    with world.run() as copy:
        assert world.left() == []
        assert copy.copied.objects == 0


def test_what_is_there_already_is_kept_and_the_rest_is_put_right(world: World) -> None:
    """Missing, altered, and without business there: the last is found where an import would read it."""
    wanted = world.objects(0, 1)
    first, second, *others = sorted(world.objects(0))
    for relative in others:
        world.put(relative, wanted[relative])
    world.put(second, wanted[second][:-1])
    stray = world.put(f"{first}9")
    unread = world.put("binlogs/insert_log/77/1/2/3")
    with world.run(0) as copy:
        assert world.staged() == {**world.objects(0), "binlogs/insert_log/77/1/2/3": b"x"}
        assert (copy.copied.objects, copy.kept_objects) == (2, len(others))
        assert not stray.exists()
        assert unread.exists()
    assert world.left() == []


def test_what_no_restore_wrote_is_not_removed(world: World) -> None:
    """Where an import would read it, there is no import; elsewhere in the folder it stays, and is named."""
    mine = world.put(f"binlogs/insert_log/{world.backup.meta.collections[0].collection_id}/notes.txt")
    with pytest.raises(MilvusOpsError) as caught, world.run(0):
        pytest.fail("the server would have read it")
    assert caught.value.kind == "usage"
    assert caught.value.failure.where.endswith("notes.txt")
    mine.rename(world.folder / "notes.txt")
    warnings: list[str] = []
    with world.run(0, warnings=warnings):
        pass
    assert [path.name for path in world.folder.rglob("*")] == ["notes.txt"]
    assert "notes.txt" in warnings[0]


@pytest.mark.parametrize("damage", ["gone", "shorter"])
def test_a_backup_that_changes_underneath_is_noticed(world: World, damage: str) -> None:
    relative, body = next(iter(world.objects(0).items()))
    path = Path(world.place.layout.directory) / relative
    path.unlink() if damage == "gone" else path.write_bytes(body[1:])
    with pytest.raises(MilvusOpsError) as caught, world.run(0):
        pytest.fail("the server would have imported it")
    assert caught.value.kind == "source_changed"
    assert caught.value.failure.where.endswith(relative)
    assert caught.value.failure.state_left == "the target is untouched"
    assert world.left() == []


@pytest.mark.parametrize("key", ["binlogs/insert_log/20/../../../../x", "meta/full_meta.json", "binlogs/insert_log/a"])
def test_a_forged_list_of_objects_is_not_followed(world: World, key: str) -> None:
    manifest = write_manifest(
        world.place.store.write,
        world.place.layout,
        [*world.place.store.list_objects(world.place.layout.binlogs), replace_key(world, key)],
        header_name=HEADER_NAME,
        backup_id="x",
        request={},
        created=1,
        tool_version="0",
        meta={},
        skipped={},
        previous=None,
    )
    world = replace(world, backup=CompleteBackup(world.backup.meta, manifest))
    with pytest.raises(MilvusOpsError) as caught, world.run(1):
        pytest.fail("it would have been copied")
    assert caught.value.kind == "corrupt"
    assert world.left() == []


def replace_key(world: World, key: str) -> Any:
    first = next(world.place.store.list_objects(world.place.layout.binlogs))
    return replace(first, key=world.place.layout.directory + key)


FAILURE = MilvusOpsError("verify_failed", "counting", "coll", "too few", state_left="it was dropped")
READING = "binlogs/insert_log/20/22/"


@pytest.mark.parametrize("state", ["ImportPending", "ImportStarted", "ImportPersisted"])
@pytest.mark.parametrize("error", [None, FAILURE, KeyboardInterrupt()])
def test_a_copy_that_an_import_reads_stays(world: World, state: str, error: BaseException | None) -> None:
    """However the run ends. Its lock is given back, and the next run removes it once the job has ended."""
    warnings: list[str] = []
    caught = end_with(world, error, warnings, [(state, world.layout.directory + READING)])
    assert world.staged() == world.objects(1)
    assert not (world.folder / "control").exists()
    if isinstance(caught, MilvusOpsError):
        assert caught.failure.cause == FAILURE.failure.cause
        warnings.append(caught.failure.state_left.removeprefix("it was dropped; "))
    if not isinstance(error, KeyboardInterrupt):
        assert len(warnings) == 1
        assert f"{world.area.store.label}/{world.layout.directory}" in warnings[0]
        assert "unfinished import jobs of the server read it: 1;" in warnings[0]
    assert remove_leftovers(world.area).removed == ()
    world.milvus.jobs = [("ImportCompleted", world.layout.directory + READING)]
    assert remove_leftovers(world.area).removed == (f"{world.area.store.label}/{world.layout.directory}",)
    assert world.left() == []


def end_with(
    world: World, error: BaseException | None, warnings: list[str], jobs: list[tuple[str, str]]
) -> BaseException | None:
    try:
        with world.run(1, warnings=warnings):
            world.milvus.jobs = jobs
            if error is not None:
                raise error
    except (MilvusOpsError, KeyboardInterrupt) as caught:
        return caught
    return None


@pytest.mark.parametrize("error", [None, FAILURE, KeyboardInterrupt()])
def test_jobs_that_have_ended_or_read_elsewhere_keep_nothing(world: World, error: BaseException | None) -> None:
    neighbour = world.layout.directory.rstrip("/") + "9/"
    ended = [(state, world.layout.directory + READING) for state in FAILED_STATES]
    jobs = [*ended, ("ImportCompleted", world.layout.directory), ("ImportStarted", neighbour), ("ImportPending", "")]
    warnings: list[str] = []
    caught = end_with(world, error, warnings, jobs)
    assert caught is error
    assert world.left() == []
    assert warnings == []


@pytest.mark.parametrize("kind", ["timeout", "unreachable", "throttled", "ambiguous_import"])
@pytest.mark.parametrize("raised", [True, False])
def test_a_failure_that_the_next_run_continues_keeps_the_copy(world: World, kind: str, raised: bool) -> None:
    """Whether it ended the run or one collection of it; the next run copies nothing again."""
    error, warnings = MilvusOpsError(kind, "importing", "coll", "no answer"), list[str]()
    if raised:
        caught = end_with(world, error, warnings, [])
        assert isinstance(caught, MilvusOpsError)
        assert (caught.kind, caught.failure.cause) == (kind, "no answer")
        warnings.append(caught.failure.state_left)
    else:
        with world.run(1, warnings=warnings) as copy:
            copy.failures.append(error.failure)
    assert world.staged() == world.objects(1)
    assert world.layout.directory in warnings[0]
    with world.run(1) as copy:
        assert (copy.copied.objects, copy.kept_objects) == (0, len(world.objects(1)))
    assert world.left() == []


def test_a_failed_collection_that_needs_no_copy_any_more_leaves_none(world: World) -> None:
    with world.run(1) as copy:
        copy.failures.append(FAILURE.failure)
    assert world.left() == []


def test_a_run_that_is_told_to_stop_does_not_wait_for_a_server_that_hangs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staged_leftovers, "HURRIED_CALL_SECONDS", 0.3)
    world.milvus.seconds = 3
    began = time.monotonic()
    assert isinstance(end_with(world, KeyboardInterrupt(), [], []), KeyboardInterrupt)
    assert time.monotonic() - began < 2
    assert world.staged() == world.objects(1), "nobody knows whether it is still read"


def test_a_server_that_cannot_be_asked_keeps_the_copy(world: World) -> None:
    warnings: list[str] = []
    with world.run(1, warnings=warnings):
        world.milvus.away = True
    assert world.staged() == world.objects(1)
    assert "ListImportTasks" in warnings[0]


def test_two_runs_do_not_work_on_one_copy(world: World) -> None:
    with world.live_run(world.layout):
        with pytest.raises(MilvusOpsError) as caught, world.run(1):
            pytest.fail("two runs at once")
        assert caught.value.kind == "lock_held"
        assert caught.value.failure.operation == "taking the lock of the staged copy"
        assert world.staged() == {}


def test_a_copy_that_another_run_took_over_is_left_to_it(world: World) -> None:
    warnings: list[str] = []
    with world.run(1, warnings=warnings) as copy:
        lock = world.folder / "control" / "lock.json"
        body = lock.read_text().replace('"run_id": "', '"run_id": "of-the-thief-')
        lock.unlink()
        lock.write_text(body)
        copied: StagedCopy = copy
    assert world.staged() == world.objects(1)
    assert "of-the-thief-" in lock.read_text()
    assert "took it" in warnings[0]
    with pytest.raises(MilvusOpsError) as caught:
        copied.guard()
    assert caught.value.kind == "lock_held"
