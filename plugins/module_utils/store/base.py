# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine asks of an object store: a handful of calls, and a guard in front of every write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from ..errors import MilvusOpsError


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a listing; C(size) in bytes, C(etag) without quotes, '' where it is not known.

    C(md5) is that of its bytes, where they were read because no ETag says it.
    """

    key: str
    size: int
    etag: str
    md5: str = ""

    def holds_the_same_as(self, size: int, etag: str) -> bool:
        """Equal size, and equal ETag where both are a digest of the content.

        One with a dash proves nothing: that of an upload in parts depends on the parts, that of a file is no digest.
        """
        comparable = all(known and "-" not in known for known in (self.etag, etag))
        return self.size == size and (not comparable or self.etag == etag)


@dataclass(frozen=True)
class StoredBytes:
    """A small object read whole. C(modified) and C(store_now) are Unix seconds by the store's own clock."""

    body: bytes
    etag: str
    modified: float
    store_now: float


@dataclass(frozen=True)
class ContentDigest:
    """An object's bytes, read again. C(etag) is its ETag now, empty where one that looks like an MD5 is none."""

    size: int
    md5: str
    etag: str


class ConditionFailed(Exception):
    """A conditional write or a pinned copy found another object than it asked for (412)."""


class SourceMissing(Exception):
    """The source of a copy does not exist (any more)."""


class TransferBroken(Exception):
    """A request or the bytes of an object did not arrive, or not as they were; another attempt may succeed."""

    def __init__(self, kind: str, cause: str, next_step: str = "run the task again; what was copied is kept") -> None:
        super().__init__(cause)
        self.kind = kind
        self.next_step = next_step


@dataclass(frozen=True)
class Pin:
    """One object as it was planned: whoever reads another ETag ('' means any) or size must fail."""

    key: str
    etag: str
    size: int


class ObjectReader(Protocol):
    """The bytes of one object or a range of it. Raises TransferBroken, or ConditionFailed if it was changed."""

    @property
    def md5(self) -> str:
        """The MD5 that the bytes must have, '' where the store does not know it."""

    def read(self, size: int) -> bytes:
        """At most C(size) bytes, b'' at the end."""


Pace = Callable[[int], None]
"""Called with a number of bytes just before they move: waits for its turn, or raises to end the run.

With 0 it only asks whether to go on, as before another attempt.
"""


def unpaced(size: int) -> None:
    return None


class ObjectStore(Protocol):
    """One bucket (or folder). Keys are full keys. Failures leave as MilvusOpsError, but for the two above."""

    @property
    def label(self) -> str:
        """How failures name this store."""

    @property
    def lacks_digests(self) -> bool:
        """Whether no ETag here is a digest, so that only reading the bytes makes one."""

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key begins with C(prefix), in the order of keys."""

    def list_prefixes(self, prefix: str) -> list[str]:
        """The folders directly below C(prefix), each with its trailing slash."""

    def has_objects(self, prefix: str) -> bool:
        """Whether any key begins with C(prefix)."""

    def read(self, key: str, max_bytes: int) -> StoredBytes | None:
        """A whole object, None where there is none. Raises C(corrupt) above C(max_bytes)."""

    def digest(self, key: str) -> ContentDigest | None:
        """What all bytes of an object are, None where there is none."""

    def write(self, key: str, body: bytes, *, if_absent: bool = False, if_etag: str | None = None) -> str:
        """Store an object, with a condition if one is given, and return its ETag. Raises ConditionFailed."""

    def delete(self, keys: Iterable[str]) -> int:
        """Delete enumerated keys and return their number; a key that is already gone is no error."""

    def copy_from(
        self, source: ObjectStore, source_key: str, etag: str, size: int, key: str, pace: Pace = unpaced
    ) -> None:
        """Copy one object as it was planned. Raises SourceMissing, ConditionFailed where it is another one now."""

    def open_range(self, pin: Pin, offset: int, length: int) -> AbstractContextManager[ObjectReader]:
        """C(length) bytes of a planned object from C(offset) on. Raises as M(copy_from)."""
        raise NotImplementedError


UNCLEAN_PARTS = frozenset(("", ".", ".."))


@dataclass(frozen=True)
class WriteScope:
    """The prefixes that a run may write to; asked just before every write, copy and delete."""

    prefixes: tuple[str, ...] = ()

    def require(self, key: str) -> str:
        """Return the key, or raise: a key outside the scope is a defect, and must never reach the store."""
        self.prefix_of(key)
        return key

    def prefix_of(self, key: str) -> str:
        """The prefix of the scope that the key lies below. A leading slash is that of a path on a disk."""
        if UNCLEAN_PARTS.isdisjoint(key.removeprefix("/").split("/")):
            for prefix in self.prefixes:
                if key.startswith(prefix) and prefix.endswith("/") and prefix != "/":
                    return prefix
        raise MilvusOpsError(
            "internal",
            "writing to the object storage",
            key,
            "the key lies outside of what this run may write",
            next_step="report this as a defect; nothing was written to this key",
        )
