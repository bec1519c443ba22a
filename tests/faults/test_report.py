# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report adds up what several processes counted."""

from __future__ import annotations

from fault_report import table
from tally import INJECTED, RERUNS_NEEDED, Tally


def test_numbers_of_processes_are_added_and_maxima_kept() -> None:
    total = Tally()
    total.merge({"kills": {INJECTED: 3, RERUNS_NEEDED: 1}})
    total.merge({"kills": {INJECTED: 4, RERUNS_NEEDED: 2}, "races": {INJECTED: 5}})
    assert table(total).splitlines()[2:] == ["| kills | 7 | 2 |", "| races | 5 |  |"]
