# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the legs of make test, all of them whatever fails, and says at the end what each found.

    python tests/tools/run_tests.py [leg ...]

Standard library only: this makes the environment in which everything else runs.
The last line is "N passed, N failed": the tests of each pytest leg, and one for each other leg.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from xml.etree import ElementTree

from collection_tree import CHECKOUT
from legs import LOGS, Command, Leg, all_legs, make_test_environment
from virtualenv import NO_PYTHON

TOTAL_SECONDS = 57 * 60
HEARTBEAT_SECONDS = 30
TIMED_OUT = 124
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


def main(names: list[str]) -> int:
    legs = all_legs()
    unknown = sorted(set(names) - {leg.name for leg in legs})
    if unknown:
        print(f"no leg {', '.join(unknown)}; there are: {' '.join(leg.name for leg in legs)}")
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + TOTAL_SECONDS
    chosen = [leg for leg in legs if not names or leg.name in names]
    results = _run_all(chosen, deadline)
    _print_table(results)
    ran = {result.leg for result in results}
    _print_failures([leg for leg in chosen if leg.name in ran])
    passed, failed = sum(result.passed for result in results), sum(result.failed for result in results)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 0 if passed and not failed else 1


def _run_all(legs: list[Leg], deadline: float) -> list[Result]:
    environment = Leg("environment", (make_test_environment(),), timeout=1200)
    print("test environment ...", flush=True)
    prepared = _run_leg(environment, deadline)
    if prepared.failed:
        return [prepared]
    results = []
    for number, leg in enumerate(legs, 1):
        print(f"[{number}/{len(legs)}] {leg.name} ...", flush=True)
        result = _run_leg(leg, deadline)
        print(f"[{number}/{len(legs)}] {_row(result)}", flush=True)
        results.append(result)
    return results


def _run_leg(leg: Leg, deadline: float) -> Result:
    leg.junit.unlink(missing_ok=True)
    started = time.monotonic()
    stop_at = min(deadline, started + leg.timeout)
    code = 0
    with leg.log.open("w") as log:
        for command in leg.commands:
            print(f"$ {' '.join(command)}", file=log, flush=True)
            code = _run_command(command, leg, log.fileno(), stop_at)
            if code:
                break
    result = _judge(leg, code, time.monotonic() - started)
    if result.failed:
        _print_tail(leg)
    return result


def _run_command(command: Command, leg: Leg, log: int, stop_at: float) -> int:
    """The exit code; a process that outlives its time is ended with all it started."""
    try:
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env={**os.environ, **COMMON_ENVIRONMENT, **leg.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        os.write(log, f"cannot start {command[0]}: {error}\n".encode())
        return 127
    try:
        return _wait(process, leg, stop_at)
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], leg: Leg, stop_at: float) -> int:
    started = time.monotonic()
    while (left := stop_at - time.monotonic()) > 0:
        try:
            return process.wait(min(HEARTBEAT_SECONDS, left))
        except subprocess.TimeoutExpired:
            lines = _log_lines(leg)
            print(f"    {leg.name}, {time.monotonic() - started:.0f} s: {lines[-1][:100] if lines else ''}", flush=True)
    return TIMED_OUT


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt first: pytest then runs the fixtures' ends, which stop the servers they started."""
    for sign, patience in ((signal.SIGINT, 60), (signal.SIGKILL, 10)):
        if process.poll() is not None:
            return
        os.killpg(process.pid, sign)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue


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
    return f"exit code {code}, see {leg.log.relative_to(CHECKOUT)}" if code else ""


def _count(leg: Leg) -> tuple[int, int, int]:
    """Passed, failed, skipped."""
    found = [outcome for outcome, _cause in _outcomes(leg).values()]
    return found.count("passed"), found.count("failed"), found.count("skipped")


def _outcomes(leg: Leg) -> dict[tuple[str, str], tuple[str, str]]:
    """What became of each test, with the cause of a failure; a test whose fixture fails too is one failed test."""
    outcomes: dict[tuple[str, str], tuple[str, str]] = {}
    if not leg.junit.exists():
        return outcomes
    for case in ElementTree.parse(leg.junit).iter("testcase"):
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


def _print_failures(legs: list[Leg]) -> None:
    """Every failed test with its cause, near the end, where whoever sees only the last lines sees them."""
    for leg in legs:
        for (where, name), (outcome, cause) in _outcomes(leg).items() if leg.counts_tests else ():
            if outcome == "failed":
                print(f"failed: {where}::{name}: {cause[:160]}")


def _row(result: Result) -> str:
    counts = f"{result.passed:5d} passed {result.failed:4d} failed {result.skipped:4d} skipped"
    return f"{result.leg:16s} {result.word:8s} {counts} {result.seconds:8.1f} s  {result.note}".rstrip()


def _print_table(results: list[Result]) -> None:
    print(f"\nlogs: {LOGS.relative_to(CHECKOUT)}")
    for result in results:
        print(_row(result))
    print()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
