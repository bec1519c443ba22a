# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The moment up to which a backup is restored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import (
    BackupMeta,
    CollectionMeta,
    SnapshotMeta,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.cut import cut_of

FLUSHED = 1_700_000_000_000 << 18 | 5
BEFORE = (1_700_000_000_000 << 18) - 1


@pytest.fixture
def collection(example: BackupMeta) -> CollectionMeta:
    found = replace(example.collections[0], timestamp=FLUSHED)
    assert found.has_deletes
    return found


def without_deletes(collection: CollectionMeta) -> CollectionMeta:
    partitions = tuple(
        replace(part, segments=tuple(replace(segment, deltalogs=()) for segment in part.segments))
        for part in collection.partitions
    )
    return replace(collection, partitions=partitions, l0_segments=())


@pytest.mark.parametrize(
    ("end_ts", "cut"), [(None, BEFORE), (BEFORE - 1, BEFORE - 1), (FLUSHED, BEFORE), (FLUSHED + 1, BEFORE)]
)
def test_nothing_younger_than_the_flush_is_restored(collection: CollectionMeta, end_ts: int | None, cut: int) -> None:
    """Also where a later end is asked for: of that time the backup has deletes at most."""
    assert cut_of(collection, end_ts, ours=True) == cut


@pytest.mark.parametrize("end_ts", [None, 7, FLUSHED + 1])
def test_a_moment_that_is_not_known_cuts_nothing(collection: CollectionMeta, end_ts: int | None) -> None:
    """Of another tool's backup; of one without a flush; and without deletes every row counts, and is verified."""
    snapshot = SnapshotMeta("snapshot", 1, 1)
    assert cut_of(collection, end_ts, ours=False) == end_ts
    assert cut_of(replace(collection, timestamp=0), end_ts, ours=True) == end_ts
    assert cut_of(replace(collection, snapshot=snapshot), end_ts, ours=True) == end_ts
    assert cut_of(without_deletes(collection), end_ts, ours=True) == end_ts
