# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a backup: only keys that a listing of its own folder names, the commit first, the plan last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import MilvusOpsError
from ..store.base import StoredObject
from .in_use import RESTORES, require_no_restore
from .inventory import Place
from .layout import META_FILES
from .lock import BackupLock, acquire

SHOWN_KEYS = 20


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
    still_wanted: Callable[[], None] = lambda: None,
) -> Removal:
    """Remove the backup, finished or not. Raises for one that another tool wrote, unless C(force_foreign).

    Raises C(lock_held) while a restore reads it. C(still_wanted) is called when the lock is held, and may raise.
    """
    objects = list(place.store.list_objects(place.layout.directory))
    if not objects:
        return Removal(False, 0, 0, ())
    _refuse_foreign(place, objects, force_foreign)
    removal = Removal(
        True, len(objects), sum(item.size for item in objects), tuple(item.key for item in objects[:SHOWN_KEYS])
    )
    require_no_restore(place)
    if check_mode:
        return removal
    held = acquire(place.store, place.lock_key, run_id, wait=lock_timeout, meanwhile=lambda: None)
    if isinstance(held, BackupLock):
        with held as lock:
            # A restore takes its own lock first and then looks for this one: one of the two sees the other.
            require_no_restore(place)
            still_wanted()
            for batch in _in_order(place, _removable(place)):
                lock.require()
                place.store.delete(item.key for item in batch)
    left = _removable(place)
    if left:
        raise MilvusOpsError(
            "incomplete",
            "removing the backup",
            place.label,
            f"{len(left)} objects appeared while it was being removed, {left[0].key} first",
            state_left="the backup cannot be restored any more; some of its objects are left",
            next_step="run the task again",
        )
    return removal


def _removable(place: Place) -> list[StoredObject]:
    listed = place.store.list_objects(place.layout.directory)
    return [item for item in listed if item.key != place.lock_key]


def _in_order(place: Place, objects: list[StoredObject]) -> list[list[StoredObject]]:
    """The commit, and by what milvus-backup knows a backup, so that nobody restores a half-removed one; then the rest;
    the plan last, so that a killed removal leaves a backup that is recognisably ours."""
    first = [item for item in objects if item.key in (place.layout.commit, place.layout.meta(META_FILES[0]))]
    last = [item for item in objects if item.key == place.plan_key]
    rest = [item for item in objects if item not in first and item not in last]
    return [batch for batch in (first, rest, last) if batch]


def _refuse_foreign(place: Place, objects: list[StoredObject], force_foreign: bool) -> None:
    """A plan, a manifest or a lock shows that this collection wrote it, whatever else may be damaged.

    The locks of restores do not: backups of other tools are restored from too.
    """
    control, restores = place.layout.control, place.layout.control + RESTORES
    ours = any(item.key.startswith(control) and not item.key.startswith(restores) for item in objects)
    if ours or force_foreign:
        return
    raise MilvusOpsError(
        "name_in_use",
        "removing the backup",
        place.label,
        "another tool wrote this backup",
        next_step="set force_foreign: true if it shall really be removed",
    )
