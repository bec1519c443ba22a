# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The target server is killed while a restore is under way: the next run makes the collection whole, no row twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import oracle
import pytest
from embedded_lab.processes import start_time
from labs import RunningLab, Side
from milvus_lab import LabConfig, start, stop
from module_process import finish, killed_at, run
from module_process import start as start_module

ROWS = 240
PARTITIONS = ("_default", *(f"part_{number}" for number in range(1, 6)))
TTL = "86400"
PATIENCE = 60


@dataclass
class Fragile:
    """A lab of one instance that is killed and started again; backed up from it and restored into it."""

    directory: Path
    lab: RunningLab

    @property
    def side(self) -> Side:
        return self.lab.side("milvus_a")

    def kill(self) -> None:
        """Kill it, and wait until it is gone: a start in the same moment would find it running."""
        pid = self.lab.answer["instances"]["milvus_a"]["pid"]
        os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + PATIENCE
        while start_time(pid) is not None:
            assert time.monotonic() < end, "it does not die"
            time.sleep(0.05)

    def start_again(self) -> None:
        self.lab = RunningLab(start(LabConfig(directory=self.directory)))


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fragile]:
    directory = Path(tmp_path_factory.mktemp("fragile"))
    config = LabConfig(directory=directory, instances={"milvus_a": {}})
    try:
        lab = RunningLab(start(config))
        client = lab.side("milvus_a").client()
        oracle.create_collection(client, "source", rows=ROWS, partitions=PARTITIONS)
        client.alter_collection_properties("source", {"collection.ttl.seconds": TTL})
        made = run("milvus_backup", {**lab.side("milvus_a").options, "name": "kept", "collections": ["source"]})
        assert not made.failed, made.output
        yield Fragile(directory, lab)
    finally:
        stop(LabConfig(directory=directory), wipe=True)


def arguments(fragile: Fragile, name: str, **options: Any) -> dict[str, Any]:
    return {
        **fragile.side.options,
        "name": "kept",
        "collections": ["source"],
        "rename": {"source": name},
        **options,
    }


def require_rows(fragile: Fragile, name: str) -> None:
    client = fragile.side.client()
    client.load_collection(name)
    found = oracle.read_all(client, name)
    assert oracle.count(client, name) == len(found)
    assert oracle.differences(found, oracle.expected(ROWS)) == []


def properties(fragile: Fragile, name: str) -> dict[str, str]:
    return dict(fragile.side.client().describe_collection(name)["properties"])


def test_a_server_killed_in_mid_import(fragile: Fragile) -> None:
    process = start_module("milvus_restore", arguments(fragile, "broken_off"))
    end = time.monotonic() + PATIENCE
    while not any("broken_off__" in name for name in fragile.side.client().list_collections()):
        assert time.monotonic() < end, "no staging collection"
        time.sleep(0.05)
    time.sleep(3)
    fragile.kill()
    fragile.start_again()
    failed = finish(process)
    assert failed.failed, "six jobs of two seconds each cannot have ended"
    assert failed.result["failure"]["retryable"], failed.output
    assert not fragile.side.client().has_collection("broken_off")
    done = run("milvus_restore", arguments(fragile, "broken_off"))
    assert not done.failed, done.output
    assert done.result["collections"][0]["jobs"] == len(PARTITIONS)
    require_rows(fragile, "broken_off")


def test_what_a_restore_marks_survives_a_kill_of_the_server(fragile: Fragile) -> None:
    """Markers are given at create, the time to live just before the rename that stores it."""
    done = run("milvus_restore", arguments(fragile, "marked"))
    assert not done.failed, done.output
    fragile.kill()
    fragile.start_again()
    kept = properties(fragile, "marked")
    assert kept["collection.ttl.seconds"] == TTL
    assert kept["vectorops.backup"] == done.result["backup"]["id"]
    assert run("milvus_restore", arguments(fragile, "marked")).result["changed"] is False


def test_a_replacement_that_stops_between_the_renames_survives_a_kill_of_the_server(fragile: Fragile) -> None:
    """Module and server die when no collection has the name: the next run knows which one is to get it."""
    client = fragile.side.client()
    oracle.create_collection(client, "served", rows=6)
    client.release_collection("served")
    wanted = arguments(fragile, "served", if_exists="replace", load="never", verify_rows="import")
    assert killed_at("milvus_restore", wanted, "after:RenameCollection:1")
    fragile.kill()
    fragile.start_again()
    assert not fragile.side.client().has_collection("served")
    done = run("milvus_restore", wanted)
    assert not done.failed, done.output
    require_rows(fragile, "served")
    assert not any("served__" in name for name in fragile.side.client().list_collections())
