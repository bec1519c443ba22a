# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which collections verify.yml compares, and which differences it finds."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.vectorops.milvus.plugins.filter.collection_drift import collection_drift
from ansible_collections.vectorops.milvus.plugins.filter.migrated_pairs import migrated_pairs

NAMES = [
    {"database": "default", "name": "coll"},
    {"database": "default", "name": "scratch"},
    {"database": "films", "name": "coll"},
]


@pytest.mark.parametrize(
    ("arguments", "targets"),
    [
        ({}, {"coll": "coll", "scratch": "scratch", "films.coll": "films.coll"}),
        ({"suffix": "_bak"}, {"coll": "coll_bak", "scratch": "scratch_bak", "films.coll": "films.coll_bak"}),
        (
            {"suffix": "_bak", "rename": {"coll": "new", "films.*": "cinema.*"}, "exclude": ["scratch"]},
            {"coll": "new", "films.coll": "cinema.coll"},
        ),
        ({"exclude": ["default.*", " "]}, {"films.coll": "films.coll"}),
    ],
)
def test_pairs_are_those_of_the_migration(arguments: dict[str, Any], targets: dict[str, str]) -> None:
    assert {pair["source"]: pair["target"] for pair in migrated_pairs(NAMES, **arguments)} == targets


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rename": {"coll": "scratch"}}, "would both become it"),
        ({"rename": {"typo": "x"}}, "No selected collection has this name"),
        ({"exclude": ["a.b.c"]}, "This is not the name of a collection"),
    ],
)
def test_names_that_no_restore_would_take_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        migrated_pairs(NAMES, **arguments)


PAIR = [{"source": "coll", "target": "films.coll_bak"}]
SOURCE = {
    "database": "default",
    "name": "coll",
    "id": 1,
    "rows": 10,
    "count_method": "count",
    "checksum": "abc",
    "schema": {"fields": [1]},
    "indexes": [
        {"field": "vec", "name": "i", "params": {"nlist": "16", "metric_type": "L2"}, "state": "Finished"},
        {"field": "a", "name": "j", "params": {}, "state": "Finished"},
    ],
    "partitions": ["_default", "p1"],
    "load_state": "Loaded",
}
TARGET = {**SOURCE, "database": "films", "name": "coll_bak", "id": 2}
IDLE = {"rows": 12, "count_method": "statistics", "checksum": None, "load_state": "NotLoad"}


def differences(source: dict[str, Any], target: dict[str, Any]) -> list[str]:
    result = collection_drift(PAIR, [source], [target])
    assert [(it["source"], it["target"]) for it in result] == [("coll", "films.coll_bak")]
    found: list[str] = result[0]["differences"]
    return found


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"partitions": ["p1", "_default"]},
        {"indexes": [{**index, "state": "InProgress"} for index in reversed(SOURCE["indexes"])]},  # type: ignore[call-overload]
        {"indexes": [{**SOURCE["indexes"][0], "params": {"metric_type": "L2", "nlist": 16}}, SOURCE["indexes"][1]]},  # type: ignore[index]
    ],
)
def test_equal_collections_do_not_differ(change: dict[str, Any]) -> None:
    assert differences(SOURCE, {**TARGET, **change}) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"rows": 11}, ["rows: 10 and 11"]),
        ({"checksum": "abd"}, ["checksum of the rows"]),
        ({"checksum": None}, ["checksums were not compared, there are none"]),
        ({"schema": {"fields": [2]}}, ["schema"]),
        ({"indexes": SOURCE["indexes"][:1]}, ["indexes"]),  # type: ignore[index]
        ({"partitions": ["_default"]}, ["partitions: p1 only on one side"]),
        ({"load_state": "Loading"}, ["load state: Loaded and Loading"]),
        (
            IDLE,
            [
                "rows were not compared, the collection is not loaded on the target: load it there and compare again",
                "load state: Loaded and NotLoad",
            ],
        ),
    ],
)
def test_each_difference_is_found(change: dict[str, Any], found: list[str]) -> None:
    assert differences(SOURCE, {**TARGET, **change}) == found


def test_what_was_not_compared_is_no_equality() -> None:
    (found,) = collection_drift(PAIR, [{**SOURCE, **IDLE}], [{**TARGET, **IDLE}])
    where = "on the source and on the target: load it there and compare again"
    assert found["differences"] == [f"rows were not compared, the collection is not loaded {where}"]
    assert found["idle"] == ["source", "target"]
    assert collection_drift(PAIR, [SOURCE], [TARGET])[0]["idle"] == []


@pytest.mark.parametrize(
    ("source", "target", "found"),
    [([], [TARGET], "it is not on the source"), ([SOURCE], [], "it is not on the target")],
)
def test_a_missing_collection_is_a_difference(
    source: list[dict[str, Any]], target: list[dict[str, Any]], found: str
) -> None:
    assert collection_drift(PAIR, source, target)[0]["differences"] == [found]
