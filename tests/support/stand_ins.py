# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for a server, each with the few calls that its tests need, at the other end of a real connection."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from pymilvus.grpc_gen import milvus_pb2_grpc

from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options


@contextmanager
def listening(stand_in: Any) -> Iterator[int]:
    """Its port on loopback."""
    listener = grpc.server(ThreadPoolExecutor(4))
    milvus_pb2_grpc.add_MilvusServiceServicer_to_server(stand_in, listener)
    port = listener.add_insecure_port("127.0.0.1:0")
    listener.start()
    try:
        yield port
    finally:
        listener.stop(None).wait()


@contextmanager
def connected(stand_in: Any, **login: str) -> Iterator[Server]:
    """A connection of the collection to it."""
    with (
        listening(stand_in) as port,
        Server(connection_options({"address": "127.0.0.1", "port": port, **login})) as server,
    ):
        yield server
