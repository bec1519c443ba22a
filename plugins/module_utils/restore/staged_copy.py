# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying a backup to where the target's server can read it, for as long as a restore takes.

The copy is made while its lock is held, continues what an earlier run left, and is removed at the end. It stays where
an import may still read it, and after failures from which the next run goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from heapq import merge

from ..backup.integrity import manifest_objects
from ..backup.inventory import CompleteBackup, Place
from ..backup.layout import DELTA_LOG, INSERT_LOG, BackupLayout
from ..backup.lock import BackupLock
from ..backup.manifest import CollectionMeta, Log
from ..backup.verify import ETAG, SIZE, Differences, compare, corrupt_error, objects_by_meta
from ..errors import Failure, MilvusOpsError
from ..progress import BYTES, Progress, Step
from ..store.base import StoredObject
from ..store.copy import Copy, CopyRun, CopyTotals
from .folding import folded_logs
from .request import RestoreRequest
from .staged_leftovers import STAGING_ROOT, StagingArea, clear, is_ours, left_behind, take_lock

CANCELLED_SECONDS = 10.0
"""How long a run that was told to stop goes on removing."""

CONTINUED_KINDS = frozenset({"ambiguous_import", "lock_held", "throttled", "timeout", "unreachable"})
"""After these the same task, run again, goes on from here; or an import job may exist that nobody heard of."""

TARGET_UNTOUCHED = "the target is untouched"
NOT_READABLE = "the backup lies where the target's server cannot read it, so it is"
NOT_IMPORTED = "the target's server does not import deletes of level zero, so these are"
_LOG = re.compile(rf"binlogs/({INSERT_LOG}|{DELTA_LOG})/([0-9]+)(?:/-?[0-9]+)+")


@dataclass(frozen=True)
class StagedPart:
    """What of a backup is copied: C(collections) with their rows, or their deletes alone.

    The deletes of level zero of those that are C(folded) are copied to each segment that they are for, too.
    """

    collections: Sequence[CollectionMeta]
    folded: Sequence[CollectionMeta] = ()
    rows: bool = True

    @property
    def size(self) -> int:
        own = [log.size for item in self.collections for field, log in _logs(item) if self.rows or field is None]
        return sum(own) + sum(copy.log.size for item in self.folded for copy in folded_logs(item))


@dataclass(frozen=True)
class StagedCopy:
    """What was copied for a restore. C(guard) raises once the copy is not this run's any more.

    C(failures) is for the caller: those of collections that did not end the run.
    """

    copied: CopyTotals
    kept_objects: int
    guard: Callable[[], None]
    failures: list[Failure] = field(default_factory=list)


@contextmanager
def staged(
    area: StagingArea,
    request: RestoreRequest,
    source: Place,
    backup: CompleteBackup,
    part: StagedPart,
    progress: Progress,
    warnings: list[str],
) -> Iterator[StagedCopy]:
    """Copy the objects of a part of the backup to C(area.layout), verify them, and remove them at the end.

    C(warnings) says what is left. Without collections nothing is touched.
    """
    if not part.collections:
        yield StagedCopy(CopyTotals(0, 0, ()), 0, lambda: None)
        return
    place = area.open(area.layout(backup.meta.backup_id), request.copy_concurrency)
    with _take_lock(place, request.lock_timeout, NOT_READABLE if part.rows else NOT_IMPORTED) as lock:
        try:
            with progress.phase("copy", source.layout.name, BYTES, part.size) as step:
                folded = _folded_objects(source, place.layout, backup, part)
                copied, kept_objects = _Transfer(request, source, place, backup, part, folded, lock, step).run()
            copy = StagedCopy(copied, kept_objects, lock.require)
            yield copy
        except MilvusOpsError as error:
            left = _end(area, place, lock, [error.failure])
            if left:
                raise error.with_context(state_left=f"{error.failure.state_left}; {left}") from error
            raise
        except BaseException:
            clear(area, place, lock, seconds=CANCELLED_SECONDS)
            raise
        with progress.phase("remove", source.layout.name):
            left = _end(area, place, lock, copy.failures)
        if left:
            warnings.append(left)


def _end(area: StagingArea, place: Place, lock: BackupLock, failures: Iterable[Failure]) -> str:
    """Remove the copy, or say why it stays."""
    continued = next((failure for failure in failures if failure.kind in CONTINUED_KINDS), None)
    reason = "the next run of the same task needs it" if continued else clear(area, place, lock)
    return left_behind(place, reason) if reason else ""


def _take_lock(place: Place, wait: float, reason: str) -> BackupLock:
    """The first write: a key that may only read is told so before anything else has happened."""
    try:
        return take_lock(place, wait=wait)
    except MilvusOpsError as error:
        if error.kind == "permission":
            raise error.with_context(
                operation="making a staged copy of the backup",
                cause=f"{reason} copied to {place.label} first, and this run may not write there: "
                f"{error.failure.cause}",
                next_step="give the key of the target (access_key_id; on a disk, the user of the module) the right to "
                f"read, write and remove below {STAGING_ROOT}/, or put the backup into the target's own bucket",
            ) from error
        raise error.with_context(operation="taking the lock of the staged copy") from error


