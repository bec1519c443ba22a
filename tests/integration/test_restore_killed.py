# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores that are killed at a named call to Milvus: nothing half-done is visible, nothing doubled after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import oracle
import pytest
from labs import Side
from module_process import finish, killed_at, run, start

from ansible_collections.vectorops.milvus.plugins.module_utils.naming import retired_name

Fresh = Callable[[str], str]
ROWS, MORE_ROWS = 40, 60
BUILD = ("Import:1", "Import:2", "LoadCollection:1")
"""Some of the calls that change the server while the staging collection is built; tests/faults has them all."""

SWAP = ("after:RenameCollection:1", "after:RenameCollection:2", "after:DropCollection:1")
"""Some of those that put it in the place of another one, in their order; tests/faults has them all."""

NOT_LOADED = {"load": "never", "verify_rows": "import"}


@pytest.fixture(scope="module")
def backup(lab: Any) -> str:
    """A backup of a collection with two partitions, deletes, an index and an alias."""
    side = lab.side("milvus_a")
    oracle.create_collection(side.client(), "swapped", rows=MORE_ROWS)
    side.client().create_alias("swapped", "swapped_alias")
    made = run("milvus_backup", {**side.options, "name": "of_swapped", "collections": ["swapped"]})
    assert not made.failed, made.output
    return "of_swapped"


def rows_by_name(side: Side, name: str) -> dict[int, dict[str, Any]]:
    """All rows, of a collection that need not be loaded."""
    client = side.client()
    client.load_collection(name)
    found = oracle.read_all(client, name)
    assert oracle.count(client, name) == len(found)
    return found


def not_visible(side: Side, name: str) -> bool:
    return not side.client().has_collection(name)


@pytest.mark.parametrize("point", BUILD)
def test_a_killed_restore_is_finished_by_the_next(target: Side, backup: str, fresh: Fresh, point: str) -> None:
    name = fresh("built")
    arguments = {**target.options, "name": backup, "collections": ["swapped"], "rename": {"swapped": name}}
    assert killed_at("milvus_restore", arguments, f"after:{point}"), "the point was not reached"
    assert not_visible(target, name)
    done = run("milvus_restore", arguments)
    assert not done.failed, done.output
    assert done.result["collections"][0]["state"] == "restored"
    assert oracle.differences(rows_by_name(target, name), oracle.expected(MORE_ROWS)) == []
    assert run("milvus_restore", arguments).result["changed"] is False
    assert [item for item in target.client().list_collections() if item.startswith(f"{name}__")] == []


@pytest.mark.parametrize("point", SWAP)
def test_an_interrupted_replacement_is_finished_by_the_next(
    target: Side, backup: str, fresh: Fresh, point: str
) -> None:
    """The old collection answers, by its alias at any rate, until the new one does; then it is gone."""
    name, alias = fresh("replaced"), fresh("its_alias")
    client = target.client()
    oracle.create_collection(client, name, rows=ROWS)
    client.create_alias(name, alias)
    client.release_collection(name)
    arguments = {
        **target.options,
        **NOT_LOADED,
        "aliases": False,
        "name": backup,
        "collections": ["swapped"],
        "rename": {"swapped": name},
        "if_exists": "replace",
    }
    client.drop_alias("swapped_alias")
    assert killed_at("milvus_restore", arguments, point), "the point was not reached"
    seen = rows_by_name(target, alias)
    assert seen.keys() in (oracle.expected(ROWS).keys(), oracle.expected(MORE_ROWS).keys()), "half of a collection"
    client.release_collection(alias)
    done = run("milvus_restore", arguments)
    assert not done.failed, done.output
    for way in (name, alias):
        assert oracle.differences(rows_by_name(target, way), oracle.expected(MORE_ROWS)) == []
    assert [item for item in client.list_collections() if item.startswith(f"{name}__")] == []
    again = finish(start("milvus_restore", {**arguments, "load": "as_backup"}))
    assert again.result["changed"] is False, again.output


def test_the_old_one_comes_back_when_the_new_one_is_lost(target: Side, backup: str, fresh: Fresh) -> None:
    """Killed between the renames, and somebody drops the staging collection: the old one gets its name again."""
    name = fresh("lost")
    client = target.client()
    oracle.create_collection(client, name, rows=ROWS)
    arguments = {
        **target.options,
        **NOT_LOADED,
        "aliases": False,
        "name": backup,
        "collections": ["swapped"],
        "rename": {"swapped": name},
    }
    assert killed_at("milvus_restore", {**arguments, "if_exists": "replace"}, "after:RenameCollection:1")
    assert not_visible(target, name)
    planned = run("milvus_restore", arguments, check=True)
    assert planned.result["changed"], "what is there is the new one, whose swap is to be ended"
    client.drop_collection(next(item for item in client.list_collections() if item.startswith(f"{name}__restoring")))
    refused = run("milvus_restore", arguments)
    assert refused.kind == "target_exists", refused.output
    done = run("milvus_restore", {**arguments, "if_exists": "replace"})
    assert not done.failed, done.output
    assert oracle.differences(rows_by_name(target, name), oracle.expected(MORE_ROWS)) == []


def make_an_empty_one(client: Any, name: str) -> None:
    """As an application does that finds its collection gone."""
    oracle.create_empty(client, name, oracle.PARTITIONS)


def lead_to_the_old_one(client: Any, name: str) -> None:
    """As an operator does for queries to go on."""
    client.create_alias(retired_name(name), name)


@pytest.mark.parametrize(
    ("takes_the_name", "if_exists"), [(make_an_empty_one, "replace"), (lead_to_the_old_one, "skip")]
)
def test_the_old_one_is_kept_when_something_else_takes_the_name(
    target: Side, backup: str, fresh: Fresh, takes_the_name: Callable[[Any, str], None], if_exists: str
) -> None:
    """Killed between the renames: what has the name then is not the new one, so the old one is all there is."""
    name = fresh("kept")
    client = target.client()
    oracle.create_collection(client, name, rows=ROWS)
    arguments = {
        **target.options,
        **NOT_LOADED,
        "aliases": False,
        "name": backup,
        "collections": ["swapped"],
        "rename": {"swapped": name},
        "if_exists": "replace",
    }
    assert killed_at("milvus_restore", arguments, "after:RenameCollection:1")
    takes_the_name(client, name)
    refused = run("milvus_restore", {**arguments, "if_exists": if_exists})
    assert refused.kind == "target_exists", refused.output
    assert oracle.differences(rows_by_name(target, retired_name(name)), oracle.expected(ROWS)) == []
    client.release_collection(retired_name(name))
    if takes_the_name is lead_to_the_old_one:
        client.drop_alias(name)
    else:
        client.drop_collection(name)
    done = run("milvus_restore", arguments)
    assert not done.failed, done.output
    assert oracle.differences(rows_by_name(target, name), oracle.expected(MORE_ROWS)) == []
