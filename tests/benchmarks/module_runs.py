# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole module milvus_backup on a real Milvus: first run, and run without work.

    python tests/benchmarks/module_runs.py [--rounds 5]

The collection has 460 partitions, each of one segment with 22 logs: 10,120 objects.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS, SCALARS, ROWS, DIMENSIONS = 460, 18, 20, 8
COLLECTION = "ten_thousand_objects"


def fill(client: Any) -> None:
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIMENSIONS)
    for number in range(SCALARS):
        schema.add_field(f"scalar_{number}", DataType.INT64)
    client.create_collection(COLLECTION, schema=schema, num_shards=1)
    for number in range(PARTITIONS):
        client.create_partition(COLLECTION, f"part_{number}")
        first = number * ROWS
        rows = [
            {"id": key, "vector": [float(key)] * DIMENSIONS, **{f"scalar_{item}": key for item in range(SCALARS)}}
            for key in range(first, first + ROWS)
        ]
        client.insert(COLLECTION, rows, partition_name=f"part_{number}")
    client.flush(COLLECTION)


def run(arguments: dict[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
    """What the process cost, and what the module returned."""
    from process import cost_of

    command = [sys.executable, str(ROOT / "tests" / "support" / "module_process.py"), "milvus_backup"]
    cost, output = cost_of(command, json.dumps(arguments), dict(os.environ))
    return cost, json.loads(next(line for line in reversed(output.splitlines()) if line.startswith("{")))


def requests_of_a_kept_backup(lab: Any, arguments: dict[str, Any]) -> dict[str, int]:
    """Requests by method and kind, seen by a relay. Its port is part of a request, so the backup is made through it."""
    from fault_proxy import HttpProxy
    from s3_requests import GET, LIST

    with HttpProxy(lab.answer["s3"]["port"]) as proxy:
        through = {**arguments, "name": "counted", "storage_port": proxy.port}
        run(through)
        proxy.log.clear()
        run(through)
    asked = [item.operation for item in proxy.log]
    lists, reads = asked.count(LIST), asked.count(GET)
    return {"LIST": lists, "GET": reads, "other": len(asked) - lists - reads}


def line(title: str, runs: list[tuple[dict[str, float], dict[str, Any]]]) -> str:
    costs, results = zip(*runs, strict=True)
    phases: Iterable[str] = results[0]["seconds_by_phase"]
    split = ", ".join(f"{name} {median(item['seconds_by_phase'][name] for item in results):.2f}" for name in phases)
    cpu, wall, mib = (median(cost[name] for cost in costs) for name in ("cpu", "wall", "mib"))
    return f"| {title} | {cpu:.2f} | {wall:.2f} | {mib:.0f} | {split} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    for folder in ("tests/tools", "tests/support", "roles/milvus_lab/files"):
        sys.path.insert(0, str(ROOT / folder))
    from labs import RunningLab
    from milvus_lab import LabConfig, start, stop

    with tempfile.TemporaryDirectory() as folder:
        config = LabConfig(directory=Path(folder), instances={"milvus_a": {}})
        try:
            lab = RunningLab(start(config))
            side = lab.side("milvus_a")
            fill(side.client())
            arguments = {**side.options, "collections": [COLLECTION]}
            first, again = [], []
            for number in range(rounds):
                first.append(run({**arguments, "name": f"made_{number}"}))
                again.append(run({**arguments, "name": f"made_{number}"}))
                print(first[-1][1]["copied"], first[-1][0], again[-1][0], file=sys.stderr, flush=True)
            counted = requests_of_a_kept_backup(lab, arguments)
        finally:
            stop(config, wipe=True)
    print(f"{first[0][1]['copied']['objects']} objects; requests of the run without work: {counted}\n")
    print("| run | CPU s | wall s | peak MiB | seconds by phase |\n|---|---|---|---|---|")
    print(line("first", first))
    print(line("without work", again))


if __name__ == "__main__":
    main()
