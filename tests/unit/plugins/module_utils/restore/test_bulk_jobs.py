# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which directories the import jobs by REST name: every segment once, rows and deletes apart, one version in a job."""

from __future__ import annotations

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
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.bulk_imports import BulkJob
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.bulk_jobs import bulk_digest, bulk_jobs

ROOT = "backup/nightly/binlogs"
LAYOUT = BackupLayout("backup", "nightly")
LOGS = (FieldLogs(100, (Log(1, "", 1),)),)


def rows(number: int, *, group: int | None = None, deletes: bool = False, version: int = 0) -> SegmentMeta:
    held = LOGS if deletes else ()
    return SegmentMeta(number, 1, 5, 10, LOGS, held, number if group is None else group, storage_version=version)


def deletes(number: int, partition: int = 5) -> SegmentMeta:
    return SegmentMeta(number, 1, partition, 0, (), LOGS, number if partition > 0 else 0, is_l0=True)


def collection(example: BackupMeta, *segments: SegmentMeta, everywhere: tuple[SegmentMeta, ...] = ()) -> CollectionMeta:
    partition = PartitionMeta(5, "p", 1, segments, "Loaded")
    return replace(example.collections[0], collection_id=1, partitions=(partition,), l0_segments=everywhere)


def inserts(*ids: int) -> str:
    return f"{ROOT}/insert_log/1/5/" + "".join(f"{number}/" for number in ids)


def deltas(*ids: int) -> str:
    return f"{ROOT}/delta_log/1/" + "".join(f"{number}/" for number in ids)


def test_a_partition_is_one_job_that_names_each_group_of_segments(example: BackupMeta) -> None:
    """A server takes each child of a directory for a segment, so the directory is the one above it."""
    planned = bulk_jobs(LAYOUT, collection(example, rows(21), rows(20, deletes=True)), "2.6.0")
    files = ((inserts(20), deltas(5, 20)), (inserts(21),))
    assert planned == (BulkJob("p", files, frozenset({20, 21}), 1),)


def test_groups_of_several_segments_are_named_once(example: BackupMeta) -> None:
    held = collection(example, rows(20, group=1), rows(21, group=1, deletes=True), rows(22, group=2))
    (job,) = bulk_jobs(LAYOUT, held, "2.4.0")
    assert job.files == ((inserts(1), deltas(5, 1)), (inserts(2),))
    assert job.segments == {20, 21, 22}


def test_segments_without_groups_are_named_by_their_partition(example: BackupMeta) -> None:
    (job,) = bulk_jobs(LAYOUT, collection(example, rows(20, group=0), rows(21, group=0)), "2.4.0")
    assert (job.files, job.segments) == (((inserts(),),), {20, 21})


def test_no_directory_names_segments_alone_where_they_lie_at_two_levels(example: BackupMeta) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        bulk_jobs(LAYOUT, collection(example, rows(20, group=0), rows(21, group=7)), "2.4.0")
    assert caught.value.kind == "version"


def test_each_storage_version_has_a_job_of_its_own(example: BackupMeta) -> None:
    """The option goes for the whole job, and old segments stay in a collection until they are compacted."""
    planned = bulk_jobs(LAYOUT, collection(example, rows(20, version=2), rows(21), rows(22, version=1)), "2.6.0")
    assert [(job.storage_version, job.segments) for job in planned] == [(1, {21, 22}), (2, {20})]


def test_a_job_has_at_most_so_many_segments(example: BackupMeta) -> None:
    segments = [rows(number) for number in range(20, 27)]
    planned = bulk_jobs(LAYOUT, collection(example, *segments), "2.6.0", most=3)
    assert [sorted(job.segments) for job in planned] == [[20, 21, 22], [23, 24, 25], [26]]
    grouped = [rows(number, group=number // 2) for number in range(20, 26)]
    planned = bulk_jobs(LAYOUT, collection(example, *grouped), "2.6.0", most=3)
    assert [sorted(job.segments) for job in planned] == [[20, 21], [22, 23], [24, 25]]


def test_a_group_that_no_server_takes_is_refused(example: BackupMeta) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        bulk_jobs(LAYOUT, collection(example, *(rows(number, group=1) for number in range(20, 1045))), "2.6.0")
    assert caught.value.kind == "version"
    assert "1025 segments" in caught.value.failure.cause


@pytest.mark.parametrize(("version", "jobs"), [("2.6.4", [{30}, {31}, {-1}, {-2}]), ("2.6.5", [{30, 31}, {-1, -2}])])
def test_deletes_of_level_zero_come_last(example: BackupMeta, version: str, jobs: list[set[int]]) -> None:
    """Several in one job only from 2.6.5 on; those of all partitions after those of each."""
    everywhere = (deletes(40, partition=-1), deletes(41, partition=-1))
    planned = bulk_jobs(LAYOUT, collection(example, deletes(31), rows(20), deletes(30), everywhere=everywhere), version)
    names = {40: -1, 41: -2}
    assert [{names.get(item, item) for item in job.segments} for job in planned if job.level_zero] == jobs
    assert not planned[0].level_zero
    assert {job.partition for job in planned[1:]} == {"p", ""}
    assert planned[1].files[0] == (deltas(5, 30),)
    assert planned[-1].files[-1] == (deltas(-1, 41),)
    assert planned[-1].partition == ""


def test_deletes_alone_have_nothing_to_delete(example: BackupMeta) -> None:
    held = collection(example, deletes(30), everywhere=(deletes(40, partition=-1),))
    assert bulk_jobs(LAYOUT, held, "2.6.18") == ()


def test_what_has_no_logs_is_in_no_job(example: BackupMeta) -> None:
    """An empty directory among others is left out by the server without a word, one alone fails."""
    held = collection(example, rows(20), replace(rows(21), binlogs=()), replace(deletes(30), deltalogs=()))
    (job,) = bulk_jobs(LAYOUT, held, "2.6.18")
    assert job.segments == {20}


def test_the_digest_stands_for_exactly_these_jobs(example: BackupMeta) -> None:
    one = bulk_jobs(LAYOUT, collection(example, rows(20), rows(21)), "2.6.0")
    assert bulk_digest(one) == bulk_digest(bulk_jobs(LAYOUT, collection(example, rows(21), rows(20)), "2.6.0"))
    others = [
        bulk_jobs(LAYOUT, collection(example, rows(20), rows(21)), "2.6.0", most=1),
        bulk_jobs(BackupLayout("staged", "nightly"), collection(example, rows(20), rows(21)), "2.6.0"),
        bulk_jobs(LAYOUT, collection(example, rows(20), rows(21, version=2)), "2.6.0"),
        (replace(one[0], level_zero=True),),
    ]
    assert len({bulk_digest(one), *map(bulk_digest, others)}) == 5
