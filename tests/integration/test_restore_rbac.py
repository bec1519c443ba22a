# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, roles and grants of a backup on a real server with authorization: what is missing is added, no more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import oracle
import pytest
from labs import RunningLab, Side
from module_process import run
from pymilvus import MilvusClient
from waiting import wait_until

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import rbac, rbac_changes
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.rbac import apply_rbac, plan_rbac

Fresh = Callable[[str], str]
Triples = set[tuple[str, ...]]

PASSWORD = "Long-enough-1"
DATABASES = ("default", "archive")
ROLES_OF_A_SERVER = 10
GRANTS_IN_FORCE_SECONDS = 60


@dataclass(frozen=True)
class Access:
    """The users, roles and grants of a server, looked at and changed by a client that is not the collection's."""

    side: Side

    def client(self, user: str = "root", password: str = "Milvus") -> MilvusClient:
        return MilvusClient(uri=f"http://127.0.0.1:{self.side.port}", user=user, password=password)

    @contextmanager
    def server(self, user: str = "root", password: str = "Milvus") -> Iterator[Server]:
        with Server(connection_options({**self.side.options, "user": user, "password": password})) as server:
            yield server

    def grant(self, role: str, kind: str, privilege: str, on: str = "*", database: str = "default") -> None:
        self.client().grant_privilege(role, kind, privilege, on, database)

    def revoke(self, role: str, kind: str, privilege: str, on: str = "*", database: str = "default") -> None:
        self.client().revoke_privilege(role, kind, privilege, on, database)

    def add_user(self, name: str, *roles: str) -> None:
        client = self.client()
        client.create_user(name, PASSWORD)
        for role in roles:
            client.grant_role(name, role)

    def triples(self) -> Triples:
        """Everything: roles, grants, users with their roles."""
        client = self.client()
        grants = {
            ("grant", role, item["object_type"], item["privilege"], item["object_name"], item["db_name"])
            for role in client.list_roles()
            for database in DATABASES
            for item in client.describe_role(role, db_name=database)["privileges"]
        }
        users = {user: client.describe_user(user)["roles"] for user in client.list_users()}
        members = {("member", user, role) for user, roles in users.items() for role in roles}
        return grants | members | {("role", role) for role in client.list_roles()} | {("user", user) for user in users}

    def remove(self, made: Triples) -> None:
        client = self.client()
        for _kind, *names in sorted(item for item in made if item[0] == "grant"):
            self.revoke(*names)
        for _kind, *names in sorted(item for item in made if item[0] == "member"):
            client.revoke_role(*names)
        for kind, *names in sorted(item for item in made if item[0] in ("role", "user")):
            (client.drop_role if kind == "role" else client.drop_user)(names[0])


@pytest.fixture(scope="module")
def two_databases(guarded: RunningLab) -> Iterator[Side]:
    side = guarded.side("milvus_a")
    client = MilvusClient(uri=f"http://127.0.0.1:{side.port}", token="root:Milvus")
    client.create_database("archive")
    yield side
    client.drop_database("archive")


@pytest.fixture
def access(two_databases: Side) -> Iterator[Access]:
    """The guarded server; what a test adds there is taken away again, as there is room for ten roles only."""
    opened = Access(two_databases)
    before = opened.triples()
    yield opened
    opened.remove(opened.triples() - before)


def make_backup(access: Access, name: str, *, with_rbac: bool) -> dict[str, Any]:
    """A backup of one small collection, without rows; the arguments to restore it under another name."""
    create_small(access.client(), name, rows=0)
    login = {**access.side.options, "user": "root", "password": "Milvus", "name": name, "collections": [name]}
    made = run("milvus_backup", {**login, "strategy": "meta_only", "rbac": with_rbac})
    assert not made.failed, made.output
    access.client().drop_collection(name)
    return {**login, "suffix": "_copy", "meta_only": True}


def backed_up(guarded: RunningLab, access: Access, fresh: Fresh) -> dict[str, Any]:
    """What a real backup holds of users, roles and grants."""
    name = fresh("rbac")
    make_backup(access, name, with_rbac=True)
    body = guarded.s3().get_object(Bucket=guarded.bucket, Key=f"backup/{name}/meta/full_meta.json")["Body"].read()
    return dict(json.loads(body)["rbac_meta"])


def create_small(client: MilvusClient, name: str, rows: int) -> None:
    client.create_collection(name, dimension=2)
    if rows:
        client.insert(name, [{"id": key, "vector": [key, 0.0]} for key in range(rows)])


def analysts() -> dict[str, Any]:
    """A backup with one role, one grant and one member."""
    grant = rbac.Grant("analysts", "Collection", "films", "Query", "archive")
    return {
        "users": [{"user": "root", "roles": [{"name": "analysts"}]}],
        "roles": [{"name": "analysts"}],
        "grants": [grant.to_json()],
    }


