# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A leg, which is one line of the table of make test, and what legs are made of."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from collection_tree import CHECKOUT

LOGS = CHECKOUT / ".cache" / "logs"
VENVS = CHECKOUT / ".venv"
TOOLS = CHECKOUT / "tests" / "tools"

# Oldest with oldest, newest with newest: the ends of what is supported. The first version that works here is taken.
OLDEST, NEWEST = "2.17", "2.21"
CORE_PYTHONS = {
    OLDEST: ("3.10", "3.11", "3.12"),
    NEWEST: ("3.13", "3.12", "3.14"),
}

# Each process has a lab of its own, so a file stays in one of them.
FILES_WHOLE = ("--dist=loadfile", "--no-loadscope-reorder")
# Real servers are waited for most of the time.
THREE_AT_ONCE = ("--numprocesses=3", *FILES_WHOLE)

Command = tuple[str, ...]


@dataclass(frozen=True)
class Leg:
    """Commands that run one after another until one fails."""

    name: str
    commands: tuple[Command, ...]
    timeout: int = 900
    counts_tests: bool = False
    again: Command = ()
    """Runs only the tests that failed in the last command."""
    servers: bool = False
    """Starts real servers, and has this machine to itself; legs without run side by side."""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        return LOGS / f"{self.name}.log"

    @property
    def junit(self) -> Path:
        return LOGS / f"{self.name}.xml"

    @property
    def junit_again(self) -> Path:
        return LOGS / f"{self.name}-again.xml"


def tool(name: str, *arguments: str, environment: str = "test") -> Command:
    """A program of an environment."""
    return (str(VENVS / environment / "bin" / name), *arguments)


def script(name: str, *arguments: str) -> Command:
    """A program of this folder, by the Python that runs all this."""
    return (sys.executable, str(TOOLS / name), *arguments)


def virtualenv(name: str, requirements: str, *versions: str) -> Command:
    wanted = [word for version in versions for word in ("--python-version", version)]
    return script("virtualenv.py", str(VENVS / name), str(CHECKOUT / "tests" / requirements), *wanted)


def pytest_leg(name: str, *arguments: str, timeout: int = 900, environment: str = "test") -> Leg:
    leg = Leg(name, (), timeout=timeout, counts_tests=True)
    program = tool(
        "python",
        "-m",
        "pytest",
        "-o",
        f"cache_dir={VENVS.parent / '.cache' / 'pytest' / name}",
        environment=environment,
    )
    again = (*program, f"--junitxml={leg.junit_again}", "--last-failed", "--last-failed-no-failures=none", *arguments)
    return replace(leg, commands=((*program, f"--junitxml={leg.junit}", *arguments),), again=again)


def on_path(environment: str) -> str:
    """The PATH on which the programs of an environment are found first."""
    return f"{VENVS / environment / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def core_environment_leg(version: str) -> Leg:
    """Made before the legs that need it, while others run."""
    return Leg(_core(version), (_core_environment(version),), timeout=1200)


def with_core(version: str, tests: Leg) -> Leg:
    """These tests with the ansible-playbook of another environment."""
    program = VENVS / _core(version) / "bin" / "ansible-playbook"
    commands = (_core_environment(version), *tests.commands)
    return replace(tests, commands=commands, environment={"ANSIBLE_PLAYBOOK": str(program)})


def _core(version: str) -> str:
    return f"core-{version}"


def _core_environment(version: str) -> Command:
    return virtualenv(_core(version), f"requirements-{_core(version)}.txt", *CORE_PYTHONS[version])
