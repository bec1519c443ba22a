# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls about rows: insert, delete, query, flush, and the segments that they are in."""

from __future__ import annotations

import struct
from typing import Any

from pymilvus.grpc_gen import common_pb2, milvus_pb2, schema_pb2

from . import storing
from .cells import ROW_ID, TIMESTAMP, Row, Types, filler, from_column, to_column, to_struct_column
from .expressions import parse
from .model import LOGICAL_BITS, Collection, World
from .refusals import NOT_LOADED, RATE_LIMIT, Refused, bad_parameter

COUNT = "count(*)"
MOST_ROWS = 16384
OUTPUT = struct.Struct("<If")
"""One entry of a sparse vector: what every function gives here, other for each row of a request."""

FIRST_CHANNEL = "by-dev-rootcoord-dml_0"
SEGMENT_STATES = {"Flushed", "Sealed", "Flushing"}


def insert(world: World, request: Any, database: str) -> Any:
    collection = _writable(world, request, database)
    rows = _rows_of(world, collection, request)
    _put(world, collection, request.partition_name, rows)
    return _mutated(collection, rows, insert_cnt=len(rows))


def upsert(world: World, request: Any, database: str) -> Any:
    collection = _writable(world, request, database)
    rows = _rows_of(world, collection, request)
    keys = [row[collection.key.fieldID] for row in rows]
    place = storing.partition_for_deletes(collection, request.partition_name)
    storing.delete(world, collection, place, keys, rows[0][TIMESTAMP])
    _put(world, collection, request.partition_name, rows)
    return _mutated(collection, rows, upsert_cnt=len(rows))


def delete(world: World, request: Any, database: str) -> Any:
    collection = _writable(world, request, database)
    key = collection.key
    matches = parse(request.expr, key.name, key.fieldID)
    place = storing.partition_for_deletes(collection, request.partition_name)
    keys = [row[key.fieldID] for row in collection.visible() if matches(row)]
    storing.delete(world, collection, place, keys, world.moment())
    return milvus_pb2.MutationResult(delete_cnt=len(keys), timestamp=world.moment())


def _writable(world: World, request: Any, database: str) -> Collection:
    world.require_open(database, "writing")
    return world.find(database, request.collection_name)


def _rows_of(world: World, collection: Collection, request: Any) -> list[Row]:
    """One row of cells for each row of a request, with the moment of all."""
    columns = {"$meta" if column.is_dynamic else column.field_name: column for column in request.fields_data}
    moment, cells = world.moment(), {}
    for item in collection.schema.fields:
        column = columns.pop(item.name, None)
        if column is not None:
            try:
                cells[item.fieldID] = from_column(item, column, request.num_rows)
            except ValueError as error:
                raise bad_parameter(str(error)) from error
        elif item.autoID:
            cells[item.fieldID] = _own_keys(world, item, request.num_rows)
        elif item.is_dynamic:
            cells[item.fieldID] = [b"{}"] * request.num_rows
        elif item.is_function_output:
            cells[item.fieldID] = [OUTPUT.pack(place, 1.0) for place in range(request.num_rows)]
        elif item.HasField("default_value"):
            cells[item.fieldID] = [filler(item)] * request.num_rows
        elif item.nullable:
            cells[item.fieldID] = [None] * request.num_rows
        else:
            raise bad_parameter(f"the field [{item.name}] is missing in the insert")
    for nested in collection.schema.struct_array_fields:
        parts = {part.field_name: part for part in columns.pop(nested.name).struct_arrays.fields}
        cells |= {item.fieldID: from_column(item, parts[item.name], request.num_rows) for item in nested.fields}
    if columns:
        raise bad_parameter(f"fields that the schema lacks: {sorted(columns)}")
    return [
        {ROW_ID: world.next_number(), TIMESTAMP: moment, **{number: values[place] for number, values in cells.items()}}
        for place in range(request.num_rows)
    ]


def _own_keys(world: World, field: Any, count: int) -> list[Any]:
    numbers = [world.next_number() for _place in range(count)]
    return numbers if field.data_type == Types.Int64 else [str(number) for number in numbers]


