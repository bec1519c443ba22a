# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a backup's users, roles and grants is added to a server, what is not and why, and what malformed ones say.

The server is a stand-in at the other end of a real connection; the integration tests have the real one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from rbac_stand_in import RIGHTS, RbacStandIn
from stand_ins import connected

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import rbac, rbac_changes
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.rbac import Grant, Membership
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.rbac import RbacPlan, apply_rbac, plan_rbac

Json = dict[str, Any]


@pytest.fixture
def there() -> RbacStandIn:
    return RbacStandIn()


@pytest.fixture
def server(there: RbacStandIn) -> Iterator[Server]:
    with connected(there, user="root", password="Milvus") as opened:
        yield opened


QUERY = Grant("analysts", "Collection", "films", "Query", "default", "alice")
EVERYWHERE = Grant("analysts", "Collection", "*", "Search", "*", "root")
ELSEWHERE = Grant("loaders", "Collection", "films", "Query", "archive", "root")


def meta(*grants: Grant, users: dict[str, list[str]] | None = None, roles: tuple[str, ...] = ()) -> Json:
    """As a backup holds it."""
    return {
        "users": [
            {"user": user, "roles": [{"name": role} for role in held]} for user, held in (users or {"root": []}).items()
        ],
        "roles": [{"name": role} for role in roles],
        "grants": [grant.to_json() for grant in grants],
    }


BACKUP = meta(
    EVERYWHERE,
    ELSEWHERE,
    QUERY,
    users={"root": ["loaders"], "alice": ["analysts", "admin"], "bob": ["loaders"]},
    roles=("public", "loaders", "analysts", "admin"),
)


def test_all_that_is_missing_is_added_and_then_nothing(there: RbacStandIn, server: Server) -> None:
    """In an order in which nobody holds a role without its grants."""
    there.users["alice"] = set()
    plan = plan_rbac(server, BACKUP)
    assert plan.lines() == [
        "role analysts",
        "role loaders",
        "grant analysts Collection * Search (*)",
        "grant analysts Collection films Query (default)",
        "grant loaders Collection films Query (archive)",
        "member alice of admin",
        "member alice of analysts",
        "member root of loaders",
    ]
    assert there.calls == []
    assert apply_rbac(server, plan) == plan
    assert there.calls == plan.lines()
    again = plan_rbac(server, BACKUP)
    assert (again.changes, again.lines()) == (False, [])
    assert apply_rbac(server, again) == again
    assert there.calls == plan.lines()


def test_what_else_the_server_has_stays(there: RbacStandIn, server: Server) -> None:
    there.users |= {"alice": {"own"}, "carol": {"analysts"}}
    there.roles |= {"own", "analysts"}
    own = Grant("analysts", "Collection", "films", "Search", "default")
    there.grants |= {own, replace(QUERY, grantor="somebody")}
    before = copy.deepcopy(there)
    plan = plan_rbac(server, BACKUP)
    assert QUERY not in plan.grants, "who granted it is no difference"
    apply_rbac(server, plan)
    assert before.roles < there.roles
    assert before.grants < there.grants
    assert there.users["carol"] == {"analysts"}
    assert there.users["alice"] == {"own", "analysts", "admin"}


def test_users_are_named_not_made(there: RbacStandIn, server: Server) -> None:
    plan = plan_rbac(server, BACKUP)
    assert [member.user for member in plan.members] == ["root"]
    assert len(plan.not_carried) == 1
    assert "alice, bob" in plan.not_carried[0]
    there.users |= {"alice": set(), "bob": {"loaders"}}
    now = plan_rbac(server, BACKUP)
    assert now.not_carried == ()
    assert [member for member in now.members if member.user != "root"] == [
        Membership("alice", "admin"),
        Membership("alice", "analysts"),
    ]


def test_a_role_that_is_only_named_by_others(there: RbacStandIn, server: Server) -> None:
    plan = plan_rbac(server, meta(QUERY, users={"root": ["loaders"]}))
    assert plan.roles == ("analysts", "loaders")
    apply_rbac(server, plan)
    assert {"analysts", "loaders"} <= there.roles


