# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests a service gets at once: half of them when it says "slow down", then one more at a time."""

from __future__ import annotations

import threading
from collections import deque


class Gate:
    """Lets C(ceiling) requests through at once, fewer while the service is busy. Safe to use from many threads.

    In the order in which they came: a thread that asks again at once would else always be before one that waits.
    """

    def __init__(self, ceiling: int) -> None:
        self._ceiling = max(1, ceiling)
        self._limit = float(self._ceiling)
        self._open = 0
        self._round = 0
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    @property
    def limit(self) -> int:
        return int(self._limit)

    def enter(self) -> int:
        """Wait for a place; the round that it belongs to."""
        with self._guard:
            if not self._waiting and self._open < int(self._limit):
                self._open += 1
                return self._round
            turn = threading.Event()
            self._waiting.append(turn)
        try:
            turn.wait()
        except BaseException:
            self._give_up(turn)
            raise
        with self._guard:
            return self._round

    def enter_at_once(self) -> int | None:
        """As M(enter), but None where that would be a wait."""
        with self._guard:
            if self._waiting or self._open >= int(self._limit):
                return None
            self._open += 1
            return self._round

    def leave(self, entered: int, *, busy: bool) -> None:
        """Give the place back; C(busy) if the service said so.

        One wave of refusals halves the limit once: those who entered before the last change know nothing new.
        """
        with self._guard:
            under_way, self._open = self._open, self._open - 1
            if busy and entered == self._round:
                self._limit = max(1.0, min(self._limit, under_way) / 2)
                self._round += 1
            elif not busy and self._limit < self._ceiling:
                self._limit = min(float(self._ceiling), self._limit + 1 / self._limit)
            self._let_in()

    def withdraw(self) -> None:
        """Give a place back that says nothing about the service: nothing was sent, or no answer came."""
        with self._guard:
            self._open -= 1
            self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._open < int(self._limit):
            self._open += 1
            self._waiting.popleft().set()

    def _give_up(self, turn: threading.Event) -> None:
        """A wait that was interrupted: its turn may have come just before."""
        with self._guard:
            if turn in self._waiting:
                self._waiting.remove(turn)
            else:
                self._open -= 1
            self._let_in()
