# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab that the tests of a process share, as fixtures for those folders of tests that need it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from labs import RunningLab, Side
from milvus_lab import LabConfig, start, stop

__all__ = ["emptied", "fresh", "lab", "source", "target"]

_numbers = itertools.count(1)


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


@pytest.fixture
def fresh() -> Callable[[str], str]:
    """Names that no other test uses."""
    return lambda stem: f"{stem}_{next(_numbers)}"
