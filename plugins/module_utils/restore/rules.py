# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server cannot take, said before anything is written to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..backup.manifest import CollectionMeta
from ..errors import MilvusOpsError
from ..milvus.bulk_imports import V1, V2
from ..milvus.features import (
    ADDED_FIELDS,
    RENAME_LOSES_COLLECTION,
    SNAPSHOT,
    STORAGE_V2,
    has,
    limits_of,
)
from ..milvus.field_order import field_order
from ..milvus.schema import FIRST_VECTOR_TYPE, FLOAT16_VECTOR, SYSTEM_FIELD_IDS, all_fields, field_ids, stored_fields
from ..milvus.server import Server
from .bulk_jobs import is_level_zero
from .folding import MOST_COPIES, folded_logs, needs_folding
from .request import AS_BACKUP, RestoreRequest

MOST_VECTOR_FIELDS = 10
"""No server starts with more in its settings."""

CHANNELS = 65536
"""Of shards times partitions, on a whole server, unless it is configured otherwise."""

NEWER_LINE = "restore into a newer server line, leave this collection out, or restore meta_only"


def require_restorable(
    server: Server,
    source: CollectionMeta,
    request: RestoreRequest,
    *,
    by_rest: bool,
) -> None:
    """Raises C(version) for the first thing that this server cannot take, or would take and lose."""
    found = next(_against_publishing(server.version), None)
    if found is None and not request.meta_only and source.snapshot is None:
        found = next(_against_numbering(server.version, source), None)
    if found is None and by_rest:
        found = next(_against_creating(source), None)
    if found is None and not request.meta_only:
        if source.snapshot is not None:
            against = _against_snapshot(server.version, source.shards, request)
        else:
            against = _against_bulk_import(server.version, source) if by_rest else _against_import(source)
        found = next(against, None)
    if found is not None:
        cause, advice = found
        raise MilvusOpsError("version", "planning the restore", source.qualified_name, cause, next_step=advice)


def require_whole_segments(made_on: str, source: CollectionMeta) -> None:
    """Raises C(corrupt) for rows that are counted, and whose data nothing names: none of them would be imported.

    So for a segment without the data of a field, which servers from 2.6 on fill and say nothing. On servers that cannot
    add a field every segment has all of them, whatever may be null.
    """
    _require_data_of_rows(source)
    if has(made_on, ADDED_FIELDS):
        return
    hidden = field_order(source.schema).hidden_id
    wanted = {*SYSTEM_FIELD_IDS, *(int(field.get("fieldID") or 0) for field in all_fields(source.schema))}
    wanted |= {hidden} if hidden is not None else set()
    for segment in source.segments:
        missing = wanted - {logs.field_id for logs in segment.binlogs}
        if segment.binlogs and segment.storage_version <= V1 and missing:
            raise MilvusOpsError(
                "corrupt",
                "planning the restore",
                f"{source.qualified_name}, segment {segment.segment_id}",
                f"the backup has no data of its fields {sorted(missing)}, which a server of {made_on} writes for each",
                next_step="use another backup of this collection",
            )


def _require_data_of_rows(source: CollectionMeta) -> None:
    """Older releases of milvus-backup count the segments in a backup of metadata alone."""
    for segment in source.segments:
        if segment.rows and not segment.binlogs and not is_level_zero(segment):
            raise MilvusOpsError(
                "corrupt",
                "planning the restore",
                f"{source.qualified_name}, segment {segment.segment_id}",
                f"the backup counts {segment.rows} rows here and names no data of them: it holds metadata alone, or "
                "was damaged",
                next_step="use another backup, or set meta_only: true to restore the collection without rows",
            )


def _against_publishing(version: str) -> Iterator[tuple[str, str]]:
    if has(version, RENAME_LOSES_COLLECTION):
        yield (
            f"the server is {version}, where a collection that was renamed is gone after the next restart; a restored "
            "one gets its name by a rename",
            "upgrade the server to 2.5.15 or newer",
        )


def _against_numbering(version: str, source: CollectionMeta) -> Iterator[tuple[str, str]]:
    """An import matches binlogs to fields by number alone, and the server gives the numbers."""
    order, wanted = field_order(source.schema), field_ids(source.schema)
    names = {str(field["name"]) for field in order.added}
    used = {name for function in source.schema.get("functions") or [] for name in _fields_of(function)}
    dropped = _stored_numbers(source) - {*SYSTEM_FIELD_IDS, *wanted.values(), order.hidden_id}
    if order.given_ids != wanted or dropped:
        more = f", and there are data of {sorted(dropped)}" if dropped else ""
        yield (
            f"its fields have numbers that no server would give them again ({_spelled(wanted)}{more}), as after a "
            "field was dropped, and imports go by them",
            "copy this collection by the server's own means, or restore it meta_only",
        )
    if names and not has(version, ADDED_FIELDS):
        yield f"its fields {sorted(names)} were added after it was created, which {version} cannot do", NEWER_LINE
    if names & used:
        yield (
            f"a function works on its fields {sorted(names & used)}, which were added after it was created",
            "copy this collection by the server's own means",
        )


