# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a server that works on its own: as long as something moves, and until the run is told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from ..errors import MilvusOpsError

POLL_SECONDS = 0.5
OUTAGE_SECONDS = 60
PASSING_KINDS = frozenset({"throttled", "timeout", "unreachable"})
"""Failures of a question, not of the work that is asked about: an import goes on while the network is away."""

State = TypeVar("State")


class StallClock:
    """Tells when a state has not changed for too long; total time is no sign of trouble in an hours-long import."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._since = clock()
        self._state: object = None

    def stalled(self, state: object) -> bool:
        if state != self._state:
            self._state, self._since = state, self._clock()
        return self._clock() - self._since > self._seconds


@dataclass(frozen=True)
class Patience:
    """How long a run waits: C(stall_seconds) without any change, and never once C(stop) is set."""

    stall_seconds: float
    stop: threading.Event = field(default_factory=threading.Event)

    def until(
        self,
        read: Callable[[], State],
        done: Callable[[State], bool],
        stalled: Callable[[State], MilvusOpsError],
    ) -> State:
        """Ask again and again until C(done). C(stalled) makes the error for a state that does not move any more."""
        clock = StallClock(self.stall_seconds)
        while True:
            state = self._read_through_outages(read)
            if done(state):
                return state
            if clock.stalled(state):
                raise stalled(state)
            self.pause(POLL_SECONDS)

    def settle(self, read: Callable[[], State], done: Callable[[State], bool], quiet_seconds: float) -> State:
        """Ask again and again until C(done), or until nothing has changed for so long that nothing will."""
        clock = StallClock(quiet_seconds)
        while True:
            state = self._read_through_outages(read, quiet_seconds)
            if done(state) or clock.stalled(state):
                return state
            self.pause(POLL_SECONDS)

    def when_there_is_room(self, ask: Callable[[], State], pause: float) -> State:
        """Ask again while the server says that it takes no more for the moment, at most as long as a run may stall."""
        end = time.monotonic() + self.stall_seconds
        while True:
            try:
                return ask()
            except MilvusOpsError as error:
                if error.kind != "throttled" or time.monotonic() > end:
                    raise
            self.pause(pause)

    def pause(self, seconds: float) -> None:
        """Sleep, or raise C(cancelled) as soon as the run is told to stop."""
        if self.stop.wait(seconds):
            raise MilvusOpsError(
                "cancelled",
                "restoring",
                "",
                "the run was told to stop",
                state_left="targets that are not published are untouched; staging collections are kept",
                next_step="run the task again; it continues",
                retryable=True,
            )

    def _read_through_outages(self, read: Callable[[], State], most: float = OUTAGE_SECONDS) -> State:
        end: float | None = None
        while True:
            try:
                return read()
            except MilvusOpsError as error:
                end = end or time.monotonic() + min(most, OUTAGE_SECONDS, self.stall_seconds)
                if error.kind not in PASSING_KINDS or time.monotonic() > end:
                    raise
            self.pause(POLL_SECONDS)
