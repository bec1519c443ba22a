# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies at a backup's place: nothing, an unfinished backup, or a complete one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError
from ..store.base import ObjectStore
from .integrity import HEADER_NAME, MAX_META_BYTES, Manifest, read_manifest
from .layout import BackupLayout
from .manifest import BackupMeta
from .reading import parse_full_meta
from .verify import verify_meta

MAX_PLAN_BYTES = 64 << 20
PLAN_NAME = "plan.json"
LOCK_NAME = "lock.json"


@dataclass(frozen=True)
class Place:
    """Where one backup lies or will lie."""

    store: ObjectStore
    layout: BackupLayout

    @property
    def label(self) -> str:
        return f"{self.store.label}/{self.layout.directory}"

    @property
    def bucket(self) -> str:
        return self.store.label.rsplit("/", 1)[1]

    @property
    def lock_key(self) -> str:
        return self.layout.control + LOCK_NAME

    @property
    def plan_key(self) -> str:
        return self.layout.control + PLAN_NAME


@dataclass(frozen=True)
class CompleteBackup:
    """A committed backup; C(manifest) is None for one that another tool wrote."""

    meta: BackupMeta
    manifest: Manifest | None

    @property
    def is_partial(self) -> bool:
        """Whether collections are missing that were asked for."""
        return self.manifest is not None and bool(self.manifest.skipped)


def find_complete(place: Place) -> CompleteBackup | None:
    """The backup if its commit object is there. Raises C(corrupt) when its metadata is damaged."""
    stored = place.store.read(place.layout.commit, MAX_META_BYTES)
    return None if stored is None else open_committed(place, stored.body)


def open_committed(place: Place, body: bytes) -> CompleteBackup:
    """The backup whose C(full_meta.json) was read already. Raises C(corrupt), or C(version) for another format."""
    manifest = read_manifest(place.store, place.layout, body)
    if manifest is None and place.store.has_objects(place.plan_key):
        raise MilvusOpsError(
            "corrupt",
            "opening the backup",
            place.layout.control + HEADER_NAME,
            "this collection wrote the backup, but its integrity manifest is gone",
            next_step="use another backup; this one was altered after it was made",
        )
    if manifest is not None:
        verify_meta(place.store, place.layout, manifest, {"full_meta.json": body})
    return CompleteBackup(parse_full_meta(body, place.label + "meta/full_meta.json"), manifest)


def require_complete(place: Place) -> CompleteBackup:
    """As M(find_complete), but nothing there, or an unfinished backup, is an error that says which."""
    found = find_complete(place)
    if found is not None:
        return found
    if place.store.has_objects(place.layout.directory):
        raise MilvusOpsError(
            "incomplete",
            "opening the backup",
            place.label,
            "the backup was begun and never finished: it has no meta/full_meta.json",
            next_step="run the same backup task again; it continues where it stopped",
        )
    raise MilvusOpsError(
        "not_found",
        "opening the backup",
        place.label,
        f"there is no such backup; backups here: {', '.join(backup_names(place)[:10]) or 'none'}",
        next_step="correct name, backup_bucket_name or backup_root_path",
    )


def backup_names(place: Place) -> list[str]:
    """Every folder of the backup root path, in order of name."""
    root = f"{place.layout.root_path}/" if place.layout.root_path else ""
    return [prefix[len(root) :].rstrip("/") for prefix in place.store.list_prefixes(root)]


def unfinished_request(place: Place) -> Mapping[str, Any] | None:
    """What an unfinished backup of ours was asked for; None where there is no plan."""
    stored = place.store.read(place.plan_key, MAX_PLAN_BYTES)
    if stored is None:
        return None
    try:
        return dict(json.loads(stored.body)["request"])
    except (ValueError, TypeError, KeyError) as error:
        raise MilvusOpsError(
            "corrupt",
            "reading the plan of the unfinished backup",
            f"{place.store.label}/{place.plan_key}",
            str(error),
            next_step="remove the unfinished backup with state: absent, or choose another name",
        ) from error


def unfinished_gc_ticket(place: Place) -> str | None:
    """The ticket of a garbage collection pause that an unfinished run took: None if it took none, '' if there is none.

    A damaged plan says nothing here: whether the run may go on is decided elsewhere.
    """
    stored = place.store.read(place.plan_key, MAX_PLAN_BYTES)
    if stored is None:
        return None
    try:
        ticket = dict(json.loads(stored.body)).get("gc_ticket")
    except (ValueError, TypeError):
        return None
    return None if ticket is None else str(ticket)


def holds_foreign_objects(place: Place) -> bool:
    """Whether data or metadata lie here without a plan of ours: another tool is, or was, at work."""
    directories = (place.layout.binlogs, place.layout.meta(""))
    return any(place.store.has_objects(directory) for directory in directories)