def in_force(check: Callable[..., bool], *arguments: Any) -> None:
    """A grant is in force some seconds after the server has taken it: nine were seen after many changes."""
    wait_until(lambda: check(*arguments), GRANTS_IN_FORCE_SECONDS, pause=0.1)


def refused_for(server: Server, words: str) -> bool:
    """Whether the plan is refused with these words; without words, whether it is not refused."""
    try:
        plan_rbac(server, analysts())
    except MilvusOpsError as error:
        if error.kind != "permission":
            raise
        return bool(words) and words in error.failure.next_step
    return not words


def may_query(client: MilvusClient, name: str) -> bool:
    try:
        oracle.count(client, name)
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.PERMISSION_DENIED:
            raise
        return False
    return True


def test_what_is_gone_comes_back_and_nothing_else_changes(guarded: RunningLab, access: Access, fresh: Fresh) -> None:
    client = access.client()
    for role in ("analysts", "loaders"):
        client.create_role(role)
    for user in ("alice", "bob"):
        access.add_user(user, "analysts", "loaders")
    client.grant_role("root", "loaders")
    access.grant("analysts", "Collection", "Query", "films")
    access.grant("analysts", "Collection", "Search", database="*")
    access.grant("loaders", "Collection", "Insert", "films", "archive")
    access.grant("loaders", "Global", "CreateCollection")
    access.grant("loaders", "User", "UpdateUser", "bob")
    access.grant("public", "Collection", "Query", "posters")
    source = access.triples()
    saved = backed_up(guarded, access, fresh)
    with access.server() as server:
        assert not plan_rbac(server, saved).changes

        access.remove({item for item in source if {"loaders", "bob"} & set(item)})
        access.revoke("analysts", "Collection", "Query", "films")
        access.revoke("public", "Collection", "Query", "posters")
        client.revoke_role("alice", "analysts")
        client.create_role("own")
        access.add_user("carol", "own", "analysts")
        access.grant("analysts", "Collection", "Delete", "films")
        access.grant("own", "Collection", "Query", "films", "archive")
        wiped = access.triples()

        plan = plan_rbac(server, saved)
        assert plan.lines() == [
            "role loaders",
            "grant analysts Collection films Query (default)",
            "grant loaders Collection films Insert (archive)",
            "grant loaders Global * CreateCollection (default)",
            "grant loaders User bob UpdateUser (default)",
            "grant public Collection posters Query (default)",
            "member alice of analysts",
            "member alice of loaders",
            "member root of loaders",
        ]
        (missing,) = plan.not_carried
        assert "bob" in missing
        assert access.triples() == wiped
        assert apply_rbac(server, plan) == plan
        of_bob = {("user", "bob"), ("member", "bob", "analysts"), ("member", "bob", "loaders")}
        assert access.triples() == (source - of_bob) | wiped
        assert not plan_rbac(server, saved).changes

        access.add_user("bob")
        apply_rbac(server, plan_rbac(server, saved))
        assert access.triples() == source | wiped


def test_the_module_shows_and_adds_what_is_missing(access: Access, fresh: Fresh) -> None:
    client = access.client()
    client.create_role("analysts")
    access.add_user("alice", "analysts")
    access.grant("analysts", "Collection", "Query", "films")
    wanted = access.triples()
    arguments = make_backup(access, fresh("module"), with_rbac=True)
    access.revoke("analysts", "Collection", "Query", "films")
    client.revoke_role("alice", "analysts")
    client.drop_role("analysts")
    lines = ["role analysts", "grant analysts Collection films Query (default)", "member alice of analysts"]

    without = run("milvus_restore", arguments)
    assert (without.result["changed"], without.result["rbac"]["roles"]) == (True, []), without.output
    arguments["rbac"] = True
    lost = access.triples()
    planned = run("milvus_restore", arguments, check=True)
    assert planned.result["diff"]["after"].splitlines() == lines, planned.output
    assert access.triples() == lost
    done = run("milvus_restore", arguments)
    assert (done.result["changed"], done.result["plan"]) == (True, lines), done.output
    assert done.result["rbac"] == {
        "roles": ["analysts"],
        "grants": ["analysts Collection films Query (default)"],
        "members": ["alice of analysts"],
        "privilege_groups": [],
        "users": [],
        "not_carried": [],
    }
    assert access.triples() == wanted
    again = run("milvus_restore", arguments)
    assert (again.result["changed"], again.result["plan"]) == (False, []), again.output
    client.drop_collection(f"{arguments['name']}_copy")


def test_a_backup_without_users_and_roles_is_no_empty_one(access: Access, fresh: Fresh) -> None:
    arguments = make_backup(access, fresh("bare"), with_rbac=False)
    refused = run("milvus_restore", {**arguments, "rbac": True})
    assert refused.kind == "usage", refused.output
    assert "rbac: true" in refused.result["failure"]["next_step"]
    assert not access.client().has_collection(f"{arguments['name']}_copy")


