# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detached servers, known by pid and start time, so that a reused pid is never killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError

PROC = Path("/proc")
KILL_PATIENCE = 30.0
CHATTER = ("[DEBUG]", "[INFO]")
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class ProcessIdentity:
    pid: int
    started: str


def start_time(pid: int) -> str | None:
    """When a live process began, in a form that no other process shares; None when there is none (or a zombie)."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    if PROC.joinpath("self", "stat").exists():
        return _start_time_linux(pid)
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout.split(maxsplit=1)
    return None if len(answer) < 2 or answer[0].startswith("Z") else answer[1].strip()


def _start_time_linux(pid: int) -> str | None:
    try:
        stat = PROC.joinpath(str(pid), "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name is in brackets and may itself hold spaces and brackets.
    fields = stat.rpartition(")")[2].split()
    state, threads, started = fields[0], int(fields[17]), fields[19]
    # A main thread is a zombie already while others still hold the server's ports and files.
    if state in ("Z", "X") and threads <= 1:
        return None
    boot = PROC.joinpath("sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return f"{boot}:{started}"


def is_alive(process: ProcessIdentity | None) -> bool:
    return process is not None and start_time(process.pid) == process.started


def spawn(command: Sequence[str], environment: Mapping[str, str], directory: Path, log: Path) -> ProcessIdentity:
    """Start a server in its own session, with none of the caller's streams, so that it outlives the caller."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(log, "ab") as stream:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=dict(environment),
            start_new_session=True,
        )
    # A child stays in the process table, at worst as a zombie, until start_time() reaps it: its start time can be read.
    identity = ProcessIdentity(child.pid, start_time(child.pid) or "ended at once")
    child.returncode = 0  # it is meant to outlive this object, which would otherwise warn
    return identity


@contextlib.contextmanager
def signals_held_back() -> Iterator[None]:
    """Let a request to end wait until the block is through: between a start and its record no process may get lost."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python hands signals to the main thread alone
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _frame: came.append(number)) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for caught in came:
            signal.raise_signal(caught)


def end(processes: Sequence[ProcessIdentity], grace: float) -> bool:
    """End servers together: ask, wait, then kill what is left; returns whether any of them was alive."""
    alive = [process for process in processes if is_alive(process)]
    found = bool(alive)
    if grace > 0:
        alive = _signal_and_wait(alive, signal.SIGTERM, grace)
    alive = _signal_and_wait(alive, signal.SIGKILL, KILL_PATIENCE)
    if alive:
        pids = ", ".join(str(process.pid) for process in alive)
        raise LabError(
            "timeout",
            operation="stop",
            where=f"pid {pids}",
            cause=f"it is still there {KILL_PATIENCE:.0f} s after SIGKILL",
            state_left="it may still run",
            next_step="wait for the machine's disk, then run stop again",
            retryable=True,
        )
    return found


def _signal_and_wait(alive: list[ProcessIdentity], number: signal.Signals, patience: float) -> list[ProcessIdentity]:
    """Send a signal to whole process groups; returns those that have not ended in time."""
    for process in alive:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
    deadline = time.monotonic() + patience
    while alive and time.monotonic() < deadline:
        time.sleep(0.02)
        alive = [process for process in alive if is_alive(process)]
    return alive


def log_excerpt(log: Path, start: int, lines: int = 12) -> str:
    """The last telling lines that a server wrote since `start`: no chatter, and no stack after a panic."""
    with open(log, "rb") as stream:
        stream.seek(max(start, log.stat().st_size - 400_000))
        text = stream.read().decode("utf-8", errors="replace").splitlines()
    panics = [number for number, line in enumerate(text) if line.startswith(("panic:", "fatal error:"))]
    if panics:
        text = text[: panics[-1] + 2]
    telling = [line for line in text if line.strip() and not any(level in line for level in CHATTER)] or text
    return "\n".join(line.partition(" [stack=")[0][:400] for line in telling[-lines:])
