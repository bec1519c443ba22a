# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that change collections: create, drop, rename, properties, partitions, indexes, load, aliases."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

from pymilvus.grpc_gen import common_pb2, schema_pb2

from .cells import VECTORS, Types
from .model import Collection, Index, World
from .refusals import (
    ALIAS_MISSING,
    ALIAS_OF_COLLECTION,
    ALIAS_OF_OTHER,
    INDEX,
    OTHER,
    Refused,
    bad_parameter,
    no_database,
)

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
MOST_PARTITIONS, MOST_SHARDS, DEFAULT_PARTITIONS, FIRST_FIELD = 1024, 16, 16, 100
ISOLATION = "partitionkey.isolation"
RUNTIME_CHECK = "disable_func_runtime_check"
NEVER_GIVEN = ("replicate.id", "cipher.ezID", "cipher.key", "max_field_id", "preserve_field_ids")
OK = common_pb2.Status


def create_database(world: World, request: Any, _database: str) -> Any:
    if request.db_name in world.databases:
        raise Refused(OTHER, f"database already exist: {request.db_name}")
    _require_name(request.db_name)
    if request.properties and not world.profile.describes_databases:
        raise bad_parameter("this server keeps no properties of databases")
    _check_properties(world, {pair.key: pair.value for pair in request.properties})
    world.databases[request.db_name] = {pair.key: pair.value for pair in request.properties}
    return OK()


def drop_database(world: World, request: Any, _database: str) -> Any:
    name = world.database(request.db_name)
    if any(item.database == name for item in world.collections):
        raise Refused(OTHER, f"database:{name} not empty, must drop all collections before drop database")
    del world.databases[name]
    return OK()


def create_collection(world: World, request: Any, database: str) -> Any:
    world.require_open(database, "collectionDDL")
    _require_name(request.collection_name)
    schema = schema_pb2.CollectionSchema.FromString(request.schema)
    if schema.name != request.collection_name:
        raise bad_parameter(f"collection name matches schema name failed: {request.collection_name}, {schema.name}")
    properties = {pair.key: pair.value for pair in request.properties}
    _check_schema(world, schema, request)
    _check_properties(world, properties)
    _number_fields(schema)
    if (database, request.collection_name) in world.aliases:
        raise Refused(
            ALIAS_OF_COLLECTION, f"collection name [{request.collection_name}] conflicts with an existing alias"
        )
    existing = world.named(database, request.collection_name)
    if existing is not None:
        same = (existing.schema, existing.shards) == (schema, request.shards_num or 1)
        if not same:
            raise Refused(OTHER, f"create duplicate collection with different parameters, collection: {schema.name}")
        return OK()
    keyed = any(item.is_partition_key for item in schema.fields)
    count = (request.num_partitions or DEFAULT_PARTITIONS) if keyed else 1
    names = [f"_default_{place}" for place in range(count)] if keyed else ["_default"]
    world.collections.append(
        Collection(
            number=world.next_number(),
            database=database,
            name=request.collection_name,
            schema=schema,
            shards=request.shards_num or 1,
            consistency=request.consistency_level,
            properties=properties,
            created=world.moment(),
            partitions={name: world.next_number() for name in names},
            has_partition_key=keyed,
        )
    )
    return OK()


def _require_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise bad_parameter(f"Invalid collection name: {name}. the first character must be an underscore or letter")


