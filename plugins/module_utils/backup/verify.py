# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the objects of a backup are all there and unaltered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..errors import MilvusOpsError
from ..store.base import ObjectStore, StoredObject
from .integrity import Manifest, digest, manifest_objects
from .layout import BackupLayout, LogKey
from .manifest import BackupMeta

SIZE, ETAG = "size", "etag"
LEVELS = (SIZE, ETAG)
SHOWN_OBJECTS = 10


@dataclass(frozen=True)
class Differences:
    """Keys that are missing, altered, or present without being part of the backup; counts and the first few."""

    missing: tuple[str, ...]
    altered: tuple[str, ...]
    unexpected: tuple[str, ...]
    found: int

    def __bool__(self) -> bool:
        return bool(self.missing or self.altered or self.unexpected)

    def describe(self) -> str:
        parts = []
        for word, keys in (("missing", self.missing), ("altered", self.altered), ("unexpected", self.unexpected)):
            if keys:
                more = f" and {len(keys) - SHOWN_OBJECTS} more" if len(keys) > SHOWN_OBJECTS else ""
                parts.append(f"{len(keys)} {word}: {', '.join(keys[:SHOWN_OBJECTS])}{more}")
        return "; ".join(parts)


def compare(expected: Iterable[StoredObject], listed: Iterable[StoredObject], level: str) -> Differences:
    """Compare two lists, each sorted by key, at C(size) or C(etag); memory holds the differences only."""
    missing: list[str] = []
    altered: list[str] = []
    unexpected: list[str] = []
    found = 0
    for want, have in _pairs(expected, listed):
        if want is None and have is not None:
            unexpected.append(have.key)
        elif have is None and want is not None:
            missing.append(want.key)
        elif want is not None and have is not None:
            found += 1
            if want.size != have.size or (level != SIZE and not have.holds_the_same_as(want.size, want.etag)):
                altered.append(want.key)
    return Differences(tuple(missing), tuple(altered), tuple(unexpected), found)


def verify_backup(
    store: ObjectStore, layout: BackupLayout, backup: BackupMeta, manifest: Manifest | None, level: str
) -> None:
    """Check every object of a complete backup by one listing. Raises C(corrupt) that names the first ones.

    Without an integrity manifest (a backup of another tool) the sizes in its metadata are all there is to compare.
    """
    if manifest is None:
        expected: Iterator[StoredObject] = iter(objects_by_meta(layout, backup))
        level = SIZE
    else:
        expected = manifest_objects(store, layout, manifest)
    differences = compare(expected, store.list_objects(layout.binlogs), level)
    if differences:
        raise MilvusOpsError(
            "corrupt",
            "verifying the backup",
            f"{store.label}/{layout.directory}",
            differences.describe(),
            next_step="restore these objects from another copy, or make a backup under another name; "
            "a complete backup is never repaired silently",
        )


def verify_meta(store: ObjectStore, layout: BackupLayout, manifest: Manifest, bodies: Mapping[str, bytes]) -> None:
    """Check meta files that were read against their recorded digests. Raises C(corrupt)."""
    for name, body in bodies.items():
        if manifest.meta.get(name) != digest(body):
            raise MilvusOpsError(
                "corrupt",
                "verifying the backup",
                f"{store.label}/{layout.meta(name)}",
                "the metadata is not what was written when the backup was made",
                next_step="use another backup; this one was altered after it was made",
            )


def objects_by_meta(layout: BackupLayout, backup: BackupMeta) -> list[StoredObject]:
    """The objects that the metadata names, sorted by key; their ETags are unknown."""
    objects = []
    for collection in backup.collections:
        for segment in collection.segments:
            for field_id, log in segment.logs:
                key = LogKey(segment.collection_id, segment.partition_id, segment.segment_id, field_id, log.log_id)
                objects.append(StoredObject(layout.log(key, segment.group_id), log.size, ""))
    return sorted(objects, key=lambda item: item.key)


def _pairs(
    expected: Iterable[StoredObject], listed: Iterable[StoredObject]
) -> Iterator[tuple[StoredObject | None, StoredObject | None]]:
    """Both lists side by side, key by key. Raises ValueError when one is not sorted: a pair would go unseen."""
    left, right = _checked_order(expected), _checked_order(listed)
    want, have = next(left, None), next(right, None)
    while want is not None or have is not None:
        if have is None or (want is not None and want.key < have.key):
            yield want, None
            want = next(left, None)
        elif want is None or have.key < want.key:
            yield None, have
            have = next(right, None)
        else:
            yield want, have
            want, have = next(left, None), next(right, None)


def _checked_order(objects: Iterable[StoredObject]) -> Iterator[StoredObject]:
    last = ""
    for item in objects:
        if item.key <= last:
            raise ValueError(f"a listing is not in order: {item.key!r} after {last!r}")
        last = item.key
        yield item
