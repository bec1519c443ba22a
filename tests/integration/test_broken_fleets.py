# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets of which no job can succeed: what table, report and exit code say. No server is needed for these."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from playbooks import Inventory, Player, Run

pytestmark = pytest.mark.playbook

# Nothing listens on the first ports of loopback.
HOSTS = ("m_1", "m_2", "m_3")
SHARED = {
    "milvus_address": "127.0.0.1",
    "milvus_root_path": "files_{{ inventory_hostname }}",
    "milvus_storage_address": "127.0.0.1",
    "milvus_storage_port": 4,
    "milvus_access_key_id": "key",
    "milvus_secret_access_key": "CANARY-SECRET-KEY",
    "milvus_bucket_name": "bucket",
    "milvus_timeout": 5,
}
SELECT = ["-e", "milvus_backup_collections=coll"]
BACKUP, RESTORE, VERIFY = "vectorops.milvus.backup", "vectorops.milvus.restore", "vectorops.milvus.verify"
PREFLIGHT, PRUNE, MIGRATE = "vectorops.milvus.preflight", "vectorops.milvus.prune", "vectorops.milvus.migrate"
CUTOVER = ["-e", "milvus_cutover_hosts=milvus", "-e", "milvus_cutover_name=x", "-e", "milvus_cutover_collections=c"]
CUTOVER += [
    "-e",
    "milvus_cutover_roles=r",
    "-e",
    "{milvus_cutover_source: \"{{ {'m_1': 'm_2'}[inventory_hostname] | default('m_1') }}\"}",
]
# Runs the command here, as long as there are calls left.
SSH = """#!/bin/sh
echo call >> "$0.calls"
[ "$(wc -l < "$0.calls")" -gt {calls} ] && exit 255
for command; do :; done
exec sh -c "$command"
"""

Play = Callable[..., Run]


@pytest.fixture
def play(ansible_playbook: Path, tmp_path: Path) -> Play:
    def run(playbook: str, *arguments: str, **variables: dict[str, Any]) -> Run:
        instances = {name: {"milvus_port": port, **variables.get(name, {})} for port, name in enumerate(HOSTS, 1)}
        targets = {"m_2": {"milvus_migrate_source": "m_1"}, "m_3": {"milvus_migrate_source": "m_1"}}
        inventory = Inventory(instances, SHARED, {"milvus_migrate_targets": targets})
        return Player(ansible_playbook, tmp_path).run(playbook, *arguments, inventory=inventory)

    return run


def behind_ssh(folder: Path, calls: int) -> dict[str, Any]:
    """Variables of a host whose connection ends after so many calls."""
    program = folder / f"ssh_{calls}"
    program.write_text(SSH.format(calls=calls))
    program.chmod(0o755)
    return {
        "ansible_connection": "ssh",
        "ansible_ssh_executable": str(program),
        "ansible_pipelining": True,
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }


@pytest.mark.parametrize(
    ("playbook", "arguments", "kind", "jobs"),
    [
        (BACKUP, SELECT, "unreachable", HOSTS[:2]),
        (
            RESTORE,
            ["-e", "milvus_restore_hosts=milvus", "-e", "milvus_restore_name=x", "-e", "milvus_restore_collections=c"],
            "unreachable",
            HOSTS[:2],
        ),
        (VERIFY, ["-e", "milvus_migrate_collections=coll"], "unreachable", HOSTS[1:2]),
        (PREFLIGHT, [], "unreachable", HOSTS[:2]),
        (PRUNE, ["-e", "milvus_prune_name_pattern=*"], "usage", HOSTS[:1]),
        ("vectorops.milvus.cutover", CUTOVER, "unreachable", HOSTS[:2]),
    ],
)
def test_every_broken_job_is_in_table_and_report(
    play: Play, tmp_path: Path, playbook: str, arguments: list[str], kind: str, jobs: tuple[str, ...]
) -> None:
    """One after the other, so that the first would end the run if it were not rescued.

    The report lies where the command was given.
    """
    name = playbook.rpartition(".")[2]
    more = [
        "--limit",
        "m_1,m_2",
        "-e",
        f"milvus_{name}_serial=1",
        "-e",
        f"milvus_{name}_report_file=jobs.json",
    ]
    run = play(playbook, *arguments, *more)
    assert run.code == 2, run.output
    table = run.after("PLAY [Sum up")
    report = json.loads((tmp_path / "jobs.json").read_text())
    for job in jobs:
        assert f'"{job} ' in table
        (row,) = (row for row in report["jobs"] if row["job"] == job)
        assert (row["state"], row["cause"].partition(":")[0]) == ("failed", kind)
    assert report["states"]["failed"] == len(jobs)
    assert table.count("failed=1") == len(jobs)
    assert "CANARY" not in run.output


