# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module is told to stop also when no line about it has been shown yet; what is no file of a module stops nothing."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.plugins.loader import connection_loader

from ansible_collections.vectorops.milvus.plugins.plugin_utils.watched_module import _Remote


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
