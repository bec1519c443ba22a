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
        "rows": outcome.meta.rows,
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
        "rows": collection.rows,
        "segments": len(collection.segments),
        "objects": sum(segment.objects for segment in collection.segments),
        "bytes": collection.size,
    }


def backup_text(meta: BackupMeta) -> str:
    """One line for each collection, for C(--diff)."""
    lines = []
    for item in sorted(meta.collections, key=lambda item: item.qualified_name):
        values = collection_result(item)
        lines.append(
            f"{item.qualified_name}: {values['rows']} rows, {values['segments']} segments, "
            f"{values['objects']} objects, {values['bytes']} bytes"
        )
    return "".join(line + "\n" for line in lines)
