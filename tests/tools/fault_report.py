# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds up what the tests of faults have counted and prints it as a table: a row per campaign, a column per number.

    python tests/tools/fault_report.py clear | print

The table is Markdown and is also written to .cache/faults/report.md.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from collection_tree import CHECKOUT

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from tally import Tally

COUNTS = CHECKOUT / ".cache" / "faults"


def main(command: str) -> int:
    COUNTS.mkdir(parents=True, exist_ok=True)
    parts = sorted(COUNTS.glob("*.json"))
    if command == "clear":
        for part in parts:
            part.unlink()
        return 0
    total = Tally()
    for part in parts:
        total.merge(json.loads(part.read_text()))
    text = table(total)
    (COUNTS / "report.md").write_text(text)
    print(text, end="")
    return 0 if parts else 1


def table(total: Tally) -> str:
    """One row for each campaign; a number that a campaign does not count stays empty."""
    columns = list(dict.fromkeys(column for row in total.counts.values() for column in row))
    lines = [["campaign", *columns], ["---"] * (len(columns) + 1)]
    for campaign, row in sorted(total.counts.items()):
        lines.append([campaign, *(str(row[column]) if column in row else "" for column in columns)])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
