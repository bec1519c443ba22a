# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The legs of make test: what each runs, in which order, with which environment."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from collection_tree import CHECKOUT, COLLECTIONS_PATH
from stage import STAGE

LOGS = CHECKOUT / ".cache" / "logs"
VENVS = CHECKOUT / ".venv"
TOOLS = CHECKOUT / "tests" / "tools"
BIN = VENVS / "test" / "bin"

# Oldest with oldest, newest with newest: the ends of what is supported. The first version that works here is taken.
CORE_PYTHONS = {
    "2.17": ("3.10", "3.11", "3.12"),
    "2.21": ("3.13", "3.12", "3.14"),
}

# Real servers are waited for most of the time. Each process has a lab of its own, so a file stays in one of them.
TWO_AT_ONCE = ("--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder")

Command = tuple[str, ...]


@dataclass(frozen=True)
class Leg:
    """One line of the table: commands that run one after another until one fails."""

    name: str
    commands: tuple[Command, ...]
    timeout: int = 600
    counts_tests: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        return LOGS / f"{self.name}.log"

    @property
    def junit(self) -> Path:
        return LOGS / f"{self.name}.xml"


def all_legs() -> list[Leg]:
    """Every leg, cheap first."""
    return [
        Leg("ruff", (_tool("ruff", "check", "."),)),
        Leg("format", (_tool("ruff", "format", "--check", "."),)),
        Leg("yamllint", (_tool("yamllint", "--strict", "."),)),
        _changelog_leg(),
        _pytest_leg("unit", "tests/unit"),
        _mypy_leg(),
        _install_leg(),
        _ansible_lint_leg(),
        Leg("sanity", (_script("sanity.py", str(BIN / "ansible-test")),), timeout=1200),
        # the playbooks run in the legs after it, with the oldest and the newest ansible-core
        _pytest_leg("integration", "tests/integration", "-m", "not playbook", *TWO_AT_ONCE, timeout=2700),
        _faults_leg(),
        *(_playbook_leg(core) for core in CORE_PYTHONS),
    ]


def make_test_environment() -> Command:
    """The command that makes what all legs need."""
    return _virtualenv("test", "requirements.txt")


def _tool(name: str, *arguments: str) -> Command:
    return (str(BIN / name), *arguments)


def _script(name: str, *arguments: str) -> Command:
    return (sys.executable, str(TOOLS / name), *arguments)


def _virtualenv(name: str, requirements: str, *versions: str) -> Command:
    wanted = [word for version in versions for word in ("--python-version", version)]
    return _script("virtualenv.py", str(VENVS / name), str(CHECKOUT / "tests" / requirements), *wanted)


def _changelog_leg() -> Leg:
    changes = str(Path("changelogs") / "changelog.yaml")
    lint = _tool("antsibull-changelog", "lint")
    return Leg("changelog", (lint, _tool("antsibull-changelog", "lint-changelog-yaml", changes)))


def _mypy_leg() -> Leg:
    plugins = _tool("mypy", "--package", "ansible_collections.vectorops.milvus.plugins")
    scripts = _tool("mypy", "tests/tools", "roles/milvus_lab/files")
    return Leg("mypy", (_script("collection_tree.py"), plugins, scripts))


def _install_leg() -> Leg:
    """A user's first steps: install the built collection into an empty folder and read its documentation there."""
    installed = str(CHECKOUT / ".cache" / "installed")
    modules = sorted(path.stem for path in CHECKOUT.glob("plugins/modules/*.py") if path.stem != "__init__")
    names = [f"vectorops.milvus.{module}" for module in modules]
    install = _tool("ansible-galaxy", "collection", "install", "--offline", "--force", "-p", installed, str(STAGE))
    return Leg(
        "install",
        (_script("stage.py"), install, _tool("ansible-doc", "--json", *names)),
        environment={"ANSIBLE_COLLECTIONS_PATH": installed},
    )


def _ansible_lint_leg() -> Leg:
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS_PATH),
        "ANSIBLE_INVENTORY": str(CHECKOUT / "tests" / "lint-inventory.yml"),
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
    return Leg("ansible-lint", (_script("collection_tree.py"), _tool("ansible-lint")), environment=environment)


def _pytest_leg(name: str, folder: str, *options: str, timeout: int = 600) -> Leg:
    command = (str(BIN / "python"), "-m", "pytest", folder, f"--junitxml={LOGS / name}.xml", *options)
    return Leg(name, (command,), timeout=timeout, counts_tests=True)


def _faults_leg() -> Leg:
    """Few rounds of the faults that need no servers; make faults makes the full number of all."""
    tests = _pytest_leg("faults", "tests/faults", "-m", "not servers", *TWO_AT_ONCE, timeout=900)
    report = (str(BIN / "python"), str(TOOLS / "fault_report.py"))
    return Leg(tests.name, ((*report, "clear"), *tests.commands, (*report, "print")), timeout=900, counts_tests=True)


def _playbook_leg(core: str) -> Leg:
    venv = f"core-{core}"
    tests = _pytest_leg(f"playbook-{core}", "tests/integration", "-m", "playbook", *TWO_AT_ONCE, timeout=1200)
    return Leg(
        tests.name,
        (_virtualenv(venv, f"requirements-{venv}.txt", *CORE_PYTHONS[core]), *tests.commands),
        timeout=tests.timeout,
        counts_tests=True,
        environment={"ANSIBLE_PLAYBOOK": str(VENVS / venv / "bin" / "ansible-playbook")},
    )
