# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies objects from one side to the other and prints what it cost this process: `python stream_cost.py < sides.json`.

In a process of its own, so that its memory and its processor time are those of the copying alone.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
from collection_tree import link_checkout

sys.path.insert(0, str(link_checkout()))

from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.copy import Copy, CopyRun, CopyTotals
from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store


def cost(asked: dict[str, Any]) -> dict[str, float]:
    """Megabytes of growth above the first copies, seconds of processor and of the clock, objects copied."""
    threads, scope = asked["threads"], asked["scope"]
    source = open_store(instance_store(asked["source"]), connections=threads)
    destination = open_store(instance_store(asked["destination"]), WriteScope((scope,)), threads)
    copies = [
        Copy(item.key, item.etag, item.size, scope + item.key.rpartition("/")[2])
        for item in source.list_objects(asked["prefix"])
    ]
    first, rest = copies[:2], copies[2:]

    def copy(some: list[Copy]) -> CopyTotals:
        run = CopyRun(source, destination, concurrency=threads, before_each=lambda: None, after_each=lambda one: None)
        return run.run(some)

    copy(first)
    before, peak, began = resource.getrusage(resource.RUSAGE_SELF), peak_mib(), time.monotonic()
    totals = copy(rest)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "objects": totals.objects,
        "grown_mib": peak_mib() - peak,
        "peak_mib": peak_mib(),
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "wall": time.monotonic() - began,
    }


def peak_mib() -> float:
    """The most memory that this program ever held. The system's C(ru_maxrss) would count that of its parent, too."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    print(json.dumps(cost(json.load(sys.stdin))))
