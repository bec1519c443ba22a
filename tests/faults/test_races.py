# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that meet on one backup (F12, F13): one holds the lock, one commits, whatever clocks and sleeps do."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from fake_s3 import FakeS3, running
from labs import RunningLab
from milvus_lab import LabConfig, start, stop
from tally import DOUBLE_COMMITS, INJECTED, SURVIVED, Tally

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place, require_complete
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.lock import LEASE_SECONDS, Holder
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.verify import verify_backup
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store

Rounds = Callable[[int, int], int]
Options = Mapping[str, Any]
SUPPORT = Path(__file__).resolve().parents[1] / "support"
RACERS = 4
SEED = 12
PATIENCE = 60
HEAD_START = 0.02
"""Seconds in which a race reaches all racers before it begins."""

LEASE = 2.0
WRITES_OF_DATA, WRITES = 19, 28
"""Of a committer: the lock and 18 objects; then plan, lock again, list, manifest, four meta files and the commit."""

QUARTER = 15 * 60 - 60
"""A service refuses requests of a clock that is 15 minutes off."""


@pytest.fixture(scope="module", params=["object storage", "disk"])
def options(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Options]:
    """Where the backups lie that are raced for."""
    folder = Path(tmp_path_factory.mktemp("races"))
    if request.param == "disk":
        yield {"backup_storage_type": "local", "backup_root_path": str(folder)}
        return
    try:
        store = RunningLab(start(LabConfig(directory=folder, instances={"s3": {}}))).answer["s3"]
        keys = {name: store[name] for name in ("access_key_id", "secret_access_key")}
        where = {"storage_address": store["address"], "storage_port": store["port"], "bucket_name": store["bucket"]}
        yield {**where, **keys, "backup_root_path": "races"}
    finally:
        stop(LabConfig(directory=folder), wipe=True)


def place_of(options: Options, name: str) -> Place:
    config = backup_store(options)
    return Place(open_store(config), BackupLayout(config.root_path, name))


@contextmanager
def racers(options: Options, number: int) -> Iterator[Callable[..., list[dict[str, Any]]]]:
    """What runs one race between so many processes, and how it ended for each."""
    command = [sys.executable, str(SUPPORT / "lock_racer.py"), json.dumps(options)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, bufsize=1, **pipes) for _each in range(number)]  # type: ignore[call-overload]

    def race(name: str, skew: float = 0.0) -> list[dict[str, Any]]:
        line = json.dumps({"name": name, "at": time.monotonic() + HEAD_START, "skew": skew})
        for process in processes:
            process.stdin.write(f"{line}\n")
        return [json.loads(process.stdout.readline()) for process in processes]

    try:
        yield race
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_one_of_many_holds_a_lock(options: Options, rounds: Rounds, tally: Tally) -> None:
    """The others say who holds it, and have written nothing."""
    number = rounds(20, 200)
    host = re.escape(os.uname().nodename)
    with racers(options, RACERS) as race:
        for index in range(number):
            name = f"race_{index}"
            ends = race(name)
            winners = [end["run_id"] for end in ends if end["kind"] is None]
            tally.add("lock races", INJECTED)
            tally.add("lock races", DOUBLE_COMMITS, max(0, len(winners) - 1))
            assert len(winners) == 1, ends
            lost = [end for end in ends if end["kind"] is not None]
            pattern = rf"process \d+ of \S+ on {host}, run {winners[0]} holds it, last renewed \d+ seconds ago; .*"
            assert all(end["kind"] == "lock_held" and re.fullmatch(pattern, end["cause"]) for end in lost), ends
            place = place_of(options, name)
            stored = place.store.read(place.lock_key, 65536)
            assert stored is not None
            assert json.loads(stored.body)["run_id"] == winners[0]
            assert [item.key for item in place.store.list_objects(place.layout.directory)] == [place.lock_key]
            tally.add("lock races", SURVIVED)


