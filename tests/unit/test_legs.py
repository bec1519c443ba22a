# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How make test runs its legs: what it says of each, which run side by side, and what a stop leaves behind."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from leg import Command, Leg, pytest_leg
from legs import standard_legs
from release_legs import release_legs
from run_tests import FEW, Result, print_failures, run_legs

CHECKS = "import sys, time; from pathlib import Path; here = Path(sys.argv[1])"
MEET = f"{CHECKS}; (here / sys.argv[2]).touch()\nwhile not (here / sys.argv[3]).exists(): time.sleep(0.02)"
ALONE = f"{CHECKS}; lock = here / 'lock'; lock.mkdir(); time.sleep(0.2); lock.rmdir()"
LONG = f"{CHECKS}; import os; (here / 'pid').write_text(str(os.getpid())); time.sleep(60)"


def python(program: str, *arguments: str | Path) -> Command:
    return (sys.executable, "-c", program, *map(str, arguments))


def leg(name: str, *commands: Command, timeout: int = 30, servers: bool = False) -> Leg:
    return Leg(f"unit-test-{name}", commands, timeout=timeout, servers=servers)


def run(*legs: Leg) -> list[Result]:
    return asyncio.run(run_legs(list(legs), time.monotonic() + 60))


def test_a_leg_ends_with_the_first_command_that_fails(tmp_path: Path) -> None:
    touch = python(f"{CHECKS}; (here / 'touched').touch()", tmp_path)
    results = run(
        leg("fails", python("raise SystemExit(3)"), touch), leg("absent", ("/nothing/here",)), leg("ok", touch)
    )
    assert [(result.passed, result.failed, result.note.partition(",")[0]) for result in results] == [
        (0, 1, "exit code 3"),
        (0, 1, "exit code 127"),
        (1, 0, ""),
    ]


TRIES = """
from pathlib import Path

def tried(name):
    tries = Path(__file__).with_name(name)
    tries.write_text((tries.read_text() if tries.exists() else "") + "x")
    return len(tries.read_text())

def test_sound(): assert tried("sound")
def test_unsteady(): assert tried("unsteady") == 2
def test_broken(): assert not tried("broken")
"""


@pytest.mark.parametrize(
    ("tests", "counts", "tries"),
    [
        ("sound or unsteady", (2, 0, "1 unsteady"), {"sound": 1, "unsteady": 2}),
        ("sound or broken", (1, 1, "exit code 1"), {"sound": 1, "broken": 2}),
        ("unsteady or broken", (1, 1, "exit code 1"), {"unsteady": 2, "broken": 2}),
    ],
)
def test_what_fails_once_is_named(
    tmp_path: Path, tests: str, counts: tuple[int, int, str], tries: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(TRIES)
    made = pytest_leg(f"unit-test-{tmp_path.name}", str(tmp_path), "-k", tests)
    here = replace(made, again=(sys.executable, *made.again[1:]), commands=((sys.executable, *made.commands[0][1:]),))
    (result,) = run(here)
    assert (result.passed, result.failed, result.note.partition(",")[0]) == counts
    assert {name: len((tmp_path / name).read_text()) for name in tries} == tries
    print_failures([here])
    told = capsys.readouterr().out
    assert ("\nunsteady: " in told, "\nfailed: " in told) == ("unsteady" in tries, "broken" in tries)


def test_many_that_fail_are_not_run_again(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text("".join(f"def test_{number}(): assert 0\n" for number in range(FEW + 1)))
    made = pytest_leg(f"unit-test-{tmp_path.name}", str(tmp_path))
    here = replace(made, again=python("raise SystemExit(0)"), commands=((sys.executable, *made.commands[0][1:]),))
    assert [(result.passed, result.failed) for result in run(here)] == [(0, FEW + 1)]


def test_two_without_servers_meet(tmp_path: Path) -> None:
    both = (leg("left", python(MEET, tmp_path, "a", "b")), leg("right", python(MEET, tmp_path, "b", "a")))
    assert [result.failed for result in run(*both)] == [0, 0]


def test_those_with_servers_never_meet(tmp_path: Path) -> None:
    legs = [leg(str(number), python(ALONE, tmp_path), servers=True) for number in range(3)]
    assert [result.failed for result in run(*legs)] == [0, 0, 0]


def test_what_is_out_of_time_is_ended(tmp_path: Path) -> None:
    (result,) = run(leg("long", python(LONG, tmp_path), timeout=2))
    assert (result.failed, result.note) == (1, "out of time")
    assert is_gone(tmp_path / "pid")


def test_a_stop_ends_what_runs(tmp_path: Path) -> None:
    async def stopped() -> None:
        legs = asyncio.create_task(run_legs([leg("stopped", python(LONG, tmp_path))], time.monotonic() + 60))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            await asyncio.sleep(0.02)
        legs.cancel()
        await legs

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(stopped())
    assert is_gone(tmp_path / "pid")


def is_gone(note: Path) -> bool:
    try:
        os.kill(int(note.read_text()), 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("legs", [standard_legs(), release_legs()], ids=["make test", "make release-check"])
def test_no_two_legs_share_a_name(legs: list[Leg]) -> None:
    names = [leg.name for leg in legs]
    assert len(set(names)) == len(names)
