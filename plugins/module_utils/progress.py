# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a run is: seconds for each phase, and what was done of what was planned."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

BYTES, ROWS, OBJECTS = "bytes", "rows", "objects"


@dataclass
class Step:
    """One phase at work on C(label), a collection or a backup: C(done) of C(total) units. A total of 0 is unknown."""

    phase: str
    label: str = ""
    unit: str = ""
    total: int = 0
    done: int = 0

    def advance(self, number: int = 1) -> None:
        """Count on. Threads that share a step call this under a lock of their own."""
        self.done += number

    def reach(self, done: int) -> None:
        """Never back: a server may report less after a restart."""
        self.done = max(self.done, done)


class Progress:
    """Collects the seconds of each phase for the result, and knows the steps at work for those who watch.

    Phases of one name add up, also those of several threads.
    """

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._seconds: dict[str, float] = {}
        self._steps: list[Step] = []
        self._collections = [0, 0]
        self._guard = threading.Lock()

    @contextmanager
    def phase(self, name: str, label: str = "", unit: str = "", total: int = 0) -> Iterator[Step]:
        """Time a phase; it yields the step to count on."""
        step, begun = Step(name, label, unit, total), time.monotonic()
        with self._guard:
            self._steps.append(step)
        try:
            yield step
        finally:
            with self._guard:
                self._steps.remove(step)
                self._seconds[name] = self._seconds.get(name, 0.0) + time.monotonic() - begun

    def expect_collections(self, number: int) -> None:
        """How many collections the run works on, where that is worth telling."""
        with self._guard:
            self._collections = [0, number]

    def collection_done(self) -> None:
        with self._guard:
            self._collections[0] += 1

    def snapshot(self) -> dict[str, Any]:
        """What is at work now, as plain data: names and numbers alone."""
        with self._guard:
            return {"steps": [asdict(step) for step in self._steps], "collections": list(self._collections)}

    @property
    def seconds_by_phase(self) -> dict[str, float]:
        return {name: round(seconds, 2) for name, seconds in self._seconds.items()}

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._begun, 2)
