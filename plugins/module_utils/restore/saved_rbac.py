# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the C(rbac_meta) of a backup, whoever wrote it: every name checked, every complaint with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import MilvusOpsError, usage_error
from ..milvus.collection_name import DEFAULT_DATABASE
from ..milvus.rbac import Grant, Membership

KNOWN_PARTS = frozenset({"users", "roles", "grants", "privilege_groups"})


@dataclass(frozen=True)
class SavedRbac:
    """The checked C(rbac_meta).

    C(passwords) are hashes by user, of those who have one; C(groups) privileges by group, C(unknown) parts of newer
    formats.
    """

    users: frozenset[str]
    roles: frozenset[str]
    grants: frozenset[Grant]
    members: frozenset[Membership]
    groups: Mapping[str, frozenset[str]]
    unknown: tuple[str, ...]
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_saved(meta: Mapping[str, Any]) -> SavedRbac:
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
    passwords: dict[str, str] = {}
    members: set[Membership] = set()
    for user, place in _items(meta, "users", path):
        name = _name(user, "user", place)
        users.add(name)
        passwords.update(_password(user, name, place))
        members.update(Membership(name, _name(role, "name", below)) for role, below in _items(user, "roles", place))
    grants = frozenset(_grant(item, place) for item, place in _items(meta, "grants", path))
    listed = {_name(role, "name", place) for role, place in _items(meta, "roles", path)}
    return SavedRbac(
        users=frozenset(users),
        roles=frozenset(listed | {grant.role for grant in grants} | {member.role for member in members}),
        grants=grants,
        members=frozenset(members),
        groups=dict(_group(item, place) for item, place in _items(meta, "privilege_groups", path)),
        unknown=tuple(sorted(part for part, value in meta.items() if value and part not in KNOWN_PARTS)),
        passwords=passwords,
    )


def _grant(values: Mapping[str, Any], path: str) -> Grant:
    return Grant(
        role=_name(values, "role.name", path),
        object_type=_name(values, "object.name", path),
        object_name=_name(values, "object_name", path),
        privilege=_name(values, "grantor.privilege.name", path),
        database=_name(values, "db_name", path) if values.get("db_name") else DEFAULT_DATABASE,
    )


def _group(values: Mapping[str, Any], path: str) -> tuple[str, frozenset[str]]:
    privileges = (_name(item, "name", place) for item, place in _items(values, "privileges", path))
    return _name(values, "group_name", path), frozenset(privileges)


def _password(values: Mapping[str, Any], user: str, path: str) -> dict[str, str]:
    """What a message says of a password is never the password."""
    password = values.get("password")
    if password is None or password == "":
        return {}
    if not isinstance(password, str):
        raise _corrupt(f"{path}.password is not a text")
    return {user: password}


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
