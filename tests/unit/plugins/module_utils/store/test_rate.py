# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""max_rate: reading it, and keeping to it."""

from __future__ import annotations

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.rate import RateLimit, parse_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("500K", 500 * 1024),
        ("20M", 20 * 1024 * 1024),
        ("20m", 20 * 1024 * 1024),
        (" 1G ", 1024**3),
        ("1048576", 1048576),
        (1048576, 1048576),
        ("64K", 65536),
        (None, None),
        ("", None),
        ("  ", None),
    ],
)
def test_rates_are_bytes_per_second(text: str | int | None, rate: int | None) -> None:
    assert parse_rate(text, "max_rate") == rate


@pytest.mark.parametrize("text", ["0", "20", "63K", "-5M", "1.5M", "20MB", "20 M/s", "fast", "٣M", "9" * 40, "M"])
def test_a_bad_rate_is_refused_with_the_option_and_an_example(text: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        parse_rate(text, "max_rate")
    assert caught.value.kind == "usage"
    assert caught.value.failure.where == f"max_rate={text!r}"
    assert "20M" in caught.value.failure.next_step


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_all_that_is_reserved_at_once_takes_as_long_as_the_rate_says() -> None:
    limit = RateLimit(1000, clock=Clock())
    waits = [limit.reserve(size) for size in (500, 500, 3000, 0, 1000)]
    assert waits == [0.5, 1.0, 4.0, 4.0, 5.0]


def test_waiting_counts_but_idle_time_is_not_saved_up() -> None:
    clock = Clock()
    limit = RateLimit(1000, clock=clock)
    assert limit.reserve(2000) == 2.0
    clock.now += 1.5
    assert limit.reserve(1000) == pytest.approx(1.5)
    clock.now += 3600
    assert limit.reserve(1000) == 1.0
