# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie: keys of an instance's binlogs, and keys of a backup (reference: milvus-backup, section 3).

Keys are built from integers and constants only; text from a bucket is parsed, never used as a key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import MilvusOpsError
from ..store.local import PART_PREFIX

NEW_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
KNOWN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
INSERT_LOG = "insert_log"
DELTA_LOG = "delta_log"
CUTOVER_FOLDER = ".cutover"
"""Beside the backups: what cut-overs have changed and may have to change back. No backup can have this name."""

META_FILES = (
    "backup_meta.json",
    "collection_meta.json",
    "partition_meta.json",
    "segment_meta.json",
    "full_meta.json",
)
"""In the order of writing. The last one commits: no backup without it."""

PARTS = ("binlogs/", "bundle/", "control/", "meta/")
"""The folders of a backup, whichever tool wrote it."""

SNAPSHOT_META_FILES = ("backup_meta.json", "collection_meta.json", "full_meta.json")

_NUMBER = "0|[1-9][0-9]{0,18}"
"""One spelling for one number: two keys that mean the same ids would be copied to one place. Ids have 64 bits."""

_ID = f"({_NUMBER})"
ALL_PARTITIONS = -1
"""Partition id of deletes that belong to no partition."""


@dataclass(frozen=True)
class LogKey:
    """A parsed binlog key of an instance; C(field_id) is None for a delta log."""

    collection_id: int
    partition_id: int
    segment_id: int
    field_id: int | None
    log_id: int


@dataclass(frozen=True)
class InstanceLayout:
    """The keys of a Milvus instance below its root path."""

    root_path: str

    @property
    def prefix(self) -> str:
        return f"{self.root_path}/" if self.root_path else ""

    def insert_prefix(self, collection_id: int) -> str:
        return f"{self.prefix}{INSERT_LOG}/{collection_id}/"

    def delta_prefix(self, collection_id: int) -> str:
        return f"{self.prefix}{DELTA_LOG}/{collection_id}/"

    def segment_prefix(self, collection_id: int, partition_id: int, segment_id: int) -> str:
        return f"{self.insert_prefix(collection_id)}{partition_id}/{segment_id}/"

    def parse(self, key: str) -> LogKey | None:
        """The ids in a binlog key; None for a key of another shape."""
        match = re.fullmatch(
            rf"(?:{INSERT_LOG}/{_ID}/{_ID}/{_ID}/{_ID}/{_ID}|{DELTA_LOG}/{_ID}/(-1|{_NUMBER})/{_ID}/{_ID})",
            key.removeprefix(self.prefix),
        )
        if not match or not key.startswith(self.prefix):
            return None
        ids = [int(text) for text in match.groups() if text is not None]
        field_id = ids[3] if len(ids) == 5 else None
        return LogKey(ids[0], ids[1], ids[2], field_id, ids[-1])


@dataclass(frozen=True)
class BackupLayout:
    """The keys of one backup: C(<backup root path>/<name>/...)."""

    root_path: str
    name: str

    @property
    def directory(self) -> str:
        return f"{self.root_path}/{self.name}/" if self.root_path else f"{self.name}/"

    @property
    def binlogs(self) -> str:
        return f"{self.directory}binlogs/"

    @property
    def bundle(self) -> str:
        """What servers exported from snapshots."""
        return f"{self.directory}bundle/"

    @property
    def control(self) -> str:
        """Objects of this collection's own; milvus-backup ignores them."""
        return f"{self.directory}control/"

    @property
    def restores(self) -> str:
        """The locks of restores: the only objects of ours in the backup of another tool."""
        return f"{self.control}restores/"

    def may_hold(self, key: str) -> bool:
        """Whether a key below the directory is at a place where backups have objects.

        The directory may be listed itself, as some services do, and on a disk hold a file in the making.
        """
        relative = key.removeprefix(self.directory)
        return not relative or relative.startswith((*PARTS, PART_PREFIX))

    def meta(self, file_name: str) -> str:
        return f"{self.directory}meta/{file_name}"

    @property
    def commit(self) -> str:
        return self.meta(META_FILES[-1])

    def partition_directory(self, kind: str, collection_id: int, partition_id: int) -> str:
        return f"{self.binlogs}{kind}/{collection_id}/{partition_id}/"

    def group_directory(self, kind: str, collection_id: int, partition_id: int, group_id: int) -> str:
        """A group holds segment directories; partition -1 has no groups, and neither have some of before v0.4.4."""
        partition = self.partition_directory(kind, collection_id, partition_id)
        return f"{partition}{group_id}/" if group_id else partition

    def segment_directory(
        self, kind: str, collection_id: int, partition_id: int, group_id: int, segment_id: int
    ) -> str:
        return f"{self.group_directory(kind, collection_id, partition_id, group_id)}{segment_id}/"

    def log(self, log: LogKey, group_id: int) -> str:
        kind = DELTA_LOG if log.field_id is None else INSERT_LOG
        directory = self.segment_directory(kind, log.collection_id, log.partition_id, group_id, log.segment_id)
        return f"{directory}{log.log_id}" if log.field_id is None else f"{directory}{log.field_id}/{log.log_id}"


def new_backup_name(name: str) -> str:
    """Check the name of a backup to be made: the rule of milvus-backup, so that it can read the result."""
    return _checked(name, NEW_NAME, "letters, digits and _, a letter or _ first, at most 128 characters")


def known_backup_name(name: str) -> str:
    """Check the name of a backup to be read: also what older tools could have written."""
    return _checked(name, KNOWN_NAME, "letters, digits, _, - and single dots, a letter, digit or _ first")


def _checked(name: str, pattern: re.Pattern[str], rule: str) -> str:
    if pattern.fullmatch(name) and ".." not in name:
        return name
    raise MilvusOpsError(
        "bad_name",
        "checking the backup's name",
        f"name={name!r}",
        "this cannot be the name of a backup" if name.strip() else "the name is empty",
        next_step=f"use {rule}",
    )
