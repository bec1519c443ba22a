# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The indexes of a restored collection: which are wanted, and building them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..backup.manifest import CollectionMeta, IndexMeta
from ..errors import MilvusOpsError
from ..milvus import catalog, ddl
from ..milvus.catalog import Index
from ..milvus.collection_name import CollectionName
from ..milvus.schema import FIRST_VECTOR_TYPE, stored_fields
from ..milvus.server import Server
from ..progress import Step
from .request import AUTO, NONE
from .waiting import Patience

AUTO_INDEX = "AUTOINDEX"
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What a server takes. It gives other names itself, and again: to the index on a path of JSON without a name."""


def vector_fields(collection: CollectionMeta) -> set[str]:
    """By the names that indexes are made for: a part of an array of structs is C(array[part])."""
    fields = {str(field["name"]): field for field in stored_fields(collection.schema)}
    for struct in collection.schema.get("struct_array_fields") or []:
        fields.update({f"{struct['name']}[{part['name']}]": part for part in struct.get("fields") or []})
    return {name for name, field in fields.items() if field["data_type"] >= FIRST_VECTOR_TYPE}


def wanted_indexes(collection: CollectionMeta, mode: str) -> list[IndexMeta]:
    """The indexes to build; C(auto) lets the server choose those of vectors, but not of vectors in structs."""
    if mode == NONE:
        return []
    own_fields = {str(field["name"]) for field in stored_fields(collection.schema)}
    vectors = vector_fields(collection) & own_fields if mode == AUTO else set()
    return [
        IndexMeta(index.field_name, index.name, AUTO_INDEX, _auto_params(index.params), index.index_id)
        if index.field_name in vectors
        else index
        for index in collection.indexes
    ]


def is_same(have: Index, want: IndexMeta) -> bool:
    """Whether an index was built as wanted; the server may report more parameters than it was given."""
    return all(have.params.get(key) == value for key, value in want.params.items())


def build_indexes(
    server: Server,
    name: CollectionName,
    indexes: Sequence[IndexMeta],
    patience: Patience,
    state_left: str,
    step: Step | None = None,
) -> None:
    """Build what is missing, after the import, where a failed import wastes no build; wait for every one."""
    existing = {(index.field_name, index.name) for index in catalog.list_indexes(server, name)}
    for index in indexes:
        if (index.field_name, index.name) not in existing:
            _create(server, name, index, state_left)

    def read() -> list[Index]:
        found = catalog.list_indexes(server, name)
        failed = next((index for index in found if index.state == "Failed"), None)
        if failed is not None:
            cause = f"the build failed: {failed.fail_reason}"
            raise _index_error(name, failed.name, cause, "internal", state_left)
        if step is not None:
            step.reach(sum(index.indexed_rows for index in found))
        return found

    def stalled(found: list[Index]) -> MilvusOpsError:
        building = next(index.name for index in found if index.state != "Finished")
        cause = f"the build did not move for {patience.stall_seconds:g} seconds"
        return _index_error(name, building, cause, "timeout", state_left)

    patience.until(read, lambda found: all(index.state == "Finished" for index in found), stalled)


def _create(server: Server, name: CollectionName, index: IndexMeta, state_left: str) -> None:
    own_name = index.name if PLAIN_NAME.fullmatch(index.name) else ""
    try:
        ddl.create_index(server, name, index.field_name, own_name, index.params)
    except MilvusOpsError as error:
        raise error.with_context(
            operation="building an index", where=f"{name}, index {index.name}", state_left=state_left
        ) from error


def is_loadable(server: Server, name: CollectionName, collection: CollectionMeta) -> bool:
    """A collection can be loaded once every vector field has an index."""
    return vector_fields(collection) <= {index.field_name for index in catalog.list_indexes(server, name)}


def _index_error(name: CollectionName, index: str, cause: str, kind: str, state_left: str) -> MilvusOpsError:
    return MilvusOpsError(
        kind,
        "building an index",
        f"{name}, index {index}",
        cause,
        state_left=state_left,
        next_step="see the log of the server; index: none restores without indexes",
    )


def _auto_params(params: Mapping[str, str]) -> dict[str, str]:
    metric = {"metric_type": params["metric_type"]} if "metric_type" in params else {}
    return {"index_type": AUTO_INDEX, **metric}
