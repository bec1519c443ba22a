# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup is asked to be, and whether what lies at its place was asked to be the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError, usage_error
from ..milvus import catalog
from ..milvus.collection_name import CollectionName
from ..milvus.selection import ANY, Pattern
from ..store.config import StoreConfig, require_same_service
from .inventory import CompleteBackup, Place, holds_foreign_objects, unfinished_request
from .manifest import BINLOG_FORMAT, SNAPSHOT_FORMAT, BackupMeta
from .plan import Source
from .verify import ETAG

AUTO, FLUSH, SKIP_FLUSH, META_ONLY = "auto", "flush", "skip_flush", "meta_only"
STRATEGIES = (AUTO, FLUSH, SKIP_FLUSH, META_ONLY)
FORMATS = (BINLOG_FORMAT, SNAPSHOT_FORMAT)
FAIL, SKIP = "fail", "skip"
ON_COLLECTION_ERROR = (FAIL, SKIP)


@dataclass(frozen=True)
class BackupRequest:
    """What to back up and how; C(lock_timeout) and C(flush_timeout) in seconds, C(max_rate) in bytes per second.

    C(pause_gc) None pauses the server's garbage collection where it can be paused.
    """

    patterns: tuple[Pattern, ...]
    exclude: tuple[Pattern, ...]
    strategy: str = AUTO
    format: str = BINLOG_FORMAT
    rbac: bool = False
    on_collection_error: str = FAIL
    pause_gc: bool | None = None
    verify: str = ETAG
    copy_concurrency: int = 256
    max_rate: int | None = None
    lock_timeout: float = 0
    flush_timeout: float = 600

    @property
    def may_flush_all(self) -> bool:
        """Whether a flush of the whole server touches nothing that was not chosen."""
        everything = any((pattern.database, pattern.name) == (ANY, ANY) for pattern in self.patterns)
        return self.strategy == AUTO and everything and not self.exclude

    @property
    def is_snapshot(self) -> bool:
        return self.format == SNAPSHOT_FORMAT

    def identity(self, source: Source) -> dict[str, Any]:
        """What makes two requests the same: the instance's data, selection, strategy, rbac; not speed or patience.

        The format is named where it is not the one of old.
        """
        own = {"format": self.format} if self.is_snapshot else {}
        return {
            **own,
            "source": f"{source.store.label}/{source.layout.root_path}",
            "collections": sorted(str(pattern) for pattern in self.patterns),
            "exclude": sorted(str(pattern) for pattern in self.exclude),
            "strategy": FLUSH if self.strategy == AUTO else self.strategy,
            "rbac": self.rbac,
        }


def require_snapshot_request(request: BackupRequest, instance: StoreConfig, backup: StoreConfig) -> None:
    """Raises C(usage) for what no server can export."""
    require_same_service(instance, backup, "planning the backup", f"format={request.format}")
    if request.strategy == META_ONLY:
        raise usage_error(
            "planning the backup",
            f"format={request.format}, strategy={request.strategy}",
            "a snapshot holds the rows too",
            "leave out format to back up schemas and settings alone",
        )


def require_same_request(existing: CompleteBackup, request: BackupRequest, source: Source, place: Place) -> None:
    """Raise C(name_in_use) for a complete backup of another request; a foreign one is known by its collections."""
    if existing.manifest is None:
        names = {str(name) for name in catalog.select_on_server(source.server, request.patterns, request.exclude)}
        held = {str(CollectionName(item.database, item.name)) for item in existing.meta.collections}
        difference = "" if names == held else f"it holds {sorted(held)}, the selection means {sorted(names)}"
    else:
        difference = _difference(existing.manifest.request, request.identity(source))
    if difference:
        raise _name_in_use(place, f"a complete backup of another request has this name: {difference}")


def check_unfinished(request: BackupRequest, source: Source, place: Place) -> bool:
    """Whether an unfinished backup of this very request lies here; raises C(name_in_use) for any other."""
    unfinished = unfinished_request(place)
    if unfinished is None:
        if holds_foreign_objects(place):
            raise _name_in_use(place, "objects lie here that no unfinished backup of this collection accounts for")
        return False
    difference = _difference(unfinished, request.identity(source))
    if difference:
        raise _name_in_use(place, f"an unfinished backup of another request has this name: {difference}")
    return True


def drift(meta: BackupMeta, source: Source) -> Iterable[str]:
    """One line for each collection whose row count is not that of the backup any more."""
    for item in meta.collections:
        name = CollectionName(item.database, item.name)
        if catalog.find_collection(source.server, name) is None:
            yield f"collection {name} of the backup does not exist on the source any more"
            continue
        rows = catalog.statistics_rows(source.server, name)
        if item.segments and rows != item.rows:
            yield f"collection {name} has {rows} rows now, the backup has {item.rows}; a new moment wants a new name"


def _difference(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    keys = [key for key in sorted({*was, *now}) if was.get(key) != now.get(key)]
    return "; ".join(f"{key} was {was.get(key)!r}, is {now.get(key)!r}" for key in keys)


def _name_in_use(place: Place, cause: str) -> MilvusOpsError:
    return MilvusOpsError(
        "name_in_use",
        "making the backup",
        place.label,
        cause,
        next_step="give a fresh backup a fresh name, or remove this one with state: absent",
    )
