# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A million objects (F24): each task stays below 512 MB. The short form measures fewer, and reckons with the growth."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from fake_s3 import FakeS3, generated_objects, running
from made_backup import backup_of
from tally import INJECTED, SURVIVED, Tally

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.integrity import HEADER_NAME, write_manifest
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import MetaFiles
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import StoredObject

TESTS = Path(__file__).resolve().parents[1]
MOST_MIB = 512
SHORT, FULL = 50_000, 1_000_000
LAYOUT = BackupLayout("backup", "million")
FOLDER = f"{LAYOUT.binlogs}insert_log/"


def cost_of_module(module: str, options: Mapping[str, Any], folder: Path) -> tuple[float, dict[str, Any]]:
    """Peak MiB of a module in its own process, started by a small one, and what it returned."""
    script, result = str(TESTS / "support" / "module_process.py"), folder / "cost.json"
    launcher = [sys.executable, "-I", "-S", str(TESTS / "benchmarks" / "process.py"), str(result)]
    command = [*launcher, sys.executable, script, module]
    done = subprocess.run(command, input=json.dumps(options), capture_output=True, text=True, check=False, timeout=900)
    assert done.stdout, done.stderr
    return float(json.loads(result.read_text())["mib"]), json.loads(done.stdout.splitlines()[-1])


def require_small(tally: Tally, title: str, peaks: list[float], objects: int) -> None:
    """By the memory that so many objects take more than next to none."""
    few, many = peaks
    million = few + (many - few) * FULL / objects
    print(f"{title}: {few:.0f} MiB with few objects, {many:.0f} MiB with {objects:,}, {million:.0f} MiB for a million")
    tally.add("a million objects", INJECTED)
    tally.add("a million objects", SURVIVED, int(million < MOST_MIB))
    assert million < MOST_MIB


@pytest.mark.parametrize("check", [True, False], ids=["check run", "run"])
def test_a_removal(tmp_path: Path, rounds: Callable[[int, int], int], tally: Tally, check: bool) -> None:
    """The listed objects cannot go away, so that the run ends as if others kept on writing."""
    objects = rounds(SHORT, FULL)
    peaks = []
    for number in (10, objects):
        fake = FakeS3(generated={FOLDER: number})
        with running(fake) as storage:
            options = {**storage, "name": LAYOUT.name, "state": "absent", "force_foreign": True}
            peak, result = cost_of_module("milvus_backup", {**options, "_ansible_check_mode": check}, tmp_path)
        peaks.append(peak)
        removed = [
            key for asked in fake.asked if asked.method == "POST" for key in asked.keys if key.startswith(FOLDER)
        ]
        assert len(set(removed)) == len(removed) == (0 if check else number)
        if check:
            assert result["removed"]["objects"] == number
        else:
            assert result["failure"]["kind"] == "incomplete"
            assert f"{number} objects appeared" in result["failure"]["cause"]
    require_small(tally, "removal" + ", check run" * check, peaks, objects)


def test_a_verification(tmp_path: Path, rounds: Callable[[int, int], int], tally: Tally) -> None:
    """Of sizes and ETags, against lists that are as long as the backup."""
    objects = rounds(SHORT, FULL)
    peaks = []
    for number in (10, objects):
        fake = FakeS3(generated={FOLDER: number})
        make_listed_backup(fake, number)
        with running(fake) as storage:
            options = {**storage, "name": LAYOUT.name, "verify": "etag", "fail_on_damage": True}
            peak, result = cost_of_module("milvus_backup_info", options, tmp_path)
        peaks.append(peak)
        assert not result.get("failed"), result
        assert result["backups"][0]["verified"]["objects"] == number, result
        assert {asked.keys[0].split("/")[1] for asked in fake.asked} == {LAYOUT.name}
    require_small(tally, "verification", peaks, objects)


def make_listed_backup(fake: FakeS3, objects: int) -> None:
    """The metadata and the integrity manifest of a backup whose objects are only listed."""
    bodies = MetaFiles(backup_of(1000, LAYOUT.name, "films"))
    write_manifest(
        fake.put,
        LAYOUT,
        (StoredObject(*item) for item in generated_objects(FOLDER, objects, "")),
        header_name=HEADER_NAME,
        backup_id=bodies.backup.backup_id,
        request={},
        created=1_790_000_000,
        tool_version="1.0.0",
        meta=bodies,
        skipped={},
        previous=None,
    )
    for name in bodies:
        fake.put(LAYOUT.meta(name), bodies[name])


def test_a_backup(rounds: Callable[[int, int], int], tally: Tally) -> None:
    """Planned, copied, verified and committed between generated listings, in a process of its own."""
    objects = rounds(0, FULL)
    if not objects:
        pytest.skip("what a few objects take says little about a million, and those take minutes: make faults")
    peaks = []
    for number in (1000, objects):
        command = [sys.executable, str(TESTS / "benchmarks" / "million.py"), str(number)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=900)
        peaks.append(float(re.findall(r"\| meta files \| (\d+) \|", done.stdout)[0]))
    require_small(tally, "backup", peaks, objects)


def test_a_listing_is_whole(rounds: Callable[[int, int], int]) -> None:
    """The generated pages follow each other without a gap: or nothing above would mean anything."""
    names = [key for key, _size, _etag in generated_objects("x/", 2500, "")]
    assert names == sorted(names)
    assert [key for key, _size, _etag in generated_objects("x/", 2500, names[999])] == names[1000:]
