# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles, grants and memberships of a backup that a server lacks, and adding them. Nothing is ever taken away.

Grants name collections by the names of the backup, also where the restore gives the collections other names: a grant
may stand for a collection that this restore has nothing to do with, or for all (C(*)), and what somebody may do with a
copy under a new name is for the operator to decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError, usage_error
from ..milvus import catalog, rbac, rbac_changes
from ..milvus.rbac import BUILT_IN_ROLES, GRANTS_OF_NEW_SERVERS, Grant
from ..milvus.server import Server

KNOWN_PARTS = frozenset({"users", "roles", "grants", "privilege_groups"})
NEEDED_PRIVILEGES = (
    "all that users, roles and grants need: SelectUser on User, and SelectOwnership, CreateOwnership and "
    "ManageOwnership on Global"
)


@dataclass(frozen=True, order=True)
class Membership:
    user: str
    role: str


@dataclass(frozen=True)
class RbacPlan:
    """What will be added; C(not_carried) says in sentences what the backup holds and this server cannot be given."""

    roles: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()
    members: tuple[Membership, ...] = ()
    not_carried: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(self.roles or self.grants or self.members)

    def lines(self) -> list[str]:
        """One line for each addition, always in the same order, for a diff."""
        return [
            *(f"role {role}" for role in self.roles),
            *(f"grant {grant}" for grant in self.grants),
            *(f"member {member.user} of {member.role}" for member in self.members),
        ]


@dataclass(frozen=True)
class _Saved:
    """The checked C(rbac_meta) of a backup; C(groups) are its privilege groups, C(unknown) parts of newer formats."""

    users: frozenset[str]
    roles: frozenset[str]
    grants: frozenset[Grant]
    members: frozenset[Membership]
    groups: frozenset[str]
    unknown: tuple[str, ...]


def plan_rbac(server: Server, rbac_meta: Mapping[str, Any]) -> RbacPlan:
    """Compare a backup with a server. Raises C(corrupt), C(usage) and C(permission) before anything is changed."""
    saved = _read_saved(rbac_meta)
    with _needed_privileges_named():
        roles = set(rbac.role_names(server))
        held = rbac.roles_by_user(server)
        databases = {*catalog.list_databases(server), *(grant.database for grant in saved.grants)}
        granted = rbac.read_grants(server, sorted(roles & saved.roles), databases)
        known = {item for item in saved.members if item.user in held}
        wanted = {grant for grant in saved.grants if grant.privilege not in saved.groups}
        plan = RbacPlan(
            roles=tuple(sorted(saved.roles - roles - BUILT_IN_ROLES)),
            grants=tuple(sorted(wanted - granted - GRANTS_OF_NEW_SERVERS)),
            members=tuple(sorted(item for item in known if item.role not in held[item.user])),
            not_carried=tuple(_not_carried(saved, users=held)),
        )
        _require_possible(server, plan)
    return plan


def apply_rbac(server: Server, plan: RbacPlan) -> RbacPlan:
    """Add what is missing. Returns what was added: a grant that the server does not know moves to C(not_carried).

    Roles come first and members last, so that nobody ever holds a role without its grants.
    """
    roles: list[str] = []
    grants: list[Grant] = []
    members: list[Membership] = []
    not_carried = list(plan.not_carried)
    with _needed_privileges_named():
        try:
            for role in plan.roles:
                rbac_changes.create_role(server, role)
                roles.append(role)
            for grant in plan.grants:
                refusal = _refusal(server, grant)
                if refusal:
                    not_carried.append(refusal)
                else:
                    grants.append(grant)
            for member in plan.members:
                rbac_changes.add_member(server, member.user, member.role)
                members.append(member)
        except MilvusOpsError as error:
            raise error.with_context(state_left=_state_left(plan, len(roles) + len(grants) + len(members))) from error
    return RbacPlan(tuple(roles), tuple(grants), tuple(members), tuple(not_carried))


def _refusal(server: Server, grant: Grant) -> str:
    """Grant, or say why not where this server lacks the privilege: no later run could do better."""
    try:
        rbac_changes.grant(server, grant)
    except MilvusOpsError as error:
        if error.kind != "version":
            raise
        return f"the grant {grant} is left out, as the server answers: {error.failure.cause}"
    return ""