def test_built_in_roles(there: RbacStandIn, server: Server) -> None:
    """They are never made. Grants that somebody gave C(public) are carried, those of every new server are not."""
    there.roles.clear()
    to_public = Grant("public", "Collection", "films", "Query", "default")
    of_new_servers = Grant("public", "Collection", "*", "IndexDetail", "*")
    plan = plan_rbac(server, meta(to_public, of_new_servers, roles=("public", "admin")))
    assert plan.lines() == ["grant public Collection films Query (default)"]
    there.roles |= {"public", "admin"}
    there.grants |= {to_public, of_new_servers}
    assert [Grant(**_flat(item)) for item in rbac.read_rbac(server)["grants"]] == [to_public]


def _flat(item: Json) -> dict[str, str]:
    return {
        "role": item["role"]["name"],
        "object_type": item["object"]["name"],
        "object_name": item["object_name"],
        "privilege": item["grantor"]["privilege"]["name"],
        "database": item["db_name"],
    }


def test_a_backup_holds_the_grants_of_every_database(there: RbacStandIn, server: Server) -> None:
    there.databases = ("default", "archive")
    there.roles |= {"analysts", "loaders"}
    there.grants |= {QUERY, EVERYWHERE, ELSEWHERE}
    grants = rbac.read_rbac(server)["grants"]
    assert [Grant(**_flat(item)) for item in grants] == [EVERYWHERE, QUERY, ELSEWHERE]
    assert grants[1]["grantor"] == {"user": {"name": "alice"}, "privilege": {"name": "Query"}}


def test_a_grant_without_a_database_is_one_of_the_default_database(there: RbacStandIn, server: Server) -> None:
    old = meta(QUERY)
    del old["grants"][0]["db_name"]
    assert plan_rbac(server, old).grants == (QUERY,)


def test_what_newer_servers_have(server: Server) -> None:
    """Privilege groups and what is granted by them, passwords in the form of another server, unknown parts."""
    newer = meta(QUERY, replace(QUERY, privilege="Readers"), users={"alice": ["analysts"]})
    newer["users"][0]["password"] = "$2a$10$canary"
    newer["privilege_groups"] = [{"group_name": "Readers", "privileges": [{"name": "Query"}]}]
    newer["row_policies"] = [{"any": "thing"}]
    newer["nothing"] = None
    plan = plan_rbac(server, newer)
    assert plan.grants == (QUERY,)
    users, groups, grant, part = plan.not_carried
    assert "alice" in users
    assert groups.endswith(": Readers")
    assert "analysts Collection films Readers (default)" in grant
    assert "'row_policies'" in part
    assert "canary" not in repr(plan)


@pytest.mark.parametrize(
    "unknown", [replace(QUERY, privilege="FlyToTheMoon"), replace(QUERY, object_type="Spaceship")], ids=str
)
def test_a_grant_that_the_server_does_not_know(there: RbacStandIn, server: Server, unknown: Grant) -> None:
    """All others are made, and no change is reported for it."""
    plan = plan_rbac(server, meta(QUERY, unknown, users={"root": ["analysts"]}))
    added = apply_rbac(server, plan)
    assert added.lines() == there.calls
    assert there.calls == ["role analysts", f"grant {QUERY}", "member root of analysts"]
    assert len(added.not_carried) == 1
    assert str(unknown) in added.not_carried[0]
    assert not apply_rbac(server, plan_rbac(server, meta(QUERY, unknown, users={"root": ["analysts"]}))).changes


@pytest.mark.parametrize("privilege", sorted(set(RIGHTS.values())))
def test_a_missing_privilege_is_found_before_any_change(there: RbacStandIn, server: Server, privilege: str) -> None:
    there.denied = frozenset({privilege})
    with pytest.raises(MilvusOpsError) as caught:
        plan_rbac(server, BACKUP)
    assert caught.value.kind == "permission"
    assert f"grant the privilege {privilege} to a role of the user clerk" in caught.value.failure.next_step
    assert "SelectOwnership, CreateOwnership and ManageOwnership" in caught.value.failure.next_step
    assert there.calls == []


def test_rights_that_nothing_needs_are_not_asked_for(there: RbacStandIn, server: Server) -> None:
    there.denied = frozenset({"CreateOwnership", "ManageOwnership"})
    assert not plan_rbac(server, meta(roles=("public",))).changes


