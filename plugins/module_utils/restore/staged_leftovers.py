# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the staged copies for an instance lie, who still reads them, and how they are removed.

A staged copy has the layout of a backup without its metadata: C(binlogs/), and a lock in C(control/). Its place is made
of digests only. One for each instance of the bucket and one for each backup, so that a later run finds what a killed
one left, and whichever name or address the bucket was reached by.
"""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from ..backup.inventory import LOCK_NAME, Place
from ..backup.layout import DELTA_LOG, INSERT_LOG, BackupLayout
from ..backup.lock import BackupLock, acquire
from ..errors import MilvusOpsError, usage_error
from ..milvus import catalog, imports
from ..milvus.bulk_imports import BulkImports
from ..milvus.collection_name import CollectionName
from ..milvus.server import Server
from ..naming import BACKUP_PROPERTY, may_be_staging
from ..store.base import ConditionFailed, ObjectStore, SourceMissing, WriteScope
from ..store.config import StoreConfig
from ..store.local import PART_PREFIX
from ..store.open import open_store

STAGING_ROOT = "vectorops_staging"
DIGITS = 16
DELETE_BATCH = 1000
SHOWN_JOBS = 10
HURRIED_CALL_SECONDS = 5.0
"""How long a run that was told to stop waits for the server's answer."""

_NAME = re.compile(rf"[0-9a-f]{{{DIGITS}}}")
_OURS = re.compile(
    rf"binlogs/({INSERT_LOG}|{DELTA_LOG})(/-?[0-9]+)+|control/{re.escape(LOCK_NAME)}|{re.escape(PART_PREFIX)}[0-9a-f]+"
)


@dataclass(frozen=True)
class StagingArea:
    """Where one instance gets staged copies: an import reads the bucket, or the disk, of its own server only.

    C(store) needs no more than to be read. C(bulk) are the import jobs of a server that runs them by REST.
    """

    config: StoreConfig
    store: ObjectStore
    server: Server
    bulk: BulkImports | None = None

    @property
    def root_path(self) -> str:
        """In a bucket beside the root path of the instance, on a disk inside it: nothing else is known to be shared.

        Beside an empty root path is inside it too. There, as on a disk, a server knows its own folders and leaves
        others alone.
        """
        if self.config.is_local:
            return f"{self.config.root_path}/{STAGING_ROOT}/{_digest('')}"
        if self.config.root_path.split("/")[0] == STAGING_ROOT:
            raise usage_error(
                "planning the staged copy",
                f"root_path={self.config.root_path}",
                f"the data of the instance lies below {STAGING_ROOT}/, where copies are staged and removed again",
                "put the backup into the target's bucket with backup_bucket_name; then nothing has to be staged",
            )
        return f"{STAGING_ROOT}/{_digest(self.config.root_path)}"

    def layout(self, backup_id: str) -> BackupLayout:
        """Where the copy of one backup lies. Raises C(usage) where the instance's own data would be in the way."""
        return BackupLayout(self.root_path, _digest(backup_id))

    def open(self, layout: BackupLayout, connections: int) -> Place:
        """One staged copy, to be written; nothing but its own folder can be."""
        return Place(open_store(self.config, WriteScope((layout.directory,)), connections), layout)


@dataclass(frozen=True)
class Leftovers:
    """What became of the staged copies of runs that have ended: places, and sentences about those that stay."""

    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        removed = (f"the staged copy that an earlier run left in {place} was removed" for place in self.removed)
        return (*removed, *self.kept)


def needs_staging(instance: StoreConfig, backup: StoreConfig) -> bool:
    """Whether a server that keeps its data in the one place cannot read the other (2.3.5 facts, second round 8)."""
    return not instance.same_service(backup) or instance.bucket != backup.bucket


def is_ours(layout: BackupLayout, key: str) -> bool:
    """Whether a key in a staged copy's folder has a shape that only restores write."""
    return key.startswith(layout.directory) and _OURS.fullmatch(key.removeprefix(layout.directory)) is not None


def remove_leftovers(area: StagingArea, *, keep: BackupLayout | None = None) -> Leftovers:
    """Remove the staged copies that ended runs left for this instance, but for the one that this run continues.

    One listing where there are none. A failure here is told and never raised: the restore does not depend on it.
    """
    if not area.config.is_local and area.config.root_path.split("/")[0] == STAGING_ROOT:
        return Leftovers()
    removed: list[str] = []
    kept: list[str] = []
    root = f"{area.root_path}/"
    try:
        for directory in area.store.list_prefixes(root):
            name = directory.removeprefix(root).rstrip("/")
            if not _NAME.fullmatch(name) or (keep is not None and directory == keep.directory):
                continue
            place = area.open(BackupLayout(area.root_path, name), connections=1)
            reason = _remove_leftover(area, place)
            if reason == "":
                removed.append(place.label)
            elif reason is not None:
                kept.append(left_behind(place, reason))
    except MilvusOpsError as error:
        if error.kind != "permission":  # a key that may not look here has not staged anything here
            kept.append(f"staged copies of earlier runs were not looked for: {error.failure.cause}")
    return Leftovers(tuple(removed), tuple(kept))


