# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of 3.0 and others, as fakes on one bucket, for backups of snapshots."""

from __future__ import annotations

import itertools
import json
from contextlib import ExitStack
from typing import Any

import pytest
from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_s3 import FakeS3
from fake_s3 import running as running_s3
from fake_worlds import BACKUPS, FakeSide, fake_side
from module_process import CONSTANTS_VARIABLE, ModuleRun, run_here
from peer_backup import write_peer_snapshots
from shapes import read_rows

from ansible_collections.vectorops.milvus.plugins.module_utils.backup import export
from ansible_collections.vectorops.milvus.plugins.module_utils.restore import snapshot_staging

QUICKER = {"restore.snapshot_staging.LATE_SECONDS": 2.0, "backup.export.POLL_SECONDS": 0.05}
"""Runs do not wait a minute for a job that may come late, and ask often."""

CHOSEN = ("all_types", "auto_id_text", "deletes", "empty", "partition_key", "three_partitions")
NORMAL_REFUSALS = ("can't find collection", "index not found", "snapshot export job not found", "has active pins")
"""What a caller finds out by asking; a server lets go of a snapshot some moments after its export."""


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in this process and in others."""
    monkeypatch.setenv(CONSTANTS_VARIABLE, json.dumps(QUICKER))
    monkeypatch.setattr(snapshot_staging, "LATE_SECONDS", QUICKER["restore.snapshot_staging.LATE_SECONDS"])
    monkeypatch.setattr(export, "POLL_SECONDS", QUICKER["backup.export.POLL_SECONDS"])


class Place:
    """One bucket, and servers of any line on it."""

    def __init__(self, stack: ExitStack) -> None:
        self.s3 = FakeS3()
        self._stack = stack
        self._numbers = itertools.count()
        self._storage = stack.enter_context(running_s3(self.s3))

    def side(self, profile: Profile = profiles.V3_0_0, **settings: Any) -> FakeSide:
        root_path = f"files_{next(self._numbers)}"
        return self._stack.enter_context(fake_side(profile, self.s3, root_path=root_path, **settings))

    def options(self, side: FakeSide) -> dict[str, Any]:
        own = {"address": "127.0.0.1", "port": side.fake.port, "root_path": side.world.root_path}
        return {**self._storage, **own, "backup_root_path": BACKUPS}

    def peer_backup(self, side: FakeSide) -> None:
        """By the other tool: all that is on the server, flushed."""
        for item in side.world.collections:
            assert side.raw.status("Flush", db_name=item.database, collection_names=[item.name]).code == 0
        write_peer_snapshots(side.fake, BACKUPS, "made")

    def backup(self, side: FakeSide, **more: Any) -> ModuleRun:
        """By this collection."""
        return run_here("milvus_backup", self.own(side, **more))

    def own(self, side: FakeSide, **more: Any) -> dict[str, Any]:
        wanted = {"name": "made", "collections": ["*.*"], "format": "snapshot"}
        return {**self.options(side), **wanted, **more}

    def wanted(self, side: FakeSide, **more: Any) -> dict[str, Any]:
        return {**self.options(side), "name": "made", "collections": ["*.*"], "suffix": "_again", **more}

    def restore(self, side: FakeSide, **more: Any) -> ModuleRun:
        return run_here("milvus_restore", self.wanted(side, **more))


def rows(side: FakeSide, name: str) -> list[dict[str, Any]]:
    return read_rows(side.client(), name)


def films(place: Place, count: int = 40, **fields: Any) -> FakeSide:
    """A server with one small collection that is loaded."""
    side = place.side()
    side.create("films", **fields)
    side.fill("films", range(count))
    side.load("films")
    return side


def odd_refusals(side: FakeSide) -> list[str]:
    """What the fake would not take: the product sent what nobody documents, or what the line does not know."""
    return [text for text in side.world.refused if not any(words in text for words in NORMAL_REFUSALS)]


def require_one_collection_with_each_row_once(target: FakeSide, source: FakeSide) -> None:
    assert [item.name for item in target.world.collections] == ["films_again"]
    assert len(list(target.world.find("default", "films_again").visible())) == 40
    assert rows(target, "films_again") == rows(source, "films")
