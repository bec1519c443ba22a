# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of a module that runs as another user: by real ansible-playbook, with a module that needs no server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from slow_work import LINE, Note, Stage
from waiting import wait_until

pytestmark = [
    pytest.mark.playbook,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user without a password"),
]

OTHER = {"ansible_become": True, "ansible_become_method": "su", "ansible_become_user": "nobody"}
PYTHONS = (sys.executable, str(Path(sys.executable).resolve()), "/usr/bin/python3")
"""The module needs no library, but one that the other user may run: not every folder is open to others."""

ENOUGH = "import sys; sys.exit(sys.version_info < (3, 10))"

Begin = Callable[[int], subprocess.Popen[str]]


@pytest.fixture
def note() -> Iterator[Note]:
    """Anybody may write there, unlike in folders of pytest."""
    with TemporaryDirectory(prefix="note-") as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "note"
        path.touch()
        path.chmod(0o666)
        yield Note(path)


@pytest.fixture(scope="module")
def python() -> str:
    for path in PYTHONS:
        command = ["su", "-s", "/bin/sh", "nobody", "-c", f"{path} -c '{ENOUGH}'"]
        if subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0:
            return path
    pytest.skip("no Python 3.10 that another user may run")


@pytest.fixture
def begin(ansible_playbook: Path, tmp_path: Path, note: Note, python: str) -> Begin:
    """Start a play with the module on one host that is reached as another user."""
    stage = Stage(ansible_playbook, tmp_path, note)

    def start(tenths: int) -> subprocess.Popen[str]:
        host = {"ansible_connection": "local", "ansible_python_interpreter": python, **OTHER}
        told = {"ansible.builtin.debug": {"msg": "user {{ done.user }}"}}
        tasks = [stage.task(tenths, register="done"), told]
        return stage.begin({"here": host}, {"tasks": tasks}, ANSIBLE_BECOME_FLAGS="-s /bin/sh")

    return start


def test_lines_come_from_another_user(begin: Begin, note: Note) -> None:
    process = begin(40)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, output + errors
    assert len(LINE.findall(errors)) >= 2, output + errors
    assert re.search(r"user [1-9]", output), output
    assert (len(note.files), note.left) == (1, [])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_module_of_another_user_ends_with_ansible(begin: Begin, note: Note, how: signal.Signals) -> None:
    process = begin(600)
    wait_until(lambda: any(file.exists() for file in note.files))
    time.sleep(1.5)  # its first line is there
    process.send_signal(how)
    process.communicate(timeout=60)
    wait_until(lambda: note.ended == note.begun)
    wait_until(lambda: note.left == [])
