# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that add roles to a server, and add and take away grants and memberships. Each may be repeated.

Users are added by the one call only that takes the hash of a password, from 2.4.10 on, and that takes nothing that is
there already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..errors import MilvusOpsError
from . import sdk
from .rbac import Grant
from .server import Server

CREATE_ROLE = "CreateRole"
CHANGE_GRANTS = "OperatePrivilege"
CHANGE_GRANTS_BY_NAME = "OperatePrivilegeV2"
CHANGE_MEMBERS = "OperateUserRole"
GLOBAL_OBJECT, EVERYTHING = "Global", "*"
GROUP_WORDS = "privilege group ["
"""In the words of a server that takes grants of privilege groups by the newer call only."""

ADD_AT_ONCE = "RestoreRBAC"
ANY_PRIVILEGE = "*"
"""Granted by a call of its own: that which adds all at once loses it on servers before April 2026."""

_REQUESTS = {ADD_AT_ONCE: "RestoreRBACMetaRequest"}
"""Of those whose request has another name than they."""

_REFUSALS = (
    (
        "number of roles has reached the limit",
        "quota",
        "drop roles that nobody needs, or raise proxy.maxRoleNum in the configuration of the server "
        "(10 unless set, the two built-in roles included), then run the task again",
    ),
    ("not found the privilege name", "version", "leave this grant out, or use a server that knows the privilege"),
    ("not found the object type", "version", "leave this grant out, or use a server that knows the type"),
    ("invalid parameter", "bad_name", "see the rules of the server for names, and where this name comes from"),
)
"""Kind and advice, by a piece of the server's own words: they all come with one code."""


@dataclass(frozen=True)
class NewUser:
    """A user with the hash of its password, which is shown nowhere."""

    name: str
    password: str = field(repr=False)
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class RbacBundle:
    """What is added in one call; C(groups) are names with their privileges."""

    roles: tuple[str, ...]
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    grants: tuple[Grant, ...]
    users: tuple[NewUser, ...]

    def __bool__(self) -> bool:
        return bool(self.roles or self.groups or self.grants or self.users)


def add_at_once(server: Server, bundle: RbacBundle) -> None:
    """All or nothing; the server refuses it where one of them is there already."""
    if not bundle:
        return
    pb = sdk.milvus_pb2
    meta = pb.RBACMeta(
        roles=[pb.RoleEntity(name=role) for role in bundle.roles],
        privilege_groups=[
            pb.PrivilegeGroupInfo(group_name=name, privileges=[pb.PrivilegeEntity(name=item) for item in privileges])
            for name, privileges in bundle.groups
        ],
        grants=[_entity(item) for item in bundle.grants],
        users=[
            pb.UserInfo(user=item.name, password=item.password, roles=[pb.RoleEntity(name=role) for role in item.roles])
            for item in bundle.users
        ],
    )
    request = pb.RestoreRBACMetaRequest(RBAC_meta=meta)
    _change(server, ADD_AT_ONCE, request, "adding users, roles and grants")


def create_role(server: Server, role: str) -> None:
    """Create a role, unless it is there. Raises C(quota) when the server has as many roles as it may have."""
    request = sdk.milvus_pb2.CreateRoleRequest(entity=sdk.milvus_pb2.RoleEntity(name=role))
    try:
        _change(server, CREATE_ROLE, request, f"creating the role {role}")
    except MilvusOpsError as error:
        if "already exists" not in error.failure.cause:
            raise


def grant(server: Server, item: Grant) -> None:
    """Grant a privilege; its grantor is the login of this connection, whatever the grant says.

    Raises C(version) for a privilege that the server does not know.
    """
    _operate(server, item, "Grant", f"granting {item}")


def revoke(server: Server, item: Grant) -> None:
    """Take a privilege away; it is out of force some seconds after the server has taken that."""
    _operate(server, item, "Revoke", f"revoking {item}")


def _operate(server: Server, item: Grant, operation: str, doing: str) -> None:
    """The older call takes no group of privileges, and takes every global grant for one on everything: it widens it."""
    kind = sdk.milvus_pb2.OperatePrivilegeType.Value(operation)
    request = sdk.milvus_pb2.OperatePrivilegeRequest(entity=_entity(item), type=kind)
    by_name = item.object_type == GLOBAL_OBJECT and item.object_name != EVERYTHING
    try:
        if not by_name:
            _change(server, CHANGE_GRANTS, request, doing)
    except MilvusOpsError as error:
        if item.object_type != GLOBAL_OBJECT or GROUP_WORDS not in error.failure.cause:
            raise
        by_name = True
    if by_name:
        newer = sdk.milvus_pb2.OperatePrivilegeV2Request(
            role=request.entity.role,
            grantor=request.entity.grantor,
            type=kind,
            db_name=item.database,
            collection_name=item.object_name,
        )
        _change(server, CHANGE_GRANTS_BY_NAME, newer, doing)


def _entity(item: Grant) -> Any:
    return sdk.milvus_pb2.GrantEntity(
        role=sdk.milvus_pb2.RoleEntity(name=item.role),
        object=sdk.milvus_pb2.ObjectEntity(name=item.object_type),
        object_name=item.object_name,
        grantor=sdk.milvus_pb2.GrantorEntity(
            user=sdk.milvus_pb2.UserEntity(name=item.grantor),
            privilege=sdk.milvus_pb2.PrivilegeEntity(name=item.privilege),
        ),
        db_name=item.database,
    )


def add_member(server: Server, user: str, role: str) -> None:
    _change(server, CHANGE_MEMBERS, _member_request(user, role, "AddUserToRole"), f"giving {user} the role {role}")


def remove_member(server: Server, user: str, role: str) -> None:
    request = _member_request(user, role, "RemoveUserFromRole")
    _change(server, CHANGE_MEMBERS, request, f"taking the role {role} from {user}")


def _member_request(user: str, role: str, operation: str) -> Any:
    kind = sdk.milvus_pb2.OperateUserRoleType.Value(operation)
    return sdk.milvus_pb2.OperateUserRoleRequest(username=user, role_name=role, type=kind)


def require_right_to(server: Server, methods: Iterable[str]) -> None:
    """Raises C(permission) where one of the calls above would, before any of them has changed something.

    The calls are sent empty: a server looks at the right first, and then refuses a request that names nothing.
    """
    for method in methods:
        empty = getattr(sdk.milvus_pb2, _REQUESTS.get(method, f"{method}Request"))()
        try:
            server.call_when_allowed(method, empty)
        except MilvusOpsError as error:
            if error.kind != "internal":
                raise


def _change(server: Server, method: str, request: Any, operation: str) -> None:
    try:
        server.call_when_allowed(method, request)
    except MilvusOpsError as error:
        for words, kind, advice in _REFUSALS:
            if words in error.failure.cause:
                raise MilvusOpsError(
                    kind, operation, server.options.target, error.failure.cause, next_step=advice
                ) from error
        raise error.with_context(operation=operation) from error
