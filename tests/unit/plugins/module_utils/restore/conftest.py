# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of staged copies and of staging collections share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fake_places import FakePlace
from staging_world import Milvus, World, build_world
from stand_ins import connected

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import BackupMeta
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server
from ansible_collections.vectorops.milvus.plugins.module_utils.restore import bulk_staging, waiting


@pytest.fixture(scope="module")
def milvus() -> Iterator[tuple[Milvus, Server]]:
    service = Milvus()
    with connected(service) as client:
        yield service, client


@pytest.fixture
def world(milvus: tuple[Milvus, Server], example: BackupMeta, tmp_path: Path) -> World:
    service, server = milvus
    service.jobs, service.seconds, service.away = [], 0, False
    return build_world(service, server, example, tmp_path)


@pytest.fixture
def place() -> Iterator[FakePlace]:
    with ExitStack() as stack:
        yield FakePlace.on(stack)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_staging, "LATE_SECONDS", 0.4)
    monkeypatch.setattr(waiting, "POLL_SECONDS", 0.02)
