# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks of awx/ with the real modules of awx.awx, and the AWX in memory that they have set up."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fake_awx import FakeAwx

PROJECT_URL = "https://git.example.com/milvus.git"
SETTING = ("-e", f"milvus_awx_project_url={PROJECT_URL}")
SECRET = "CANARY-PASSWORD-OF-THE-SOURCE"
LOGIN = {"MILVUS_SOURCE_USER": "reader", "MILVUS_SOURCE_PASSWORD": SECRET}


@dataclass(frozen=True)
class Played:
    code: int
    output: str

    @property
    def changed(self) -> int:
        return sum(int(count) for count in re.findall(r"changed=(\d+)", self.output))


@dataclass(frozen=True)
class SetUp:
    """C(first) is the run that found nothing there."""

    awx: FakeAwx
    project: Path
    program: Path
    environment: Mapping[str, str]
    first: Played

    def play(self, playbook: str, *arguments: str, inventory: str | Path = "inventory") -> Played:
        return play(self.program, self.project, self.environment, playbook, "-i", str(inventory), *arguments)


def play(program: Path, project: Path, environment: Mapping[str, str], *arguments: str) -> Played:
    quiet = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1"}
    done = subprocess.run(
        [str(program), *arguments],
        cwd=project,
        env={**os.environ, **quiet, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return Played(done.returncode, done.stdout)
