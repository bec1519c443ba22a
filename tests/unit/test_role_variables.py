# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the roles and playbooks: described, defaulted as described, and none an option of an instance.

What the modules take and what the roles offer agree: an option is passed on, or the role says why it is not.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from collection_tree import CHECKOUT

from ansible_collections.vectorops.milvus.plugins.module_utils._arguments import group_spec

ROLES = (
    "milvus_backup",
    "milvus_restore",
    "milvus_migrate",
    "milvus_prune",
    "milvus_preflight",
    "milvus_cutover",
    "milvus_job",
)
KINDS = ("backup", "restore", "migrate", "verify", "prune", "preflight", "cutover")
PAIRED = ("migrate", "verify")
# Read by the playbook before any host is chosen, or for all of its hosts, so they belong to no role.
PLAY_VARIABLES = {
    "milvus_migrate_target",
    "milvus_migrate_strategy",
    *(f"milvus_{kind}_hosts" for kind in KINDS if kind not in PAIRED),
    *(f"milvus_{kind}_{name}" for kind in KINDS for name in ("serial", "report_file")),
    *(f"milvus_delete_{name}" for name in ("hosts", "name", "confirm", "force_foreign")),
}
# Facts that a role leaves behind.
RESULTS = {f"milvus_{kind}_report" for kind in KINDS}
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


MODULE = re.compile(r"vectorops\.milvus\.(milvus_\w+)")
PASSED_ON = re.compile(r"\{\{ (milvus_\w+) \| default\(.*\) \}\}")
OPTION_OF_A_MODULE = re.compile(r"O\(vectorops\.milvus\.(\w+)#module:(\w+)")
OTHERS = {"milvus_migrate_targets", "milvus_progress_interval"}
OTHERS |= {"milvus_awx_hosts", "milvus_job_about", "milvus_job_hosts"}
"""Words of playbooks that are a group, a variable of every module, or are set by the playbook itself."""


def module_spec(name: str) -> dict[str, dict[str, Any]]:
    spec: dict[str, dict[str, Any]] = importlib.import_module(
        f"ansible_collections.vectorops.milvus.plugins.modules.{name}"
    ).SPEC
    return spec


def entries(role: str) -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.safe_load((role_path(role) / "meta/argument_specs.yml").read_text())
    return loaded["argument_specs"]


def calls(role: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each module that a task of the role calls, with the options that it gives."""
    for path in sorted((role_path(role) / "tasks").glob("*.yml")):
        yield from _calls(yaml.safe_load(path.read_text()))


def _calls(tasks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for task in tasks:
        for part in ("block", "rescue", "always"):
            yield from _calls(task.get(part, []))
        for keyword, options in task.items():
            if match := MODULE.fullmatch(keyword):
                yield match[1], options or {}


def given_options(role: str) -> dict[str, dict[str, Any]]:
    given: dict[str, dict[str, Any]] = {}
    for module, options in calls(role):
        given.setdefault(module, {}).update(options)
    return given


def test_the_roles_call_modules() -> None:
    called = {module for role in ROLES for module in given_options(role)}
    assert called == {path.stem for path in (CHECKOUT / "plugins/modules").glob("milvus_*.py")} - {
        "milvus_backup_info"  # it shows; no role needs it
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_role_offers_every_option_of_its_modules_or_says_why_not(role: str) -> None:
    words = str([entry["description"] for entry in entries(role).values()])
    explained = set(re.findall(r"C\((\w+)\)", words))
    missing = set()
    for module, given in given_options(role).items():
        assert given.keys() <= module_spec(module).keys(), module
        missing |= module_spec(module).keys() - given.keys()
    assert missing - explained == set()
    assert {f"{role}_{option}" for option in explained} & described(role).keys() == set(), "explained as missing"


@pytest.mark.parametrize("role", ROLES)
def test_a_variable_is_passed_on_as_what_the_option_takes(role: str) -> None:
    """Of the same type; an empty one is unset, as surveys send it, but a switch that is off must arrive."""
    variables = described(role)
    for module, given in calls(role):
        for option, value in given.items():
            match = PASSED_ON.fullmatch(str(value))
            if match is None or match[1] not in variables:
                continue
            taken, variable = module_spec(module)[option], variables[match[1]]
            assert variable["type"] == taken["type"], match[1]
            assert variable.get("choices") in (None, taken.get("choices")), match[1]
            drops_off = "default(omit, true)" in value
            assert drops_off or taken["type"] == "bool", f"{match[1]} is passed on when it is empty"
            assert not (drops_off and taken.get("default") is True), f"{match[1]} cannot be switched off"


@pytest.mark.parametrize("role", ROLES)
def test_a_description_refers_to_options_that_exist(role: str) -> None:
    text = (role_path(role) / "meta/argument_specs.yml").read_text()
    for module, option in OPTION_OF_A_MODULE.findall(text):
        assert option in module_spec(module), f"{module} has no option {option}"


@pytest.mark.parametrize("path", sorted((CHECKOUT / "playbooks").glob("*.yml")), ids=lambda path: path.stem)
def test_a_playbook_reads_variables_that_are_described(path: Path) -> None:
    known = {name for role in (*ROLES, "milvus_lab") for name in described(role)}
    used = set(re.findall(r"(?<![\w.])milvus_\w+", path.read_text()))
    assert used - known - PLAY_VARIABLES - OTHERS == set()


@pytest.mark.parametrize("kind", KINDS)
def test_the_variables_of_a_playbook_are_read_and_documented(kind: str) -> None:
    playbook = (CHECKOUT / "playbooks" / f"{kind}.yml").read_text()
    hosts = "milvus_migrate_target" if kind in PAIRED else f"milvus_{kind}_hosts"
    assert playbook.count(f"'{hosts}'") == 2, "the play and its summary have the same hosts"
    assert f"milvus_{kind}_serial" in playbook
    assert playbook.count(f"milvus_job_kind: {kind}\n") == 2
    assert f"`{hosts}`" in (CHECKOUT / "docs/fleets.md").read_text()


GUIDES = [*(CHECKOUT / "docs").glob("*.md"), *CHECKOUT.glob("*.md"), *(CHECKOUT / "roles").glob("*/README.md")]
NO_VARIABLE = re.compile(r"milvus_([a-d]|dead|password|lab_result|backup_\d\w+)")
"""Hosts of examples, a secret of a vault, a fact, the name of a file."""


@pytest.mark.parametrize("path", sorted(GUIDES), ids=lambda path: "/".join(path.parts[-2:]))
def test_a_guide_speaks_of_variables_that_exist(path: Path) -> None:
    known = {name for role in (*ROLES, "milvus_lab") for name in described(role)} | PLAY_VARIABLES | RESULTS | OTHERS
    known |= {f"milvus_{option}" for option in group_spec()} | {*ROLES, "milvus_lab"}
    known |= {module.stem for module in (CHECKOUT / "plugins/modules").glob("milvus_*.py")}
    known |= yaml.safe_load((CHECKOUT / "awx/settings.yml").read_text()).keys()
    used = set(re.findall(r"(?<![\w.])milvus_\w+\b(?![<*])", path.read_text()))
    assert {word for word in used - known if not NO_VARIABLE.fullmatch(word)} == set()
