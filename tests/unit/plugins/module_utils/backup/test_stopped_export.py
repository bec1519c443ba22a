# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup of snapshots that is told to stop: a snapshot that nobody drops keeps its files on the source for ever."""

from __future__ import annotations

from typing import Any

import pytest
from fake_milvus import profiles
from fake_places import FakePlace
from newer_client import needs_snapshots

from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import snapshots

pytestmark = needs_snapshots


@pytest.mark.parametrize("call", ["snapshot_moment", "begin_export"])
def test_the_snapshot_is_dropped(place: FakePlace, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """As far as no export has begun that needs it. The name of the next backup may be another one."""
    side = place.side(profiles.V3_0_0)
    side.create("docs")
    side.fill("docs", range(30))

    def stopped(*_arguments: Any) -> None:
        assert len(side.fake.snapshots.taken) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(snapshots, call, stopped)
    made = place.backup(side, format="snapshot")
    assert made.kind == "cancelled", made.output
    assert side.fake.snapshots.taken == []
