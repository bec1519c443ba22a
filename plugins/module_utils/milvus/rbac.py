# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, roles and grants of a server, as a backup writes them (reference: milvus-backup 4.2, RBACMeta).

Up to 2.3 there is no call for all of it, so it is read user by user, and grants role by role and database by database:
an answer holds those of the asked database and those of all databases (C(*)), never those of another one. Passwords
cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import catalog, sdk
from .catalog import CollectionName
from .server import Server

BUILT_IN_ROLES = frozenset({"admin", "public"})
ALL_DATABASES = "*"
COLLECTION_OBJECT = "Collection"


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


GRANTS_OF_NEW_SERVERS = frozenset(
    {
        Grant("public", "Global", "*", "DescribeCollection", ALL_DATABASES),
        Grant("public", "Global", "*", "ShowCollections", ALL_DATABASES),
        Grant("public", COLLECTION_OBJECT, "*", "IndexDetail", ALL_DATABASES),
    }
)
"""What every server starts with. They are not carried: where they are missing, somebody has taken them away."""


def read_rbac(server: Server) -> dict[str, Any]:
    """The C(rbac_meta) of a backup: users with their roles but without passwords, roles, grants."""
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
    return {
        grant
        for role in roles
        for database in asked
        for grant in _select_grants(server, sdk.milvus_pb2.GrantEntity(role=_role(role), db_name=database))
    }


def grants_on(server: Server, name: CollectionName) -> list[Grant]:
    """The grants of all roles on this collection by its name, those of all databases (C(*)) included."""
    found: set[Grant] = set()
    for role in role_names(server):
        entity = sdk.milvus_pb2.GrantEntity(
            role=_role(role),
            object=sdk.milvus_pb2.ObjectEntity(name=COLLECTION_OBJECT),
            object_name=name.name,
            db_name=name.database,
        )
        found.update(grant for grant in _select_grants(server, entity) if grant.object_name == name.name)
    return sorted(found)


def _select_grants(server: Server, entity: Any) -> list[Grant]:
    answer = server.call("SelectGrant", sdk.milvus_pb2.SelectGrantRequest(entity=entity))
    return [
        Grant(
            role=item.role.name,
            object_type=item.object.name,
            object_name=item.object_name,
            privilege=item.grantor.privilege.name,
            database=item.db_name or catalog.DEFAULT_DATABASE,
            grantor=item.grantor.user.name,
        )
        for item in answer.entities
    ]


def _role(name: str) -> Any:
    return sdk.milvus_pb2.RoleEntity(name=name)
