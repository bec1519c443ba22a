# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source has that a backup cannot hold, or that has to end before one is made: by the version of its server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..errors import MilvusOpsError
from ..milvus.bulk_imports import V2, BulkImports
from ..milvus.catalog import Collection
from ..milvus.collection_name import CollectionName
from ..milvus.databases import Database
from ..milvus.features import CLUSTERING_LISTED_TWICE, REST_IMPORT, UNSEEN_SEGMENTS_UNLISTED, has
from ..milvus.schema import FLOAT16_VECTOR, TEXT, all_fields
from ..milvus.segments import Segment
from ..naming import ENCRYPTION_PREFIX

if TYPE_CHECKING:
    from .manifest import CollectionMeta

SHOWN_JOBS = 10
ENCRYPTED = "it is encrypted, and its keys are in no backup"


def require_backupable(version: str, collection: Collection) -> None:
    """Raises C(version) for what could be copied and not be restored."""
    cause = next(_against(version, collection), None)
    if cause is not None:
        raise _not_backupable(collection.name, cause)


def require_plain_database(database: Database | None, name: CollectionName) -> None:
    """Raises C(version) for a collection of an encrypted database."""
    if database is not None and any(key.startswith(ENCRYPTION_PREFIX) for key in database.property_values):
        raise _not_backupable(name, f"its database {database.name} is encrypted, and its keys are in no backup")


def _not_backupable(name: CollectionName, cause: str) -> MilvusOpsError:
    return MilvusOpsError("version", "planning the backup", str(name), cause, next_step="leave it out with exclude")


def _against(version: str, collection: Collection) -> Iterator[str]:
    fields = all_fields(collection.schema)
    half = [str(field["name"]) for field in fields if field.get("data_type") == FLOAT16_VECTOR]
    if half and not has(version, REST_IMPORT):
        yield f"field {', '.join(half)}: this server cannot import float16 vectors, so a backup could not be restored"
    texts = [str(field["name"]) for field in fields if field.get("data_type") == TEXT]
    if texts:
        yield f"field {', '.join(texts)} keeps its values in files of their own, which no backup of binlogs holds"
    if collection.schema.get("external_source"):
        yield "it is external: its data lie outside of Milvus, and no server imports them into such a collection"
    if collection.schema.get("enable_namespace"):
        yield "it has namespaces, and the format of backups has no place for them"
    if any(key.startswith(ENCRYPTION_PREFIX) for key in collection.property_values):
        yield ENCRYPTED


def require_exportable(collection: Collection) -> None:
    """Raises C(version) for what a server would export and nobody could restore."""
    if any(key.startswith(ENCRYPTION_PREFIX) for key in collection.property_values):
        raise MilvusOpsError(
            "version",
            "planning the backup",
            str(collection.name),
            ENCRYPTED,
            next_step="leave it out with exclude",
        )


def require_not_held(held: Iterable[CollectionMeta], name: CollectionName, collection_id: int) -> None:
    """Raises C(source_changed) for what the backup holds under an older name: its folder is named after the id."""
    for item in held:
        known = CollectionName(item.database, item.name)
        if item.collection_id == collection_id and known != name:
            raise MilvusOpsError(
                "source_changed",
                "planning the backup",
                str(name),
                f"this backup holds it already, as {known}; it was renamed since",
                state_left="what the backup holds is unchanged",
                next_step="make a backup under another name",
            )


def require_known_storage(collection: Collection, segments: list[Segment]) -> None:
    newer = sorted(segment.segment_id for segment in segments if segment.storage_version > V2)
    if newer:
        raise MilvusOpsError(
            "version",
            "planning the backup",
            f"{collection.name}, segment {newer[0]}",
            f"{len(newer)} segments have storage version 3, which servers take from a snapshot only",
            next_step="back it up with format: snapshot, or leave it out with exclude",
        )


def doubts_of(version: str, collections: Iterable[CollectionMeta]) -> Iterator[str]:
    """What a backup may hold twice without a sign of it: no list tells which segments hold the same rows.

    Nor does the server tell whether such a compaction runs, unless it is asked by the number of one.
    """
    for item in collections if has(version, CLUSTERING_LISTED_TWICE) else ():
        if item.segments and any(field.get("is_clustering_key") for field in all_fields(item.schema)):
            yield (
                f"{item.qualified_name} has a clustering key, and the server is {version}: before 2.5.0 it lists rows "
                "twice while a clustering compaction of them ends, and a backup made in that moment holds them twice; "
                "make it when no such compaction runs, and compare count(*) of what is restored with that of the source"
            )


def require_no_imports(bulk: BulkImports | None, version: str, collection: Collection) -> None:
    """Up to 2.4 the segments of an import that runs are listed, though no query sees their rows yet."""
    if bulk is None:
        return
    try:
        running = bulk.unfinished(collection.name.database, collection.name.name)
    except MilvusOpsError as error:
        if error.kind == "permission" and has(version, UNSEEN_SEGMENTS_UNLISTED):
            return
        raise
    if running:
        raise MilvusOpsError(
            "source_changed",
            "planning the backup",
            str(collection.name),
            f"imports into it are running: {', '.join(running[:SHOWN_JOBS])}",
            next_step="run the task again when they have ended",
        )