def left_behind(place: Place, reason: str) -> str:
    return f"a staged copy is left in {place.label}: {reason}; the next restore into this instance takes care of it"


def _remove_leftover(area: StagingArea, place: Place) -> str | None:
    """Empty once it is gone, or why it stays; None where nothing lies, or a living run works."""
    if not place.store.has_objects(place.layout.directory):
        return None  # services that keep folders show an empty one for a while
    foreign = _first_foreign(place)
    if foreign:
        return _not_ours(foreign)
    try:
        lock = take_lock(place, wait=0)
    except MilvusOpsError as error:
        return None if error.kind == "lock_held" else error.failure.cause
    with lock:
        return clear(area, place, lock)


def _first_foreign(place: Place) -> str:
    keys = (item.key for item in place.store.list_objects(place.layout.directory))
    return next((key for key in keys if not is_ours(place.layout, key)), "")


def _not_ours(key: str) -> str:
    return f"it holds {key}, which no restore put there"


def take_lock(place: Place, *, wait: float) -> BackupLock:
    """One run at a time works on a staged copy, or removes it. Raises C(lock_held)."""
    held = acquire(place.store, place.lock_key, str(uuid.uuid4()), wait=wait, meanwhile=lambda: None)
    if held is None:
        raise ValueError("the wait for a lock ended without it")
    return held


def clear(area: StagingArea, place: Place, lock: BackupLock, *, seconds: float | None = None) -> str:
    """Remove a staged copy, its lock excepted, if no import of the server reads it any more; else say why it stays.

    Only keys that a listing of its own folder names. C(seconds) is for a run that was told to stop.
    """
    end = None if seconds is None else time.monotonic() + seconds
    try:
        lock.renew()
        reason = still_read(area, place.layout, None if seconds is None else HURRIED_CALL_SECONDS)
        return reason or _delete(place, lock, end)
    except MilvusOpsError as error:
        return f"it could not be removed, as {error.failure.operation} failed: {error.failure.cause}"
    except (ConditionFailed, SourceMissing) as error:
        return f"it could not be removed: {error}"


def _delete(place: Place, lock: BackupLock, end: float | None) -> str:
    keys = (item.key for item in place.store.list_objects(place.layout.directory) if item.key != place.lock_key)
    foreign = ""
    while batch := list(islice(keys, DELETE_BATCH)):
        if end is not None and time.monotonic() > end:
            return "the run was told to stop before all of it was removed"
        lock.require()
        place.store.delete(key for key in batch if is_ours(place.layout, key))
        foreign = foreign or next((key for key in batch if not is_ours(place.layout, key)), "")
    return _not_ours(foreign) if foreign else ""


def still_read(area: StagingArea, layout: BackupLayout, timeout: float | None = None) -> str:
    """Why nothing below this folder may be removed yet; empty if the server reads none of it any more."""
    if area.bulk is not None:
        return still_read_by_rest(area.server, area.bulk, layout, timeout)
    return _named([str(job) for job in unfinished_jobs(area.server, layout, timeout)])


def unfinished_jobs(server: Server, layout: BackupLayout, timeout: float | None = None) -> Sequence[int]:
    """The import jobs that wait or work and read below this folder, of whichever collection: also of a dropped one."""
    jobs = imports.list_all_jobs(server, timeout)
    return [
        job.job_id
        for job in jobs
        if not (job.completed or job.failed) and any(path.startswith(layout.directory) for path in job.files.split(","))
    ]


def still_read_by_rest(server: Server, bulk: BulkImports, layout: BackupLayout, timeout: float | None) -> str:
    """A job that does not tell yet what it reads may read anything.

    A create that was not answered may become a job later, and from 2.6 on one without its objects stops all renames and
    drops of its database; so the copy stays for as long as the staging collection that it was made for.
    """
    reading = []
    for database in catalog.list_databases(server):
        for name in catalog.list_collections(server, database):
            found = catalog.find_collection(server, name) if may_be_staging(name.name) else None
            if found is not None and _digest(found.property_values.get(BACKUP_PROPERTY, "")) == layout.name:
                return f"the staging collection {name} waits for the next run, which needs it"
        for job_id in bulk.unfinished(database, timeout=timeout):
            state = bulk.state(CollectionName(database, ""), job_id)
            if not state.ended and (not state.files or any(layout.directory in file for file in state.files)):
                reading.append(job_id)
    return _named(reading)


def _named(jobs: Sequence[str]) -> str:
    if not jobs:
        return ""
    more = " and more" if len(jobs) > SHOWN_JOBS else ""
    return f"unfinished import jobs of the server read it: {', '.join(jobs[:SHOWN_JOBS])}{more}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
