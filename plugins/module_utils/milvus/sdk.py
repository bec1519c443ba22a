# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The third-party parts of the Milvus client: gRPC and the protocol buffers that pymilvus ships.

The import is guarded, so that a module starts, and documents itself, without them; connecting then fails with
C(kind: requirements). The high-level client of pymilvus is not used: it shares one cached channel between clients of a
process, whatever their TLS options, and hides fields of the raw schema that a faithful restore needs.
"""

from __future__ import annotations

import sys
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

ALIAS = "vectorops_milvus_grpc_gen"


def _protocol() -> ModuleType:
    """C(pymilvus.grpc_gen), without running pymilvus itself: that imports pandas, and takes longer than most calls."""
    package = util.find_spec("pymilvus")
    places = package.submodule_search_locations if package else None
    source = Path(places[0], "grpc_gen", "__init__.py") if places else None
    if "pymilvus" in sys.modules or source is None or not source.exists():
        return import_module("pymilvus.grpc_gen")
    spec = util.spec_from_file_location(ALIAS, source, submodule_search_locations=[str(source.parent)])
    if spec is None or spec.loader is None:
        return import_module("pymilvus.grpc_gen")
    package_module = util.module_from_spec(spec)
    sys.modules[ALIAS] = package_module  # where its parts look for each other
    spec.loader.exec_module(package_module)
    return package_module


MISSING: str | None = None
try:
    import grpc

    if TYPE_CHECKING:
        from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc, schema_pb2
    else:
        _loaded = _protocol()
        common_pb2, schema_pb2 = _loaded.common_pb2, _loaded.schema_pb2
        milvus_pb2, milvus_pb2_grpc = _loaded.milvus_pb2, _loaded.milvus_pb2_grpc
except ImportError as error:
    MISSING = str(error)

__all__ = ["MISSING", "common_pb2", "grpc", "milvus_pb2", "milvus_pb2_grpc", "schema_pb2"]
