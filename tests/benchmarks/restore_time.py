# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a restore takes, by phase, and what grouping import jobs by partition gains over one job for each segment.

`python tests/benchmarks/restore_time.py [ROUNDS]` starts a lab, fills 32 segments in 4 partitions, and restores them
ROUNDS times (3 unless said) in each of the two ways, in turn. Prints medians in seconds. Run it on an idle machine.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "tools"), str(TESTS / "support"), str(TESTS.parent / "roles" / "milvus_lab" / "files")]

from collection_tree import link_checkout

os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(link_checkout())

from ansible.plugins.loader import init_plugin_loader

init_plugin_loader()

import oracle
from labs import RunningLab, Side
from milvus_lab import LabConfig, start, stop
from module_process import run

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place, require_complete
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout, InstanceLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.selection import parse_patterns
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options
from ansible_collections.vectorops.milvus.plugins.module_utils.progress import Progress
from ansible_collections.vectorops.milvus.plugins.module_utils.restore import plan as planning
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.jobs import import_jobs
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.outcome import failure_of
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.request import RestoreRequest
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.run import (
    Restore,
    execute,
    make_plan,
    verify_before,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.staged_leftovers import StagingArea
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.staging import Destination
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.targets import read_naming
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store

PARTITIONS = ("_default", "one", "two", "three")
FLUSHES, ROWS_OF_A_FLUSH = 4, 4000
NO_COMPACTION = {"config": {"dataCoord": {"enableCompaction": False}}}
PHASES = ("look", "verify", "create", "import", "index", "load", "publish")
GROUPED, BY_SEGMENT = "one job for each partition", "one job for each segment"


def fill(side: Side) -> None:
    """Each flush leaves one segment for each of two shards in every partition."""
    client = side.client()
    oracle.create_empty(client, "many", PARTITIONS)
    for first in range(0, FLUSHES * ROWS_OF_A_FLUSH, ROWS_OF_A_FLUSH):
        oracle.insert(client, "many", range(first, first + ROWS_OF_A_FLUSH), PARTITIONS)
        client.flush("many")
    oracle.index_and_load(client, "many")
    made = run("milvus_backup", {**side.options, "name": "of_many", "collections": ["many"]})
    if made.failed:
        raise SystemExit(made.output)


def restore(target: Side, way: str) -> tuple[int, Mapping[str, float]]:
    """One restore, dropped again: the number of its jobs, and its seconds by phase."""
    planning.import_jobs = partial(import_jobs, job_bytes=1) if way == BY_SEGMENT else import_jobs
    config = instance_store(target.options)
    layout = BackupLayout("backup", "of_many")
    place = Place(open_store(config, WriteScope((layout.control,))), layout)
    request = RestoreRequest(parse_patterns(["many"], "collections"), read_naming({}, ""))
    with Server(connection_options(target.options)) as server:
        store = open_store(config)
        errand = Restore(
            request,
            Destination(server, store, InstanceLayout(config.root_path)),
            place,
            require_complete(place),
            StagingArea(config, store, server),
            layout,
            Progress(),
        )
        plan = make_plan(errand)
        verify_before(errand)
        outcome = execute(errand, plan)
    failure = failure_of(outcome)
    if failure is not None:
        raise failure
    target.client().drop_collection("many")
    return len(plan.collections[0].jobs), errand.progress.seconds_by_phase


def measure(lab: RunningLab, rounds: int) -> None:
    fill(lab.side("milvus_a"))
    found: dict[str, list[Mapping[str, float]]] = {GROUPED: [], BY_SEGMENT: []}
    for _round in range(rounds):
        for way, seconds in found.items():
            jobs, by_phase = restore(lab.side("milvus_b"), way)
            seconds.append(by_phase)
            print(f"{way}: {jobs} jobs, import {by_phase['import']:.1f} s", flush=True)
    print(f"\n| phase | {' | '.join(found)} |\n|---|---|---|")
    for phase in PHASES:
        medians = [statistics.median(item.get(phase, 0.0) for item in seconds) for seconds in found.values()]
        print(f"| {phase} | {' | '.join(f'{median:.2f}' for median in medians)} |")
    ratios = [slow["import"] / fast["import"] for fast, slow in zip(*found.values(), strict=True)]
    print(f"\nimport by segment takes {statistics.median(ratios):.1f} times as long (median of {rounds} pairs)")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    config = LabConfig(
        directory=Path(tempfile.mkdtemp(prefix="restore-time-")),
        instances={"milvus_a": NO_COMPACTION, "milvus_b": NO_COMPACTION},
    )
    try:
        measure(RunningLab(start(config)), rounds)
    finally:
        stop(config, wipe=True)


if __name__ == "__main__":
    main()
