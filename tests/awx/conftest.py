# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One AWX in memory, set up once by awx/setup.yml with the real modules of awx.awx."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import awx_collection
import awx_rules as rules
import pytest
from awx_project import make_project
from awx_set_up import LOGIN, SETTING, SetUp, play
from fake_awx import FakeAwx, running


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("awx") / "project")


@pytest.fixture(scope="session")
def set_up(project: Path, ansible_playbook: Path) -> Iterator[SetUp]:
    awx_collection.install()
    awx = FakeAwx(rules.playbooks_of(project))
    with running(awx) as environment:
        first = play(
            ansible_playbook, project, {**environment, **LOGIN}, "-i", "inventory", "awx/setup.yml", *SETTING, "-vvv"
        )
        yield SetUp(awx, project, ansible_playbook, environment, first)
