# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet on three real servers: ten pairs of which two break, one source to three targets, and backups of all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import oracle
import pytest
import yaml
from collection_tree import CHECKOUT
from labs import RunningLab, Side
from milvus_lab import LabConfig, start, stop

from playbooks import Inventory, Player, Run

pytestmark = pytest.mark.playbook

ROWS = 20
LIVE = len(oracle.expected(ROWS))
# Source and target of each pair. milvus_a has three targets.
PAIRS = {
    "p01": ("milvus_a", "milvus_b"),
    "p02": ("milvus_a", "milvus_c"),
    "p03": ("milvus_a", "milvus_b"),
    "p04": ("milvus_b", "milvus_c"),
    "p05": ("milvus_b", "milvus_a"),
    "p06": ("milvus_b", "milvus_c"),
    "p07": ("milvus_c", "milvus_a"),
    "p08": ("milvus_dead", "milvus_b"),
    "p09": ("milvus_c", "milvus_b"),
    "p10": ("milvus_b", "milvus_c"),
}
BROKEN = {"p08": "unreachable", "p10": "not_found"}
ROLES = ("milvus_backup", "milvus_cutover", "milvus_migrate", "milvus_preflight", "milvus_prune", "milvus_restore")


@pytest.fixture(scope="module")
def sides(lab: RunningLab, emptied: Side) -> Iterator[dict[str, Side]]:
    """The two instances of the lab and a third one, each with one small collection C(fleet)."""
    config = LabConfig(Path(lab.answer["directory"]), {"milvus_c": {"root_path": "files_c"}})
    try:
        more = RunningLab(start(config))
        found = {name: more.side(name) for name in ("milvus_a", "milvus_b", "milvus_c")}
        for side in found.values():
            oracle.create_collection(side.client(), "fleet", ROWS, ("_default",))
        yield found
        client = found["milvus_a"].client()
        for name in client.list_collections():
            if name.startswith("fleet"):
                client.drop_collection(name)
    finally:
        stop(config)


@pytest.fixture
def player(ansible_playbook: Path, tmp_path: Path) -> Player:
    return Player(ansible_playbook, tmp_path, CHECKOUT / "examples" / "project")


def fleet(sides: dict[str, Side], dead: Side, pairs: dict[str, dict[str, Any]] | None = None) -> Inventory:
    instances = {
        name: {f"milvus_{option}": value for option, value in side.options.items()}
        for name, side in {**sides, "milvus_dead": dead}.items()
    }
    return Inventory(instances, {}, {"milvus_migrate_targets": pairs} if pairs else {})


def stray(role: str) -> str:
    """Every variable of the roles other than this one, as an extra var, as AWX relays them through a workflow."""
    files = [CHECKOUT / "roles" / other / "meta/argument_specs.yml" for other in ROLES if other != role]
    specs = [yaml.safe_load(file.read_text()) for file in files]
    names = [name for spec in specs for name in spec["argument_specs"]["main"]["options"]]
    assert len(names) > 60
    return json.dumps(dict.fromkeys(names, "stray"))


def as_dead(side: Side) -> Side:
    return Side("milvus_dead", 1, side.root_path, {**side.options, "port": 1})


def jobs_of(report: Path) -> dict[str, dict[str, Any]]:
    return {job["job"]: job for job in json.loads(report.read_text())["jobs"]}


def changed(run: Run) -> set[str]:
    return set(re.findall(r"(?m)^(\w+) +: ok=\d+ +changed=[1-9]", run.output))