def _check_schema(world: World, schema: Any, request: Any) -> None:
    fields = list(schema.fields)
    if sum(item.is_primary_key for item in fields) != 1:
        raise bad_parameter("primary key is not specified")
    if any(item.is_dynamic or item.name == "$meta" for item in fields):
        raise bad_parameter("can't add a dynamic field by name, set enable_dynamic_field")
    if any(item.name in ("RowID", "Timestamp") for item in fields) or len({item.name for item in fields}) != len(
        fields
    ):
        raise bad_parameter("duplicated or system field name")
    vectors = [item for item in fields if item.data_type in VECTORS]
    if not vectors and not schema.struct_array_fields:
        raise bad_parameter("schema does not contain vector field")
    if len(vectors) > world.profile.most_vector_fields:
        raise bad_parameter(f"maximum vector field's number should be limited to {world.profile.most_vector_fields}")
    if request.shards_num > MOST_SHARDS:
        raise bad_parameter(f"maximum shards's number should be limited to {MOST_SHARDS}")
    if request.num_partitions > MOST_PARTITIONS:
        raise bad_parameter(
            f"partition number ({request.num_partitions}) exceeds max configuration ({MOST_PARTITIONS})"
        )
    if request.num_partitions and not any(item.is_partition_key for item in fields):
        raise bad_parameter("num_partitions should only be specified with partition key field enabled")
    if any(item.data_type in (Types.Text,) for item in fields) and not world.profile.since((3, 0, 0)):
        raise bad_parameter("unknown data type Text")
    if any(item.nullable or item.HasField("default_value") for item in fields) and not world.profile.since((2, 5, 0)):
        raise bad_parameter("nullable fields and default values are not supported")
    if schema.functions and not world.profile.since((2, 5, 0)):
        raise bad_parameter("functions are not supported")


def _check_properties(world: World, properties: dict[str, str]) -> None:
    for name in NEVER_GIVEN:
        if name in properties:
            raise bad_parameter(f"property {name} is the server's own and cannot be given")
    if properties.get(RUNTIME_CHECK) and not world.profile.runtime_check_can_be_off:
        raise bad_parameter(f"this server does not know {RUNTIME_CHECK}")


def _number_fields(schema: Any) -> None:
    """The server counts for itself, whatever the request says; the hidden field comes before the arrays of structs."""
    if schema.enable_dynamic_field:
        schema.fields.add(name="$meta", data_type=Types.JSON, is_dynamic=True)
    numbers_left = itertools.count(FIRST_FIELD)
    for item in schema.fields:
        item.fieldID = next(numbers_left)
    for item in schema.struct_array_fields:
        item.fieldID = next(numbers_left)
        for part in item.fields:
            part.fieldID = next(numbers_left)
    numbers = {item.name: item.fieldID for item in schema.fields}
    for place, function in enumerate(schema.functions):
        function.id = FIRST_FIELD + place
        function.input_field_ids[:] = [numbers[name] for name in function.input_field_names]
        function.output_field_ids[:] = [numbers[name] for name in function.output_field_names]
        for item in schema.fields:
            item.is_function_output = item.is_function_output or item.name in function.output_field_names


def add_field(world: World, request: Any, database: str) -> Any:
    """It gets the next number; rows that are there already hold nothing in it, or its default."""
    collection = world.find(database, request.collection_name)
    if not world.profile.adds_fields:
        raise NotImplementedError
    added = schema_pb2.FieldSchema.FromString(request.schema)
    if any(item.name == added.name for item in collection.schema.fields):
        raise bad_parameter(f"field already exists, name: {added.name}")
    if added.is_primary_key or added.autoID or added.is_partition_key:
        raise bad_parameter(f"not support to add pk or partition key field, field name = {added.name}")
    if added.data_type in VECTORS and not world.profile.adds_vectors:
        raise bad_parameter(f"not support to add vector field, field name = {added.name}")
    if not added.nullable:
        raise bad_parameter(f"added field must be nullable, please check it, field name = {added.name}")
    added.fieldID = 1 + collection.last_field
    collection.schema.fields.append(added)
    return OK()