def test_hosts_that_cannot_be_reached_are_jobs_too(play: Play, tmp_path: Path) -> None:
    """The first and the last of three batches of one; and then all of them."""
    dead = behind_ssh(tmp_path, 0)
    serial = ["-e", "milvus_backup_serial=1"]
    some = play(BACKUP, *SELECT, *serial, m_1=dead, m_3=dead)
    assert some.code == 2, some.output
    table = some.after("TASK [vectorops.milvus.milvus_job : Show all jobs]")
    assert '"m_1 failed unreachable", "m_2 failed unreachable", "m_3 failed unreachable"' in table
    assert "unreachable: m_1 cannot be reached, so nothing was done" in table
    assert "unreachable: connecting to the server failed (127.0.0.1:2)" in table, "m_2 had its turn"

    every = play(MIGRATE, "-e", "milvus_migrate_collections=coll", m_1=dead, m_2=dead, m_3=dead)
    assert every.code == 2, every.output
    assert '"m_2 m_1 m_2 failed unreachable", "m_3 m_1 m_3 failed unreachable"' in every.flat
    assert "unreachable: m_1, m_2 cannot be reached, so nothing was done" in every.flat


def test_a_host_that_is_lost_during_its_job_is_in_the_table(play: Play, tmp_path: Path) -> None:
    run = play(BACKUP, *SELECT, "--limit", "m_1,m_2", m_1=behind_ssh(tmp_path, 1))
    assert run.code == 4, run.output
    table = run.after("TASK [vectorops.milvus.milvus_job : Show all jobs]")
    assert '"m_1 failed unreachable", "m_2 failed unreachable", "Backup, 2 jobs: 2 failed"' in table
    assert "unreachable=1" in table


def test_one_backup_name_for_instances_that_share_a_place_is_refused(play: Play) -> None:
    """Before any call. A place of its own, or a name by a template, is fine."""
    named = [*SELECT, "-e", "milvus_backup_name=mine"]
    run = play(BACKUP, *named, m_3={"milvus_backup_root_path": "elsewhere"})
    assert run.code == 2
    assert (
        "the backup name mine is given for m_1 and for m_2, and both would write it to 127.0.0.1:4/bucket/backup"
        in run.flat
    )
    assert "the backup name mine is given for m_2 and for m_1" in run.flat
    assert '"m_1 failed usage", "m_2 failed usage", "m_3 failed unreachable"' in run.flat

    template = "{milvus_backup_name: 'mine_{{ inventory_hostname }}'}"
    own = play(BACKUP, *SELECT, "--limit", "m_1,m_2", "-e", template)
    assert "is given for" not in own.output
    assert '"m_1 failed unreachable", "m_2 failed unreachable"' in own.flat


def test_a_report_that_could_not_be_written_is_refused_at_the_beginning(play: Play, tmp_path: Path) -> None:
    files = f"{tmp_path}/jobs.html,{tmp_path}/jobs.pdf,{tmp_path}/no/jobs.md"
    run = play(BACKUP, *SELECT, "-e", f"milvus_backup_report_file={files}")
    assert run.code == 2
    assert f"milvus_backup_report_file has {tmp_path}/jobs.pdf, {tmp_path}/no; the name of a report" in run.flat
    assert "Back up the collections" not in run.output
