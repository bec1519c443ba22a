# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is removed of a backup, in which order, and what is not touched."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.lock import BackupLock, acquire
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.remove import ensure_absent
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.progress import Progress
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore

OWN = ("control/manifest.json", "control/plan.json")
META = ("meta/backup_meta.json", "meta/full_meta.json", "meta/segment_meta.json")
LOGS = ("binlogs/delta_log/1/2/3/3/4", "binlogs/insert_log/1/2/3/3/100/5")
NEIGHBOURS = ("backup/nightly_010/meta/full_meta.json", "backup/nightly_0/control/plan.json", "files/insert_log/1")


@pytest.fixture
def place(store: ObjectStore) -> Place:
    for key in NEIGHBOURS:
        store.write(key, b"x")
    return Place(store, BackupLayout("backup", "nightly_01"))


def fill(place: Place, *names: str) -> None:
    for name in names:
        place.store.write(place.layout.directory + name, b"x")


def remove(
    place: Place, *, force_foreign: bool = False, check_mode: bool = False, progress: Progress | None = None
) -> int:
    removal = ensure_absent(
        place,
        "mine",
        lock_timeout=0,
        force_foreign=force_foreign,
        check_mode=check_mode,
        progress=progress or Progress(),
    )
    return removal.objects


def left(place: Place) -> list[str]:
    return [item.key.removeprefix(place.layout.directory) for item in place.store.list_objects("")]


def test_the_commit_goes_first_and_the_plan_last(place: Place, changes: list[str]) -> None:
    """So that nobody restores a half-removed backup, and a killed removal leaves one that is known to be ours."""
    fill(place, *OWN, *META, *LOGS)
    changes.clear()
    assert remove(place) == len(OWN) + len(META) + len(LOGS)
    removed = [change.removeprefix(f"-{place.layout.directory}") for change in changes if change.startswith("-")]
    assert removed[:2] == ["meta/backup_meta.json", "meta/full_meta.json"]
    assert removed[-2:] == ["control/plan.json", "control/lock.json"]
    assert sorted(left(place)) == sorted(NEIGHBOURS)


def test_what_another_tool_wrote_is_removed_by_force_only(place: Place, changes: list[str]) -> None:
    """The lock of a restore of ours does not make it ours."""
    fill(place, *META, *LOGS, "control/restores/run.json")
    changes.clear()
    with pytest.raises(MilvusOpsError) as caught:
        remove(place)
    assert (caught.value.kind, changes) == ("name_in_use", [])
    assert "force_foreign" in caught.value.failure.next_step


def test_force_removes_it(place: Place) -> None:
    fill(place, *META, *LOGS)
    remove(place, force_foreign=True)
    assert sorted(left(place)) == sorted(NEIGHBOURS)


def test_check_mode_only_counts(place: Place, changes: list[str]) -> None:
    fill(place, *OWN, *META)
    changes.clear()
    assert remove(place, check_mode=True) == len(OWN) + len(META)
    assert changes == []


def test_a_backup_that_is_restored_from_stays(place: Place, changes: list[str]) -> None:
    fill(place, *OWN, *META, *LOGS)
    restore = acquire(place.store, f"{place.layout.restores}run.json", "restore", wait=0, meanwhile=lambda: None)
    assert isinstance(restore, BackupLock)
    with restore:
        changes.clear()
        with pytest.raises(MilvusOpsError) as caught:
            remove(place)
        assert (caught.value.kind, changes) == ("lock_held", [])
    remove(place)
    assert sorted(left(place)) == sorted(NEIGHBOURS)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_key_that_may_not_read_is_told_before_anything_is_removed(
    place: Place, changes: list[str], monkeypatch: pytest.MonkeyPatch, check_mode: bool
) -> None:
    """It could write and remove, but never give the lock back, which would stay as the last object."""

    def refused(key: str, max_bytes: int) -> None:
        raise MilvusOpsError("permission", "reading", key, "AccessDenied")

    fill(place, *OWN, *META, *LOGS)
    changes.clear()
    monkeypatch.setattr(place.store, "read", refused)
    with pytest.raises(MilvusOpsError) as caught:
        remove(place, check_mode=check_mode)
    assert (caught.value.kind, changes) == ("permission", [])


def test_who_watches_a_removal_sees_how_far_it_is(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(place, *OWN, *META, *LOGS)
    progress, delete = Progress(), place.store.delete
    seen: list[tuple[str, str, int, int]] = []

    def watched(doomed: Iterable[str]) -> int:
        seen.extend(
            (step["phase"], step["label"], step["done"], step["total"]) for step in progress.snapshot()["steps"]
        )
        return delete(doomed)

    monkeypatch.setattr(place.store, "delete", watched)
    remove(place, progress=progress)
    assert seen == [("remove", "nightly_01", done, 7) for done in (0, 2, 6)]
    assert set(progress.seconds_by_phase) == {"look", "remove"}