def _put(world: World, collection: Collection, partition: str, rows: list[Row]) -> None:
    keyed = next((item for item in collection.schema.fields if item.is_partition_key), None)
    if keyed is None:
        storing.insert(world, collection, collection.partition_id(partition or "_default"), rows)
        return
    if partition:
        raise bad_parameter("not support manually specifying the partition names if partition key mode is used")
    for row in rows:
        storing.insert(world, collection, storing.partition_of(collection, row[keyed.fieldID]), [row])


def _mutated(collection: Collection, rows: list[Row], **counts: int) -> Any:
    keys = [row[collection.key.fieldID] for row in rows]
    ids = schema_pb2.IDs()
    (ids.int_id if collection.key.data_type == Types.Int64 else ids.str_id).data.extend(keys)
    done = range(len(rows))
    moment = rows[0][TIMESTAMP] if rows else 0
    return milvus_pb2.MutationResult(IDs=ids, succ_index=done, acknowledged=True, timestamp=moment, **counts)


def query(world: World, request: Any, database: str) -> Any:
    collection = world.find(database, request.collection_name)
    world.require_open(collection.database, "reading")
    if not collection.loaded:
        raise Refused(NOT_LOADED, f"failed to query: collection not loaded[collection={collection.number}]")
    params = {pair.key: pair.value for pair in request.query_params}
    matches = parse(request.expr, collection.key.name, collection.key.fieldID)
    wanted = {collection.partition_id(name) for name in request.partition_names}
    rows = [row for row in collection.visible() if matches(row) and not _is_expired(world, collection, row)]
    if wanted:
        rows = [row for row in rows if _partition_of_row(collection, row) in wanted]
    if list(request.output_fields) == [COUNT]:
        return _counted(len(rows))
    limit = int(params.get("limit", 0))
    if not request.expr and not limit:
        raise bad_parameter("empty expression should be used with limit")
    if limit > MOST_ROWS:
        raise bad_parameter(f"invalid max query result window, (offset+limit) should be in range [1, {MOST_ROWS}]")
    once = {row[collection.key.fieldID]: row for row in rows}
    found = [once[key] for key in sorted(once)][: limit or None]
    fields = _asked(collection, list(request.output_fields))
    return milvus_pb2.QueryResults(
        fields_data=[_column(item, found) for item in fields],
        collection_name=collection.name,
        output_fields=[item.name for item in fields],
        primary_field_name=collection.key.name,
    )


def _is_expired(world: World, collection: Collection, row: Row) -> bool:
    """By the moment at which the row was written first: imports keep it."""
    seconds = int(collection.properties.get("collection.ttl.seconds") or 0)
    return seconds > 0 and (row[TIMESTAMP] >> LOGICAL_BITS) / 1000 + seconds < world.clock.now()


def _column(item: Any, rows: list[Row]) -> Any:
    if isinstance(item, schema_pb2.StructArrayFieldSchema):
        return to_struct_column(item, rows)
    return to_column(item, [row.get(item.fieldID, filler(item)) for row in rows])


def _partition_of_row(collection: Collection, row: Row) -> int:
    segments = (*collection.segments, *collection.pending)
    return next(item.partition for item in segments if any(own is row for own in item.rows))


def _counted(rows: int) -> Any:
    numbers = schema_pb2.ScalarField(long_data=schema_pb2.LongArray(data=[rows]))
    column = schema_pb2.FieldData(type=Types.Int64, field_name=COUNT, scalars=numbers)
    return milvus_pb2.QueryResults(fields_data=[column], output_fields=[COUNT])


def _asked(collection: Collection, names: list[str]) -> list[Any]:
    known = {item.name: item for item in (*collection.schema.fields, *collection.schema.struct_array_fields)}
    unknown = [name for name in names if name not in known and name != "*"]
    if unknown:
        raise bad_parameter(f"field {unknown[0]} not exist")
    if "*" in names:
        return list(known.values())
    key = collection.key.name
    return [known[name] for name in dict.fromkeys([key, *names])]