def drop_collection(world: World, request: Any, database: str) -> Any:
    """Dropping what is not there is no error."""
    world.require_open(database, "collectionDDL")
    collection = world.named(database, request.collection_name)
    if collection is None:
        if (database, request.collection_name) in world.aliases:
            raise Refused(OTHER, f"cannot drop the collection via alias = {request.collection_name}")
        return OK()
    aliases = world.aliases_of(collection)
    if aliases and world.profile.keeps_aliased:
        raise Refused(
            OTHER, f"unable to drop the collection [{collection.name}] because it has associated aliases {aliases}"
        )
    world.aliases = {key: held for key, held in world.aliases.items() if held is not collection}
    world.collections.remove(collection)
    if world.profile.grants_follow_names:
        world.rights.grants = {grant for grant in world.rights.grants if not _is_for(grant, database, collection.name)}
    return OK()


def _is_for(grant: Any, database: str, name: str) -> bool:
    return (grant.object_type, grant.object_name) == ("Collection", name) and grant.database == database


def rename_collection(world: World, request: Any, database: str) -> Any:
    """Both databases are wanted: a request without them moved collections on one server line."""
    if not request.db_name or not request.newDBName:
        raise bad_parameter("rename without db_name or newDBName leaves the database to chance")
    if request.newDBName not in world.databases:
        raise no_database(request.newDBName)
    if (database, request.oldName) in world.aliases:
        raise Refused(OTHER, f"unsupported use an alias to rename collection, alias:{request.oldName}")
    _require_name(request.newName)
    collection = world.find(database, request.oldName)
    world.require_open(database, "collectionDDL")
    taken = world.named(request.newDBName, request.newName) or world.aliases.get((request.newDBName, request.newName))
    if taken is not None:
        name = f"{request.newDBName}:{request.newName}"
        raise Refused(OTHER, f"duplicated new collection name {name} with other collection name or alias")
    if request.newDBName != database and world.aliases_of(collection):
        raise Refused(OTHER, "fail to rename db name, must drop all aliases of this collection before rename")
    world.rename(lambda: _give_name(world, collection, request.newDBName, request.newName))
    return OK()


def _give_name(world: World, collection: Collection, database: str, name: str) -> None:
    """Not where something has taken the name since."""
    if world.named(database, name) is not None:
        return
    if world.profile.grants_follow_names:
        world.rights.grants = {
            replace(grant, object_name=name, database=database)
            if _is_for(grant, collection.database, collection.name)
            else grant
            for grant in world.rights.grants
        }
    collection.renamed = collection.renamed or database == collection.database
    collection.name, collection.database = name, database
    collection.schema.name = name


def alter_collection(world: World, request: Any, database: str) -> Any:
    collection = world.find(database, request.collection_name)
    given = {pair.key: pair.value for pair in request.properties}
    if request.delete_keys and not world.profile.deletes_properties:
        raise bad_parameter("only support alter collection properties, but collection properties is empty")
    if bool(given) == bool(request.delete_keys):
        raise bad_parameter("cannot provide both DeleteKeys and ExtraParams, or none of them")
    _check_properties(world, {key: value for key, value in given.items() if key != RUNTIME_CHECK or value != "false"})
    isolated = collection.properties.get(ISOLATION, "").lower() == "true"
    has_index = any(item.params.get("metric_type") for item in collection.indexes.values())
    if world.profile.loses_isolation and isolated and has_index and given.get(ISOLATION, "").lower() != "true":
        raise Refused(OTHER, "can not alter partition key isolation mode if the collection already has a vector index")
    if collection.loaded and any("mmap" in key or key.startswith("warmup") for key in (*given, *request.delete_keys)):
        raise Refused(OTHER, "can not alter mmap properties if collection loaded")
    collection.properties.update(given)
    for key in request.delete_keys:
        collection.properties.pop(key, None)
    return OK()


def create_partition(world: World, request: Any, database: str) -> Any:
    world.require_open(database, "partitionDDL")
    collection = world.find(database, request.collection_name)
    if collection.has_partition_key:
        raise bad_parameter("disable create partition if partition key mode is used")
    _require_name(request.partition_name)
    if len(collection.partitions) >= MOST_PARTITIONS:
        raise bad_parameter(f"partition number ({MOST_PARTITIONS}) exceeds max configuration ({MOST_PARTITIONS})")
    collection.partitions.setdefault(request.partition_name, world.next_number())
    return OK()


