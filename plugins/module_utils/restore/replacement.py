# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing a collection: the old one answers until the new one is complete, and is dropped last.

The old collection is renamed away, the staging collection gets its name, the aliases follow, and after a pause the old
one is dropped. What was done so far can be read from the server alone, so that any later run ends it:

    target   retired   staging
    old      -         filled    not begun: the next restore builds on the staging collection
    -        old       filled    the new one gets the name; it was complete before the old one was renamed
    -        old       -         somebody dropped the staging collection: the old one gets its name back
    new      old       -         aliases are moved, grants are passed on, and the old one is dropped
    another  old                 somebody gave the name away in between: nothing is touched, it is for them to say
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..errors import MilvusOpsError
from ..milvus import catalog, ddl
from ..milvus.catalog import Collection
from ..milvus.collection_name import CollectionName
from ..milvus.server import Server
from ..naming import (
    BACKUP_PROPERTY,
    RETIRED_BY_PROPERTY,
    RETIRED_PROPERTY,
    is_retired,
    is_staging,
    retired_name,
    staging_name,
)
from .grants import pass_grants_on
from .renaming import rename
from .waiting import Patience

DRAIN_SECONDS = 10
"""Queries in flight answer no rows, and no error, when their collection is dropped (2.3.5 facts, C)."""


@dataclass(frozen=True)
class Standing:
    """What has, or will have once an interrupted replacement is ended, the name of a target.

    C(found_as) is the name that it has now.
    """

    existing: Collection | None = None
    interrupted: bool = False
    found_as: CollectionName | None = None


def look(server: Server, target: CollectionName) -> Standing:
    """What stands at a target. Raises C(target_exists) where the name for the replaced collection is a user's.

    Also where a replacement was interrupted, and something else than the new one has the name of the target.
    """
    found = catalog.find_collection(server, target)
    retired = find_retired(server, target)
    if retired is None:
        return Standing(found, False, found.name if found else None)
    if found is not None:
        _require_successor(found, target, retired)
        return Standing(found, True, found.name)
    successor = _successor(server, target, retired) or retired
    return Standing(replace(successor, name=target), True, successor.name)


def find_retired(server: Server, target: CollectionName) -> Collection | None:
    """The collection that an interrupted run was replacing under this name."""
    name = CollectionName(target.database, retired_name(target.name))
    found = catalog.find_collection(server, name)
    if found is None or is_retired(name.name, found.property_values):
        return found
    raise MilvusOpsError(
        "target_exists",
        "planning the restore",
        str(name),
        "a collection of this name exists that no restore has put there",
        next_step="rename or drop that collection",
    )


def retire(server: Server, patience: Patience, target: CollectionName, old: Collection, backup_id: str) -> None:
    """Rename the old collection away, marked; it must be the one that was there when the restore was planned."""
    current = catalog.find_collection(server, target)
    if current is None or current.collection_id != old.collection_id:
        raise MilvusOpsError(
            "target_exists",
            "replacing the target",
            str(target),
            "it is not the collection any more that was there when this run began",
            state_left="the target is untouched; the staging collection is kept for the next run",
            next_step="see who else changes this collection, then run the task again",
        )
    # The rename stores the properties: up to 2.3.5 a change of them alone is lost at a restart (server versions, B).
    markers = {RETIRED_PROPERTY: target.name, RETIRED_BY_PROPERTY: backup_id}
    ddl.alter_properties(server, target, markers, current.property_values)
    rename(server, patience, target, old.collection_id, retired_name(target.name))


def bring_back(server: Server, patience: Patience, target: CollectionName, old: Collection) -> None:
    """Give the old collection its name again, where nothing has it."""
    name = CollectionName(target.database, retired_name(target.name))
    rename(server, patience, name, old.collection_id, target.name)


