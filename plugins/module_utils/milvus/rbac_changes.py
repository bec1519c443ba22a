# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that add roles, grants and memberships to a server. Each may be repeated, and nothing here takes any away.

Users are not among them: whoever creates one sets its password, and no server tells the one that it has.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import MilvusOpsError
from . import sdk
from .rbac import Grant
from .server import Server

CREATE_ROLE = "CreateRole"
CHANGE_GRANTS = "OperatePrivilege"
CHANGE_MEMBERS = "OperateUserRole"

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
    entity = sdk.milvus_pb2.GrantEntity(
        role=sdk.milvus_pb2.RoleEntity(name=item.role),
        object=sdk.milvus_pb2.ObjectEntity(name=item.object_type),
        object_name=item.object_name,
        grantor=sdk.milvus_pb2.GrantorEntity(
            user=sdk.milvus_pb2.UserEntity(name=item.grantor),
            privilege=sdk.milvus_pb2.PrivilegeEntity(name=item.privilege),
        ),
        db_name=item.database,
    )
    request = sdk.milvus_pb2.OperatePrivilegeRequest(entity=entity, type=sdk.milvus_pb2.OperatePrivilegeType.Grant)
    _change(server, CHANGE_GRANTS, request, f"granting {item}")


def add_member(server: Server, user: str, role: str) -> None:
    request = sdk.milvus_pb2.OperateUserRoleRequest(
        username=user, role_name=role, type=sdk.milvus_pb2.OperateUserRoleType.AddUserToRole
    )
    _change(server, CHANGE_MEMBERS, request, f"giving {user} the role {role}")


def require_right_to(server: Server, methods: Iterable[str]) -> None:
    """Raises C(permission) where one of the calls above would, before any of them has changed something.

    The calls are sent empty: a server looks at the right first, and then refuses a request that names nothing.
    """
    for method in methods:
        empty = getattr(sdk.milvus_pb2, f"{method}Request")()
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
