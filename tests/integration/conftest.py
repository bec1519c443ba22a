# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab for all integration tests, and one collection in it that no test changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import oracle
import pytest
from lab_fixtures import emptied, fresh, lab, source, target
from labs import RunningLab
from milvus_lab import LabConfig, start, stop

__all__ = ["emptied", "fresh", "lab", "source", "target"]

LONG_FILES = (
    "test_fleet.py",
    "test_examples.py",
    "test_restore_server_killed.py",
    "test_restore_existing.py",
    "test_cutover.py",
    "test_interruptions.py",
    "test_lookup_and_roles.py",
    "test_lab.py",
    "test_guides.py",
    "test_shapes.py",
    "test_restore_staged.py",
    "test_awx_jobs.py",
    "test_permissions.py",
    "test_restore_killed.py",
    "test_backup_removal_playbooks.py",
    "test_bad_input.py",
    "test_restore_options.py",
    "test_backup_options.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: files are shared out in this order, and none is to be left over at the end."""
    place = {name: position for position, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(scope="session")
def films(lab: RunningLab) -> str:
    """A collection on milvus_a: 4000 rows in two partitions, some deleted, indexed and loaded. Tests only read it."""
    oracle.create_collection(lab.side("milvus_a").client(), "films")
    return "films"


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """An instance that asks for a login (root, Milvus)."""
    instances = {"milvus_a": {"authorization": True}}
    config = LabConfig(directory=Path(tmp_path_factory.mktemp("guarded")), instances=instances)
    try:
        yield RunningLab(start(config))
    finally:
        stop(LabConfig(directory=config.directory), wipe=True)
