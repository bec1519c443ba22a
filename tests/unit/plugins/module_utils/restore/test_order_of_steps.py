# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes come after the import, and the load after the indexes, on every server line.

Servers from 2.4 on let an import job wait for the indexes that are there already, which a restore of few rows would not
show. They also refuse deletes of level zero for a collection that is loaded, and show new rows in it late.
"""

from __future__ import annotations

import pytest
from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_places import FakePlace

JOB = "POST /v2/vectordb/jobs/import/create"
STEPS = ("CreateCollection", JOB, "CreateIndex", "LoadCollection", "RenameCollection")


@pytest.mark.parametrize(
    "profile", [profiles.V2_4_24, profiles.V2_5_27, profiles.V2_6_18, profiles.V3_0_0], ids=lambda profile: profile.text
)
@pytest.mark.usefixtures("quick")
def test_nothing_is_indexed_before_all_is_imported_and_nothing_loaded_before_that(
    place: FakePlace, profile: Profile
) -> None:
    source, target = place.side(profiles.V2_4_24), place.side(profile)
    source.create("docs")
    source.fill("docs", range(30))
    source.load("docs")
    assert not place.backup(source).failed
    target.fake.imports.hold = "Importing"
    waited = place.restore(target, import_timeout=1)
    assert waited.kind == "timeout", waited.output
    (staging,) = target.world.collections
    assert (staging.indexes, staging.loaded) == ({}, False)
    target.fake.imports.hold = "Completed"
    restored = place.restore(target)
    assert not restored.failed, restored.output
    assert [name for name in target.world.calls if name in STEPS] == list(STEPS)
    assert (list(staging.indexes), staging.loaded) == (["vector"], True)
