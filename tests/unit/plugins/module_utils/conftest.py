# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the engine share: an S3 stand-in, and one backup with everything that the format knows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from typing import cast

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.instance_meta import DatabaseMeta
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import (
    BackupMeta,
    CollectionMeta,
    FieldLogs,
    IndexMeta,
    Log,
    PartitionMeta,
    SegmentMeta,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import (
    ConditionFailed,
    ContentDigest,
    ObjectStore,
    StoredBytes,
    StoredObject,
)

BACKUP_ID = "0b8f6a9e-6a1c-4a7f-9d55-0c8f6b1f2a10"
COLLECTION, PARTITION, SEGMENT, DELETES = 449577000000000010, 449577000000000011, 449577000000000020, 449577000000000021
CHANNEL = "by-dev-rootcoord-dml_0_449577000000000010v0"


class MemoryStore:
    """Stands for S3: listings in the order of keys, conditional writes. The real one is tested elsewhere.

    C(changes) are the keys that were written (C(+key)) and removed (C(-key)), in their order.
    """

    label = "http://store:9000/bucket"
    lacks_digests = False

    def __init__(self) -> None:
        self._objects: dict[str, tuple[bytes, float]] = {}
        self.changes: list[str] = []

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        for key in sorted(self._objects, key=str.encode):
            if key.startswith(prefix):
                body = self._objects[key][0]
                yield StoredObject(key, len(body), _etag(body))

    def list_prefixes(self, prefix: str) -> list[str]:
        below = [key[len(prefix) :] for key in sorted(self._objects) if key.startswith(prefix)]
        return sorted({f"{prefix}{rest.split('/', 1)[0]}/" for rest in below if "/" in rest})

    def has_objects(self, prefix: str) -> bool:
        return any(key.startswith(prefix) for key in self._objects)

    def read(self, key: str, max_bytes: int) -> StoredBytes | None:
        if key not in self._objects:
            return None
        body, modified = self._objects[key]
        assert len(body) <= max_bytes
        return StoredBytes(body, _etag(body), modified, time.time())

    def digest(self, key: str) -> ContentDigest | None:
        body = self._objects.get(key, (None, 0.0))[0]
        return None if body is None else ContentDigest(len(body), _etag(body), _etag(body))

    def write(self, key: str, body: bytes, *, if_absent: bool = False, if_etag: str | None = None) -> str:
        stored = self._objects.get(key)
        if (if_absent and stored) or (if_etag is not None and (stored is None or _etag(stored[0]) != if_etag)):
            raise ConditionFailed(key)
        self._objects[key] = (body, time.time())
        self.changes.append(f"+{key}")
        return _etag(body)

    def delete(self, keys: Iterable[str]) -> int:
        doomed = list(keys)
        for key in doomed:
            self._objects.pop(key, None)
            self.changes.append(f"-{key}")
        return len(doomed)


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


@pytest.fixture
def store() -> ObjectStore:
    """An empty bucket; what moves objects between buckets is not needed here, and not part of it."""
    return cast(ObjectStore, MemoryStore())


@pytest.fixture
def changes(store: ObjectStore) -> list[str]:
    """What is written to and removed from the bucket, in the order in which it happens."""
    return cast(MemoryStore, store).changes


@pytest.fixture(scope="session")
def example() -> BackupMeta:
    """The hand-made example of the format: one segment of six fields, its deletes, and deletes of all partitions."""
    return BackupMeta(
        backup_id=BACKUP_ID,
        name="nightly_01",
        server_version="v2.5.14",
        collections=(_collection(),),
        databases=(DatabaseMeta("default", 1),),
    )


def _collection() -> CollectionMeta:
    return CollectionMeta(
        backup_id=BACKUP_ID,
        collection_id=COLLECTION,
        database_id=1,
        database="default",
        name="docs",
        schema={
            "name": "docs",
            "description": "demo",
            "fields": [
                {"fieldID": 100, "name": "pk", "is_primary_key": True, "data_type": 5},
                {"fieldID": 101, "name": "rank", "nullable": True, "data_type": 5, "default_value_base64": "GAc="},
                {"fieldID": 102, "name": "vec", "data_type": 101, "type_params": [{"key": "dim", "value": "8"}]},
            ],
            "enable_dynamic_field": True,
        },
        shards=1,
        consistency_level=2,
        partitions=(
            PartitionMeta(PARTITION, "_default", COLLECTION, (_segment(),), "Loaded"),
            PartitionMeta(PARTITION + 1, "empty & <bare>", COLLECTION, (), "Loaded"),
        ),
        timestamp=458500000000000001,
        sealed_at=1749040222,
        indexes=(IndexMeta("vec", "vec", "HNSW", {"metric_type": "L2", "M": "16", "index_type": "HNSW"}, 30),),
        load_state="Loaded",
        properties=({"key": "collection.ttl.seconds", "value": "60"}, {"key": "empty"}),
        created=458400000000000001,
        virtual_channels=(CHANNEL,),
        physical_channels=("by-dev-rootcoord-dml_0",),
        aliases=("papers",),
        l0_segments=(_deletes_of_all_partitions(),),
    )


def _segment() -> SegmentMeta:
    sizes = {0: 5100, 1: 5100, 100: 8600, 101: 8700, 102: 33000, 103: 2100}
    logs = enumerate(sizes.items(), start=1)
    return SegmentMeta(
        segment_id=SEGMENT,
        collection_id=COLLECTION,
        partition_id=PARTITION,
        rows=1000,
        binlogs=tuple(
            FieldLogs(field_id, (Log(number, f"{_source('insert')}/{field_id}/{number}", size),))
            for number, (field_id, size) in logs
        ),
        deltalogs=(FieldLogs(0, (Log(7, f"{_source('delta')}/7", 900),)),),
        group_id=SEGMENT,
        channel=CHANNEL,
    )


def _source(kind: str) -> str:
    return f"files/{kind}_log/{COLLECTION}/{PARTITION}/{SEGMENT}"


def _deletes_of_all_partitions() -> SegmentMeta:
    return SegmentMeta(
        segment_id=DELETES,
        collection_id=COLLECTION,
        partition_id=-1,
        rows=40,
        binlogs=(),
        deltalogs=(FieldLogs(0, (Log(8, f"files/delta_log/{COLLECTION}/-1/{DELETES}/8", 900),)),),
        group_id=0,
        is_l0=True,
        channel=CHANNEL,
    )
