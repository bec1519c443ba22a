# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving a complete staging collection the name of its target."""

from __future__ import annotations

from ..errors import MilvusOpsError
from ..milvus import catalog, ddl
from ..milvus.schema import pairs_to_dict
from ..milvus.server import Server
from .imported import Imported
from .plan import CollectionRestore
from .replacement import bring_back, retire
from .staging import TTL_PROPERTIES

STAGING_KEPT = "the target is untouched; the staging collection is kept for the next run"
STAGING_MAY_BE = "the target is untouched; a staging collection may be there, with which the next run goes on"


def publish(server: Server, plan: CollectionRestore, imported: Imported, backup_id: str) -> None:
    """Rename the staging collection, after the one that it replaces was renamed away.

    The server refuses a name that is taken, so nothing is overwritten. Between the two renames, some milliseconds,
    nothing has the target's name; aliases of it go on to answer.
    """
    properties = pairs_to_dict(plan.source.properties)
    expiry = {key: properties[key] for key in TTL_PROPERTIES if key in properties}
    if expiry:
        ddl.alter_properties(server, plan.staging, expiry, properties)
    if plan.replaces is not None:
        retire(server, plan.target, plan.replaces, backup_id)
    try:
        ddl.rename(server, plan.staging, plan.target.name)
    except MilvusOpsError as error:
        if not _is_published(server, plan, imported):
            _put_back(server, plan)
            raise error.with_context(operation="publishing", where=str(plan.target), state_left=STAGING_KEPT) from error
    if not _is_published(server, plan, imported):
        raise MilvusOpsError(
            "ambiguous_import",
            "publishing",
            str(plan.target),
            "the server accepted the rename, but the target is another collection",
            state_left="unknown: look at the target and at " + str(plan.staging),
            next_step="see the log of the server",
        )


def _put_back(server: Server, plan: CollectionRestore) -> None:
    if plan.replaces is None:
        return
    try:
        bring_back(server, plan.target)
    except MilvusOpsError as error:
        raise error.with_context(
            operation="publishing",
            where=str(plan.target),
            state_left="the old collection could not get its name back; both are complete",
            next_step="run the task again: it ends the replacement",
        ) from error


def _is_published(server: Server, plan: CollectionRestore, imported: Imported) -> bool:
    found = catalog.find_collection(server, plan.target)
    return found is not None and found.collection_id == imported.collection_id
