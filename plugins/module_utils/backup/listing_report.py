# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups as milvus_backup_info and milvus_backup_prune show them: bounded results, whatever a place holds."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from .listing import FoundBackup
from .manifest import BINLOG_FORMAT, BackupMeta, CollectionMeta
from .prune import Candidate, Pruned
from .reporting import collection_result, known_rows, place_result
from .verify import SHOWN_OBJECTS, Verification

SHOWN_COLLECTIONS = 50


def found_result(found: FoundBackup, verification: Verification | None, *, detail: bool) -> dict[str, Any]:
    """One backup; C(detail) adds all of its collections with partitions and indexes, and what it was asked for."""
    meta = found.complete.meta if found.complete else None
    manifest = found.complete.manifest if found.complete else None
    result = {
        **place_result(found.place),
        "state": found.state,
        "reason": found.reason,
        "foreign": found.foreign,
        "created": None if found.moment is None else int(found.moment),
        "created_at": time_text(found.moment),
        "age": None if found.age is None else int(found.age),
        "in_use_by": [*([found.holder] if found.holder else []), *found.restores],
        "verified": None if verification is None else verification_result(verification),
        **_content_result(meta),
    }
    if detail:
        result["details"] = [] if meta is None else [_collection_detail(item) for item in meta.collections]
        result["request"] = dict(manifest.request) if manifest else None
        result["tool_version"] = manifest.tool_version if manifest else None
    return result


def verification_result(verification: Verification) -> dict[str, Any]:
    differences = verification.differences
    named = {"missing": differences.missing, "altered": differences.altered, "unexpected": differences.unexpected}
    return {
        "level": verification.level,
        "sound": not verification.damage,
        "objects": differences.found,
        "proven": verification.proven,
        "unproven": verification.unproven,
        **{word: len(keys) for word, keys in named.items()},
        "sample": {word: list(keys[:SHOWN_OBJECTS]) for word, keys in named.items() if keys},
        **({"error": verification.error} if verification.error else {}),
    }


def prune_result(pruned: Pruned) -> dict[str, Any]:
    return {
        "kept": [{**_candidate_result(item), "rules": list(rules)} for item, rules in pruned.kept],
        "removed": [
            {**_candidate_result(item), "objects": removal.objects, "bytes": removal.bytes}
            for item, removal in pruned.removed
        ],
        "skipped_backups": [{**_candidate_result(item), "reason": reason} for item, reason in pruned.skipped],
    }


def prune_text(pruned: Pruned, *, removed: bool) -> str:
    """The backups by name and date, for C(--diff): before, or after the removal."""
    stay = [*(item for item, _rules in pruned.kept), *(item for item, _reason in pruned.skipped)]
    gone = [item for item, _removal in pruned.removed]
    shown = stay if removed else stay + gone
    return "".join(f"{item.name} {time_text(item.moment)}\n" for item in sorted(shown, key=lambda item: item.name))


def time_text(moment: float | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(int(moment), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _candidate_result(candidate: Candidate) -> dict[str, Any]:
    return {
        "name": candidate.name,
        "state": candidate.state,
        "foreign": candidate.foreign,
        "created": None if candidate.moment is None else int(candidate.moment),
        "created_at": time_text(candidate.moment),
        "group": candidate.group,
    }


def _content_result(meta: BackupMeta | None) -> dict[str, Any]:
    if meta is None:
        empty = {"format": "", "rows": None, "objects": None, "bytes": None}
        return {"id": "", "server_version": "", "collections": [], "collection_count": None, **empty}
    names = sorted(item.qualified_name for item in meta.collections)
    return {
        "id": meta.backup_id,
        "server_version": meta.server_version,
        "collections": names[:SHOWN_COLLECTIONS],
        "collection_count": len(names),
        "format": meta.format or BINLOG_FORMAT,
        "rows": known_rows(*meta.collections),
        "objects": meta.objects,
        "bytes": meta.size,
    }


def _collection_detail(collection: CollectionMeta) -> dict[str, Any]:
    return {
        **collection_result(collection),
        "partitions": [
            {
                "name": partition.name,
                "rows": None if collection.snapshot else partition.rows,
                "segments": None if collection.snapshot else len(partition.segments),
            }
            for partition in collection.partitions
        ],
        "indexes": [
            {"field": index.field_name, "name": index.name, "type": index.index_type} for index in collection.indexes
        ],
        "fields": _field_names(collection.schema.get("fields")),
        "aliases": list(collection.aliases),
        "load_state": collection.load_state,
        "has_deletes": None if collection.snapshot else collection.has_deletes,
    }


def _field_names(fields: Any) -> list[str]:
    """The names in a schema that another tool may have written; none where it has another shape."""
    return [str(field["name"]) for field in fields or [] if isinstance(field, dict) and "name" in field]
