# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes of level zero for servers that do not import them: given to the segments whose rows they take away.

An import compares the deletes of a segment with its rows by key and time, and level zero has the same files. So a copy
of each of them beside the deletes of every segment that it is for has the same effect, and nothing needs to be read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ..backup.layout import ALL_PARTITIONS, BackupLayout, LogKey
from ..backup.manifest import CollectionMeta, FieldLogs, Log, SegmentMeta
from ..milvus.features import L0_IMPORT, has
from .bulk_jobs import is_level_zero

MOST_COPIES = 100_000
"""Of one collection: more small objects than that take longer than folding the backup itself."""

ANY_CHANNEL = ""
"""What a backup says that was made before the server told it."""


@dataclass(frozen=True)
class FoldedLog:
    """A log of level zero, and the segment that gets a copy of it."""

    log: Log
    source: SegmentMeta
    target: SegmentMeta

    def source_key(self, layout: BackupLayout) -> str:
        return _key(layout, self.source, self.log)

    def target_key(self, layout: BackupLayout) -> str:
        return _key(layout, self.target, self.log)


def needs_folding(version: str, collection: CollectionMeta) -> bool:
    """Whether the server of this version would not import all deletes of the collection."""
    held = any(is_level_zero(segment) and segment.deltalogs for segment in collection.segments)
    return held and not has(version, L0_IMPORT)


def folded_logs(collection: CollectionMeta) -> Iterator[FoldedLog]:
    """Each log of level zero for each segment of its partition, or of all, and of its channel, if both are known."""
    rows = [segment for segment in collection.segments if segment.binlogs and not is_level_zero(segment)]
    for source in (segment for segment in collection.segments if is_level_zero(segment)):
        for target in rows:
            same_place = source.partition_id in (ALL_PARTITIONS, target.partition_id)
            if same_place and (ANY_CHANNEL in (source.channel, target.channel) or source.channel == target.channel):
                yield from (FoldedLog(log, source, target) for _field, log in source.logs)


def fold(collection: CollectionMeta) -> CollectionMeta:
    """The collection as if its deletes of level zero were those of its segments."""
    added: Mapping[int, list[Log]] = defaultdict(list)
    for item in folded_logs(collection):
        added[item.target.segment_id].append(item.log)
    partitions = tuple(
        replace(
            partition,
            segments=tuple(
                _with_deletes(segment, added.get(segment.segment_id, []))
                for segment in partition.segments
                if not is_level_zero(segment)
            ),
        )
        for partition in collection.partitions
    )
    return replace(collection, partitions=partitions, l0_segments=())


def _with_deletes(segment: SegmentMeta, logs: list[Log]) -> SegmentMeta:
    return replace(segment, deltalogs=(*segment.deltalogs, FieldLogs(0, tuple(logs)))) if logs else segment


def _key(layout: BackupLayout, segment: SegmentMeta, log: Log) -> str:
    own = LogKey(segment.collection_id, segment.partition_id, segment.segment_id, None, log.log_id)
    return layout.log(own, segment.group_id)
