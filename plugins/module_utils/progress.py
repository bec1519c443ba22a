# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a run is: seconds for each phase, and what was done of what was planned."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Collects the seconds of each phase for the result; phases of one name add up, also those of several threads."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._seconds: dict[str, float] = {}
        self._guard = threading.Lock()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            with self._guard:
                self._seconds[name] = self._seconds.get(name, 0.0) + time.monotonic() - begun

    @property
    def seconds_by_phase(self) -> dict[str, float]:
        return {name: round(seconds, 2) for name, seconds in self._seconds.items()}

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._begun, 2)
