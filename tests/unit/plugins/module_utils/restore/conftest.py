# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of staged copies and of staging collections share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from fake_places import FakePlace
from staging_world import Milvus, World, build_world

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import BackupMeta
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import sdk
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import ConnectionOptions, Server
from ansible_collections.vectorops.milvus.plugins.module_utils.restore import bulk_staging, waiting


@pytest.fixture(scope="module")
def milvus() -> Iterator[tuple[Milvus, Server]]:
    service, server = Milvus(), sdk.grpc.server(ThreadPoolExecutor(4))
    sdk.milvus_pb2_grpc.add_MilvusServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Server(ConnectionOptions("127.0.0.1", port, None, None, None)) as client:
        yield service, client
    server.stop(None)


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