def _not_carried(saved: _Saved, users: Iterable[str]) -> Iterator[str]:
    missing = sorted(saved.users.difference(users))
    if missing:
        yield (
            f"users that the server does not have, and whose passwords no backup can give back: {', '.join(missing)}; "
            "create them with a password, then run again: their roles follow"
        )
    if saved.groups:
        yield f"privilege groups, which this release does not restore: {', '.join(sorted(saved.groups))}"
    for grant in sorted(grant for grant in saved.grants if grant.privilege in saved.groups):
        yield f"the grant {grant} is left out, because its privilege is a privilege group"
    for part in saved.unknown:
        yield f"{part!r} of the backup's users and roles, which this release does not know"


def _require_possible(server: Server, plan: RbacPlan) -> None:
    """A server without authorization takes roles from anybody, but a grant still has a grantor: the login."""
    if plan.grants and not (server.options.user or server.options.token):
        raise usage_error(
            "planning users and roles",
            server.options.target,
            "grants are recorded with the login that makes them, even where the server asks for none, and none is sent",
            "set user and password of this host (and not authorization_enabled: false), or restore without rbac",
        )
    needed = {
        rbac_changes.CREATE_ROLE: plan.roles,
        rbac_changes.CHANGE_GRANTS: plan.grants,
        rbac_changes.CHANGE_MEMBERS: plan.members,
    }
    rbac_changes.require_right_to(server, [method for method, additions in needed.items() if additions])


def _state_left(plan: RbacPlan, done: int) -> str:
    if not done:
        return "no user, role or grant was changed"
    return f"{done} of {len(plan.lines())} roles, grants and memberships were added; the next run adds the rest"


@contextmanager
def _needed_privileges_named() -> Iterator[None]:
    try:
        yield
    except MilvusOpsError as error:
        if error.kind != "permission":
            raise
        raise error.with_context(next_step=f"{error.failure.next_step}; {NEEDED_PRIVILEGES}") from error


def _read_saved(meta: Mapping[str, Any]) -> _Saved:
    """Check and sort what the backup holds. A role that only a grant or a user names counts as one too."""
    path = "$.rbac_meta"
    if not meta:
        raise usage_error(
            "planning users and roles",
            "rbac",
            "this backup was made without users, roles and grants",
            "make a backup with rbac: true, or restore without",
        )
    users: set[str] = set()
    members: set[Membership] = set()
    for user, place in _items(meta, "users", path):
        name = _name(user, "user", place)
        users.add(name)
        members.update(Membership(name, _name(role, "name", below)) for role, below in _items(user, "roles", place))
    grants = frozenset(_grant(item, place) for item, place in _items(meta, "grants", path))
    listed = {_name(role, "name", place) for role, place in _items(meta, "roles", path)}
    return _Saved(
        users=frozenset(users),
        roles=frozenset(listed | {grant.role for grant in grants} | {member.role for member in members}),
        grants=grants,
        members=frozenset(members),
        groups=frozenset(_name(item, "group_name", place) for item, place in _items(meta, "privilege_groups", path)),
        unknown=tuple(sorted(part for part, value in meta.items() if value and part not in KNOWN_PARTS)),
    )


def _grant(values: Mapping[str, Any], path: str) -> Grant:
    return Grant(
        role=_name(values, "role.name", path),
        object_type=_name(values, "object.name", path),
        object_name=_name(values, "object_name", path),
        privilege=_name(values, "grantor.privilege.name", path),
        database=_name(values, "db_name", path) if values.get("db_name") else catalog.DEFAULT_DATABASE,
    )


def _items(values: Mapping[str, Any], key: str, path: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The objects of a list, each with its path, so that every complaint names the place."""
    items = [] if values.get(key) is None else values[key]
    if not isinstance(items, list):
        raise _corrupt(f"{path}.{key} is not a list")
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            raise _corrupt(f"{path}.{key}[{position}] is not an object")
        yield item, f"{path}.{key}[{position}]"


def _name(values: Mapping[str, Any], keys: str, path: str) -> str:
    """A name without blanks and control characters: names are shown to an operator, one addition on a line."""
    value: Any = values
    for key in keys.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, str) and value.isprintable() and value.split() == [value]:
        return value
    raise _corrupt(f"{path}.{keys} is not a name")


def _corrupt(cause: str) -> MilvusOpsError:
    return MilvusOpsError(
        "corrupt",
        "reading the users and roles of the backup",
        "rbac_meta",
        cause,
        next_step="restore this object from another copy, use another backup, or restore without rbac",
    )
