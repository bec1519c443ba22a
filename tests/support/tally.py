# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of faults count, one file for each process; tests/tools/fault_report.py adds them up."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

INJECTED, SURVIVED = "injected", "survived"
ROWS_LOST, ROWS_DUPLICATED, HALF_PUBLISHES = "rows lost", "rows duplicated", "half publishes"
RERUNS_NEEDED, DOUBLE_COMMITS = "most re-runs needed", "places committed twice"
OUTSIDE_REQUESTS, SECRET_HITS = "requests outside the prefix", "secret hits"
MAXIMA = frozenset({RERUNS_NEEDED})
"""Columns of which the largest value counts, not the sum."""


class Tally:
    """Counters by campaign (a row of the report, such as C(kills of a restore)) and column."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}

    def add(self, campaign: str, column: str, number: int = 1) -> None:
        row = self.counts.setdefault(campaign, Counter())
        row[column] = max(row[column], number) if column in MAXIMA else row[column] + number

    def merge(self, other: dict[str, dict[str, int]]) -> None:
        for campaign, row in other.items():
            for column, number in row.items():
                self.add(campaign, column, number)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.counts, indent=1, sort_keys=True))
