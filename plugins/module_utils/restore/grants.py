# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grants of a collection that is replaced. From 2.6.12 on they go where it goes, and away with it.

Before, they belong to the name, and nothing here does anything. Those of all databases (C(*)), and those of privilege
groups, belong to the name everywhere.
"""

from __future__ import annotations

from dataclasses import replace

from ..errors import MilvusOpsError, usage_error
from ..milvus import rbac, rbac_changes
from ..milvus.collection_name import CollectionName
from ..milvus.features import GRANTS_FOLLOW_RENAME, has
from ..milvus.rbac import COLLECTION_OBJECT, Grant
from ..milvus.server import Server

OPERATION = "keeping the grants of the replaced collection"
NEEDED = "on this server a replacement needs SelectOwnership and ManageOwnership on Global, to keep the grants"


def grants_to_keep(server: Server, target: CollectionName) -> tuple[Grant, ...]:
    """The grants that will be made again. Raises C(permission) and C(usage) where that could not be done."""
    if not has(server.version, GRANTS_FOLLOW_RENAME):
        return ()
    try:
        found = _grants_of(server, target)
        if found:
            rbac_changes.require_right_to(server, [rbac_changes.CHANGE_GRANTS])
    except MilvusOpsError as error:
        if error.kind != "permission":
            raise
        raise error.with_context(operation=OPERATION, next_step=f"{error.failure.next_step}; {NEEDED}") from error
    if found and not (server.options.user or server.options.token):
        raise usage_error(
            OPERATION,
            str(target),
            f"{len(found)} grants have to be made again, and a grant is recorded with the login that makes it",
            "set user and password of this host (and not authorization_enabled: false)",
        )
    return tuple(sorted(found))


def pass_grants_on(server: Server, retired: CollectionName, target: CollectionName) -> None:
    """Give the target what the collection that it replaces has; may be repeated."""
    if not has(server.version, GRANTS_FOLLOW_RENAME):
        return
    wanted = {replace(grant, object_name=target.name) for grant in _grants_of(server, retired)}
    for grant in sorted(wanted - _grants_of(server, target)):
        rbac_changes.grant(server, grant)


def _grants_of(server: Server, name: CollectionName) -> set[Grant]:
    of = (COLLECTION_OBJECT, name.name, name.database)
    grants = rbac.read_grants(server, rbac.role_names(server), [name.database])
    return {item for item in grants if (item.object_type, item.object_name, item.database) == of}
