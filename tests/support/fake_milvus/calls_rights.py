# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, roles, grants and privilege groups in one call, from 2.4.10 on: all or nothing, and nothing that is there."""

from __future__ import annotations

from typing import Any

from pymilvus.grpc_gen import common_pb2, milvus_pb2
from rbac_stand_in import PRIVILEGES, Grant

from .model import DEFAULT, World
from .refusals import OTHER, PARAMETER, Refused

BUILT_IN_ROLES = frozenset({"admin", "public"})
SUPERUSER, ANY = "root", "*"


def backup_rbac(world: World, _request: Any, _database: str) -> Any:
    """Without the superuser, and without what the built-in roles are granted."""
    _require_known(world)
    world.require_right("BackupRBAC")
    rights = world.rights
    meta = milvus_pb2.RBACMeta(
        users=[
            {"user": user, "password": rights.passwords.get(user, ""), "roles": [{"name": role} for role in held]}
            for user, held in rights.users.items()
            if user != SUPERUSER
        ],
        roles=[{"name": role} for role in rights.roles - BUILT_IN_ROLES],
        grants=[grant.to_json() for grant in rights.grants if grant.role not in BUILT_IN_ROLES],
    )
    for name, privileges in rights.groups.items() if world.profile.has_privilege_groups else ():
        meta.privilege_groups.add(group_name=name, privileges=[{"name": item} for item in privileges])
    return milvus_pb2.BackupRBACMetaResponse(RBAC_meta=meta)


def restore_rbac(world: World, request: Any, _database: str) -> Any:
    _require_known(world)
    world.require_right("RestoreRBAC")
    meta, rights = request.RBAC_meta, world.rights
    if not meta.ListFields():
        raise Refused(OTHER, "empty rbac meta")
    roles = {item.name for item in meta.roles}
    groups = {item.group_name: {entity.name for entity in item.privileges} for item in meta.privilege_groups}
    _refuse_what_is_there("role", roles & rights.roles)
    _refuse_what_is_there("privilege group", groups.keys() & rights.groups.keys())
    _refuse_what_is_there("user", {item.user for item in meta.users} & rights.users.keys())
    if groups and not world.profile.has_privilege_groups:
        raise Refused(PARAMETER, "privilege groups are not known to this server")
    granted = {_granted(item, groups.keys() | rights.groups.keys()) for item in meta.grants}
    if again := granted & rights.grants:
        raise Refused(OTHER, f"the privilege[{min(again).privilege}] has been granted")
    for item in meta.users:
        if lost := {role.name for role in item.roles} - rights.roles - roles:
            raise Refused(OTHER, f"role [{min(lost)}] does not exist")
        if not item.password.startswith("$2a$"):
            raise Refused(OTHER, "the password is no hash")
    rights.roles |= roles
    rights.groups |= groups
    rights.grants |= granted
    rights.users |= {item.user: {role.name for role in item.roles} for item in meta.users}
    rights.passwords |= {item.user: item.password for item in meta.users}
    rights.calls.append("all at once")
    return common_pb2.Status()


def operate_privilege_v2(world: World, request: Any, _database: str) -> Any:
    """Groups are privileges here; the type of the object is that of the privilege."""
    if not world.profile.has_privilege_groups:
        raise NotImplementedError
    world.require_right("ManageOwnership")
    privilege, rights = request.grantor.privilege.name, world.rights
    kind = next((kind for kind, names in PRIVILEGES.items() if privilege in names - {ANY}), "Global")
    if privilege != ANY and kind == "Global" and privilege not in rights.groups.keys() | PRIVILEGES[kind]:
        raise Refused(PARAMETER, f"not found the privilege name[{privilege}]")
    if request.role.name not in rights.roles:
        raise Refused(OTHER, "not found the role, maybe the role isn't existed or internal system error")
    granted = Grant(request.role.name, kind, request.collection_name, privilege, request.db_name or DEFAULT, "root")
    rights.change(granted, request.type)
    return common_pb2.Status()


def _granted(item: Any, groups: set[str]) -> Grant:
    """The wildcard becomes a group that nobody has, or is refused, up to April 2026."""
    privilege = item.grantor.privilege.name
    if privilege == ANY:
        raise Refused(PARAMETER, f"privilege [{ANY}] does not exist")
    if privilege not in {name for names in PRIVILEGES.values() for name in names} | groups:
        raise Refused(PARAMETER, f"privilege [{privilege}] does not exist")
    return Grant(item.role.name, item.object.name, item.object_name, privilege, item.db_name or DEFAULT, "root")


def _refuse_what_is_there(kind: str, names: set[str]) -> None:
    if names:
        raise Refused(PARAMETER, f"{kind} [{min(names)}] already exists")


def _require_known(world: World) -> None:
    if not world.profile.backs_up_rights:
        raise NotImplementedError
