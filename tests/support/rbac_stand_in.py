# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a server that keeps users, roles and grants, at the other end of a real connection.

Its answers and its words are those of Milvus 2.3.5 with authorization.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import grpc
from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc

from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.rbac import Grant

PRIVILEGES = {"Collection": {"Insert", "Query", "Search", "*"}, "Global": {"All", "*"}, "User": {"UpdateUser"}}
RIGHTS = {
    "SelectUser": "SelectUser",
    "SelectRole": "SelectOwnership",
    "SelectGrant": "SelectOwnership",
    "CreateRole": "CreateOwnership",
    "OperatePrivilege": "ManageOwnership",
    "OperateUserRole": "ManageOwnership",
}


@dataclass
class RbacStandIn(milvus_pb2_grpc.MilvusServiceServicer):  # type: ignore[misc]
    """Users, roles and grants of a server; C(denied) are privileges its callers lack, C(calls) what changed it.

    With C(guarded) nobody lists databases without a login. C(most_calls) changes are made, and then it is away.
    """

    users: dict[str, set[str]] = field(default_factory=lambda: {"root": set()})
    roles: set[str] = field(default_factory=lambda: {"admin", "public"})
    grants: set[Grant] = field(default_factory=set)
    passwords: dict[str, str] = field(default_factory=dict)
    """Hashes. They, and the groups of privileges, are for servers that have the calls for them."""

    groups: dict[str, set[str]] = field(default_factory=dict)
    databases: tuple[str, ...] = ("default",)
    denied: frozenset[str] = frozenset()
    guarded: bool = False
    most_calls: int = 1000
    max_roles: int = 10
    calls: list[str] = field(default_factory=list)

    def GetVersion(self, request: Any, context: Any) -> Any:
        return milvus_pb2.GetVersionResponse(version="2.3.5")

    def ListDatabases(self, request: Any, context: Any) -> Any:
        if self.guarded and "authorization" not in dict(context.invocation_metadata()):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "auth check failure, please check username and password")
        return milvus_pb2.ListDatabasesResponse(db_names=self.databases)

    def SelectUser(self, request: Any, context: Any) -> Any:
        self._require("SelectUser", context)
        return milvus_pb2.SelectUserResponse(
            results=[
                {"user": {"name": user}, "roles": [{"name": role} for role in held]}
                for user, held in self.users.items()
            ]
        )

    def SelectRole(self, request: Any, context: Any) -> Any:
        self._require("SelectRole", context)
        return milvus_pb2.SelectRoleResponse(results=[{"role": {"name": role}} for role in self.roles])

    def SelectGrant(self, request: Any, context: Any) -> Any:
        """An entity without a database means C(default); other databases than the named one are never told."""
        self._require("SelectGrant", context)
        wanted = request.entity
        found = [
            grant.to_json()
            for grant in self.grants
            if grant.role == wanted.role.name and grant.database in ("*", wanted.db_name or "default")
        ]
        return milvus_pb2.SelectGrantResponse(entities=found)

    def CreateRole(self, request: Any, context: Any) -> Any:
        self._require("CreateRole", context)
        name = request.entity.name
        if not name:
            return _refused("role name should be not empty: invalid parameter[expected=not empty][actual=]", 1100)
        if name in self.roles:
            return _refused(f'role [name:"{name}"] already exists')
        if len(self.roles) >= self.max_roles:
            return _refused("unable to create role because the number of roles has reached the limit")
        self.roles.add(name)
        self.calls.append(f"role {name}")
        return common_pb2.Status()

    def OperatePrivilege(self, request: Any, context: Any) -> Any:
        self._require("OperatePrivilege", context)
        entity = request.entity
        privilege, kind = entity.grantor.privilege.name, entity.object.name
        if not request.HasField("entity"):
            return _refused("the entity in the request is nil")
        if kind not in PRIVILEGES:
            return _refused(f"not found the object type[name: {kind}], supported the object types: [...]")
        if entity.role.name not in self.roles:
            return _refused("not found the role, maybe the role isn't existed or internal system error")
        if privilege in self.groups:
            return _refused(f"can not operate the custom privilege group [{privilege}]")
        if privilege not in PRIVILEGES[kind]:
            return _refused(f"not found the privilege name[{privilege}]")
        on = "*" if kind == "Global" else entity.object_name  # as if the name had not been there
        self.change(Grant(entity.role.name, kind, on, privilege, entity.db_name or "default", "root"), request.type)
        return common_pb2.Status()

    def change(self, granted: Grant, kind: Any) -> None:
        gives = kind == milvus_pb2.OperatePrivilegeType.Grant
        (self.grants.add if gives else self.grants.discard)(granted)
        self.calls.append(f"{'grant' if gives else 'revoke'} {granted}")

    def OperateUserRole(self, request: Any, context: Any) -> Any:
        self._require("OperateUserRole", context)
        if not request.username:
            return _refused("username must be not empty: invalid parameter", 1100)
        if request.username not in self.users:
            return _refused("not found the user, maybe the user isn't existed or internal system error")
        joins = request.type == milvus_pb2.OperateUserRoleType.AddUserToRole
        held = self.users[request.username]
        (held.add if joins else held.discard)(request.role_name)
        self.calls.append(f"{'member' if joins else 'no member'} {request.username} of {request.role_name}")
        return common_pb2.Status()

    def _require(self, method: str, context: Any) -> None:
        if len(self.calls) >= self.most_calls:
            context.abort(grpc.StatusCode.UNAVAILABLE, "connection refused")
        if RIGHTS[method] in self.denied:
            detail = f"Privilege{RIGHTS[method]}: permission deny to clerk"
            context.abort(grpc.StatusCode.PERMISSION_DENIED, detail)


def _refused(reason: str, code: int = 65535) -> Any:
    return common_pb2.Status(code=code, error_code=common_pb2.ErrorCode.UnexpectedError, reason=reason)
