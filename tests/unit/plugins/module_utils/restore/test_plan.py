# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which import jobs a collection needs, and what becomes of a target."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import (
    BackupMeta,
    CollectionMeta,
    FieldLogs,
    Log,
    PartitionMeta,
    SegmentMeta,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.catalog import Collection, CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.imports import ImportFiles
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.jobs import import_jobs
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.plan import decide

GIB = 1 << 30
ROOT = "backup/nightly/binlogs"
LAYOUT = BackupLayout("backup", "nightly")

Segment = tuple[int, int, int]  # group, bytes of inserts, bytes of deletes


def segment(number: int, group: int, inserts: int, deletes: int, partition: int = 5) -> SegmentMeta:
    return SegmentMeta(
        segment_id=number,
        collection_id=1,
        partition_id=partition,
        rows=1,
        binlogs=(FieldLogs(100, (Log(1, "", inserts),)),) if inserts else (),
        deltalogs=(FieldLogs(0, (Log(2, "", deletes),)),) if deletes else (),
        group_id=group,
    )


def partition(*segments: Segment, number: int = 5, name: str = "p") -> PartitionMeta:
    metas = tuple(segment(20 + position, *values, partition=number) for position, values in enumerate(segments))
    return PartitionMeta(number, name, 1, metas, "Loaded")


def jobs(example: BackupMeta, *partitions: PartitionMeta) -> tuple[ImportFiles, ...]:
    return import_jobs(LAYOUT, collection(example, *partitions))


def collection(example: BackupMeta, *partitions: PartitionMeta) -> CollectionMeta:
    return replace(example.collections[0], collection_id=1, partitions=partitions, l0_segments=())


def inserts(path: str, deletes: str = "") -> tuple[str, str]:
    return f"{ROOT}/insert_log/1/{path}", f"{ROOT}/delta_log/1/{deletes}" if deletes else ""


@pytest.mark.parametrize(
    ("segments", "directories"),
    [
        # nothing to import
        ([], []),
        ([(20, 0, 0)], []),
        # the whole partition at once, up to 4 GiB
        ([(20, 1, 0)], [inserts("5/")]),
        ([(20, GIB, 0), (21, 3 * GIB, 0)], [inserts("5/")]),
        ([(20, 1, 0), (21, 1, 1)], [inserts("5/", "5/")]),
        ([(0, 1, 1), (0, 1, 0)], [inserts("5/", "5/")]),
        # more than that: group by group, with the deletes of that group
        ([(20, GIB, 0), (21, 3 * GIB + 1, 0)], [inserts("5/20/"), inserts("5/21/")]),
        ([(20, 2 * GIB, 0), (21, 2 * GIB, 1)], [inserts("5/20/"), inserts("5/21/", "5/21/")]),
        ([(21, 3 * GIB, 0), (20, 3 * GIB, 0)], [inserts("5/20/"), inserts("5/21/")]),
        ([(7, 3 * GIB, 0), (7, 3 * GIB, 9), (8, 1, 0)], [inserts("5/7/", "5/7/"), inserts("5/8/")]),
        ([(20, 5 * GIB, 0), (21, 0, 0)], [inserts("5/20/")]),
        # without groups (milvus-backup before 0.1.0) there is nothing smaller than the partition
        ([(0, 3 * GIB, 0), (0, 3 * GIB, 1)], [inserts("5/", "5/")]),
    ],
)
def test_jobs_of_a_partition(example: BackupMeta, segments: list[Segment], directories: list[tuple[str, str]]) -> None:
    planned = jobs(example, partition(*segments))
    assert [(job.insert_directory, job.delta_directory) for job in planned] == directories
    assert {job.partition for job in planned} <= {"p"}


def test_every_partition_has_jobs_of_its_own(example: BackupMeta) -> None:
    planned = jobs(
        example,
        partition((20, 1, 0), number=5, name="a"),
        partition(number=6, name="empty"),
        partition((20, 1, 2), number=7, name="b"),
    )
    assert planned == (ImportFiles("a", *inserts("5/")), ImportFiles("b", *inserts("7/", "7/")))


def test_the_server_s_task_list_spells_a_job_so() -> None:
    assert ImportFiles("p", "a/", "b/").key == "a/,b/"
    assert ImportFiles("p", "a/").key == "a/,"


