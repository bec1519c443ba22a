# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every backup of one place, whoever wrote it and whatever state it is in; looking never writes.

A backup that cannot be read is named with the reason: one broken backup must not hide the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from ..errors import MilvusOpsError
from ..store.base import StoredBytes
from .in_use import restores_in_progress
from .integrity import MAX_META_BYTES
from .inventory import (
    MAX_PLAN_BYTES,
    NOT_COMMITTED,
    CompleteBackup,
    Place,
    backup_names,
    open_committed,
    open_level_files,
)
from .layout import PARTS, known_backup_name
from .lock import live_holder
from .reading import LEVEL_FILES

COMPLETE, PARTIAL, UNFINISHED = "complete", "partial", "unfinished"
BROKEN, UNSUPPORTED = "broken", "unsupported"


@dataclass(frozen=True)
class FoundBackup:
    """One backup as it lies there.

    C(moment) is Unix seconds, never later than the store's own stamp, so that a forged or future date counts as now;
    for an unfinished backup it is its last sign of life, None if that is not known. C(complete) is set for C(COMPLETE)
    and C(PARTIAL), C(commit_etag) for whatever has a commit. C(holder) and C(restores) are at work on it now.
    """

    place: Place
    state: str
    reason: str
    foreign: bool
    moment: float | None
    store_now: float | None
    complete: CompleteBackup | None
    commit_etag: str
    holder: str | None
    restores: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.place.layout.name

    @property
    def age(self) -> float | None:
        return None if self.moment is None or self.store_now is None else max(0.0, self.store_now - self.moment)


@dataclass(frozen=True)
class _Opened:
    """What the commit object, or its absence, says; C(stamp) is that object."""

    state: str
    reason: str
    foreign: bool
    complete: CompleteBackup | None = None
    stamp: StoredBytes | None = None


def matching_names(place: Place, pattern: str) -> list[str]:
    """Every folder of the backup root path that the glob means, in order of name; C(place) may have any name."""
    return [name for name in backup_names(place) if fnmatchcase(name, pattern)]


def examine(place: Place) -> FoundBackup | None:
    """What lies in one folder; None if it is no backup. Raises only what concerns the store as a whole."""
    directory = place.layout.directory
    parts = {prefix[len(directory) :] for prefix in place.store.list_prefixes(directory)}
    if not parts.intersection(PARTS):
        return None  # no backup, nor what is left of one
    try:
        known_backup_name(place.layout.name)
    except MilvusOpsError as error:
        opened = _Opened(BROKEN, f"its folder's name is none of a backup: {error.failure.cause}", True)
        return _found(place, opened, set())
    control = {item.key for item in place.store.list_objects(place.layout.control)} if "control/" in parts else set()
    own = {key for key in control if not key.startswith(place.layout.restores)}
    opened = _open(place, foreign=not own)
    if opened.state == UNFINISHED and not place.store.has_objects(directory):
        return None  # some services show the folders of what was removed for a while
    return _found(place, opened, control)


def _found(place: Place, opened: _Opened, control: set[str]) -> FoundBackup:
    stamps = [opened.stamp] if opened.stamp else _signs_of_life(place, control)
    return FoundBackup(
        place=place,
        state=opened.state,
        reason=opened.reason,
        foreign=opened.foreign,
        moment=_moment(opened, stamps),
        store_now=max((stamp.store_now for stamp in stamps), default=None),
        complete=opened.complete,
        commit_etag=opened.stamp.etag if opened.stamp else "",
        holder=live_holder(place.store, place.lock_key) if place.lock_key in control else None,
        restores=restores_in_progress(place) if any(key.startswith(place.layout.restores) for key in control) else (),
    )


def _open(place: Place, *, foreign: bool) -> _Opened:
    commit = None
    try:
        commit = place.store.read(place.layout.commit, MAX_META_BYTES)
        if commit is None:
            return _open_levels(place) if foreign else _Opened(UNFINISHED, NOT_COMMITTED, False)
        complete = open_committed(place, commit.body)
    except MilvusOpsError as error:
        if error.kind not in ("corrupt", "version"):
            raise
        state = UNSUPPORTED if error.kind == "version" else BROKEN
        return _Opened(state, f"{error.failure.where}: {error.failure.cause}", foreign, stamp=commit)
    if complete.manifest is not None and complete.is_partial:
        missing = ", ".join(sorted(complete.manifest.skipped))
        return _Opened(PARTIAL, f"collections that were asked for are missing: {missing}", False, complete, commit)
    return _Opened(COMPLETE, "", complete.manifest is None, complete, commit)


def _open_levels(place: Place) -> _Opened:
    """A backup of another tool without C(full_meta.json): from the time before that file, or unfinished."""
    levels = open_level_files(place)
    state = UNFINISHED if levels.complete is None else COMPLETE
    return _Opened(state, levels.gap, True, levels.complete, levels.stamp)


def _signs_of_life(place: Place, control: set[str]) -> list[StoredBytes]:
    """The control objects of an unfinished backup: a run writes its plan anew and renews its lock."""
    keys = [key for key in (place.plan_key, place.lock_key) if key in control]
    stored = (_small(place, key) for key in keys)
    return [item for item in stored if item is not None]


def _small(place: Place, key: str) -> StoredBytes | None:
    """A control object, None also for one that is too large to be any."""
    try:
        return place.store.read(key, MAX_PLAN_BYTES)
    except MilvusOpsError as error:
        if error.kind != "corrupt":
            raise
        return None


def _moment(opened: _Opened, stamps: Sequence[StoredBytes]) -> float | None:
    """When it was committed. The store's clock is the upper bound of every date that a backup claims for itself."""
    latest = max((min(stamp.modified, stamp.store_now) for stamp in stamps), default=None)
    manifest = opened.complete.manifest if opened.complete else None
    return latest if latest is None or manifest is None else max(0.0, min(float(manifest.created), latest))


def commit_etag(place: Place) -> str:
    """The ETag of what commits the backup, as in C(FoundBackup.commit_etag) of a complete one; '' without it.

    Also under a lock of ours, by which a backup from before C(full_meta.json) reads like an unfinished one.
    """
    for key in (place.layout.commit, place.layout.meta(LEVEL_FILES[0])):
        stored = place.store.read(key, MAX_META_BYTES)
        if stored is not None:
            return stored.etag
    return ""


def without_content(found: FoundBackup) -> FoundBackup:
    """The same without its metadata, for a list of many."""
    return replace(found, complete=None)


def newest_complete(found: Iterable[FoundBackup]) -> FoundBackup | None:
    """The newest complete one; of two of the same second the one whose name sorts last."""
    complete = (item for item in found if item.state == COMPLETE and item.moment is not None)
    return max(complete, key=lambda item: (item.moment or 0.0, item.name), default=None)
