# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a restore: one at a time from a backup into an instance."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..backup.inventory import CompleteBackup, Place, require_complete
from ..backup.lock import BackupLock, acquire, live_holder, release_dead
from ..errors import MilvusOpsError
from .staging import Destination


@contextmanager
def restore_lock(
    destination: Destination, place: Place, backup: CompleteBackup, wait: float, warnings: list[str]
) -> Iterator[Callable[[], None]]:
    """One restore at a time from this backup into this instance; it also keeps the backup from being removed.

    Raises C(source_changed) where another backup has its name by now, which nobody has verified.
    Yields what raises once the lock is lost. With rights to read the backup only, the restore goes on without a lock,
    and says so.
    """
    key = _lock_key(destination, place)
    try:
        held = acquire(place.store, key, str(uuid.uuid4()), wait=wait, meanwhile=lambda: None)
    except MilvusOpsError as error:
        if error.kind != "permission":
            raise
        warnings.append("the backup is read-only for this run, so nothing keeps it from being removed meanwhile")
        yield lambda: None
        return
    if isinstance(held, BackupLock):
        with held:
            _require_not_being_removed(place)
            _require_still_there(place, backup)
            yield held.require


def release_dead_restore(destination: Destination, place: Place) -> None:
    """Remove the lock of a restore that was killed when all but that was done: the run after it finds nothing to do."""
    release_dead(place.store, _lock_key(destination, place))


def _lock_key(destination: Destination, place: Place) -> str:
    instance = f"{destination.store.label}/{destination.layout.root_path}"
    digest = hashlib.sha256(instance.encode()).hexdigest()[:16]
    return f"{place.layout.control}restores/{digest}.json"


def _require_not_being_removed(place: Place) -> None:
    """A removal looks for restores after it has taken its lock, a restore for removals: one of the two always sees."""
    holder = live_holder(place.store, place.lock_key)
    if holder is not None:
        raise MilvusOpsError(
            "lock_held",
            "restoring",
            place.label,
            f"{holder} works on this backup",
            next_step="wait for that run; it may be removing the backup",
        )


def _require_still_there(place: Place, backup: CompleteBackup) -> None:
    """One that has grown meanwhile holds what it held."""
    if require_complete(place).meta.backup_id != backup.meta.backup_id:
        raise MilvusOpsError(
            "source_changed",
            "restoring",
            place.label,
            "it was removed since it was verified, and another backup has its name now",
            next_step="run the task again: it verifies and restores the one that is there now",
        )
