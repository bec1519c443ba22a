# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fake on one port, as servers have it: gRPC and HTTP are told apart by how a connection begins."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import grpc
from fault_proxy import Listener, reset_line
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet
from pymilvus.grpc_gen import common_pb2, milvus_pb2
from scripted_s3 import serving

from . import calls_data, calls_ddl, calls_jobs, calls_read, calls_rights, calls_snapshots, rest
from .imports import Imports
from .model import DEFAULT, World
from .refusals import Denied, Refused, Unanswered, bad_parameter, status_of
from .snapshots import Snapshots

SERVICE = milvus_pb2.DESCRIPTOR.services_by_name["MilvusService"]
HTTP2_PREFACE = b"PRI"
RECEIVE_BYTES = 1 << 16
Handler = Callable[[World, Any, str], Any]


@dataclass(frozen=True)
class Call:
    """What answers a method, and the fields that its request may have set; C(base) may always be."""

    handler: Handler
    fields: frozenset[str]


def _call(handler: Handler, *fields: str) -> Call:
    return Call(handler, frozenset({"base", "db_name", *fields}))


NAME = "collection_name"
CALLS: Mapping[str, Call] = {
    "GetVersion": _call(calls_read.get_version),
    "CheckHealth": _call(calls_read.check_health),
    "Connect": _call(calls_read.connect, "client_info"),
    "ListDatabases": _call(calls_read.list_databases),
    "DescribeDatabase": _call(calls_read.describe_database),
    "ShowCollections": _call(calls_read.show_collections, "type", "time_stamp"),
    "HasCollection": _call(calls_read.has_collection, NAME),
    "DescribeCollection": _call(calls_read.describe_collection, NAME, "collectionID"),
    "DescribeAlias": _call(calls_read.describe_alias, "alias"),
    "ListAliases": _call(calls_read.list_aliases, NAME),
    "ShowPartitions": _call(calls_read.show_partitions, NAME),
    "DescribeIndex": _call(calls_read.describe_index, NAME, "field_name", "index_name"),
    "GetLoadState": _call(calls_read.get_load_state, NAME, "partition_names"),
    "GetLoadingProgress": _call(calls_read.get_loading_progress, NAME, "partition_names"),
    "GetReplicas": _call(calls_read.get_replicas, NAME, "collectionID", "with_shard_nodes"),
    "GetCollectionStatistics": _call(calls_read.get_statistics, NAME),
    "CreateDatabase": _call(calls_ddl.create_database, "properties"),
    "DropDatabase": _call(calls_ddl.drop_database),
    "CreateCollection": _call(
        calls_ddl.create_collection, NAME, "schema", "shards_num", "consistency_level", "properties", "num_partitions"
    ),
    "AddCollectionField": _call(calls_ddl.add_field, NAME, "schema"),
    "DropCollection": _call(calls_ddl.drop_collection, NAME),
    "RenameCollection": _call(calls_ddl.rename_collection, "oldName", "newName", "newDBName"),
    "AlterCollection": _call(calls_ddl.alter_collection, NAME, "properties", "delete_keys"),
    "CreatePartition": _call(calls_ddl.create_partition, NAME, "partition_name"),
    "CreateIndex": _call(calls_ddl.create_index, NAME, "field_name", "index_name", "extra_params"),
    "DropIndex": _call(calls_ddl.drop_index, NAME, "field_name", "index_name"),
    "LoadCollection": _call(calls_ddl.load_collection, NAME, "replica_number"),
    "ReleaseCollection": _call(calls_ddl.release_collection, NAME),
    "CreateAlias": _call(calls_ddl.create_alias, NAME, "alias"),
    "AlterAlias": _call(calls_ddl.alter_alias, NAME, "alias"),
    "DropAlias": _call(calls_ddl.drop_alias, "alias"),
    "Insert": _call(calls_data.insert, NAME, "partition_name", "fields_data", "num_rows", "schema_timestamp"),
    "Upsert": _call(calls_data.upsert, NAME, "partition_name", "fields_data", "num_rows", "schema_timestamp"),
    "Delete": _call(calls_data.delete, NAME, "partition_name", "expr", "consistency_level"),
    "Query": _call(
        calls_data.query,
        *(NAME, "expr", "output_fields", "partition_names", "query_params", "consistency_level"),
        *("guarantee_timestamp", "use_default_consistency"),
    ),
    "Flush": _call(calls_data.flush, "collection_names"),
    "GetFlushState": _call(calls_data.get_flush_state, NAME, "segmentIDs", "flush_ts"),
    "FlushAll": _call(calls_data.flush_all),
    "GetFlushAllState": _call(calls_data.get_flush_all_state, "flush_all_ts", "flush_all_tss"),
    "BackupRBAC": _call(calls_rights.backup_rbac),
    "OperatePrivilegeV2": _call(
        calls_rights.operate_privilege_v2, "role", "grantor", "type", "db_name", "collection_name"
    ),
    "RestoreRBAC": _call(calls_rights.restore_rbac, "RBAC_meta"),
    "GetPersistentSegmentInfo": _call(calls_data.segment_info, "dbName", "collectionName"),
}
"""Whatever is not here, or in those below, is UNIMPLEMENTED, whether or not a server has it."""

