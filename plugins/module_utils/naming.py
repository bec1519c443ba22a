# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and markers that this collection leaves on a server: staging and retired collections, and properties."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

OWN_PROPERTY_PREFIX = "vectorops."
BACKUP_PROPERTY = "vectorops.backup"
"""Id of the backup that a collection was restored from; given at create, because only then it survives a restart."""

TARGET_PROPERTY = "vectorops.target"
SOURCE_PROPERTY = "vectorops.source"
CONTENT_PROPERTY = "vectorops.content"
"""What of the backup the collection holds: absent for all of it, else C(meta_only) or C(end_ts=<hybrid timestamp>)."""

RETIRED_PROPERTY = "vectorops.retired"
"""The name that a replaced collection had; given just before the rename that takes it away, which stores it."""

RETIRED_BY_PROPERTY = "vectorops.retired_by"
"""Id of the backup whose restore replaces it."""

PLAN_PROPERTY = "vectorops.plan"
"""Digest of the import jobs that a staging collection was created for: from 2.4 on no server tells what a job reads."""

JOBS_PROPERTY = "vectorops.jobs"
"""The ids of the jobs that were begun, in the order of the plan; C(?) for one whose create was begun, at the end."""

IMPORTED_PROPERTY = "vectorops.imported"
"""Rows, once every job has ended and was counted: the server forgets its jobs."""

SERVER_PROPERTIES = frozenset({"replicate.id", "max_field_id", "preserve_field_ids", "collection.on.truncating"})
"""What a server notes down for itself, and what no other collection may have."""

ENCRYPTION_PREFIX = "cipher."
MAX_NAME_LENGTH = 255
_STAGING_INFIX = "__restoring_"
_RETIRED_INFIX = "__retired_"
_HASH_DIGITS = 8


def is_own_property(key: str) -> bool:
    return key.startswith(OWN_PROPERTY_PREFIX)


def is_carried(key: str) -> bool:
    """Whether a property belongs to the user's collection, and not to us or to one server."""
    return not (is_own_property(key) or key in SERVER_PROPERTIES or key.startswith(ENCRYPTION_PREFIX))


def may_be_staging(name: str) -> bool:
    """Whether a name looks like that of a staging collection; its markers decide."""
    return _STAGING_INFIX in name


def staging_name(target: str, backup_id: str) -> str:
    """Where C(target) is built until it is complete; one name for one backup, so that a later run finds it."""
    return _with_suffix(target, _STAGING_INFIX + _digest(backup_id))


def retired_name(target: str) -> str:
    """Where the collection that C(target) replaces waits for its drop; one name for one target, so that it is found."""
    return _with_suffix(target, _RETIRED_INFIX + _digest(target))


def is_staging(name: str, properties: Mapping[str, str]) -> bool:
    """Whether a collection is a staging one of ours, by its markers: a user's name may look like one."""
    target, backup_id = properties.get(TARGET_PROPERTY), properties.get(BACKUP_PROPERTY)
    return bool(target and backup_id) and name == staging_name(str(target), str(backup_id))


def is_retired(name: str, properties: Mapping[str, str]) -> bool:
    """Whether a restore replaced this collection and has not dropped it yet."""
    target = properties.get(RETIRED_PROPERTY)
    return bool(target and properties.get(RETIRED_BY_PROPERTY)) and name == retired_name(str(target))


def is_in_passing(name: str, properties: Mapping[str, str]) -> bool:
    """Whether a restore will rename or drop this collection soon: no user's data that a backup should hold."""
    return is_staging(name, properties) or is_retired(name, properties)


def _with_suffix(target: str, suffix: str) -> str:
    if len(target) + len(suffix) <= MAX_NAME_LENGTH:
        return target + suffix
    room = MAX_NAME_LENGTH - len(suffix) - _HASH_DIGITS - 1
    return f"{target[:room]}_{_digest(target)}{suffix}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]
