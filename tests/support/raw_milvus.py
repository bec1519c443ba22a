# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client without manners: any request of gRPC or REST as it is, and its answer as it comes."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc, schema_pb2

JOBS = "/v2/vectordb/jobs/import/"
TIMEOUT = 10


@dataclass(frozen=True)
class RestAnswer:
    """C(content) is the parsed body, or the text of one that is no JSON."""

    status: int
    content: Any

    @property
    def code(self) -> int:
        return int(self.content["code"])

    @property
    def message(self) -> str:
        return str(self.content.get("message", ""))

    @property
    def data(self) -> Any:
        return self.content["data"]


@dataclass(frozen=True)
class RawClient:
    port: int
    stub: Any

    def call(self, method: str, request: Any = None, **fields: Any) -> Any:
        """The request given, or the one of this method with these fields."""
        if request is None:
            request = getattr(milvus_pb2, f"{method}Request")(**fields)
        return getattr(self.stub, method)(request, timeout=TIMEOUT)

    def status(self, method: str, **fields: Any) -> Any:
        answer = self.call(method, **fields)
        return answer if isinstance(answer, common_pb2.Status) else answer.status

    def rest(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> RestAnswer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            content = body if isinstance(body, str) else json.dumps(body)
            connection.request("POST", path, content, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            text = answer.read().decode()
            return RestAnswer(answer.status, json.loads(text) if text.startswith("{") else text)
        finally:
            connection.close()

    def job(self, route: str, **body: Any) -> RestAnswer:
        return self.rest(f"{JOBS}{route}", body)


@contextmanager
def raw_client(port: int) -> Iterator[RawClient]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield RawClient(port, milvus_pb2_grpc.MilvusServiceStub(channel))


def small_schema(name: str, **more: Any) -> Any:
    """A key and a vector of two values, and what else is asked for."""
    schema = schema_pb2.CollectionSchema(name=name, **more)
    schema.fields.add(name="id", data_type=schema_pb2.Int64, is_primary_key=True)
    vector = schema.fields.add(name="vector", data_type=schema_pb2.FloatVector)
    vector.type_params.add(key="dim", value="2")
    return schema
