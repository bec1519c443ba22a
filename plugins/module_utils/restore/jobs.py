# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The import jobs of a collection: as few directories of a backup as its bytes allow.

Below a partition lie groups of segments, or the segments themselves (milvus-backup before 0.4.4, for partitions that
fit into one group). A server takes the segment from the end of each key, so a job may name any of these directories; it
pairs each segment with its deletes by its id, so both directories of a job are of the same level.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..backup.layout import DELTA_LOG, INSERT_LOG, BackupLayout
from ..backup.manifest import CollectionMeta, PartitionMeta, SegmentMeta
from ..milvus.imports import ImportFiles

JOB_BYTES = 4 << 30
"""One job of Milvus 2.3 has 15 minutes of work; 42 MB/s measured, a factor of ten below for slow stores."""


def import_jobs(
    layout: BackupLayout, collection: CollectionMeta, job_bytes: int = JOB_BYTES
) -> tuple[ImportFiles, ...]:
    """The jobs of one collection, in a fixed order: each partition in as few as its bytes allow.

    Jobs run one after another, at about two seconds each however small (2.3.5 facts, section 2).
    """
    return tuple(
        ImportFiles(partition.name, *directories.paths(layout, partition))
        for partition in collection.partitions
        for directories in _split(partition, job_bytes)
    )


def data_rows(collection: CollectionMeta) -> int:
    """The rows that the jobs bring. Segments may be counted in the metadata alone: then there is nothing to import."""
    return sum(segment.rows for part in collection.partitions for segment in part.segments if segment.binlogs)


@dataclass(frozen=True)
class _Directory:
    """A directory of a partition, by the ids that follow the partition's own, and the segments below it."""

    ids: tuple[int, ...]
    segments: tuple[SegmentMeta, ...]

    @property
    def size(self) -> int:
        return sum(segment.size for segment in self.segments)

    def paths(self, layout: BackupLayout, partition: PartitionMeta) -> tuple[str, str]:
        """Where the inserts lie, and the deletes: '' if there are none."""
        below = "".join(f"{number}/" for number in self.ids)
        kinds = (INSERT_LOG, DELTA_LOG) if any(segment.deltalogs for segment in self.segments) else (INSERT_LOG,)
        paths = [layout.partition_directory(kind, partition.collection_id, partition.partition_id) for kind in kinds]
        return paths[0] + below, paths[1] + below if len(paths) > 1 else ""


def _split(partition: PartitionMeta, job_bytes: int) -> Iterable[_Directory]:
    """The whole partition, or what lies in it, one or two levels down.

    A segment without inserts has no rows for its deletes to take away; a job of deletes alone would fail.
    """
    whole = _Directory((), tuple(segment for segment in partition.segments if segment.binlogs))
    if not whole.segments:
        return ()
    return (part for child in _children(whole, job_bytes) for part in _children(child, job_bytes))


def _children(directory: _Directory, job_bytes: int) -> Sequence[_Directory]:
    """The directory itself where it fits into a job or cannot be split, else the next level of directories."""
    held = defaultdict(list)
    for segment in directory.segments:
        held[_path(segment)[: len(directory.ids) + 1]].append(segment)
    if directory.size <= job_bytes or len(directory.segments) == 1 or directory.ids in held:
        return (directory,)
    return [_Directory(ids, tuple(segments)) for ids, segments in sorted(held.items())]


def _path(segment: SegmentMeta) -> tuple[int, ...]:
    """The ids between the partition's and the logs."""
    return (segment.group_id, segment.segment_id) if segment.group_id else (segment.segment_id,)
