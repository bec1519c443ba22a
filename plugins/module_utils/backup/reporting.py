# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup as results and diffs show it: counts and names, never whole lists of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .inventory import Place
from .manifest import BackupMeta, CollectionMeta

if TYPE_CHECKING:
    from .create import BackupOutcome  # reports about what exists do without all that makes a backup


def backup_result(outcome: BackupOutcome, place: Place) -> dict[str, Any]:
    """The RV(backup) value of milvus_backup; the same shape for a plan and for what exists."""
    return {
        **place_result(place),
        "id": outcome.meta.backup_id,
        "exists": outcome.exists,
        "state": state_of(outcome),
        "skipped_collections": dict(outcome.skipped_collections),
        "foreign": outcome.foreign,
        "created": outcome.created,
        "server_version": outcome.meta.server_version,
        "collections": [collection_result(item) for item in outcome.meta.collections],
        "rows": known_rows(*outcome.meta.collections),
        "objects": outcome.meta.objects,
        "bytes": outcome.meta.size,
    }


def state_of(outcome: BackupOutcome) -> str:
    if not outcome.exists:
        return "planned"
    return "partial" if outcome.skipped_collections else "complete"


def place_result(place: Place) -> dict[str, str]:
    return {"name": place.layout.name, "path": place.layout.directory, "bucket": place.bucket}


def collection_result(collection: CollectionMeta) -> dict[str, Any]:
    return {
        "database": collection.database,
        "name": collection.name,
        "rows": known_rows(collection),
        "segments": None if collection.snapshot else len(collection.segments),
        "objects": collection.objects,
        "bytes": collection.size,
    }


def known_rows(*collections: CollectionMeta) -> int | None:
    """The rows of all of these; None where a snapshot is among them whose rows were not counted."""
    rows = [item.rows if item.snapshot is None else item.snapshot.rows for item in collections]
    counted = [number for number in rows if number is not None]
    return sum(counted) if len(counted) == len(rows) else None


def backup_text(meta: BackupMeta) -> str:
    """One line for each collection, for C(--diff)."""
    lines = []
    for item in sorted(meta.collections, key=lambda item: item.qualified_name):
        values = collection_result(item)
        held = f"{values['rows']} rows, {values['segments']} segments"
        if item.snapshot is not None:
            held = "a snapshot" if values["rows"] is None else f"a snapshot of {values['rows']} rows"
        lines.append(f"{item.qualified_name}: {held}, {values['objects']} objects, {values['bytes']} bytes")
    return "".join(line + "\n" for line in lines)
