# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab for all integration tests, and one collection in it that no test changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import oracle
import pytest
from labs import RunningLab, Side
from milvus_lab import LabConfig, start, stop

_numbers = itertools.count(1)

LONG_FILES = (
    "test_restore_server_killed.py",
    "test_restore_existing.py",
    "test_restore_killed.py",
    "test_interruptions.py",
    "test_restore_staged.py",
    "test_permissions.py",
    "test_lab.py",
    "test_shapes.py",
    "test_second_run.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: files are shared out in this order, and none is to be left over at the end."""
    place = {name: position for position, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A real S3 with two real Milvus servers, milvus_a and milvus_b, on one bucket; wiped at the end."""
    config = LabConfig(directory=Path(tmp_path_factory.mktemp("lab")))
    try:
        yield RunningLab(start(config))
    finally:
        stop(config, wipe=True)


@pytest.fixture
def source(lab: RunningLab) -> Side:
    return lab.side("milvus_a")


@pytest.fixture(scope="module")
def emptied(lab: RunningLab) -> Iterator[Side]:
    """The target of all tests of a file; the next file finds it empty."""
    side = lab.side("milvus_b")
    yield side
    for database in side.client().list_databases():
        client = side.client(database)
        for name in client.list_collections():
            for alias in client.list_aliases(name)["aliases"]:
                client.drop_alias(alias)
            client.drop_collection(name)
        if database != "default":
            side.client().drop_database(database)


@pytest.fixture
def target(emptied: Side) -> Side:
    return emptied


@pytest.fixture(scope="session")
def films(lab: RunningLab) -> str:
    """A collection on milvus_a: 4000 rows in two partitions, some deleted, indexed and loaded. Tests only read it."""
    oracle.create_collection(lab.side("milvus_a").client(), "films")
    return "films"


@pytest.fixture
def fresh() -> Callable[[str], str]:
    """Names that no other test uses."""
    return lambda stem: f"{stem}_{next(_numbers)}"


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """An instance that asks for a login (root, Milvus)."""
    instances = {"milvus_a": {"authorization": True}}
    config = LabConfig(directory=Path(tmp_path_factory.mktemp("guarded")), instances=instances)
    try:
        yield RunningLab(start(config))
    finally:
        stop(LabConfig(directory=config.directory), wipe=True)
