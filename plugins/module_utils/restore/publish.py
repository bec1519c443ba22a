# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving a complete staging collection the name of its target."""

from __future__ import annotations

from ..errors import NOTHING_WRITTEN, MilvusOpsError
from ..milvus import ddl
from ..milvus.catalog import Collection
from ..milvus.schema import pairs_to_dict
from .imported import Imported
from .plan import CollectionRestore
from .renaming import rename
from .replacement import bring_back, retire
from .staging import TTL_PROPERTIES, Build

STAGING_KEPT = "the target is untouched; the staging collection is kept for the next run"
STAGING_MAY_BE = "the target is untouched; a staging collection may be there, with which the next run goes on"


def publish(build: Build, plan: CollectionRestore, imported: Imported) -> None:
    """Rename the staging collection, after the one that it replaces was renamed away.

    The server refuses a name that is taken, so nothing is overwritten. Between the two renames, some milliseconds,
    nothing has the target's name; aliases of it go on to answer.
    """
    properties = pairs_to_dict(plan.source.properties)
    expiry = {key: properties[key] for key in TTL_PROPERTIES if key in properties}
    if expiry:
        ddl.alter_properties(build.server, plan.staging, expiry, properties)
    if plan.replaces is not None:
        retire(build.server, build.patience, plan.target, plan.replaces, build.backup_id)
    try:
        rename(build.server, build.patience, plan.staging, imported.collection_id, plan.target.name)
    except MilvusOpsError as error:
        if error.kind == "ambiguous_import":
            raise error.with_context(operation="publishing") from error
        left = error.failure.state_left
        if plan.replaces is not None:
            _put_back(build, plan, plan.replaces)
        if plan.replaces is not None or left == NOTHING_WRITTEN:
            left = STAGING_KEPT
        raise error.with_context(operation="publishing", where=str(plan.target), state_left=left) from error


def _put_back(build: Build, plan: CollectionRestore, old: Collection) -> None:
    try:
        bring_back(build.server, build.patience, plan.target, old)
    except MilvusOpsError as error:
        raise error.with_context(
            operation="publishing",
            where=str(plan.target),
            state_left="the old collection could not get its name back; both are complete",
            next_step="run the task again: it ends the replacement",
        ) from error
