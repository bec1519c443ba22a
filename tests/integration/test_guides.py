# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides, typed as they stand, with the collection as users have it: built, and installed into an empty folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import archive
import oracle
import pytest
import yaml
from collection_tree import CHECKOUT
from labs import RunningLab, Side
from milvus_lab import write_inventory
from module_process import run
from typist import User, copy_project, shown, yaml_of

pytestmark = [pytest.mark.playbook, pytest.mark.newest]

NAMES = ("coll", "coll_bak", "my_backup")
"""What all guides call the collection, its copy and the backup."""


@pytest.fixture(scope="module")
def installed(ansible_playbook: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed collection; nothing leads from there to the checkout."""
    galaxy = ansible_playbook.with_name("ansible-galaxy")
    built = archive.build(galaxy, tmp_path_factory.mktemp("dist"))
    return archive.install(galaxy, built, tmp_path_factory.mktemp("collections"))


@pytest.fixture
def user(installed: Path, ansible_playbook: Path, lab: RunningLab, tmp_path: Path) -> User:
    """In a copy of the example project, with the servers of the lab in its inventory, and as lab.yml beside it."""
    project = copy_project(installed, tmp_path / "project")
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


def test_the_command_of_the_readme(user: User, coll: None, lab: RunningLab, target: Side) -> None:
    """By the name of the collection, too: that finds it done."""
    (migrate,) = shown("README.md", "ansible-playbook")
    user.done(migrate)
    assert oracle.differences(oracle.read_all(target.client(), NAMES[1]), oracle.expected()) == []
    assert lab.objects(f"backup/{NAMES[2]}/meta/full_meta.json")
    again = user.done(migrate.replace("migrate.yml", "vectorops.milvus.migrate"))
    assert "changed=0" in again
    assert "changed: [" not in again


def test_the_quick_start(user: User, nothing_left: None, target: Side) -> None:
    """From the collection on that it makes; before that it installs, and starts a lab."""
    for text in shown("docs/quick-start.md", "ansible-playbook", "python"):
        user.done(text)
    assert oracle.count(target.client(), NAMES[1]) == 2000


def test_migrating_step_by_step(user: User, coll: None, lab: RunningLab, target: Side) -> None:
    """Each command of the page in its order. The last asks whether to delete, and nobody answers."""
    *steps, delete = shown("docs/migrate.md", "ansible-playbook")
    assert len(steps) > 4
    for text in steps:
        user.done(text)
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
        user.done(text)
    drilled, beside = f"{NAMES[0]}_drill", f"{NAMES[0]}_good"
    assert oracle.differences(oracle.read_all(target.client(), drilled), oracle.expected()) == []
    report = (user.folder / "drill.html").read_text().replace("<wbr>", "")
    assert backup["name"] in report
    assert f'data-name="rows">{len(oracle.expected()):,}<' in report
    rows = [line.split(" | ") for line in (CHECKOUT / page).read_text(encoding="utf-8").splitlines()]
    options = {row[0].removeprefix("| "): re.findall(r"`([^`]+)`", row[1]) for row in rows if len(row) == 2}
    (restore,), (suffix, _replace) = options["a collection was dropped"], options["bad rows were written"]
    restore = f"ansible-playbook {restore} -e milvus_restore_collections={NAMES[0]}"
    source.client().drop_collection(NAMES[0])
    for command, name in ((restore, NAMES[0]), (f"{restore} {suffix}", beside)):
        user.done(command)
        assert oracle.differences(oracle.read_all(source.client(), name), oracle.expected()) == []
    assert run("milvus_backup", {**backup, "state": "absent"}).result["changed"]
    target.client().drop_collection(drilled)
    source.client().drop_collection(beside)


def test_backups_in_another_bucket(user: User, coll: None, lab: RunningLab, source: Side, target: Side) -> None:
    """The inventory of the page, with the command that moves."""
    (another_bucket, _a_folder), s3 = map(yaml.safe_load, yaml_of("docs/across-stores.md")), lab.s3()
    group = another_bucket["milvus"]
    elsewhere = group["vars"]["milvus_backup_bucket_name"]
    s3.create_bucket(Bucket=elsewhere)
    (inventory,) = (user.folder / "inventory").iterdir()
    inventory.write_text(yaml.safe_dump({"milvus": on_the_lab(group, (source, target))}))
    _look, _plan, migrate, *_others = shown("docs/migrate.md", "ansible-playbook")
    user.done(migrate)
    assert oracle.differences(oracle.read_all(target.client(), NAMES[1]), oracle.expected()) == []
    assert not lab.objects(f"backup/{NAMES[2]}/")
    for item in s3.list_objects_v2(Bucket=elsewhere)["Contents"]:
        s3.delete_object(Bucket=elsewhere, Key=item["Key"])
    s3.delete_bucket(Bucket=elsewhere)


def on_the_lab(group: dict[str, Any], sides: Sequence[Side]) -> dict[str, Any]:
    """The hosts of a page with the places of these sides, and what else they share as it stands."""
    assert set(group["hosts"]) == {side.name for side in sides}
    places = {"milvus_address", "milvus_bucket_name", "milvus_root_path"}
    assert [host for host in group["hosts"].values() if set(host) != places] == []
    hosts = {side.name: {f"milvus_{option}": value for option, value in side.options.items()} for side in sides}
    return {"hosts": hosts, "vars": {key: value for key, value in group["vars"].items() if "milvus_storage" not in key}}
