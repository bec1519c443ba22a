# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A compaction of deletes of level zero while a collection is planned: segments get logs that no listing has shown."""

from __future__ import annotations

from typing import Any

import pytest
from fake_milvus import profiles
from fake_milvus.storing import store_imported
from fake_places import FakePlace
from fake_worlds import FakeSide

from ansible_collections.vectorops.milvus.plugins.module_utils.backup import plan
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.segment_logs import NamedLogs, named_logs


def compact(side: FakeSide) -> None:
    """Give the deletes of level zero to the segments that they are for. They keep their numbers."""
    collection = side.world.find("default", "docs")
    levels = [item for item in collection.segments if item.level == "L0"]
    collection.segments[:] = [item for item in collection.segments if item.level != "L0"]
    for segment in collection.segments:
        held = [delete for item in levels if item.channel == segment.channel for delete in item.deletes]
        rows, segment.rows, segment.deletes = segment.rows, [], held
        version = segment.storage_version
        store_imported(side.world, collection, segment)
        segment.rows, segment.storage_version = rows, version


@pytest.mark.parametrize("always", [False, True])
def test_the_collection_is_planned_again(place: FakePlace, monkeypatch: pytest.MonkeyPatch, always: bool) -> None:
    side = place.side(profiles.V2_5_27)
    side.create("docs")
    side.fill("docs", range(30))
    side.client().delete("docs", ids=[1, 2])
    asked = []

    def compact_first(*args: Any) -> NamedLogs:
        if always or not asked:
            side.client().delete("docs", ids=[3])
            side.fill("docs", [30 + len(asked)])
            compact(side)
        asked.append(args)
        return named_logs(*args)

    monkeypatch.setattr(plan, "named_logs", compact_first)
    made = place.backup(side)
    if always:
        assert made.kind == "source_changed", made.output
        assert "are not there" in made.result["msg"]
        return
    assert not made.failed, made.output
    restored = place.restore(side)
    assert not restored.failed, restored.output
    rows = sorted(row[100] for row in side.world.find("default", "docs_bak").visible())
    assert rows == [0, *range(3, 30)], "what came after the flush is left out"
