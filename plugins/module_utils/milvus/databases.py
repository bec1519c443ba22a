# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases and their properties, which servers tell from 2.4.3 on, and what these properties forbid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import MilvusOpsError
from . import sdk
from .complaints import complained
from .features import DESCRIBE_DATABASE, has
from .schema import pairs_to_dict, pairs_to_json
from .server import UNIMPLEMENTED, Server

DENIAL_PREFIX = "database.force.deny."
READING = f"{DENIAL_PREFIX}reading"
CHANGES = tuple(f"{DENIAL_PREFIX}{kind}" for kind in ("writing", "ddl", "collectionDDL", "partitionDDL", "index"))
"""What keeps a restore from creating, importing, indexing or renaming."""

RESOURCE_GROUPS = "database.resource_groups"


@dataclass(frozen=True)
class Database:
    """One database as the server describes it."""

    name: str
    database_id: int
    properties: tuple[Mapping[str, str], ...]

    @property
    def property_values(self) -> dict[str, str]:
        return pairs_to_dict(self.properties)


def describe_databases(server: Server, names: Iterable[str]) -> dict[str, Database]:
    """Those of these databases that the server can describe: none before 2.4.3."""
    if not has(server.version, DESCRIBE_DATABASE):
        return {}
    found = (_described(server, name) for name in sorted(set(names)))
    return {database.name: database for database in found if database is not None}


def require_open(databases: Iterable[Database], denials: Iterable[str], operation: str) -> None:
    """Raises what the server would answer later, halfway through, for a database that refuses these things."""
    for database in databases:
        values = database.property_values
        denied = next((name for name in denials if values.get(name, "").lower() == "true"), None)
        if denied is not None:
            raise complained(operation, f"database {database.name}", f"access has been disabled by its {denied}=true")


def _described(server: Server, name: str) -> Database | None:
    request = sdk.milvus_pb2.DescribeDatabaseRequest(db_name=name)
    try:
        answer = server.call("DescribeDatabase", request)
    except MilvusOpsError as error:
        if UNIMPLEMENTED in error.failure.cause:  # a build whose version says nothing
            return None
        raise
    return Database(name, answer.dbID, tuple(pairs_to_json(answer.properties)))
