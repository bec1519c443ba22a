# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases of the targets: those that a restore creates, with the properties of the backup, and those that refuse it.

A database that exists is never changed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from ..backup.instance_meta import DatabaseMeta
from ..backup.manifest import BackupMeta
from ..errors import MilvusOpsError
from ..milvus.collection_name import CollectionName
from ..milvus.databases import CHANGES, DENIAL_PREFIX, READING, RESOURCE_GROUPS, describe_databases, require_open
from ..milvus.features import DESCRIBE_DATABASE, has
from ..milvus.schema import pairs_to_dict
from ..milvus.server import Server
from ..naming import ENCRYPTION_PREFIX, is_carried

OPERATION = "planning the restore"


@dataclass(frozen=True)
class NewDatabase:
    """A database to create; C(not_carried) says in sentences what that of the backup had and this one will not."""

    name: str
    properties: Mapping[str, str] = field(default_factory=dict)
    not_carried: tuple[str, ...] = ()


def new_databases(
    server: Server, backup: BackupMeta, targets: Mapping[CollectionName, CollectionName], missing: Iterable[str]
) -> tuple[NewDatabase, ...]:
    """Those of C(missing), each as the databases were from which its collections come."""
    saved = {item.name: item for item in backup.databases}
    return tuple(
        _new_database(
            server,
            name,
            sorted({source.database for source, target in targets.items() if target.database == name}),
            saved,
        )
        for name in sorted(missing)
    )


def require_usable(
    server: Server,
    backup: BackupMeta,
    targets: Mapping[CollectionName, CollectionName],
    known: Container[str],
    *,
    counts: bool,
) -> None:
    """Raises C(version) for encrypted sources, and what the server would say later of a target that refuses changes.

    C(targets) are those that will be built, and with C(counts) be queried; C(known) are databases that exist. Without
    the right to look, the server says it later.
    """
    saved = {item.name: item for item in backup.databases}
    for source in targets:
        if any(key.startswith(ENCRYPTION_PREFIX) for key in _properties(saved.get(source.database))):
            raise MilvusOpsError(
                "version",
                OPERATION,
                str(source),
                f"its database {source.database} was encrypted, and the server cannot read the backup without its key",
                next_step="restore it with milvus-backup, which can be given the key",
            )
    used = (target.database for target in targets.values())
    try:
        databases = describe_databases(server, (name for name in used if name in known))
    except MilvusOpsError as error:
        if error.kind != "permission":
            raise
        return
    require_open(databases.values(), (*CHANGES, READING) if counts else CHANGES, OPERATION)


def _new_database(server: Server, name: str, sources: list[str], saved: Mapping[str, DatabaseMeta]) -> NewDatabase:
    found = [_properties(saved.get(source)) for source in sources]
    if not has(server.version, DESCRIBE_DATABASE) or not any(found):
        return NewDatabase(name)
    if any(values != found[0] for values in found):
        from_many = f"its collections come from {', '.join(sources)}, which have different ones"
        return NewDatabase(name, not_carried=(f"properties of database {name}: {from_many}",))
    own = {key: value for key, value in found[0].items() if is_carried(key)}
    denials = {key: value for key, value in own.items() if key.startswith(DENIAL_PREFIX) and value.lower() == "true"}
    left_out = {key for key in own if key.startswith(DENIAL_PREFIX) or key == RESOURCE_GROUPS}
    told = [
        f"{key}=true of database {name}: it would refuse this restore; set it afterwards" for key in sorted(denials)
    ]
    if RESOURCE_GROUPS in own:
        told.append(f"{RESOURCE_GROUPS}={own[RESOURCE_GROUPS]} of database {name}: they belong to the other instance")
    return NewDatabase(name, {key: own[key] for key in own if key not in left_out}, tuple(told))


def _properties(database: DatabaseMeta | None) -> dict[str, str]:
    return pairs_to_dict(database.properties) if database is not None else {}
