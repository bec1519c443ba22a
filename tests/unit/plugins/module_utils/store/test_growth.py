# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many copies are made at once, by how long each of them takes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from local_folders import fill, keys, store_at

from ansible_collections.vectorops.milvus.plugins.module_utils.store import copy as copying
from ansible_collections.vectorops.milvus.plugins.module_utils.store import growth as growing
from ansible_collections.vectorops.milvus.plugins.module_utils.store.copy import Copy, CopyRun
from ansible_collections.vectorops.milvus.plugins.module_utils.store.growth import FIRST, FIRST_OF_ONE_THREAD, Growth

MANY = 20_000


def after_many(growth: Growth, seconds_of: Callable[[int], float]) -> int:
    """How many are wanted after many copies, each of which took as long as it does among so many."""
    for _copy in range(MANY):
        growth.note(seconds_of(growth.wanted))
    return growth.wanted


@pytest.mark.parametrize("most", [1, 4, FIRST, 100, 128, 256])
def test_a_service_that_takes_its_time_gets_as_many_as_are_allowed(most: int) -> None:
    assert after_many(Growth(most), lambda wanted: 0.02) == most


@pytest.mark.parametrize("most", [1, 4, FIRST, 100, 128, 256])
def test_a_service_at_its_limit_gets_no_more_than_at_first(most: int) -> None:
    assert after_many(Growth(most), lambda wanted: wanted / 1000) == min(FIRST, most)


def test_what_was_found_to_be_as_fast_is_kept() -> None:
    """Up to 144 at once a copy takes as long as alone, then they wait for each other."""
    assert after_many(Growth(512), lambda wanted: 0.02 * max(1, wanted / 144)) == 144


@pytest.mark.parametrize("most", [1, FIRST, FIRST_OF_ONE_THREAD, 256])
def test_one_thread_begins_with_more(most: int) -> None:
    """And keeps them at a service at its limit, but never has more than are allowed."""
    growth = Growth(most)
    growth.begin_with(FIRST_OF_ONE_THREAD)
    assert growth.wanted == min(FIRST_OF_ONE_THREAD, most)
    assert after_many(growth, lambda wanted: wanted / 1000) == min(FIRST_OF_ONE_THREAD, most)


def test_slow_first_copies_are_no_measure() -> None:
    """They make their connections, while all workers start."""
    growth = Growth(128)
    for _copy in range(FIRST):
        growth.note(1.0)
    assert after_many(growth, lambda wanted: wanted / 1000) == FIRST


@pytest.mark.parametrize(
    ("slower", "most_workers", "highest", "last"),
    [
        pytest.param(float("inf"), 128, 9, 9, id="never slower"),
        pytest.param(float("inf"), 5, 5, 5, id="no more threads"),
        pytest.param(0.0, 128, 6, 4, id="always slower"),
    ],
)
def test_workers_come_and_go_as_they_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slower: float, most_workers: int, highest: int, last: int
) -> None:
    monkeypatch.setattr(growing, "FIRST", 4)
    monkeypatch.setattr(growing, "SLOWER", slower)
    monkeypatch.setattr(copying, "MOST_WORKERS", most_workers)
    fill(tmp_path / "source", *(f"{number:04d}" for number in range(300)))
    source, destination, target = store_at(tmp_path / "source"), store_at(tmp_path, "mine/"), f"{tmp_path}/mine/"
    listed = source.list_objects(f"{tmp_path}/source/")
    copies = (Copy(item.key, item.etag, item.size, target + Path(item.key).name) for item in listed)
    at_work: list[int] = []

    def count(copy: Copy) -> None:
        at_work.append(sum(thread.name == "copy" for thread in threading.enumerate()))

    run = CopyRun(source, destination, concurrency=9, before_each=lambda: None, after_each=count)
    assert run.run(copies).objects == 300 == len(keys(destination, tmp_path, "mine/"))
    assert max(at_work) == highest
    assert at_work[250] == last
