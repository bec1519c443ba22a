# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for what the documentation shows: whoever copies it gets what is there, with names and values that are taken.

A rule takes what was found and returns the problems with it. Roles, modules and playbooks are asked, not listed here.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

import yaml
from ansible.cli.playbook import PlaybookCLI
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from collection_tree import CHECKOUT

from ansible_collections.vectorops.milvus.plugins.module_utils._arguments import group_spec

PLUGINS = "ansible_collections.vectorops.milvus.plugins"
NAMESPACE = "vectorops.milvus."
PREFIX = "milvus_"
ROLE_ACTIONS = ("ansible.builtin.import_role", "ansible.builtin.include_role")

Specs = Mapping[str, Mapping[str, Any]]


class Loader(yaml.SafeLoader):
    """Takes a vaulted or unsafe value for the text that it is."""


for _tag in ("!vault", "!unsafe"):
    Loader.add_constructor(_tag, lambda loader, node: loader.construct_scalar(node))


@cache
def roles() -> Mapping[str, Mapping[str, Specs]]:
    """The options of each entry of each role."""
    return {
        file.parts[-3]: {
            entry: spec.get("options", {}) for entry, spec in yaml.safe_load(file.read_text())["argument_specs"].items()
        }
        for file in CHECKOUT.glob("roles/*/meta/argument_specs.yml")
    }


@cache
def variables() -> Specs:
    """Every variable that somebody may set, with its type where a role or a module has one for it."""
    known: dict[str, Mapping[str, Any]] = {name: {"type": "raw"} for name in _read_by_playbooks()}
    known |= {f"{PREFIX}{name}": {**option, "required": False} for name, option in group_spec().items()}
    for entries in roles().values():
        for options in entries.values():
            known |= options
    return known


def _read_by_playbooks() -> Iterator[str]:
    for folder in ("playbooks", "awx"):
        for file in (CHECKOUT / folder).glob("*.yml"):
            yield from re.findall(rf"\b{PREFIX}\w+", file.read_text())
    for kind in ("backup", "restore", "migrate", "verify", "prune", "preflight", "cutover"):
        yield f"{PREFIX}{kind}_report_file"  # milvus_job makes this name of its milvus_job_kind