def create_index(world: World, request: Any, database: str) -> Any:
    world.require_open(database, "index")
    collection = world.find(database, request.collection_name)
    known = indexable(collection.schema)
    if request.field_name not in known:
        raise bad_parameter(f"cannot create index on non-exist field: {request.field_name}")
    params = {pair.key: pair.value for pair in request.extra_params}
    kind = known[request.field_name].data_type
    is_vector = kind in VECTORS or kind == Types.ArrayOfVector
    if is_vector and not params.get("metric_type"):
        raise bad_parameter("metric type not set for vector index")
    if not params.get("index_type"):
        raise bad_parameter("IndexType not specified")
    if request.index_name and not NAME.fullmatch(request.index_name):
        raise bad_parameter(f"Invalid index name: {request.index_name}")
    if params.get("json_path") and kind != Types.JSON:
        raise bad_parameter(f"json path index is for fields of JSON, not for {request.field_name}")
    name = request.index_name or f"{request.field_name}{params.get('json_path', '')}"
    existing = collection.indexes.get(name)
    if existing is not None and (existing.field_name, existing.params) != (request.field_name, params):
        raise Refused(OTHER, "at most one distinct index is allowed per field")
    collection.indexes.setdefault(name, Index(name, world.next_number(), request.field_name, params))
    return OK()


def indexable(schema: Any) -> dict[str, Any]:
    """By the names that indexes are made for: a part of an array of structs with that of the array."""
    parts = {f"{item.name}[{part.name}]": part for item in schema.struct_array_fields for part in item.fields}
    return {**{item.name: item for item in schema.fields}, **parts}


def drop_index(world: World, request: Any, database: str) -> Any:
    world.require_open(database, "index")
    collection = world.find(database, request.collection_name)
    if collection.loaded and collection.indexes.get(request.index_name):
        raise Refused(OTHER, "index cannot be dropped, collection is loaded, please release it first")
    collection.indexes.pop(request.index_name, None)
    return OK()


def load_collection(world: World, request: Any, database: str) -> Any:
    collection = world.find(database, request.collection_name)
    if request.replica_number > 1:
        raise Refused(OTHER, "load collection failed: nodes not enough: replica number is more than query nodes")
    indexed = {index.field_name for index in collection.indexes.values()}
    vectors = {*VECTORS, Types.ArrayOfVector}
    fields = indexable(collection.schema)
    missing = [name for name, item in fields.items() if item.data_type in vectors and name not in indexed]
    if missing:
        raise Refused(
            INDEX, f"there is no vector index on field: {missing}, please create index firstly: index not found"
        )
    collection.loaded = True
    collection.unseen.clear()
    return OK()


def release_collection(world: World, request: Any, database: str) -> Any:
    world.find(database, request.collection_name).loaded = False
    return OK()


def create_alias(world: World, request: Any, database: str) -> Any:
    collection = world.find(database, request.collection_name)
    _require_name(request.alias)
    if world.named(database, request.alias):
        raise Refused(ALIAS_OF_COLLECTION, f"alias and collection name conflict[database={database}][{request.alias}]")
    held = world.aliases.get((database, request.alias))
    if held not in (None, collection):
        raise Refused(ALIAS_OF_OTHER, f"{request.alias} is alias to another collection: alias already exist")
    world.aliases[(database, request.alias)] = collection
    return OK()


def alter_alias(world: World, request: Any, database: str) -> Any:
    collection = world.find(database, request.collection_name)
    if (database, request.alias) not in world.aliases:
        raise Refused(ALIAS_MISSING, f"alias not found[database={database}][alias={request.alias}]")
    world.aliases[(database, request.alias)] = collection
    return OK()


def drop_alias(world: World, request: Any, database: str) -> Any:
    world.aliases.pop((database, request.alias), None)
    return OK()
