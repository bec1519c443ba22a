# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the legs of make test or of make release-check, all whatever fails, and says at the end what each found.

    python tests/tools/run_tests.py [--release] [leg ...]

Legs that start servers run one after the other, after all others, of which two run side by side.
A test or two of a leg that fail are run once more; what passes then is counted as passed and named as unsteady.
Standard library only: this makes the environment in which everything else runs.
The last line is "N passed, N failed": the tests of each pytest leg, and one for each other leg.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree

from collection_tree import CHECKOUT
from leg import LOGS, Command, Leg
from legs import standard_environment, standard_legs
from release_legs import release_legs
from virtualenv import NO_PYTHON

TOTAL_SECONDS = 75 * 60
"""About 50 minutes are usual on two quiet cores."""
SIDE_BY_SIDE = 2
HEARTBEAT_SECONDS = 30
TIMED_OUT, TESTS_FAILED = 124, 1
FEW = 2
"""So many failed tests of a leg are run once more: other work on the machine can make one fail, a defect rarely."""
Outcomes = dict[tuple[str, str], tuple[str, str]]
"""By class and name of a test: passed, failed, skipped or unsteady, and the cause of a failure."""

COMMON_ENVIRONMENT = {"ANSIBLE_HOME": str(CHECKOUT / ".cache" / "ansible"), "NO_COLOR": "1"}


@dataclass(frozen=True)
class Result:
    leg: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    note: str = ""

    @property
    def word(self) -> str:
        if self.failed:
            return "FAILED"
        return "ok" if self.passed else "not run"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--release", action="store_true", help="the legs of make release-check")
    parser.add_argument("legs", nargs="*", metavar="leg", help="only these")
    options = parser.parse_args()
    _end_on_signals()
    legs, names = release_legs() if options.release else standard_legs(), options.legs
    unknown = sorted(set(names) - {leg.name for leg in legs})
    if unknown:
        print(f"no leg {', '.join(unknown)}; there are: {' '.join(leg.name for leg in legs)}")
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    chosen = [leg for leg in legs if not names or leg.name in names]
    results = asyncio.run(_run_all(chosen, time.monotonic() + TOTAL_SECONDS))
    _print_table(results)
    ran = {result.leg for result in results}
    print_failures([leg for leg in chosen if leg.name in ran])
    passed, failed = sum(result.passed for result in results), sum(result.failed for result in results)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 0 if passed and not failed else 1


