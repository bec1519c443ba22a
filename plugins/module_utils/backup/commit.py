# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commit: manifest and meta files, C(full_meta.json) last; and its exchange when a partial backup grows.

An exchange never leaves a moment without a valid backup: the new manifest is written beside the old one, then
C(full_meta.json) is replaced, which decides which of the two manifests holds; the rest follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..store.base import StoredObject
from .integrity import HEADER_NAME, NEXT_HEADER_NAME, Manifest, encode_manifest, write_manifest
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
        self.lock.require()
        manifest = write_manifest(
            self.place.store,
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
        self.lock.renew()
        level_files = [name for name in bodies if name != COMMIT_FILE]
        order = [*level_files, COMMIT_FILE] if previous is None else [COMMIT_FILE, *level_files]
        for name in order:
            self.lock.require()
            self.place.store.write(self.place.layout.meta(name), bodies[name])
        if previous is not None:
            self._replace(previous, manifest)

    def _replace(self, previous: Manifest, manifest: Manifest) -> None:
        """The new manifest takes the place of the old one, whose shards go."""
        control = self.place.layout.control
        self.place.store.write(control + HEADER_NAME, encode_manifest(manifest))
        retired = [name for name, _sha in previous.shards]
        self.place.store.delete(control + name for name in (NEXT_HEADER_NAME, *retired))
