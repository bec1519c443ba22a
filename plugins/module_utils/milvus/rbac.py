# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, roles and grants of a server, as a backup writes them (reference: milvus-backup 4.2, RBACMeta).

Up to 2.3 there is no call for all of it, so it is read user by user and role by role. Passwords cannot be read.
"""

from __future__ import annotations

from typing import Any

from . import sdk
from .server import Server

BUILT_IN_ROLES = ("admin", "public")


def read_rbac(server: Server) -> dict[str, Any]:
    """The C(rbac_meta) of a backup: users with their roles but without passwords, roles, grants."""
    return {
        "users": [_user(item) for item in _select_users(server)],
        "roles": [{"name": name} for name in _role_names(server)],
        "grants": [_grant(item) for name in _role_names(server) for item in _select_grants(server, name)],
    }


def _select_users(server: Server) -> list[Any]:
    request = sdk.milvus_pb2.SelectUserRequest(include_role_info=True)
    return sorted(server.call("SelectUser", request).results, key=lambda item: item.user.name)


def _role_names(server: Server) -> list[str]:
    answer = server.call("SelectRole", sdk.milvus_pb2.SelectRoleRequest(include_user_info=False))
    return sorted(item.role.name for item in answer.results)


def _select_grants(server: Server, role: str) -> list[Any]:
    if role in BUILT_IN_ROLES:
        return []
    entity = sdk.milvus_pb2.GrantEntity(role=sdk.milvus_pb2.RoleEntity(name=role))
    return list(server.call("SelectGrant", sdk.milvus_pb2.SelectGrantRequest(entity=entity)).entities)


def _user(item: Any) -> dict[str, Any]:
    return {"user": item.user.name, "roles": [{"name": role.name} for role in item.roles]}


def _grant(entity: Any) -> dict[str, Any]:
    return {
        "role": {"name": entity.role.name},
        "object": {"name": entity.object.name},
        "object_name": entity.object_name,
        "grantor": {
            "user": {"name": entity.grantor.user.name},
            "privilege": {"name": entity.grantor.privilege.name},
        },
        "db_name": entity.db_name,
    }
