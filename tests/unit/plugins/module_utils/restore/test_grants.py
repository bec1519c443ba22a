# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replaced collection's successor has the grants that it had, on servers where they belong to the name or to it."""

from __future__ import annotations

from typing import Any

import pytest
from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_places import FakePlace
from fake_worlds import FakeSide
from module_process import killed_at, run
from rbac_stand_in import RIGHTS, RbacStandIn
from stand_ins import connected

from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.rbac import Grant
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.grants import grants_to_keep, pass_grants_on

LOGIN = {"user": "root", "password": "Milvus"}
REPLACE = {"suffix": "", "if_exists": "replace", **LOGIN}
JUST_BEFORE, FIRST = Profile((2, 6, 11)), Profile((2, 6, 12))
KEPT = {Grant("reader", "Collection", "docs", name, "default") for name in ("Query", "Search")}
OTHERS = {
    Grant("reader", "Collection", "docs", "Query", "*"),
    Grant("reader", "Collection", "docs_2", "Query", "default"),
    Grant("reader", "Collection", "docs", "Insert", "archive"),
    Grant("reader", "Global", "docs", "All", "default"),
}


def granted(place: FakePlace, profile: Profile) -> FakeSide:
    """A server with a collection on which there are grants, and a backup of other rows to replace it with."""
    source = place.side(profiles.V2_4_10)
    source.create("docs")
    source.fill("docs", range(40))
    assert not place.backup(source, collections=["docs"]).failed
    target = place.side(profile)
    assert target.raw.status("CreateDatabase", db_name="archive").code == 0
    target.create("docs")
    target.fill("docs", range(5))
    target.world.rights.databases = ("default", "archive")
    target.world.rights.roles.add("reader")
    target.world.rights.grants |= KEPT | OTHERS
    return target


def rows(side: FakeSide) -> int:
    return len(list(side.world.find("default", "docs").visible()))


@pytest.mark.parametrize(
    "profile",
    [profiles.V2_4_24, profiles.V2_5_27, JUST_BEFORE, FIRST, profiles.V3_0_0],
    ids=lambda profile: profile.text,
)
def test_the_grants_on_the_name_are_the_same(place: FakePlace, profile: Profile) -> None:
    target = granted(place, profile)
    done = place.restore(target, **REPLACE)
    assert not done.failed, done.output
    assert (rows(target), [item.name for item in target.world.collections]) == (40, ["docs"])
    assert target.world.rights.grants == KEPT | OTHERS
    told = [line for line in done.result["plan"] if "grant kept" in line]
    assert len(told) == (len(KEPT) if profile.grants_follow_names else 0)
    assert ("SelectGrant" in target.world.calls) is profile.grants_follow_names


@pytest.mark.parametrize(
    "point",
    ["after:RenameCollection:1", "after:RenameCollection:2", "after:OperatePrivilege:3", "after:DropCollection:1"],
)
def test_a_replacement_that_was_killed_keeps_them(place: FakePlace, point: str) -> None:
    """The old one has them until the new one has them all: each of the next two calls may be the last of a run."""
    target = granted(place, FIRST)
    wanted = place.for_restore(target, **REPLACE)
    assert killed_at("milvus_restore", wanted, point), "it did not come to that"
    assert {
        Grant(item.role, item.object_type, "docs", item.privilege, item.database)
        for item in target.world.rights.grants
        if item.object_name.startswith("docs")
    } >= KEPT
    done = run("milvus_restore", wanted)
    assert not done.failed, done.output
    assert (rows(target), [item.name for item in target.world.collections]) == (40, ["docs"])
    assert target.world.rights.grants == KEPT | OTHERS


@pytest.mark.parametrize("privilege", ["SelectOwnership", "ManageOwnership"])
def test_without_the_rights_for_that_nothing_is_touched(place: FakePlace, privilege: str) -> None:
    target = granted(place, FIRST)
    target.world.rights.denied = frozenset({privilege})
    refused = place.restore(target, **REPLACE)
    assert (refused.kind, privilege in refused.result["failure"]["next_step"]) == ("permission", True), refused.output
    assert (rows(target), len(target.world.collections)) == (5, 1)


def test_where_there_are_no_grants_no_right_to_make_them_is_needed(place: FakePlace) -> None:
    target = granted(place, FIRST)
    target.world.rights.grants.clear()
    target.world.rights.denied = frozenset({"ManageOwnership"})
    done = place.restore(target, **REPLACE)
    assert not done.failed, done.output


def test_a_grant_needs_a_login(place: FakePlace) -> None:
    target = granted(place, FIRST)
    refused = place.restore(target, suffix="", if_exists="replace")
    assert (refused.kind, "user and password" in refused.result["failure"]["next_step"]) == ("usage", True)
    assert (rows(target), len(target.world.collections)) == (5, 1)


def test_a_server_of_2_3_is_asked_nothing() -> None:
    there = RbacStandIn(denied=frozenset(RIGHTS.values()), grants={*KEPT}, roles={"reader"})
    name: Any = CollectionName("default", "docs")
    with connected(there) as server:
        assert grants_to_keep(server, name) == ()
        pass_grants_on(server, CollectionName("default", "docs__retired_1"), name)
    assert there.calls == []
