# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets that exist: left alone, replaced or adjusted; what answers meanwhile, and what a second run does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import oracle
import pytest
from labs import RunningLab, Side
from module_process import ModuleRun, finish, run, start
from pymilvus import MilvusClient, MilvusException

from ansible_collections.vectorops.milvus.plugins.module_utils.restore.replacement import DRAIN_SECONDS

Fresh = Callable[[str], str]
NAMES = ("absent", "this", "older", "foreign")
"""What stands at the target: nothing, a collection of this backup, one of an older backup, a user's own."""


@pytest.fixture(scope="module")
def backups(lab: RunningLab) -> tuple[str, str]:
    """Two backups of the same four small collections: 40 rows each in the older one, 60 in the newer one."""
    side = lab.side("milvus_a")
    client = side.client()
    for name in NAMES:
        oracle.create_collection(client, f"swap_{name}", rows=40)
    names = []
    for backup in ("older_rows", "newer_rows"):
        if names:
            for name in NAMES:
                oracle.insert(client, f"swap_{name}", range(40, 60))
        made = run("milvus_backup", {**side.options, "name": backup, "collections": [f"swap_{name}" for name in NAMES]})
        assert not made.failed, made.output
        names.append(backup)
    return names[0], names[1]


def restore(
    side: Side, backup: str, suffix: str, names: tuple[str, ...], *, check: bool = False, **options: Any
) -> ModuleRun:
    arguments = {"name": backup, "collections": [f"swap_{name}" for name in names], "suffix": suffix, **options}
    return run("milvus_restore", {**side.options, **arguments}, check=check)


@pytest.fixture
def standing(target: Side, backups: tuple[str, str], fresh: Fresh) -> str:
    """The suffix of four targets, of which three exist as their names say."""
    older, newer = backups
    suffix = fresh("_at")
    quick = {"index": "none", "load": "never", "verify_rows": "import"}
    assert not restore(target, older, suffix, ("older",), **quick).failed
    assert not restore(target, newer, suffix, ("this",), **quick).failed
    oracle.create_collection(target.client(), f"swap_foreign{suffix}", rows=5)
    return suffix


def states(done: ModuleRun) -> dict[str, str]:
    return {item["source"].removeprefix("swap_"): item["state"] for item in done.result["collections"]}


def rows(side: Side, suffix: str) -> dict[str, int]:
    """The rows of the four targets as the statistics of the server say; they need no load."""
    client = side.client()
    found = {}
    for name in NAMES:
        if client.has_collection(f"swap_{name}{suffix}"):
            found[name] = int(client.get_collection_stats(f"swap_{name}{suffix}")["row_count"])
    return found


def leftovers(side: Side, suffix: str) -> list[str]:
    return [name for name in side.client().list_collections() if suffix in name and "__" in name]


QUICK = {"index": "none", "load": "never", "verify_rows": "import"}


def test_fail_touches_nothing_before_it_fails(target: Side, backups: tuple[str, str], standing: str) -> None:
    before = rows(target, standing)
    for name, words in (("older", "replace_restored"), ("foreign", "no restore made it")):
        refused = restore(target, backups[1], standing, ("absent", "this", name), **QUICK)
        assert refused.kind == "target_exists", refused.output
        assert words in refused.result["msg"]
    assert rows(target, standing) == before
    assert states(restore(target, backups[1], standing, ("this",), **QUICK)) == {"this": "unchanged"}


def test_skip_restores_the_rest(target: Side, backups: tuple[str, str], standing: str) -> None:
    done = restore(target, backups[1], standing, NAMES, if_exists="skip", **QUICK)
    assert states(done) == {"absent": "restored", "this": "unchanged", "older": "skipped", "foreign": "skipped"}
    assert done.result["changed"] is True
    assert sum("was left alone" in str(warning) for warning in done.result["warnings"]) == 2


def test_replace_restored_replaces_what_a_restore_made(target: Side, backups: tuple[str, str], standing: str) -> None:
    refused = restore(target, backups[1], standing, NAMES, if_exists="replace_restored", **QUICK)
    assert refused.kind == "target_exists", "the foreign one is never replaced"
    three = ("absent", "this", "older")
    done = restore(target, backups[1], standing, three, if_exists="replace_restored", **QUICK)
    assert states(done) == {"absent": "restored", "this": "unchanged", "older": "replaced"}
    assert leftovers(target, standing) == []
    again = restore(target, backups[1], standing, three, if_exists="replace_restored", **QUICK)
    assert (again.result["changed"], set(states(again).values())) == (False, {"unchanged"})


def test_replace_replaces_whatever_has_the_name(target: Side, backups: tuple[str, str], standing: str) -> None:
    planned = restore(target, backups[1], standing, NAMES, if_exists="replace", check=True)
    actions = {item["source"].removeprefix("swap_"): item["action"] for item in planned.result["collections"]}
    assert actions == {"absent": "create", "this": "update", "older": "replace", "foreign": "replace"}
    done = restore(target, backups[1], standing, NAMES, if_exists="replace")
    assert states(done) == {"absent": "restored", "this": "updated", "older": "replaced", "foreign": "replaced"}
    for name in NAMES:
        found = oracle.read_all(target.client(), f"swap_{name}{standing}")
        assert oracle.differences(found, oracle.expected(60)) == []
    assert leftovers(target, standing) == []


