# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backup a restore takes where it is asked for the newest of a pattern, and whether that holds any data."""

from __future__ import annotations

from fnmatch import fnmatchcase

from ..backup.inventory import CompleteBackup, Place, backup_names
from ..backup.layout import BackupLayout
from ..backup.listing import examine, matching_names, newest_complete
from ..backup.request import META_ONLY
from ..errors import MilvusOpsError, usage_error


def newest_name(root: Place, pattern: str, planned: str | None) -> str:
    """The newest complete backup whose name matches; C(planned) is one that only a check run knows, newer than all.

    Raises C(usage) for an empty pattern and C(not_found), naming what there is.
    """
    if not pattern.strip():
        raise usage_error(
            "choosing the backup",
            "name_pattern",
            "the pattern is empty",
            "set name, or name_pattern such as 'nightly_*'",
        )
    if planned is not None and fnmatchcase(planned, pattern):
        return planned
    names = matching_names(root, pattern)
    places = [Place(root.store, BackupLayout(root.layout.root_path, name)) for name in names]
    newest = newest_complete(found for found in map(examine, places) if found is not None)
    if newest is not None:
        return newest.name
    there = ", ".join((names or backup_names(root))[:10]) or "none"
    raise MilvusOpsError(
        "not_found",
        "choosing the backup",
        f"{root.store.label}/{root.layout.root_path}, name_pattern={pattern!r}",
        f"no backup that matches is complete: {there}" if names else f"no backup matches; backups here: {there}",
        next_step="correct name_pattern, backup_bucket_name or backup_root_path, or finish the backup",
    )


def require_data(backup: CompleteBackup, place: Place, *, meta_only: bool) -> None:
    """A backup of metadata alone restores as empty collections: only where that is asked for."""
    strategy = backup.manifest.request.get("strategy") if backup.manifest is not None else None
    bare = backup.meta.is_snapshot and any(item.snapshot is None for item in backup.meta.collections)
    if (strategy == META_ONLY or bare) and not meta_only:
        raise usage_error(
            "planning the restore",
            place.label,
            "this backup holds metadata only, no rows (strategy: meta_only)",
            "set meta_only: true to restore the collections without rows, or choose another backup",
        )
