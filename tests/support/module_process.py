# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of the collection as Ansible does on a host: its own process, arguments in, one JSON result out.

`python module_process.py MODULE < arguments.json`, or M(run), M(start) and, without a process, M(run_here) from a test.
M(killed_at) and M(recorded) use the points of crash_points.py.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crash_points

TIMEOUT = 300
CONSTANTS_VARIABLE = "MODULE_PROCESS_CONSTANTS"
"""JSON: constants of the engine that a run has other than users, such as C(store.retry.LONGEST_PAUSE)."""

PACKAGE = "ansible_collections.vectorops.milvus.plugins.modules"
ENGINE = "ansible_collections.vectorops.milvus.plugins.module_utils"


@dataclass(frozen=True)
class ModuleRun:
    """A finished run; C(result) is what the module returned, C(output) everything it printed."""

    result: Mapping[str, Any]
    output: str

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    @property
    def kind(self) -> str | None:
        """The kind of the failure, None for a success."""
        return self.result["failure"]["kind"] if self.failed else None


def start(
    module: str, arguments: Mapping[str, Any], *, check: bool = False, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Begin a run without waiting for it, for tests that kill it."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__)), module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=None if environment is None else dict(environment),
    )
    if process.stdin is None:
        raise RuntimeError("no pipe to the module")
    process.stdin.write(json.dumps({**arguments, "_ansible_check_mode": check}))
    process.stdin.close()
    process.stdin = None
    return process


def finish(process: subprocess.Popen[str]) -> ModuleRun:
    """Wait for a run. One that hangs is ended, for it holds locks, and shows where it stood."""
    try:
        stdout, stderr = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            stdout, stderr = process.communicate(timeout=10)
            raise AssertionError(f"the module hung for {TIMEOUT} s:\n{stdout}\n{stderr}") from None
        process.kill()
        raise
    return _result_of(stdout, f"{stderr}\n(exit {process.returncode})")


def _result_of(stdout: str, stderr: str) -> ModuleRun:
    for line in reversed(stdout.splitlines()):
        if line.startswith("{"):
            return ModuleRun(json.loads(line), stdout + stderr)
    raise AssertionError(f"the module returned no result:\n{stdout}\n{stderr}")


def run(
    module: str, arguments: Mapping[str, Any], *, check: bool = False, environment: Mapping[str, str] | None = None
) -> ModuleRun:
    return finish(start(module, arguments, check=check, environment=environment))


def run_here(module: str, arguments: Mapping[str, Any], *, check: bool = False) -> ModuleRun:
    """As M(run) but in this process, for tests of many runs.

    Not for a run that may leave its lock behind: the next one sees that its holder lives.
    """
    return run_main(_main_of(module), {**arguments, "_ansible_check_mode": check})


def run_main(main: Callable[[], None], arguments: Mapping[str, Any]) -> ModuleRun:
    """As M(run_here), for the main function of a module, in which a test may have broken something."""
    stdout, stderr = io.StringIO(), io.StringIO()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    _give(arguments)
    try:
        with redirect_stdout(stdout), redirect_stderr(stderr), contextlib.suppress(SystemExit):
            main()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return _result_of(stdout.getvalue(), stderr.getvalue())


def killed_at(module: str, arguments: Mapping[str, Any], point: str) -> bool:
    """Run a module that dies at a point; whether it came to that."""
    process = start(module, arguments, environment={**os.environ, crash_points.KILL_VARIABLE: point})
    process.communicate(timeout=TIMEOUT)
    return process.returncode == -signal.SIGKILL


def killed_after(module: str, arguments: Mapping[str, Any], seconds: float) -> bool:
    """Run a module and kill it after so many seconds; whether it was still at work."""
    process = start(module, arguments)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return process.returncode == -signal.SIGKILL


def recorded(module: str, arguments: Mapping[str, Any], path: Path) -> tuple[ModuleRun, list[str]]:
    """Run a module; what it returned, and what it changed in the object storage and in Milvus, in order."""
    finished = run(module, arguments, environment={**os.environ, crash_points.RECORD_VARIABLE: str(path)})
    return finished, crash_points.read_record(path)


def main() -> None:
    faulthandler.enable()
    crash_points.arm()
    for path, value in json.loads(os.environ.get(CONSTANTS_VARIABLE, "{}")).items():
        module, _dot, name = f"{ENGINE}.{path}".rpartition(".")
        found = importlib.import_module(module)
        if not hasattr(found, name):
            raise AttributeError(path)
        setattr(found, name, value)
    _give(json.load(sys.stdin))
    _main_of(sys.argv[1])()


def _main_of(module: str) -> Callable[[], None]:
    main: Callable[[], None] = importlib.import_module(f"{PACKAGE}.{module}").main
    return main


def _give(arguments: Mapping[str, Any]) -> None:
    """Let the next module of this process find its arguments."""
    from ansible.module_utils import basic

    given = {"_ansible_diff": True, **arguments}
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode()
    basic._ANSIBLE_PROFILE = "legacy"  # where ansible-core has profiles; without effect before


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
    from collection_tree import link_checkout

    sys.path.insert(0, str(link_checkout()))
    main()