def committer(options: Options, name: str, stop_before: int = 0) -> subprocess.Popen[str]:
    job = {"options": dict(options), "name": name, "lease": LEASE, "stop_before": stop_before}
    command = [sys.executable, str(SUPPORT / "committer.py"), json.dumps(job)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _errors = process.communicate(timeout=PATIENCE)
    return dict(json.loads(output))


def wait_until_stopped(process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert process.poll() is None, "it ended without having stopped"
        assert time.monotonic() < end, "it did not stop"
        time.sleep(0.01)


def pause_and_steal(options: Options, name: str, stop_before: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """How a run ended that slept beyond its lease, and the one that took its lock meanwhile."""
    sleeper = committer(options, name, stop_before)
    thief = None
    try:
        wait_until_stopped(sleeper)
        thief = committer(options, name)
        stolen = told(thief)
        sleeper.send_signal(signal.SIGCONT)
        return told(sleeper), stolen
    finally:
        for process in (sleeper, thief):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


def test_a_run_that_slept_beyond_its_lease_never_commits(options: Options, rounds: Rounds, tally: Tally) -> None:
    """It sleeps just before a write that it had decided on, where no look at the clock helps any more."""
    number, chance = rounds(4, 50), random.Random(SEED)
    ends_of_commit = list(range(WRITES_OF_DATA + 1, WRITES + 1))
    points = [WRITES, *chance.sample(ends_of_commit[:-1], 2), *chance.choices([*ends_of_commit, 7, 2], k=number - 3)]
    with ThreadPoolExecutor(4) as pool:
        names = [f"sleep_{index}" for index in range(number)]
        ended = list(pool.map(lambda pair: pause_and_steal(options, *pair), zip(names, points, strict=True)))
    wrong = []
    for name, point, (sleeper, thief) in zip(names, points, ended, strict=True):
        tally.add("pause and steal", INJECTED)
        tally.add("pause and steal", DOUBLE_COMMITS, int(sleeper["committed"] and thief["committed"]))
        damage = damage_of(place_of(options, name), thief["run_id"])
        if damage or not thief["committed"] or sleeper["kind"] != "lock_held":
            wrong.append((point, sleeper, thief, damage))
        else:
            tally.add("pause and steal", SURVIVED)
    assert wrong == []


def damage_of(place: Place, run_id: str) -> str:
    """What is wrong with a backup that this run has committed."""
    try:
        backup = require_complete(place)
        verify_backup(place.store, place.layout, backup.meta, backup.manifest, "content")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told with the round that it belongs to
        return str(error)
    return "" if backup.meta.backup_id == run_id else f"it is of run {backup.meta.backup_id}"


@pytest.mark.parametrize("age", [0, 60, LEASE_SECONDS * 2 / 3])
@pytest.mark.parametrize("clock", [-QUARTER, 0, QUARTER])
def test_no_clock_steals_a_live_lock(tally: Tally, clock: float, age: float) -> None:
    """Of holder, thief and service each is right, early or late; the holder may have renewed as long ago as it may."""
    fake = FakeS3(clock=clock)
    with running(fake) as storage, racers({**storage, "backup_root_path": "skew"}, 1) as race:
        for holder_skew in (-QUARTER, 0, QUARTER):
            for skew in (-QUARTER, 0, QUARTER):
                name = f"held_{holder_skew}_{skew}".replace("-", "m")
                key = BackupLayout("skew", name).control + "lock.json"
                holder = Holder("r", 0, "elsewhere", "b", "n", 1, "1", "somebody", time.time() + holder_skew - age)
                fake.put(key, json.dumps(asdict(holder)).encode())
                fake.objects[key].modified -= age
                tally.add("locks and clocks", INJECTED)
                assert race(name, skew)[0]["kind"] == "lock_held", (holder_skew, skew)
                tally.add("locks and clocks", SURVIVED)
    assert not [asked for asked in fake.asked if asked.wrote]
