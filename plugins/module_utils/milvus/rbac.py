# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, roles and grants of a server, as a backup writes them (reference: milvus-backup 4.2, RBACMeta).

From 2.4.10 on one call tells all of it but the superuser and the grants of the built-in roles, with the hashes of the
passwords. Before, it is read user by user, and grants role by role and database by database: an answer holds those of
the asked database and those of all databases (C(*)), never those of another one. Passwords cannot be read there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import catalog, sdk
from .collection_name import DEFAULT_DATABASE
from .features import RBAC_BACKUP, has
from .server import Server

BUILT_IN_ROLES = frozenset({"admin", "public"})
SUPERUSER = "root"
ALL_DATABASES = "*"
COLLECTION_OBJECT = "Collection"
BACKUP_RBAC = "BackupRBAC"


@dataclass(frozen=True, order=True)
class Grant:
    """One privilege of a role on an object. Two are equal whoever granted them: a server notes down its caller."""

    role: str
    object_type: str
    object_name: str
    privilege: str
    database: str
    grantor: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.role} {self.object_type} {self.object_name} {self.privilege} ({self.database})"

    def to_json(self) -> dict[str, Any]:
        return {
            "role": {"name": self.role},
            "object": {"name": self.object_type},
            "object_name": self.object_name,
            "grantor": {"user": {"name": self.grantor}, "privilege": {"name": self.privilege}},
            "db_name": self.database,
        }


@dataclass(frozen=True, order=True)
class Membership:
    user: str
    role: str


GRANTS_OF_NEW_SERVERS = frozenset(
    {
        Grant("public", "Global", "*", "DescribeCollection", ALL_DATABASES),
        Grant("public", "Global", "*", "ShowCollections", ALL_DATABASES),
        Grant("public", COLLECTION_OBJECT, "*", "IndexDetail", ALL_DATABASES),
    }
)
"""What every server starts with. They are not carried: where they are missing, somebody has taken them away."""


def read_rbac(server: Server) -> dict[str, Any]:
    """The C(rbac_meta) of a backup: users with their roles, roles, grants, and where there are any privilege groups.

    It holds hashes of passwords where the server gives them: it is for the backup, and for no result.
    """
    return _read_at_once(server) if has(server.version, RBAC_BACKUP) else _read_one_by_one(server)


def _read_at_once(server: Server) -> dict[str, Any]:
    meta = server.call(BACKUP_RBAC, sdk.milvus_pb2.BackupRBACMetaRequest()).RBAC_meta
    users = sorted(meta.users, key=lambda item: item.user)
    return {
        "users": [
            {
                "user": item.user,
                "password": item.password,
                "roles": [{"name": role} for role in sorted(role.name for role in item.roles)],
            }
            for item in users
        ],
        "roles": [{"name": role} for role in sorted(item.name for item in meta.roles)],
        "grants": [grant.to_json() for grant in sorted(map(_grant_of, meta.grants))],
        "privilege_groups": [
            {
                "group_name": item.group_name,
                "privileges": [{"name": name} for name in sorted(privilege.name for privilege in item.privileges)],
            }
            for item in sorted(meta.privilege_groups, key=lambda item: item.group_name)
        ],
    }


def _read_one_by_one(server: Server) -> dict[str, Any]:
    roles = role_names(server)
    grants = read_grants(server, roles, catalog.list_databases(server))
    return {
        "users": [
            {"user": user, "roles": [{"name": role} for role in held]} for user, held in roles_by_user(server).items()
        ],
        "roles": [{"name": role} for role in roles],
        "grants": [grant.to_json() for grant in sorted(grants - GRANTS_OF_NEW_SERVERS)],
    }


def roles_by_user(server: Server) -> dict[str, list[str]]:
    request = sdk.milvus_pb2.SelectUserRequest(include_role_info=True)
    users = sorted(server.call("SelectUser", request).results, key=lambda item: item.user.name)
    return {item.user.name: sorted(role.name for role in item.roles) for item in users}


def role_names(server: Server) -> list[str]:
    answer = server.call("SelectRole", sdk.milvus_pb2.SelectRoleRequest(include_user_info=False))
    return sorted(item.role.name for item in answer.results)


def read_grants(server: Server, roles: Iterable[str], databases: Iterable[str]) -> set[Grant]:
    """The grants of existing roles in these databases and in all databases."""
    asked = sorted(set(databases))
    return {grant for role in roles for database in asked for grant in _select_grants(server, role, database)}


def _select_grants(server: Server, role: str, database: str) -> list[Grant]:
    entity = sdk.milvus_pb2.GrantEntity(role=sdk.milvus_pb2.RoleEntity(name=role), db_name=database)
    answer = server.call("SelectGrant", sdk.milvus_pb2.SelectGrantRequest(entity=entity))
    return [_grant_of(item) for item in answer.entities]


def _grant_of(item: Any) -> Grant:
    return Grant(
        role=item.role.name,
        object_type=item.object.name,
        object_name=item.object_name,
        privilege=item.grantor.privilege.name,
        database=item.db_name or DEFAULT_DATABASE,
        grantor=item.grantor.user.name,
    )
