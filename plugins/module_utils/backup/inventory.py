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
from ..store.base import ObjectStore, StoredBytes
from .integrity import HEADER_NAME, MAX_META_BYTES, Manifest, read_manifest
from .layout import ALL_PARTITIONS, CUTOVER_FOLDER, DELTA_LOG, BackupLayout
from .manifest import BackupMeta
from .reading import LEVEL_FILES, parse_full_meta, parse_level_files
from .verify import verify_meta

MAX_PLAN_BYTES = 64 << 20
MOST_SHOWN = 10
PLAN_NAME = "plan.json"
LOCK_NAME = "lock.json"
NOT_COMMITTED = "it was begun and never finished: it has no meta/full_meta.json"
UNLISTED_DELETES = "it has deletes of all partitions, which only the missing full_meta.json could name"


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


@dataclass(frozen=True)
class LevelBackup:
    """What the four files say that came before C(full_meta.json): a whole backup, or in C(gap) what it lacks.

    C(stamp) is the first of the files, where the backup is whole.
    """

    complete: CompleteBackup | None = None
    gap: str = ""
    stamp: StoredBytes | None = None


def find_complete(place: Place) -> CompleteBackup | None:
    """The backup if it is committed, whoever wrote it. Raises C(corrupt) when its metadata is damaged."""
    stored = place.store.read(place.layout.commit, MAX_META_BYTES)
    return open_level_files(place).complete if stored is None else open_committed(place, stored.body)


def open_committed(place: Place, body: bytes) -> CompleteBackup:
    """The backup whose C(full_meta.json) was read already. Raises C(corrupt), or C(version) for another format."""
    manifest = read_manifest(place.store, place.layout, body)
    if manifest is None and place.store.has_objects(place.plan_key):
        raise MilvusOpsError(
            "corrupt",
            "opening the backup",
            f"{place.store.label}/{place.layout.control}{HEADER_NAME}",
            "this collection wrote the backup, but its integrity manifest is gone",
            next_step="use another backup; this one was altered after it was made",
        )
    if manifest is not None:
        verify_meta(place.store, place.layout, manifest, {"full_meta.json": body})
    return CompleteBackup(parse_full_meta(body, place.label + "meta/full_meta.json"), manifest)


def open_level_files(place: Place) -> LevelBackup:
    """The backup of a place without C(full_meta.json), which milvus-backup writes since 0.3.1.

    One of ours is unfinished without it, whatever else is there. So is one of another tool that has deletes which the
    four files leave out: read without them, deleted rows would come back.
    """
    if holds_own_objects(place):
        return LevelBackup(gap=NOT_COMMITTED)
    stored: dict[str, StoredBytes] = {}
    for name in LEVEL_FILES:
        body = place.store.read(place.layout.meta(name), MAX_META_BYTES)
        if body is None:
            return LevelBackup(gap=f"it has neither meta/full_meta.json nor meta/{name}")
        stored[name] = body
    meta = parse_level_files({name: item.body for name, item in stored.items()}, place.label + "meta/")
    for collection in meta.collections:
        deletes = place.layout.partition_directory(DELTA_LOG, collection.collection_id, ALL_PARTITIONS)
        if place.store.has_objects(deletes):
            return LevelBackup(gap=f"{UNLISTED_DELETES}: {deletes}")
    return LevelBackup(CompleteBackup(meta, None), stamp=stored[LEVEL_FILES[0]])


def require_complete(place: Place) -> CompleteBackup:
    """As M(find_complete), but nothing there, or an unfinished backup, is an error that says which."""
    found = find_complete(place)
    if found is not None:
        return found
    if not place.store.has_objects(place.layout.directory):
        raise MilvusOpsError(
            "not_found",
            "opening the backup",
            place.label,
            f"there is no such backup; backups here: {_shown(place.layout.name, backup_names(place))}",
            next_step="correct name, backup_bucket_name or backup_root_path",
        )
    ours = holds_own_objects(place)
    raise MilvusOpsError(
        "incomplete",
        "opening the backup",
        place.label,
        NOT_COMMITTED if ours else f"another tool began it and did not finish: {open_level_files(place).gap}",
        next_step="run the same backup task again; it continues where it stopped"
        if ours
        else "use another backup, or make this one again under another name",
    )


def _shown(wanted: str, names: list[str]) -> str:
    """Those first that are written most like the one that was asked for: a wrong name is often nearly right."""
    from difflib import get_close_matches  # for an error alone

    shown = get_close_matches(wanted, names, MOST_SHOWN, cutoff=0.0)
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{', '.join(shown)}{more}" if names else "none"


def holds_own_objects(place: Place) -> bool:
    """Whether this collection wrote here, other than the locks of restores: those are in other tools' backups too."""
    listed = place.store.list_objects(place.layout.control)
    return any(not item.key.startswith(place.layout.restores) for item in listed)


def backup_names(place: Place) -> list[str]:
    """Every folder of the backup root path but that of the records of cut-overs, in order of name."""
    root = f"{place.layout.root_path}/" if place.layout.root_path else ""
    names = (prefix[len(root) :].rstrip("/") for prefix in place.store.list_prefixes(root))
    return [name for name in names if name != CUTOVER_FOLDER]


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
    """Whether anything lies here but control objects: another tool is, or was, at work, or it is no backup at all."""
    layout = place.layout
    return any(
        not layout.may_hold(item.key) or item.key.startswith((layout.binlogs, layout.bundle, layout.meta("")))
        for item in place.store.list_objects(layout.directory)
    )
