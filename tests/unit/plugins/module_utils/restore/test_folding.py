# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes of level zero, given to exactly the segments that they are for."""

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
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.bulk_jobs import bulk_jobs
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.folding import (
    fold,
    folded_logs,
    needs_folding,
)

EVERYWHERE, FIRST, SECOND = -1, 5, 6
BACKUP, STAGED = BackupLayout("backup", "nightly"), BackupLayout("staged", "x")


def rows(number: int, partition: int, channel: str = "a", deletes: tuple[FieldLogs, ...] = ()) -> SegmentMeta:
    held = (FieldLogs(100, (Log(number * 10, "", 7),)),)
    return SegmentMeta(number, 1, partition, 10, held, deletes, number, channel=channel)


def level_zero(number: int, partition: int, channel: str = "a") -> SegmentMeta:
    logs = (FieldLogs(0, (Log(number * 10, "", 3), Log(number * 10 + 1, "", 3))),)
    group = 0 if partition == EVERYWHERE else number
    return SegmentMeta(number, 1, partition, 0, (), logs, group, is_l0=True, channel=channel)


def collection(example: BackupMeta, *segments: SegmentMeta) -> CollectionMeta:
    parts = tuple(
        PartitionMeta(number, str(number), 1, tuple(item for item in segments if item.partition_id == number), "Loaded")
        for number in (FIRST, SECOND)
    )
    wide = tuple(item for item in segments if item.partition_id == EVERYWHERE)
    return replace(example.collections[0], collection_id=1, partitions=parts, l0_segments=wide)


def given(found: CollectionMeta) -> dict[int, set[int]]:
    """The logs of deletes of each segment."""
    return {item.segment_id: {log.log_id for logs in item.deltalogs for log in logs.logs} for item in found.segments}


@pytest.mark.parametrize(
    ("deletes", "wanted"),
    [
        (level_zero(30, EVERYWHERE), {20: {300, 301}, 21: set(), 22: {300, 301}}),
        (level_zero(30, FIRST), {20: {300, 301}, 21: set(), 22: set()}),
        (level_zero(30, SECOND, "b"), {20: set(), 21: set(), 22: set()}),
        (level_zero(30, FIRST, ""), {20: {300, 301}, 21: {300, 301}, 22: set()}),
    ],
)
def test_who_gets_deletes(example: BackupMeta, deletes: SegmentMeta, wanted: dict[int, set[int]]) -> None:
    """Segments of the partition and of the channel; where a backup does not say which, all of them."""
    source = collection(example, rows(20, FIRST), rows(21, FIRST, "b"), rows(22, SECOND), deletes)
    assert given(fold(source)) == wanted
    without = replace(source, partitions=(), l0_segments=())
    assert fold(without) == without


def test_own_deletes_are_kept(example: BackupMeta) -> None:
    own = (FieldLogs(0, (Log(7, "", 1),)),)
    source = collection(example, rows(20, FIRST, deletes=own), level_zero(30, FIRST), level_zero(31, EVERYWHERE))
    assert given(fold(source)) == {20: {7, 300, 301, 310, 311}}


def test_copies_lie_where_the_segment_has_its_deletes(example: BackupMeta) -> None:
    source = collection(example, rows(20, FIRST), level_zero(30, EVERYWHERE), level_zero(31, FIRST))
    places = {item.source_key(BACKUP): item.target_key(STAGED) for item in folded_logs(source)}
    assert places == {
        "backup/nightly/binlogs/delta_log/1/-1/30/300": "staged/x/binlogs/delta_log/1/5/20/20/300",
        "backup/nightly/binlogs/delta_log/1/-1/30/301": "staged/x/binlogs/delta_log/1/5/20/20/301",
        "backup/nightly/binlogs/delta_log/1/5/31/31/310": "staged/x/binlogs/delta_log/1/5/20/20/310",
        "backup/nightly/binlogs/delta_log/1/5/31/31/311": "staged/x/binlogs/delta_log/1/5/20/20/311",
    }
    (job,) = bulk_jobs(BACKUP, fold(source), "3.0.0", deletes_in=STAGED)
    assert job.files == (("backup/nightly/binlogs/insert_log/1/5/20/", "staged/x/binlogs/delta_log/1/5/20/"),)


@pytest.mark.parametrize(("version", "needed"), [("2.4.4", True), ("2.4.5", False), ("2.6.18", False), ("3.0.0", True)])
def test_for_whom_they_are_folded(example: BackupMeta, version: str, needed: bool) -> None:
    held = collection(example, rows(20, FIRST), level_zero(30, EVERYWHERE))
    assert needs_folding(version, held) is needed
    assert not needs_folding(version, collection(example, rows(20, FIRST)))
