# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of this repository that no linter knows. Each takes a path and a text and returns what is wrong."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import yaml

HEADER = ("# Copyright (c) ", "# GNU General Public License v3.0+", "# SPDX-License-Identifier: GPL-3.0-or-later")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
DOCUMENTATION_NAMES = {"DOCUMENTATION", "EXAMPLES", "RETURN"}

ENGINE = "plugins/module_utils/"
MODULE_UTILS = "ansible_collections.vectorops.milvus.plugins.module_utils"
# What each layer of the engine may import; a layer not named here stands beside errors, at the bottom.
LAYERS = {
    "store": {"store"},
    "milvus": {"milvus"},
    "backup": {"store", "milvus", "backup"},
    "restore": {"store", "milvus", "backup", "restore"},
    "cutover": {"store", "milvus", "backup", "restore", "cutover"},
    "_module": {"store", "milvus", "backup", "restore", "_module"},
}
LIBRARY_OWNERS = {
    "pymilvus": f"{ENGINE}milvus/",
    "grpc": f"{ENGINE}milvus/",
    "boto3": f"{ENGINE}store/",
    "botocore": f"{ENGINE}store/",
}
SECRET_NAME = re.compile(r"password|passwd|secret|token|access_key|credential|vectorops\.milvus\.instance", re.I)
# Calls that would show secrets, make them into an address, or run what data says.
FORBIDDEN_CALLS = frozenset(
    {
        *("set_stream_logger", "set_debuglevel", "basicConfig", "generate_presigned_url", "generate_presigned_post"),
        *("eval", "exec", "__import__", "system", "popen", "Popen", "check_output", "unsafe_load", "full_load"),
    }
)
FORBIDDEN_IMPORTS = frozenset({"logging", "pickle", "marshal", "shelve", "subprocess", "pdb", "traceback"})


def header(path: str, text: str) -> list[str]:
    if PurePosixPath(path).name == "__init__.py" and not text.strip():
        return []
    top = text.splitlines()[:6]
    missing = [line for line in HEADER if not any(found.startswith(line) for found in top)]
    return [f"{path}: the first lines lack {line!r}" for line in missing]


def file_length(path: str, text: str) -> list[str]:
    documentation = 0
    for node in ast.parse(text).body:
        names = {target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)}
        if names & DOCUMENTATION_NAMES:
            documentation += _lines(node)
    length = len(text.splitlines()) - documentation
    return [f"{path}: {length} lines, more than {MAX_FILE_LINES}"] if length > MAX_FILE_LINES else []


def function_length(path: str, text: str) -> list[str]:
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [
        f"{path}:{node.lineno}: {node.name} has {_lines(node)} lines, more than {MAX_FUNCTION_LINES}"
        for node in functions
        if _lines(node) > MAX_FUNCTION_LINES
    ]


def library_owners(path: str, text: str) -> list[str]:
    """Only one layer knows each client library, and only _module.py knows Ansible among the engine's files."""
    problems = []
    for line, name in _imports(path, text):
        library = name.split(".")[0]
        owner = LIBRARY_OWNERS.get(library, "")
        if not path.startswith(owner):
            problems.append(f"{path}:{line}: {library} is imported outside {owner}")
        if library == "ansible" and path.startswith(ENGINE) and path != f"{ENGINE}_module.py":
            problems.append(f"{path}:{line}: ansible is imported in the engine outside _module.py")
    return problems


def layers(path: str, text: str) -> list[str]:
    """errors <- store, milvus <- backup <- restore <- modules: no import goes the other way."""
    if not path.startswith(ENGINE):
        return []
    layer = _layer(path.removeprefix(ENGINE).split("/"))
    allowed = LAYERS.get(layer, set())
    problems = []
    for line, name in _imports(path, text):
        if not name.startswith("ansible_collections."):
            continue
        inside = name.removeprefix(f"{MODULE_UTILS}.")
        if inside == name:
            problems.append(f"{path}:{line}: the engine imports {name}")
        elif inside.split(".")[0] in LAYERS and inside.split(".")[0] not in allowed:
            problems.append(f"{path}:{line}: {layer} imports {inside}")
    return problems


def one_fail_json(path: str, text: str) -> list[str]:
    if path == f"{ENGINE}_module.py":
        return []
    nodes = ast.walk(ast.parse(text))
    lines = [node.lineno for node in nodes if isinstance(node, ast.Attribute) and node.attr == "fail_json"]
    return [f"{path}:{line}: fail_json outside {ENGINE}_module.py" for line in lines]


def forbidden_calls(path: str, text: str) -> list[str]:
    """No debug logging, no presigned addresses, no shell, and nothing that runs what a file or a bucket says."""
    problems = [
        f"{path}:{line}: {name} is imported"
        for line, name in _imports(path, text)
        if FORBIDDEN_IMPORTS & {name.split(".")[0]}
    ]
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        owner = getattr(getattr(node.func, "value", None), "id", "")
        shell = any(keyword.arg == "shell" for keyword in node.keywords)
        if called in FORBIDDEN_CALLS or shell or (owner == "yaml" and called in ("load", "load_all")):
            problems.append(f"{path}:{node.lineno}: {called} is called")
    return problems


def secrets_in_yaml(path: str, text: str) -> list[str]:
    """No no_log on a task (it hides the report, the modules hide their secrets) and no secret in a fact."""
    problems = []
    for mapping in _mappings(_load(text)):
        if mapping.get("no_log") is True and "description" not in mapping:
            problems.append(f"{path}: no_log: true on {mapping.get('name', 'a task')!r}")
        for action in ("set_fact", "ansible.builtin.set_fact", "set_stats", "ansible.builtin.set_stats"):
            if action in mapping and SECRET_NAME.search(str(mapping[action])):
                problems.append(f"{path}: a secret in {action}: {mapping.get('name', 'a task')!r}")
    return problems


def first_play(path: str, text: str) -> list[str]:
    """A run_once in the first play of a playbook would make one host's failure, or its data, that of all."""
    plays = [play for play in _load(text) or [] if isinstance(play, dict) and "hosts" in play]
    return [f"{path}: run_once in the first play" for mapping in _mappings(plays[:1]) if "run_once" in mapping]


def hosts_guard(path: str, text: str) -> list[str]:
    """A pattern or limit that matches no host must end with an error, not with exit code 0."""
    problems = []
    for number, play in enumerate(_load(text) or []):
        hosts = str(play.get("hosts", "localhost"))
        guarded = "vectorops.milvus.job_hosts" in hosts or (
            "inventory_hostnames" in hosts and ("undef(" in hosts or "mandatory" in hosts)
        )
        takes_pattern = "{{" in hosts or (number == 0 and hosts != "localhost")
        if takes_pattern and not guarded:
            problems.append(f"{path}: hosts without the guard in play {play.get('name', number)!r}")
    return problems


def _lines(node: ast.AST) -> int:
    return int(node.end_lineno) - int(node.lineno) + 1  # type: ignore[attr-defined]


def _layer(parts: list[str]) -> str:
    return parts[0].removesuffix(".py")


def _imports(path: str, text: str) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything that a file imports; relative imports made absolute."""
    package = ["ansible_collections", "vectorops", "milvus", *PurePosixPath(path).parent.parts]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            start = ".".join(part for part in (base, node.module) if part)
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)


class _Loader(yaml.SafeLoader):
    """Reads !vault, !unsafe and the like as what they wrap."""


def _untagged(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _untagged)


def _load(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _mappings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _mappings(item)
