# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving a collection another name, also on servers that do it later than they answer, or that never answer."""

from __future__ import annotations

from ..errors import MilvusOpsError, leaving
from ..milvus import catalog, ddl
from ..milvus.catalog import Collection
from ..milvus.collection_name import CollectionName
from ..milvus.features import DURABLE_RENAME, has
from ..milvus.server import Server
from .waiting import Patience

LATE_SECONDS, SOON_SECONDS = 60.0, 5.0
"""How long a rename may be under way that nobody answered: where servers queue it, and where they do it at once."""

UNHEARD_KINDS = frozenset({"timeout", "unreachable"})
MAY_STILL_COME = "the server may still rename it; it is complete under either name, and the next run goes on from there"


def rename(server: Server, patience: Patience, old: CollectionName, collection_id: int, new_name: str) -> None:
    """Rename a collection, and wait until it is the one of the new name.

    What counts is its number there, not the answer: that may be lost, and a rename that is asked for again is refused.
    """
    new = CollectionName(old.database, new_name)

    def is_there(found: Collection | None) -> bool:
        return found is not None and found.name == new and found.collection_id == collection_id

    failed: MilvusOpsError | None = None
    try:
        ddl.rename(server, old, new_name)
    except MilvusOpsError as error:
        failed = error
        if error.kind not in UNHEARD_KINDS:
            if is_there(catalog.find_collection(server, new)):
                return
            raise
    seconds = LATE_SECONDS if has(server.version, DURABLE_RENAME) else SOON_SECONDS
    with leaving(MAY_STILL_COME):
        found = patience.settle(lambda: catalog.find_collection(server, new), is_there, seconds)
    if is_there(found):
        return
    if failed is not None:
        raise failed.with_context(operation=f"renaming {old}", where=str(new), state_left=MAY_STILL_COME) from failed
    other = "another collection has that name" if found is not None else "no collection has that name"
    raise MilvusOpsError(
        "ambiguous_import",
        f"renaming {old}",
        str(new),
        f"the server accepted it, but {other}",
        state_left=f"unknown: look at {new} and at {old}",
        next_step="see the log of the server",
    )
