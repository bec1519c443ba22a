# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server holds: databases, collections, partitions, indexes, load state. Nothing here changes the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError
from . import sdk
from .collection_name import CollectionName
from .schema import pairs_to_dict, pairs_to_json, schema_to_json
from .selection import ANY, Pattern, matching
from .server import Server

NO_INDEX = ("(code 700)", "index not found", "index doesn't exist")
LOAD_STATES = {"LoadStateNotLoad": "NotLoad", "LoadStateLoading": "Loading", "LoadStateLoaded": "Loaded"}


@dataclass(frozen=True)
class Collection:
    """One collection as described by the server. C(created) is a hybrid timestamp; C(schema) as in a backup."""

    name: CollectionName
    collection_id: int
    database_id: int
    schema: Mapping[str, Any]
    shards: int
    consistency_level: int
    properties: tuple[Mapping[str, str], ...]
    aliases: tuple[str, ...]
    virtual_channels: tuple[str, ...]
    physical_channels: tuple[str, ...]
    created: int

    @property
    def property_values(self) -> dict[str, str]:
        return pairs_to_dict(self.properties)


@dataclass(frozen=True)
class Partition:
    partition_id: int
    name: str


@dataclass(frozen=True)
class Index:
    """One index; C(params) holds index_type, metric_type and the build parameters as the server reports them."""

    field_name: str
    name: str
    index_id: int
    params: Mapping[str, str]
    indexed_rows: int
    total_rows: int
    state: str
    fail_reason: str

    @property
    def index_type(self) -> str:
        return self.params.get("index_type", "")


def list_databases(server: Server) -> list[str]:
    return sorted(server.call("ListDatabases", sdk.milvus_pb2.ListDatabasesRequest()).db_names)


def list_collections(server: Server, database: str) -> list[CollectionName]:
    request = sdk.milvus_pb2.ShowCollectionsRequest()
    names = server.call("ShowCollections", request, database=database).collection_names
    return sorted(CollectionName(database, name) for name in names)


def select_on_server(
    server: Server, patterns: Sequence[Pattern], exclude: Sequence[Pattern] = ()
) -> list[CollectionName]:
    """The selected collections of a live server; asks only the databases that the selection needs."""
    databases = list_databases(server)
    wanted = {pattern.database for pattern in patterns}
    names: list[CollectionName] = []
    for database in databases:
        if ANY in wanted or database in wanted:
            names.extend(list_collections(server, database))
    return matching(names, patterns, exclude)


def find_collection(server: Server, name: CollectionName) -> Collection | None:
    """The collection, or None where no collection (and no alias) has this name."""
    try:
        return describe_collection(server, name)
    except MilvusOpsError as error:
        if error.kind == "not_found":
            return None
        raise


def describe_collection(server: Server, name: CollectionName) -> Collection:
    """Raises not_found when there is no such collection. An alias answers with the collection behind it."""
    request = sdk.milvus_pb2.DescribeCollectionRequest(collection_name=name.name)
    answer = server.call("DescribeCollection", request, database=name.database)
    return Collection(
        name=CollectionName(name.database, answer.schema.name or name.name),
        collection_id=answer.collectionID,
        database_id=answer.db_id,
        schema=schema_to_json(answer.schema),
        shards=answer.shards_num,
        consistency_level=int(answer.consistency_level),
        properties=tuple(pairs_to_json(answer.properties)),
        aliases=tuple(sorted(answer.aliases)),
        virtual_channels=tuple(answer.virtual_channel_names),
        physical_channels=tuple(answer.physical_channel_names),
        created=answer.created_timestamp,
    )


def list_partitions(server: Server, name: CollectionName) -> list[Partition]:
    request = sdk.milvus_pb2.ShowPartitionsRequest(collection_name=name.name)
    answer = server.call("ShowPartitions", request, database=name.database)
    pairs = zip(answer.partitionIDs, answer.partition_names, strict=True)
    return sorted((Partition(partition_id, partition) for partition_id, partition in pairs), key=lambda p: p.name)


def list_indexes(server: Server, name: CollectionName) -> list[Index]:
    """The indexes of a collection with their build progress, in order of field and index name."""
    request = sdk.milvus_pb2.DescribeIndexRequest(collection_name=name.name)
    try:
        answer = server.call("DescribeIndex", request, database=name.database)
    except MilvusOpsError as error:
        if any(words in error.failure.cause for words in NO_INDEX):
            return []
        raise
    indexes = [
        Index(
            field_name=found.field_name,
            name=found.index_name,
            index_id=found.indexID,
            params={pair.key: pair.value for pair in found.params},
            indexed_rows=found.indexed_rows,
            total_rows=found.total_rows,
            state=sdk.common_pb2.IndexState.Name(found.state),
            fail_reason=found.index_state_fail_reason,
        )
        for found in answer.index_descriptions
    ]
    return sorted(indexes, key=lambda index: (index.field_name, index.name))


def load_state(server: Server, name: CollectionName) -> str:
    """C(NotLoad), C(Loading) or C(Loaded), the words of the backup format."""
    request = sdk.milvus_pb2.GetLoadStateRequest(collection_name=name.name)
    answer = server.call("GetLoadState", request, database=name.database)
    return LOAD_STATES.get(sdk.common_pb2.LoadState.Name(answer.state), "NotLoad")


def replica_number(server: Server, name: CollectionName) -> int:
    """How often a loaded collection is held in memory; 1 where the server does not tell this user."""
    request = sdk.milvus_pb2.GetReplicasRequest(collection_name=name.name)
    try:
        return max(1, len(server.call("GetReplicas", request, database=name.database).replicas))
    except MilvusOpsError as error:
        if error.kind == "permission" or "replica not found" in error.failure.cause:
            return 1
        raise


def statistics_rows(server: Server, name: CollectionName) -> int:
    """Rows by the server's statistics: cheap, without growing rows, and deleted rows may still be counted."""
    request = sdk.milvus_pb2.GetCollectionStatisticsRequest(collection_name=name.name)
    answer = server.call("GetCollectionStatistics", request, database=name.database)
    return int(next((pair.value for pair in answer.stats if pair.key == "row_count"), 0))
