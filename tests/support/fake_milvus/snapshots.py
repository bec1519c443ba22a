# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of the fake: frozen, exported to a bundle, and brought back from one by really reading its binlogs.

Metadata, manifests and data lie as those of a server do; what is in a manifest is the fake's own, where a server writes
Avro. As there, a job does not notice that a file is gone, and one name of a target may be asked for twice.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pymilvus.grpc_gen import schema_pb2

from .model import ALL_PARTITIONS, Collection, Index, Segment, World
from .refusals import PARAMETER, Refused, bad_parameter, failed_import
from .sources import Reading, Source, Unreadable, read_all_deletes, read_rows
from .storing import directory, store_imported

RETENTION_SECONDS = 10800
STAGES = ("Pending", "Executing", "Completed")
FAILED = "Failed"
PROGRESS = {"Pending": 0, "Executing": 40, "Completed": 100, FAILED: 40}
FOREVER = (1 << 63) - 1
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
URI = re.compile(r"(s3|minio)://([^/?#@]+)/([^?#]+)")
METADATA = re.compile(r"((?:.*/)?)snapshots/([0-9]+)/metadata/([0-9]+)\.json")


@dataclass
class Snapshot:
    """A moment of a collection; C(pins) are the jobs that need it. What it names is never removed by the fake."""

    number: int
    name: str
    collection: Collection
    created: int
    segments: list[Segment]
    pins: set[int] = field(default_factory=set)


@dataclass
class Job:
    """C(collection) is the source of an export, the target of a restore; C(root) is where the bundle lies."""

    number: int
    snapshot_name: str
    collection: Collection
    collection_name: str
    root: str = ""
    snapshot: Snapshot | None = None
    stage: str = "Pending"
    reason: str = ""
    files: int = 0
    size: int = 0
    uri: str = ""
    ended: float = 0.0
    pinned: int = 2
    """How often one asks after its end until its snapshot can be dropped."""

    @property
    def unfinished(self) -> bool:
        return self.stage not in ("Completed", FAILED)