def _stored_numbers(source: CollectionMeta) -> set[int]:
    """Those of fields that have values, as far as that can be seen: from storage version 2 on files hold several."""
    hidden = {int(field.get("fieldID") or 0) for field in source.schema.get("fields") or [] if field.get("is_dynamic")}
    columns = (segment for segment in source.segments if segment.storage_version <= V1)
    return hidden | {logs.field_id for segment in columns for logs in segment.binlogs}


def _fields_of(function: Mapping[str, Any]) -> list[str]:
    return [*(function.get("input_field_names") or []), *(function.get("output_field_names") or [])]


def _spelled(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(numbers.items(), key=lambda item: item[1]))


def _against_creating(source: CollectionMeta) -> Iterator[tuple[str, str]]:
    vectors = _vector_fields(source)
    if vectors > MOST_VECTOR_FIELDS:
        yield f"it has {vectors} vector fields, and servers take at most {MOST_VECTOR_FIELDS}", "leave it out"


def above_defaults(version: str, source: CollectionMeta, request: RestoreRequest) -> Iterator[str]:
    """What the server takes only if its operator has raised a limit, which nobody can ask for.

    If not, it refuses the collection, or one of its partitions, before anything is imported.
    """
    limits, vectors, partitions = limits_of(version), _vector_fields(source), len(source.partitions)
    if vectors > limits.vector_fields:
        yield f"it has {vectors} vector fields, {_unless(version, limits.vector_fields, 'proxy.maxVectorFieldNum')}"
    if partitions > limits.partitions:
        yield f"it has {partitions} partitions, {_unless(version, limits.partitions, 'rootCoord.maxPartitionNum')}"
    channels = (request.shards or source.shards) * partitions
    if channels > CHANNELS:
        setting = _unless(version, CHANNELS, "rootCoord.maxGeneralCapacity")
        yield f"its shards times its partitions are {channels}, {setting}; a smaller shards_num may do"


def _unless(version: str, number: int, setting: str) -> str:
    return f"and {version} takes {number} unless {setting} was raised"


def _vector_fields(source: CollectionMeta) -> int:
    return sum(field["data_type"] >= FIRST_VECTOR_TYPE for field in stored_fields(source.schema))


def _against_snapshot(version: str, shards: int, request: RestoreRequest) -> Iterator[tuple[str, str]]:
    """The server makes the collection as the snapshot has it."""
    if not has(version, SNAPSHOT):
        yield f"it is a snapshot, which {version} does not know", "restore into 3.0 or newer, or restore meta_only"
    if request.shards not in (None, shards):
        yield f"it is a snapshot, which keeps its {shards} shards", "leave out shards_num"
    if request.end_ts is not None:
        yield "it is a snapshot, which is brought back as a whole", "leave out end_ts"
    if request.index != AS_BACKUP:
        yield "it is a snapshot, which brings its indexes along", "leave out index"


def _against_import(source: CollectionMeta) -> Iterator[tuple[str, str]]:
    """By gRPC, on servers up to 2.3."""
    half = [str(field["name"]) for field in stored_fields(source.schema) if field["data_type"] == FLOAT16_VECTOR]
    if half:
        yield f"its field {', '.join(half)} holds float16 vectors, which this server cannot import", NEWER_LINE
    if any(is_level_zero(segment) for segment in source.segments):
        yield "it has level-zero deletes, which this server cannot import", NEWER_LINE
    if any(segment.storage_version > V1 for segment in source.segments):
        yield "its segments have a storage version that this server cannot import", NEWER_LINE


def _against_bulk_import(version: str, source: CollectionMeta) -> Iterator[tuple[str, str]]:
    if any(segment.storage_version > V2 for segment in source.segments):
        yield (
            "its segments have storage version 3, which servers take from a snapshot only",
            "back it up again with format: snapshot",
        )
    if any(segment.storage_version > V1 for segment in source.segments) and not has(version, STORAGE_V2):
        yield f"its segments have storage version 2, which {version} cannot import", "restore into 2.6 or newer"
    copies = sum(1 for _log in folded_logs(source)) if needs_folding(version, source) else 0
    if copies > MOST_COPIES:
        yield (
            f"it has level-zero deletes, {version} does not import them, and giving them to the segments would take "
            f"{copies} copies",
            "fold them into the backup with l0compact of milvus-backup, or back it up again after a compaction"
            + (", or with format: snapshot" if has(version, SNAPSHOT) else ""),
        )