def test_as_many_roles_as_there_may_be(there: RbacStandIn, server: Server) -> None:
    """What was added stays, is told, and the next run goes on from there."""
    there.max_roles = 3
    plan = plan_rbac(server, BACKUP)
    with pytest.raises(MilvusOpsError) as caught:
        apply_rbac(server, plan)
    assert caught.value.kind == "quota"
    assert "loaders" in caught.value.failure.operation
    assert "proxy.maxRoleNum" in caught.value.failure.next_step
    assert caught.value.failure.state_left.startswith("1 of 6 roles, grants and memberships were added")
    there.max_roles = 10
    rest = plan_rbac(server, BACKUP)
    assert rest == replace(plan, roles=("loaders",))
    apply_rbac(server, rest)
    assert not plan_rbac(server, BACKUP).changes


def test_a_role_that_another_run_has_made_meanwhile(there: RbacStandIn, server: Server) -> None:
    plan = plan_rbac(server, BACKUP)
    there.roles.add("analysts")
    apply_rbac(server, plan)
    assert not plan_rbac(server, BACKUP).changes


def test_a_user_that_is_gone_meanwhile(there: RbacStandIn, server: Server) -> None:
    plan = RbacPlan((), (), (Membership("ghost", "public"),), ())
    with pytest.raises(MilvusOpsError) as caught:
        apply_rbac(server, plan)
    assert caught.value.failure.operation == "giving ghost the role public"
    assert caught.value.failure.state_left == "no user, role or grant was changed"


def test_a_name_that_the_server_does_not_take(server: Server) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        rbac_changes.create_role(server, "")
    assert caught.value.kind == "bad_name"


def test_grants_need_a_login(there: RbacStandIn) -> None:
    """A server without authorization refuses the grant only after the roles: this is said before."""
    with connected(there) as anonymous:
        with pytest.raises(MilvusOpsError) as caught:
            plan_rbac(anonymous, BACKUP)
        assert caught.value.kind == "usage"
        assert "user and password" in caught.value.failure.next_step
        assert there.calls == []
        assert plan_rbac(anonymous, meta(roles=("analysts",))).lines() == ["role analysts"]


def test_a_backup_without_users_and_roles(server: Server) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        plan_rbac(server, {})
    assert caught.value.kind == "usage"
    assert "rbac: true" in caught.value.failure.next_step


def malformed(change: str) -> Json:
    """A backup in which the value at a place, such as C(grants.0.role), is another one."""
    place, value = change.split("=", 1)
    values: Json = {"zero": 0, "text": "x", "list": [], "null": None, "empty": "", "object": {}}
    damaged = copy.deepcopy(BACKUP)
    *path, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    holder: Any = damaged
    for part in path:
        holder = holder[part]
    holder[last] = values.get(value, value)
    return damaged


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("users=text", "$.rbac_meta.users is not a list"),
        ("roles=object", "$.rbac_meta.roles is not a list"),
        ("privilege_groups=zero", "$.rbac_meta.privilege_groups is not a list"),
        ("grants.1=null", "$.rbac_meta.grants[1] is not an object"),
        ("users.1.roles.0=text", "$.rbac_meta.users[1].roles[0] is not an object"),
        ("users.1.roles.1.name=zero", "$.rbac_meta.users[1].roles[1].name is not a name"),
        ("users.2.user=empty", "$.rbac_meta.users[2].user is not a name"),
        ("roles.0.name=null", "$.rbac_meta.roles[0].name is not a name"),
        ("grants.0.role=text", "$.rbac_meta.grants[0].role.name is not a name"),
        ("grants.0.object=list", "$.rbac_meta.grants[0].object.name is not a name"),
        ("grants.2.grantor.privilege=null", "$.rbac_meta.grants[2].grantor.privilege.name is not a name"),
        ("grants.2.object_name=list", "$.rbac_meta.grants[2].object_name is not a name"),
        ("grants.2.db_name=a b", "$.rbac_meta.grants[2].db_name is not a name"),
        ("roles.1.name=x\nrole admin", "$.rbac_meta.roles[1].name is not a name"),
        ("roles.1.name=\u202enimda", "$.rbac_meta.roles[1].name is not a name"),
        ("roles.1.name=\ud83d", "$.rbac_meta.roles[1].name is not a name"),
    ],
)
def test_a_malformed_part_is_named(there: RbacStandIn, server: Server, change: str, said: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        plan_rbac(server, malformed(change))
    assert (caught.value.kind, caught.value.failure.cause) == ("corrupt", said)
    assert there.calls == []


@pytest.mark.parametrize("part", ["users", "roles", "grants", "privilege_groups"])
def test_a_part_may_be_null(server: Server, part: str) -> None:
    """As in every file that Go has written."""
    assert plan_rbac(server, malformed(f"{part}=null")).changes
