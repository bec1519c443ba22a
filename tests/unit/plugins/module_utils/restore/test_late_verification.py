# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target that was there when the restore was planned, and is gone once it has its lock: now there is an import."""

from __future__ import annotations

import pytest
from fake_milvus import profiles
from fake_places import FakePlace

from ansible_collections.vectorops.milvus.plugins.module_utils.restore import run
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.run import Restore


def test_what_is_imported_after_all_is_verified_before(place: FakePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    side = place.side(profiles.V2_4_24)
    side.create("docs")
    side.fill("docs", range(30))
    side.load("docs")
    assert not place.backup(side).failed
    assert not place.restore(side, load="never").failed
    damaged = min(key for key in place.keys_of_backup() if "/insert_log/" in key)
    body = place.s3.objects[damaged].body
    place.s3.put(damaged, bytes([body[0] ^ 1]) + body[1:])
    plan, plans = run.make_plan, []

    def drop_before_the_second(restore: Restore) -> object:
        if plans:
            assert side.raw.status("DropCollection", collection_name="docs_bak").code == 0
        plans.append(plan(restore))
        return plans[-1]

    monkeypatch.setattr(run, "make_plan", drop_before_the_second)
    monkeypatch.setattr("ansible_collections.vectorops.milvus.plugins.modules.milvus_restore.make_plan", run.make_plan)
    refused = place.restore(side, load="always")
    assert [[item.action for item in made.collections] for made in plans] == [["update"], ["create"]]
    assert refused.kind == "corrupt", refused.output
    assert [collection.name for collection in side.world.collections] == ["docs"]
