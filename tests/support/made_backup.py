# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A complete backup as this collection writes it, of a collection that no server ever had, in any store."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.content import with_digests
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.instance_meta import DatabaseMeta
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.integrity import HEADER_NAME, write_manifest
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import (
    BackupMeta,
    CollectionMeta,
    FieldLogs,
    IndexMeta,
    Log,
    MetaFiles,
    PartitionMeta,
    SegmentMeta,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.verify import objects_by_meta
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore, StoredObject

SIZES = {0: 120, 1: 120, 100: 80, 101: 400}
"""Bytes of a log of each field; segments are alike, so many objects have one size."""

DELETES = 64
ROWS = 40
SCHEMA = {
    "name": "films",
    "fields": [
        {"fieldID": 100, "name": "pk", "is_primary_key": True, "data_type": 5},
        {"fieldID": 101, "name": "vec", "data_type": 101, "type_params": [{"key": "dim", "value": "8"}]},
    ],
}


def make_backup(store: ObjectStore, root: str, name: str, *, first_id: int = 1000, collection: str = "films") -> None:
    """Two partitions of two segments, with deletes in each; the same bytes for the same arguments."""
    write_backup(store, root, backup_of(first_id, name, collection))


def write_backup(store: ObjectStore, root: str, meta: BackupMeta) -> None:
    """Whatever the metadata say, complete and sealed."""
    place = Place(store, BackupLayout(root, meta.name))
    bodies, chance = MetaFiles(meta), random.Random(meta.backup_id)
    for item in objects_by_meta(place.layout, meta):
        store.write(item.key, chance.randbytes(item.size))
    plan = {"backup_id": meta.backup_id, "request": {}, "planned_at": 1, "gc_ticket": None, "objects": meta.objects}
    store.write(place.plan_key, json.dumps(plan).encode())
    seal(place, meta.backup_id, bodies)
    for file_name in bodies:
        store.write(place.layout.meta(file_name), bodies[file_name])


def seal(place: Place, backup_id: str, bodies: MetaFiles | dict[str, bytes]) -> None:
    """Write the integrity manifest of what lies there."""
    listed: Iterable[StoredObject] = list(place.store.list_objects(place.layout.binlogs))
    if place.store.lacks_digests:
        listed = with_digests(place.store, listed, {}, before_each=lambda: None, after_each=lambda: None)
    write_manifest(
        place.store.write,
        place.layout,
        listed,
        header_name=HEADER_NAME,
        backup_id=backup_id,
        request={"source": "files_A", "collections": ["default.films"], "exclude": []},
        created=1_790_000_000,
        tool_version="1.0.0",
        meta=bodies,
        skipped={},
        previous=None,
    )


def backup_of(first_id: int, name: str, collection: str) -> BackupMeta:
    parts = tuple(_partition(first_id, first_id + 10 * number, number) for number in (1, 2))
    return BackupMeta(
        backup_id=f"0b8f6a9e-6a1c-4a7f-9d55-{first_id:012d}",
        name=name,
        server_version="v2.3.5",
        collections=(_collection(first_id, collection, parts),),
        databases=(DatabaseMeta("default", 1),),
    )


def _collection(own_id: int, name: str, partitions: Sequence[PartitionMeta]) -> CollectionMeta:
    return CollectionMeta(
        backup_id="",
        collection_id=own_id,
        database_id=1,
        database="default",
        name=name,
        schema={**SCHEMA, "name": name},
        shards=1,
        consistency_level=2,
        partitions=tuple(partitions),
        timestamp=458500000000000001,
        sealed_at=1749040222,
        indexes=(IndexMeta("vec", "vec", "HNSW", {"metric_type": "L2", "M": "16", "index_type": "HNSW"}, 30),),
        load_state="Loaded",
        properties=({"key": "collection.ttl.seconds", "value": "86400"},),
        created=458400000000000001,
        virtual_channels=(f"by-dev-rootcoord-dml_0_{own_id}v0",),
        physical_channels=("by-dev-rootcoord-dml_0",),
        aliases=(),
    )


def _partition(collection_id: int, own_id: int, number: int) -> PartitionMeta:
    name = "_default" if number == 1 else f"part_{number}"
    first = _segment(collection_id, own_id, own_id + 1)
    second = _segment(collection_id, own_id, own_id + 2)
    return PartitionMeta(own_id, name, collection_id, (first, replace(second, deltalogs=())), "Loaded")


def _segment(collection_id: int, partition_id: int, own_id: int) -> SegmentMeta:
    source = f"files_A/insert_log/{collection_id}/{partition_id}/{own_id}"
    return SegmentMeta(
        segment_id=own_id,
        collection_id=collection_id,
        partition_id=partition_id,
        rows=ROWS,
        binlogs=tuple(
            FieldLogs(field, (Log(10 * own_id + order, f"{source}/{field}/{10 * own_id + order}", size),))
            for order, (field, size) in enumerate(SIZES.items())
        ),
        deltalogs=(FieldLogs(0, (Log(10 * own_id + 9, f"{source}/{10 * own_id + 9}", DELETES),)),),
        group_id=own_id,
        channel=f"by-dev-rootcoord-dml_0_{collection_id}v0",
    )
