# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only newer releases of pymilvus know: the oldest supported one runs the tests too, without these."""

from __future__ import annotations

from typing import Any

import pytest
from pymilvus.grpc_gen import milvus_pb2, schema_pb2


def _needs(known: bool) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not known, reason="this pymilvus is older than what is asked for here")


def _has(message: Any, field: str) -> bool:
    return field in message.DESCRIPTOR.fields_by_name


needs_snapshots = _needs(hasattr(milvus_pb2, "GetExportSnapshotStateRequest"))
needs_flush_all = _needs(_has(milvus_pb2.FlushAllResponse, "flush_all_msgs"))
needs_nullable_structs = _needs(_has(schema_pb2.StructArrayFieldSchema, "nullable"))