RIGHTS = frozenset({"SelectUser", "SelectRole", "SelectGrant", "CreateRole", "OperatePrivilege", "OperateUserRole"})
DDL = frozenset({"CreateCollection", "DropCollection", "RenameCollection", "AlterCollection"})


@dataclass(frozen=True)
class Fake:
    """A running fake: its port, what it holds, and its jobs."""

    port: int
    world: World
    imports: Imports
    snapshots: Snapshots

    def restart(self) -> None:
        self.world.restart()
        self.imports.restart()
        self.snapshots.restart()


@contextmanager
def running(world: World) -> Iterator[Fake]:
    """Serve a world on loopback."""
    imports, snapshots = Imports(world), Snapshots(world)
    listener = grpc.server(ThreadPoolExecutor(8))
    listener.add_generic_rpc_handlers((_handlers(world, imports, snapshots),))
    grpc_port = listener.add_insecure_port("127.0.0.1:0")
    listener.start()
    try:
        with serving(lambda head, body: rest.answer(imports, head, body)) as http_port:
            front = Listener(_both(grpc_port, http_port))
            front.start()
            try:
                yield Fake(front.port, world, imports, snapshots)
            finally:
                front.stop()
    finally:
        listener.stop(None).wait()


def _both(grpc_port: int, http_port: int) -> Any:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begin = await reader.readexactly(len(HTTP2_PREFACE))
        port = grpc_port if begin == HTTP2_PREFACE else http_port
        from_service, to_service = await asyncio.open_connection("127.0.0.1", port)
        to_service.write(begin)
        pumps = [asyncio.ensure_future(_pump(reader, to_service)), asyncio.ensure_future(_pump(from_service, writer))]
        try:
            with suppress(asyncio.CancelledError):  # the end of the fake, while a client is still connected
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            reset_line(to_service)

    return serve


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(RECEIVE_BYTES):
        writer.write(data)
        await writer.drain()


def _handlers(world: World, imports: Imports, snapshots: Snapshots) -> Any:
    methods = {method.name: method for method in SERVICE.methods}
    own = {**calls_jobs.calls_of(imports), **calls_snapshots.calls_of(snapshots)}
    jobs = {name: _call(answer, *fields) for name, (answer, fields) in own.items()}
    known = {**CALLS, **jobs, **{name: _right(name) for name in RIGHTS}}
    return grpc.method_handlers_generic_handler(
        SERVICE.full_name,
        {name: _handler(world, imports, methods[name], call) for name, call in known.items() if name in methods},
    )


def _right(name: str) -> Call:
    """The stand-in for users and roles takes the whole request."""
    fields = {item.name for method in SERVICE.methods if method.name == name for item in method.input_type.fields}
    return _call(lambda world, request, _database: getattr(world.rights, name)(request, _Denial()), *fields)


class _Denial:
    """What a servicer asks to break a call off: here for want of a privilege only."""

    def abort(self, _code: Any, detail: str) -> None:
        raise Denied(detail.removeprefix("Privilege").partition(":")[0])


def _handler(world: World, imports: Imports, method: Any, call: Call) -> Any:
    request_class, answer_class = GetMessageClass(method.input_type), GetMessageClass(method.output_type)

    def serve(request: Any, context: Any) -> Any:
        metadata = dict(context.invocation_metadata())
        with world.guard:
            world.calls.append(method.name)
            world.go_on()
            if world.login and metadata.get("authorization") != base64.b64encode(world.login.encode()).decode():
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "auth check failure, please check api key is correct")
            try:
                _require_known(request, call)
                database = _database_of(request, metadata)
                if method.name in DDL and database in imports.stuck:
                    context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "waiting for the lock of the database")
                return call.handler(world, request, database)
            except Unanswered:
                context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
            except NotImplementedError:
                context.abort(grpc.StatusCode.UNIMPLEMENTED, f"unknown method {method.name}")
            except Denied as denied:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, denied.detail)
            except Refused as refused:
                world.refused.append(f"{method.name}: {refused.reason}")
                return _refusal(answer_class, refused)

    return grpc.unary_unary_rpc_method_handler(serve, request_class.FromString, answer_class.SerializeToString)


def _refusal(answer_class: Any, refused: Refused) -> Any:
    status = status_of(refused)
    return status if answer_class is common_pb2.Status else answer_class(status=status)


def _require_known(request: Any, call: Call) -> None:
    """Only what a caller has a reason to send."""
    odd = {item.name for item, _value in request.ListFields()} - call.fields
    if odd or len(UnknownFieldSet(request)):
        raise bad_parameter(f"{type(request).__name__} has fields that are not expected: {sorted(odd)}")


def _database_of(request: Any, metadata: Mapping[str, str]) -> str:
    """Of the request, else of the metadata; two that differ are a mistake of the caller."""
    named = str(getattr(request, "db_name", "") or getattr(request, "dbName", ""))
    sent = metadata.get("dbname", "")
    if named and sent and named != sent:
        raise bad_parameter(f"the request is for database {named}, its metadata for {sent}")
    return named or sent or DEFAULT