@dataclass(frozen=True)
class _Transfer:
    """From the backup to the staged copy. Both lists are in order of key, so neither is ever held in memory."""

    request: RestoreRequest
    source: Place
    target: Place
    backup: CompleteBackup
    part: StagedPart
    folded: Mapping[str, StoredObject]
    """What is copied beside its place in the backup: by the key of the copy."""

    lock: BackupLock
    step: Step

    def run(self) -> tuple[CopyTotals, int]:
        """Copy what is missing or different; what was copied, and the number of objects that were there already."""
        try:
            totals = self._copy()
            differences = self._compare()
            if differences.unexpected:
                self._remove(differences.unexpected)
                differences = self._compare()
        except MilvusOpsError as error:
            raise error.with_context(state_left=TARGET_UNTOUCHED) from error
        if differences:
            raise MilvusOpsError(
                "verify_failed",
                "verifying the staged copy",
                self.target.label,
                differences.describe(),
                state_left=TARGET_UNTOUCHED,
                next_step="see what else writes to this bucket, then run the task again",
            )
        return totals, differences.found - totals.objects

    def _copy(self) -> CopyTotals:
        run = CopyRun(
            self.source.store,
            self.target.store,
            concurrency=self.request.copy_concurrency,
            before_each=self.lock.require,
            after_each=lambda copy: self.step.advance(copy.size),
            max_rate=self.request.max_rate,
        )
        totals = run.run(self._lacking())
        if totals.gone:
            raise MilvusOpsError(
                "source_changed",
                "making a staged copy of the backup",
                f"{self.source.store.label}/{totals.gone[0].source_key}",
                f"{len(totals.gone)} objects of the backup went missing or were changed since it was verified",
                next_step="see what writes to the backup; the next run verifies it again",
            )
        return totals

    def _lacking(self) -> Iterator[Copy]:
        staged_objects = self._staged()
        have = next(staged_objects, None)
        for want in self._wanted():
            while have is not None and have.key < want.key:
                have = next(staged_objects, None)
            if have is None or have.key != want.key or not self._same(have, want):
                yield Copy(self._source_of(want.key), self._pin(want.etag), want.size, want.key)
            else:
                self.step.advance(want.size)

    def _source_of(self, key: str) -> str:
        if key in self.folded:
            return self.folded[key].key
        return self.source.layout.directory + key.removeprefix(self.target.layout.directory)

    def _same(self, have: StoredObject, want: StoredObject) -> bool:
        return have.holds_the_same_as(want.size, want.etag if self._level == ETAG else "")

    @property
    def _level(self) -> str:
        """Who asks to compare sizes only has objects whose ETags say nothing."""
        return SIZE if self.request.verify_objects == SIZE else ETAG

    def _pin(self, etag: str) -> str:
        """The recorded ETag if it is a digest and this place has such. Others do not survive a move of the backup."""
        comparable = self._level == ETAG and "-" not in etag and not self.source.store.lacks_digests
        return etag if comparable else ""

    def _compare(self) -> Differences:
        try:
            return compare(self._wanted(), self._staged(), self._level)
        except ValueError as error:  # a forged list: out of order, or the same key twice
            raise corrupt_error(self.source.store, self.source.layout, str(error)) from error

    def _remove(self, keys: Sequence[str]) -> None:
        """What lies where the server will import from, and does not belong there, would break or falsify the import."""
        foreign = next((key for key in keys if not is_ours(self.target.layout, key)), None)
        if foreign is not None:
            raise MilvusOpsError(
                "usage",
                "verifying the staged copy",
                f"{self.target.store.label}/{foreign}",
                "the server will import from this folder, and no restore put this object there",
                next_step="remove this object, then run the task again",
            )
        self.lock.require()
        self.target.store.delete(keys)

    def _wanted(self) -> Iterator[StoredObject]:
        """What the staged copy must hold, by what the backup recorded. A key of another shape is never copied."""
        folded = (replace(item, key=key) for key, item in sorted(self.folded.items()))
        return merge(self._own(), folded, key=lambda item: item.key)

    def _own(self) -> Iterator[StoredObject]:
        """What has its place in the copy as in the backup."""
        layout, ids = self.source.layout, self._collection_ids()
        for item in _recorded(self.source, self.backup, self.part):
            relative = item.key.removeprefix(layout.directory)
            log = _LOG.fullmatch(relative)
            if log is None:
                raise corrupt_error(self.source.store, layout, f"it lists {item.key!r:.200}, which is no log")
            if log[2] in ids and (self.part.rows or log[1] == DELTA_LOG):
                yield replace(item, key=self.target.layout.directory + relative)

    def _staged(self) -> Iterator[StoredObject]:
        """What lies where these collections will be imported from."""
        prefix, ids = self.target.layout.binlogs, self._collection_ids()
        for item in self.target.store.list_objects(prefix):
            parts = item.key.removeprefix(prefix).split("/")
            if len(parts) > 1 and parts[1] in ids:
                yield item

    def _collection_ids(self) -> frozenset[str]:
        return frozenset(str(collection.collection_id) for collection in self.part.collections)


def _recorded(source: Place, backup: CompleteBackup, part: StagedPart) -> Iterable[StoredObject]:
    """The objects of the backup with their ETags, in order of key; by the metadata, where nothing else records them."""
    if backup.manifest is not None:
        return manifest_objects(source.store, source.layout, backup.manifest)
    return objects_by_meta(source.layout, replace(backup.meta, collections=tuple(part.collections)))


def _folded_objects(
    source: Place, target: BackupLayout, backup: CompleteBackup, part: StagedPart
) -> dict[str, StoredObject]:
    """The objects of level zero, each by every key that it is copied to."""
    copies = {
        copy.target_key(target): copy.source_key(source.layout) for item in part.folded for copy in folded_logs(item)
    }
    wanted = set(copies.values())
    found = {item.key: item for item in _recorded(source, backup, part) if item.key in wanted} if wanted else {}
    missing = wanted - found.keys()
    if missing:
        raise corrupt_error(source.store, source.layout, f"its list of objects lacks {min(missing)}")
    return {key: found[origin] for key, origin in copies.items()}


def _logs(collection: CollectionMeta) -> Iterator[tuple[int | None, Log]]:
    for segment in collection.segments:
        yield from segment.logs
