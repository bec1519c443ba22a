# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that change nothing: the server itself, its databases, and what each collection is."""

from __future__ import annotations

from typing import Any

from pymilvus.grpc_gen import common_pb2, milvus_pb2, schema_pb2

from .model import Collection, World
from .refusals import INDEX, OTHER, Refused

Pair = common_pb2.KeyValuePair


def get_version(world: World, _request: Any, _database: str) -> Any:
    return milvus_pb2.GetVersionResponse(version=world.profile.text)


def check_health(_world: World, _request: Any, _database: str) -> Any:
    return milvus_pb2.CheckHealthResponse(isHealthy=True)


def connect(world: World, _request: Any, _database: str) -> Any:
    info = common_pb2.ServerInfo(build_tags=world.profile.text, deploy_mode="DISTRIBUTED")
    return milvus_pb2.ConnectResponse(server_info=info, identifier=1)


def list_databases(world: World, _request: Any, _database: str) -> Any:
    return milvus_pb2.ListDatabasesResponse(db_names=list(world.databases))


def describe_database(world: World, request: Any, _database: str) -> Any:
    if not world.profile.describes_databases:
        raise NotImplementedError
    world.require_right("DescribeDatabase")
    name = world.database(request.db_name)
    number = 1 + list(world.databases).index(name)
    properties = [Pair(key=key, value=value) for key, value in world.databases[name].items()]
    return milvus_pb2.DescribeDatabaseResponse(db_name=name, dbID=number, properties=properties)


def show_collections(world: World, request: Any, database: str) -> Any:
    world.database(database)
    found = [item for item in world.collections if item.database == database]
    return milvus_pb2.ShowCollectionsResponse(
        collection_names=[item.name for item in found],
        collection_ids=[item.number for item in found],
        created_timestamps=[item.created for item in found],
    )


def has_collection(world: World, request: Any, database: str) -> Any:
    found = world.named(database, request.collection_name) or world.aliases.get((database, request.collection_name))
    return milvus_pb2.BoolResponse(value=found is not None)


def describe_collection(world: World, request: Any, database: str) -> Any:
    """By number, where no name is given."""
    collection = world.by_number(request.collectionID) if not request.collection_name else None
    collection = collection or world.find(database, request.collection_name)
    return milvus_pb2.DescribeCollectionResponse(
        schema=_shown(collection.schema),
        collectionID=collection.number,
        virtual_channel_names=collection.channels,
        physical_channel_names=collection.physical_channels,
        created_timestamp=collection.created,
        shards_num=collection.shards,
        aliases=world.aliases_of(collection),
        consistency_level=collection.consistency,
        collection_name=request.collection_name,
        properties=[Pair(key=key, value=value) for key, value in _with_own(world, collection).items()],
        db_name=collection.database,
        num_partitions=len(collection.partitions),
        db_id=1 + list(world.databases).index(collection.database),
    )


def _shown(schema: Any) -> Any:
    """Without the field that holds what is dynamic: it has binlogs, and nobody is told of it."""
    shown = schema_pb2.CollectionSchema()
    shown.CopyFrom(schema)
    del shown.fields[:]
    shown.fields.extend(item for item in schema.fields if not item.is_dynamic)
    return shown


def _with_own(world: World, collection: Collection) -> dict[str, str]:
    """Servers from 2.6 on add what nobody gave."""
    own = {"timezone": "UTC"} if world.profile.since((2, 6, 0)) else {}
    own |= {"max_field_id": str(collection.last_field)} if world.profile.since((3, 0, 0)) else {}
    return {**own, **collection.properties}


def describe_alias(world: World, request: Any, database: str) -> Any:
    collection = world.aliases.get((database, request.alias))
    if collection is None:
        raise Refused(1600, f"alias not found[database={database}][alias={request.alias}]")
    return milvus_pb2.DescribeAliasResponse(db_name=database, alias=request.alias, collection=collection.name)


def list_aliases(world: World, request: Any, database: str) -> Any:
    wanted = world.find(database, request.collection_name) if request.collection_name else None
    names = [
        name for (own, name), held in world.aliases.items() if own == database and (wanted is None or held is wanted)
    ]
    return milvus_pb2.ListAliasesResponse(db_name=database, collection_name=request.collection_name, aliases=names)


def show_partitions(world: World, request: Any, database: str) -> Any:
    partitions = world.find(database, request.collection_name).partitions
    return milvus_pb2.ShowPartitionsResponse(partition_names=partitions, partitionIDs=partitions.values())


def describe_index(world: World, request: Any, database: str) -> Any:
    collection = world.find(database, request.collection_name)
    found = [item for item in collection.indexes.values() if request.index_name in ("", item.name)]
    if not found:
        raise Refused(INDEX, f"index not found[collection={collection.name}]")
    rows = sum(len(segment.rows) for segment in collection.segments)
    return milvus_pb2.DescribeIndexResponse(
        index_descriptions=[
            milvus_pb2.IndexDescription(
                index_name=item.name,
                indexID=item.number,
                field_name=item.field_name,
                params=[Pair(key=key, value=value) for key, value in item.params.items()],
                indexed_rows=rows,
                total_rows=rows,
                state=common_pb2.IndexState.Finished,
            )
            for item in found
        ]
    )


def get_load_state(world: World, request: Any, database: str) -> Any:
    found = world.named(database, request.collection_name) or world.aliases.get((database, request.collection_name))
    name = "LoadStateNotExist" if found is None else "LoadStateLoaded" if found.loaded else "LoadStateNotLoad"
    return milvus_pb2.GetLoadStateResponse(state=common_pb2.LoadState.Value(name))


def get_loading_progress(world: World, request: Any, database: str) -> Any:
    loaded = world.find(database, request.collection_name).loaded
    if not loaded:
        raise Refused(101, "collection not loaded")
    return milvus_pb2.GetLoadingProgressResponse(progress=100, refresh_progress=100)


def get_replicas(world: World, request: Any, database: str) -> Any:
    collection = world.find(database, request.collection_name) if request.collection_name else None
    collection = collection or world.by_number(request.collectionID)
    if collection is None or not collection.loaded:
        raise Refused(OTHER, "replica not found")
    return milvus_pb2.GetReplicasResponse(replicas=[milvus_pb2.ReplicaInfo(replicaID=1)])


def get_statistics(world: World, request: Any, database: str) -> Any:
    """Deleted rows count until a compaction."""
    collection = world.find(database, request.collection_name)
    rows = sum(len(segment.rows) for segment in collection.segments if not segment.job)
    return milvus_pb2.GetCollectionStatisticsResponse(stats=[Pair(key="row_count", value=str(rows))])
