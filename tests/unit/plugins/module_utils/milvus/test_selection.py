# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns: what they mean, what is refused, and that nothing never means everything."""

from __future__ import annotations

import random
import re

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.selection import (
    Pattern,
    matching,
    parse_exclusions,
    parse_patterns,
)

THERE = [
    CollectionName("films", "new"),
    CollectionName("default", "docs"),
    CollectionName("films", "docs"),
    CollectionName("default", "news"),
]
EVERYTHING = ["docs", "news", "films.docs", "films.new"]


def select(*entries: str, exclude: tuple[str, ...] = ()) -> list[str]:
    patterns = parse_patterns(entries, "collections")
    return [str(name) for name in matching(THERE, patterns, parse_exclusions(exclude, "exclude"))]


@pytest.mark.parametrize(
    ("entry", "pattern"),
    [
        ("docs", Pattern("default", "docs")),
        ("default.docs", Pattern("default", "docs")),
        ("films.docs", Pattern("films", "docs")),
        ("films.*", Pattern("films", "*")),
        ("*.*", Pattern("*", "*")),
        ("  docs\n", Pattern("default", "docs")),
        ("_A9", Pattern("default", "_A9")),
    ],
)
def test_an_entry(entry: str, pattern: Pattern) -> None:
    assert parse_patterns([entry], "collections") == (pattern,)
    assert parse_exclusions([entry], "exclude") == (pattern,)


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "*.docs",
        "a.b.c",
        "a.",
        ".a",
        ".",
        "a*",
        "films.d*",
        "9a",
        "a-b",
        "a b",
        "é",
        "a/b",
        "..",
        "a.b\x00",
        "doc\ns",
    ],
)
def test_what_is_no_collection_is_refused(entry: str) -> None:
    for parse in (parse_patterns, parse_exclusions):
        with pytest.raises(MilvusOpsError) as caught:
            parse(["docs", entry], "collections")
        assert caught.value.kind == "usage"
        assert caught.value.failure.where == f"collections: {entry!r}"


@pytest.mark.parametrize("entries", [[], [""], ["  ", "\n", ""]])
def test_nothing_is_not_everything(entries: list[str]) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        parse_patterns(entries, "collections")
    assert caught.value.kind == "usage"
    assert "'*.*'" in caught.value.failure.next_step
    assert parse_exclusions(entries, "exclude") == ()


@pytest.mark.parametrize(
    ("entries", "exclude", "selected"),
    [
        (["docs"], [], ["docs"]),
        (["films.docs"], [], ["films.docs"]),
        (["films.*"], [], ["films.docs", "films.new"]),
        (["default.*"], [], ["docs", "news"]),
        (["*.*"], [], EVERYTHING),
        (["films.new", "docs", "docs", "default.*"], [], ["docs", "news", "films.new"]),
        (["*.*"], ["films.*"], ["docs", "news"]),
        (["*.*"], ["docs"], ["news", "films.docs", "films.new"]),
        (["docs", "news"], ["news", "films.absent"], ["docs"]),
    ],
)
def test_selection(entries: list[str], exclude: list[str], selected: list[str]) -> None:
    assert select(*entries, exclude=tuple(exclude)) == selected


@pytest.mark.parametrize("entries", [["doc"], ["docs", "absent"], ["books.*"], ["films.news"], ["Docs"]])
def test_a_pattern_that_matches_nothing_says_what_there_is(entries: list[str]) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        select(*entries)
    failure = caught.value.failure
    assert failure.kind == "not_found"
    assert failure.where == str(parse_patterns(entries[-1:], "")[0])
    assert ", ".join(EVERYTHING) in failure.cause


def test_long_lists_are_cut_and_counted() -> None:
    names = [CollectionName("default", f"c{number:03d}") for number in range(25)]
    with pytest.raises(MilvusOpsError, match=r"c009 and 15 more"):
        matching(names, parse_patterns(["absent"], ""), ())
    with pytest.raises(MilvusOpsError, match="there are: none"):
        matching([], parse_patterns(["*.*"], ""), ())


def test_everything_excluded_is_an_error() -> None:
    with pytest.raises(MilvusOpsError) as caught:
        select("films.*", exclude=("*.*",))
    assert caught.value.kind == "usage"


def test_random_entries_are_a_pattern_or_a_usage_error() -> None:
    """What is accepted is spelled with the plain characters only, and means itself."""
    generator = random.Random(5)
    accepted, refused = 0, set()
    for _unused in range(5000):
        entry = "".join(generator.choices("ab_9.*-/ é\n", k=generator.randrange(6)))
        try:
            (pattern,) = parse_patterns([entry], "collections")
        except MilvusOpsError as error:
            refused.add(error.kind)
            continue
        accepted += 1
        text = entry.strip()
        assert re.fullmatch(r"[ab_9]+|[ab_9]+\.[ab_9]+|[ab_9]+\.\*|\*\.\*", text)
        assert str(pattern) == (text if "." in text else f"default.{text}")
        assert "*" in text or pattern.matches(CollectionName(pattern.database, pattern.name))
    assert accepted > 100
    assert refused == {"usage"}
