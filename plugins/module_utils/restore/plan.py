# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore will do, decided before anything is created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..backup.layout import BackupLayout
from ..backup.manifest import BackupMeta, CollectionMeta
from ..errors import MilvusOpsError
from ..milvus import catalog
from ..milvus.catalog import Collection, CollectionName
from ..milvus.imports import ImportFiles
from ..milvus.schema import FLOAT16_VECTOR, lost_defaults, stored_fields
from ..milvus.server import Server
from ..naming import BACKUP_PROPERTY, CONTENT_PROPERTY, SOURCE_PROPERTY, staging_name
from .adjust import Adjustment, plan_adjustment
from .aliases import WantedAliases, wanted_aliases
from .jobs import import_jobs
from .rbac import RbacPlan
from .replacement import Standing, look
from .request import REPLACE, REPLACE_RESTORED, SKIP, RestoreRequest

CREATE, REPLACED, UPDATE, UNCHANGED, SKIPPED = "create", "replace", "update", "unchanged", "skip"
BUILDS = (CREATE, REPLACED)


@dataclass(frozen=True)
class CollectionRestore:
    """One collection: what becomes of it, and by which import jobs. C(replaces) is what has the target's name now."""

    source: CollectionMeta
    target: CollectionName
    staging: CollectionName
    action: str
    jobs: tuple[ImportFiles, ...] = ()
    replaces: Collection | None = None
    aliases: WantedAliases = field(default_factory=WantedAliases)
    adjustment: Adjustment = field(default_factory=Adjustment)

    @property
    def source_name(self) -> CollectionName:
        return CollectionName(self.source.database, self.source.name)

    @property
    def not_carried(self) -> tuple[str, ...]:
        """What the backup holds and the target will not have, in words, as far as that can be known beforehand."""
        lost = lost_defaults(self.source.schema)
        return (
            *(f"default value of field {name} of {self.target}: the backup lost it" for name in lost),
            *self.aliases.taken,
        )

    @property
    def builds(self) -> bool:
        """Whether a collection will be built and imported into."""
        return self.action in BUILDS


@dataclass(frozen=True)
class RestorePlan:
    """The whole restore; C(databases) are those that will be created.

    C(interrupted) are targets whose replacement an earlier run began and did not end: this one ends it first.
    """

    collections: tuple[CollectionRestore, ...]
    databases: tuple[str, ...]
    interrupted: tuple[CollectionName, ...] = ()
    rbac: RbacPlan = field(default_factory=RbacPlan)

    @property
    def builds(self) -> tuple[CollectionRestore, ...]:
        return tuple(item for item in self.collections if item.builds)

    @property
    def changes(self) -> bool:
        changed = any(item.builds or item.action == UPDATE for item in self.collections)
        return changed or bool(self.interrupted) or self.rbac.changes


def plan_restore(
    server: Server,
    layout: BackupLayout,
    backup: BackupMeta,
    targets: Mapping[CollectionName, CollectionName],
    request: RestoreRequest,
) -> RestorePlan:
    """Plan each selected collection. Raises C(target_exists) and C(version) before anything is created.

    C(layout) is where the server will read the objects: the backup itself, or its staged copy.
    """
    known = set(catalog.list_databases(server))
    by_name = {CollectionName(item.database, item.name): item for item in backup.collections}
    items, interrupted = [], []
    for source, target in sorted(targets.items()):
        meta = by_name[source]
        standing = look(server, target) if target.database in known else Standing()
        if standing.interrupted:
            interrupted.append(target)
        action = decide(source, target, standing.existing, backup.backup_id, request.if_exists, request.content)
        staging = CollectionName(target.database, staging_name(target.name, backup.backup_id))
        item = CollectionRestore(meta, target, staging, action)
        items.append(_detailed(server, layout, item, standing, request, new_database=target.database not in known))
    needed = {item.target.database for item in items if item.builds}
    return RestorePlan(tuple(items), tuple(sorted(needed - known)), tuple(interrupted))


def _detailed(
    server: Server,
    layout: BackupLayout,
    item: CollectionRestore,
    standing: Standing,
    request: RestoreRequest,
    *,
    new_database: bool,
) -> CollectionRestore:
    if item.action == SKIPPED:
        return item
    existing = standing.existing
    wanted = item.source.aliases if request.aliases else ()
    aliases = WantedAliases(wanted) if new_database else wanted_aliases(server, item.target, wanted, existing)
    if item.builds:
        _refuse_what_cannot_be_imported(item.source, meta_only=request.meta_only)
        jobs = () if request.meta_only else import_jobs(layout, item.source)
        return replace(item, jobs=jobs, replaces=existing, aliases=aliases)
    if existing is None or standing.found_as is None:
        return item
    adjustment = plan_adjustment(server, item.source, standing.found_as, request, aliases)
    action = UPDATE if adjustment.changes else UNCHANGED
    return replace(item, action=action, aliases=aliases, adjustment=adjustment)


def plan_missing_backup(
    server: Server, targets: Mapping[CollectionName, CollectionName], request: RestoreRequest
) -> tuple[dict[CollectionName, str], tuple[str, ...]]:
    """The actions, by source, and new databases of a restore whose backup does not exist yet (check mode)."""
    known = set(catalog.list_databases(server))
    actions = {}
    for source, target in targets.items():
        standing = look(server, target) if target.database in known else Standing()
        actions[source] = decide(source, target, standing.existing, "", request.if_exists, request.content)
    needed = {target.database for source, target in targets.items() if actions[source] in BUILDS}
    return actions, tuple(sorted(needed - known))


def decide(
    source: CollectionName,
    target: CollectionName,
    existing: Collection | None,
    backup_id: str,
    if_exists: str,
    content: str = "",
) -> str:
    """What becomes of one target. Raises C(target_exists) for a collection that may not be touched."""
    if existing is None:
        return CREATE
    if existing.name == target:
        properties = existing.property_values
        made_by = properties.get(BACKUP_PROPERTY)
        markers = (made_by, properties.get(SOURCE_PROPERTY), properties.get(CONTENT_PROPERTY, ""))
        if markers == (backup_id, str(source), content):
            return UNCHANGED
        if if_exists == REPLACE or (if_exists == REPLACE_RESTORED and made_by):
            return REPLACED
    if if_exists == SKIP:
        return SKIPPED
    raise _target_exists(target, existing, backup_id, if_exists)


def _target_exists(target: CollectionName, existing: Collection, backup_id: str, if_exists: str) -> MilvusOpsError:
    made_by = existing.property_values.get(BACKUP_PROPERTY)
    advice = "choose another name with suffix or rename, or set if_exists: skip to leave it alone"
    if existing.name != target:
        cause = f"there is an alias of this name, which leads to {existing.name}"
    elif made_by and made_by == backup_id:
        cause = "there is a collection of this name, made from another collection or another part of this backup"
        advice += ", or replace_restored to replace it"
    elif made_by:
        cause = f"there is a collection of this name, restored from another backup (id {made_by})"
        advice += ", or replace_restored to replace it"
    else:
        cause = "there is a collection of this name, and no restore made it"
        advice += ", or replace to replace it" if if_exists != REPLACE_RESTORED else ", or replace to replace it anyway"
    return MilvusOpsError(
        "target_exists", "planning the restore", f"{target} on {target.database}", cause, next_step=advice
    )


def _refuse_what_cannot_be_imported(collection: CollectionMeta, *, meta_only: bool) -> None:
    if meta_only:
        return
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
            next_step="restore into a newer server line, leave this collection out, or restore meta_only",
        )
