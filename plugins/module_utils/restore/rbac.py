# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, roles, grants and memberships of a backup that a server lacks, and adding them. Nothing is ever taken away.

Grants name collections by the names of the backup, also where the restore gives the collections other names: a grant
may stand for a collection that this restore has nothing to do with, or for all (C(*)), and what somebody may do with a
copy under a new name is for the operator to decide.

From 2.4.10 on a server takes most of it in one call, users with the hashes of their passwords among it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError, usage_error
from ..milvus import catalog, rbac, rbac_changes
from ..milvus.features import RBAC_BACKUP, has
from ..milvus.rbac import BUILT_IN_ROLES, GRANTS_OF_NEW_SERVERS, SUPERUSER, Grant, Membership
from ..milvus.rbac_changes import ANY_PRIVILEGE, NewUser, RbacBundle
from ..milvus.server import Server
from .saved_rbac import SavedRbac, read_saved

NEEDED_PRIVILEGES = (
    "all that users, roles and grants need: SelectUser on User, and SelectOwnership, CreateOwnership and "
    "ManageOwnership on Global"
)
NEEDED_AT_ONCE = (
    "all that users, roles and grants need: BackupRBAC, RestoreRBAC, SelectOwnership and ManageOwnership on Global"
)
UNKNOWN_PRIVILEGE = re.compile(r"privilege(?: group)? \[([^\]]+)\] does not exist")