@cache
def make_targets() -> frozenset[str]:
    lines = re.findall(r"^([a-z][\w -]*):(?!=)", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    return frozenset(target for line in lines for target in line.split())


@cache
def tags() -> frozenset[str]:
    files = [*CHECKOUT.glob("playbooks/*.yml"), *CHECKOUT.glob("roles/*/tasks/*.yml")]
    found = (tag for file in files for tag in _tags_of(yaml.safe_load(file.read_text())))
    return frozenset(found)


def _tags_of(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _tags_of(item)
    elif isinstance(value, dict):
        given = value.get("tags", [])
        yield from [given] if isinstance(given, str) else given
        for item in value.values():
            yield from _tags_of(item)


def command(words: list[str], others: Collection[str] = ()) -> list[str]:
    """Of C(make) and C(ansible-playbook), with C(others) for playbooks; other commands are not looked at."""
    if words[:1] == ["make"]:
        wanted = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
        return [f"make has no target {word}" for word in wanted if word not in make_targets()]
    return _playbook_command(words, others) if words[:1] == ["ansible-playbook"] else []


def _playbook_command(words: list[str], others: Collection[str]) -> list[str]:
    parser = PlaybookCLI(words)
    parser.init_parser()
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            given = parser.parser.parse_args(words[1:])
    except SystemExit:
        return [complaint.getvalue().strip().splitlines()[-1]]
    problems = [f"there is no playbook {name}" for name in given.args if name not in others and not _is_playbook(name)]
    for extra in given.extra_vars or ():
        problems += _extra_var(extra)
    asked = {tag for text in (*given.tags, *given.skip_tags) for tag in text.split(",")} - {"all"}
    return problems + [f"no task has the tag {tag}" for tag in sorted(asked - tags())]


def _is_playbook(name: str) -> bool:
    if name.startswith(NAMESPACE):
        return (CHECKOUT / "playbooks" / f"{name.removeprefix(NAMESPACE)}.yml").is_file()
    return any((CHECKOUT / folder / name).is_file() for folder in ("", "examples/project"))


def _extra_var(extra: str) -> list[str]:
    if extra.startswith("@"):
        return []
    if extra.startswith("{"):
        return values(yaml.load(extra, Loader))
    name, equals, _value = extra.partition("=")
    # a value in a command is text, which is not always what the type of the variable takes as it is
    return [] if equals and name in variables() else [f"{extra}: no variable {name}"]


def values(given: Mapping[str, Any]) -> list[str]:
    """Variables with values, as they stand in an inventory or a file of variables."""
    problems = []
    for name, value in given.items():
        if not name.startswith(PREFIX):
            continue
        if name not in variables():
            problems.append(f"no variable {name}")
        elif value is not None and "{{" not in str(value):
            problems += _checked({name: variables()[name]}, {name: value})
    return problems


def _checked(spec: Specs, given: Mapping[str, Any]) -> list[str]:
    checked = ArgumentSpecValidator({name: _bare(option) for name, option in spec.items()}).validate(dict(given))
    return list(checked.error_messages)


def _bare(option: Mapping[str, Any]) -> dict[str, Any]:
    """What decides about a value. Nothing is required here: the rest may stand in the inventory."""
    kept = {key: option[key] for key in ("type", "elements", "choices", "no_log") if key in option}
    if isinstance(option.get("options"), dict):
        kept["options"] = {name: _bare(inner) for name, inner in option["options"].items()}
    return kept


def task(entry: Mapping[str, Any]) -> list[str]:
    """A task, a block, or an entry below C(roles) of a play."""
    problems = values(entry.get("vars") or {})
    for inner in (*entry.get("block", ()), *entry.get("rescue", ()), *entry.get("always", ())):
        problems += task(inner)
    for action, options in entry.items():
        if action.startswith(NAMESPACE):
            problems += _module(action.removeprefix(NAMESPACE), options or {})
        elif action in ROLE_ACTIONS:
            problems += _role(options["name"], options.get("tasks_from", "main"), entry.get("vars") or {})
    if "role" in entry:
        given = {name: value for name, value in entry.items() if name.startswith(PREFIX)}
        problems += _role(entry["role"], "main", {**given, **(entry.get("vars") or {})})
    return problems


def _module(name: str, options: Mapping[str, Any]) -> list[str]:
    if not (CHECKOUT / "plugins" / "modules" / f"{name}.py").is_file():
        return [f"no module {name}"]
    spec = {**group_spec(), **importlib.import_module(f"{PLUGINS}.modules.{name}").SPEC}
    plain = {option: value for option, value in options.items() if option in spec and "{{" not in str(value)}
    unknown = [f"{name} has no option {option}" for option in options if option not in spec]
    return unknown + _checked({option: spec[option] for option in plain}, plain)


def _role(name: str, entry: str, given: Mapping[str, Any]) -> list[str]:
    if not name.startswith(NAMESPACE):
        return []
    options = roles().get(name.removeprefix(NAMESPACE), {}).get(entry)
    if options is None:
        return [f"no role {name} with {entry}"]
    unknown = [variable for variable in given if variable.startswith(PREFIX) and variable not in options]
    return [f"{name} has no variable {variable}" for variable in unknown] + values(given)


def play(entry: Mapping[str, Any]) -> list[str]:
    problems = values(entry.get("vars") or {})
    for section in ("pre_tasks", "roles", "tasks", "post_tasks", "handlers"):
        for inner in entry.get(section, ()):
            problems += task(inner)
    return problems


def shown(value: Any) -> list[str]:
    """Whatever a block of YAML is: plays, tasks, an inventory, or variables."""
    if isinstance(value, list):
        return [problem for entry in value for problem in (play if "hosts" in entry else task)(entry)]
    if not isinstance(value, dict):
        return [f"neither plays, tasks, an inventory nor variables: {value!r}"]
    groups = {name: group for name, group in value.items() if isinstance(group, dict) and name not in variables()}
    strange = [f"{name} is neither a group of hosts nor a variable" for name, it in groups.items() if not is_group(it)]
    return strange + [problem for group in groups.values() for problem in _group(group)] + values(value)


def is_group(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and set(value) <= {"hosts", "vars", "children"}


def _group(group: Mapping[str, Any]) -> list[str]:
    problems = values(group.get("vars") or {})
    for given in (group.get("hosts") or {}).values():
        problems += values(given or {})
    for child in (group.get("children") or {}).values():
        problems += _group(child or {})
    return problems
