# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fakes of Milvus on fakes of S3, with a collection or two in them, for the tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import golden
import oracle
from fake_milvus.buckets import FakeBucket
from fake_milvus.model import World
from fake_milvus.profiles import Profile
from fake_milvus.server import Fake, running
from fake_s3 import FakeS3
from raw_milvus import RawClient, RestAnswer, raw_client, small_schema

from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.schema import schema_from_json

ROOT_PATH = "files_x"
BACKUPS = "backup"


@dataclass(frozen=True)
class FakeSide:
    """A fake with its bucket and a client for each taste."""

    fake: Fake
    raw: RawClient
    s3: FakeS3

    @property
    def world(self) -> World:
        return self.fake.world

    def client(self, database: str = "default") -> Any:
        return oracle.connect(self.fake.port, database)

    def create(self, name: str, *, enable_dynamic_field: bool = False, **fields: Any) -> None:
        """An empty collection of a key and a vector."""
        schema = small_schema(name, enable_dynamic_field=enable_dynamic_field).SerializeToString()
        status = self.raw.status("CreateCollection", collection_name=name, schema=schema, **fields)
        assert status.code == 0, status

    def fill(self, name: str, keys: Sequence[int]) -> None:
        """Rows, flushed."""
        self.client().insert(name, [{"id": key, "vector": [float(key), 0.5]} for key in keys])
        assert self.raw.status("Flush", collection_names=[name]).code == 0

    def flush(self) -> None:
        """All that is on the server."""
        for item in self.world.collections:
            assert self.raw.status("Flush", db_name=item.database, collection_names=[item.name]).code == 0

    def load(self, name: str, metric: str = "L2") -> None:
        """With an index; without the pauses of the client."""
        params = [{"key": "index_type", "value": "AUTOINDEX"}, {"key": "metric_type", "value": metric}]
        index = {"field_name": "vector", "extra_params": params}
        assert self.raw.status("CreateIndex", collection_name=name, **index).code == 0
        assert self.raw.status("LoadCollection", collection_name=name).code == 0

    def directory(self, name: str, kind: str = "insert_log", partition: int | None = None) -> str:
        """Where the segments of the first partition of a collection lie."""
        collection = self.world.find("default", name)
        own = partition if partition is not None else next(iter(collection.partitions.values()))
        return f"{self.world.root_path}/{kind}/{collection.number}/{own}/"

    def submit(self, name: str, *files: Sequence[str], partition: str = "_default", **options: str) -> RestAnswer:
        wanted = {"dbName": "default", "collectionName": name, "files": files, "options": options}
        return self.raw.job("create", **wanted, **({"partitionName": partition} if partition else {}))

    def imported(
        self, name: str, *files: Sequence[str], partition: str = "_default", **options: str
    ) -> Mapping[str, Any]:
        """A job from its beginning to its end; its last description."""
        created = self.submit(name, *files, partition=partition, **options)
        assert "data" in created.content, created
        return self.ended(created.data["jobId"])

    def ended(self, job: str) -> Mapping[str, Any]:
        for _turn in range(10):
            found = self.raw.job("get_progress", dbName="default", jobId=job).data
            if found["state"] in ("Completed", "Failed"):
                break
        return dict(found)


@contextmanager
def fake_side(
    profile: Profile, s3: FakeS3 | None = None, root_path: str = ROOT_PATH, **settings: Any
) -> Iterator[FakeSide]:
    """A server that may be flushed at any time, unless the settings say otherwise."""
    bucket = FakeS3() if s3 is None else s3
    world = World(profile, FakeBucket(bucket), root_path, **{"flush_seconds": 0.0, **settings})
    with running(world) as fake, raw_client(fake.port) as raw:
        yield FakeSide(fake, raw, bucket)


def put_golden(s3: FakeS3, archive: Any) -> None:
    for key, body in golden.objects(archive, BACKUPS):
        s3.put(key, body)


def create_as(side: FakeSide, collection: Mapping[str, Any], name: str) -> None:
    """A collection like one of a backup, with its partitions."""
    schema = collection["schema"]
    names = [part["partition_name"] for part in collection["partition_backups"]]
    keyed = any(field.get("is_partition_key") for field in schema["fields"])
    request = {"schema": schema_from_json(schema, name).SerializeToString(), "shards_num": collection["shards_num"]}
    status = side.raw.status("CreateCollection", collection_name=name, **request, num_partitions=len(names) * keyed)
    assert status.code == 0, status
    for partition in names if not keyed else ():
        assert side.raw.status("CreatePartition", collection_name=name, partition_name=partition).code == 0
