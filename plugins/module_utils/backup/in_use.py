# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a backup is being used right now: by restores, each of which holds a lock of its own in the backup."""

from __future__ import annotations

from ..errors import MilvusOpsError
from .inventory import Place
from .lock import live_holder

RESTORES = "restores/"


def restores_in_progress(place: Place) -> tuple[str, ...]:
    """Who restores from this backup, in words; locks of dead restores do not count. Writes nothing."""
    listed = place.store.list_objects(place.layout.control + RESTORES)
    holders = (live_holder(place.store, item.key) for item in listed)
    return tuple(holder for holder in holders if holder is not None)


def require_no_restore(place: Place) -> None:
    """Raise C(lock_held) while a restore reads this backup."""
    restores = restores_in_progress(place)
    if restores:
        raise MilvusOpsError(
            "lock_held",
            "removing the backup",
            place.label,
            f"it is being restored from by {', '.join(restores)}",
            next_step="wait until that restore has ended",
        )
