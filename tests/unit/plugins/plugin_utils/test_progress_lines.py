# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a line says of a state, when one comes, and that a file somebody else wrote is not believed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.plugin_utils.progress_lines import Lines, amount, amounts, parse_state

GIB = 1 << 30


def step(done: int, total: int, unit: str = "bytes", phase: str = "copy", label: str = "nightly") -> dict[str, Any]:
    return {"phase": phase, "label": label, "unit": unit, "total": total, "done": done}


def state(seq: int, *steps: dict[str, Any], collections: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    told = {"version": 1, "pid": 7, "seq": seq, "state": "running", "steps": list(steps), "collections": [*collections]}
    read = parse_state(json.dumps(told))
    assert read is not None
    return dict(read)


def test_a_line_has_share_amounts_rate_and_time_left() -> None:
    lines = Lines(0.0, None)
    assert lines.line(state(1, step(0, 4 * GIB)), 5.0) == "nightly copy 0% 0.0/4.0 GiB"
    assert lines.line(state(2, step(GIB, 4 * GIB)), 15.0) == "nightly copy 25% 1.0/4.0 GiB 102.4 MiB/s ETA 0:00:30"


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    lines = Lines(0.0, None)
    shown = [lines.line(state(1 + now, step(min(now, 10) * GIB, 20 * GIB)), float(now)) for now in range(0, 60, 5)]
    assert shown[-1] == "nightly copy 50% 10.0/20.0 GiB", "what stands has no rate, however fast it began"


def test_rows_side_by_side() -> None:
    lines = Lines(0.0, None)
    films = step(1_200_000, 2_800_000, "rows", "import", "default.films")
    loading = step(0, 0, "", "load", "default.books")
    line = lines.line(state(1, films, loading, collections=(3, 12)), 1.0)
    assert line == "3 of 12 collections; default.films import 42% 1.2/2.8 M rows; default.books load"
    many = [step(0, 0, "", "load", f"c{number}") for number in range(5)]
    assert lines.line(state(2, *many), 2.0) == "c0 load; c1 load; c2 load; and 2 more"


@pytest.mark.parametrize("done", [1000, 1001])
def test_nothing_is_complete_before_the_end(done: int) -> None:
    line = Lines(0.0, None).line(state(1, step(done, 1000, "objects", "check")), 1.0)
    assert line is not None
    assert line.startswith("nightly check 99% ")


def test_silence_is_told_only_when_it_lasts() -> None:
    lines = Lines(0.0, None)
    assert lines.line(None, 5.0) is None, "the module has not begun to write"
    assert lines.line(state(3, step(1, 10)), 10.0) is not None
    assert lines.line(state(3, step(1, 10)), 40.0) is None
    assert lines.line(state(3, step(1, 10)), 75.0) == "no news for 65 s"
    assert lines.line(None, 100.0) == "no news for 90 s", "also when the file cannot be read any more"


def test_lines_become_rarer() -> None:
    lines, told = Lines(0.0, None), []
    for now in range(1, 1200):
        if lines.is_due(float(now)):
            told.append(now)
            lines.line(None, float(now))
    assert told[:12] == list(range(5, 61, 5))
    assert [now for now in told if 60 < now <= 600] == list(range(75, 601, 15))
    assert [now for now in told if now > 600] == list(range(630, 1200, 30))
    fixed = Lines(0.0, 2)
    assert [fixed.is_due(now) for now in (1.0, 2.0)] == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 1}',
        '{"version": 1, "pid": 1, "seq": "x", "state": "running", "steps": [], "collections": [0, 0]}',
        '{"version": 1, "pid": 1, "seq": 1, "state": "running", "steps": [{"phase": 1}], "collections": [0, 0]}',
        '{"version": 1, "pid": 1, "seq": 1, "state": "running", "steps": [], "collections": [0]}',
    ],
)
def test_anything_else_is_no_state(text: str) -> None:
    assert parse_state(text) is None


def test_a_forged_name_stays_on_its_line_and_asks_for_nothing() -> None:
    line = Lines(0.0, None).line(state(1, step(0, 0, label="x\x1b[2J\nPassword:", phase="")), 1.0)
    assert line == "x?[2J?Password"


def test_amounts() -> None:
    assert amounts(0, 512, "bytes") == "0/512 B"
    assert amounts(512, 1536, "bytes") == "0.5/1.5 KiB"
    assert amounts(3, 900, "objects") == "3/900 objects"
    assert amounts(3_000, 90_000, "rows") == "3.0/90.0 k rows"
    assert amount(2048, "bytes") == "2.0 KiB"
    assert amount(31_200, "rows") == "31.2 k"
    assert amount(0.4, "rows") == "0.4"
