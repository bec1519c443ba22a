# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments as Milvus counts them: hybrid timestamps, milliseconds since 1970 shifted by a counter."""

from __future__ import annotations

from datetime import datetime, timezone

from ..errors import MilvusOpsError, usage_error

LOGICAL_BITS = 18
EARLIEST_HYBRID = 946_684_800_000 << LOGICAL_BITS
"""The year 2000: whatever is smaller is milliseconds or seconds that somebody took for a hybrid timestamp."""


def parse_timestamp(text: str | None, option: str) -> int | None:
    """A moment as a user writes it: a hybrid timestamp, or a date and time by ISO 8601, UTC if it names no zone.

    None for an empty text. Raises usage errors.
    """
    if text is None or not text.strip():
        return None
    text = text.strip()
    if text.isdecimal():
        if int(text) < EARLIEST_HYBRID or int(text) >= 1 << 63:
            raise _unreadable(text, option, "as a hybrid timestamp this lies outside of the years 2000 to 2200")
        return int(text)
    try:
        moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)
    except ValueError as error:
        raise _unreadable(text, option, str(error)) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    milliseconds = int(moment.timestamp() * 1000)
    if milliseconds << LOGICAL_BITS < EARLIEST_HYBRID:
        raise _unreadable(text, option, "this lies before the year 2000")
    return milliseconds << LOGICAL_BITS


def _unreadable(text: str, option: str, cause: str) -> MilvusOpsError:
    return usage_error(
        f"reading {option}",
        f"{option}={text!r}",
        cause,
        "write a date and time such as 2026-11-22T10:00:00Z, or a hybrid timestamp",
    )
