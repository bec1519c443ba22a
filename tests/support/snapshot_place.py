# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of 3.0 and others, as fakes on one bucket, for backups of snapshots."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_places import FakePlace
from fake_worlds import BACKUPS, FakeSide
from module_process import CONSTANTS_VARIABLE
from peer_backup import write_peer_snapshots

from ansible_collections.vectorops.milvus.plugins.module_utils.backup import export
from ansible_collections.vectorops.milvus.plugins.module_utils.restore import snapshot_staging

QUICKER = {"restore.snapshot_staging.LATE_SECONDS": 2.0, "backup.export.POLL_SECONDS": 0.05}
"""Runs do not wait a minute for a job that may come late, and ask often."""


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in this process and in others."""
    monkeypatch.setenv(CONSTANTS_VARIABLE, json.dumps(QUICKER))
    monkeypatch.setattr(snapshot_staging, "LATE_SECONDS", QUICKER["restore.snapshot_staging.LATE_SECONDS"])
    monkeypatch.setattr(export, "POLL_SECONDS", QUICKER["backup.export.POLL_SECONDS"])


class SnapshotPlace(FakePlace):
    """Its backups are of snapshots, unless told otherwise."""

    def for_backup(self, side: FakeSide, **more: Any) -> dict[str, Any]:
        return super().for_backup(side, **{"format": "snapshot", **more})


def peer_snapshots(side: FakeSide) -> None:
    """A backup by the other tool: all that is on the server, flushed."""
    side.flush()
    write_peer_snapshots(side.fake, BACKUPS, "made")
