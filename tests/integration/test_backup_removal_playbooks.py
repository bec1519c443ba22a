# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks that remove backups: a shared place is pruned once, and nothing is deleted without its name."""

from __future__ import annotations

import os
import pty
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oracle
import pytest
from areas import BackupArea
from labs import RunningLab

from playbooks import Inventory, Player

pytestmark = pytest.mark.playbook
PRUNE, DELETE = "vectorops.milvus.prune", "vectorops.milvus.delete"
QUESTION = b"Type its name"
PATIENCE = 120


@pytest.fixture(scope="module")
def small(lab: RunningLab) -> str:
    oracle.create_collection(lab.side("milvus_a").client(), "small_removal", rows=10, partitions=("_default",))
    return "small_removal"


@pytest.fixture
def area(lab: RunningLab, fresh: Callable[[str], str], small: str) -> BackupArea:
    """Backups a, b, c, all good."""
    made = BackupArea(lab, lab.side("milvus_a"), fresh("area"))
    assert not made.make("a", small).failed
    made.copy("a", "b", "c")
    return made


@pytest.fixture
def inventory(area: BackupArea) -> Inventory:
    """Three hosts: two share the place, the third has one of its own, which is empty."""
    shared = {f"milvus_{name}": value for name, value in area.options.items()}
    hosts: dict[str, Any] = {"m_2": {}, "m_1": {}, "m_3": {"milvus_backup_root_path": f"{area.root}_too"}}
    return Inventory(hosts, shared)


@pytest.fixture
def player(ansible_playbook: Path, tmp_path: Path) -> Player:
    return Player(ansible_playbook, tmp_path)


def test_a_shared_place_is_pruned_once(area: BackupArea, inventory: Inventory, player: Player) -> None:
    policy = ["-e", "milvus_prune_name_pattern=*", "-e", "milvus_prune_keep_last=1"]
    planned = player.run(PRUNE, *policy, "--check", inventory=inventory)
    assert planned.code == 0, planned.output
    assert area.names() == {"a", "b", "c"}
    for text in ("would remove a", "would remove b", "kept c", f"{area.root} is pruned by m_1"):
        assert text in planned.flat, planned.output
    pruned = player.run(PRUNE, *policy, inventory=inventory)
    assert pruned.code == 0, pruned.output
    assert pruned.flat.count("removed a") == 1
    assert area.names() == {"c"}
    recap = pruned.flat.partition("PLAY RECAP")[2]
    assert recap.count("changed=1") == 1
    # one that is outside the limit does not prune for the others
    alone = player.run(PRUNE, *policy, "--limit", "m_2", inventory=inventory)
    assert "kept c" in alone.flat, alone.output


@pytest.mark.newest
@pytest.mark.parametrize(
    "arguments", [["-e", "milvus_prune_name_pattern="], ["-e", "milvus_prune_name_pattern=*"], []], ids=str
)
def test_prune_needs_a_pattern_and_a_policy(
    area: BackupArea, inventory: Inventory, player: Player, arguments: list[str]
) -> None:
    assert player.run(PRUNE, *arguments, inventory=inventory).code == 2
    assert area.names() == {"a", "b", "c"}


@pytest.mark.newest
@pytest.mark.parametrize("confirm", [[], ["-e", "milvus_delete_confirm=b"], ["-e", "milvus_delete_confirm="]], ids=str)
def test_nothing_is_deleted_without_its_name(
    area: BackupArea, inventory: Inventory, player: Player, confirm: list[str]
) -> None:
    """Not interactive: what cannot be asked is not deleted."""
    refused = player.run(DELETE, "-e", "milvus_delete_name=a", "--limit", "m_1", *confirm, inventory=inventory)
    assert refused.code == 2
    assert "nothing was deleted" in refused.flat
    assert area.names() == {"a", "b", "c"}


def test_delete_with_its_name(area: BackupArea, inventory: Inventory, player: Player) -> None:
    """Two hosts share the place: the second finds it deleted already."""
    name = ["-e", "milvus_delete_name=a", "-e", "milvus_delete_hosts=milvus"]
    planned = player.run(DELETE, *name, "--check", inventory=inventory)
    assert planned.code == 0, planned.output
    assert area.names() == {"a", "b", "c"}
    deleted = player.run(DELETE, *name, "-e", "milvus_delete_confirm=a", inventory=inventory)
    assert deleted.code == 0, deleted.output
    assert deleted.flat.partition("PLAY RECAP")[2].count("changed=1") == 1
    assert area.names() == {"b", "c"}


@pytest.mark.parametrize(("typed", "left"), [("a", {"b", "c"}), ("yes", {"a", "b", "c"})])
def test_delete_asks(area: BackupArea, inventory: Inventory, player: Player, typed: str, left: set[str]) -> None:
    hosts = player.folder / "hosts.yml"
    inventory.write(hosts)
    command = [str(player.program), "-i", str(hosts), DELETE, "-e", "milvus_delete_name=a", "--limit", "m_1"]
    process, keyboard = pty.fork()  # a terminal that controls the process: Ansible asks no other
    if process == 0:
        os.execv(command[0], command)
    shown = _read_until(keyboard, QUESTION)
    shown += _read_until(keyboard, b"PLAY RECAP", typing=f"{typed}\r".encode())
    _process, status = os.waitpid(process, 0)
    os.close(keyboard)
    assert (status == 0) is (typed == "a"), shown
    assert area.names() == left


def _read_until(terminal: int, words: bytes, typing: bytes = b"") -> str:
    """What a process shows up to these words; fails with all of it when it ends or stalls before them.

    Types whenever it waits: what is typed in the moment between the question and the reading of the answer is dropped.
    """
    shown, end = b"", time.monotonic() + PATIENCE
    while words not in shown and time.monotonic() < end:
        ready, _unused, _unused = select.select([terminal], [], [], 1)
        try:
            os.write(terminal, b"" if ready else typing)
            shown += os.read(terminal, 4096) if ready else b""
        except OSError:
            break  # it has ended
    text = shown.decode(errors="replace")
    assert words in shown, text
    return text
