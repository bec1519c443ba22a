# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders as stores, for tests of what lies and happens in them."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.local import LocalStore


def store_at(folder: Path, *scope: str) -> LocalStore:
    config = instance_store({"storage_type": "local", "root_path": str(folder)})
    return LocalStore(config, WriteScope(tuple(f"{folder}/{prefix}" for prefix in scope)))


def fill(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def keys(store: LocalStore, folder: Path, prefix: str) -> list[str]:
    return [item.key.removeprefix(f"{folder}/") for item in store.list_objects(f"{folder}/{prefix}")]
