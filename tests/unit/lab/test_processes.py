# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes: known by pid and start time, ended as whole groups, and nothing else is ever signalled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_lab.processes import ProcessIdentity, end, is_alive, log_excerpt, spawn, start_time
from waiting import wait_until

# Says that it is up, then sleeps; with "deaf" it ignores SIGTERM, with "family" it has a child of its own,
# with "headless" its main thread ends before another one.
SERVER = """
import ctypes, signal, subprocess, sys, threading, time
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "family" in sys.argv:
    print("child", subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
print("up", flush=True)
if "headless" in sys.argv:
    threading.Thread(target=time.sleep, args=(60,)).start()
    ctypes.CDLL(None).pthread_exit(None)
time.sleep(60)
"""


def launch(folder: Path, *options: str) -> ProcessIdentity:
    process = spawn([sys.executable, "-c", SERVER, *options], os.environ, folder, folder / "server.log")
    wait_until(lambda: "up" in (folder / "server.log").read_text())
    return process


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def test_a_spawned_server_is_alive_until_ended(tmp_path: Path) -> None:
    process = launch(tmp_path)
    assert is_alive(process)
    assert os.getpgid(process.pid) == process.pid
    assert end([process], grace=20)
    assert not is_alive(process)


def test_ending_twice_finds_nothing(tmp_path: Path) -> None:
    process = launch(tmp_path)
    end([process], grace=20)
    assert not end([process], grace=20)


def test_a_reused_pid_is_not_ours(bystander: subprocess.Popen[bytes]) -> None:
    ours = ProcessIdentity(bystander.pid, "the start time of a process that ended long ago")
    assert not is_alive(ours)
    assert not end([ours], grace=1)
    assert bystander.poll() is None


def test_two_processes_differ_in_start_time_or_pid(bystander: subprocess.Popen[bytes]) -> None:
    assert start_time(bystander.pid) == start_time(bystander.pid)
    assert (bystander.pid, start_time(bystander.pid)) != (os.getpid(), start_time(os.getpid()))


def test_no_process_is_not_alive() -> None:
    assert not is_alive(None)
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert start_time(process.pid) is None


def test_an_own_child_that_died_is_not_alive(tmp_path: Path) -> None:
    process = launch(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(process))


def test_a_zombie_of_somebody_else_is_not_alive(tmp_path: Path) -> None:
    parent = launch(tmp_path, "family")
    child = int((tmp_path / "server.log").read_text().split()[1])
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: start_time(child) is None)
    assert f"\nPPid:\t{parent.pid}\n" in Path(f"/proc/{child}/status").read_text(), "its parent has not reaped it"
    end([parent], grace=0)


def test_a_server_lives_until_its_last_thread_has_ended(tmp_path: Path) -> None:
    process = launch(tmp_path, "headless")
    wait_until(lambda: "State:\tZ" in Path(f"/proc/{process.pid}/status").read_text())
    assert is_alive(process)
    assert end([process], grace=0)


def test_a_server_that_does_not_listen_is_killed_after_the_grace(tmp_path: Path) -> None:
    process = launch(tmp_path, "deaf")
    began = time.monotonic()
    assert end([process], grace=0.5)
    assert time.monotonic() - began >= 0.5
    assert not is_alive(process)


def test_without_grace_nobody_is_asked(tmp_path: Path) -> None:
    began = time.monotonic()
    assert end([launch(tmp_path, "deaf")], grace=0)
    assert time.monotonic() - began < 15


def test_the_whole_group_ends(tmp_path: Path) -> None:
    process = launch(tmp_path, "family")
    child = int((tmp_path / "server.log").read_text().split()[1])
    assert start_time(child)
    end([process], grace=20)
    wait_until(lambda: start_time(child) is None)


def test_the_log_excerpt_starts_where_the_server_did(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("an older run\n")
    start = log.stat().st_size
    log.write_text(log.read_text() + "".join(f"line {number}\n" for number in range(30)))
    assert log_excerpt(log, start, lines=3).splitlines() == ["line 27", "line 28", "line 29"]
    assert "an older run" not in log_excerpt(log, start, lines=99)


def test_the_log_excerpt_shows_the_panic_and_not_the_stack_after_it(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    stack = "".join(f"goroutine {number}\n" for number in range(50))
    log.write_text("[ERROR] the bad value [stack=long]\npanic: cannot parse it\n\n" + stack)
    assert log_excerpt(log, 0) == "[ERROR] the bad value\npanic: cannot parse it"


def test_the_log_excerpt_leaves_out_chatter_unless_there_is_nothing_else(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("[WARN] one\n" + "[DEBUG] two\n" * 50)
    assert log_excerpt(log, 0) == "[WARN] one"
    log.write_text("[INFO] one\n[DEBUG] two\n")
    assert log_excerpt(log, 0) == "[INFO] one\n[DEBUG] two"
