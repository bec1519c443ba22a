# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, roles, grants and privilege groups of servers from 2.4.10 on: carried in one call, and nothing overwritten."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_places import FakePlace
from fake_worlds import FakeSide, fake_side
from module_process import run

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import rbac_changes
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.rbac import Grant, read_rbac
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.rbac import apply_rbac, plan_rbac

HASH, OTHER_HASH = "$2a$10$canary-of-alice", "$2a$10$another"
LOGIN = {"user": "root", "password": "Milvus"}
QUERY = Grant("analysts", "Collection", "films", "Query", "default")
BY_GROUP = Grant("analysts", "Global", "films", "Readers", "default")
ALL = Grant("owners", "Global", "*", "*", "*")
ALL_OF_ONE = Grant("analysts", "Global", "films", "*", "default")
"""As a server notes down all privileges on one collection."""
BOTH = (profiles.V2_5_27, profiles.V2_6_18)


@contextmanager
def connected(side: FakeSide, **login: str) -> Iterator[Server]:
    with Server(connection_options({"address": "127.0.0.1", "port": side.fake.port, **login})) as server:
        yield server


def furnish(side: FakeSide) -> None:
    rights = side.world.rights
    rights.users |= {"alice": {"analysts", "admin"}, "root": {"owners"}}
    rights.passwords["alice"] = HASH
    rights.roles |= {"analysts", "owners"}
    rights.groups = {"Readers": {"Query", "Search"}}
    rights.grants |= {QUERY, BY_GROUP, ALL}


def meta_of(profile: Profile = profiles.V2_5_27) -> dict[str, Any]:
    with fake_side(profile) as side, connected(side) as server:
        furnish(side)
        return read_rbac(server)


def test_from_one_server_to_another(place: FakePlace) -> None:
    """By the modules. The hash of a password is in the backup, and in nothing that anybody sees."""
    source, target = (place.side(profile) for profile in BOTH)
    furnish(source)
    source.create("films")
    wanted = {"collections": ["films"], "rbac": True, **LOGIN}
    made = run("milvus_backup", place.for_backup(source, strategy="meta_only", **wanted))
    assert not made.failed, made.output
    saved = json.loads(place.s3.objects["backup/made/meta/full_meta.json"].body)["rbac_meta"]
    assert saved["users"] == [
        {"user": "alice", "password": HASH, "roles": [{"name": "admin"}, {"name": "analysts"}]},
    ]
    assert saved["privilege_groups"] == [
        {"group_name": "Readers", "privileges": [{"name": "Query"}, {"name": "Search"}]}
    ]
    assert "hashes of passwords" in made.output
    done = place.restore(target, meta_only=True, **wanted)
    assert not done.failed, done.output
    assert done.result["rbac"] == {
        "roles": ["analysts", "owners"],
        "users": ["alice"],
        "privilege_groups": ["Readers"],
        "grants": [str(grant) for grant in sorted((QUERY, BY_GROUP, ALL))],
        "members": [],
        "not_carried": [],
    }
    have, had = target.world.rights, source.world.rights
    assert (have.grants, have.groups, have.passwords) == (had.grants, had.groups, had.passwords)
    assert have.users == {"alice": {"analysts", "admin"}, "root": set()}
    assert have.calls == ["all at once", f"grant {ALL}"], "the wildcard would be lost in the one call"
    again = place.restore(target, meta_only=True, **wanted)
    assert again.result["changed"] is False, again.output
    assert not any("canary" in text for text in (made.output, done.output, again.output))


def test_nothing_that_is_there_is_changed() -> None:
    meta = meta_of()
    with fake_side(profiles.V2_6_18) as side, connected(side, **LOGIN) as server:
        rights = side.world.rights
        rights.users |= {"alice": {"own"}, "carol": set()}
        rights.passwords |= {"alice": OTHER_HASH, "carol": OTHER_HASH}
        rights.roles |= {"own", "analysts"}
        rights.groups["Readers"] = {"Query"}
        rights.grants |= {QUERY, Grant("own", "Collection", "films", "Insert", "default")}
        before = copy.deepcopy(rights)
        plan = plan_rbac(server, meta)
        assert plan.lines() == [
            "role owners",
            f"grant {ALL}",
            "member alice of admin",
            "member alice of analysts",
        ]
        assert plan.not_carried == (
            "the privilege group Readers has other privileges on this server, and is left as it is",
            f"the grant {BY_GROUP} is left out, because its privilege group has other privileges on this server",
        )
        assert apply_rbac(server, plan) == plan
        assert (rights.passwords, rights.groups) == (before.passwords, before.groups)
        assert rights.grants == before.grants | {ALL}
        assert rights.users["alice"] == {"own", "analysts", "admin"}
        assert not plan_rbac(server, meta).changes
        rights.grants.add(BY_GROUP)
        assert not any(str(BY_GROUP) in told for told in plan_rbac(server, meta).not_carried), "it is there"


