# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a wait is without hope: no change for too long, however long the whole takes."""

from __future__ import annotations

from ansible_collections.vectorops.milvus.plugins.module_utils.restore.waiting import StallClock


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_unchanged_state_stalls_after_the_limit() -> None:
    clock = Clock()
    wait = StallClock(10, clock)
    assert not wait.stalled("a")
    clock.now += 10
    assert not wait.stalled("a")
    clock.now += 0.1
    assert wait.stalled("a")


def test_every_change_starts_the_limit_anew() -> None:
    clock = Clock()
    wait = StallClock(10, clock)
    for percent in range(100):
        clock.now += 9
        assert not wait.stalled([("ImportStarted", percent)])
    clock.now += 9
    assert not wait.stalled([("ImportStarted", 99)])
    clock.now += 2
    assert wait.stalled([("ImportStarted", 99)])
    assert not wait.stalled([("ImportCompleted", 100)]), "late progress is progress"


def test_the_first_look_counts_from_the_look() -> None:
    clock = Clock()
    wait = StallClock(10, clock)
    clock.now += 11
    assert not wait.stalled("a")
    clock.now += 11
    assert wait.stalled("a")


def test_a_state_of_nothing_stalls_too() -> None:
    clock = Clock()
    wait = StallClock(10, clock)
    clock.now += 11
    assert wait.stalled(None)


def test_the_real_clock_is_the_default() -> None:
    assert StallClock(-1).stalled("a")
    assert not StallClock(60).stalled("a")
