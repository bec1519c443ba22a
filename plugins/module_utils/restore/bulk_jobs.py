# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The import jobs of a collection by REST: many segments in a job, one kind of segment in each.

The server lists the directories that a job names one level deep, and takes each child for a segment; so a job names the
groups of a backup, or the partition where the segments lie in it directly.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from ..backup.layout import ALL_PARTITIONS, DELTA_LOG, INSERT_LOG, BackupLayout
from ..backup.manifest import CollectionMeta, PartitionMeta, SegmentMeta
from ..errors import MilvusOpsError
from ..milvus.bulk_imports import V1, BulkJob
from ..milvus.features import SEVERAL_L0_IN_A_JOB, has

SEGMENTS_PER_JOB = 256
"""As milvus-backup has it; servers take 1024 unless they are told otherwise."""

MOST_SEGMENTS = 1024
DIGEST_DIGITS = 16


def bulk_jobs(
    layout: BackupLayout,
    collection: CollectionMeta,
    version: str,
    most: int = SEGMENTS_PER_JOB,
    *,
    deletes_in: BackupLayout | None = None,
) -> tuple[BulkJob, ...]:
    """The jobs of one collection in a fixed order: the rows of each partition, then the deletes of level zero.

    Deletes take away only what is there, so they come last, and not at all where there are no rows. Those of segments
    may lie in another place than the rows.
    """
    places = {INSERT_LOG: layout, DELTA_LOG: deletes_in or layout}
    data = [job for partition in collection.partitions for job in _of_rows(places, partition, most)]
    deletes = _of_deletes(layout, collection, most if has(version, SEVERAL_L0_IN_A_JOB) else 1)
    return (*data, *deletes) if data else ()


def bulk_digest(jobs: Iterable[BulkJob]) -> str:
    """Stands for exactly these jobs in this order: a staging collection is continued for the same ones only."""
    spelled = [(job.partition, job.files, sorted(job.segments), job.storage_version, job.level_zero) for job in jobs]
    return hashlib.sha256(json.dumps(spelled).encode()).hexdigest()[:DIGEST_DIGITS]


def is_level_zero(segment: SegmentMeta) -> bool:
    return segment.is_l0 or segment.partition_id == ALL_PARTITIONS


def _of_rows(places: Mapping[str, BackupLayout], partition: PartitionMeta, most: int) -> Iterator[BulkJob]:
    """A segment without inserts has no rows for its deletes to take away; a directory without segments would fail."""
    groups = defaultdict(list)
    for segment in partition.segments:
        if segment.binlogs and not is_level_zero(segment):
            groups[_version(segment), segment.group_id].append(segment)
    _require_one_level(partition, {group for _version_of, group in groups})
    for version, members in groupby(sorted(groups.items()), key=lambda item: item[0][0]):
        for batch in _batches([segments for _key, segments in members], most):
            yield BulkJob(
                partition.name,
                tuple(_paths(places, group) for group in batch),
                frozenset(segment.segment_id for group in batch for segment in group),
                storage_version=version,
            )


def _version(segment: SegmentMeta) -> int:
    """Backups of older servers say 0, which is version 1."""
    return max(V1, segment.storage_version)


def _paths(places: Mapping[str, BackupLayout], group: Sequence[SegmentMeta]) -> tuple[str, ...]:
    first = group[0]
    kinds = (INSERT_LOG, DELTA_LOG) if any(segment.deltalogs for segment in group) else (INSERT_LOG,)
    return tuple(
        places[kind].group_directory(kind, first.collection_id, first.partition_id, first.group_id) for kind in kinds
    )


def _batches(groups: Iterable[Sequence[SegmentMeta]], most: int) -> Iterator[list[Sequence[SegmentMeta]]]:
    """Groups together as long as their segments fit; one that is larger alone is a job of its own."""
    batch: list[Sequence[SegmentMeta]] = []
    for group in groups:
        if batch and sum(map(len, batch)) + len(group) > most:
            yield batch
            batch = []
        batch.append(group)
        if len(group) > MOST_SEGMENTS:
            raise _not_importable(group[0], f"{len(group)} segments lie in one directory, more than a server takes")
    if batch:
        yield batch


def _require_one_level(partition: PartitionMeta, groups: set[int]) -> None:
    if 0 in groups and len(groups) > 1:
        cause = "some of its segments lie in groups and others beside them, so no directory names only segments"
        raise _not_importable(partition.segments[0], cause)


def _of_deletes(layout: BackupLayout, collection: CollectionMeta, most: int) -> Iterator[BulkJob]:
    """Those of each partition, then those of all partitions."""
    places = [(part.name, [item for item in part.segments if is_level_zero(item)]) for part in collection.partitions]
    for partition, segments in (*places, ("", list(collection.l0_segments))):
        chosen = sorted((item for item in segments if item.deltalogs), key=lambda item: item.segment_id)
        for first in range(0, len(chosen), most):
            batch = chosen[first : first + most]
            yield BulkJob(
                partition,
                tuple((_delta_directory(layout, segment),) for segment in batch),
                frozenset(segment.segment_id for segment in batch),
                level_zero=True,
            )


def _delta_directory(layout: BackupLayout, segment: SegmentMeta) -> str:
    """Listed at every depth by the server, so the level of the group does no harm."""
    ids = (segment.collection_id, segment.partition_id)
    if segment.group_id:
        return layout.group_directory(DELTA_LOG, *ids, segment.group_id)
    return layout.segment_directory(DELTA_LOG, *ids, 0, segment.segment_id)


def _not_importable(segment: SegmentMeta, cause: str) -> MilvusOpsError:
    return MilvusOpsError(
        "version",
        "planning the import jobs",
        f"collection {segment.collection_id}, partition {segment.partition_id} of the backup",
        cause,
        next_step="restore this backup into a server of the 2.3 line, and make a new backup there",
    )
