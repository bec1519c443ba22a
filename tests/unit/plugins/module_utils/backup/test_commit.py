# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last writes of a backup: what commits it comes last, and only while the lock is held."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.commit import Commit
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.integrity import (
    HEADER_NAME,
    Manifest,
    manifest_objects,
    read_manifest,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place, find_complete
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import META_FILES, BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.lock import BackupLock, Holder, acquire
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import BackupMeta
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore, StoredObject

OBJECT = StoredObject("backup/nightly_01/binlogs/insert_log/1/2/3/3/100/5", 1, "")


@pytest.fixture
def place(store: ObjectStore) -> Place:
    return Place(store, BackupLayout("backup", "nightly_01"))


@pytest.fixture
def lock(place: Place) -> Iterator[BackupLock]:
    taken = acquire(place.store, place.lock_key, "mine", wait=0, meanwhile=lambda: None)
    assert isinstance(taken, BackupLock)
    with taken:
        yield taken


def commit(place: Place, lock: BackupLock, meta: BackupMeta, previous: Manifest | None = None) -> None:
    Commit(place, lock).write(meta, [OBJECT], request={}, created=1, tool_version="0", skipped={}, previous=previous)


def stolen_by(place: Place, run_id: str) -> None:
    stored = place.store.read(place.lock_key, 65536)
    assert stored is not None
    thief = replace(Holder(**json.loads(stored.body)), run_id=run_id, epoch=1)
    place.store.write(place.lock_key, json.dumps(asdict(thief)).encode())


def test_the_commit_object_is_the_last_one(
    place: Place, lock: BackupLock, example: BackupMeta, changes: list[str]
) -> None:
    """A run that is killed at any write before leaves no backup, and none of its writes says that there is one."""
    changes.clear()
    commit(place, lock, example)
    names = [change.removeprefix("+backup/nightly_01/") for change in changes]
    assert names == [
        "control/lock.json",
        "control/objects-00000.jsonl",
        f"control/{HEADER_NAME}",
        *(f"meta/{name}" for name in META_FILES),
    ]
    assert META_FILES[-1] == "full_meta.json"
    assert find_complete(place) is not None


def test_a_growing_backup_changes_hands_in_one_write(
    place: Place, lock: BackupLock, example: BackupMeta, changes: list[str]
) -> None:
    """Everything that the new commit needs is there before it; everything that the old one needs goes after it."""
    commit(place, lock, example)
    stored = place.store.read(place.layout.commit, 1 << 20)
    assert stored is not None
    previous = read_manifest(place.store, place.layout, stored.body)
    assert previous is not None
    changes.clear()
    commit(place, lock, replace(example, server_version="v2.5.15"), previous)
    position = changes.index(f"+{place.layout.commit}")
    before, after = changes[:position], changes[position + 1 :]
    assert [item for item in before if "/meta/" in item or item.startswith("-")] == []
    assert f"-{place.layout.control}{previous.shards[0][0]}" in after


class Killed(BaseException):
    """The process ends here."""


def dies_at(place: Place, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on this many writes reach the store."""
    write, left = place.store.write, iter(range(number))

    def mortal(key: str, body: bytes, **conditions: Any) -> str:
        if next(left, None) is None:
            raise Killed
        return write(key, body, **conditions)

    monkeypatch.setattr(place.store, "write", mortal)


@pytest.mark.parametrize("number", range(10))
def test_at_every_moment_of_the_exchange_there_is_a_valid_backup(
    place: Place, lock: BackupLock, example: BackupMeta, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    commit(place, lock, example)
    before = find_complete(place)
    assert before is not None
    dies_at(place, number, monkeypatch)
    grown = replace(example, server_version="v2.5.15")
    with contextlib.suppress(Killed):
        commit(place, lock, grown, before.manifest)
    found = find_complete(place)
    assert found is not None
    assert found.manifest is not None
    assert found.meta.server_version in (example.server_version, grown.server_version)
    assert list(manifest_objects(place.store, place.layout, found.manifest)) == [OBJECT]


def test_a_run_whose_lock_was_taken_does_not_commit(
    place: Place, lock: BackupLock, example: BackupMeta, changes: list[str]
) -> None:
    """It proves its lock by compare-and-swap right before: a process that slept through its lease does not know."""
    stolen_by(place, "thief")
    changes.clear()
    with pytest.raises(MilvusOpsError) as caught:
        commit(place, lock, example)
    assert caught.value.kind == "lock_held"
    assert [change for change in changes if "/meta/" in change] == []
    assert find_complete(place) is None
