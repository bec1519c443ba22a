# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many copies at once: threads that share one iterator, and stop together at the first failure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .base import ConditionFailed, ObjectStore, SourceMissing
from .rate import RateLimit
from .stream import PIECE_BYTES


@dataclass(frozen=True, slots=True)
class Copy:
    """One planned copy, pinned to the source's ETag at planning time; C(size) in bytes."""

    source_key: str
    etag: str
    size: int
    key: str


@dataclass(frozen=True)
class CopyTotals:
    """What was copied; C(gone) are the copies whose source is not the planned object any more."""

    objects: int
    bytes: int
    gone: tuple[Copy, ...]


class _Stopped(Exception):
    """Another thread has ended the run."""


class CopyRun:
    """Copies objects from one store to another; C(before_each) may raise to end the run (a lost lock, a signal).

    C(max_rate) in bytes per second holds for all threads together, and for every way of copying.
    """

    def __init__(
        self,
        source: ObjectStore,
        destination: ObjectStore,
        *,
        concurrency: int,
        before_each: Callable[[], None],
        after_each: Callable[[Copy], None],
        max_rate: int | None = None,
    ) -> None:
        self._source = source
        self._destination = destination
        self._limit = RateLimit(max_rate) if max_rate else None
        # Each thread gets its turn about once a second: a service closes a stream that stands still for long.
        self._concurrency = min(concurrency, max(1, max_rate // PIECE_BYTES)) if max_rate else concurrency
        self._before_each = before_each
        self._after_each = after_each
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._objects = 0
        self._bytes = 0
        self._gone: list[Copy] = []

    def run(self, copies: Iterable[Copy]) -> CopyTotals:
        """Copy all, or raise the first failure after every copy that had begun has ended."""
        remaining = iter(copies)
        workers = [
            threading.Thread(target=self._work, args=(remaining,), name=f"copy-{number}", daemon=True)
            for number in range(self._concurrency)
        ]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                worker.join()
        except BaseException as interruption:
            self._stop_with(interruption)
            for worker in workers:
                worker.join()
            raise
        if self._failure is not None:
            raise self._failure
        return CopyTotals(self._objects, self._bytes, tuple(self._gone))

    def _work(self, remaining: Iterator[Copy]) -> None:
        try:
            while (copy := self._next(remaining)) is not None:
                self._before_each()
                try:
                    self._destination.copy_from(
                        self._source, copy.source_key, copy.etag, copy.size, copy.key, self._pace
                    )
                except (SourceMissing, ConditionFailed):
                    self._note_gone(copy)
                else:
                    self._count(copy)
        except _Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread, which raises it
            self._stop_with(error)

    def _pace(self, size: int) -> None:
        """Wait for a turn; ask again then whether the run may go on, for the wait may have been long."""
        wait = self._limit.reserve(size) if self._limit and size else 0
        if self._stopping.wait(wait) if wait else self._stopping.is_set():
            raise _Stopped
        self._before_each()

    def _stop_with(self, error: BaseException) -> None:
        with self._guard:
            self._failure = self._failure or error
        self._stopping.set()

    def _next(self, remaining: Iterator[Copy]) -> Copy | None:
        with self._guard:
            return None if self._failure is not None else next(remaining, None)

    def _note_gone(self, copy: Copy) -> None:
        with self._guard:
            self._gone.append(copy)

    def _count(self, copy: Copy) -> None:
        with self._guard:
            self._objects += 1
            self._bytes += copy.size
            self._after_each(copy)
