# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a backup: only keys that a listing of its own folder names, the commit first, the plan last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from ..errors import MilvusOpsError, leaving
from ..progress import OBJECTS, Progress, Step
from ..store.base import StoredObject
from .in_use import RESTORES, require_no_restore
from .inventory import Place
from .layout import META_FILES
from .lock import MAX_LOCK_BYTES, BackupLock, acquire

SHOWN_KEYS = 20
BATCH_KEYS = 1000
"""Keys that are removed between two looks at the lock."""
HALF_REMOVED = "the removal has begun: the backup may be incomplete, and cannot be restored then"


@dataclass(frozen=True)
class Removal:
    """What was, or would be, removed."""

    changed: bool
    objects: int
    bytes: int
    sample: tuple[str, ...]


def ensure_absent(
    place: Place,
    run_id: str,
    *,
    lock_timeout: float,
    force_foreign: bool,
    check_mode: bool,
    progress: Progress,
    still_wanted: Callable[[], None] = lambda: None,
) -> Removal:
    """Remove the backup, finished or not. Raises for one that another tool wrote, unless C(force_foreign).

    Raises too where something lies among its objects that no backup has: then the folder is not for backups alone.
    Raises C(lock_held) while a restore reads it. C(still_wanted) is called when the lock is held, and may raise.
    """
    with progress.phase("look", place.layout.name):
        removal, ours = _look(place)
    if not removal.objects:
        return removal
    if not ours and not force_foreign:
        raise _foreign(place)
    require_no_restore(place)
    place.store.read(place.lock_key, MAX_LOCK_BYTES)  # a key that may not read it could not give the lock back
    if check_mode:
        return removal
    held = acquire(place.store, place.lock_key, run_id, wait=lock_timeout, meanwhile=lambda: None)
    if isinstance(held, BackupLock):
        with held as lock:
            # A restore takes its own lock first and then looks for this one: one of the two sees the other.
            require_no_restore(place)
            still_wanted()
            label, objects = place.layout.name, removal.objects
            with progress.phase("remove", label, OBJECTS, objects) as step, leaving(HALF_REMOVED):
                _remove(place, lock, step)
    return removal


def _look(place: Place) -> tuple[Removal, bool]:
    """What lies there, and whether a plan, a manifest or a lock shows that this collection wrote it.

    Whatever else may be damaged. The locks of restores do not show it: backups of other tools are restored from too.
    """
    count = size = 0
    sample: list[str] = []
    ours = False
    control, restores = place.layout.control, place.layout.control + RESTORES
    for item in place.store.list_objects(place.layout.directory):
        if not place.layout.may_hold(item.key):
            raise _no_backup(place, item.key)
        if item.key == place.layout.directory:
            continue
        count, size = count + 1, size + item.size
        ours = ours or (item.key.startswith(control) and not item.key.startswith(restores))
        if count <= SHOWN_KEYS:
            sample.append(item.key)
    return Removal(count > 0, count, size, tuple(sample)), ours


def _remove(place: Place, lock: BackupLock, step: Step) -> None:
    """The plan goes when nothing else is left: by it the next run knows that what appeared meanwhile is ours."""
    for batch in _in_order(place):
        lock.require()
        step.advance(place.store.delete(batch))
    late = (item for item in _removable(place) if item.key != place.plan_key)
    first = next(late, None)
    if first is not None:
        raise MilvusOpsError(
            "incomplete",
            "removing the backup",
            place.label,
            f"{1 + sum(1 for _item in late)} objects appeared while it was being removed, {first.key} first",
            state_left="the backup cannot be restored any more; some of its objects are left",
            next_step="run the task again",
        )
    lock.require()
    place.store.delete([place.plan_key])


def _removable(place: Place) -> Iterator[StoredObject]:
    """Not the directory itself, which is an object where somebody made it in the console of a service: it is empty."""
    listed, stays = place.store.list_objects(place.layout.directory), (place.lock_key, place.layout.directory)
    return (item for item in listed if item.key not in stays and place.layout.may_hold(item.key))


def _in_order(place: Place) -> Iterator[list[str]]:
    """The commit, and by what milvus-backup knows a backup, so that nobody restores a half-removed one; then the rest
    but for the plan, so that a killed removal leaves a backup that is recognisably ours.

    Only the keys are kept in memory, and all of them: not every store can be listed while it is being emptied.
    """
    commits = (place.layout.commit, place.layout.meta(META_FILES[0]))
    keys = [item.key for item in _removable(place)]
    yield [key for key in keys if key in commits]
    rest = (key for key in keys if key not in commits and key != place.plan_key)
    while batch := list(islice(rest, BATCH_KEYS)):
        yield batch


def _no_backup(place: Place, key: str) -> MilvusOpsError:
    return MilvusOpsError(
        "name_in_use",
        "removing the backup",
        f"{place.store.label}/{key}",
        "this object is part of no backup, so what else lies in this folder may not be either",
        next_step="see that name, backup_bucket_name and backup_root_path are right, and move away what is no backup",
    )


def _foreign(place: Place) -> MilvusOpsError:
    return MilvusOpsError(
        "name_in_use",
        "removing the backup",
        place.label,
        "another tool wrote this backup",
        next_step="set force_foreign: true if it shall really be removed",
    )
