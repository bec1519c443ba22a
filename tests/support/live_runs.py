# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of ansible-playbook that a test looks at from outside, and the modules that they run."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AtWork:
    """A running module, by the file that its action plugin reads."""

    file: Path
    pid: int

    @property
    def has_ended(self) -> bool:
        return not Path(f"/proc/{self.pid}").exists()

    @property
    def is_gone(self) -> bool:
        """The process has ended, and its file is removed."""
        return self.has_ended and not self.file.exists()


def begin(command: Sequence[str], folder: Path | None = None, **environment: str) -> subprocess.Popen[str]:
    """In a session of its own, with signals as a terminal gives them."""
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0", **environment},
        cwd=folder,
        start_new_session=True,
    )


def alive_with(name: str, value: str) -> list[int]:
    """The processes of this user that have a variable, which each gets from its parent: whatever a job has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"{name}={value}".encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def at_work(label: str, phase: str = "copy", done: int = 0) -> AtWork:
    """The module that is in this phase of this backup or collection, once it has done so much of it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for file in Path("/tmp").glob(".milvus-progress-*.json"):
            with suppress(OSError, ValueError):
                state = json.loads(file.read_text())
                for step in state["steps"]:
                    if (step["label"], step["phase"]) == (label, phase) and step["done"] >= done:
                        return AtWork(file, state["pid"])
        time.sleep(0.05)
    raise AssertionError(f"no module is in the phase {phase} of {label}")
