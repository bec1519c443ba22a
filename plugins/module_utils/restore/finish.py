# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a filled staging collection to a published one: indexes, load, exact count, rename."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from ..backup.manifest import IndexMeta
from ..errors import MilvusOpsError
from ..milvus import catalog, ddl, rows
from ..milvus.catalog import CollectionName
from ..milvus.schema import pairs_to_dict, stored_fields
from ..milvus.server import Server
from .plan import CollectionRestore
from .staging import POLL_SECONDS, TTL_PROPERTY, Imported, StallClock

AS_BACKUP, AUTO, ALWAYS, NEVER, NONE = "as_backup", "auto", "always", "never", "none"
INDEX_MODES = (AS_BACKUP, AUTO, NONE)
LOAD_MODES = (AS_BACKUP, ALWAYS, NEVER)
COUNT, IMPORT = "count", "import"
ROW_CHECKS = (NONE, IMPORT, COUNT)
FIRST_VECTOR_TYPE = 100
STAGING_KEPT = "the target is untouched; the staging collection is kept for the next run"


@dataclass(frozen=True)
class Counted:
    """Rows of the restored collection, and how they were counted: C(count), C(import) or C(none)."""

    rows: int
    method: str


def wanted_indexes(plan: CollectionRestore, mode: str) -> list[IndexMeta]:
    """The indexes to build; C(auto) lets the server choose those of vectors."""
    if mode == NONE:
        return []
    vectors = {
        str(field["name"]) for field in stored_fields(plan.source.schema) if field["data_type"] >= FIRST_VECTOR_TYPE
    }
    return [
        IndexMeta(index.field_name, index.name, "AUTOINDEX", _auto_params(index.params), index.index_id)
        if mode == AUTO and index.field_name in vectors
        else index
        for index in plan.source.indexes
    ]


def build_indexes(server: Server, plan: CollectionRestore, mode: str, *, stall_timeout: float) -> None:
    """Build after the import, where a failed import wastes no build; wait for every one."""
    existing = {(index.field_name, index.name) for index in catalog.list_indexes(server, plan.staging)}
    for index in wanted_indexes(plan, mode):
        if (index.field_name, index.name) not in existing:
            ddl.create_index(server, plan.staging, index.field_name, index.name, index.params)
    clock = StallClock(stall_timeout)
    while True:
        indexes = catalog.list_indexes(server, plan.staging)
        failed = next((index for index in indexes if index.state == "Failed"), None)
        if failed is not None:
            raise _index_error(plan, failed.name, f"the build failed: {failed.fail_reason}", "internal")
        building = [index for index in indexes if index.state != "Finished"]
        if not building:
            return
        if clock.stalled([(index.name, index.indexed_rows, index.state) for index in indexes]):
            raise _index_error(
                plan, building[0].name, f"the build did not move for {stall_timeout:g} seconds", "timeout"
            )
        time.sleep(POLL_SECONDS)


def load_and_count(
    server: Server, plan: CollectionRestore, imported: Imported, *, load: str, check: str, stall_timeout: float
) -> Counted:
    """Load as asked, count exactly where that is asked and possible, and release what was loaded for it only.

    A collection without an index on its vectors cannot be loaded, so its rows are those the import reported.
    """
    stay_loaded = load == ALWAYS or (load == AS_BACKUP and plan.source.load_state == "Loaded")
    loadable = _is_loadable(server, plan)
    if stay_loaded and not loadable:
        raise MilvusOpsError(
            "usage",
            "loading",
            str(plan.target),
            "a collection without an index on every vector field cannot be loaded",
            state_left=STAGING_KEPT,
            next_step="restore with index: as_backup or auto, or with load: never",
        )
    count_it = check == COUNT and loadable
    if stay_loaded or count_it:
        _load(server, plan.staging, stall_timeout)
    counted = Counted(imported.rows, NONE if check == NONE else IMPORT)
    if count_it:
        counted = Counted(rows.count(server, plan.staging), COUNT)
        _require_count(plan, imported, counted)
    if count_it and not stay_loaded:
        ddl.release(server, plan.staging)
    return counted


def publish(server: Server, plan: CollectionRestore, imported: Imported) -> None:
    """Give the staging collection its name. The server refuses a name that is taken, so nothing is overwritten."""
    ttl = pairs_to_dict(plan.source.properties).get(TTL_PROPERTY)
    if ttl is not None:
        ddl.alter_properties(server, plan.staging, {TTL_PROPERTY: ttl})
    try:
        ddl.rename(server, plan.staging, plan.target.name)
    except MilvusOpsError as error:
        if not _is_published(server, plan, imported):
            raise error.with_context(operation="publishing", where=str(plan.target), state_left=STAGING_KEPT) from error
    if not _is_published(server, plan, imported):
        raise MilvusOpsError(
            "ambiguous_import",
            "publishing",
            str(plan.target),
            "the server accepted the rename, but the target is another collection",
            state_left="unknown: look at the target and at " + str(plan.staging),
            next_step="see the log of the server",
        )


def _is_published(server: Server, plan: CollectionRestore, imported: Imported) -> bool:
    found = catalog.find_collection(server, plan.target)
    return found is not None and found.collection_id == imported.collection_id


def _is_loadable(server: Server, plan: CollectionRestore) -> bool:
    indexed = {index.field_name for index in catalog.list_indexes(server, plan.staging)}
    vectors = {
        str(field["name"]) for field in stored_fields(plan.source.schema) if field["data_type"] >= FIRST_VECTOR_TYPE
    }
    return vectors <= indexed


def _load(server: Server, name: CollectionName, stall_timeout: float) -> None:
    ddl.load(server, name)
    clock = StallClock(stall_timeout)
    while (state := catalog.load_state(server, name)) != "Loaded":
        if clock.stalled(state):
            raise MilvusOpsError(
                "timeout",
                "loading",
                str(name),
                f"the collection was not loaded within {stall_timeout:g} seconds",
                state_left=STAGING_KEPT,
                next_step="see the memory of the server's query nodes, then run the task again",
            )
        time.sleep(POLL_SECONDS)


def _require_count(plan: CollectionRestore, imported: Imported, counted: Counted) -> None:
    if counted.rows == imported.rows:
        return
    raise MilvusOpsError(
        "verify_failed",
        "counting the rows",
        str(plan.staging),
        f"count(*) is {counted.rows}, the import jobs reported {imported.rows}",
        state_left=STAGING_KEPT,
        next_step="see the log of the server, drop the staging collection, then run the task again",
    )


def _index_error(plan: CollectionRestore, index: str, cause: str, kind: str) -> MilvusOpsError:
    return MilvusOpsError(
        kind,
        "building an index",
        f"{plan.staging}, index {index}",
        cause,
        state_left=STAGING_KEPT,
        next_step="see the log of the server; index: none restores without indexes",
    )


def _auto_params(params: Mapping[str, str]) -> dict[str, str]:
    metric = {"metric_type": params["metric_type"]} if "metric_type" in params else {}
    return {"index_type": "AUTOINDEX", **metric}
