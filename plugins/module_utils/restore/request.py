# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from ..backup.verify import ETAG
from ..milvus.selection import Pattern
from .targets import Naming

FAIL, SKIP, REPLACE_RESTORED, REPLACE = "fail", "skip", "replace_restored", "replace"
IF_EXISTS = (FAIL, SKIP, REPLACE_RESTORED, REPLACE)
AS_BACKUP, AUTO, ALWAYS, NEVER, NONE = "as_backup", "auto", "always", "never", "none"
INDEX_MODES = (AS_BACKUP, AUTO, NONE)
LOAD_MODES = (AS_BACKUP, ALWAYS, NEVER)
COUNT, IMPORT = "count", "import"
ROW_CHECKS = (NONE, IMPORT, COUNT)
META_ONLY = "meta_only"


@dataclass(frozen=True)
class RestoreRequest:
    """What to restore and how; C(lock_timeout) in seconds, C(stall_timeout) is seconds without any progress.

    C(end_ts) is a hybrid timestamp, C(max_rate) bytes per second; None means none of them. C(shards) None means those
    of the backup.
    """

    patterns: tuple[Pattern, ...]
    naming: Naming
    if_exists: str = FAIL
    index: str = AS_BACKUP
    load: str = AS_BACKUP
    aliases: bool = True
    rbac: bool = False
    meta_only: bool = False
    skip_disk_quota: bool = False
    end_ts: int | None = None
    shards: int | None = None
    verify_objects: str = ETAG
    verify_rows: str = COUNT
    copy_concurrency: int = 256
    max_rate: int | None = None
    lock_timeout: float = 0
    stall_timeout: float = 1800

    @property
    def content(self) -> str:
        """What of the backup the targets will hold, as their marker says it; empty for all of it."""
        if self.meta_only:
            return META_ONLY
        return "" if self.end_ts is None else f"end_ts={self.end_ts}"
