# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of the collection as Ansible does on a host: its own process, arguments in, one JSON result out.

`python module_process.py MODULE < arguments.json`, or M(run) and M(start) from a test.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT = 300
KILL_VARIABLE = "MODULE_PROCESS_KILL_AT"
WRITES = (b"PUT ", b"POST ")
PACKAGE = "ansible_collections.vectorops.milvus.plugins.modules"


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
    process.stdin.write(json.dumps({**arguments, "_ansible_check_mode": check, "_ansible_diff": True}))
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
    for line in reversed(stdout.splitlines()):
        if line.startswith("{"):
            return ModuleRun(json.loads(line), stdout + stderr)
    raise AssertionError(f"the module returned no result (exit {process.returncode}):\n{stdout}\n{stderr}")


def run(
    module: str, arguments: Mapping[str, Any], *, check: bool = False, environment: Mapping[str, str] | None = None
) -> ModuleRun:
    return finish(start(module, arguments, check=check, environment=environment))


def run_here(module: str, arguments: Mapping[str, Any], *, check: bool = False) -> ModuleRun:
    """As M(run), but within this process: for thousands of runs. Only where a test alone uses the process."""
    from ansible.module_utils import basic

    output, handler = io.StringIO(), signal.getsignal(signal.SIGTERM)
    basic._ANSIBLE_ARGS = json.dumps(
        {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check, "_ansible_diff": True}}
    ).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    try:
        with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
            importlib.import_module(f"{PACKAGE}.{module}").main()
    finally:
        signal.signal(signal.SIGTERM, handler)
        basic._ANSIBLE_ARGS = None
    return ModuleRun(json.loads(output.getvalue().strip().splitlines()[-1]), output.getvalue())


def arm_kill(point: str) -> None:
    """Kill this process at a point such as C(before:7), its 7th write to the object storage, or C(after:Import:2).

    Hooked where a request leaves and its answer arrives: what runs until then is what runs without.
    """
    moment, *call, number = point.split(":")
    killer = _Killer(moment, int(number))
    if call:
        _hook_calls_to_milvus(call[0], killer)
    else:
        _hook_writes(killer)


class _Killer:
    """Ends this process around the n-th of the calls that it is given."""

    def __init__(self, moment: str, number: int) -> None:
        self._moment = moment
        self._number = number
        self._calls = itertools.count(1)
        self._guard = threading.Lock()

    def around(self, call: Callable[[], Any]) -> Any:
        with self._guard:
            mine = next(self._calls) == self._number
        if mine and self._moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = call()
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


def _hook_writes(killer: _Killer) -> None:
    wire = importlib.import_module(f"{PACKAGE.rpartition('.')[0]}.module_utils.store.http_wire")
    exchange = wire.Connection.exchange

    def hooked(connection: Any, head: bytes, body: Any, timeout: float) -> Any:
        if not head.startswith(WRITES):
            return exchange(connection, head, body, timeout)
        return killer.around(lambda: exchange(connection, head, body, timeout))

    wire.Connection.exchange = hooked


def _hook_calls_to_milvus(method: str, killer: _Killer) -> None:
    from grpc import _channel

    original = _channel._UnaryUnaryMultiCallable.__call__

    def hooked(callable_: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        name = callable_._method.decode() if isinstance(callable_._method, bytes) else callable_._method
        if name.rsplit("/", 1)[1] != method:
            return original(callable_, request, *arguments, **options)
        return killer.around(lambda: original(callable_, request, *arguments, **options))

    _channel._UnaryUnaryMultiCallable.__call__ = hooked


def main() -> None:
    from ansible.module_utils import basic

    faulthandler.enable()
    if KILL_VARIABLE in os.environ:
        arm_kill(os.environ[KILL_VARIABLE])

    arguments = json.load(sys.stdin)
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"  # where ansible-core has profiles; without effect before
    importlib.import_module(f"{PACKAGE}.{sys.argv[1]}").main()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
    from collection_tree import link_checkout

    sys.path.insert(0, str(link_checkout()))
    main()
