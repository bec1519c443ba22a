# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/faults/README.md lists every case of a fault, and what it names as its tests exists."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from collection_tree import CHECKOUT

CASES = [f"F{number}" for number in range(1, 35)]
NO_TEST = "cannot be run here: "
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ROW = re.compile(r"\| (F[0-9]+) \| ([^|]+) \| ([^|]+) \|")
ROWS = ROW.findall((CHECKOUT / "tests" / "faults" / "README.md").read_text())


@cache
def functions_of(path: str) -> frozenset[str]:
    file = CHECKOUT / path
    tree = ast.parse(file.read_text()) if file.is_file() else ast.Module([], [])
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_case_is_listed_once() -> None:
    assert [case for case, _what, _tests in ROWS] == CASES


@pytest.mark.parametrize(("case", "shown"), [(case, shown) for case, _what, shown in ROWS])
def test_a_case_has_tests_or_a_reason(case: str, shown: str) -> None:
    named = TEST.findall(shown)
    assert [f"{path}::{name}" for path, name in named if name not in functions_of(path)] == []
    rest = TEST.sub("", shown).replace("<br>", "").strip()
    assert bool(named) != rest.startswith(NO_TEST), f"{case} is shown by {shown!r}"
    assert not (named and rest), f"what is {rest!r}?"
