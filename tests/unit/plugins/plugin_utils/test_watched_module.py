# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module is told to stop also when no line about it has been shown yet; what is no file of a module stops nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.loader import connection_loader

from ansible_collections.vectorops.milvus.plugins.plugin_utils.watched_module import _Remote, _stopped_by_signals


class Action:
    """Of an action plugin, the part that is used: its connection, a real one to this host."""

    def __init__(self) -> None:
        from ansible.playbook.play_context import PlayContext

        self._connection = connection_loader.get("ansible.builtin.local", PlayContext(), None)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def state(pid: int) -> str:
    return json.dumps({"version": 1, "pid": pid, "seq": 1, "state": "running", "steps": [], "collections": [0, 0]})


def test_a_module_is_stopped_before_its_first_line(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    path = tmp_path / "how-far.json"
    path.write_text(state(sleeper.pid))
    _Remote(Action(), str(path)).stop()  # type: ignore[arg-type]
    assert sleeper.wait(10) == -signal.SIGTERM


@pytest.mark.parametrize("text", [None, "", "{", '{"pid": %d}'])
def test_nothing_is_stopped_by_what_no_module_wrote(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], text: str | None
) -> None:
    path = tmp_path / "how-far.json"
    if text is not None:
        path.write_text(text.replace("%d", str(sleeper.pid)))
    remote = _Remote(Action(), str(path))  # type: ignore[arg-type]
    remote.stop()
    remote.remove()
    assert sleeper.poll() is None
    assert not path.exists()


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    forged, path = tmp_path / "forged", tmp_path / "how-far.json"
    forged.write_text(state(sleeper.pid))
    path.symlink_to(forged)
    remote = _Remote(Action(), str(path))  # type: ignore[arg-type]
    assert remote.read() is None
    remote.stop()
    remote.remove()
    assert sleeper.poll() is None
    assert [item.name for item in tmp_path.iterdir()] == ["forged"]


class FarAction:
    """The same of one whose host is far. While it runs a command there, Ansible ends this process."""

    def __init__(self, module: int) -> None:
        self._connection = SimpleNamespace(transport="ssh", become=None, _shell=None)
        self._module = module
        self.commands: list[str] = []

    def _low_level_execute_command(self, command: str, **_options: Any) -> dict[str, Any]:
        self.commands.append(command.split()[0])
        os.kill(os.getpid(), signal.SIGTERM)
        return {"rc": 0, "stdout": state(self._module)}


def test_a_second_signal_does_not_keep_a_far_module_from_being_told() -> None:
    """On an interrupt, Ansible passes it on to its workers and then terminates them at once."""
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda received, _frame: came.append(received))
    action = FarAction(4711)
    try:
        with _stopped_by_signals(_Remote(action, "/tmp/how-far.json")):  # type: ignore[arg-type]
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert action.commands == ["cat", "kill"]
    assert came == [signal.SIGINT], "it goes its usual way when that is done"
