# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading a restored collection, and counting its rows exactly."""

from __future__ import annotations

from dataclasses import dataclass

from ..backup.manifest import CollectionMeta
from ..errors import MilvusOpsError
from ..milvus import catalog, ddl, rows
from ..milvus.collection_name import CollectionName
from ..milvus.server import Server
from .imported import Imported
from .indexes import is_loadable
from .request import ALWAYS, AS_BACKUP, COUNT, IMPORT, NONE, RestoreRequest
from .waiting import Patience

NOT_LOADED = "NotLoad"


@dataclass(frozen=True)
class Counted:
    """Rows of the restored collection, and how they were counted: C(count), C(import) or C(none).

    Of a snapshot only a count tells how many there are.

    C(not_carried) says, in words, what of the load could not be as it was.
    """

    rows: int | None
    method: str
    not_carried: tuple[str, ...] = ()


def stays_loaded(collection: CollectionMeta, load: str) -> bool:
    """A collection that was being loaded when it was backed up counts as loaded."""
    return load == ALWAYS or (load == AS_BACKUP and collection.load_state not in ("", NOT_LOADED))


def load_and_count(
    server: Server,
    name: CollectionName,
    collection: CollectionMeta,
    imported: Imported,
    request: RestoreRequest,
    patience: Patience,
    state_left: str,
) -> Counted:
    """Load as asked, count exactly where that is asked and possible, and release what was loaded for it only.

    A collection without an index on its vectors cannot be loaded, so its rows are those the import reported.
    """
    stay_loaded = stays_loaded(collection, request.load)
    loadable = is_loadable(server, name, collection)
    if stay_loaded and not loadable:
        raise not_loadable(name, state_left)
    count_it = request.verify_rows == COUNT and loadable
    lost: tuple[str, ...] = ()
    if stay_loaded:
        lost = load(server, name, collection, patience, state_left)
    elif count_it:
        _load(server, name, 1, patience, state_left)
    if not count_it:
        unsaid = request.verify_rows == NONE or imported.rows is None  # of a snapshot only a count tells
        return Counted(imported.rows, NONE if unsaid else IMPORT, lost)
    number = rows.count(server, name)
    counted = Counted(number, COUNT, lost)
    if imported.rows is not None and (number > imported.rows or (imported.exact and number < imported.rows)):
        raise MilvusOpsError(
            "verify_failed",
            "counting the rows",
            str(name),
            f"count(*) is {number}, the import jobs reported {imported.rows}",
            state_left=state_left,
            next_step="see the log of the server, drop the staging collection, then run the task again",
        )
    if not stay_loaded:
        ddl.release(server, name)
    return counted


def load(
    server: Server, name: CollectionName, collection: CollectionMeta, patience: Patience, state_left: str
) -> tuple[str, ...]:
    """Load with as many replicas as the backup names, or with one where the server has too few query nodes for them."""
    try:
        _load(server, name, collection.replicas, patience, state_left)
    except MilvusOpsError as error:
        if error.kind != "quota" or collection.replicas == 1:
            raise
        _load(server, name, 1, patience, state_left)
        return (f"{collection.replicas} replicas of {collection.qualified_name}: {error.failure.cause}",)
    return ()


def _load(server: Server, name: CollectionName, replicas: int, patience: Patience, state_left: str) -> None:
    try:
        ddl.load(server, name, replicas)
    except MilvusOpsError as error:
        raise error.with_context(operation="loading", where=str(name), state_left=state_left) from error

    def stalled(state: str) -> MilvusOpsError:
        return MilvusOpsError(
            "timeout",
            "loading",
            str(name),
            f"the collection was not loaded within {patience.stall_seconds:g} seconds",
            state_left=state_left,
            next_step="see the memory of the server's query nodes, then run the task again",
        )

    patience.until(lambda: catalog.load_state(server, name), lambda state: state == "Loaded", stalled)


def not_loadable(name: CollectionName, state_left: str) -> MilvusOpsError:
    return MilvusOpsError(
        "usage",
        "loading",
        str(name),
        "a collection without an index on every vector field cannot be loaded",
        state_left=state_left,
        next_step="restore with index: as_backup or auto, or with load: never",
    )