def _end_on_signals() -> None:
    """A stop in the middle ends the legs with all they started, also where a shell started this with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_unused: signal.raise_signal(signal.SIGINT))


async def _run_all(legs: list[Leg], deadline: float) -> list[Result]:
    print("test environment ...", flush=True)
    environment = Leg("environment", standard_environment(), timeout=1200)
    prepared = await _run_leg(environment, deadline)
    if prepared.failed:
        _print_tail(environment)
        return [prepared]
    return await run_legs(legs, deadline)


async def run_legs(legs: list[Leg], deadline: float) -> list[Result]:
    """Those without servers side by side, then the others one by one."""
    LOGS.mkdir(parents=True, exist_ok=True)
    results = []
    for servers, at_once in ((False, SIDE_BY_SIDE), (True, 1)):
        slots = asyncio.Semaphore(at_once)
        runs = (_run_in_turn(leg, slots, deadline) for leg in legs if leg.servers is servers)
        results += await asyncio.gather(*runs)
    return results


async def _run_in_turn(leg: Leg, slots: asyncio.Semaphore, deadline: float) -> Result:
    async with slots:
        print(f"{leg.name} ...", flush=True)
        result = await _run_leg(leg, deadline)
    if result.failed:
        _print_tail(leg)
    print(_row(result), flush=True)
    return result


async def _run_leg(leg: Leg, deadline: float) -> Result:
    leg.junit.unlink(missing_ok=True)
    leg.junit_again.unlink(missing_ok=True)
    started = time.monotonic()
    stop_at = min(deadline, started + leg.timeout)
    code = 0
    with leg.log.open("w") as log:
        for command in leg.commands:
            code = await _run_command(command, leg, log, stop_at)
            if code == TESTS_FAILED and leg.again and 0 < _count(leg)[1] <= FEW:
                code = await _run_command(leg.again, leg, log, stop_at)
            if code:
                break
    return _judge(leg, code, time.monotonic() - started)


async def _run_command(command: Command, leg: Leg, log: TextIO, stop_at: float) -> int:
    """The exit code; a process that outlives its time is ended with all it started."""
    print(f"$ {' '.join(command)}", file=log, flush=True)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=CHECKOUT,
            env={**os.environ, **COMMON_ENVIRONMENT, **leg.environment},
            stdin=DEVNULL,
            stdout=log,
            stderr=STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        print(f"cannot start {command[0]}: {error}", file=log, flush=True)
        return 127
    try:
        return await _wait(process, leg, stop_at)
    finally:
        await _end(process)


async def _wait(process: Process, leg: Leg, stop_at: float) -> int:
    started = time.monotonic()
    while (left := stop_at - time.monotonic()) > 0:
        try:
            return await asyncio.wait_for(process.wait(), min(HEARTBEAT_SECONDS, left))
        except asyncio.TimeoutError:
            lines = _log_lines(leg)
            print(f"    {leg.name}, {time.monotonic() - started:.0f} s: {lines[-1][:100] if lines else ''}", flush=True)
    return TIMED_OUT


async def _end(process: Process) -> None:
    """SIGTERM first: each pytest process then runs the ends of its fixtures, which stop the servers they started."""
    for sign, patience in ((signal.SIGTERM, 60), (signal.SIGKILL, 10)):
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError, asyncio.TimeoutError):
            os.killpg(process.pid, sign)
            await asyncio.wait_for(process.wait(), patience)


def _judge(leg: Leg, code: int, seconds: float) -> Result:
    if code == NO_PYTHON:
        return Result(leg.name, 0, 0, 0, seconds, _log_lines(leg)[-1])
    if not leg.counts_tests:
        return Result(leg.name, int(code == 0), int(code != 0), 0, seconds, _reason(leg, code))
    passed, failed, skipped = _count(leg)
    if code and not failed:
        return Result(leg.name, passed, 1, skipped, seconds, _reason(leg, code))
    if not passed and not failed:
        return Result(leg.name, 0, 1, skipped, seconds, "no test ran")
    return Result(leg.name, passed, failed, skipped, seconds, _reason(leg, code))


def _reason(leg: Leg, code: int) -> str:
    if code == TIMED_OUT:
        return "out of time"
    if code:
        return f"exit code {code}, see {leg.log.relative_to(CHECKOUT)}"
    unsteady = [outcome for outcome, _cause in _outcomes(leg).values()].count("unsteady")
    return f"{unsteady} unsteady" if unsteady else ""


def _count(leg: Leg) -> tuple[int, int, int]:
    """Passed, failed, skipped."""
    found = [outcome for outcome, _cause in _outcomes(leg).values()]
    return found.count("passed") + found.count("unsteady"), found.count("failed"), found.count("skipped")


def _outcomes(leg: Leg) -> Outcomes:
    """What became of each test, with the cause of a failure."""
    outcomes, again = _read(leg.junit), _read(leg.junit_again)
    passed = {test for test, (outcome, _cause) in again.items() if outcome == "passed"}
    for test in passed & outcomes.keys():
        outcomes[test] = ("unsteady", outcomes[test][1])
    return outcomes


def _read(junit: Path) -> Outcomes:
    """A test whose fixture fails too is one failed test."""
    outcomes: Outcomes = {}
    if not junit.exists():
        return outcomes
    for case in ElementTree.parse(junit).iter("testcase"):
        test = (case.get("classname", ""), case.get("name", ""))
        failure = next((found for kind in ("failure", "error") if (found := case.find(kind)) is not None), None)
        if failure is not None:
            outcomes[test] = ("failed", " ".join(failure.get("message", "").split()))
        elif case.find("skipped") is not None:
            outcomes.setdefault(test, ("skipped", ""))
        else:
            outcomes.setdefault(test, ("passed", ""))
    return outcomes


def _log_lines(leg: Leg) -> list[str]:
    return [line for line in leg.log.read_text(errors="replace").splitlines() if line.strip()]


def _print_tail(leg: Leg) -> None:
    findings = [line for line in _log_lines(leg) if ": note: " not in line]  # mypy lists hundreds for one call of boto3
    for line in findings[-60:]:
        print(f"    | {line[:300]}")


def print_failures(legs: list[Leg]) -> None:
    """Every failed or unsteady test with its cause, near the end, where whoever sees only the last lines sees them."""
    for leg in legs:
        for (where, name), (outcome, cause) in _outcomes(leg).items() if leg.counts_tests else ():
            if outcome in ("failed", "unsteady"):
                print(f"{outcome}: {where}::{name}: {cause[:160]}")


def _row(result: Result) -> str:
    counts = f"{result.passed:5d} passed {result.failed:4d} failed {result.skipped:4d} skipped"
    return f"{result.leg:16s} {result.word:8s} {counts} {result.seconds:8.1f} s  {result.note}".rstrip()


def _print_table(results: list[Result]) -> None:
    print(f"\nlogs: {LOGS.relative_to(CHECKOUT)}")
    for result in results:
        print(_row(result))
    print()


if __name__ == "__main__":
    sys.exit(main())
