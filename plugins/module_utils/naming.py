# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and markers that this collection leaves on a server: staging collections and properties."""

from __future__ import annotations

import hashlib

OWN_PROPERTY_PREFIX = "vectorops."
BACKUP_PROPERTY = "vectorops.backup"
"""Id of the backup that a collection was restored from; given at create, because only then it survives a restart."""

TARGET_PROPERTY = "vectorops.target"
SOURCE_PROPERTY = "vectorops.source"
MAX_NAME_LENGTH = 255
_STAGING_INFIX = "__restoring_"
_HASH_DIGITS = 8


def is_own_property(key: str) -> bool:
    return key.startswith(OWN_PROPERTY_PREFIX)


def staging_name(target: str, backup_id: str) -> str:
    """Where C(target) is built until it is complete; one name for one backup, so that a later run finds it."""
    suffix = _STAGING_INFIX + _digest(backup_id)
    if len(target) + len(suffix) <= MAX_NAME_LENGTH:
        return target + suffix
    room = MAX_NAME_LENGTH - len(suffix) - _HASH_DIGITS - 1
    return f"{target[:room]}_{_digest(target)}{suffix}"


def is_staging(name: str, properties: dict[str, str]) -> bool:
    """Whether a collection is a staging one of ours, by its markers: a user's name may look like one."""
    target, backup_id = properties.get(TARGET_PROPERTY), properties.get(BACKUP_PROPERTY)
    return bool(target and backup_id) and name == staging_name(str(target), str(backup_id))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]