def recover(server: Server, patience: Patience, target: CollectionName) -> Collection | None:
    """End a replacement that was interrupted, but for the drop: that of the old collection, which is returned."""
    retired = find_retired(server, target)
    if retired is None:
        return None
    found = catalog.find_collection(server, target)
    if found is not None:
        _require_successor(found, target, retired)
    else:
        successor = _successor(server, target, retired)
        if successor is None:
            bring_back(server, patience, target, retired)
            return None
        rename(server, patience, successor.name, successor.collection_id, target.name)
    hand_over(server, target, retired)
    return retired


def hand_over(server: Server, target: CollectionName, retired: Collection) -> None:
    """Give the new one what went away with the old one. May be repeated, and must be done before that is dropped."""
    pass_grants_on(server, retired.name, target)
    _move_aliases(server, target, retired)


def _move_aliases(server: Server, target: CollectionName, retired: Collection) -> None:
    """The aliases of the old collection lead to the new one from now on, each without a gap."""
    current = catalog.find_collection(server, retired.name)
    for alias in current.aliases if current else ():
        ddl.move_alias(server, target, alias)


class Retired:
    """The collections that a run has replaced: dropped together at its end, when the queries in flight have ended."""

    def __init__(self, server: Server, patience: Patience, guard: Callable[[], None]) -> None:
        self._server = server
        self._patience = patience
        self._guard = guard
        self._lock = threading.Lock()
        self._waiting: list[tuple[CollectionName, Collection]] = []
        self._drained_at = 0.0

    def add(self, target: CollectionName, old: Collection) -> None:
        """Note one; a collection that is not loaded has no queries in flight."""
        loaded = catalog.load_state(self._server, old.name) != "NotLoad"
        with self._lock:
            self._waiting.append((target, old))
            if loaded:
                self._drained_at = time.monotonic() + DRAIN_SECONDS

    def drop_all(self) -> None:
        self._patience.pause(max(0.0, self._drained_at - time.monotonic()))
        for target, old in self._waiting:
            self._guard()
            _drop(self._server, target, old)


def _drop(server: Server, target: CollectionName, old: Collection) -> None:
    """Drop the old collection, if it is that one still, and the target is the one that was built in its place."""
    current = catalog.find_collection(server, old.name)
    if current is None or current.collection_id != old.collection_id:
        return
    found = catalog.find_collection(server, target)
    if found is None:
        raise MilvusOpsError(
            "ambiguous_import",
            "dropping the replaced collection",
            str(old.name),
            f"{target} does not exist, so this is the only copy",
            state_left="the replaced collection is kept under this name",
            next_step="see who dropped the target, then run the task again: it gives the old one its name back",
        )
    _require_successor(found, target, old)
    ddl.drop_collection(server, old.name)


def _require_successor(found: Collection, target: CollectionName, retired: Collection) -> None:
    """Raises C(target_exists) unless it is the new one: an alias, or what an application made, may have the name."""
    made_by, wanted = found.property_values.get(BACKUP_PROPERTY), retired.property_values[RETIRED_BY_PROPERTY]
    if found.name == target and made_by == wanted:
        return
    other = "a collection that this replacement did not make" if found.name == target else f"an alias of {found.name}"
    raise MilvusOpsError(
        "target_exists",
        "ending an interrupted replacement",
        str(target),
        f"{other} has this name; the collection that was being replaced is {retired.name}",
        state_left=f"{retired.name} is kept, and so is {target}",
        next_step="see who gave the name away; rename or drop what has it, then run the task again: it ends the "
        "replacement",
    )


def _successor(server: Server, target: CollectionName, retired: Collection) -> Collection | None:
    """The staging collection that was to get the name; complete, for the old one is renamed only after that."""
    backup_id = retired.property_values[RETIRED_BY_PROPERTY]
    name = CollectionName(target.database, staging_name(target.name, backup_id))
    found = catalog.find_collection(server, name)
    return found if found is not None and is_staging(name.name, found.property_values) else None
