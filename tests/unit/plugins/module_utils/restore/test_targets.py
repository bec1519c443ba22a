# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which collection of a backup becomes which of the target."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.naming import MAX_NAME_LENGTH
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.targets import map_targets, read_naming

SOURCES = [
    CollectionName("default", "docs"),
    CollectionName("default", "news"),
    CollectionName("films", "docs"),
    CollectionName("films", "new"),
]


def names(renames: dict[str, Any], suffix: str = "") -> list[str]:
    targets = map_targets(SOURCES, read_naming(renames, suffix))
    assert list(targets) == SOURCES
    return [f"{target.database}.{target.name}" for target in targets.values()]


@pytest.mark.parametrize(
    ("renames", "suffix", "targets"),
    [
        ({}, "", ["default.docs", "default.news", "films.docs", "films.new"]),
        ({}, "_bak", ["default.docs_bak", "default.news_bak", "films.docs_bak", "films.new_bak"]),
        # a rename wins over the suffix, for the rest the suffix stays
        ({"docs": "texts"}, "_bak", ["default.texts", "default.news_bak", "films.docs_bak", "films.new_bak"]),
        ({"default.docs": "films.texts"}, "", ["films.texts", "default.news", "films.docs", "films.new"]),
        ({" films.new ": " old "}, "", ["default.docs", "default.news", "films.docs", "default.old"]),
        # a whole database: its names stay as they are
        ({"films.*": "copy.*"}, "_bak", ["default.docs_bak", "default.news_bak", "copy.docs", "copy.new"]),
        ({"default.*": "copy.*"}, "", ["copy.docs", "copy.news", "films.docs", "films.new"]),
        # one collection of it elsewhere
        ({"films.*": "copy.*", "films.new": "x"}, "", ["default.docs", "default.news", "copy.docs", "default.x"]),
        # two change their names with each other
        ({"docs": "news", "news": "docs"}, "", ["default.news", "default.docs", "films.docs", "films.new"]),
    ],
)
def test_targets(renames: dict[str, str], suffix: str, targets: list[str]) -> None:
    assert names(renames, suffix) == targets


@pytest.mark.parametrize(
    "renames",
    [
        {"docs": "news"},
        {"docs": "films.docs"},
        {"films.*": "default.*"},
        {"docs": "x", "news": "x"},
    ],
)
def test_two_sources_never_become_one_target(renames: dict[str, str]) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        names(renames)
    assert caught.value.kind == "usage"
    assert "would both become it" in caught.value.failure.cause


@pytest.mark.parametrize(
    ("renames", "suffix"),
    [
        ({"*": "a.*"}, ""),
        ({"*.*": "a.*"}, ""),
        ({"a.b.c": "d"}, ""),
        ({"": "d"}, ""),
        ({"docs": ""}, ""),
        ({"docs": "*"}, ""),
        ({"docs": "9a"}, ""),
        ({"docs": "a-b"}, ""),
        ({"docs": "a/b"}, ""),
        ({"docs": "a\nb"}, ""),
        ({"docs": "é"}, ""),
        ({"films.*": "copy.docs"}, ""),
        ({"films.docs": "copy.*"}, ""),
        ({}, "-bak"),
        ({}, ".bak"),
        ({}, " "),
        ({}, "_bak\n"),
        ({}, "é"),
    ],
)
def test_what_is_no_name_is_refused(renames: dict[str, str], suffix: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        read_naming(renames, suffix)
    assert caught.value.kind == "usage"
    assert caught.value.failure.next_step


@pytest.mark.parametrize("old", ["absent", "films.absent", "books.*", "Docs"])
def test_a_rename_that_means_nothing_is_an_error(old: str) -> None:
    new = "x.*" if old.endswith("*") else "x"
    with pytest.raises(MilvusOpsError) as caught:
        names({old: new})
    assert caught.value.kind == "not_found"
    assert old.rpartition(".")[2] in caught.value.failure.where


def test_a_name_that_is_too_long_is_refused_before_anything_is_created() -> None:
    fits = "n" * MAX_NAME_LENGTH
    assert names({"docs": fits})[0] == f"default.{fits}"
    for renames, suffix in (({"docs": fits + "n"}, ""), ({}, "_" * MAX_NAME_LENGTH)):
        with pytest.raises(MilvusOpsError, match="longer than 255"):
            names(renames, suffix)


def test_two_rules_for_one_collection_are_an_error() -> None:
    with pytest.raises(MilvusOpsError):
        read_naming({"docs": "a", "default.docs": "b"}, "")


def test_a_rename_to_null_is_refused() -> None:
    with pytest.raises(MilvusOpsError):
        read_naming({"docs": None}, "")  # type: ignore[dict-item]


@pytest.mark.parametrize("source", [("default", "a/b"), ("default", "../up"), ("default", "ä"), ("a b", "docs")])
def test_a_name_in_the_backup_that_no_server_takes_is_refused(source: tuple[str, str]) -> None:
    """Before anything is created: the server itself would say so halfway."""
    with pytest.raises(MilvusOpsError) as caught:
        map_targets([CollectionName(*source)], read_naming({}, "_bak"))
    assert caught.value.kind == "usage"
    assert source[1] in caught.value.failure.where