def test_all_privileges_on_one_collection_are_not_those_on_all() -> None:
    """The older call forgets the name of the collection."""
    meta = meta_of()
    meta["grants"].append(ALL_OF_ONE.to_json())
    with fake_side(profiles.V2_6_18) as side, connected(side, **LOGIN) as server:
        apply_rbac(server, plan_rbac(server, meta))
        assert side.world.rights.grants == {QUERY, BY_GROUP, ALL, ALL_OF_ONE}


@pytest.mark.parametrize("grant", [QUERY, BY_GROUP, ALL, ALL_OF_ONE, replace(BY_GROUP, object_name="*")], ids=str)
def test_what_is_taken_away_is_given_back_as_it_was(grant: Grant) -> None:
    """One by one, as a cut-over does it."""
    with fake_side(profiles.V2_6_18) as side, connected(side, **LOGIN) as server:
        furnish(side)
        before = {*side.world.rights.grants, grant}
        side.world.rights.grants = {*before}
        rbac_changes.revoke(server, grant)
        assert side.world.rights.grants == before - {grant}
        rbac_changes.grant(server, grant)
        assert side.world.rights.grants == before


def test_a_privilege_that_the_server_does_not_know() -> None:
    """It would fail all the others, as they go in one call."""
    meta = meta_of()
    unknown = Grant("analysts", "Collection", "films", "FlyToTheMoon", "default")
    meta["grants"].append(unknown.to_json())
    with fake_side(profiles.V2_6_18) as side, connected(side, **LOGIN) as server:
        added = apply_rbac(server, plan_rbac(server, meta))
        assert side.world.rights.grants == {QUERY, BY_GROUP, ALL} == set(added.grants)
        (told,) = added.not_carried
        assert str(unknown) in told
        assert not apply_rbac(server, plan_rbac(server, meta)).changes


def test_a_backup_of_an_old_server_has_no_passwords() -> None:
    meta = {key: value for key, value in meta_of().items() if key != "privilege_groups"}
    meta["users"] = [{"user": user, "roles": [{"name": "analysts"}]} for user in ("alice", "root")]
    meta["grants"] = [QUERY.to_json(), Grant("public", "Collection", "films", "Search", "default").to_json()]
    with fake_side(profiles.V2_4_10) as side, connected(side, **LOGIN) as server:
        plan = plan_rbac(server, meta)
        (told,) = plan.not_carried
        assert (plan.users, "alice" in told, "root" in told) == ((), True, False)
        apply_rbac(server, plan)
        assert side.world.rights.users == {"root": set()}
        assert not plan_rbac(server, meta).changes


@pytest.mark.parametrize("privilege", ["BackupRBAC", "RestoreRBAC", "ManageOwnership"])
def test_a_missing_privilege_is_found_before_any_change(privilege: str) -> None:
    meta = meta_of()
    with fake_side(profiles.V2_6_18) as side, connected(side, **LOGIN) as server:
        side.world.rights.denied = frozenset({privilege})
        with pytest.raises(MilvusOpsError) as caught:
            plan_rbac(server, meta)
        assert caught.value.kind == "permission"
        assert privilege in caught.value.failure.next_step
        assert side.world.rights.calls == []


def test_only_the_wildcard_needs_a_login() -> None:
    meta = meta_of()
    with fake_side(profiles.V2_6_18) as side, connected(side) as anonymous:
        with pytest.raises(MilvusOpsError) as caught:
            plan_rbac(anonymous, meta)
        assert caught.value.kind == "usage"
        meta["grants"] = [grant for grant in meta["grants"] if grant["grantor"]["privilege"]["name"] != "*"]
        assert apply_rbac(anonymous, plan_rbac(anonymous, meta)).changes
        assert "alice" in side.world.rights.users


def test_releases_that_cannot_tell_are_refused(place: FakePlace) -> None:
    side = place.side(profiles.V2_4_0)
    side.create("films")
    refused = place.backup(side, rbac=True, **LOGIN)
    assert (refused.kind, "2.4.10" in refused.result["msg"]) == ("version", True), refused.output
    assert "BackupRBAC" not in side.world.calls


def test_a_password_that_is_no_text_is_not_shown() -> None:
    meta = meta_of()
    meta["users"][0]["password"] = ["canary"]
    with fake_side(profiles.V2_6_18) as side, connected(side) as server:
        with pytest.raises(MilvusOpsError) as caught:
            plan_rbac(server, meta)
        assert caught.value.failure.cause == "$.rbac_meta.users[0].password is not a text"
