# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of faults: few rounds of each as part of make test, the full number by make faults; what they count is kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from collection_tree import CHECKOUT
from lab_fixtures import emptied, fresh, lab, source, target
from tally import Tally

__all__ = ["emptied", "fresh", "lab", "source", "target"]

COUNTS = CHECKOUT / ".cache" / "faults"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the full number of rounds, not the few of make test")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that need the lab are too long for make test, in which tests/integration has most of the time."""
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """rounds(short, full): how many rounds this run makes."""
    full = bool(request.config.getoption("--full"))
    return lambda short, many: many if full else short


@pytest.fixture(scope="session")
def tally() -> Iterator[Tally]:
    """What happened, for the report; a test adds to it before it asserts."""
    counted = Tally()
    yield counted
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    counted.save(Path(COUNTS) / f"{worker}.json")
