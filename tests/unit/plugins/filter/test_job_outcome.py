# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of a job: of both halves, of one of them, of a plan, and of nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.filter.job_outcome import job_outcome

BACKUP: dict[str, Any] = {
    "backup": {"collections": [{}, {}], "rows": 4000, "objects": 14, "bytes": 350112, "state": "complete"},
    "duration": 1.23,
    "seconds_by_phase": {"look": 0.2, "copy": 1.0},
    "changed": True,
}
RESTORE: dict[str, Any] = {
    "collections": [
        {"state": "restored", "rows": 3900, "rows_expected": 4000},
        {"state": "unchanged", "rows": None, "rows_expected": 7},
    ],
    "duration": 2.0,
    "seconds_by_phase": {"look": 0.1},
    "changed": False,
}
NOTHING: dict[str, Any] = {"seconds": 0, "seconds_by_phase": {}, "changed": False}


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        (
            {"backup": BACKUP, "restore": RESTORE},
            {
                "collections": 2,
                "rows": 3900,
                "objects": 14,
                "bytes": 350112,
                "seconds": 3.2,
                "seconds_by_phase": {"backup look": 0.2, "backup copy": 1.0, "restore look": 0.1},
                "changed": True,
            },
        ),
        (
            {"backup": {**BACKUP, "changed": False}, "restore": {}},
            {
                "collections": 2,
                "rows": 4000,
                "objects": 14,
                "bytes": 350112,
                "seconds": 1.2,
                "seconds_by_phase": {"backup look": 0.2, "backup copy": 1.0},
                "changed": False,
            },
        ),
        (
            {"restore": {"collections": [{"state": "planned", "rows": None, "rows_expected": 5}], "changed": True}},
            {**NOTHING, "collections": 1, "rows": 5, "changed": True},
        ),
        (
            {"restore": {"collections": [RESTORE["collections"][1]]}},
            {**NOTHING, "collections": 1, "rows": None},
        ),
        ({"backup": {}, "restore": {}}, NOTHING),
    ],
)
def test_outcome(results: dict[str, Any], outcome: dict[str, Any]) -> None:
    assert job_outcome(results) == outcome
