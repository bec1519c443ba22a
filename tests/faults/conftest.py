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
from kills import Campaign
from lab_fixtures import emptied, fresh, lab, revived, source, target
from tally import Tally

__all__ = ["emptied", "fresh", "lab", "source", "target"]

COUNTS = CHECKOUT / ".cache" / "faults"
LONG_FILES = (
    "test_kills_of_backups.py",
    "test_kills_of_restores.py",
    "test_secrets_of_playbooks.py",
    "test_wire.py",
    "test_surroundings.py",
    "test_privileges.py",
    "test_milvus_wire.py",
    "test_mutations.py",
    "test_secrets.py",
    "test_damage.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the full number of rounds, not the few of make test")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first: they are shared out in this order, and none is to be left over at the end."""
    place = {name: position for position, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(autouse=True)
def servers_that_live(request: pytest.FixtureRequest) -> Iterator[None]:
    """A server that dies is an error of the test in which it died, and not of all that follow."""
    yield
    if "lab" in request.fixturenames:
        dead = revived(request.getfixturevalue("lab"), COUNTS / "logs")
        assert not dead, "\n".join(f"{name} has died:\n{end}" for name, end in dead.items())


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


@pytest.fixture
def campaign(tally: Tally, rounds: Callable[[int, int], int], fresh: Callable[[str], str]) -> Callable[[str], Campaign]:
    """A campaign of kills by its name in the report."""
    return lambda name: Campaign(name, tally, rounds, fresh)
