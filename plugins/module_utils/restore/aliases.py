# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aliases of restored collections: those that are free are set, one that leads elsewhere is never taken away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import MilvusOpsError
from ..milvus import catalog, ddl
from ..milvus.catalog import Collection
from ..milvus.collection_name import CollectionName
from ..milvus.server import Server


@dataclass(frozen=True)
class WantedAliases:
    """Names to let lead to a target, and those that cannot, in words. One that the target has already is in neither."""

    free: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()


def wanted_aliases(
    server: Server, target: CollectionName, aliases: Iterable[str], existing: Collection | None
) -> WantedAliases:
    """Look each alias up; what leads to C(existing), which the target replaces or is, comes along by itself."""
    free, taken = [], []
    for alias in sorted(aliases):
        owner = catalog.find_collection(server, CollectionName(target.database, alias))
        if owner is None:
            free.append(alias)
        elif owner.name.name == alias:
            taken.append(f"alias {alias} of {target}: a collection has this name")
        elif existing is None or owner.collection_id != existing.collection_id:
            taken.append(f"alias {alias} of {target}: it leads to {owner.name}")
    return WantedAliases(tuple(free), tuple(taken))


def set_aliases(server: Server, target: CollectionName, aliases: Iterable[str]) -> list[str]:
    """Set them. Returns those, in words, that another collection got in the meantime."""
    lost = []
    for alias in aliases:
        try:
            set_alias(server, target, alias)
        except MilvusOpsError as error:
            owner = catalog.find_collection(server, CollectionName(target.database, alias))
            if owner is None:
                raise error.with_context(
                    operation="setting an alias",
                    where=f"{alias} of {target}",
                    state_left="the collection is restored and has its name; the alias is missing",
                    next_step="run the task again: it sets the aliases that are missing",
                ) from error
            lost.append(f"alias {alias} of {target}: it leads to {owner.name}")
    return lost


def set_alias(server: Server, target: CollectionName, alias: str) -> None:
    """Create an alias. One of a collection that was dropped is in the way of that, and leads nowhere: it is moved."""
    try:
        ddl.create_alias(server, target, alias)
    except MilvusOpsError:
        if catalog.find_collection(server, CollectionName(target.database, alias)) is not None:
            raise
        ddl.move_alias(server, target, alias)
