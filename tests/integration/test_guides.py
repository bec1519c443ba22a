# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides, typed as they stand, with the collection as users have it: built, and installed into an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import archive
import oracle
import pytest
from collection_tree import CHECKOUT
from doc_pages import blocks, commands
from labs import RunningLab, Side
from milvus_lab import write_inventory
from module_process import run

pytestmark = [pytest.mark.playbook, pytest.mark.newest]

NAMES = ("coll", "coll_bak", "my_backup")
"""What all guides call the collection, its copy and the backup."""


@dataclass(frozen=True)
class User:
    """Somebody in a folder of their own, who types what a page shows."""

    folder: Path
    program: Path
    collections: Path

    def type(self, text: str) -> subprocess.CompletedProcess[str]:
        paths = {
            "PATH": f"{self.program.parent}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
        }
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", text],
            cwd=self.folder,
            env={**os.environ, **paths, "ANSIBLE_NOCOLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(ansible_playbook: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed collection; nothing leads from there to the checkout."""
    galaxy = ansible_playbook.with_name("ansible-galaxy")
    built = archive.build(galaxy, tmp_path_factory.mktemp("dist"))
    return archive.install(galaxy, built, tmp_path_factory.mktemp("collections"))


@pytest.fixture
def user(installed: Path, ansible_playbook: Path, lab: RunningLab, tmp_path: Path) -> User:
    """In a copy of the example project, with the servers of the lab in its inventory, and as lab.yml beside it."""
    project = tmp_path / "project"
    shutil.copytree(installed / "examples" / "project", project)
    shutil.rmtree(project / "inventory")
    (project / "inventory").mkdir()
    for inventory in (project / "inventory" / "hosts.yml", project / "lab.yml"):
        write_inventory(inventory, lab.answer)
    return User(project, ansible_playbook, installed.parents[2])


@pytest.fixture
def nothing_left(source: Side, target: Side) -> Iterator[None]:
    """Nothing of an earlier guide: all have the same names."""
    yield
    name, copy, backup = NAMES
    run("milvus_backup", {**source.options, "name": backup, "state": "absent"})
    source.client().drop_collection(name)
    target.client().drop_collection(copy)


@pytest.fixture
def coll(source: Side, nothing_left: None) -> None:
    """The collection that guides move."""
    oracle.create_collection(source.client(), NAMES[0])


def shown(page: str, *programs: str) -> list[str]:
    """The blocks of a page all of whose commands call these programs."""
    texts = []
    for block in blocks(page, (CHECKOUT / page).read_text(encoding="utf-8")):
        called = [words[0] for words in commands(block)]
        texts += [block.text] if called and set(called) <= set(programs) else []
    return texts


def test_the_command_of_the_readme(user: User, coll: None, lab: RunningLab, target: Side) -> None:
    """By the name of the collection, too: that finds it done."""
    (migrate,) = shown("README.md", "ansible-playbook")
    first = user.type(migrate)
    assert first.returncode == 0, first.stdout
    assert oracle.differences(oracle.read_all(target.client(), NAMES[1]), oracle.expected()) == []
    assert lab.objects(f"backup/{NAMES[2]}/meta/full_meta.json")
    again = user.type(migrate.replace("migrate.yml", "vectorops.milvus.migrate"))
    assert again.returncode == 0, again.stdout
    assert "changed=0" in again.stdout
    assert "changed: [" not in again.stdout


def test_the_quick_start(user: User, nothing_left: None, target: Side) -> None:
    """From the collection on that it makes; before that it installs, and starts a lab."""
    for text in shown("docs/quick-start.md", "ansible-playbook", "python"):
        done = user.type(text)
        assert done.returncode == 0, text + done.stdout
    assert oracle.count(target.client(), NAMES[1]) == 2000


def test_migrating_step_by_step(user: User, coll: None, lab: RunningLab, target: Side) -> None:
    """Each command of the page in its order. The last asks whether to delete, and nobody answers."""
    *steps, delete = shown("docs/migrate.md", "ansible-playbook")
    assert len(steps) > 4
    for text in steps:
        done = user.type(text)
        assert done.returncode == 0, text + done.stdout
    assert oracle.differences(oracle.read_all(target.client(), NAMES[1]), oracle.expected()) == []
    refused = user.type(delete)
    assert refused.returncode == 2, refused.stdout
    assert "nothing was deleted" in refused.stdout
    assert lab.objects(f"backup/{NAMES[2]}/meta/full_meta.json")


def test_the_recovery_drill(user: User, coll: None, source: Side, target: Side) -> None:
    """Both commands of the drill, and two of the emergencies: a collection is gone, and its rows are bad."""
    page = "docs/recovery-drill.md"
    backup = {**source.options, "name": "backup_milvus_a_20261120", "collections": [NAMES[0]]}
    assert run("milvus_backup", backup).result["changed"]
    for text in shown(page, "ansible-playbook"):
        done = user.type(text)
        assert done.returncode == 0, text + done.stdout
    drilled, beside = f"{NAMES[0]}_drill", f"{NAMES[0]}_good"
    assert oracle.differences(oracle.read_all(target.client(), drilled), oracle.expected()) == []
    report = (user.folder / "drill.html").read_text()
    assert backup["name"] in report
    assert f'data-name="rows">{len(oracle.expected()):,}<' in report
    rows = [line.split(" | ") for line in (CHECKOUT / page).read_text(encoding="utf-8").splitlines()]
    options = {row[0].removeprefix("| "): re.findall(r"`([^`]+)`", row[1]) for row in rows if len(row) == 2}
    (restore,), (suffix, _replace) = options["a collection was dropped"], options["bad rows were written"]
    restore = f"ansible-playbook {restore} -e milvus_restore_collections={NAMES[0]}"
    source.client().drop_collection(NAMES[0])
    for command, name in ((restore, NAMES[0]), (f"{restore} {suffix}", beside)):
        done = user.type(command)
        assert done.returncode == 0, command + done.stdout
        assert oracle.differences(oracle.read_all(source.client(), name), oracle.expected()) == []
    assert run("milvus_backup", {**backup, "state": "absent"}).result["changed"]
    target.client().drop_collection(drilled)
    source.client().drop_collection(beside)
