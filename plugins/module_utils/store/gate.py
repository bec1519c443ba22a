# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests a service gets at once: half as many when it says "slow down", then one more at a time."""

from __future__ import annotations

import threading


class Gate:
    """Lets C(ceiling) requests through at once, fewer while the service is busy. Safe to use from many threads."""

    def __init__(self, ceiling: int) -> None:
        self._ceiling = max(1, ceiling)
        self._limit = float(self._ceiling)
        self._open = 0
        self._round = 0
        self._free = threading.Condition(threading.Lock())

    @property
    def limit(self) -> int:
        return int(self._limit)

    def enter(self) -> int:
        """Wait for a place; the round that it belongs to."""
        with self._free:
            while self._open >= int(self._limit):
                self._free.wait()
            self._open += 1
            return self._round

    def leave(self, entered: int, *, busy: bool) -> None:
        """Give the place back; C(busy) if the service said so.

        One wave of refusals halves the limit once: those who entered before the last change know nothing new.
        """
        with self._free:
            self._open -= 1
            if busy and entered == self._round:
                self._limit = max(1.0, self._limit / 2)
                self._round += 1
            elif not busy and self._limit < self._ceiling:
                self._limit = min(float(self._ceiling), self._limit + 1 / self._limit)
                self._free.notify()
            self._free.notify()
