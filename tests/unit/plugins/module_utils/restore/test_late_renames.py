# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rename that nobody answered in time may be carried out later; from 2.6.6 on it will: it waits for a lock."""

from __future__ import annotations

import pytest
from fake_milvus import profiles
from fake_milvus.model import LateRename
from fake_milvus.profiles import Profile
from fake_places import FakePlace
from fake_worlds import FakeSide

from ansible_collections.vectorops.milvus.plugins.module_utils.naming import retired_name
from ansible_collections.vectorops.milvus.plugins.module_utils.restore import renaming

OLD_ROWS, NEW_ROWS = 5, 40
REPLACE = {"suffix": "", "if_exists": "replace"}
LINES = (profiles.V2_5_27, profiles.V2_6_18)
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LATE_SECONDS", "SOON_SECONDS"):
        monkeypatch.setattr(renaming, name, 0.3)


def saved(place: FakePlace, profile: Profile) -> FakeSide:
    """A backup, and the server that it is for."""
    source = place.side(profiles.V2_4_24)
    source.create("docs")
    source.fill("docs", range(NEW_ROWS))
    assert not place.backup(source).failed
    return place.side(profile)


def with_old_one(place: FakePlace, profile: Profile) -> FakeSide:
    target = saved(place, profile)
    target.create("docs")
    target.fill("docs", range(OLD_ROWS))
    return target


def there(side: FakeSide) -> dict[str, int]:
    return {item.name: len(list(item.visible())) for item in side.world.collections}


@pytest.mark.parametrize("profile", LINES, ids=lambda profile: profile.text)
def test_a_new_collection_has_its_name_late(place: FakePlace, profile: Profile) -> None:
    target = saved(place, profile)
    target.world.late = LateRename(1, after_calls=3)
    done = place.restore(target)
    assert not done.failed, done.output
    assert there(target) == {"docs_bak": NEW_ROWS}
    assert target.world.calls.count("RenameCollection") == 1
    assert place.restore(target).result["changed"] is False


@pytest.mark.parametrize("profile", LINES, ids=lambda profile: profile.text)
@pytest.mark.parametrize("number", [1, 2], ids=["the old one", "the new one"])
def test_one_of_the_renames_of_a_replacement_comes_late(place: FakePlace, profile: Profile, number: int) -> None:
    """Neither is it taken back, nor is the target left without a collection."""
    target = with_old_one(place, profile)
    target.world.late = LateRename(number, after_calls=3)
    done = place.restore(target, **REPLACE)
    assert not done.failed, done.output
    assert there(target) == {"docs": NEW_ROWS}
    assert target.world.calls.count("RenameCollection") == 2


@pytest.mark.parametrize("profile", LINES, ids=lambda profile: profile.text)
@pytest.mark.usefixtures("hurried")
def test_one_that_does_not_come_is_a_time_out_and_the_next_run_goes_on(place: FakePlace, profile: Profile) -> None:
    target = saved(place, profile)
    target.world.late = LateRename(1, after_calls=None)
    waited = place.restore(target)
    assert waited.kind == "timeout", waited.output
    assert "may still" in waited.result["failure"]["state_left"]
    (staging,) = target.world.collections
    target.world.late = None
    done = place.restore(target)
    assert not done.failed, done.output
    assert (there(target), target.world.collections) == ({"docs_bak": NEW_ROWS}, [staging])


@pytest.mark.parametrize("profile", LINES, ids=lambda profile: profile.text)
@pytest.mark.usefixtures("hurried")
def test_one_that_comes_after_the_run_has_given_up(place: FakePlace, profile: Profile) -> None:
    """What was to be replaced is away then: the next run ends it."""
    target = with_old_one(place, profile)
    target.world.late = late = LateRename(1, after_calls=None)
    assert place.restore(target, **REPLACE).kind == "timeout"
    assert late.waiting is not None
    late.waiting()
    target.world.late = None
    assert retired_name("docs") in there(target)
    done = place.restore(target, **REPLACE)
    assert not done.failed, done.output
    assert there(target) == {"docs": NEW_ROWS}


@pytest.mark.parametrize("profile", LINES, ids=lambda profile: profile.text)
@pytest.mark.usefixtures("hurried")
def test_the_old_one_has_its_name_again_where_the_new_one_does_not_get_it(place: FakePlace, profile: Profile) -> None:
    target = with_old_one(place, profile)
    target.world.late = late = LateRename(2, after_calls=None)
    waited = place.restore(target, **REPLACE)
    assert (waited.kind, there(target)["docs"]) == ("timeout", OLD_ROWS), waited.output
    assert late.waiting is not None
    late.waiting()
    target.world.late = None
    assert there(target)["docs"] == OLD_ROWS, "the name is taken"
    done = place.restore(target, **REPLACE)
    assert not done.failed, done.output
    assert there(target) == {"docs": NEW_ROWS}
