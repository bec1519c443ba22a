# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab that the tests of a process share, as fixtures for those folders of tests that need it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from embedded_lab.processes import log_excerpt
from labs import RunningLab, Side
from milvus_lab import LabConfig, start, status, stop

__all__ = ["emptied", "fresh", "lab", "source", "target"]

_numbers = itertools.count(1)
SIDES = ("milvus_a", "milvus_b")
STANDSTILL = {"config": {"common": {"session": {"ttl": 60}}}}
"""Seconds that a server may stand still, on a host that has more to do than it can, before it takes itself for lost and
ends. A lab sets fewer, which makes a restart quick: 15 seconds without a turn are the end of a server then."""


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A real S3 with two real Milvus servers, milvus_a and milvus_b, on one bucket; wiped at the end."""
    directory = Path(tmp_path_factory.mktemp("lab"))
    try:
        yield RunningLab(start(LabConfig(directory=directory, instances=dict.fromkeys(SIDES, STANDSTILL))))
    finally:
        stop(LabConfig(directory=directory), wipe=True)


def revived(lab: RunningLab, keep: Path) -> dict[str, str]:
    """The servers that have died, with the end of their logs; they run again, and C(keep) has the whole logs."""
    config = LabConfig(directory=Path(lab.answer["directory"]))
    now = status(config)
    dead = {name: server for name, server in {"s3": now["s3"], **now["instances"]}.items() if not server["running"]}
    if not dead:
        return {}
    keep.mkdir(parents=True, exist_ok=True)
    for name, server in dead.items():
        shutil.copyfile(server["log"], keep / f"{name}-{next(_numbers)}.log")
    start(config)
    return {name: log_excerpt(Path(server["log"]), 0) for name, server in dead.items()}


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
