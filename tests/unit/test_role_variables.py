# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the roles: described, defaulted as described, and none of them an option of an instance."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from collection_tree import CHECKOUT

from ansible_collections.vectorops.milvus.plugins.module_utils._arguments import group_spec

ROLES = ("milvus_backup", "milvus_restore", "milvus_migrate", "milvus_prune")
# Read by the playbook before any host is chosen, so they belong to no role.
PLAY_VARIABLES = {"milvus_migrate_target", "milvus_migrate_strategy", "milvus_migrate_serial"}
# Facts that a role leaves behind.
RESULTS = {"milvus_migrate_report"}
SECRET_WORDS = re.compile(r"secret|token|password|passwd|passphrase|credential|_key|key_")
FREE_FORM: dict[str, str] = {}
"""Dicts without described keys, each with the reason why nobody puts a secret there."""


def described(role: str) -> dict[str, dict[str, Any]]:
    spec: dict[str, dict[str, Any]] = yaml.safe_load((role_path(role) / "meta/argument_specs.yml").read_text())[
        "argument_specs"
    ]
    return {name: option for entry in spec.values() for name, option in entry.get("options", {}).items()}


def role_path(role: str) -> Path:
    return CHECKOUT / "roles" / role


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_as_described(role: str) -> None:
    defaults = yaml.safe_load((role_path(role) / "defaults/main.yml").read_text())
    assert {name: option["default"] for name, option in described(role).items() if "default" in option} == defaults


@pytest.mark.parametrize("role", ROLES)
def test_variables_in_use_are_the_described_ones(role: str) -> None:
    files = [path for folder in ("tasks", "vars", "templates") for path in (role_path(role) / folder).glob("*.*")]
    used = {name for path in files for name in re.findall(rf"\b(?<!_){role}_\w+", path.read_text())}
    assert used - RESULTS == set(described(role))


@pytest.mark.parametrize("role", ROLES)
def test_readme_names_every_variable(role: str) -> None:
    readme = (role_path(role) / "README.md").read_text()
    assert [name for name in described(role) if f"`{name}`" not in readme] == []


def test_no_role_variable_is_an_option_of_an_instance() -> None:
    options = {f"milvus_{option}" for option in group_spec()}
    variables = {name for role in ROLES for name in described(role)} | PLAY_VARIABLES | RESULTS
    assert options & variables == set()


def test_no_role_takes_a_secret_or_a_dict_that_could_hold_one() -> None:
    """Connections come from the inventory, by the lookup; a variable of a role is shown by every talkative run."""
    for role in ROLES:
        for name, option in described(role).items():
            assert not SECRET_WORDS.search(name.removeprefix(role)), name
            if option.get("type") == "dict" and not option.get("options"):
                assert name in FREE_FORM, name
