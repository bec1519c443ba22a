# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a wait is without hope: no change for too long, however long the whole takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.restore import waiting
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.waiting import Patience, StallClock


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


def answers(*states: object) -> Callable[[], object]:
    """One after the other, an error is raised; the last one for ever."""
    left = list(states)

    def read() -> object:
        state = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(state, BaseException):
            raise state
        return state

    return read


def failed(kind: str) -> MilvusOpsError:
    return MilvusOpsError(kind, "asking", "the server", "it did not answer")


def never(state: object) -> MilvusOpsError:
    raise AssertionError(state)


@pytest.mark.parametrize("passing", [(), (failed("unreachable"), failed("timeout"), failed("throttled"))])
def test_a_wait_goes_on_through_outages(passing: Sequence[MilvusOpsError]) -> None:
    assert Patience(60).until(answers(1, *passing, 3), lambda state: state == 3, never) == 3


@pytest.mark.parametrize("kind", ["permission", "internal"])
def test_other_failures_end_a_wait(kind: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        Patience(60).until(answers(1, failed(kind), 3), lambda state: state == 3, never)
    assert caught.value.kind == kind


def test_a_state_that_does_not_move_is_an_error_or_the_end() -> None:
    """An error where the work is needed; where it is only to come to rest, the last state."""
    with pytest.raises(MilvusOpsError) as caught:
        Patience(-1).until(answers(1), lambda state: False, lambda state: failed("timeout"))
    assert caught.value.kind == "timeout"
    assert Patience(60).settle(answers(1), lambda state: False, -1) == 1
    assert Patience(60).settle(answers(1, 2), lambda state: state == 2, 60) == 2


def test_what_is_to_come_to_rest_soon_is_not_waited_for_through_a_long_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "POLL_SECONDS", 0.02)
    away = [failed("unreachable")] * 100
    with pytest.raises(MilvusOpsError) as caught:
        Patience(60).settle(answers(*away, 3), lambda state: state == 3, 0.1)
    assert caught.value.kind == "unreachable"
    assert Patience(60).settle(answers(*away[:3], 3), lambda state: state == 3, 60) == 3


def test_a_run_that_is_told_to_stop_waits_no_longer() -> None:
    patience = Patience(60)
    patience.stop.set()
    for wait in (
        lambda: patience.pause(60),
        lambda: patience.until(answers(1), lambda state: False, never),
        lambda: patience.settle(answers(1), lambda state: False, 60),
    ):
        with pytest.raises(MilvusOpsError) as caught:
            wait()
        assert caught.value.kind == "cancelled"


@pytest.mark.parametrize(
    ("refusals", "kind", "asked"), [(3, "throttled", 4), (1, "quota", 1), (10**6, "throttled", None)]
)
def test_a_full_queue_is_waited_for_but_not_for_ever(refusals: int, kind: str, asked: int | None) -> None:
    """What is refused for another reason is not asked again."""
    calls: list[int] = []

    def ask() -> str:
        calls.append(1)
        if len(calls) <= refusals:
            raise MilvusOpsError(kind, "submitting", "docs", "no room")
        return "done"

    patience = Patience(0.1)
    if kind == "throttled" and asked:
        assert patience.when_there_is_room(ask, 0.001) == "done"
    else:
        with pytest.raises(MilvusOpsError) as caught:
            patience.when_there_is_room(ask, 0.001)
        assert caught.value.kind == kind
    assert asked is None or len(calls) == asked
