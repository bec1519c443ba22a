# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that are older than their time to live: servers from 2.4 on keep their age, and hide them once that is set.

So it is set last, just before the restored collection gets its name. A run that ends in between leaves them hidden.
"""

from __future__ import annotations

import pytest
from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_places import FakePlace
from fake_worlds import FakeSide
from module_process import killed_at, run

HOUR = 3600
ROWS = 30
LINES = (profiles.V2_4_24, profiles.V2_6_18, profiles.V3_0_0)


def old_rows(place: FakePlace, profile: Profile) -> FakeSide:
    """A backup of two hours old rows that live for one, and the server that it is for."""
    source = place.side(profiles.V2_4_24)
    source.world.clock.ahead = -2 * HOUR
    source.create("docs", properties=[{"key": "collection.ttl.seconds", "value": str(HOUR)}])
    source.fill("docs", range(ROWS))
    source.load("docs")
    assert len(source.client().query("docs", filter="id >= 0")) == ROWS
    assert not place.backup(source).failed
    return place.side(profile)


def answered(side: FakeSide) -> int:
    return len(side.client().query("docs_bak", filter="id >= 0"))


@pytest.mark.parametrize("profile", LINES, ids=lambda profile: profile.text)
def test_they_are_counted_before_they_expire(place: FakePlace, profile: Profile) -> None:
    target = old_rows(place, profile)
    done = place.restore(target)
    assert not done.failed, done.output
    assert done.result["collections"][0]["rows"] == ROWS
    assert answered(target) == 0, "their time is over"
    assert place.restore(target).result["changed"] is False


@pytest.mark.parametrize("profile", LINES, ids=lambda profile: profile.text)
def test_a_run_that_was_killed_after_their_time_to_live_was_set(place: FakePlace, profile: Profile) -> None:
    """It had counted them; the next one sees fewer, and knows why."""
    target = old_rows(place, profile)
    wanted = place.for_restore(target)
    assert killed_at("milvus_restore", wanted, "before:RenameCollection:1"), "it did not come to that"
    (staging,) = target.world.collections
    assert staging.properties["collection.ttl.seconds"] == str(HOUR)
    done = run("milvus_restore", wanted)
    assert not done.failed, done.output
    assert target.world.collections == [staging]
    assert (staging.name, len(list(staging.visible()))) == ("docs_bak", ROWS)