@pytest.mark.newest
def test_ten_pairs_of_which_two_break(
    player: Player, lab: RunningLab, sides: dict[str, Side], fresh: Callable[[str], str], tmp_path: Path
) -> None:
    """Eight are done and two named with their cause; once these are mended, a second run does only them."""
    late = fresh("fleet_late")
    pairs = {
        name: {
            "milvus_migrate_source": source,
            "milvus_migrate_target_host": target,
            "milvus_migrate_collections": late if name == "p10" else "fleet",
            "milvus_migrate_suffix": f"_{name}",
        }
        for name, (source, target) in PAIRS.items()
    }
    pairs["p10"]["milvus_migrate_backup_prefix"] = "late"
    report, run_name = tmp_path / "fleet.json", fresh("run")
    arguments = ["-f", "4", "-e", f"milvus_migrate_run={run_name}", "-e", f"milvus_migrate_report_file={report}"]
    arguments += ["-e", stray("milvus_migrate")]

    first = player.run("migrate.yml", *arguments, inventory=fleet(sides, as_dead(sides["milvus_a"]), pairs))
    assert first.code == 2, first.output
    jobs = jobs_of(report)
    assert sorted(jobs) == sorted(PAIRS)
    assert {name: job["cause"].partition(":")[0] for name, job in jobs.items() if job["state"] == "failed"} == BROKEN
    good = {name: job for name, job in jobs.items() if job["state"] == "done"}
    assert {job["rows"] for job in good.values()} == {LIVE}
    assert len(good) == 8
    assert "10 jobs: 8 done, 2 failed" in first.output
    assert changed(first) == set(good)
    for name in good:
        assert oracle.count(sides[PAIRS[name][1]].client(), f"fleet_{name}") == LIVE
    made = {key.split("/")[1] for key in lab.objects("backup/") if key.split("/")[1].endswith(run_name)}
    assert made == {f"migrate_milvus_{letter}_{run_name}" for letter in "abc"}, "one backup for all targets of a source"
    assert not lab.objects("backup/stray")

    oracle.create_collection(sides["milvus_b"].client(), late, ROWS, ("_default",))
    mended = Side("milvus_dead", 0, "", sides["milvus_a"].options)
    second = player.run("migrate.yml", *arguments, inventory=fleet(sides, mended, pairs))
    assert second.code == 0, second.output
    assert changed(second) == set(BROKEN)
    assert {name for name, job in jobs_of(report).items() if job["changed"]} == set(BROKEN)
    assert oracle.count(sides["milvus_b"].client(), "fleet_p08") == LIVE
    assert oracle.count(sides["milvus_c"].client(), f"{late}_p10") == LIVE


def test_backups_and_restores_of_many(
    player: Player, sides: dict[str, Side], fresh: Callable[[str], str], tmp_path: Path
) -> None:
    """One instance of four is down: the others are backed up, and two of them restored; all are checked."""
    hosts, run_name = fleet(sides, as_dead(sides["milvus_a"])), fresh("many")
    report = tmp_path / "jobs.json"
    backup = ["-e", "milvus_backup_collections=fleet", "-e", f"milvus_backup_run={run_name}"]
    backup += [
        "-e",
        f"milvus_backup_report_file={report}",
        "-e",
        "milvus_backup_serial=2",
        "-e",
        stray("milvus_backup"),
    ]
    first = player.run("backup.yml", *backup, inventory=hosts)
    assert first.code == 2, first.output
    jobs = jobs_of(report)
    assert {name: job["state"] for name, job in jobs.items()} == {
        **dict.fromkeys(sides, "done"),
        "milvus_dead": "failed",
    }
    assert {jobs[name]["rows"] for name in sides} == {ROWS}
    assert changed(first) == set(sides)

    again = player.run("backup.yml", *backup, "--limit", "milvus:!milvus_dead", inventory=hosts)
    assert again.code == 0, again.output
    assert changed(again) == set()
    assert "Backup, 3 jobs: 3 done" in again.output

    names = "{milvus_restore_name: 'backup_{{ inventory_hostname }}_" + run_name + "'}"
    restore = ["-e", "milvus_restore_collections=fleet", "-e", "milvus_restore_suffix=_back", "-e", names]
    restore += ["-e", stray("milvus_restore")]
    restored = player.run("restore.yml", *restore, "--limit", "milvus_b,milvus_c", inventory=hosts)
    assert restored.code == 0, restored.output
    assert re.search(rf'"milvus_b backup_milvus_b_{run_name} done 1 {LIVE} [\d.]+ yes -"', restored.flat)
    assert [oracle.count(sides[name].client(), "fleet_back") for name in ("milvus_b", "milvus_c")] == [LIVE] * 2

    wanted = ["-e", f"milvus_preflight_report_file={report}", "-e", stray("milvus_preflight")]
    checked = player.run("preflight.yml", *wanted, inventory=hosts)
    assert checked.code == 2, checked.output
    found = jobs_of(report)
    assert {name: found[name]["root_path"] for name in sides} == dict.fromkeys(sides, "proven")
    assert all("2.3.5" in found[name]["version"] and found[name]["collections"] for name in sides)
    assert found["milvus_dead"]["cause"].startswith("unreachable: ")
