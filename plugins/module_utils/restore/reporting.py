# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore as results and diffs show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from ..backup.reporting import known_rows
from ..milvus.collection_name import CollectionName
from .databases import NewDatabase
from .indexes import wanted_indexes
from .outcome import Restored, RestoreOutcome
from .plan import BUILDS, CREATE, REPLACED, UPDATE, CollectionRestore, RestorePlan
from .rbac import RbacPlan
from .request import NONE, RestoreRequest

PLANNED, FAILED = "planned", "failed"
STATES = {CREATE: "restored", REPLACED: "replaced", UPDATE: "updated", "unchanged": "unchanged", "skip": "skipped"}
"""The state after a run, by what was planned."""


def outcome_result(outcome: RestoreOutcome) -> list[dict[str, Any]]:
    """The C(collections) of a real run."""
    return [_restored_result(item) for item in outcome.restored]


def plan_result(plan: RestorePlan) -> list[dict[str, Any]]:
    """The C(collections) of a check run."""
    return [
        {
            **_names(item),
            "state": PLANNED if item.builds or item.action == UPDATE else STATES[item.action],
            "rows": None,
            "count_method": NONE,
            "jobs": item.job_count,
            "not_carried": list(item.not_carried),
        }
        for item in plan.collections
    ]


def planned_result(
    targets: Mapping[CollectionName, CollectionName],
    actions: Mapping[CollectionName, str],
    rows: Mapping[CollectionName, int | None],
) -> list[dict[str, Any]]:
    """The C(collections) of a check run whose backup does not exist yet."""
    return [
        {
            "source": str(source),
            "target": str(target),
            "action": actions[source],
            "state": PLANNED if actions[source] in BUILDS else STATES[actions[source]],
            "rows_expected": rows[source],
            "rows": None,
            "count_method": NONE,
            "jobs": 0,
            "not_carried": [],
        }
        for source, target in targets.items()
    ]


def plan_lines(plan: RestorePlan, request: RestoreRequest) -> list[str]:
    """What the run will do, one line for each step that an operator cares about."""
    lines = [f"{target}: interrupted replacement ended" for target in plan.interrupted]
    lines += [f"database {_described(database)} created" for database in plan.databases]
    lines += plan.rbac.lines()
    return lines + [line for item in plan.collections for line in _lines(item, request)]


def _described(database: NewDatabase) -> str:
    properties = ", ".join(f"{key}={value}" for key, value in sorted(database.properties.items()))
    return f"{database.name} with {properties}" if properties else database.name


def rbac_result(rbac: RbacPlan) -> dict[str, list[str]]:
    """The C(rbac) of a run: what was added, or would be."""
    return {
        "roles": list(rbac.roles),
        "users": [user.name for user in rbac.users],
        "privilege_groups": [name for name, _privileges in rbac.groups],
        "grants": [str(grant) for grant in rbac.grants],
        "members": [f"{member.user} of {member.role}" for member in rbac.members],
        "not_carried": list(rbac.not_carried),
    }


def planned_lines(
    targets: Mapping[CollectionName, CollectionName],
    actions: Mapping[CollectionName, str],
    rows: Mapping[CollectionName, int | None],
) -> list[str]:
    return [
        f"{target}: {STATES[actions[source]]} from {source}: "
        f"{'a snapshot' if rows[source] is None else f'{rows[source]} rows'}"
        for source, target in targets.items()
        if actions[source] in BUILDS
    ]


def _lines(item: CollectionRestore, request: RestoreRequest) -> Iterator[str]:
    if item.builds:
        indexes = [f"{index.name} ({index.index_type})" for index in wanted_indexes(item.source, request.index)]
        content = f", {request.content}" if request.content else ""
        held = f"a snapshot of {item.source.size} bytes" if item.snapshot_uri else f"{item.source.rows} rows"
        yield (
            f"{item.target}: {STATES[item.action]} from {item.source_name}: {held}{content}, "
            f"{len(item.source.partitions)} partitions, {item.job_count} import jobs, "
            f"indexes: {', '.join(indexes) or 'none'}"
        )
        if item.replaces is not None:
            yield f"{item.target}: the collection with id {item.replaces.collection_id} dropped after that"
            yield from (f"{item.target}: alias {alias} moved" for alias in item.replaces.aliases)
            yield from (f"{item.target}: grant kept: {grant}" for grant in item.grants)
        yield from (f"{item.target}: alias {alias} set" for alias in item.aliases.free)
    yield from (f"{item.target}: {change}" for change in item.adjustment.describe())


def _restored_result(item: Restored) -> dict[str, Any]:
    counted = item.counted
    result = {
        **_names(item.plan),
        "state": STATES[item.plan.action],
        "rows": None if counted is None else counted.rows,
        "count_method": NONE if counted is None else counted.method,
        "jobs": item.jobs,
        "not_carried": list(item.not_carried),
    }
    return result if item.failure is None else {**result, "state": FAILED, "failure": asdict(item.failure)}


def _names(item: CollectionRestore) -> dict[str, Any]:
    return {
        "source": str(item.source_name),
        "target": str(item.target),
        "action": item.action,
        "rows_expected": known_rows(item.source),
    }
