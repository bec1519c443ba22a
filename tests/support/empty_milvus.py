# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Milvus 2.3.5 without a collection, at the other end of a real connection: it answers questions, and does nothing.

Every other call is refused by gRPC itself, and none of them is one that a check run makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc
from stand_ins import listening

NOT_FOUND = common_pb2.Status(error_code=common_pb2.CollectionNotExists, code=100, reason="collection not found")


class EmptyMilvus(milvus_pb2_grpc.MilvusServiceServicer):  # type: ignore[misc]
    """One database, nothing in it."""

    def GetVersion(self, request: Any, context: Any) -> Any:
        return milvus_pb2.GetVersionResponse(version="v2.3.5")

    def CheckHealth(self, request: Any, context: Any) -> Any:
        return milvus_pb2.CheckHealthResponse(isHealthy=True)

    def ListDatabases(self, request: Any, context: Any) -> Any:
        return milvus_pb2.ListDatabasesResponse(db_names=["default"])

    def ShowCollections(self, request: Any, context: Any) -> Any:
        return milvus_pb2.ShowCollectionsResponse()

    def HasCollection(self, request: Any, context: Any) -> Any:
        return milvus_pb2.BoolResponse(value=False)

    def DescribeCollection(self, request: Any, context: Any) -> Any:
        return milvus_pb2.DescribeCollectionResponse(status=NOT_FOUND)


@contextmanager
def empty_milvus() -> Iterator[int]:
    """Its port."""
    with listening(EmptyMilvus()) as port:
        yield port
