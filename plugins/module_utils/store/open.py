# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of a side, whichever kind it is."""

from __future__ import annotations

from .base import ObjectStore, WriteScope
from .config import StoreConfig
from .local import LocalStore
from .s3 import S3Store

DEFAULT_CONNECTIONS = 32


def open_store(
    config: StoreConfig, scope: WriteScope | None = None, connections: int = DEFAULT_CONNECTIONS
) -> ObjectStore:
    """The store; without a scope it can only be read. C(connections) is how many threads will use it at once."""
    if config.is_local:
        return LocalStore(config, scope)
    return S3Store(config, scope, connections)
