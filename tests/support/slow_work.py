# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module with live progress that needs no server: what plays do with progress is tried with it.

Its options: C(tenths) of a second that it works, C(label), and C(note), a file where it says what it is.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from live_runs import begin

HEADER = "from __future__ import annotations\n"
MODULE = f"""{HEADER}
import os
import time

from ansible_collections.vectorops.milvus.plugins.module_utils._module import run_module
from ansible_collections.vectorops.milvus.plugins.module_utils.progress import Progress
from ansible_collections.vectorops.milvus.plugins.module_utils.progress_file import PROGRESS_SPEC, reported


def work(call):
    progress, options = Progress(), call.options
    note(options, "begun")
    try:
        with reported(progress, options["progress_file"], call.check_mode, options["progress_interval"]) as untold:
            with progress.phase("copy", options["label"], "bytes", options["tenths"]) as step:
                for _unused in range(options["tenths"]):
                    time.sleep(0.1)
                    step.advance(1)
    finally:
        note(options, "ended")
    diff = {{"before": "", "after": "worked\\n"}}
    return {{"changed": True, "user": os.getuid(), "diff": diff, "warnings": untold}}


def note(options, word):
    with open(options["note"], "a") as file:
        file.write(f"{{word}} {{os.getpid()}} {{options['progress_file']}}\\n")


OWN = {{"tenths": {{"type": "int"}}, "note": {{"type": "path"}}, "label": {{"type": "str", "default": "nightly"}}}}
run_module({{**PROGRESS_SPEC, **OWN}}, work)
"""
ACTION = f"""{HEADER}
from ansible_collections.vectorops.milvus.plugins.plugin_utils.watched_module import WatchedModule


class ActionModule(WatchedModule):
    pass
"""
LINE = re.compile(r"^slow_work \[([^\]]+)\]: (\w+) copy (\d\d?)% ", re.MULTILINE)


@dataclass(frozen=True)
class Note:
    """What the modules of a play said: each its process, and the file of its progress."""

    path: Path

    @property
    def begun(self) -> list[int]:
        return [int(pid) for word, pid, _file in self._lines() if word == "begun"]

    @property
    def ended(self) -> list[int]:
        return [int(pid) for word, pid, _file in self._lines() if word == "ended"]

    @property
    def files(self) -> list[Path]:
        return [Path(file) for word, _pid, file in self._lines() if word == "begun" and file != "None"]

    @property
    def left(self) -> list[Path]:
        """Files that the modules should have removed, whoever they belong to."""
        parts = [file.with_name(f"{file.name}.part") for file in self.files]
        return [file for file in (*self.files, *parts) if file.exists()]

    def _lines(self) -> list[list[str]]:
        lines = self.path.read_text().splitlines(keepends=True) if self.path.exists() else []
        return [line.split() for line in lines if line.endswith("\n")]


@dataclass(frozen=True)
class Stage:
    """Plays with the module C(slow_work) in one folder."""

    program: Path
    folder: Path
    note: Note

    def __post_init__(self) -> None:
        for folder, text in (("library", MODULE), ("action_plugins", ACTION)):
            (self.folder / folder).mkdir()
            (self.folder / folder / "slow_work.py").write_text(text)

    def task(self, tenths: int, *, label: str = "nightly", interval: int = 1, **keywords: Any) -> dict[str, Any]:
        call = {"progress_interval": interval, "tenths": tenths, "label": label, "note": str(self.note.path)}
        return {"name": label, "slow_work": call, **keywords}

    def write(self, hosts: Mapping[str, Mapping[str, Any]], *plays: Mapping[str, Any]) -> tuple[Path, Path]:
        """The inventory and the playbook; a play is for all hosts unless it says which."""
        inventory, playbook = self.folder / "hosts.yml", self.folder / "play.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": {name: dict(host) for name, host in hosts.items()}}}))
        full: Sequence[dict[str, Any]] = [{"hosts": "all", "gather_facts": False, **play} for play in plays]
        playbook.write_text(yaml.safe_dump(full))
        return inventory, playbook

    def begin(
        self,
        hosts: Mapping[str, Mapping[str, Any]],
        *plays: Mapping[str, Any],
        within: Sequence[str] = (),
        **environment: str,
    ) -> subprocess.Popen[str]:
        """Run the plays, inside of C(within), a command that runs another."""
        inventory, playbook = self.write(hosts, *plays)
        command = [*within, str(self.program), "-i", str(inventory), str(playbook)]
        return begin(command, self.folder, **environment)


def is_alive(pid: int) -> bool:
    """Also as another user's process; one that nobody has waited for yet is not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return False