def test_no_directory_is_imported_twice_and_none_is_left_out(example: BackupMeta) -> None:
    """Each segment with rows lies below exactly one directory, and every directory ends with a slash."""
    generator = random.Random(12)
    for _unused in range(300):
        grouped = generator.random() < 0.8
        partitions = [
            partition(
                *(
                    (
                        generator.choice([20 + position, 7]) if grouped else 0,
                        generator.choice([0, 1, GIB, 2 * GIB]),
                        generator.choice([0, 0, 5]),
                    )
                    for position in range(generator.randrange(6))
                ),
                number=number,
                name=f"p{number}",
            )
            for number in range(generator.randrange(4))
        ]
        planned = jobs(example, *partitions)
        directories = [job.insert_directory for job in planned]
        deletes = [job.delta_directory for job in planned if job.delta_directory]
        assert len(set(directories)) == len(directories)
        assert len(set(deletes)) == len(deletes)
        assert all(path.endswith("/") for path in directories + deletes)
        assert jobs(example, *partitions) == planned, "the plan is the same each time"
        for meta in (item for part in partitions for item in part.segments if item.binlogs):
            group = f"{meta.group_id}/" if meta.group_id else ""
            place = f"{meta.partition_id}/{group}{meta.segment_id}/"
            assert [f"{ROOT}/insert_log/1/{place}".startswith(path) for path in directories].count(True) == 1
            if meta.deltalogs:
                assert [f"{ROOT}/delta_log/1/{place}".startswith(path) for path in deletes].count(True) == 1


def test_groups_and_no_groups_in_one_large_partition(example: BackupMeta) -> None:
    planned = jobs(example, partition((0, 3 * GIB, 0), (21, 3 * GIB, 0)))
    assert [job.insert_directory for job in planned] == [inserts("5/")[0]]


SOURCE = CollectionName("default", "docs")
TARGET = CollectionName("copy", "docs_bak")
OURS = {"vectorops.backup": "id", "vectorops.source": "docs", "vectorops.target": "docs_bak"}


def existing(properties: dict[str, str], name: CollectionName = TARGET) -> Collection:
    values: dict[str, Any] = {
        "collection_id": 1,
        "database_id": 1,
        "schema": {},
        "shards": 1,
        "consistency_level": 2,
        "properties": tuple({"key": key, "value": value} for key, value in properties.items()),
        "aliases": (),
        "virtual_channels": (),
        "physical_channels": (),
        "created": 1,
    }
    return Collection(name=name, **values)


REFUSED = "refused"


@pytest.mark.parametrize(
    ("found", "backup_id", "if_fail", "if_skip"),
    [
        (None, "id", "create", "create"),
        # this backup made it: nothing to do, whatever is asked
        (existing(OURS), "id", "unchanged", "unchanged"),
        (existing({**OURS, "collection.ttl.seconds": "60"}), "id", "unchanged", "unchanged"),
        # another backup, another source, no marker, half of the markers
        (existing(OURS), "other", REFUSED, "skipped"),
        (existing({**OURS, "vectorops.source": "news"}), "id", REFUSED, "skipped"),
        (existing({**OURS, "vectorops.source": "films.docs"}), "id", REFUSED, "skipped"),
        (existing({}), "id", REFUSED, "skipped"),
        (existing({"vectorops.backup": "id"}), "id", REFUSED, "skipped"),
        # a planned backup has no id yet, and no marker is not equal to it
        (existing({}), "", REFUSED, "skipped"),
        # an alias that leads to a collection of this backup is not the target itself
        (existing(OURS, CollectionName("copy", "behind")), "id", REFUSED, "skipped"),
    ],
)
def test_decide(found: Collection | None, backup_id: str, if_fail: str, if_skip: str) -> None:
    assert decide(SOURCE, TARGET, found, backup_id, "skip") == if_skip
    if if_fail != REFUSED:
        assert decide(SOURCE, TARGET, found, backup_id, "fail") == if_fail
        return
    with pytest.raises(MilvusOpsError) as caught:
        decide(SOURCE, TARGET, found, backup_id, "fail")
    failure = caught.value.failure
    assert (failure.kind, failure.state_left) == ("target_exists", "nothing was written")
    assert failure.where == "copy.docs_bak on copy"
    assert ("an alias" in failure.cause) is (found is not None and found.name != TARGET)
