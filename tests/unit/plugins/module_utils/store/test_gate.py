# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets through the gate before a service, and when."""

from __future__ import annotations

import threading
import time

from ansible_collections.vectorops.milvus.plugins.module_utils.store.gate import Gate

PLACES = 4


def test_one_who_waits_is_not_passed_by_those_who_ask_again_at_once() -> None:
    """The renewal of a lock waits at the same gate as the copies: without its turn, a long copy loses the lock."""
    gate, stop, came = Gate(PLACES), threading.Event(), threading.Event()

    def copy_on_and_on() -> None:
        while not stop.is_set():
            entered = gate.enter()
            time.sleep(0.002)
            gate.leave(entered, busy=False)

    def renew() -> None:
        gate.leave(gate.enter(), busy=False)
        came.set()

    copies = [threading.Thread(target=copy_on_and_on, daemon=True) for _number in range(PLACES)]
    for copy in copies:
        copy.start()
    time.sleep(0.05)
    renewal = threading.Thread(target=renew, daemon=True)
    renewal.start()
    in_time = came.wait(1.5)
    stop.set()
    for thread in (*copies, renewal):
        thread.join(5)
    assert in_time


def test_a_busy_service_gets_half_as_many_and_then_one_more_at_a_time() -> None:
    gate = Gate(PLACES)
    rounds = [gate.enter() for _number in range(PLACES)]
    for entered in rounds:
        gate.leave(entered, busy=True)
    assert gate.limit == PLACES // 2
    for _number in range(10):
        gate.leave(gate.enter(), busy=False)
    assert gate.limit == PLACES


def test_a_busy_service_gets_half_of_what_it_had_though_more_were_allowed() -> None:
    gate = Gate(100)
    rounds = [gate.enter() for _number in range(PLACES)]
    for entered in rounds:
        gate.leave(entered, busy=True)
    assert gate.limit == PLACES // 2


def test_a_place_that_was_of_no_use_says_nothing_about_the_service() -> None:
    gate = Gate(8)
    rounds = [gate.enter() for _number in range(8)]
    for entered in rounds:
        gate.leave(entered, busy=True)
    assert gate.limit == 4
    for _number in range(20):
        assert gate.enter_at_once() is not None
        gate.withdraw()
    assert gate.limit == 4
    places = [gate.enter_at_once() for _number in range(5)]
    assert places.count(None) == 1


def test_a_place_that_was_of_no_use_goes_to_the_next_who_waits() -> None:
    gate = Gate(1)
    gate.enter()
    waiting = threading.Thread(target=gate.enter, daemon=True)
    waiting.start()
    gate.withdraw()
    waiting.join(5)
    assert not waiting.is_alive()
