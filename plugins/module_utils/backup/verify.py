# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the objects of a backup are all there and unaltered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..errors import MilvusOpsError
from ..progress import Step
from ..store.base import ObjectStore, StoredObject
from ..store.copy import Copy
from .bundle import examine_bundles, published
from .content import read_again
from .integrity import MAX_META_BYTES, Manifest, knows, manifest_objects
from .layout import ALL_PARTITIONS, DELTA_LOG, INSERT_LOG, BackupLayout, LogKey
from .manifest import BackupMeta

SIZE, ETAG, CONTENT = "size", "etag", "content"
LEVELS = (SIZE, ETAG, CONTENT)
SHOWN_OBJECTS = 10
Keyed = TypeVar("Keyed", StoredObject, Copy)


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
    for want, have in side_by_side(expected, listed):
        if want is None and have is not None:
            unexpected.append(have.key)
        elif have is None and want is not None:
            missing.append(want.key)
        elif want is not None and have is not None:
            found += 1
            if want.size != have.size or (level != SIZE and not have.holds_the_same_as(want.size, want.etag)):
                altered.append(want.key)
    return Differences(tuple(missing), tuple(altered), tuple(unexpected), found)


@dataclass(frozen=True)
class Verification:
    """What was found at which level. C(proven) and C(unproven) count the objects whose bytes were read again.

    C(error) says why nothing could be compared, where the list of objects itself is damaged, or what does not add up.
    """

    level: str
    differences: Differences
    proven: int = 0
    unproven: int = 0
    error: str = ""

    @property
    def damage(self) -> str:
        """What is wrong, in words; empty if nothing is."""
        return "; ".join(filter(None, (self.error, self.differences.describe())))


def check_backup(
    store: ObjectStore, layout: BackupLayout, backup: BackupMeta, manifest: Manifest | None, level: str
) -> Verification:
    """Compare every object of a complete backup with what is recorded: by one listing, and for C(content) by its bytes.

    From C(etag) on the meta files are compared with their digests too. Raises C(corrupt) for an unreadable manifest.

    Without an integrity manifest (a backup of another tool) the sizes in its metadata are all there is to compare, so
    C(etag) comes down to C(size) there, and C(content) proves that all of it can be read and is what the store stored.
    """
    if manifest is None and backup.is_snapshot:
        return _check_bundles(store, layout, backup, level)

    def recorded() -> Iterator[StoredObject]:
        return iter(objects_by_meta(layout, backup)) if manifest is None else manifest_objects(store, layout, manifest)

    reached = SIZE if manifest is None and level == ETAG else level
    try:
        differences = compare(recorded(), _listed(store, layout, backup, manifest), level)
    except ValueError as error:  # a forged list: out of order, or the same key twice
        raise corrupt_error(store, layout, str(error)) from error
    if level != SIZE and manifest is not None:
        differences = _and_altered(differences, *_damaged_meta(store, layout, manifest))
    if level != CONTENT:
        return Verification(reached, differences)
    known = {*differences.missing, *differences.altered}
    content = read_again(store, (item for item in recorded() if item.key not in known))
    differences = _and_altered(differences, content.missing, content.altered)
    return Verification(CONTENT, differences, content.proven, content.unproven)


def _check_bundles(store: ObjectStore, layout: BackupLayout, backup: BackupMeta, level: str) -> Verification:
    """Snapshots of another tool: what is known by name must be there, and of the rest as much as was exported."""
    found = examine_bundles(store, layout, backup)
    differences = Differences(found.missing, (), (), len(found.objects))
    error = "; ".join(found.lacking)
    if level != CONTENT:
        return Verification(SIZE, differences, error=error)
    content = read_again(store, found.objects)
    differences = _and_altered(differences, content.missing, content.altered)
    return Verification(CONTENT, differences, content.proven, content.unproven, error)


def _listed(
    store: ObjectStore, layout: BackupLayout, backup: BackupMeta, manifest: Manifest | None
) -> Iterator[StoredObject]:
    """What lies there and counts: all of it in a backup of ours, and nothing else may lie there.

    A partial one may be growing: objects of collections that it lacks do not count yet. Another tool copies partitions
    that it then leaves out of its metadata; no import reads them. A server may still export a collection that a killed
    run had chosen and the next one did not find any more.
    """
    if backup.is_snapshot:
        exported = published(layout, store.list_objects(layout.bundle))
        own = {str(collection.collection_id) for collection in backup.collections}
        return (item for item in exported if _first_folder(layout.bundle, item) in own)
    listed = store.list_objects(layout.binlogs)
    if manifest is not None and not manifest.skipped:
        return listed
    counted = _directories(backup, partitions=manifest is None)
    depth = 2 if manifest is not None else 3
    return (item for item in listed if tuple(item.key.removeprefix(layout.binlogs).split("/")[:depth]) in counted)


