# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trying again: pauses with jitter, a deadline for each request, and a budget that all requests to a store share.

Repeats of many threads can bring a service down that a single client could not. So every repeat is paid from one
budget, successes refill it, and a service that refuses everything ends the run soon. How often one request is repeated
depends on why: a service that says "slow down" is alive, so that counts by the deadline alone.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import MilvusOpsError
from .base import TransferBroken

ATTEMPTS = 10
FIRST_CONTACT_ATTEMPTS = 3
"""For a service that never answered anything: it is more likely misnamed than busy."""

DEADLINE_SECONDS = 300.0
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
NAP_SECONDS = 0.5
"""A pause is slept in naps, so that a run that is told to stop does."""

BUDGET = 2000.0
"""What 128 threads need to wait for a service that starts again: one thread that gives up ends the run."""

REFILL = 8.0
"""Repeats that one success pays for: enough for a service that refuses four requests of five."""

THROTTLED = "throttled"
T = TypeVar("T")


class RetryBudget:
    """How many repeats all requests together may still make."""

    def __init__(self) -> None:
        self._left = BUDGET
        self._guard = threading.Lock()

    def refill(self) -> None:
        """After a success. Without the lock while nothing is missing, which is nearly always."""
        if self._left < BUDGET:
            with self._guard:
                self._left = min(BUDGET, self._left + REFILL)

    def spend(self) -> bool:
        with self._guard:
            self._left -= 1
            return self._left >= 0


def persist(
    attempt: Callable[[], T],
    what: str,
    *,
    operation: str = "streaming an object",
    attempts: Callable[[], int] = lambda: ATTEMPTS,
    budget: RetryBudget | None = None,
    seconds: float | None = None,
    still_wanted: Callable[[], None] = lambda: None,
    state_left: str = "nothing was written under the key of this object",
) -> T:
    """Repeat an attempt while it ends with TransferBroken; at last raise MilvusOpsError with what broke it.

    C(seconds) is when to give up, C(DEADLINE_SECONDS) unless told. C(still_wanted) may raise to end it at once.
    """
    end = time.monotonic() + (DEADLINE_SECONDS if seconds is None else seconds)
    number = 0
    while True:
        try:
            result = attempt()
        except TransferBroken as error:
            last = error
        else:
            if budget is not None:
                budget.refill()
            return result
        number += 1
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(number - 1, 16))
        pause = random.uniform(longest / 2, longest)
        reason = _reason_to_give_up(number, attempts(), last, budget, time.monotonic() + pause > end)
        if reason:
            raise MilvusOpsError(
                last.kind,
                operation,
                what,
                f"{reason}, the last one because {last}",
                state_left=state_left,
                next_step=last.next_step,
            ) from last
        _sleep(pause, still_wanted)


def _reason_to_give_up(number: int, most: int, last: TransferBroken, budget: RetryBudget | None, late: bool) -> str:
    tried = f"{number} attempts broke off"
    if late:
        return f"{tried} until the time was up"
    if last.kind != THROTTLED and number >= most:
        return tried
    if budget is not None and not budget.spend():
        return f"{tried}, and those of other requests used up what this run may repeat"
    return ""


def _sleep(seconds: float, still_wanted: Callable[[], None]) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, NAP_SECONDS))
        still_wanted()
    still_wanted()
