# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many copies are made at once: more of them while that makes more of them in a second."""

from __future__ import annotations

FIRST = 64
FIRST_OF_ONE_THREAD = 128
"""Where one thread has all copies under way: they take no turns, and half as many would be judged for longer."""

FACTOR = 1.5
SLOWER = 1.25
"""A service that has no more to give takes C(FACTOR) times as long for each of so many more copies."""

ROUNDS = 2
"""Copies of each worker that are judged. The one before them is not: it began among fewer, or made its connection."""


class Growth:
    """Begins with C(FIRST) and stays at the highest number that did not slow the single copy down.

    A service that is far away or takes its time then works on more copies at once; one that is at its limit, and may
    have others to serve, does not. Not safe to use from many threads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.wanted = self._proven = min(FIRST, most)
        self._quickest = float("inf")
        self._begin()

    def begin_with(self, first: int) -> None:
        """Before the first copy: begin with another number than C(FIRST)."""
        self.wanted = self._proven = min(first, self._most)
        self._begin()

    def note(self, seconds: float) -> None:
        """One more copy was made, in so many seconds."""
        if self.wanted == self._most == self._proven:
            return
        self._copies += 1
        if self._copies > 0:
            self._seconds += seconds
        if self._copies == ROUNDS * self.wanted:
            self._judge(self._seconds / self._copies)
            self._begin()

    def _begin(self) -> None:
        self._copies, self._seconds = -self.wanted, 0.0

    def _judge(self, mean: float) -> None:
        if mean > SLOWER * self._quickest:
            self.wanted = self._most = self._proven
            return
        self._quickest = min(self._quickest, mean)
        self._proven = self.wanted
        self.wanted = min(self._most, int(self.wanted * FACTOR))
