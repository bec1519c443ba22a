# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays the examples of plugins and pages by ansible-playbook; the places that they name become those of a lab."""

from __future__ import annotations

import importlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from collection_tree import CHECKOUT
from doc_pages import blocks

from ansible_collections.vectorops.milvus.plugins.module_utils._arguments import group_spec
from playbooks import Inventory, Player

PLUGINS = "ansible_collections.vectorops.milvus.plugins"
PLACES = frozenset(group_spec()) | {"end_ts", "poll"}
"""Options whose values belong to whoever wrote the example: how to reach something, a moment, and how long to wait."""

UNDEFINED = "VARIABLE IS NOT DEFINED!"

Place = tuple[str, Any]
Task = dict[str, Any]
Results = dict[str, dict[str, Any]]
"""What each task, by its name, returned on each host; by the name of a play, which hosts it had."""


def sources() -> list[str]:
    """Every plugin with examples, and every page that shows tasks or plays."""
    plugins = [
        file.relative_to(CHECKOUT).as_posix()
        for folder, ending in (("modules", "py"), ("lookup", "py"), ("filter", "yml"))
        for file in (CHECKOUT / "plugins" / folder).glob(f"*.{ending}")
        if file.stem != "__init__"
    ]
    pages = [file.relative_to(CHECKOUT).as_posix() for file in CHECKOUT.glob("docs/*.md")]
    pages += [file.relative_to(CHECKOUT).as_posix() for file in CHECKOUT.glob("roles/*/README.md")]
    return sorted(name for name in (*plugins, *pages) if entries(name))


def entries(source: str) -> list[Task]:
    """The tasks and plays of a source in their order."""
    file = CHECKOUT / source
    if file.suffix == ".py":
        module = importlib.import_module(f"{PLUGINS}.{file.parent.name}.{file.stem}")
        return list(yaml.safe_load(getattr(module, "EXAMPLES", "[]")))
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".yml":
        return list(yaml.safe_load(yaml.safe_load(text)["EXAMPLES"]))
    shown = (yaml.safe_load(block.text) for block in blocks(source, text) if block.language == "yaml")
    return [entry for value in shown if isinstance(value, list) for entry in value]


def places(value: Any) -> Iterator[Place]:
    """Every place that tasks and plays name."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in PLACES:
                yield key, item
            else:
                yield from places(item)
    elif isinstance(value, list):
        for item in value:
            yield from places(item)


def placed(value: Any, table: Mapping[Place, Mapping[str, Any]]) -> Any:
    """The same with each place replaced. One that the table does not have is a C(KeyError), which shows it."""
    if isinstance(value, list):
        return [placed(item, table) for item in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for key, item in value.items():
        result |= table[key, item] if key in PLACES else {key: placed(item, table)}
    return result


@dataclass(frozen=True)
class Scene:
    """A source, the hosts of those of its tasks that stand outside of plays, and variables that it leaves to users."""

    source: str
    hosts: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Theatre:
    """Where examples are played: the inventory, what stands for their places, and variables that users would have."""

    player: Player
    inventory: Inventory
    table: Mapping[Place, Mapping[str, Any]]
    variables: Mapping[str, Any]

    def play(self, *scenes: Scene) -> dict[str, Results]:
        """Run these sources by one command. Every task has to succeed on every host, and to show something."""
        folder, given = self.player.folder, self.player.folder / "variables.yml"
        given.write_text(yaml.safe_dump(dict(self.variables)))
        for old in folder.glob("*.json"):
            old.unlink()
        shown = [(scene, play) for scene in scenes for play in _plays(scene, placed(entries(scene.source), self.table))]
        names = [_registered(play, f"{folder}/{number}-") for number, (_scene, play) in enumerate(shown)]
        run = self.player.run(
            [play for _scene, play in shown],
            *("-e", f"@{given}"),
            inventory=self.inventory,
            environment={"ANSIBLE_HOST_PATTERN_MISMATCH": "error"},
        )
        assert run.code == 0, run.output
        results: dict[str, Results] = {scene.source: {} for scene in scenes}
        for number, (scene, play) in enumerate(shown):
            files = {file.stem.partition("-")[2]: file for file in folder.glob(f"{number}-*.json")}
            assert files, (scene, play["name"], run.output)
            if play["name"] != scene.source:
                results[scene.source][play["name"]] = dict.fromkeys(sorted(files))
            for host, file in files.items():
                found = json.loads(file.read_text())
                for name, variable in names[number].items():
                    _check(name, found[variable])
                    results[scene.source].setdefault(name, {})[host] = found[variable]
        return results


def _plays(scene: Scene, shown: list[Task]) -> Iterator[Task]:
    """Tasks in a row are one play, as they may use what those before them have registered."""
    keywords = {"name": scene.source, "hosts": scene.hosts, "gather_facts": False}
    for is_play, group in itertools.groupby(shown, key=lambda entry: "hosts" in entry):
        for play in group if is_play else [{**keywords, "tasks": list(group)}]:
            extras = {"vars": dict(scene.variables), "module_defaults": dict(scene.defaults)}
            yield {**{key: value for key, value in extras.items() if value}, **play}


def _registered(play: Task, file: str) -> dict[str, str]:
    """Let each host of a play write what its tasks return to a file; the variable of each task by its name."""
    tasks = play.setdefault("tasks", [])
    names: dict[str, str] = {}
    for number, task in enumerate(tasks):
        if "ansible.builtin.import_role" not in task:
            names[task["name"]] = task.setdefault("register", f"example_{number}")
    content = ", ".join(f"'{variable}': {variable}" for variable in names.values())
    copy = {
        "content": f"{{{{ {{{content}}} | to_json }}}}",
        "dest": f"{file}{{{{ inventory_hostname }}}}.json",
        "mode": "0600",
    }
    tasks.append({"name": "Keep what the tasks returned", "ansible.builtin.copy": copy})
    return names


def _check(name: str, result: Mapping[str, Any]) -> None:
    assert not result.get("failed"), (name, result)
    assert not result.get("skipped"), (name, result)
    assert UNDEFINED not in result.values(), (name, result)
