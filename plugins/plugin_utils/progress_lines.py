# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines about a running module, from the states that it writes: what is at work, how far, how fast, how long still.

milvus_backup [milvus_a]: nightly copy 43% 1.2/2.8 GiB 310.0 MiB/s ETA 0:00:05
milvus_restore [milvus_b]: 3 of 12 collections; films import 43% 1.2/2.8 M rows 31.2 k/s ETA 0:00:51
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

RATE_SECONDS = 30
"""A rate is that of about so long: a mean since the start would hide that everything stands."""

NO_NEWS_SECONDS = 60
SHOWN_STEPS = 3
BACK_OFF = ((60, 5), (600, 15))
"""Until so many seconds after the start a line comes every so many; later every LAST_INTERVAL."""

LAST_INTERVAL = 30
UNITS = {"bytes": (1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB")), "": (1000, ("", "k", "M", "G", "T"))}


def parse_state(text: str) -> Mapping[str, Any] | None:
    """What the module wrote, None for anything else: the file lies where others may write, too."""
    try:
        state = json.loads(text)
    except ValueError:
        return None
    wanted = {"version": int, "pid": int, "seq": int, "state": str, "steps": list, "collections": list}
    if not isinstance(state, dict) or not all(isinstance(state.get(key), kind) for key, kind in wanted.items()):
        return None
    numbers = {"total": int, "done": int, "phase": str, "label": str, "unit": str}
    steps_fit = all(
        isinstance(step, dict) and all(isinstance(step.get(key), kind) for key, kind in numbers.items())
        for step in state["steps"]
    )
    counts = state["collections"]
    return state if steps_fit and len(counts) == 2 and all(isinstance(count, int) for count in counts) else None


class Lines:
    """Turns one state after another into lines; times are seconds of this host's monotonic clock."""

    def __init__(self, begun: float, interval: int | None) -> None:
        self._begun = begun
        self._interval = interval
        self._told = begun
        self._seq = 0
        self._moved = begun
        self._history: dict[tuple[str, str], deque[tuple[float, int]]] = {}

    def is_due(self, now: float) -> bool:
        return now - self._told >= self._seconds_between(now - self._begun)

    def line(self, state: Mapping[str, Any] | None, now: float) -> str | None:
        """What there is to tell; None when nothing moved, unless that is so for long."""
        self._told = now
        if state is not None and state["seq"] != self._seq:
            self._seq, self._moved = state["seq"], now
            return self._news(state, now)
        if self._seq and now - self._moved >= NO_NEWS_SECONDS:
            return f"no news for {now - self._moved:.0f} s"
        return None

    def _seconds_between(self, age: float) -> float:
        if self._interval:
            return self._interval
        return next((seconds for until, seconds in BACK_OFF if age <= until), LAST_INTERVAL)

    def _news(self, state: Mapping[str, Any], now: float) -> str | None:
        done, total = state["collections"]
        parts = [f"{done} of {total} collections"] if total > 1 else []
        steps: Sequence[Mapping[str, Any]] = state["steps"]
        parts += [self._step(step, now) for step in steps[:SHOWN_STEPS]]
        if len(steps) > SHOWN_STEPS:
            parts.append(f"and {len(steps) - SHOWN_STEPS} more")
        alive = {(step["label"], step["phase"]) for step in steps}
        self._history = {key: past for key, past in self._history.items() if key in alive}
        return "; ".join(parts) or None

    def _step(self, step: Mapping[str, Any], now: float) -> str:
        name = f"{_clean(step['label'])} {_clean(step['phase'])}".strip()
        if step["total"] <= 0:
            return name
        done, total, unit = min(step["done"], step["total"]), step["total"], step["unit"]
        percent = min(99, done * 100 // total)  # all there is not yet the end: that is told by the task's result
        rate = self._rate((step["label"], step["phase"]), done, now)
        text = f"{name} {percent}% {amounts(done, total, unit)}"
        if not rate:
            return text
        left = timedelta(seconds=round((total - done) / rate))
        return f"{text} {amount(rate, unit)}/s ETA {left}"

    def _rate(self, key: tuple[str, str], done: int, now: float) -> float:
        """Units a second over the last half minute; 0 while it is not known."""
        past = self._history.setdefault(key, deque())
        past.append((now, done))
        while len(past) > 2 and now - past[1][0] >= RATE_SECONDS:
            past.popleft()
        began, before = past[0]
        return (done - before) / (now - began) if now > began else 0.0


def amounts(done: float, total: float, unit: str) -> str:
    """Two numbers in the size of the larger one."""
    step, names = UNITS.get(unit, UNITS[""])
    power = _power(total, step, len(names))
    name = _named(names[power], unit)
    return f"{_number(done / step**power, power)}/{_number(total / step**power, power)}{name}"


def amount(number: float, unit: str) -> str:
    step, names = UNITS.get(unit, UNITS[""])
    power = _power(number, step, len(names))
    places = power or int(number != int(number))  # whole bytes have none, a slow rate has
    return f"{_number(number / step**power, places)}{' ' + names[power] if names[power] else ''}"


def _named(size: str, unit: str) -> str:
    words = [size] if unit == "bytes" else [word for word in (size, unit) if word]
    return "".join(f" {word}" for word in words)


def _power(number: float, step: int, sizes: int) -> int:
    power = 0
    while number >= step and power + 1 < sizes:
        number, power = number / step, power + 1
    return power


def _number(value: float, power: int) -> str:
    return f"{value:.1f}" if power else f"{value:.0f}"


def _clean(text: str) -> str:
    """Names come from a file that others may have written: one line, nothing that moves a cursor, never a prompt."""
    return "".join(character if character.isprintable() else "?" for character in text)[:100].rstrip(": ")
