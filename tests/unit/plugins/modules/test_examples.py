# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever copies an example gets a call that works: its options exist, fit together and have values that are taken."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from collection_tree import CHECKOUT

from ansible_collections.vectorops.milvus.plugins.module_utils import _arguments as arguments
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import connection_options
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store, instance_store

PACKAGE = "ansible_collections.vectorops.milvus.plugins"
NAMESPACE = "vectorops.milvus."
GROUP = "group/vectorops.milvus.milvus"
MODULES = sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
PLUGINS = [*(f"modules.{name}" for name in MODULES), "lookup.instance"]
STORAGE_ALONE = frozenset({"milvus_backup_info", "milvus_backup_prune"})
RESULTS = re.compile(r"\b(instance|looked|found|listed|nightly|closed)\.(\w+)")
WANTED = {
    "milvus_backup": ("One bucket", "another store", "fleet", "check_mode: true"),
    "milvus_restore": ("One bucket", "another store", "fleet", "check_mode: true", "under a new name"),
    "milvus_backup_info": ("another store",),
    "milvus_backup_prune": ("another store", "check_mode: true"),
}

Task = dict[str, Any]


def examples(plugin: str) -> str:
    return str(importlib.import_module(f"{PACKAGE}.{plugin}").EXAMPLES)


def tasks(plugin: str) -> Iterator[Task]:
    """Every task of a plugin's examples, those of plays too."""
    for entry in yaml.safe_load(examples(plugin)):
        yield from entry.get("tasks", [entry])


def calls() -> list[Any]:
    """Each call of a module of the collection: its name, its options, and the task."""
    return [
        pytest.param(action.removeprefix(NAMESPACE), options or {}, task, id=f"{plugin}: {task['name']}")
        for plugin in PLUGINS
        for task in tasks(plugin)
        for action, options in task.items()
        if action.startswith(NAMESPACE)
    ]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_example_has_a_name_and_full_names_of_modules(plugin: str) -> None:
    shown = list(tasks(plugin))
    assert shown
    assert [task for task in shown if not task.get("name")] == []
    keywords = {
        "name",
        "register",
        "module_defaults",
        "check_mode",
        "diff",
        "delegate_to",
        "failed_when",
        "async",
        "poll",
    }
    assert [key for task in shown for key in task if key not in keywords and key.count(".") != 2] == []


@pytest.mark.parametrize(("module", "options", "task"), calls())
def test_an_example_is_a_call_that_is_taken(module: str, options: Task, task: Task) -> None:
    """What the group's defaults leave out the example gives, and the connection it describes can be made."""
    assert module in MODULES
    spec = {**arguments.group_spec(), **importlib.import_module(f"{PACKAGE}.modules.{module}").SPEC}
    checked = ArgumentSpecValidator(spec).validate(options)
    assert checked.error_messages == []
    if GROUP in task.get("module_defaults", {}):
        return
    completed = {**dict.fromkeys(arguments.group_spec()), **checked.validated_parameters}
    if module not in STORAGE_ALONE:
        connection_options(completed)
    if options.get("bucket_name"):
        instance_store(completed)
        backup_store(completed)


@pytest.mark.parametrize("module", MODULES)
def test_results_that_examples_use_are_returned(module: str) -> None:
    returned = yaml.safe_load(importlib.import_module(f"{PACKAGE}.modules.{module}").RETURN)
    assert {name for _variable, name in RESULTS.findall(examples(f"modules.{module}"))} <= {*returned, "latest"}


@pytest.mark.parametrize("module", sorted(WANTED))
def test_the_usual_cases_have_an_example(module: str) -> None:
    assert [words for words in WANTED[module] if words not in examples(f"modules.{module}")] == []