@dataclass(frozen=True)
class RbacPlan:
    """What will be added; C(not_carried) says in sentences what the backup holds and this server cannot be given."""

    roles: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()
    members: tuple[Membership, ...] = ()
    not_carried: tuple[str, ...] = ()
    users: tuple[NewUser, ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def changes(self) -> bool:
        return bool(self.roles or self.grants or self.members or self.users or self.groups)

    def lines(self) -> list[str]:
        """One line for each addition, always in the same order, for a diff."""
        return [
            *(f"role {role}" for role in self.roles),
            *(f"privilege group {name}: {', '.join(privileges)}" for name, privileges in self.groups),
            *(f"grant {grant}" for grant in self.grants),
            *(f"user {user.name}" for user in self.users),
            *(f"member {member.user} of {member.role}" for member in self.members),
        ]


def plan_rbac(server: Server, rbac_meta: Mapping[str, Any]) -> RbacPlan:
    """Compare a backup with a server. Raises C(corrupt), C(usage) and C(permission) before anything is changed."""
    saved = read_saved(rbac_meta)
    with _needed_privileges_named(server):
        plan = _plan_at_once(server, saved) if has(server.version, RBAC_BACKUP) else _plan_one_by_one(server, saved)
        _require_possible(server, plan)
    return plan


def apply_rbac(server: Server, plan: RbacPlan) -> RbacPlan:
    """Add what is missing. Returns what was added: a grant that the server does not know moves to C(not_carried).

    Roles come first and members last, so that nobody ever holds a role without its grants.
    """
    with _needed_privileges_named(server):
        if has(server.version, RBAC_BACKUP):
            return _apply_at_once(server, plan)
        return _apply_one_by_one(server, plan, roles=plan.roles, done=0)


def _plan_one_by_one(server: Server, saved: SavedRbac) -> RbacPlan:
    """On servers up to 2.3, which give away no password and have no groups."""
    roles = set(rbac.role_names(server))
    held = rbac.roles_by_user(server)
    databases = {*catalog.list_databases(server), *(grant.database for grant in saved.grants)}
    granted = rbac.read_grants(server, sorted(roles & saved.roles), databases)
    known = {item for item in saved.members if item.user in held}
    wanted = {grant for grant in saved.grants if grant.privilege not in saved.groups}
    return RbacPlan(
        roles=tuple(sorted(saved.roles - roles - BUILT_IN_ROLES)),
        grants=tuple(sorted(wanted - granted - GRANTS_OF_NEW_SERVERS)),
        members=tuple(sorted(item for item in known if item.role not in held[item.user])),
        not_carried=(*_users_not_carried(saved.users.difference(held)), *_groups_not_carried(saved), *_unknown(saved)),
    )


def _plan_at_once(server: Server, saved: SavedRbac) -> RbacPlan:
    """The server's own call leaves out its superuser and what the built-in roles are granted."""
    now = read_saved(rbac.read_rbac(server))
    built_in = sorted({grant.role for grant in saved.grants} & BUILT_IN_ROLES)
    databases = {*catalog.list_databases(server), *(grant.database for grant in saved.grants)} if built_in else set()
    granted = now.grants | rbac.read_grants(server, built_in, databases)
    missing = saved.users - now.users - {SUPERUSER}
    members = {item for item in saved.members if item.user in now.users} - now.members
    roles = {item: {member.role for member in saved.members if member.user == item} for item in missing}
    wanted = saved.grants - granted - GRANTS_OF_NEW_SERVERS
    other_groups = {name for name in saved.groups.keys() & now.groups.keys() if saved.groups[name] != now.groups[name]}
    by_other_group = {grant for grant in wanted if grant.privilege in other_groups}
    return RbacPlan(
        roles=tuple(sorted(saved.roles - now.roles - BUILT_IN_ROLES)),
        grants=tuple(sorted(wanted - by_other_group)),
        members=tuple(sorted(members)),
        not_carried=(
            *_users_not_carried(missing - saved.passwords.keys()),
            *_left_alone(other_groups, by_other_group),
            *_unknown(saved),
        ),
        users=tuple(
            NewUser(name, saved.passwords[name], tuple(sorted(roles[name])))
            for name in sorted(missing & saved.passwords.keys())
        ),
        groups=tuple((name, tuple(sorted(saved.groups[name]))) for name in sorted(saved.groups.keys() - now.groups)),
    )


def _apply_at_once(server: Server, plan: RbacPlan) -> RbacPlan:
    """A privilege that this server does not know fails the whole call, so its grants are left out of the next one."""
    grants = [grant for grant in plan.grants if grant.privilege != ANY_PRIVILEGE]
    not_carried = list(plan.not_carried)
    for _attempt in range(len(grants) + 1):
        bundle = RbacBundle(plan.roles, plan.groups, tuple(grants), plan.users)
        try:
            rbac_changes.add_at_once(server, bundle)
            break
        except MilvusOpsError as error:
            unknown = UNKNOWN_PRIVILEGE.search(error.failure.cause)
            refused = [grant for grant in grants if unknown is not None and grant.privilege == unknown[1]]
            if not refused:
                raise error.with_context(state_left=_state_left(plan, 0)) from error
            grants = [grant for grant in grants if grant not in refused]
            not_carried += [_left_out(grant, error) for grant in refused]
    any_privilege = tuple(grant for grant in plan.grants if grant.privilege == ANY_PRIVILEGE)
    done = len(plan.roles) + len(plan.groups) + len(grants) + len(plan.users)
    rest = RbacPlan(grants=any_privilege, members=plan.members, not_carried=tuple(not_carried))
    added = _apply_one_by_one(server, rest, roles=(), done=done, of=plan)
    return RbacPlan(
        plan.roles,
        tuple(sorted((*grants, *added.grants))),
        added.members,
        added.not_carried,
        plan.users,
        plan.groups,
    )


def _apply_one_by_one(
    server: Server, plan: RbacPlan, *, roles: Iterable[str], done: int, of: RbacPlan | None = None
) -> RbacPlan:
    """C(done) additions of the plan C(of) are made already."""
    made: list[str] = []
    grants: list[Grant] = []
    members: list[Membership] = []
    not_carried = list(plan.not_carried)
    try:
        for role in roles:
            rbac_changes.create_role(server, role)
            made.append(role)
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
        added = done + len(made) + len(grants) + len(members)
        raise error.with_context(state_left=_state_left(of or plan, added)) from error
    return RbacPlan(tuple(made), tuple(grants), tuple(members), tuple(not_carried))


def _refusal(server: Server, grant: Grant) -> str:
    """Grant, or say why not where this server lacks the privilege: no later run could do better."""
    try:
        rbac_changes.grant(server, grant)
    except MilvusOpsError as error:
        if error.kind != "version":
            raise
        return _left_out(grant, error)
    return ""


def _left_out(grant: Grant, error: MilvusOpsError) -> str:
    return f"the grant {grant} is left out, as the server answers: {error.failure.cause}"


def _users_not_carried(users: Iterable[str]) -> Iterator[str]:
    missing = sorted(users)
    if missing:
        yield (
            f"users that the server does not have, and whose passwords no backup can give back: {', '.join(missing)}; "
            "create them with a password, then run again: their roles follow"
        )


def _groups_not_carried(saved: SavedRbac) -> Iterator[str]:
    if saved.groups:
        yield f"privilege groups, which this server does not have: {', '.join(sorted(saved.groups))}"
    for grant in sorted(grant for grant in saved.grants if grant.privilege in saved.groups):
        yield f"the grant {grant} is left out, because its privilege is a privilege group"


def _left_alone(other_groups: Iterable[str], grants: Iterable[Grant]) -> Iterator[str]:
    """A group of the same name may give more, or less, than that of the backup, and so would a grant of it."""
    for name in sorted(other_groups):
        yield f"the privilege group {name} has other privileges on this server, and is left as it is"
    for grant in sorted(grants):
        yield f"the grant {grant} is left out, because its privilege group has other privileges on this server"


def _unknown(saved: SavedRbac) -> Iterator[str]:
    for part in saved.unknown:
        yield f"{part!r} of the backup's users and roles, which this release does not know"


def _require_possible(server: Server, plan: RbacPlan) -> None:
    """A server without authorization takes roles from anybody, but a grant still has a grantor: the login."""
    at_once = has(server.version, RBAC_BACKUP)
    single = [grant for grant in plan.grants if not at_once or grant.privilege == ANY_PRIVILEGE]
    if single and not (server.options.user or server.options.token):
        raise usage_error(
            "planning users and roles",
            server.options.target,
            "grants are recorded with the login that makes them, even where the server asks for none, and none is sent",
            "set user and password of this host (and not authorization_enabled: false), or restore without rbac",
        )
    needed: dict[str, object] = {
        rbac_changes.CREATE_ROLE: plan.roles and not at_once,
        rbac_changes.ADD_AT_ONCE: at_once and (plan.roles or plan.grants or plan.users or plan.groups),
        rbac_changes.CHANGE_GRANTS: single,
        rbac_changes.CHANGE_MEMBERS: plan.members,
    }
    rbac_changes.require_right_to(server, [method for method, additions in needed.items() if additions])


def _state_left(plan: RbacPlan, done: int) -> str:
    if not done:
        return "no user, role or grant was changed"
    return f"{done} of {len(plan.lines())} roles, grants and memberships were added; the next run adds the rest"


@contextmanager
def _needed_privileges_named(server: Server) -> Iterator[None]:
    try:
        yield
    except MilvusOpsError as error:
        if error.kind != "permission":
            raise
        needed = NEEDED_AT_ONCE if has(server.version, RBAC_BACKUP) else NEEDED_PRIVILEGES
        raise error.with_context(next_step=f"{error.failure.next_step}; {needed}") from error
