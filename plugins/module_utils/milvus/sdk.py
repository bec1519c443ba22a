# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The third-party parts of the Milvus client: gRPC and the protocol buffers that pymilvus ships.

The import is guarded, so that a module starts, and documents itself, without them; connecting then fails with
C(kind: requirements). The high-level client of pymilvus is not used: it shares one cached channel between clients of a
process, whatever their TLS options, and hides fields of the raw schema that a faithful restore needs.
"""

from __future__ import annotations

MISSING: str | None = None
try:
    import grpc
    from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc, schema_pb2
except ImportError as error:
    MISSING = str(error)

__all__ = ["MISSING", "common_pb2", "grpc", "milvus_pb2", "milvus_pb2_grpc", "schema_pb2"]
