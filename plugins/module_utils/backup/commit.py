# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commit: manifest and meta files, C(full_meta.json) last; and its exchange when a partial backup grows.

An exchange never leaves a moment without a valid backup: the new manifest is written beside the old one, then
C(full_meta.json) is replaced, which decides which of the two manifests holds; the rest follows.

A machine may be put to sleep between the last look at the lock and a write, and wake up when another run has stolen the
lock and committed. So every write here is bound to what lay there before the lock was proven for the last time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError
from ..store.base import ConditionFailed, StoredObject
from .integrity import HEADER_NAME, MAX_META_BYTES, NEXT_HEADER_NAME, Manifest, encode_manifest, write_manifest
from .inventory import Place
from .layout import META_FILES
from .lock import BackupLock
from .manifest import BackupMeta, MetaFiles

COMMIT_FILE = META_FILES[-1]


@dataclass(frozen=True)
class Commit:
    """Writes the last objects of a backup while the lock is held."""

    place: Place
    lock: BackupLock

    def write(
        self,
        meta: BackupMeta,
        stored: Iterable[StoredObject],
        *,
        request: Mapping[str, Any],
        created: int,
        tool_version: str,
        skipped: Mapping[str, str],
        previous: Manifest | None,
    ) -> None:
        """Commit a backup; with C(previous) replace the commit of a partial one."""
        bodies = MetaFiles(meta)
        there = self._what_lies_there()
        if previous is None:
            there.pop(self.place.layout.commit, None)  # there is none, or this run must not replace it
        self.lock.renew()

        def put(key: str, body: bytes) -> None:
            self._put(key, body, there.get(key))

        manifest = write_manifest(
            put,
            self.place.layout,
            stored,
            header_name=HEADER_NAME if previous is None else NEXT_HEADER_NAME,
            backup_id=meta.backup_id,
            request=request,
            created=created,
            tool_version=tool_version,
            meta=bodies,
            skipped=skipped,
            previous=previous,
        )
        level_files = [name for name in bodies if name != COMMIT_FILE]
        order = [*level_files, COMMIT_FILE] if previous is None else [COMMIT_FILE, *level_files]
        for name in order:
            put(self.place.layout.meta(name), bodies[name])
        if previous is not None:
            self._replace(previous, manifest, put)

    def _what_lies_there(self) -> dict[str, str]:
        """ETags by key: what earlier runs left, and for a partial backup its commit."""
        layout = self.place.layout
        listed = (self.place.store.list_objects(prefix) for prefix in (layout.control, layout.meta("")))
        return {item.key: item.etag for items in listed for item in items}

    def _put(self, key: str, body: bytes, etag: str | None) -> None:
        """Write what is not there yet, or over exactly what was there. Raises C(lock_held) if another run wrote it."""
        self.lock.require()
        store = self.place.store
        try:
            store.write(key, body, if_absent=etag is None, if_etag=etag)
        except ConditionFailed as error:
            current = store.read(key, MAX_META_BYTES)
            if current is not None and current.body == body:
                return  # the answer to an earlier attempt was lost on the way
            raise MilvusOpsError(
                "lock_held",
                "committing the backup",
                f"{store.label}/{key}",
                "another run wrote this object while this one was not running",
                state_left="this run committed nothing; what was copied is kept",
                next_step="run the task again: it continues, or adopts what the other run finished",
            ) from error

    def _replace(self, previous: Manifest, manifest: Manifest, put: Callable[[str, bytes], None]) -> None:
        """The new manifest takes the place of the old one, whose shards go."""
        control = self.place.layout.control
        put(control + HEADER_NAME, encode_manifest(manifest))
        retired = [name for name, _sha in previous.shards]
        self.lock.require()
        self.place.store.delete(control + name for name in (NEXT_HEADER_NAME, *retired))
