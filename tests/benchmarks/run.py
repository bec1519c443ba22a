# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies and lists the same objects with this collection's engine, boto3 and s5cmd in turn, and prints medians.

    python tests/benchmarks/run.py [--rounds 5] [--only 'small, SeaweedFS'] [--raw FILE]

Needs what tests/requirements-benchmarks.txt names. docs/performance.md says what is measured and how.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "roles/milvus_lab/files"))
from collection_tree import link_checkout

sys.path.insert(0, str(link_checkout()))
from cases import CASES, Case, Sample, run_once
from engines import OURS
from places import null_server, seaweed

COUNTED = ("requests", "connections")
HEADINGS = ("case", "engine", "CPU s", "service CPU s", "wall s", "peak MiB", *COUNTED, "ours : its, CPU", "wall")


def measure(cases: list[Case], rounds: int) -> Iterator[Sample]:
    """Each round runs every engine of a case, one after another, and begins with another one than the last."""
    with ExitStack() as stack:
        places = {True: stack.enter_context(null_server())}
        workloads = {case.workload.prefix: case.workload for case in cases if not case.null}
        if workloads:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            places[False] = stack.enter_context(seaweed(folder, list(workloads.values())))
        for case in cases:
            for number in range(rounds):
                turn = number % len(case.engines)
                for engine in (*case.engines[turn:], *case.engines[:turn]):
                    yield run_once(case, engine, places[case.null])


def table(cases: list[Case], samples: list[Sample]) -> str:
    """Medians of all rounds; the last two columns are medians of the ratios within a round."""
    rows = [HEADINGS, ("---",) * len(HEADINGS)]
    for case in cases:
        ours = [item for item in samples if (item.case, item.engine) == (case.title, OURS)]
        for engine in case.engines:
            own = [item for item in samples if (item.case, item.engine) == (case.title, engine)]
            rows.append((case.title, engine, *figures(own), *relations(ours, own)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def figures(own: list[Sample]) -> tuple[str, ...]:
    counted = (median(getattr(item, name) for item in own) for name in COUNTED)
    return (
        f"{median(item.cpu for item in own):.3f}",
        f"{median(item.service for item in own):.3f}",
        f"{median(item.wall for item in own):.2f}",
        f"{median(item.mib for item in own):.0f}",
        *(f"{number:.0f}" if number >= 0 else "" for number in counted),
    )


def relations(ours: list[Sample], own: list[Sample]) -> tuple[str, str]:
    if ours == own:
        return "", ""
    pairs = list(zip(ours, own, strict=True))
    cpu, wall = (median(getattr(mine, name) / getattr(its, name) for mine, its in pairs) for name in ("cpu", "wall"))
    return f"{cpu:.2f}", f"{wall:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="cases whose title has this in it")
    parser.add_argument("--raw", type=Path, help="write every measurement to this file, one JSON object a line")
    options = parser.parse_args()
    cases = [case for case in CASES if options.only in case.title]
    samples = []
    for sample in measure(cases, options.rounds):
        print(json.dumps(asdict(sample)), file=sys.stderr, flush=True)
        samples.append(sample)
    if options.raw:
        options.raw.write_text("".join(json.dumps(asdict(sample)) + "\n" for sample in samples))
    print(table(cases, samples))


if __name__ == "__main__":
    main()
