# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans in little memory, and bringing their objects to a place."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, cast

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout, InstanceLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import (
    BackupMeta,
    CollectionMeta,
    SegmentMeta,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.packed import Etags, PackedLogs, SegmentLogs
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.plan import (
    CollectionPlan,
    Source,
    copies_in_order,
    stored_logs,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.transfer import Transfer
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.catalog import Collection
from ansible_collections.vectorops.milvus.plugins.module_utils.progress import Progress
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore, StoredObject
from ansible_collections.vectorops.milvus.plugins.module_utils.store.copy import Copy

INSTANCE, BACKUP = InstanceLayout("files_A"), BackupLayout("backup", "nightly")
COLLECTION, PARTITIONS, SEGMENTS = 7, (8, 80), (9, 10, 100)
FIELDS, LOGS = (0, 1, 100), (98, 99, 100)
MEMORY_PER_OBJECT = 150


def insert_key(partition: int, segment: int, field: int, log: int) -> str:
    return f"files_A/insert_log/{COLLECTION}/{partition}/{segment}/{field}/{log}"


def collection() -> Collection:
    return cast(Collection, type("Described", (), {"collection_id": COLLECTION})())


def filled(store: ObjectStore) -> dict[str, str]:
    """An instance with logs of two partitions; the destination of each key that is part of the plan."""
    expected = {}
    for partition in PARTITIONS:
        for segment in (partition * 1000 + number for number in SEGMENTS):
            directory = f"{COLLECTION}/{partition}/{segment}"
            names = [f"insert_log/{directory}/{field}/{log}" for field in FIELDS for log in LOGS]
            for name in (*names, f"delta_log/{directory}/101"):
                store.write(f"files_A/{name}", name.encode())
                kind, rest = name.split(f"/{directory}/")
                copy = f"backup/nightly/binlogs/{kind}/{COLLECTION}/{partition}/{segment}/{segment}/{rest}"
                expected[f"files_A/{name}"] = copy
    store.write(insert_key(8, 555, 0, 1), b"of a segment that was compacted")
    return expected


def planned(store: ObjectStore, example: BackupMeta) -> CollectionPlan:
    ids = {partition: [partition * 1000 + number for number in SEGMENTS] for partition in PARTITIONS}
    source = Source(cast(Any, None), store, INSTANCE)
    logs = stored_logs(source, collection(), {segment for segments in ids.values() for segment in segments})
    partitions = tuple(
        replace(
            example.collections[0].partitions[0],
            partition_id=partition,
            segments=tuple(segment_of(partition, segment, logs[segment]) for segment in segments),
        )
        for partition, segments in ids.items()
    )
    meta: CollectionMeta = replace(
        example.collections[0], collection_id=COLLECTION, partitions=partitions, l0_segments=()
    )
    return CollectionPlan(meta, BACKUP, logs)


def segment_of(partition: int, segment: int, logs: SegmentLogs) -> SegmentMeta:
    return SegmentMeta(segment, COLLECTION, partition, 10, logs.inserts, logs.deletes, segment)


def test_a_plan_names_every_object_in_the_order_of_a_listing(store: ObjectStore, example: BackupMeta) -> None:
    expected = filled(store)
    plan = planned(store, example)
    copies = list(copies_in_order((plan,)))
    assert {copy.source_key: copy.key for copy in copies} == expected
    assert [copy.key for copy in copies] == sorted(expected.values())
    assert plan.objects == len(expected)
    for copy in copies:
        assert (copy.size, copy.etag) == next(
            (item.size, item.etag) for item in store.list_objects(copy.source_key) if item.key == copy.source_key
        )


def test_the_metadata_names_the_same_objects(store: ObjectStore, example: BackupMeta) -> None:
    expected = filled(store)
    for segment in planned(store, example).meta.segments:
        assert [logs.field_id for logs in segment.binlogs] == list(FIELDS)
        assert [log.log_id for logs in segment.binlogs for log in logs.logs] == [*LOGS] * len(FIELDS)
        assert [logs.field_id for logs in segment.deltalogs] == [0]
        assert {log.path for _field, log in segment.logs} <= set(expected)
        assert segment.objects == len(FIELDS) * len(LOGS) + 1


def test_an_object_of_another_shape_is_refused(store: ObjectStore) -> None:
    filled(store)
    store.write(f"{insert_key(8, 8009, 0, 1)}/x", b"")
    with pytest.raises(MilvusOpsError):
        stored_logs(Source(cast(Any, None), store, INSTANCE), collection(), {8009})


@pytest.mark.parametrize("etag", ["0" * 32, "0123456789abcdef" * 2, "ab" * 16 + "-2", "", "ABCDEF" + "0" * 26])
def test_etags_come_back_as_they_were(etag: str) -> None:
    kept = Etags()
    for item in ("f" * 32, etag, "1" * 32):
        kept.append(item)
    assert [kept[position] for position in range(len(kept))] == ["f" * 32, etag, "1" * 32]


def test_memory_of_a_plan() -> None:
    """A million objects must fit beside all else; as objects of their own they would take ten times as much."""
    segments, fields = 500, range(20)

    class Listing:
        label = "http://store/bucket"

        def list_objects(self, prefix: str) -> Iterable[StoredObject]:
            for segment in range(10_000, 10_000 + segments) if "insert" in prefix else ():
                for position, field in enumerate(sorted(map(str, fields))):
                    log = segment * 1_000_000 + position
                    yield StoredObject(f"{prefix}8/{segment}/{field}/{log}", 70_000 + position, f"{log:032x}")

    source = Source(cast(Any, None), cast(ObjectStore, Listing()), INSTANCE)
    tracemalloc.start()
    logs = stored_logs(source, collection(), set(range(10_000, 10_000 + segments)))
    held, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    objects = sum(item.inserts.objects for item in logs.values())
    assert objects == segments * len(fields)
    assert held / objects < MEMORY_PER_OBJECT


class Destination:
    """The memory store of these tests, with copies; C(spoil) changes the bytes of a copy."""

    def __init__(self, store: ObjectStore, spoil: Callable[[Copy], bool] = lambda copy: False) -> None:
        self._store = store
        self._spoil = spoil
        self.copied: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def copy_from(self, source: ObjectStore, source_key: str, etag: str, size: int, key: str, pace: Any) -> None:
        stored = source.read(source_key, 1 << 20)
        assert stored is not None
        self.copied.append(key)
        spoilt = self._spoil(Copy(source_key, etag, size, key))
        self._store.write(key, b"wrong" if spoilt else stored.body)


def transfer(
    store: ObjectStore, destination: Destination, plans: list[CollectionPlan], kept: Iterable[StoredObject] = ()
) -> Transfer:
    place = Place(cast(ObjectStore, destination), BACKUP)
    return Transfer(
        Source(cast(Any, None), store, INSTANCE),
        place,
        plans=lambda: plans,
        kept=lambda: kept,
        plan_again=lambda gone: None,
        require_lock=lambda: None,
        concurrency=4,
        max_rate=None,
        progress=Progress(),
    )


def test_what_is_missing_or_altered_is_copied_and_what_does_not_belong_is_removed(
    store: ObjectStore, example: BackupMeta
) -> None:
    expected = filled(store)
    plan = planned(store, example)
    there, altered = sorted(expected.items())[:2]
    stored = store.read(there[0], 1 << 20)
    assert stored is not None
    store.write(there[1], stored.body)
    store.write(altered[1], b"altered")
    store.write(f"{BACKUP.binlogs}insert_log/x", b"a stray one")
    destination = Destination(store)
    brought = transfer(store, destination, [plan]).run()
    assert sorted(destination.copied) == sorted(set(expected.values()) - {there[1]})
    assert (brought.copied.objects, brought.kept) == (len(expected) - 1, 1)
    listed = list(store.list_objects(BACKUP.binlogs))
    assert [item.key for item in listed] == sorted(expected.values())
    assert list(brought.stored) == list(brought.stored) == listed


def test_what_does_not_belong_is_removed_though_nothing_is_missing(store: ObjectStore, example: BackupMeta) -> None:
    expected, destination, plan = filled(store), Destination(store), planned(store, example)
    transfer(store, destination, [plan]).run()
    store.write(f"{BACKUP.binlogs}insert_log/x", b"a stray one")
    assert transfer(store, destination, [plan]).run().copied.objects == 0
    assert [item.key for item in store.list_objects(BACKUP.binlogs)] == sorted(expected.values())


def test_a_copy_that_never_gets_right_ends_the_run(store: ObjectStore, example: BackupMeta) -> None:
    expected = filled(store)
    victim = sorted(expected.values())[3]
    destination = Destination(store, spoil=lambda copy: copy.key == victim)
    with pytest.raises(MilvusOpsError) as caught:
        transfer(store, destination, [planned(store, example)]).run()
    assert caught.value.kind == "verify_failed"
    assert victim in caught.value.failure.cause
    assert destination.copied.count(victim) == 4


def test_what_a_partial_backup_holds_is_kept_and_must_be_there(store: ObjectStore, example: BackupMeta) -> None:
    filled(store)
    held_key = f"{BACKUP.binlogs}insert_log/5/6/7/7/0/1"
    store.write(held_key, b"held")
    (held,) = store.list_objects(held_key)
    plan = planned(store, example)
    brought = transfer(store, Destination(store), [plan], [held]).run()
    assert held in list(brought.stored)
    assert brought.kept == 1
    store.delete([held_key])
    with pytest.raises(MilvusOpsError) as caught:
        transfer(store, Destination(store), [plan], [held]).run()
    assert caught.value.kind == "corrupt"
    assert held_key in caught.value.failure.where


def test_what_is_held_and_planned_again_counts_once(store: ObjectStore, example: BackupMeta) -> None:
    """A collection that was renamed since: its objects have the keys that the partial backup holds, and may be new."""
    expected = filled(store)
    plan = planned(store, example)
    held = StoredObject(min(expected.values()), 1, "0" * 32)
    brought = transfer(store, Destination(store), [plan], [held]).run()
    assert list(brought.stored) == list(store.list_objects(BACKUP.binlogs))


def test_a_number_that_is_no_id_is_refused(store: ObjectStore) -> None:
    store.write(insert_key(8, 8009, 0, 10**19), b"")
    with pytest.raises(MilvusOpsError):
        stored_logs(Source(cast(Any, None), store, INSTANCE), collection(), {8009})


def test_packed_logs_are_a_sequence() -> None:
    assert not PackedLogs("", ())
    assert list(PackedLogs("", ())) == []
