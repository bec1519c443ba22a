# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of backups that nobody should give (F18, F19): what is refused makes no request, what is taken stays inside."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pytest
from empty_milvus import empty_milvus
from fake_s3 import Asked, FakeS3, running
from hostile_names import NEIGHBOUR, hostile_names
from made_backup import make_backup
from module_process import ModuleRun, run_here
from tally import INJECTED, OUTSIDE_REQUESTS, SURVIVED, Tally

from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3 import S3Store

SEED = 20261123
ROOT = "backup"
ODD_FOLDERS = ("..", ".", "", " ", "*", "a\\..\\b", "%2e%2e", "\u202epeek", "-", "ä", "a..b")


@dataclass(frozen=True)
class Ground:
    """A bucket with one backup in it, the data of an instance, and what is no backup; and an instance to name."""

    fake: FakeS3
    options: Mapping[str, Any]

    def run(self, module: str, check: bool = False, **options: Any) -> tuple[ModuleRun, list[Asked]]:
        """What the module says, and what it asked the service for."""
        before = len(self.fake.asked)
        made = run_here(module, {**self.options, **options}, check=check)
        return made, self.fake.asked[before:]


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    fake = FakeS3()
    with running(fake) as storage, empty_milvus() as port:
        store = S3Store(instance_store(storage), WriteScope((f"{ROOT}/",)))
        make_backup(store, ROOT, NEIGHBOUR)
        for key in (f"{ROOT}/loose", "loose", "files_A/insert_log/1/2/3/100/4", "other/keep/meta/full_meta.json"):
            fake.put(key, b"of somebody else")
        yield Ground(fake, {**storage, "address": "127.0.0.1", "port": port, "root_path": "files_A"})


NEW = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
KNOWN = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.DOTALL)
WAYS: dict[str, tuple[str, dict[str, Any], re.Pattern[str]]] = {
    "backup": ("milvus_backup", {"collections": ["*.*"]}, NEW),
    "removal": ("milvus_backup", {"state": "absent", "force_foreign": True}, KNOWN),
    "info": ("milvus_backup_info", {"verify": "content", "fail_on_damage": True}, KNOWN),
    "restore": ("milvus_restore", {"collections": ["*.*"], "suffix": "_x"}, KNOWN),
}
"""The module, its options, and what a name must look like."""


def is_inside(asked: Asked, name: str) -> bool:
    """Within the backup's own folder; or the names of the folders beside it, which are told where there is no such."""
    return all(key.startswith(f"{ROOT}/{name}/") for key in asked.keys) or is_of_the_names(asked)


def is_of_the_names(asked: Asked) -> bool:
    return asked.folders_only and asked.keys == (f"{ROOT}/",)


@pytest.mark.parametrize("way", WAYS)
def test_no_name_reaches_beyond_its_folder(
    ground: Ground, rounds: Callable[[int, int], int], tally: Tally, way: str
) -> None:
    module, options, rule = WAYS[way]
    names = [name for name in hostile_names(rounds(300, 2000), SEED) if name != NEIGHBOUR]
    if way == "info":
        names = [name for name in names if name]  # without a name it lists all, and never writes
    before, kinds, wrong = ground.fake.content(), Counter[str](), list[tuple[str, Any, Any]]()
    for name in names:
        made, asked = ground.run(module, **options, name=name)
        accepted = bool(rule.fullmatch(name))
        outside = [item for item in asked if not is_inside(item, name)] if accepted else asked
        kinds[made.kind or "success"] += 1
        tally.add("hostile names", INJECTED)
        tally.add("hostile names", OUTSIDE_REQUESTS, len(outside))
        if outside or (made.kind == "bad_name") == accepted or "Traceback" in made.output:
            wrong.append((name, made.kind, outside))
        else:
            tally.add("hostile names", SURVIVED)
    assert wrong == []
    assert kinds["bad_name"] > len(names) / 2, kinds
    assert kinds["bad_name"] < len(names), "some names are those of backups"
    assert kinds.keys() <= {"bad_name", "not_found", "success"}, kinds
    assert ground.fake.content() == before


def test_a_pattern_reaches_only_the_backups_that_it_means(
    ground: Ground, rounds: Callable[[int, int], int], tally: Tally
) -> None:
    """Prunes that keep the newest fifty, so that none has anything to remove."""
    before = ground.fake.content()
    matched = 0
    for pattern in hostile_names(rounds(300, 2000), SEED + 1):
        made, asked = ground.run("milvus_backup_prune", name_pattern=pattern, keep_last=50, unfinished=True)
        means = bool(pattern.strip()) and fnmatchcase(NEIGHBOUR, pattern.strip())
        allowed = [item for item in asked if is_of_the_names(item) or (means and is_inside(item, NEIGHBOUR))]
        tally.add("hostile names", INJECTED)
        tally.add("hostile names", OUTSIDE_REQUESTS, len(asked) - len(allowed))
        assert asked == allowed, pattern
        assert made.kind == (None if pattern.strip() else "usage"), made.output
        assert not [item for item in asked if item.wrote]
        matched += means
        tally.add("hostile names", SURVIVED)
    assert matched, "no pattern meant the one backup that there is"
    assert ground.fake.content() == before


def test_folders_with_odd_names_are_told_and_left_alone(ground: Ground) -> None:
    """A service that takes every key as it is written, unlike the one of the lab, may hold such folders."""
    fake = ground.fake
    parts = ("meta/full_meta.json", "control/plan.json", "binlogs/insert_log/1/2/3/3/100/4")
    odd = [f"{ROOT}/{folder}/{part}" for folder in ODD_FOLDERS for part in parts]
    for key in odd:
        fake.put(key, b"{}")
    before = fake.content()
    try:
        listed, _asked = ground.run("milvus_backup_info", verify="content")
        states = {item["name"]: item["state"] for item in listed.result["backups"]}
        assert states == {**dict.fromkeys(ODD_FOLDERS, "broken"), NEIGHBOUR: "complete"}
        options: dict[str, Any] = {
            "keep_last": 1,
            "unfinished": True,
            "unfinished_older_than": "1m",
            "force_foreign": True,
        }
        pruned, asked = ground.run("milvus_backup_prune", name_pattern="*", **options)
        assert not pruned.failed, pruned.output
        assert pruned.result["removed"] == []
        assert not [item for item in asked if item.wrote]
        assert fake.content() == before
    finally:
        for key in odd:
            del fake.objects[key]


def test_a_removal_removes_its_folder_and_nothing_that_is_named_alike(ground: Ground) -> None:
    """Folders whose names begin as this one's does; and keys that only a service without rules can hold."""
    fake = ground.fake
    store = S3Store(instance_store(ground.options), WriteScope((f"{ROOT}/",)))
    make_backup(store, ROOT, "kee", first_id=2000)
    fake.put(f"{ROOT}/kee/../{NEIGHBOUR}/x", b"a key that climbs")
    beside = {key: body for key, body in fake.content().items() if not key.startswith(f"{ROOT}/kee/")}
    refused, _asked = ground.run("milvus_backup", name="kee", state="absent")
    assert refused.kind == "name_in_use", "such a key is part of no backup"
    assert {key: body for key, body in fake.content().items() if not key.startswith(f"{ROOT}/kee/")} == beside
    del fake.objects[f"{ROOT}/kee/../{NEIGHBOUR}/x"]
    removed, _asked = ground.run("milvus_backup", name="kee", state="absent")
    assert removed.result["changed"] is True, removed.output
    assert fake.content() == beside
    assert json.loads(removed.output.splitlines()[-1])["removed"]["objects"] == removed.result["removed"]["objects"]
