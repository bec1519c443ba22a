# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore will do, decided before anything is created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..backup.layout import BackupLayout
from ..backup.manifest import BackupMeta, CollectionMeta
from ..errors import MilvusOpsError
from ..milvus import catalog
from ..milvus.catalog import Collection, CollectionName
from ..milvus.imports import ImportFiles
from ..milvus.schema import FLOAT16_VECTOR, stored_fields
from ..milvus.server import Server
from ..naming import BACKUP_PROPERTY, SOURCE_PROPERTY, staging_name
from .jobs import import_jobs

FAIL, SKIP = "fail", "skip"
IF_EXISTS = (FAIL, SKIP)
CREATE, UNCHANGED, SKIPPED = "create", "unchanged", "skipped"
PLANNED = "planned"


@dataclass(frozen=True)
class CollectionRestore:
    """One collection: what becomes of it, and by which import jobs."""

    source: CollectionMeta
    target: CollectionName
    staging: CollectionName
    action: str
    jobs: tuple[ImportFiles, ...]

    @property
    def source_name(self) -> CollectionName:
        return CollectionName(self.source.database, self.source.name)


@dataclass(frozen=True)
class RestorePlan:
    """The whole restore; C(databases) are those that will be created."""

    collections: tuple[CollectionRestore, ...]
    databases: tuple[str, ...]

    @property
    def changes(self) -> bool:
        return any(item.action == CREATE for item in self.collections)


def plan_restore(
    server: Server,
    layout: BackupLayout,
    backup: BackupMeta,
    targets: Mapping[CollectionName, CollectionName],
    *,
    if_exists: str,
) -> RestorePlan:
    """Plan each selected collection. Raises C(target_exists) and C(version) before anything is created."""
    known = set(catalog.list_databases(server))
    by_name = {CollectionName(item.database, item.name): item for item in backup.collections}
    plans = []
    for source, target in sorted(targets.items()):
        existing = catalog.find_collection(server, target) if target.database in known else None
        action = decide(source, target, existing, backup.backup_id, if_exists)
        meta = by_name[source]
        _refuse_what_cannot_be_imported(meta)
        staging = CollectionName(target.database, staging_name(target.name, backup.backup_id))
        plans.append(CollectionRestore(meta, target, staging, action, import_jobs(layout, meta)))
    needed = {plan.target.database for plan in plans if plan.action == CREATE}
    return RestorePlan(tuple(plans), tuple(sorted(needed - known)))


def plan_missing_backup(
    server: Server, targets: Mapping[CollectionName, CollectionName], *, if_exists: str
) -> tuple[dict[CollectionName, str], tuple[str, ...]]:
    """The states, by source, and new databases of a restore whose backup does not exist yet (check mode)."""
    known = set(catalog.list_databases(server))
    states = {}
    for source, target in targets.items():
        existing = catalog.find_collection(server, target) if target.database in known else None
        states[source] = PLANNED if decide(source, target, existing, "", if_exists) == CREATE else SKIPPED
    needed = {target.database for source, target in targets.items() if states[source] == PLANNED}
    return states, tuple(sorted(needed - known))


def decide(
    source: CollectionName, target: CollectionName, existing: Collection | None, backup_id: str, if_exists: str
) -> str:
    """What becomes of one target. Raises C(target_exists) for a collection that this backup did not make."""
    if existing is None:
        return CREATE
    properties = existing.property_values
    markers = (properties.get(BACKUP_PROPERTY), properties.get(SOURCE_PROPERTY))
    if markers == (backup_id, str(source)) and existing.name == target:
        return UNCHANGED
    if if_exists == SKIP:
        return SKIPPED
    what = "an alias of this name" if existing.name != target else "a collection of this name"
    raise MilvusOpsError(
        "target_exists",
        "planning the restore",
        f"{target} on {existing.name.database}",
        f"there is {what}, and this backup did not make it",
        next_step="choose another name with suffix or rename, or set if_exists: skip to leave it alone",
    )


def _refuse_what_cannot_be_imported(collection: CollectionMeta) -> None:
    half = [str(field["name"]) for field in stored_fields(collection.schema) if field["data_type"] == FLOAT16_VECTOR]
    reason = ""
    if half:
        reason = f"its field {', '.join(half)} holds float16 vectors, which this server cannot import"
    elif collection.l0_segments or any(segment.is_l0 for segment in collection.segments):
        reason = "it has level-zero deletes, which this server cannot import"
    elif any(segment.storage_version not in (0, 1) for segment in collection.segments):
        reason = "its segments have a storage version that this server cannot import"
    if reason:
        raise MilvusOpsError(
            "version",
            "planning the restore",
            collection.qualified_name,
            reason,
            next_step="restore into a newer server line, or leave this collection out",
        )
