# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last writes of a backup: none of them lands on what another run has written meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from local_folders import store_at

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.commit import Commit
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import (
    Place,
    find_complete,
    require_complete,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import META_FILES, BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.lock import BackupLock, acquire
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import BackupMeta
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ConditionFailed, ObjectStore

LAYOUT = BackupLayout("backup", "nightly_01")
LOG = f"{LAYOUT.binlogs}insert_log/1/2/3/3/100/4"
WRITTEN = (
    LAYOUT.control + "objects-00000.jsonl",
    LAYOUT.control + "manifest.json",
    *(LAYOUT.meta(name) for name in META_FILES),
)
THEIRS = b"of the run that stole the lock"


@pytest.fixture
def place(store: ObjectStore) -> Place:
    store.write(LOG, b"data")
    return Place(store, LAYOUT)


def commit(place: Place, meta: BackupMeta) -> None:
    held = acquire(place.store, place.lock_key, "mine", wait=0, meanwhile=lambda: None)
    assert isinstance(held, BackupLock)
    with held as lock:
        listed = list(place.store.list_objects(LAYOUT.binlogs))
        Commit(place, lock).write(meta, listed, request={}, created=1, tool_version="0", skipped={}, previous=None)


def before(store: ObjectStore, key: str, act: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something between the decision to write an object and its write."""
    original = store.write

    def write(written: str, body: bytes, **conditions: Any) -> str:
        if written == key:
            monkeypatch.setattr(store, "write", original)
            return str(act(lambda: original(written, body, **conditions)))
        return original(written, body, **conditions)

    monkeypatch.setattr(store, "write", write)


@pytest.mark.parametrize("left", [False, True], ids=["nothing left", "left by a killed run"])
@pytest.mark.parametrize("key", WRITTEN)
def test_a_run_that_slept_writes_nothing_over_the_objects_of_another(
    place: Place, example: BackupMeta, monkeypatch: pytest.MonkeyPatch, key: str, left: bool
) -> None:
    store = place.store
    if left and key != LAYOUT.commit:
        store.write(key, b"of a run that was killed")

    def steal(write: Any) -> Any:
        store.write(key, THEIRS)
        return write()

    before(store, key, steal, monkeypatch)
    with pytest.raises(MilvusOpsError) as caught:
        commit(place, example)
    assert caught.value.kind == "lock_held"
    assert caught.value.failure.where.endswith(key)
    stored = store.read(key, 65536)
    assert stored is not None
    assert stored.body == THEIRS
    assert key == LAYOUT.commit or not store.has_objects(LAYOUT.commit)


@pytest.mark.parametrize("key", WRITTEN)
def test_an_answer_that_is_lost_is_no_other_run(
    place: Place, example: BackupMeta, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    def lose(write: Any) -> Any:
        write()
        raise ConditionFailed(key)

    before(place.store, key, lose, monkeypatch)
    commit(place, example)
    assert require_complete(place).meta.backup_id == example.backup_id


def test_what_a_killed_run_left_is_replaced(place: Place, example: BackupMeta) -> None:
    for key in WRITTEN[:-1]:
        place.store.write(key, b"of a run that was killed")
    commit(place, example)
    assert require_complete(place).meta.backup_id == example.backup_id


def test_a_commit_that_is_there_is_never_replaced(place: Place, example: BackupMeta) -> None:
    place.store.write(LAYOUT.commit, THEIRS)
    with pytest.raises(MilvusOpsError) as caught:
        commit(place, example)
    assert caught.value.kind == "lock_held"
    stored = place.store.read(LAYOUT.commit, 65536)
    assert stored is not None
    assert stored.body == THEIRS


@pytest.mark.parametrize("kind", ["bucket", "disk"])
def test_a_partial_backup_is_replaced_by_a_run_that_holds_the_lock(
    store: ObjectStore, example: BackupMeta, tmp_path: Path, kind: str
) -> None:
    """Its own commit is what lay there before."""
    if kind == "disk":
        store = store_at(tmp_path, "backup/")
    place = Place(store, BackupLayout(f"{tmp_path}/backup" if kind == "disk" else "backup", "nightly_01"))
    held = acquire(store, place.lock_key, "mine", wait=0, meanwhile=lambda: None)
    assert isinstance(held, BackupLock)
    with held as lock:
        for version in ("v2.3.1", "v2.3.5"):
            found = find_complete(place)
            Commit(place, lock).write(
                replace(example, server_version=version),
                [],
                request={},
                created=1,
                tool_version="0",
                skipped={},
                previous=found.manifest if found else None,
            )
    assert require_complete(place).meta.server_version == "v2.3.5"
    assert not store.has_objects(place.layout.control + "manifest-next.json")
