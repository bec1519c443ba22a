# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a restore: collection by collection, what was not carried, and the one error for all that failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..errors import Failure, MilvusOpsError
from ..milvus.features import L0_COMPACTION_BREAKS_IMPORT, REST_IMPORT, has
from ..milvus.schema import pairs_to_dict
from ..store.copy import CopyTotals
from .loading import Counted
from .plan import SKIPPED, CollectionRestore, RestorePlan
from .rbac import RbacPlan
from .staging import TTL_PROPERTIES


@dataclass(frozen=True)
class Restored:
    """One collection after a run. C(counted) is None where nothing was imported, C(failure) where all went well."""

    plan: CollectionRestore
    counted: Counted | None = None
    jobs: int = 0
    not_carried: tuple[str, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True)
class RestoreOutcome:
    """A whole run. C(copied) and C(kept_objects) are about the staged copy; C(rbac) is what was added."""

    plan: RestorePlan
    restored: tuple[Restored, ...]
    warnings: tuple[str, ...]
    rbac: RbacPlan
    copied: CopyTotals
    kept_objects: int = 0

    @property
    def changed(self) -> bool:
        """A grant that the server turned out not to know is planned again by every run, and never changes anything."""
        return replace(self.plan, rbac=self.rbac).changes

    @property
    def failed(self) -> tuple[Restored, ...]:
        return tuple(item for item in self.restored if item.failure is not None)


def untouched(item: CollectionRestore) -> Restored:
    return Restored(item, not_carried=item.not_carried)


def warnings_of_plan(plan: RestorePlan, server_version: str) -> Iterator[str]:
    for target in plan.interrupted:
        yield f"an interrupted replacement of {target} was ended first"
    for database in plan.databases:
        yield from (f"not restored: {text}" for text in database.not_carried)
    yield from plan.above_defaults
    for item in plan.collections:
        if item.action == SKIPPED:
            yield f"{item.target} exists and was left alone; this backup did not make it"
        yield from item.adjustment.kept
        deletes = item.builds and any(job.level_zero for job in item.bulk)
        if deletes and has(server_version, L0_COMPACTION_BREAKS_IMPORT):
            yield (
                f"{item.target} has deletes of level zero, and the server is {server_version}: before 2.6.12 a "
                "compaction of them may break an import; if that happens, the next run builds this collection again"
            )
        if item.builds and item.job_count:
            yield from _expiry(item, server_version)


def _expiry(item: CollectionRestore, server_version: str) -> Iterator[str]:
    """A server that imports by REST keeps the moment at which a row was written; before, it is that of the import."""
    properties = pairs_to_dict(item.source.properties)
    seconds, field = (properties.get(key) for key in TTL_PROPERTIES)
    if seconds and has(server_version, REST_IMPORT):
        yield (
            f"rows of {item.target} are as old as in the backup, and live for {TTL_PROPERTIES[0]} = {seconds}: those "
            "that are older are counted, and expire when it gets its name"
        )
    elif seconds:
        yield f"rows of {item.target} live for {TTL_PROPERTIES[0]} = {seconds} from now on, also those that are older"
    if field:
        yield f"rows of {item.target} expire by {TTL_PROPERTIES[1]} = {field}, also those whose time is over already"


def warnings_after(restored: Sequence[Restored], rbac: RbacPlan) -> Iterator[str]:
    for item in restored:
        yield from (f"not restored: {text}" for text in item.not_carried)
        counted, source = item.counted, item.plan.source
        holds_rows = source.rows or (source.snapshot is not None and source.snapshot.files)
        if counted is not None and counted.rows == 0 and item.jobs and holds_rows:
            yield f"{item.plan.target} has no rows: all of them are deleted, expired, or younger than end_ts"
    yield from (f"not restored: {text}" for text in rbac.not_carried)


def failure_of(outcome: RestoreOutcome) -> MilvusOpsError | None:
    """One error for all collections that failed: the first one, with what became of the others."""
    failures = [item.failure for item in outcome.restored if item.failure is not None]
    if not failures:
        return None
    first, cause = failures[0], failures[0].cause
    if len(failures) > 1:
        others = ", ".join(str(item.plan.target) for item in outcome.failed[1:])
        cause = f"{cause}; {len(failures) - 1} more failed, see collections: {others}"
    done = ", ".join(str(item.plan.target) for item in outcome.restored if item.counted is not None)
    return MilvusOpsError(
        first.kind,
        first.operation,
        first.where,
        cause,
        state_left=f"{first.state_left}; restored all the same: {done}" if done else first.state_left,
        next_step=first.next_step,
        retryable=all(failure.retryable for failure in failures),
    )