@dataclass
class Snapshots:
    """All snapshots and their jobs. Tests steer: no job goes beyond C(hold); C(fails) is why the next one fails.

    C(bucket) is the one of the server; C(shared_root) exports as servers did before each export had its own folder.
    C(twice) accepts a target that exists, as servers did until each target had a lock. C(forgets) leaves out properties
    and consistency level, as servers did before that.
    """

    world: World
    bucket: str = "bucket-a"
    taken: list[Snapshot] = field(default_factory=list)
    exports: list[Job] = field(default_factory=list)
    restores: list[Job] = field(default_factory=list)
    hold: str = "Completed"
    fails: str = ""
    shared_root: bool = False
    twice: bool = False
    forgets: bool = False
    loses: int = 0
    """How many rows of each segment do not come back."""

    meanwhile: Callable[[], None] = lambda: None
    """What somebody else does right after a snapshot is taken."""

    before_restore: Callable[[], object] | None = None
    """What somebody else does once, right before a restore is begun."""

    def create(self, collection: Collection, name: str) -> Snapshot:
        if not NAME.fullmatch(name):
            raise bad_parameter(f"Invalid snapshot name: {name}")
        if self.find(collection, name) is not None:
            raise bad_parameter(f"snapshot name {name} already exist")
        world = self.world
        segments = [item for item in collection.segments if not item.job]
        made = Snapshot(world.next_number(), name, collection, world.moment(), segments)
        self.taken.append(made)
        self.meanwhile()
        return made

    def find(self, collection: Collection, name: str) -> Snapshot | None:
        return next((item for item in self.taken if (item.collection, item.name) == (collection, name)), None)

    def named(self, collection: Collection, name: str) -> Snapshot:
        found = self.find(collection, name)
        if found is None:
            raise Refused(PARAMETER, f"snapshot {name} not found")
        return found

    def drop(self, collection: Collection, name: str) -> None:
        found = self.named(collection, name)
        if found.pins:
            raise Refused(PARAMETER, f"snapshot {name} has active pins, unpin data first")
        self.taken.remove(found)

    def export(self, collection: Collection, name: str, target: str) -> Job:
        snapshot = self.named(collection, name)
        match = URI.fullmatch(target)
        if match is None or match[2] != self.bucket:
            raise bad_parameter(f"target path {target} is none of this storage")
        number = self.world.next_number()
        below = "" if self.shared_root else f"exports/{number:x}/"
        job = Job(number, name, collection, collection.name, f"{match[3].rstrip('/')}/{below}", snapshot)
        snapshot.pins.add(number)
        self.exports.append(job)
        return job

    def restore(self, database: str, name: str, uri: str) -> Job:
        """The collection with its partitions and indexes is there when this returns; the rows come by and by."""
        world, earlier, self.before_restore = self.world, self.before_restore, None
        if earlier is not None:
            earlier()
        root, metadata = self._metadata(uri)
        self.world.require_open(database, "collectionDDL")
        if not NAME.fullmatch(name):
            raise bad_parameter(f"Invalid collection name: {name}")
        collection = world.named(database, name)
        if collection is not None and not self.twice:
            raise bad_parameter(f"target collection {name} already exists in database {database}")
        if collection is None:
            collection = self._made(database, name, metadata["collection"], metadata["indexes"])
            world.collections.append(collection)
        job = Job(world.next_number(), metadata["snapshot_info"]["name"], collection, name, root, uri=uri)
        self.restores.append(job)
        return job

    def asked(self) -> None:
        """Somebody asks: jobs go on, and old ones are forgotten."""
        now = self.world.clock.now()
        for job in (*self.exports, *self.restores):
            if job.unfinished and STAGES.index(job.stage) < STAGES.index(self.hold):
                self._go_on(job)
            if not job.unfinished and job.snapshot is not None:
                job.pinned -= 1
                if job.pinned < 0:
                    job.snapshot.pins.discard(job.number)
        for jobs in (self.exports, self.restores):
            jobs[:] = [job for job in jobs if job.unfinished or now - job.ended < RETENTION_SECONDS]

    def restart(self) -> None:
        """Jobs are kept, and begin again."""
        for job in (*self.exports, *self.restores):
            if job.unfinished:
                job.stage = "Pending"

    def _go_on(self, job: Job) -> None:
        if self.fails:
            job.stage, job.reason, job.ended, self.fails = FAILED, self.fails, self.world.clock.now(), ""
            return
        job.stage = STAGES[STAGES.index(job.stage) + 1]
        if job.stage != "Completed":
            return
        job.ended = self.world.clock.now()
        if job.snapshot is not None:
            self._write_bundle(job, job.snapshot)
        elif job.collection in self.world.collections:
            self._read_bundle(job)

    def _write_bundle(self, job: Job, snapshot: Snapshot) -> None:
        """Data first, then the manifests, the metadata last."""
        world, collection = self.world, snapshot.collection
        before = set(world.objects.keys(job.root))
        segments = []
        for segment in snapshot.segments:
            for kind in ("insert_log", "delta_log"):
                for key in world.objects.keys(directory(world, collection, segment, kind)):
                    place = f"{job.root}files/{key.removeprefix(f'{world.root_path}/')}"
                    world.objects.put(place, world.objects.get(key))
                    job.files += 1
            segments.append(
                (segment, f"snapshots/{collection.number}/manifests/{snapshot.number}/{segment.number}.avro")
            )
        for segment, path in segments:
            world.objects.put(job.root + path, json.dumps(_described(segment)).encode())
        metadata = {
            "format_version": 5,
            "snapshot_info": {
                "id": str(snapshot.number),
                "name": snapshot.name,
                "collection_id": str(collection.number),
                "create_ts": str(snapshot.created),
            },
            "collection": _collection(collection),
            "indexes": [vars(index) for index in collection.indexes.values()],
            "manifest_list": [job.root + path for _segment, path in segments],
            "segment_ids": [str(segment.number) for segment, _path in segments],
        }
        key = f"{job.root}snapshots/{collection.number}/metadata/{snapshot.number}.json"
        world.objects.put(key, json.dumps(metadata, indent=2).encode())
        job.size = sum(len(world.objects.get(key)) for key in world.objects.keys(job.root) if key not in before)
        job.uri = f"https://storage:443/{self.bucket}/{key}"

    def _metadata(self, uri: str) -> tuple[str, dict[str, Any]]:
        match = URI.fullmatch(uri)
        if match is None or match[2] != self.bucket:
            raise bad_parameter(f"snapshot metadata uri {uri} is none of this storage")
        anchored = METADATA.fullmatch(match[3])
        if anchored is None:
            raise bad_parameter(
                "snapshot metadata path must contain snapshots/{collectionID}/metadata/{snapshotID}.json"
            )
        if match[3] not in self.world.objects.keys(match[3]):
            raise failed_import(f"failed to read snapshot metadata {match[3]}: key not found")
        return anchored[1], json.loads(self.world.objects.get(match[3]))

    def _made(self, database: str, name: str, described: dict[str, Any], indexes: list[dict[str, Any]]) -> Collection:
        """With the ids of fields and indexes as they were, and with every property of the source."""
        world = self.world
        schema = schema_pb2.CollectionSchema.FromString(base64.b64decode(described["schema"]))
        schema.name = name
        return Collection(
            number=world.next_number(),
            database=database,
            name=name,
            schema=schema,
            shards=described["shards"],
            consistency=0 if self.forgets else described["consistency"],
            properties={} if self.forgets else dict(described["properties"]),
            created=world.moment(),
            partitions={partition: world.next_number() for partition in described["partitions"]},
            has_partition_key=any(item.is_partition_key for item in schema.fields),
            indexes={item["name"]: Index(**item) for item in indexes},
        )

    def _read_bundle(self, job: Job) -> None:
        """Manifests are read wherever the bundle lies now; a file that is gone is not missed."""
        objects = self.world.objects
        _root, metadata = self._metadata(job.uri)
        own = {str(number): name for name, number in metadata["collection"]["partitions"].items()}
        for listed in metadata["manifest_list"]:
            path = listed[listed.rindex("snapshots/") :]
            described = json.loads(objects.get(job.root + path))
            name = own.get(str(described["partition"]))
            place = job.collection.partitions[name] if name else ALL_PARTITIONS
            segment = Segment(self.world.next_number(), place, job.collection.channels[0], level=described["level"])
            below = f"{metadata['snapshot_info']['collection_id']}/{described['partition']}/{described['number']}/"
            inserts, deletes = (f"{job.root}files/{kind}/{below}" for kind in ("insert_log", "delta_log"))
            try:
                if segment.level == "L0":
                    segment.deletes = read_all_deletes(objects, Source((deletes,)), FOREVER)
                elif objects.keys(inserts):
                    how = Reading(2 if described["storage_version"] == 2 else 1, FOREVER, fills=True)
                    segment.rows = read_rows(objects, Source((inserts, deletes)), job.collection.schema, how)
            except Unreadable as error:
                job.stage, job.reason = FAILED, f"copy segment failed: {error}"
                return
            del segment.rows[: self.loses]
            store_imported(self.world, job.collection, segment)
            job.collection.segments.append(segment)


def _described(segment: Segment) -> dict[str, Any]:
    names = ("number", "partition", "level", "storage_version", "logs", "delta_logs")
    return {name: getattr(segment, name) for name in names}


def _collection(collection: Collection) -> dict[str, Any]:
    return {
        "schema": base64.b64encode(collection.schema.SerializeToString()).decode(),
        "shards": collection.shards,
        "consistency": collection.consistency,
        "properties": collection.properties,
        "partitions": collection.partitions,
    }
