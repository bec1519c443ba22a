# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two services that are measured against: a real SeaweedFS full of small objects, and the null server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from milvus_lab import LabConfig, start, stop
from null_s3 import key_of

LATENCY_MS = 20
KIB, MIB = 1 << 10, 1 << 20
UPLOADS_AT_ONCE = 16


@dataclass(frozen=True)
class Workload:
    """Objects of one size below C(prefix)."""

    prefix: str
    objects: int
    size: int


SMALL = Workload("small/", 4000, 16 * KIB)
MANY = Workload("many/", 20000, 16 * KIB)
LARGE = Workload("large/", 12, 16 * MIB)


@dataclass(frozen=True)
class Place:
    """A service: C(options) are those of the modules; C(null) has no bytes, and counts what it is asked."""

    options: Mapping[str, Any]
    null: bool
    process: int

    def options_for(self, workload: Workload) -> dict[str, Any]:
        bucket = f"n{workload.objects}" if self.null else self.options["bucket_name"]
        return {**self.options, "bucket_name": bucket}

    def cpu(self) -> float:
        """Seconds of the processor that the service has taken so far, all threads together."""
        after_name = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    def counters(self) -> dict[str, int]:
        """What was asked since the last call."""
        if not self.null:
            return {}
        with urlopen(f"http://127.0.0.1:{self.options['storage_port']}/-/counters") as answer:
            return dict(json.load(answer))


@contextmanager
def null_server() -> Iterator[Place]:
    script = Path(__file__).with_name("null_s3.py")
    process = subprocess.Popen([sys.executable, str(script), str(LATENCY_MS)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        keys = {"access_key_id": "benchmark", "secret_access_key": "benchmark-secret"}
        options = {"storage_address": "127.0.0.1", "storage_port": port, **keys}
        yield Place(options, null=True, process=process.pid)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def seaweed(folder: Path, workloads: list[Workload]) -> Iterator[Place]:
    config = LabConfig(directory=folder, instances={"s3": {}})
    try:
        store = start(config)["s3"]
        options = {
            "storage_address": store["address"],
            "storage_port": store["port"],
            "access_key_id": store["access_key_id"],
            "secret_access_key": store["secret_access_key"],
            "bucket_name": store["bucket"],
        }
        place = Place(options, null=False, process=store["pid"])
        for workload in workloads:
            _fill(place, workload)
        yield place
    finally:
        stop(LabConfig(directory=folder), wipe=True)


def store_of(place: Place, *scope: str) -> Any:
    """Our own store, for filling, counting and clearing between the measured runs."""
    from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import WriteScope
    from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
    from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store

    return open_store(instance_store(place.options), WriteScope(scope))


def clear(place: Place, prefix: str) -> int:
    """Remove what lies there; how much it was."""
    store = store_of(place, prefix)
    return int(store.delete([item.key for item in store.list_objects(prefix)]))


def _fill(place: Place, workload: Workload) -> None:
    store, body = store_of(place, workload.prefix), bytes(range(256)) * (workload.size // 256)

    def put(number: int) -> None:
        store.write(workload.prefix + key_of(number), b"%016d" % number + body[16:])

    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        list(pool.map(put, range(workload.objects)))
