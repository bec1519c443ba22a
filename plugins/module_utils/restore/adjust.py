# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target that this backup made: its indexes, load state and aliases follow what is asked now.

Its data is left alone, and only what a restore made is undone: an index that somebody tuned since stays, and so does
a load that nobody asked to end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..backup.manifest import CollectionMeta, IndexMeta
from ..milvus import catalog, ddl
from ..milvus.catalog import Index
from ..milvus.collection_name import CollectionName
from ..milvus.server import Server
from .aliases import WantedAliases
from .indexes import build_indexes, is_same, vector_fields, wanted_indexes
from .loading import NOT_LOADED, load, not_loadable, stays_loaded
from .request import AS_BACKUP, AUTO, NEVER, RestoreRequest
from .waiting import Patience

LOAD, RELEASE = "load", "release"
TARGET_AS_IT_WAS = "the target and its data are as they were, but for what was adjusted before"


@dataclass(frozen=True)
class Adjustment:
    """What has to change at a target; C(load) is C(load), C(release) or empty, C(kept) are differences left alone."""

    missing: tuple[IndexMeta, ...] = ()
    rebuilt: tuple[IndexMeta, ...] = ()
    load: str = ""
    aliases: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(self.missing or self.rebuilt or self.load or self.aliases)

    def describe(self) -> Iterator[str]:
        """What will be done, in words."""
        yield from (f"index {index.name} ({index.index_type}) built" for index in self.missing)
        yield from (f"index {index.name} built again as {index.index_type}" for index in self.rebuilt)
        if self.load:
            yield {LOAD: "loaded", RELEASE: "released"}[self.load]
        yield from (f"alias {alias} set" for alias in self.aliases)


def plan_adjustment(
    server: Server, collection: CollectionMeta, name: CollectionName, request: RestoreRequest, aliases: WantedAliases
) -> Adjustment:
    """Compare a target with what is asked. Raises C(usage) where it is to be loaded without indexes."""
    found = {(index.field_name, index.name): index for index in catalog.list_indexes(server, name)}
    missing, rebuilt, kept = [], [], []
    for index in wanted_indexes(collection, request.index):
        have = found.get((index.field_name, index.name))
        if have is None:
            missing.append(index)
        elif not is_same(have, index):
            if _is_of_a_restore(have, collection):
                rebuilt.append(index)
            else:
                kept.append(f"index {index.name} of {name} was changed since the restore and is left as it is")
    covered = {field for field, _name in found} | {index.field_name for index in missing}
    state = catalog.load_state(server, name)
    wants_load = stays_loaded(collection, request.load) and state == NOT_LOADED
    if wants_load and not vector_fields(collection) <= covered:
        raise not_loadable(name, "nothing was written")
    change = LOAD if wants_load else RELEASE if request.load == NEVER and state != NOT_LOADED else ""
    return Adjustment(tuple(missing), tuple(rebuilt), change, aliases.free, tuple(kept))


def adjust(
    server: Server, name: CollectionName, collection: CollectionMeta, adjustment: Adjustment, patience: Patience
) -> tuple[str, ...]:
    """Carry it out. Only a released collection lets go of an index, so it does not answer while one is built again.

    Returns, in words, what could not be carried out.
    """
    was_loaded = catalog.load_state(server, name) != NOT_LOADED
    if adjustment.load == RELEASE or (adjustment.rebuilt and was_loaded):
        ddl.release(server, name)
    for index in adjustment.rebuilt:
        ddl.drop_index(server, name, index.field_name, index.name)
    if adjustment.missing or adjustment.rebuilt:
        build_indexes(server, name, [*adjustment.missing, *adjustment.rebuilt], patience, TARGET_AS_IT_WAS)
    if adjustment.load == LOAD or (adjustment.rebuilt and was_loaded and adjustment.load != RELEASE):
        return load(server, name, collection, patience, TARGET_AS_IT_WAS)
    return ()


def _is_of_a_restore(have: Index, collection: CollectionMeta) -> bool:
    """Whether an index is what a restore with another C(index) would have built."""
    ours = [index for mode in (AS_BACKUP, AUTO) for index in wanted_indexes(collection, mode)]
    return any(
        (have.field_name, have.name) == (index.field_name, index.name) and is_same(have, index) for index in ours
    )
