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
from ..milvus.bulk_imports import BulkImports, BulkJob
from ..milvus.catalog import Collection
from ..milvus.collection_name import DEFAULT_DATABASE, CollectionName
from ..milvus.imports import ImportFiles
from ..milvus.rbac import Grant
from ..milvus.schema import lost_defaults
from ..milvus.server import Server
from ..milvus.snapshots import require_snapshots, snapshot_uri
from ..naming import BACKUP_PROPERTY, CONTENT_PROPERTY, SOURCE_PROPERTY, staging_name
from .adjust import Adjustment, plan_adjustment
from .aliases import WantedAliases, wanted_aliases
from .bulk_jobs import bulk_jobs
from .cut import cut_of
from .databases import NewDatabase, new_databases, require_usable
from .folding import fold, needs_folding
from .grants import grants_to_keep
from .jobs import import_jobs
from .rbac import RbacPlan
from .replacement import Standing, look
from .request import COUNT, REPLACE, REPLACE_RESTORED, SKIP, RestoreRequest
from .rules import above_defaults, require_restorable, require_whole_segments

CREATE, REPLACED, UPDATE, UNCHANGED, SKIPPED = "create", "replace", "update", "unchanged", "skip"
BUILDS = (CREATE, REPLACED)


@dataclass(frozen=True)
class CollectionRestore:
    """One collection: what becomes of it, and by which import jobs. C(replaces) is what has the target's name now.

    C(jobs) go by gRPC to servers up to 2.3, C(bulk) by REST to those from 2.4 on. C(folds) where the deletes of level
    zero have to be given to the segments. C(snapshot_uri) is where the server reads a snapshot, from which it makes the
    collection itself. C(cut) is the last hybrid timestamp that is brought back, None for any.
    """

    source: CollectionMeta
    target: CollectionName
    staging: CollectionName
    action: str
    jobs: tuple[ImportFiles, ...] = ()
    bulk: tuple[BulkJob, ...] = ()
    folds: bool = False
    snapshot_uri: str = ""
    cut: int | None = None
    replaces: Collection | None = None
    grants: tuple[Grant, ...] = ()
    """Of what is replaced, where they would go away with it."""

    aliases: WantedAliases = field(default_factory=WantedAliases)
    adjustment: Adjustment = field(default_factory=Adjustment)
    above_defaults: tuple[str, ...] = ()
    """What the server may refuse, by limits that it does not tell."""

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
    def job_count(self) -> int:
        return len(self.jobs) + len(self.bulk) + bool(self.snapshot_uri)

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
    databases: tuple[NewDatabase, ...]
    interrupted: tuple[CollectionName, ...] = ()
    rbac: RbacPlan = field(default_factory=RbacPlan)

    @property
    def builds(self) -> tuple[CollectionRestore, ...]:
        return tuple(item for item in self.collections if item.builds)

    @property
    def imports(self) -> bool:
        """Whether the server will read objects of the backup."""
        return any(item.job_count for item in self.collections)

    @property
    def above_defaults(self) -> tuple[str, ...]:
        return tuple(f"{item.target}: {doubt}" for item in self.builds for doubt in item.above_defaults)

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
    *,
    bulk: BulkImports | None = None,
    bucket: str = "",
    deletes_in: BackupLayout | None = None,
    ours: bool = True,
) -> RestorePlan:
    """Plan each selected collection. Raises C(target_exists) and C(version) before anything is created.

    C(layout) is where the server will read the objects, in C(bucket): the backup itself, or its staged copy. C(bulk) is
    given where it imports by REST, and is asked whether it answers. C(deletes_in) is where deletes of level zero will
    be folded to. C(ours) is false for a backup of another tool, whose timestamps are other ones.
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
        item = CollectionRestore(meta, target, staging, action, cut=cut_of(meta, request.end_ts, ours=ours))
        new = target.database not in known
        places = Places(layout, deletes_in, bucket, by_rest=bulk is not None)
        items.append(_detailed(server, places, item, standing, request, new_database=new))
        if items[-1].builds and not request.meta_only:
            require_whole_segments(backup.server_version, meta)
    built = {item.source_name: item.target for item in items if item.builds}
    counts = request.verify_rows == COUNT and not request.meta_only
    require_usable(server, backup, built, known, counts=counts)
    missing = {target.database for target in built.values()} - known
    if any(item.snapshot_uri for item in items):
        require_snapshots(server, "planning the restore")
    if bulk is not None and any(item.bulk for item in items):
        bulk.unfinished(DEFAULT_DATABASE)
    return RestorePlan(tuple(items), new_databases(server, backup, built, missing), tuple(interrupted))


@dataclass(frozen=True)
class Places:
    """Where the server will read rows, and deletes of level zero that are folded; and by which kind of import."""

    rows: BackupLayout
    deletes: BackupLayout | None
    bucket: str
    by_rest: bool

    def with_jobs(self, item: CollectionRestore, version: str) -> CollectionRestore:
        if item.source.snapshot is not None:
            return replace(
                item, snapshot_uri=snapshot_uri(self.bucket, self.rows.directory + item.source.snapshot.path)
            )
        if not self.by_rest:
            return replace(item, jobs=import_jobs(self.rows, item.source))
        if not needs_folding(version, item.source):
            return replace(item, bulk=bulk_jobs(self.rows, item.source, version))
        folded = fold(item.source)
        return replace(item, folds=True, bulk=bulk_jobs(self.rows, folded, version, deletes_in=self.deletes))


def _detailed(
    server: Server,
    places: Places,
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
        require_restorable(server, item.source, request, by_rest=places.by_rest)
        grants = grants_to_keep(server, standing.found_as or item.target) if existing is not None else ()
        doubts = tuple(above_defaults(server.version, item.source, request)) if places.by_rest else ()
        built = replace(item, replaces=existing, grants=grants, aliases=aliases, above_defaults=doubts)
        return built if request.meta_only else places.with_jobs(built, server.version)
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
