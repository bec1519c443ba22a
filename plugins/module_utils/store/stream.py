# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of one planned object on their way from one store to another, through this process.

A piece at a time: memory does not depend on the size of the object. The last piece is let go only when the bytes are
known to be complete and right, so a broken source cannot become an object in the destination.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .base import ObjectReader, ObjectStore, Pace, Pin, TransferBroken

PIECE_BYTES = 256 << 10


class CheckedReader:
    """A file to read from once: exactly C(size) bytes, or an exception, which C(failure) keeps.

    It keeps it because an HTTP library that reads a body may wrap what the body raises into an exception of its own.
    """

    def __init__(self, reader: ObjectReader, size: int, pace: Pace) -> None:
        self._reader = reader
        self._size = size
        self._pace = pace
        self._expected = size
        self._piece = memoryview(b"")
        self._digest = hashlib.md5(usedforsecurity=False)
        self.failure: Exception | None = None

    @property
    def md5(self) -> str:
        """MD5 of what has been read."""
        return self._digest.hexdigest()

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        """At most one piece, C(b"") at the end."""
        if not self._piece and self._expected:
            try:
                self._piece = memoryview(self._next_piece())
            except Exception as failure:
                self.failure = failure
                raise
        wanted = len(self._piece) if size < 0 else size
        taken, self._piece = self._piece[:wanted], self._piece[wanted:]
        return bytes(taken)

    def pieces(self) -> Iterator[bytes]:
        while piece := self.read():
            yield piece

    def _next_piece(self) -> bytes:
        wanted = min(PIECE_BYTES, self._expected)
        self._pace(wanted)
        parts, missing = [], wanted
        while missing:
            part = self._reader.read(missing)
            if not part:
                raise TransferBroken("unreachable", f"the source ended {self._expected} bytes too early")
            parts.append(part)
            missing -= len(part)
        piece = b"".join(parts)
        self._digest.update(piece)
        self._expected -= wanted
        if not self._expected and self._reader.md5 and self._reader.md5 != self.md5:
            raise TransferBroken("corrupt", f"the bytes have MD5 {self.md5}, the source says {self._reader.md5}")
        return piece


@dataclass(frozen=True)
class PlannedObject:
    """The source of one copy."""

    store: ObjectStore
    pin: Pin
    pace: Pace

    @property
    def size(self) -> int:
        return self.pin.size

    @property
    def label(self) -> str:
        return f"{self.store.label}/{self.pin.key}"

    @contextmanager
    def open(self, offset: int, length: int) -> Iterator[CheckedReader]:
        """A range of it. Raises SourceMissing or ConditionFailed when it is not the planned one any more."""
        with self.store.open_range(self.pin, offset, length) as reader:
            yield CheckedReader(reader, length, self.pace)