def flush(world: World, request: Any, database: str) -> Any:
    """Once in so many seconds for each collection; a flush too early is code 8, and changes nothing."""
    answer = milvus_pb2.FlushResponse(db_name=database)
    world.require_open(world.database(database), "flush")
    for name in request.collection_names:
        collection = world.find(database, name)
        if world.clock.now() - collection.flushed_at < world.flush_seconds:
            raise Refused(
                RATE_LIMIT,
                "request is rejected by grpc RateLimiter middleware, please retry later: rate limit exceeded[rate=0.1]",
            )
        collection.flushed_at = world.clock.now()
        moment = world.moment()
        stored = [segment.number for segment in collection.segments if not segment.job]
        made = storing.flush(world, collection)
        answer.coll_segIDs[name].data.extend(made)
        answer.flush_coll_segIDs[name].data.extend(stored)
        answer.coll_seal_times[name] = int(world.clock.now())
        answer.coll_flush_ts[name] = moment
        for channel in collection.channels:
            answer.channel_cps[channel].channel_name = channel
            answer.channel_cps[channel].msgID = b"\x08\x01"
            answer.channel_cps[channel].timestamp = moment
    return answer


def get_flush_state(world: World, request: Any, database: str) -> Any:
    """A newer server looks at the channels of the collection too, so it must be named."""
    collection = world.find(database, request.collection_name)
    if not request.flush_ts:
        raise bad_parameter("flush_ts is not given")
    waiting = {segment.number for segment in collection.pending} & set(request.segmentIDs)
    return milvus_pb2.GetFlushStateResponse(flushed=not waiting and request.flush_ts <= world.moment())


def flush_all(world: World, request: Any, database: str) -> Any:
    """Stored later, which GetFlushAllState tells. The older call means one database and names no channel."""
    world.require_right("FlushAll")
    moment = world.sealed_at = world.moment()
    if not world.profile.flushes_all:
        world.to_flush = [item for item in world.collections if item.database == database]
        return milvus_pb2.FlushAllResponse(flush_all_ts=moment)
    if request.db_name:
        raise bad_parameter("a flush of all is for no database")
    world.to_flush = list(world.collections)
    answer = milvus_pb2.FlushAllResponse(flush_all_ts=moment)
    channels = sorted({channel for item in world.collections for channel in item.physical_channels} or {FIRST_CHANNEL})
    for channel in channels:
        message = answer.flush_all_msgs[channel]
        message.id.id = str(world.next_number())
        message.properties["_tt"] = in_base_36(moment)
        message.properties["_vc"] = channel
    answer.cluster_info.cluster_id = "by-dev"
    answer.cluster_info.cchannel = f"{FIRST_CHANNEL}_vcchan"
    answer.cluster_info.pchannels.extend(channels)
    return answer


def get_flush_all_state(world: World, request: Any, _database: str) -> Any:
    """Newer servers compare the moment of every channel, and refuse to guess one that is missing."""
    moments = request.flush_all_tss if world.profile.flushes_all else {}
    if not moments and not request.flush_all_ts:
        raise bad_parameter("FlushAllTss or FlushAllTs is required")
    for channel in {name for item in world.collections for name in item.physical_channels} if moments else ():
        if channel not in moments:
            raise bad_parameter(f"channel {channel} not found in flushAllTss")
    if {*moments.values()} - {world.sealed_at}:
        raise bad_parameter("no flush of all was at this moment")
    latest = max([*moments.values(), request.flush_all_ts])
    waiting, world.to_flush = world.to_flush, []
    for collection in waiting:
        storing.flush(world, collection)
    return milvus_pb2.GetFlushAllStateResponse(flushed=not waiting and latest <= world.moment())


def in_base_36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"


def segment_info(world: World, request: Any, _database: str) -> Any:
    """What is growing is not told; an import that runs is told up to 2.4 only, though no query sees its rows."""
    database = world.database(request.dbName)
    collection = world.find(database, request.collectionName)
    shown = [
        segment
        for segment in collection.segments
        if segment.state in SEGMENT_STATES and (not segment.job or not world.profile.since((2, 5, 0)))
    ]
    return milvus_pb2.GetPersistentSegmentInfoResponse(
        infos=[
            milvus_pb2.PersistentSegmentInfo(
                segmentID=segment.number,
                collectionID=collection.number,
                partitionID=segment.partition,
                num_rows=len(segment.rows),
                state=common_pb2.SegmentState.Value(segment.state),
                level=common_pb2.SegmentLevel.Value(segment.level),
                is_sorted=world.profile.tells_sorted and segment.level != "L0",
                storage_version=segment.storage_version,
            )
            for segment in shown
        ]
    )
