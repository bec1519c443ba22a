# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module exactly as ansible-core does, and shows meanwhile how far it is: one line every few seconds, on stderr.

The module replaces a small file about once a second. A thread of Ansible's worker reads it, over a connection of its
own where the module runs elsewhere. Whatever fails there, the task is a plain run of the module. The same thread stops
the module when Ansible is gone, so it is there for silent tasks too.
"""

from __future__ import annotations

import copy
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display

from ..module_utils.progress_file import OWN_PREFIX
from .progress_lines import Lines, parse_state

FOLDER = "/tmp"
"""An unprivileged become_user cannot write into the task's own folder. The name of the file is random."""

INTERVAL_VARIABLE = "milvus_progress_interval"
LOOK_SECONDS = 1.0
STOP_SECONDS = 10
LARGEST_STATE = 64 * 1024


class WatchedModule(NormalAction):
    """Base of the action plugins of the modules that run for long."""

    def run(self, tmp: Any = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        interval = self._interval(task_vars or {})
        if not self._may_watch():
            return self._plain_run(tmp, task_vars)
        given = self._task.args
        is_ours = not (self._task.check_mode or given.get("progress_file"))
        is_shown = is_ours and interval != 0 and not self._task.no_log
        path = f"{FOLDER}/{OWN_PREFIX}{uuid.uuid4().hex}.json"
        if is_ours:
            silent = {} if is_shown else {"progress_interval": 0}
            self._task.args = {**given, **silent, "progress_file": path}
        remote = _Remote(self, path)
        try:
            with _watched(remote, self._prefix(task_vars or {}) if is_shown else None, interval):
                return self._plain_run(tmp, task_vars)
        finally:
            self._task.args = given
            if is_ours:
                remote.remove()

    def _plain_run(self, tmp: Any, task_vars: Mapping[str, Any] | None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result

    def _interval(self, variables: Mapping[str, Any]) -> int | None:
        """Seconds between lines, 0 for none; None lets them become rarer as the run gets longer."""
        given = self._task.args.get("progress_interval")
        if given is None and variables.get(INTERVAL_VARIABLE) not in (None, ""):
            given = self._templar.template(variables[INTERVAL_VARIABLE])
        if given in (None, ""):
            return None
        try:
            seconds = int(given)
        except (TypeError, ValueError):
            seconds = -1
        if seconds < 0:
            wanted = f"a number of seconds, 0 to show none (option progress_interval, variable {INTERVAL_VARIABLE})"
            raise AnsibleError(f"the progress interval {given!r} is not {wanted}")
        return seconds

    def _may_watch(self) -> bool:
        """Not a job of async: core polls those itself, and lets them outlive everything that could watch them."""
        return not self._task.async_val and getattr(self._connection._shell, "SHELL_FAMILY", "") == "sh"

    def _prefix(self, variables: Mapping[str, Any]) -> str:
        host, delegate = variables.get("inventory_hostname", ""), self._task.delegate_to
        return f"{self._task.action.rpartition('.')[2]} [{host}{f' -> {delegate}' if delegate else ''}]"


class _Remote:
    """The file of one run, wherever the module runs."""

    def __init__(self, action: NormalAction, path: str) -> None:
        self._path = path
        connection = action._connection
        self._is_here = connection.transport == "local" and connection.become is None
        # A connection of its own: the module's is busy, and switches users by itself.
        self._side = copy.copy(action)
        self._side._connection = copy.copy(connection)
        self._side._connection.become = copy.copy(connection.become)
        self._side._connection._shell = copy.copy(connection._shell)

    def read(self) -> Mapping[str, Any] | None:
        return parse_state(self._text())

    def stop(self) -> None:
        """Ask the module to end, if it has begun: its file says what process it is, and is removed at its end."""
        state = self.read()
        if state is None:
            return
        if self._is_here:
            with suppress(OSError):
                os.kill(state["pid"], signal.SIGTERM)
        else:
            self._command(f"kill -TERM {state['pid']}")

    def remove(self) -> None:
        """What a killed module left: one that ends removes its file itself."""
        if self._is_here:
            for path in (self._path, f"{self._path}.part"):
                with suppress(OSError):
                    os.unlink(path)
        else:
            self._command(f"rm -f {self._path} {self._path}.part")

    def _text(self) -> str:
        if not self._is_here:
            return self._command(f"cat {self._path}")
        try:
            with open(os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as file:
                return file.read(LARGEST_STATE)
        except (OSError, ValueError):
            return ""

    def _command(self, command: str) -> str:
        try:
            answer = self._side._low_level_execute_command(command, sudoable=True)
        except (AnsibleError, OSError):
            return ""
        return str(answer.get("stdout") or "") if answer.get("rc") == 0 else ""


@contextmanager
def _watched(remote: _Remote, prefix: str | None, interval: int | None) -> Iterator[None]:
    """Show lines while the block runs, none without a prefix.

    When the block is broken off, the module is told to stop: its work can be continued.
    """
    ended = threading.Event()
    lines = Lines(time.monotonic(), interval)
    watcher = threading.Thread(target=_watch, args=(remote, lines, prefix, ended, os.getppid()), daemon=True)
    watcher.start()
    with _stopped_by_signals(remote):
        try:
            yield
        except BaseException:  # also the task's timeout, after which core would leave the module running
            remote.stop()
            raise
        finally:
            ended.set()
            watcher.join(5)


def _watch(remote: _Remote, lines: Lines, prefix: str | None, ended: threading.Event, parent: int) -> None:
    display = Display()
    while not ended.wait(LOOK_SECONDS):
        if os.getppid() != parent:  # Ansible itself was killed: nobody will read the result
            remote.stop()
            os._exit(1)  # which a module of this host notices by itself, also one without a file
        now = time.monotonic()
        if prefix is not None and lines.is_due(now):
            text = lines.line(remote.read(), now)
            if text and not ended.is_set():
                display.display(f"{prefix}: {text}", stderr=True)


@contextmanager
def _stopped_by_signals(remote: _Remote) -> Iterator[None]:
    """Over a connection, the end of this process does not reach the module: tell it first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}

    def stop(number: int, frame: Any) -> None:
        for kind in before:  # on an interrupt Ansible terminates its workers as well, before the module can be told
            signal.signal(kind, signal.SIG_IGN)
        _within(STOP_SECONDS, remote.stop)
        for kind, handler in before.items():
            signal.signal(kind, handler)
        os.kill(os.getpid(), number)

    for caught in (signal.SIGINT, signal.SIGTERM):
        before[caught] = signal.signal(caught, stop)
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _within(seconds: float, act: Callable[[], None]) -> None:
    helper = threading.Thread(target=act, daemon=True)
    helper.start()
    helper.join(seconds)
