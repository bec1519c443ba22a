# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proving that bucket and root path are those of the instance, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from ..errors import MilvusOpsError
from ..milvus.collection_name import CollectionName
from ..milvus.segments import Segment, flushed_segments
from ..milvus.server import Server
from ..store.base import ObjectStore
from .layout import INSERT_LOG, InstanceLayout

PROVEN, MISMATCH, EMPTY_INSTANCE = "proven", "mismatch", "empty_instance"
SHOWN_ROOT_PATHS = 10
SEARCHED_PREFIXES = 100
PROOF_SAMPLE = 20
"""Collections that are looked at: one stored segment is proof enough, twenty absent ones are a mismatch."""


def prove_root_path(
    server: Server, store: ObjectStore, layout: InstanceLayout, names: Iterable[CollectionName]
) -> tuple[str, str]:
    """C(proven), C(mismatch) or C(empty_instance), and the prefix that decided it.

    A segment with rows whose prefix is empty means a wrong bucket or root path: a backup made with it would hold
    metadata only.
    """
    for name in islice(names, PROOF_SAMPLE):
        segment = next((found for found in flushed_segments(server, name) if found.rows), None)
        if segment is None:
            continue
        prefix = segment_prefix(layout, segment)
        return (PROVEN, prefix) if store.has_objects(prefix) else (MISMATCH, prefix)
    return EMPTY_INSTANCE, layout.prefix


def segment_prefix(layout: InstanceLayout, segment: Segment) -> str:
    return layout.segment_prefix(segment.collection_id, segment.partition_id, segment.segment_id)


def root_path_error(store: ObjectStore, layout: InstanceLayout, empty_prefix: str) -> MilvusOpsError:
    """The error for a mismatch: names the empty prefix, and the root paths that do hold Milvus data."""
    found = root_paths_in(store)
    shown = ", ".join(found[:SHOWN_ROOT_PATHS]) or "none"
    return MilvusOpsError(
        "root_path",
        "proving the root path",
        f"{store.label}/{empty_prefix}",
        f"the server has rows in a segment whose prefix is empty here; root_path is {layout.root_path!r}, and the "
        f"root paths in this bucket that hold the data of an instance are: {shown}",
        next_step="set root_path and bucket_name to minio.rootPath and minio.bucketName of this server",
    )


def root_paths_in(store: ObjectStore) -> list[str]:
    """Root paths below which binlogs lie, searched two levels deep; '' stands for the bucket itself."""
    found = [""] if store.has_objects(f"{INSERT_LOG}/") else []
    first = store.list_prefixes("")[:SEARCHED_PREFIXES]
    for prefix in first:
        if prefix == f"{INSERT_LOG}/":
            continue
        children = store.list_prefixes(prefix)[:SEARCHED_PREFIXES]
        if f"{prefix}{INSERT_LOG}/" in children:
            found.append(prefix.rstrip("/"))
            continue
        found.extend(child.rstrip("/") for child in children if store.has_objects(f"{child}{INSERT_LOG}/"))
    return found
