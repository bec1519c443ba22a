# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module documents is what it takes, every secret is hidden, and group defaults fit every module."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest
import yaml
from collection_tree import CHECKOUT

from ansible_collections.vectorops.milvus.plugins.module_utils import _arguments as arguments

PLUGINS = "ansible_collections.vectorops.milvus.plugins"
MODULES = sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
FRAGMENTS = {"connection": arguments.CONNECTION_SPEC, "storage": arguments.STORAGE_SPEC}
SHARED_FRAGMENTS = {
    "vectorops.milvus.connection",
    "vectorops.milvus.storage",
    "vectorops.milvus.attributes",
    "vectorops.milvus.attributes.action_group",
}
PROGRESS = "vectorops.milvus.progress"
SECRET_WORDS = re.compile(r"secret|token|key|pass|credential")
COMPARED = ("type", "elements", "default", "choices", "required")

Options = dict[str, dict[str, Any]]


def module_spec(name: str) -> Options:
    spec: Options = importlib.import_module(f"{PLUGINS}.modules.{name}").SPEC
    return spec


def documentation(name: str) -> dict[str, Any]:
    text = importlib.import_module(f"{PLUGINS}.modules.{name}").DOCUMENTATION
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def fragment_options(name: str) -> Options:
    text = importlib.import_module(f"{PLUGINS}.doc_fragments.{name}").ModuleDocFragment.DOCUMENTATION
    options: Options = yaml.safe_load(text)["options"]
    return options


def compared(options: Options) -> Options:
    """What documentation and specification must say alike; an absent value is the same in both."""
    return {
        name: {key: option[key] for key in COMPARED if option.get(key) not in (None, False) or key == "default"}
        for name, option in ((name, {"default": None, **option}) for name, option in options.items())
    }


def test_there_are_modules() -> None:
    assert "milvus_backup" in MODULES
    assert len(MODULES) >= 4


@pytest.mark.parametrize("name", MODULES)
def test_a_module_documents_its_options(name: str) -> None:
    documented = documentation(name)
    shown = fragment_options("progress") if PROGRESS in documented["extends_documentation_fragment"] else {}
    assert compared({**documented["options"], **shown}) == compared(module_spec(name))


@pytest.mark.parametrize("name", sorted(FRAGMENTS))
def test_a_fragment_documents_the_shared_options(name: str) -> None:
    assert compared(fragment_options(name)) == compared(FRAGMENTS[name])


@pytest.mark.parametrize("name", MODULES)
def test_a_module_takes_both_fragments(name: str) -> None:
    assert set(documentation(name)["extends_documentation_fragment"]) >= SHARED_FRAGMENTS
    assert not set(module_spec(name)) & set(arguments.group_spec()), "an option would hide a shared one"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_documented_under_its_name(name: str) -> None:
    assert documentation(name)["module"] == name
    assert re.fullmatch(r"\d+\.\d+\.\d+", documentation(name)["version_added"])


@pytest.mark.parametrize("name", MODULES)
def test_every_option_is_described(name: str) -> None:
    for option, described in documentation(name)["options"].items():
        assert described.get("description"), option


@pytest.mark.parametrize("name", ["", *MODULES])
def test_an_option_that_sounds_secret_says_whether_it_is(name: str) -> None:
    options = {**arguments.group_spec(), **(module_spec(name) if name else {})}
    secret_sounding = {
        option: spec for option, spec in options.items() if SECRET_WORDS.search(option) and spec["type"] != "path"
    }
    assert {option for option, spec in secret_sounding.items() if "no_log" not in spec} == set()
    # a key id is no secret, and masking it would garble every result that holds its text (minioadmin)
    assert {option for option, spec in secret_sounding.items() if spec["no_log"] is False} == {
        "access_key_id",
        "backup_access_key_id",
    }


FREE_FORM = {
    "aliases": "names of aliases and collections",
    "rename": "names of collections",
    "planned_backup": "what a module returned, which holds no secret",
}


@pytest.mark.parametrize("name", ["", *MODULES])
def test_no_free_form_dict_takes_settings_of_a_connection(name: str) -> None:
    """What is in one is shown with the call, whatever it is: Ansible hides options by their name only."""
    options = {**arguments.group_spec(), **(module_spec(name) if name else {})}
    free = {option for option, spec in options.items() if spec["type"] in ("dict", "raw") and not spec.get("options")}
    assert free <= set(FREE_FORM)


def test_the_secret_options_are_these() -> None:
    assert set(arguments.SECRET_OPTIONS) == {
        "password",
        "token",
        "secret_access_key",
        "session_token",
        "backup_secret_access_key",
        "backup_session_token",
    }


def test_the_backup_side_has_every_storage_option() -> None:
    own = {name for name in arguments.STORAGE_SPEC if not name.startswith(arguments.BACKUP_PREFIX)}
    backup = {name for name in arguments.STORAGE_SPEC if name.startswith(arguments.BACKUP_PREFIX)}
    assert backup == {arguments.BACKUP_PREFIX + name for name in own}
    assert own == {*arguments.PLACE_OPTIONS, *arguments.CREDENTIAL_OPTIONS, "bucket_name", "root_path"}
    for name in own:
        assert arguments.STORAGE_SPEC[name] == arguments.STORAGE_SPEC[arguments.BACKUP_PREFIX + name]


def test_no_storage_option_has_a_default() -> None:
    assert [name for name, option in arguments.STORAGE_SPEC.items() if "default" in option] == []


def test_group_defaults_reach_every_module() -> None:
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["action_groups"]["milvus"] == MODULES
