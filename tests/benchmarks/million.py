# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory and time a backup of very many objects takes, on generated listings: `python million.py [OBJECTS]`.

Everything runs as in a backup but for the two services: the listing is made up, copies and writes go nowhere.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
from collection_tree import link_checkout

sys.path.insert(0, str(link_checkout()))

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.instance_meta import DatabaseMeta
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.integrity import write_manifest
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout, InstanceLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import (
    BackupMeta,
    CollectionMeta,
    MetaFiles,
    PartitionMeta,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.plan import (
    CollectionPlan,
    Source,
    segment_meta,
    stored_logs,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.transfer import Transfer
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.catalog import Collection
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.segments import Segment
from ansible_collections.vectorops.milvus.plugins.module_utils.progress import Progress
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore, StoredObject

FIELDS = (0, 1, *range(100, 108))
"""With the two that the server adds: ten logs a segment."""

COLLECTION, PARTITION, FIRST = 450000000000000001, 450000000000000002, 450000001000000000
INSTANCE, BACKUP = InstanceLayout("files_A"), BackupLayout("backup", "million")


@dataclass
class Generated:
    """An object storage that lists what it was told to, and forgets what it is given."""

    listing: Callable[[str], Iterator[StoredObject]]
    label: str = "http://generated/bucket"
    bytes: int = 0
    copied: list[int] = field(default_factory=lambda: [0])

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        return self.listing(prefix)

    def copy_from(self, *_copy: object) -> None:
        self.copied[0] += 1

    def write(self, key: str, body: bytes, **_condition: object) -> str:
        self.bytes += len(body)
        return ""

    def delete(self, keys: list[str]) -> int:
        return len(list(keys))


def logs_of(segments: int, prefix: str) -> Iterator[StoredObject]:
    """The insert logs in order; there are no deletes."""
    if "delta_log" in prefix:
        return
    for segment in range(FIRST, FIRST + segments):
        for position, field_id in enumerate(sorted(map(str, FIELDS))):
            log_id = FIRST * 2 + segment * len(FIELDS) + position
            key = f"{INSTANCE.insert_prefix(COLLECTION)}{PARTITION}/{segment}/{field_id}/{log_id}"
            yield StoredObject(key, 16384 + log_id % 1000, f"{log_id:032x}")


def collection() -> Collection:
    fields = [{"fieldID": field_id, "name": f"f{field_id}", "data_type": 5} for field_id in FIELDS if field_id > 1]
    name = CollectionName("default", "million")
    return Collection(name, COLLECTION, 1, {"name": "million", "fields": fields}, 1, 0, (), (), (), (), 0)


def plan(source: Source, segments: int) -> CollectionPlan:
    """As plan_collection does it with the answers of a server."""
    what = collection()
    known = [Segment(FIRST + number, COLLECTION, PARTITION, 1000, "Flushed", "L1", 1) for number in range(segments)]
    logs = stored_logs(source, what, {segment.segment_id for segment in known})
    metas = tuple(segment_meta(source, what, segment, logs[segment.segment_id]) for segment in known)
    meta = CollectionMeta(
        backup_id="id",
        collection_id=COLLECTION,
        database_id=1,
        database="default",
        name="million",
        schema=what.schema,
        shards=1,
        consistency_level=0,
        partitions=(PartitionMeta(PARTITION, "_default", COLLECTION, metas, "NotLoad"),),
        timestamp=0,
        sealed_at=0,
        indexes=(),
        load_state="NotLoad",
        properties=(),
        created=0,
        virtual_channels=(),
        physical_channels=(),
        aliases=(),
    )
    return CollectionPlan(meta, BACKUP, logs)


def peak_mib() -> float:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def main(objects: int) -> None:
    segments, began = objects // len(FIELDS), time.monotonic()

    def report(phase: str) -> None:
        print(f"| {phase} | {peak_mib():.0f} | {time.monotonic() - began:.0f} |", flush=True)

    print(f"| after, with {objects:,} objects | peak MiB | seconds |\n|---|---|---|")
    report("start")
    source = Source(cast(Any, None), cast(ObjectStore, Generated(lambda prefix: logs_of(segments, prefix))), INSTANCE)
    planned = plan(source, segments)
    report("plan")
    rounds: list[int] = []

    def destination(prefix: str) -> Iterator[StoredObject]:
        rounds.append(1)
        there = planned.copies if len(rounds) > 1 else iter(())
        return (StoredObject(copy.key, copy.size, copy.etag) for copy in there)

    store = Generated(destination)
    place = Place(cast(ObjectStore, store), BACKUP)
    transfer = Transfer(
        source,
        place,
        lambda: [planned],
        tuple,
        lambda gone: None,
        lambda: None,
        concurrency=64,
        max_rate=None,
        progress=Progress(),
    )
    brought = transfer.run()
    assert brought.copied.objects == store.copied[0] == segments * len(FIELDS)
    report("copy and verification")
    bodies = MetaFiles(BackupMeta("id", "million", "v2.3.5", (planned.meta,), (DatabaseMeta("default", 1),)))
    write_manifest(
        place.store.write,
        BACKUP,
        brought.stored,
        header_name="manifest.json",
        backup_id="id",
        request={},
        created=0,
        tool_version="",
        meta=bodies,
        skipped={},
        previous=None,
    )
    report("manifest")
    for name in bodies:
        place.store.write(name, bodies[name])
    report("meta files")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
