# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights to write: which ones a server gives, taking them away, and giving back exactly those."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..errors import MilvusOpsError, usage_error
from ..milvus import catalog, rbac, rbac_changes, sdk
from ..milvus.rbac import Grant, Membership
from ..milvus.server import ConnectionOptions, Server

ALL_RIGHTS = frozenset({"*", "All"})
WRITING = (
    *sorted(ALL_RIGHTS),
    *("AlterCollection", "AlterDatabase", "CollectionAdmin", "CollectionReadWrite", "ClusterAdmin", "ClusterReadWrite"),
    *("CreateAlias", "CreateCollection", "CreateDatabase", "CreateIndex", "CreatePartition", "DatabaseAdmin"),
    *("DatabaseReadWrite", "Delete", "DropAlias", "DropCollection", "DropDatabase", "DropIndex", "DropPartition"),
    *("Import", "Insert", "RenameCollection", "Truncate", "TruncateCollection", "Upsert"),
)
"""Privileges that change data or definitions, those of newer servers and their built-in groups included."""

SUPERUSER = "root"
"""Its rights are built into the server: no role gives them, and nobody can take them away."""

ADMIN = "admin"
"""May everything, without a single grant."""

PUBLIC = "public"
"""Every user has this role, and is not listed as a member."""

OPERATION = "closing the source for writes"
NO_SERVER = frozenset({"credentials", "timeout", "unreachable"})
"""Failures that the next call would meet too."""


@dataclass(frozen=True)
class Rights:
    """Grants of roles, and memberships of users."""

    grants: frozenset[Grant] = frozenset()
    members: frozenset[Membership] = frozenset()

    def __or__(self, other: Rights) -> Rights:
        return Rights(self.grants | other.grants, self.members | other.members)

    def __len__(self) -> int:
        return len(self.grants) + len(self.members)

    def lines(self) -> list[str]:
        return [
            *(f"grant {item}" for item in sorted(self.grants)),
            *(f"member {item.user} of {item.role}" for item in sorted(self.members)),
        ]


NO_RIGHTS = Rights()


@dataclass(frozen=True)
class Writers:
    """Who is to lose the right to write: users lose roles, roles lose privileges. Empty names nobody."""

    users: frozenset[str]
    roles: frozenset[str]
    privileges: frozenset[str]


@dataclass(frozen=True)
class Access:
    """What a server gives: the writing grants of all its roles, and the roles of its users."""

    writing: frozenset[Grant]
    held: dict[str, list[str]]
    roles: frozenset[str]


def read_access(server: Server, privileges: Iterable[str]) -> Access:
    wanted = frozenset(privileges)
    roles = rbac.role_names(server)
    grants = rbac.read_grants(server, roles, catalog.list_databases(server))
    writing = frozenset(item for item in grants if item.privilege in wanted)
    return Access(writing, rbac.roles_by_user(server), frozenset(roles))


def rights_to_take(access: Access, writers: Writers, login: str) -> Rights:
    """What the named users and roles hold. Raises C(usage) and C(not_found) where that cannot be, or must not."""
    _require_sensible(access, writers, login)
    grants = frozenset(item for item in access.writing if item.role in writers.roles)
    own = access.held.get(login, [])
    if any(item.role in own and item.privilege in ALL_RIGHTS for item in grants):
        cause = f"one of them is what lets the login of this run, {login}, give the rights back"
        raise _usage("roles", cause, "give this login a role of its own")
    left = {item.role for item in access.writing - grants} | {ADMIN}
    members = (Membership(user, role) for user in writers.users for role in access.held[user])
    return Rights(grants, frozenset(item for item in members if item.role in left))


def still_writing(access: Access, taken: Rights) -> list[str]:
    """Users other than C(root) who may write all the same."""
    left = {item.role for item in access.writing - taken.grants} | {ADMIN}
    if PUBLIC in left:
        return sorted(user for user in access.held if user != SUPERUSER)
    return sorted(
        user
        for user, roles in access.held.items()
        if user != SUPERUSER and any(role in left and Membership(user, role) not in taken.members for role in roles)
    )


