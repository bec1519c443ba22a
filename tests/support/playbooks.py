# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-playbook over an inventory made for one test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Variables = Mapping[str, Any]


class Vaulted(str):
    """Cipher text that goes to YAML as a vaulted value."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(Vaulted, lambda dumper, value: dumper.represent_scalar("!vault", str(value), style="|"))


@dataclass(frozen=True)
class Inventory:
    """Instances in group milvus with what they share, and other groups by name, each host with its variables."""

    instances: Mapping[str, Variables]
    shared: Variables
    groups: Mapping[str, Mapping[str, Variables]] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        children: dict[str, Any] = {name: {"hosts": dict(hosts)} for name, hosts in self.groups.items()}
        children["milvus"] = {"hosts": dict(self.instances), "vars": dict(self.shared)}
        path.write_text(yaml.dump({"all": {"children": children}}, Dumper=_Dumper))


@dataclass(frozen=True)
class Run:
    code: int
    output: str

    @property
    def flat(self) -> str:
        """The output with every run of blanks as one, so that a folded message can be found in it."""
        return " ".join(self.output.split())

    def after(self, title: str) -> str:
        """What came after the first task or play with this in its title."""
        return self.flat.partition(title)[2]


@dataclass(frozen=True)
class Player:
    """C(ansible-playbook), with a folder for the files of one test; C(project) is the folder it is started in."""

    program: Path
    folder: Path
    project: Path | None = None

    def run(
        self,
        playbook: str | Sequence[Variables],
        *arguments: str,
        inventory: Inventory,
        environment: Mapping[str, str] | None = None,
    ) -> Run:
        """C(playbook) is a path, a name, or the plays themselves."""
        hosts = self.folder / "hosts.yml"
        inventory.write(hosts)
        if not isinstance(playbook, str):
            plays = self.folder / "play.yml"
            plays.write_text(yaml.dump(list(playbook), Dumper=_Dumper))
            playbook = str(plays)
        done = subprocess.run(
            [str(self.program), "-i", str(hosts), playbook, *arguments],
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0", **(environment or {})},
            cwd=self.project or self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        return Run(done.returncode, done.stdout)

    def encrypt(self, text: str) -> tuple[Vaulted, list[str]]:
        """A vaulted value, and the arguments that open it."""
        key = self.folder / "vault-key"
        key.write_text("the key of this test\n")
        opening = ["--vault-password-file", str(key)]
        command = [str(self.program.with_name("ansible-vault")), "encrypt_string", *opening, text]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        return Vaulted("".join(f"{line.strip()}\n" for line in answer.splitlines()[1:])), opening
