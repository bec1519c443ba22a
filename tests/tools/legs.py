# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The legs of make test: what each runs, in which order, with which environment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from collection_tree import CHECKOUT, COLLECTIONS_PATH
from interpreters import find_python
from leg import (
    CORE_PYTHONS,
    FILES_WHOLE,
    NEWEST,
    OLDEST,
    THREE_AT_ONCE,
    TOOLS,
    Command,
    Leg,
    core_environment_leg,
    on_path,
    pytest_leg,
    script,
    tool,
    virtualenv,
    with_core,
)


def standard_legs() -> list[Leg]:
    """Every leg: the quick ones, then the longer ones, then those with servers."""
    return [
        Leg("ruff", (tool("ruff", "check", "."),)),
        Leg("format", (tool("ruff", "format", "--check", "."),)),
        Leg("yamllint", (tool("yamllint", "--strict", "."),)),
        _changelog_leg(),
        _mypy_leg(),
        Leg("sanity", (script("sanity.py", "sanity", *tool("python")),), timeout=1200),
        _awx_leg(),
        pytest_leg("unit", "tests/unit"),
        _ansible_lint_leg(),
        *(core_environment_leg(version) for version in CORE_PYTHONS),
        _integration_leg(),
        _faults_leg(),
        _oldest_leg(),
    ]


def standard_environment() -> tuple[Command, ...]:
    """The commands that make what all legs need."""
    return virtualenv("test", "requirements.txt"), script("collection_tree.py")


def _changelog_leg() -> Leg:
    changes = str(Path("changelogs") / "changelog.yaml")
    lint = tool("antsibull-changelog", "lint")
    return Leg("changelog", (lint, tool("antsibull-changelog", "lint-changelog-yaml", changes)))


def _mypy_leg() -> Leg:
    plugins = tool("mypy", "--package", "ansible_collections.vectorops.milvus.plugins")
    return Leg("mypy", (plugins, tool("mypy", "tests/tools", "roles/milvus_lab/files")))


def _ansible_lint_leg() -> Leg:
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS_PATH),
        "ANSIBLE_INVENTORY": str(CHECKOUT / "tests" / "lint-inventory.yml"),
        "PATH": on_path("test"),
    }
    return Leg("ansible-lint", (_awx_collection(), tool("ansible-lint")), environment=environment)


def _awx_collection() -> Command:
    """By the Python of the test environment, for it needs pip."""
    return tool("python", str(TOOLS / "awx_collection.py"))


def _awx_leg() -> Leg:
    """The real modules of AWX against an AWX in memory, and each survey by ansible-runner. No servers."""
    tests = pytest_leg("awx", "tests/awx", "--numprocesses=2", *FILES_WHOLE, timeout=900)
    return replace(tests, commands=(_awx_collection(), *tests.commands))


def _integration_leg() -> Leg:
    """All of them; playbooks with the newest ansible-core, where there is a Python for it."""
    tests = replace(pytest_leg("integration", "tests/integration", *THREE_AT_ONCE, timeout=3300), servers=True)
    return with_core(NEWEST, tests) if find_python(list(CORE_PYTHONS[NEWEST])) else tests


def _oldest_leg() -> Leg:
    """Playbooks once more, with the oldest ansible-core and the oldest libraries."""
    chosen = ("-m", "playbook and not newest")
    tests = pytest_leg(f"playbook-{OLDEST}", "tests/integration", *chosen, *THREE_AT_ONCE, timeout=1200)
    return with_core(OLDEST, replace(tests, servers=True))


def _faults_leg() -> Leg:
    """Few rounds of each fault; make faults makes the full number."""
    tests = pytest_leg("faults", "tests/faults", *THREE_AT_ONCE, timeout=1200)
    report = tool("python", str(TOOLS / "fault_report.py"))
    return replace(tests, commands=((*report, "clear"), *tests.commands, (*report, "print")), servers=True)
