# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/security.md names tests that exist, and says something of each case; no file holds a key of a real service."""

from __future__ import annotations

import re

import pytest
from collection_tree import CHECKOUT
from stage import listed_files

ROWS = re.findall(
    r"^\| (S\d+) \|(.*)\|(.*)\|(.*)\|$", (CHECKOUT / "docs" / "security.md").read_text(encoding="utf-8"), re.MULTILINE
)
REAL_KEYS = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bgh[pousr]_[A-Za-z0-9]{36}\b")


def defined_tests() -> set[str]:
    files = (CHECKOUT / "tests").rglob("test_*.py")
    return {name for path in files for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)}


def test_every_case_is_there_once() -> None:
    assert [row[0] for row in ROWS] == [f"S{number}" for number in range(1, 26)]


def test_what_is_promised_is_shown_and_the_rest_is_said() -> None:
    """A promise without a test is none; a case without a promise has its reason."""
    named = {case: re.findall(r"`(test_\w+)`", tests) for case, _promise, tests, _left in ROWS}
    assert {name for tests in named.values() for name in tests} - defined_tests() == set()
    for case, promise, _tests, left in ROWS:
        assert bool(promise.strip()) == bool(named[case]), case
        assert promise.strip() or left.strip(), case


def test_no_file_holds_a_key() -> None:
    for path in listed_files():
        text = (CHECKOUT / path).read_bytes().decode("utf-8", "ignore")
        assert not REAL_KEYS.search(text), path


@pytest.mark.parametrize("text", ["AKIA" + "ABCDEFGHIJKLMNOP", "-----BEGIN RSA " + "PRIVATE KEY-----"])
def test_a_key_is_recognised(text: str) -> None:
    assert REAL_KEYS.search(f"x = '{text}'")
