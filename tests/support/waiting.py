# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a moment that comes by itself."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], seconds: float = 60, *, pause: float = 0.02) -> None:
    """Fail if it has not come after so many seconds. The pause is short, for many moments are."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"the moment did not come in {seconds} seconds"
        time.sleep(pause)
