# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which directories of a backup the import jobs of a collection name: every segment once, whatever lies how."""

from __future__ import annotations

import random
from dataclasses import replace

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
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.verify import objects_by_meta
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.imports import ImportFiles
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.jobs import data_rows, import_jobs

GIB = 1 << 30
ROOT = "backup/nightly/binlogs"
LAYOUT = BackupLayout("backup", "nightly")

Segment = tuple[int, int, int]  # group, bytes of inserts, bytes of deletes; its id is 20 and up


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


def collection(example: BackupMeta, *partitions: PartitionMeta) -> CollectionMeta:
    return replace(example.collections[0], collection_id=1, partitions=partitions, l0_segments=())


def jobs(example: BackupMeta, *partitions: PartitionMeta, job_bytes: int = 4 * GIB) -> tuple[ImportFiles, ...]:
    return import_jobs(LAYOUT, collection(example, *partitions), job_bytes)


def inserts(path: str, deletes: str = "") -> tuple[str, str]:
    return f"{ROOT}/insert_log/1/{path}", f"{ROOT}/delta_log/1/{deletes}" if deletes else ""


@pytest.mark.parametrize(
    ("segments", "directories"),
    [
        # nothing to import; deletes alone have nothing to delete
        ([], []),
        ([(20, 0, 0)], []),
        ([(20, 0, 3)], []),
        # the whole partition at once, up to 4 GiB
        ([(20, 1, 0)], [inserts("5/")]),
        ([(20, GIB, 0), (21, 3 * GIB, 0)], [inserts("5/")]),
        ([(20, 1, 0), (21, 1, 1)], [inserts("5/", "5/")]),
        ([(0, 1, 1), (0, 1, 0)], [inserts("5/", "5/")]),
        ([(20, 1, 0), (21, 0, 1)], [inserts("5/")]),
        # more than that: group by group, with the deletes of that group
        ([(20, GIB, 0), (21, 3 * GIB + 1, 0)], [inserts("5/20/"), inserts("5/21/")]),
        ([(20, 2 * GIB, 0), (21, 2 * GIB, 1)], [inserts("5/20/"), inserts("5/21/", "5/21/")]),
        ([(21, 3 * GIB, 0), (20, 3 * GIB, 0)], [inserts("5/20/"), inserts("5/21/")]),
        ([(20, 3 * GIB, 0), (21, 3 * GIB, 0), (22, 0, 9)], [inserts("5/20/"), inserts("5/21/")]),
        # a group of several segments once, as a whole while it fits
        ([(7, GIB, 0), (7, 2 * GIB, 9), (8, 2 * GIB, 0)], [inserts("5/7/", "5/7/"), inserts("5/8/")]),
        (
            [(7, 3 * GIB, 0), (7, 3 * GIB, 9), (8, 1, 0)],
            [inserts("5/7/20/"), inserts("5/7/21/", "5/7/21/"), inserts("5/8/")],
        ),
        # what cannot be split any more is one job, however large
        ([(20, 5 * GIB, 0), (21, 0, 0)], [inserts("5/")]),
        ([(20, 5 * GIB, 0), (21, 1, 0)], [inserts("5/20/"), inserts("5/21/")]),
        # no groups: the segments themselves
        ([(0, 3 * GIB, 0), (0, 3 * GIB, 1)], [inserts("5/20/"), inserts("5/21/", "5/21/")]),
        # both in one partition, and a segment of the same number as a group, which no directory tells apart
        ([(0, 3 * GIB, 0), (7, 3 * GIB, 0)], [inserts("5/7/"), inserts("5/20/")]),
        ([(0, 3 * GIB, 0), (20, 3 * GIB, 1), (8, 1, 0)], [inserts("5/8/"), inserts("5/20/", "5/20/")]),
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


def test_no_object_is_imported_twice_and_none_is_left_out(example: BackupMeta) -> None:
    """Each object with rows lies below exactly one directory, its deletes below the one of the same job."""
    generator = random.Random(12)
    split = 0
    for _unused in range(400):
        groups = generator.choice([(0,), (7, 8), (0, 7), (0, 21, 22), (20, 21, 22)])
        partitions = [
            partition(
                *(
                    (generator.choice(groups), generator.choice([0, 1, 3, 9]), generator.choice([0, 0, 2]))
                    for _each in range(generator.randrange(6))
                ),
                number=number,
                name=f"p{number}",
            )
            for number in range(1, generator.randrange(1, 5))
        ]
        job_bytes = generator.choice([1, 5, 12, 100])
        planned = jobs(example, *partitions, job_bytes=job_bytes)
        assert jobs(example, *partitions, job_bytes=job_bytes) == planned, "the plan is the same each time"
        assert all(path.endswith("/") for job in planned for path in (job.insert_directory, job.delta_directory or "/"))
        split += len(planned) > len(partitions)
        for part in partitions:
            for one in part.segments:
                require_one_job(example, planned, replace(part, segments=(one,)))
    assert split > 50


def require_one_job(example: BackupMeta, planned: tuple[ImportFiles, ...], only: PartitionMeta) -> None:
    backup = replace(example, collections=(collection(example, only),))
    keys = [item.key for item in objects_by_meta(LAYOUT, backup)]
    wanted = [key for key in keys if "/insert_log/" in key]
    readers = [job for job in planned if any(key.startswith(job.insert_directory) for key in wanted)]
    assert len(readers) == (1 if wanted else 0)
    for job in readers:
        assert job.partition == only.name
        assert all(key.startswith((job.insert_directory, job.delta_directory or " ")) for key in keys)


def test_rows_without_data_are_not_expected(example: BackupMeta) -> None:
    """Another tool counts rows of segments that were not flushed yet, or whose data it did not copy at all."""
    assert data_rows(collection(example, partition((20, 1, 0), (21, 0, 0), (0, 3, 1)))) == 2
    assert data_rows(collection(example, partition((20, 0, 0)))) == 0
