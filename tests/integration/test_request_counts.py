# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup asks of the object storage: it is paid by the request, and waits for each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable

from fault_proxy import HttpProxy
from labs import RunningLab, Side
from module_process import run
from s3_requests import LIST, Record

Fresh = Callable[[str], str]
PAGE = 1000


def kinds(log: Iterable[Record], name: str) -> Counter[str]:
    """Requests by what they do; keys below the backup without the path to it, its shards and meta files as one kind."""
    counted: Counter[str] = Counter()
    for item in log:
        key = item.key.removeprefix(f"backup/{name}/")
        folder = key.partition("/")[0]
        if item.operation == LIST:
            counted["LIST"] += 1
        else:
            counted[f"{item.method} {folder if folder in ('binlogs', 'meta') else key}"] += 1
    return counted


def test_a_backup_asks_no_more_than_it_must(lab: RunningLab, source: Side, films: str, fresh: Fresh) -> None:
    """First each object once, and listings for the plan and the proof; then, as nothing is to do, one listing."""
    name = fresh("counted")
    with HttpProxy(lab.answer["s3"]["port"]) as proxy:
        arguments = {**source.options, "storage_port": proxy.port, "name": name, "collections": [films]}
        made = run("milvus_backup", arguments)
        assert made.result["changed"], made.output
        first = kinds(proxy.log, name)
        proxy.log.clear()
        kept = run("milvus_backup", arguments)
        assert not kept.failed, kept.output
        second = kinds(proxy.log, name)
    objects = made.result["backup"]["objects"]
    assert made.result["copied"]["objects"] == objects
    assert first["PUT binlogs"] == objects
    assert first["PUT meta"] == 5
    assert not [what for what in first if what.startswith("HEAD")]
    assert not kept.result["changed"]
    assert second.pop("LIST") == math.ceil(objects / PAGE) == 1
    assert second.pop("GET meta") <= 6
    assert second == {"GET control/lock.json": 1, "GET control/manifest.json": 1, "GET control/objects-00000.jsonl": 1}
    assert first["LIST"] <= 17, first  # four for the data, two for the commit, the others tell what lies at the place
