# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of one job for its report, from what milvus_backup and milvus_restore have returned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]


def job_outcome(results: Mapping[str, Result]) -> dict[str, Any]:
    saved = results.get("backup", {}).get("backup")
    restored = results.get("restore", {}).get("collections")
    outcome: dict[str, Any] = {}
    if saved is not None:
        outcome = {name: saved[name] for name in ("rows", "objects", "bytes")}
        outcome["collections"] = len(saved["collections"])
    if restored is not None:
        outcome |= {"collections": len(restored), "rows": _rows(restored)}
    seconds = sum(float(result.get("duration", 0)) for result in results.values())
    return {
        **outcome,
        "seconds": round(seconds, 1),
        "seconds_by_phase": _phases(results),
        "changed": any(bool(result.get("changed")) for result in results.values()),
    }


def _rows(restored: Sequence[Result]) -> int | None:
    """Rows that were counted, or that a plan expects. An unchanged collection is not counted again."""
    rows = [it["rows_expected"] if it["state"] == "planned" else it.get("rows") for it in restored]
    counted = [number for number in rows if isinstance(number, int)]
    return sum(counted) if counted else None


def _phases(results: Mapping[str, Result]) -> dict[str, float]:
    """Both modules have a phase "look", so each name says whose it is."""
    return {
        f"{side} {phase}": seconds
        for side, result in results.items()
        for phase, seconds in result.get("seconds_by_phase", {}).items()
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"job_outcome": job_outcome}