def _first_folder(prefix: str, item: StoredObject) -> str:
    return item.key.removeprefix(prefix).split("/", 1)[0]


def _directories(backup: BackupMeta, *, partitions: bool) -> set[tuple[str, ...]]:
    """Kind and id of each collection, or kind and ids of each of its partitions, as they follow each other in a key."""
    found: set[tuple[str, ...]] = set()
    for collection in backup.collections:
        own, parts = collection.collection_id, [part.partition_id for part in collection.partitions]
        paths = [(own, part) for part in (*parts, ALL_PARTITIONS)] if partitions else [(own,)]
        found.update((kind, *map(str, path)) for kind in (INSERT_LOG, DELTA_LOG) for path in paths)
    return found


def find_damage(
    store: ObjectStore, layout: BackupLayout, backup: BackupMeta, manifest: Manifest | None, level: str
) -> Verification:
    """As M(check_backup), but a damaged list of objects is a finding too, and no exception."""
    try:
        return check_backup(store, layout, backup, manifest, level)
    except MilvusOpsError as error:
        if error.kind != "corrupt":
            raise
        cause = f"{error.failure.where}: {error.failure.cause}"
        return Verification(level, Differences((), (), (), 0), error=cause)


def verify_backup(
    store: ObjectStore, layout: BackupLayout, backup: BackupMeta, manifest: Manifest | None, level: str
) -> Verification:
    """As M(check_backup), but raises C(corrupt) that names the first differences."""
    found = check_backup(store, layout, backup, manifest, level)
    if found.damage:
        raise corrupt_error(store, layout, found.damage)
    return found


def verify_copied_content(
    store: ObjectStore, copied: Iterable[StoredObject], before_each: Callable[[], None], step: Step
) -> None:
    """Read again what was just copied, before the commit. Raises C(verify_failed)."""
    content = read_again(store, copied, before_each=before_each, after_each=step.advance)
    differences = Differences(content.missing, content.altered, (), content.proven + content.unproven)
    if differences:
        raise MilvusOpsError(
            "verify_failed",
            "verifying the copied objects",
            store.label,
            f"the bytes are not those that were copied: {differences.describe()}",
            state_left="the backup is not committed; what was copied is kept",
            next_step="check the storage; remove the unfinished backup with state: absent and make it again",
        )


def corrupt_error(store: ObjectStore, layout: BackupLayout, cause: str) -> MilvusOpsError:
    return MilvusOpsError(
        "corrupt",
        "verifying the backup",
        f"{store.label}/{layout.directory}",
        cause,
        next_step="restore these objects from another copy, or make a backup under another name; "
        "a complete backup is never repaired silently",
    )


def _and_altered(found: Differences, missing: Sequence[str], altered: Sequence[str]) -> Differences:
    return Differences((*found.missing, *missing), (*found.altered, *altered), found.unexpected, found.found)


def _damaged_meta(store: ObjectStore, layout: BackupLayout, manifest: Manifest) -> tuple[list[str], list[str]]:
    """The meta files that are missing, and those that are not what was written."""
    missing, altered = [], []
    for name in manifest.meta:
        stored = store.read(layout.meta(name), MAX_META_BYTES)
        if stored is None:
            missing.append(layout.meta(name))
        elif not knows(manifest, name, stored.body):
            altered.append(layout.meta(name))
    return missing, altered


def verify_meta(store: ObjectStore, layout: BackupLayout, manifest: Manifest, bodies: Mapping[str, bytes]) -> None:
    """Check meta files that were read against their recorded digests. Raises C(corrupt)."""
    for name, body in bodies.items():
        if not knows(manifest, name, body):
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


def side_by_side(
    expected: Iterable[Keyed], listed: Iterable[StoredObject]
) -> Iterator[tuple[Keyed | None, StoredObject | None]]:
    """Both lists, key by key. Raises ValueError when one is not sorted: a pair would go unseen."""
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


def _checked_order(objects: Iterable[Keyed]) -> Iterator[Keyed]:
    last = ""
    for item in objects:
        if item.key <= last:
            raise ValueError(f"a listing is not in order: {item.key!r} after {last!r}")
        last = item.key
        yield item
