# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many copies at once, which stop together at the first failure.

Where one service copies, one thread has many copies under way (lane.py), and other threads do those that need patience.
Else threads share one iterator.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from .base import ConditionFailed, ObjectStore, Pin, SourceMissing
from .growth import FIRST_OF_ONE_THREAD, Growth
from .lane import Lane
from .rate import RateLimit
from .s3 import S3Store
from .s3_service import Request
from .stream import PIECE_BYTES

MOST_WORKERS = 128
"""More threads than that only take turns; a lane has no such limit."""

TURN_SECONDS = 0.02
"""How long to wait for an answer while threads may be done with a connection, or with the last copies."""


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
    """Copies objects from one store to another, C(concurrency) at once at most, fewer where more would be no faster.

    C(before_each) may raise to end the run (a lost lock, a signal).
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
        self._growth = Growth(min(concurrency, max(1, max_rate // PIECE_BYTES)) if max_rate else concurrency)
        self._before_each = before_each
        self._after_each = after_each
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._objects = 0
        self._bytes = 0
        self._gone: list[Copy] = []
        self._for_threads: deque[Copy] = deque()
        self._remaining: Iterator[Copy] | None = None
        """What threads make beside what a lane left to them; None while a lane has it."""
        self._workers: list[threading.Thread] = []
        self._working = 0

    def run(self, copies: Iterable[Copy]) -> CopyTotals:
        """Copy all, or raise the first failure after every copy that had begun has ended."""
        remaining = iter(copies)
        lane = None if self._limit else _lane_between(self._source, self._destination)
        if lane is not None:
            self._growth.begin_with(FIRST_OF_ONE_THREAD)
        try:
            if lane is None or self._drive(lane, remaining):
                self._remaining = remaining
                self._enlist()
            self._wait()
        except BaseException as interruption:
            self._stop_with(interruption)
            self._wait()
            raise
        if self._failure is not None:
            raise self._failure
        return CopyTotals(self._objects, self._bytes, tuple(self._gone))

    def _drive(self, lane: Lane[Copy], remaining: Iterator[Copy]) -> bool:
        """Keep as many copies under way as are wanted, here or in threads, until none is left or one has failed.

        Ends too when the service turns out not to make these copies; whether there may be more then.
        """
        try:
            more = True
            while (more or lane.under_way) and self._failure is None and lane.is_of_use():
                while more and self._at_once(lane) < self._growth.wanted:
                    more = self._begin_next(lane, remaining)
                self._settle(lane)
            return more
        except BaseException as interruption:
            self._stop_with(interruption)
            raise
        finally:
            self._end(lane)

    def _at_once(self, lane: Lane[Copy]) -> int:
        return lane.under_way + self._working + len(self._for_threads)

    def _end(self, lane: Lane[Copy]) -> None:
        """What is under way is done or not: wait until the service has said which."""
        try:
            while lane.under_way:
                self._settle(lane)
        finally:
            lane.close()

    def _begin_next(self, lane: Lane[Copy], remaining: Iterator[Copy]) -> bool:
        copy = next(remaining, None)
        if copy is None:
            return False
        self._before_each()
        if not lane.begin(copy):
            self._leave_to_threads(copy)
        return True

    def _settle(self, lane: Lane[Copy]) -> None:
        for ended in lane.ended(TURN_SECONDS):
            if ended.well:
                self._count(ended.item, ended.seconds)
            else:
                self._leave_to_threads(ended.item)

    @property
    def _workers_wanted(self) -> int:
        return min(self._growth.wanted, MOST_WORKERS)

    def _leave_to_threads(self, copy: Copy) -> None:
        self._for_threads.append(copy)
        self._enlist()

    def _enlist(self) -> None:
        """Start the workers that are wanted and not there yet; beside a lane, those that have something to do."""
        with self._guard:
            wanted = self._workers_wanted
            if self._remaining is None:
                wanted = min(wanted, self._working + len(self._for_threads))
            if self._working < wanted and self._failure is None:
                self._forget_those_that_ended()
            while self._working < wanted and self._failure is None:
                worker = threading.Thread(target=self._work, name="copy", daemon=True)
                worker.start()
                self._workers.append(worker)
                self._working += 1

    def _forget_those_that_ended(self) -> None:
        self._workers = [worker for worker in self._workers if worker.is_alive()]

    def _wait(self) -> None:
        """A worker enlists others before it ends, so nobody comes after the last one has ended."""
        while True:
            with self._guard:
                self._forget_those_that_ended()
                workers = self._workers
            if not workers:
                return
            for worker in workers:
                worker.join()

    def _work(self) -> None:
        try:
            while (copy := self._next()) is not None:
                self._before_each()
                began = time.monotonic()
                try:
                    self._destination.copy_from(
                        self._source, copy.source_key, copy.etag, copy.size, copy.key, self._pace
                    )
                except (SourceMissing, ConditionFailed):
                    self._note_gone(copy)
                else:
                    self._count(copy, time.monotonic() - began)
                if self._working < self._workers_wanted:
                    self._enlist()
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
        self._stopping.set()  # at once: the guard may be held by one who waits for the next copies to be listed
        with self._guard:
            self._failure = self._failure or error

    def _next(self) -> Copy | None:
        """None also for a worker that is one too many."""
        with self._guard:
            if self._failure is None and self._working <= self._workers_wanted:
                if self._for_threads:
                    return self._for_threads.popleft()
                if self._remaining is not None:
                    with suppress(StopIteration):
                        return next(self._remaining)
            self._working -= 1
            return None

    def _note_gone(self, copy: Copy) -> None:
        with self._guard:
            self._gone.append(copy)

    def _count(self, copy: Copy, seconds: float) -> None:
        with self._guard:
            self._growth.note(seconds)
            self._objects += 1
            self._bytes += copy.size
            self._after_each(copy)


def _lane_between(source: ObjectStore, destination: ObjectStore) -> Lane[Copy] | None:
    """None where no one service does the copying."""
    if not (isinstance(source, S3Store) and isinstance(destination, S3Store) and destination.reaches(source)):
        return None

    def request(copy: Copy) -> Request | None:
        return destination.request_to_copy(source, Pin(copy.source_key, copy.etag, copy.size), copy.key)

    return Lane(destination.service, request, lambda: destination.reaches(source))