class Client:
    """An application that asks without pause, by a name and by an alias, and notes what it saw.

    An answer that took longer than a replaced collection is kept counts for nothing: it may be of a dropped one.
    """

    def __init__(self, side: Side, name: str, alias: str) -> None:
        self.seen: dict[str, dict[object, list[str]]] = {name: {}, alias: {}}
        self._side = side
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(way,), daemon=True) for way in self.seen]

    def __enter__(self) -> Client:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, way: str) -> None:
        client, began = self._side.client(), time.monotonic()
        while not self._stop.is_set():
            asked = time.monotonic()
            answer = self._answer(client, way)
            took = time.monotonic() - asked
            if took < DRAIN_SECONDS:
                self.seen[way].setdefault(answer, []).append(f"at {asked - began:.3f} s, after {took:.3f} s")
            time.sleep(0.01)

    def _answer(self, client: MilvusClient, way: str) -> object:
        try:
            return oracle.count(client, way)
        except MilvusException as error:
            return f"code {error.code}"


def odd(seen: dict[object, list[str]], *wanted: object) -> str:
    """Each unwanted answer with its times, and when the wanted ones began and ended."""
    other = {answer: times for answer, times in seen.items() if answer not in wanted}
    spans = {answer: (times[0], times[-1]) for answer, times in seen.items()}
    return f"{other}; {spans}"


def test_a_replaced_collection_answers_until_the_new_one_does(
    target: Side, backups: tuple[str, str], fresh: Fresh
) -> None:
    """By its name with a gap of milliseconds at most, by its alias without any; never half, never empty."""
    name, alias = fresh("served"), fresh("served_alias")
    oracle.create_collection(target.client(), name, rows=5)
    target.client().create_alias(name, alias)
    arguments = {
        **target.options,
        "name": backups[1],
        "collections": ["swap_this"],
        "rename": {"swap_this": name},
        "if_exists": "replace",
    }
    old, new = len(oracle.expected(5)), len(oracle.expected(60))
    with Client(target, name, alias) as application:
        done = run("milvus_restore", arguments)
    assert not done.failed, done.output
    assert set(application.seen[alias]) == {old, new}, odd(application.seen[alias], old, new)
    wanted = {old, new, "code 100", "code 1"}
    assert {old, new} <= set(application.seen[name]) <= wanted, odd(application.seen[name], *wanted)
    assert target.client().list_collections().count(name) == 1
    assert leftovers(target, name) == []
    assert run("milvus_restore", arguments).result["changed"] is False


def test_a_target_that_changes_while_its_replacement_is_built_is_not_touched(
    target: Side, backups: tuple[str, str], fresh: Fresh
) -> None:
    """Somebody drops the target and makes another one: that is not what was to be replaced."""
    name = fresh("moving")
    client = target.client()
    oracle.create_collection(client, name, rows=5)
    arguments = {
        **target.options,
        **QUICK,
        "name": backups[1],
        "collections": ["swap_this"],
        "rename": {"swap_this": name},
        "if_exists": "replace",
    }
    process = start("milvus_restore", arguments)
    while not leftovers(target, name):
        time.sleep(0.02)
    client.drop_collection(name)
    oracle.create_collection(client, name, rows=7)
    refused = finish(process)
    assert refused.kind == "target_exists", refused.output
    assert oracle.count(client, name) == len(oracle.expected(7))
    assert [item["state"] for item in refused.result["collections"]] == ["failed"]
    assert not run("milvus_restore", arguments).failed


def test_what_is_asked_anew_of_an_unchanged_target_is_applied(
    target: Side, backups: tuple[str, str], fresh: Fresh
) -> None:
    """Indexes, load state and aliases follow; the rows stay those of the first restore; each step once."""
    name = fresh("adjusted")
    client = target.client()
    arguments = {**target.options, "name": backups[1], "collections": ["swap_this"], "rename": {"swap_this": name}}
    assert not run("milvus_restore", {**arguments, **QUICK}).failed
    identity = client.describe_collection(name)["collection_id"]

    def ask(**options: str) -> tuple[bool, str, str]:
        planned = run("milvus_restore", {**arguments, **options}, check=True)
        done = run("milvus_restore", {**arguments, **options})
        assert not done.failed, done.output
        assert planned.result["changed"] == done.result["changed"]
        assert run("milvus_restore", {**arguments, **options}).result["changed"] is False
        index = client.describe_index(name, "by_vector")
        state = str(client.get_load_state(name)["state"])
        return done.result["changed"], index["index_type"], state

    refused = run("milvus_restore", {**arguments, "index": "none", "load": "always"})
    assert refused.kind == "usage", refused.output
    assert ask(load="never") == (True, "IVF_FLAT", "NotLoad")
    assert ask() == (True, "IVF_FLAT", "Loaded")
    assert ask(index="auto") == (True, "AUTOINDEX", "Loaded")
    assert ask(index="none") == (False, "AUTOINDEX", "Loaded")
    assert ask(load="never", index="auto") == (True, "AUTOINDEX", "NotLoad")
    client.drop_index(name, "by_vector")
    tuned = client.prepare_index_params()
    tuned.add_index("vector", index_name="by_vector", index_type="FLAT", metric_type="L2")
    client.create_index(name, tuned)
    assert ask(load="never") == (False, "FLAT", "NotLoad")
    assert client.describe_collection(name)["collection_id"] == identity
    assert ask(load="always") == (True, "FLAT", "Loaded")
    assert oracle.differences(oracle.read_all(client, name), oracle.expected(60)) == []
