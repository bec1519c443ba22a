# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast copies may go: reading C(max_rate), and one budget of bytes for all copy threads."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

from ..errors import usage_error

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
LOWEST_RATE = 64 << 10
"""Slower than this, services close the connections of streams that wait for their turn."""


def parse_rate(text: str | int | None, option: str) -> int | None:
    """Bytes per second: C(500K), C(20M), C(1G) or plain bytes; None where no rate is set."""
    written = "" if text is None else str(text).strip()
    if not written:
        return None
    match = re.fullmatch(r"(\d{1,15})([KMG]?)", written, re.IGNORECASE | re.ASCII)
    if match is None:
        raise _bad_rate(option, written, "it is not a whole number of bytes with K, M or G behind it")
    rate = int(match[1]) * UNITS[match[2].upper()]
    if rate < LOWEST_RATE:
        raise _bad_rate(option, written, f"that is {rate} bytes per second, and the lowest rate is 64K")
    return rate


def _bad_rate(option: str, written: str, cause: str) -> Exception:
    return usage_error(
        "reading the copy options",
        f"{option}={written!r}",
        cause,
        "write 500K, 20M or 1G for so many KiB, MiB or GiB per second; leave it out for no limit",
    )


class RateLimit:
    """A budget of bytes over time that many threads draw from. It only tells how long to wait: its user waits.

    Bytes are paid for before they move, so no run is ever ahead of its rate, and idle time is not saved up.
    """

    def __init__(self, bytes_per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = bytes_per_second
        self._clock = clock
        self._guard = threading.Lock()
        self._paid_until = clock()

    def reserve(self, size: int) -> float:
        """Take the next free span for C(size) bytes; the seconds until it has passed."""
        with self._guard:
            now = self._clock()
            self._paid_until = max(self._paid_until, now) + size / self._rate
            return self._paid_until - now
