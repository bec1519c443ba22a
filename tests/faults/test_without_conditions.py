# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that do less than locks need, and tokens that run out (F23): what a run on them is told, or is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_s3 import IGNORED, NOT_MODIFIED, REFUSED, FakeS3, running
from made_backup import backup_of, make_backup

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.commit import Commit
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place, require_complete
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.lock import BackupLock, acquire
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.verify import verify_backup
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import StoredObject, WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3 import S3Store

LAYOUT = BackupLayout("backup", "nightly")


def place_on(port_options: object) -> Place:
    return Place(S3Store(instance_store(dict(port_options)), WriteScope((LAYOUT.directory,))), LAYOUT)  # type: ignore[call-overload]


def take(place: Place, run_id: str) -> BackupLock:
    lock = acquire(place.store, place.lock_key, run_id, wait=0, meanwhile=lambda: None)
    assert isinstance(lock, BackupLock)
    return lock


def test_a_service_that_refuses_conditions_is_told_at_once() -> None:
    fake = FakeS3(conditions=REFUSED)
    with running(fake) as storage:
        place = place_on(storage)
        with pytest.raises(MilvusOpsError) as caught:
            take(place, "mine")
    assert caught.value.kind == "version"
    assert "conditional writes" in caught.value.failure.next_step
    assert len(fake.asked) == 1, "it is not tried again"
    assert fake.objects == {}


def test_a_service_that_says_304_holds_the_lock_all_the_same() -> None:
    fake = FakeS3(conditions=NOT_MODIFIED)
    with running(fake) as storage:
        place = place_on(storage)
        with take(place, "first") as lock:
            assert lock.keeps_others_out()
            with pytest.raises(MilvusOpsError) as caught:
                take(place, "second")
    assert caught.value.kind == "lock_held"
    assert "run first holds it" in caught.value.failure.cause
    assert fake.objects == {}


def test_a_service_that_ignores_conditions_keeps_nobody_apart() -> None:
    """Each run can tell that it may not be alone. What two of them mix is called corrupt, and is never restored."""
    fake = FakeS3(conditions=IGNORED)
    with running(fake) as storage:
        place = place_on(storage)
        make_backup(place.store, LAYOUT.root_path, LAYOUT.name)
        del fake.objects[LAYOUT.commit]
        with take(place, "first") as first, take(place, "second") as second:
            assert not first.keeps_others_out()
            assert not second.keeps_others_out()
            listed = list(place.store.list_objects(LAYOUT.binlogs))
            commit(place, first, listed, 1000, lambda: commit(place, second, listed, 2000, lambda: None))
        with pytest.raises(MilvusOpsError) as caught:
            verify(place)
    assert caught.value.kind == "corrupt"


def verify(place: Place) -> None:
    found = require_complete(place)
    verify_backup(place.store, LAYOUT, found.meta, found.manifest, "etag")


class Watched(S3Store):
    """Does something before the first of the meta files is written, when the manifest is there."""

    before: Callable[[], None]

    def write(self, key: str, body: bytes, *, if_absent: bool = False, if_etag: str | None = None) -> str:
        if key == LAYOUT.meta("backup_meta.json"):
            self.before()
        return super().write(key, body, if_absent=if_absent, if_etag=if_etag)


def commit(
    place: Place, lock: BackupLock, listed: list[StoredObject], first_id: int, before: Callable[[], None]
) -> None:
    assert isinstance(place.store, S3Store)
    store = Watched(place.store.config, WriteScope((LAYOUT.directory,)))
    store.before = before
    meta = backup_of(first_id, LAYOUT.name, "films")
    Commit(Place(store, LAYOUT), lock).write(
        meta, listed, request={}, created=1, tool_version="0", skipped={}, previous=None
    )


@pytest.mark.parametrize("requests", [0, 1, 5, 9])
def test_a_token_that_runs_out_is_no_reason_to_try_again(requests: int) -> None:
    fake = FakeS3(valid_for=requests)
    with running(fake) as storage:
        place = place_on(storage)
        with pytest.raises(MilvusOpsError) as caught:
            make_backup(place.store, LAYOUT.root_path, LAYOUT.name)
    assert caught.value.kind == "credentials"
    assert "ExpiredToken" in caught.value.failure.cause
    assert len(fake.asked) == requests + 1


def test_what_the_service_does_not_know_is_refused_and_kept() -> None:
    """Of the fake service itself: a request that is new to it must not pass unnoticed."""
    fake = FakeS3()
    with running(fake) as storage:
        store = S3Store(instance_store(dict(storage)))
        with pytest.raises(MilvusOpsError) as caught:
            next(store._pages("x", fetch_owner="true"))
    assert caught.value.kind == "version"
    assert len(fake.unknown) == 1
