# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine asks of an object store: a handful of calls, and a guard in front of every write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from ..errors import MilvusOpsError


@dataclass(frozen=True)
class StoredObject:
    """One object of a listing; C(size) in bytes, C(etag) without quotes."""

    key: str
    size: int
    etag: str

    def holds_the_same_as(self, size: int, etag: str) -> bool:
        """Equal size, and equal ETag where both are a digest of the content.

        A multipart upload's ETag (with a dash) depends on its parts, so it proves nothing (reference, copy engine 4).
        """
        comparable = "-" not in self.etag and "-" not in etag
        return self.size == size and (not comparable or self.etag == etag)


@dataclass(frozen=True)
class StoredBytes:
    """A small object read whole. C(modified) and C(store_now) are Unix seconds by the store's own clock."""

    body: bytes
    etag: str
    modified: float
    store_now: float


class ConditionFailed(Exception):
    """A conditional write or a pinned copy found another object than it asked for (412)."""


class SourceMissing(Exception):
    """The source of a copy does not exist (any more)."""


class ObjectStore(Protocol):
    """One bucket (or folder). Keys are full keys. Failures leave as MilvusOpsError, but for the two above."""

    @property
    def label(self) -> str: ...

    def list_objects(self, prefix: str) -> Iterator[StoredObject]: ...

    def list_prefixes(self, prefix: str) -> list[str]: ...

    def has_objects(self, prefix: str) -> bool: ...

    def read(self, key: str, max_bytes: int) -> StoredBytes | None: ...

    def write(self, key: str, body: bytes, *, if_absent: bool = False, if_etag: str | None = None) -> str: ...

    def delete(self, keys: Iterable[str]) -> int: ...

    def copy_from(self, source: ObjectStore, source_key: str, etag: str, size: int, key: str) -> None: ...


@dataclass(frozen=True)
class WriteScope:
    """The prefixes that a run may write to; asked just before every write, copy and delete."""

    prefixes: tuple[str, ...] = ()

    def require(self, key: str) -> str:
        """Return the key, or raise: a key outside the scope is a defect, and must never reach the store."""
        clean = all(part not in ("", ".", "..") for part in key.split("/"))
        if clean and any(prefix.endswith("/") and key.startswith(prefix) for prefix in self.prefixes):
            return key
        raise MilvusOpsError(
            "internal",
            "writing to the object storage",
            key,
            "the key lies outside of what this run may write",
            next_step="report this as a defect; nothing was written to this key",
        )