def take_away(server: Server, rights: Rights) -> None:
    grants = (partial(rbac_changes.revoke, server, item) for item in sorted(rights.grants))
    members = (partial(rbac_changes.remove_member, server, item.user, item.role) for item in sorted(rights.members))
    _each((*grants, *members), "taken away", "the next run goes on, or gives them back with state: open")


def missing(server: Server, rights: Rights) -> Rights:
    """Those of these rights that the server does not give now."""
    databases = {*catalog.list_databases(server), *(item.database for item in rights.grants)}
    roles = sorted({item.role for item in rights.grants} & set(rbac.role_names(server)))
    held = rbac.roles_by_user(server)
    return Rights(
        rights.grants - rbac.read_grants(server, roles, databases),
        frozenset(item for item in rights.members if item.role not in held.get(item.user, [])),
    )


def give_back(server: Server, rights: Rights) -> None:
    """Grants first, so that nobody holds a role without its grants.

    A role or a user that is gone keeps nobody else from getting theirs, and is told at the end.
    """
    grants = (partial(rbac_changes.grant, server, item) for item in sorted(rights.grants))
    members = (partial(rbac_changes.add_member, server, item.user, item.role) for item in sorted(rights.members))
    _each((*grants, *members), "given back", "the next run gives back the rest", to_the_end=True)


def _each(changes: Sequence[Callable[[], None]], verb: str, hint: str, *, to_the_end: bool = False) -> None:
    """Raises the first failure, C(to_the_end) once all that can be done is done."""
    done = 0
    first: MilvusOpsError | None = None
    for change in changes:
        try:
            change()
            done += 1
        except MilvusOpsError as error:
            first = first or error
            if not to_the_end or error.kind in NO_SERVER:
                break
    if first is not None:
        left = f"{done} of {len(changes)} grants and memberships were {verb}; {hint}"
        raise first.with_context(state_left=left) from first


def login_of(options: ConnectionOptions) -> str:
    """The name behind this connection; '' for an API key, which has none."""
    return options.user or (options.token or "").partition(":")[0]


def require_authorization(options: ConnectionOptions) -> None:
    """Raise C(usage) where the server serves everybody: taking rights away would stop nobody."""
    try:
        with Server(replace(options, user=None, password=None, token=None)) as anonymous:
            anonymous.call("ListDatabases", sdk.milvus_pb2.ListDatabasesRequest())
    except MilvusOpsError as error:
        if error.kind in ("credentials", "permission"):
            return
        raise
    raise usage_error(
        OPERATION,
        options.target,
        "the server answers without a login, so nobody loses anything with a right",
        "turn authorization on, or refuse writes in another way (a hook of the role milvus_cutover)",
    )


def _require_sensible(access: Access, writers: Writers, login: str) -> None:
    for option, names, known in (("users", writers.users, access.held), ("roles", writers.roles, access.roles)):
        unknown = sorted(names.difference(known))
        if unknown:
            there = ", ".join(sorted(known)[:20]) or "none"
            cause = f"the server has no {', '.join(unknown)}; there are: {there}"
            raise MilvusOpsError("not_found", OPERATION, option, cause, next_step=f"correct {option}")
    if SUPERUSER in writers.users:
        raise _usage(
            "users", "nobody can take the rights of root away", "change its password for the time, and leave it out"
        )
    if login in writers.users:
        raise _usage(
            "users", f"{login} is the login of this run, which has to read and to give the rights back", "leave it out"
        )
    if ADMIN in writers.roles:
        raise _usage("roles", "the rights of admin are no grants", "name the users that have this role instead")


def _usage(where: str, cause: str, next_step: str) -> MilvusOpsError:
    return usage_error(OPERATION, where, cause, next_step)
