# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore as results and diffs show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..milvus.catalog import CollectionName
from .finish import NONE, wanted_indexes
from .plan import CREATE, PLANNED, CollectionRestore, RestorePlan
from .run import RestoreOutcome, RestoreRequest

RESTORED = "restored"


def outcome_result(outcome: RestoreOutcome) -> list[dict[str, Any]]:
    """The C(collections) of a real run."""
    results = []
    for item in outcome.restored:
        counted = item.counted
        state = item.plan.action if counted is None else RESTORED
        results.append(
            {
                **_names(item.plan),
                "state": state,
                "rows": None if counted is None else counted.rows,
                "count_method": NONE if counted is None else counted.method,
                "jobs": len(item.jobs),
            }
        )
    return results


def plan_result(plan: RestorePlan) -> list[dict[str, Any]]:
    """The C(collections) of a check run."""
    return [
        {
            **_names(item),
            "state": PLANNED if item.action == CREATE else item.action,
            "rows": None,
            "count_method": NONE,
            "jobs": len(item.jobs) if item.action == CREATE else 0,
        }
        for item in plan.collections
    ]


def plan_text(plan: RestorePlan, request: RestoreRequest) -> str:
    """What the run will create, one line for each collection, for C(--diff)."""
    lines = [f"database {database}\n" for database in plan.databases]
    for item in plan.collections:
        if item.action == CREATE:
            indexes = [f"{index.name} ({index.index_type})" for index in wanted_indexes(item, request.index)]
            lines.append(
                f"{item.target} from {item.source_name}: {item.source.rows} rows, "
                f"{len(item.source.partitions)} partitions, {len(item.jobs)} import jobs, "
                f"indexes: {', '.join(indexes) or 'none'}\n"
            )
    return "".join(lines)


def planned_text(
    targets: Mapping[CollectionName, CollectionName],
    states: Mapping[CollectionName, str],
    rows: Mapping[CollectionName, int],
) -> str:
    return "".join(
        f"{target} from {source}: {rows[source]} rows\n"
        for source, target in targets.items()
        if states[source] == PLANNED
    )


def _names(item: CollectionRestore) -> dict[str, Any]:
    return {"source": str(item.source_name), "target": str(item.target), "rows_expected": item.source.rows}