def test_a_login_without_the_rights_changes_nothing(access: Access) -> None:
    """Right by right, each named before anything is done, until they are enough."""
    access.client().create_role("clerks")
    access.add_user("clerk", "clerks")
    before = access.triples()
    steps = [
        ("SelectOwnership", "Global"),
        ("SelectUser", "User"),
        ("ListDatabases", "Global"),
        ("CreateOwnership", "Global"),
        ("ManageOwnership", "Global"),
    ]
    with access.server("clerk", PASSWORD) as server:
        for privilege, kind in steps:
            in_force(refused_for, server, f"grant the privilege {privilege} to a role of the user clerk")
            assert access.triples() == before
            access.grant("clerks", kind, privilege)
            before = access.triples()
        in_force(refused_for, server, "")
        apply_rbac(server, plan_rbac(server, analysts()))
    with access.server() as server:
        assert not plan_rbac(server, analysts()).changes, "also for another login, though clerk is the grantor"


def test_as_many_roles_as_there_may_be(access: Access) -> None:
    client = access.client()
    room = ROLES_OF_A_SERVER - len(client.list_roles())
    for number in range(room):
        client.create_role(f"filler_{number}")
    with access.server() as server:
        with pytest.raises(MilvusOpsError) as caught:
            apply_rbac(server, plan_rbac(server, analysts()))
        assert caught.value.kind == "quota"
        assert "proxy.maxRoleNum" in caught.value.failure.next_step
        assert caught.value.failure.state_left == "no user, role or grant was changed"
        client.drop_role("filler_0")
        apply_rbac(server, plan_rbac(server, analysts()))
        assert not plan_rbac(server, analysts()).changes


def test_what_this_server_does_not_know_is_named(access: Access) -> None:
    saved = analysts()
    unknown = rbac.Grant("analysts", "Collection", "films", "FlyToTheMoon", "default")
    saved["grants"].append(unknown.to_json())
    with access.server() as server:
        plan = plan_rbac(server, saved)
        added = apply_rbac(server, plan)
        assert set(plan.lines()) - set(added.lines()) == {f"grant {unknown}"}
        assert [str(unknown) in sentence for sentence in added.not_carried] == [True]
        again = apply_rbac(server, plan_rbac(server, saved))
        assert (again.changes, again.not_carried) == (False, added.not_carried)
        with pytest.raises(MilvusOpsError) as caught:
            rbac_changes.create_role(server, "9 lives")
        assert caught.value.kind == "bad_name"


def test_grants_stay_with_the_name_when_collections_are_swapped(access: Access, fresh: Fresh) -> None:
    """A role that may query one name only may query what has that name after a replacement, and not the old one."""
    name, other, away = fresh("swapped"), fresh("successor"), fresh("retired")
    root = access.client()
    create_small(root, name, rows=10)
    create_small(root, other, rows=30)
    root.create_role("analysts")
    access.add_user("alice", "analysts")
    access.grant("analysts", "Collection", "Query", name)
    access.grant("analysts", "Collection", "Query", f"{name}_2")
    alice = access.client("alice", PASSWORD)
    with access.server() as server:
        held = grants_on(server, name)
        assert [str(grant) for grant in held] == [f"analysts Collection {name} Query (default)"]
        in_force(may_query, alice, name)
        assert oracle.count(alice, name) == 10
        assert not may_query(alice, other)

        root.rename_collection(name, away)
        root.rename_collection(other, name)
        assert grants_on(server, name) == held
        assert oracle.count(alice, name) == 30
        assert not may_query(alice, away)

        root.drop_collection(away)
        assert oracle.count(alice, name) == 30
        access.revoke("analysts", "Collection", "Query", name)
        rbac_changes.grant(server, held[0])
        rbac_changes.grant(server, held[0])
        assert grants_on(server, name) == held
    root.drop_collection(name)


def grants_on(server: Server, name: str) -> list[rbac.Grant]:
    found = rbac.read_grants(server, rbac.role_names(server), ["default"])
    return sorted(grant for grant in found if grant.object_name == name)


def test_a_server_without_authorization(lab: RunningLab) -> None:
    """It keeps roles and grants for the day it has one. A grant needs a login there too, or the server refuses it."""
    side = lab.side("milvus_b")
    with Server(connection_options(side.options)) as server, pytest.raises(MilvusOpsError) as caught:
        plan_rbac(server, analysts())
    assert caught.value.kind == "usage"
    assert "set user and password" in caught.value.failure.next_step
    client = side.client()
    assert "analysts" not in client.list_roles()
    with Server(connection_options({**side.options, "user": "root", "password": "Milvus"})) as server:
        apply_rbac(server, plan_rbac(server, analysts()))
        assert not plan_rbac(server, analysts()).changes
    root = MilvusClient(uri=f"http://127.0.0.1:{side.port}", token="root:Milvus")
    root.revoke_privilege("analysts", "Collection", "Query", "films", "archive")
    root.revoke_role("root", "analysts")
    root.drop_role("analysts")
