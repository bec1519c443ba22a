# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/variables.md: every variable that a user can set, from the doc fragments and the specs of the roles.

    python tests/tools/variables_page.py

What the playbooks read themselves is described here, as no other file does; a test compares it with the playbooks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml
from collection_tree import CHECKOUT

PAGE = CHECKOUT / "docs" / "variables.md"
PREFIX = "milvus_"
BACKUP_PREFIX = "backup_"
ROLES = (
    "milvus_preflight",
    "milvus_backup",
    "milvus_restore",
    "milvus_migrate",
    "milvus_cutover",
    "milvus_prune",
    "milvus_job",
    "milvus_lab",
)
MARKUP = re.compile(r"\b(?:RV|HO|[OVCEMP])\(([^()]*)\)")
REFERENCE = re.compile(r"(?:(?P<plugin>[\w.]+)#\w+:|ignore:)?(?P<name>.*)")

Options = Mapping[str, Mapping[str, Any]]

HOSTS = "The host pattern of the play. {}"
SERIAL = "So many jobs at once, a number, a percentage or a list of them. `100%` if unset."
REPORT = "Files for a report of all jobs, each `.json`, `.md`, `.html` or `.txt`. A list, or text with commas."
GROUP = "Group `{}` if unset."
NO_DEFAULT = "Without it the play needs a limit."


def _of_jobs(kind: str, hosts: str = "") -> dict[str, str]:
    named = {f"milvus_{kind}_hosts": HOSTS.format(hosts)} if hosts else {}
    return {**named, f"milvus_{kind}_serial": SERIAL, f"milvus_{kind}_report_file": REPORT}


PLAYBOOKS: dict[str, dict[str, str]] = {
    "preflight": _of_jobs("preflight", GROUP.format("milvus")),
    "backup": _of_jobs("backup", GROUP.format("milvus")),
    "restore": _of_jobs("restore", NO_DEFAULT),
    "migrate": {
        "milvus_migrate_target": HOSTS.format(GROUP.format("milvus_migrate_targets")),
        "milvus_migrate_strategy": "Strategy plugin of the play. `host_pinned` if unset.",
        **_of_jobs("migrate"),
    },
    "verify": {"milvus_migrate_target": "As for `migrate`.", **_of_jobs("verify")},
    "cutover": _of_jobs("cutover", NO_DEFAULT),
    "prune": _of_jobs("prune", GROUP.format("milvus")),
    "delete": {
        "milvus_delete_hosts": HOSTS.format(NO_DEFAULT),
        "milvus_delete_name": "The name of the backup to remove. Required.",
        "milvus_delete_confirm": "The same name again. If unset, the playbook asks for it.",
        "milvus_delete_force_foreign": "Also remove a backup that another tool wrote. `false` if unset.",
    },
    "lab": {},
}

INTRODUCTION = """<!--
Copyright (c) 2026 The vectorops.milvus authors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

Written by tests/tools/variables_page.py from the doc fragments and the argument specs of the roles.
Change those, then run: make docs
-->
# Variables

All variables that this collection reads. A variable that is empty counts as unset.

| variables | say | where to set them |
|---|---|---|
| [of an instance](#variables-of-an-instance) | where a Milvus, its data and its backups are | inventory |
| [of the roles](#variables-of-the-roles) | what to do | inventory, play, or `-e` |
| [of the playbooks](#variables-of-the-playbooks) | which hosts, how many at once, which reports | `-e` alone |

Set what instances share for their group, and nothing has to be repeated. Secrets can also come from the environment of
ansible-playbook, under names for each side: see [AWX](awx.md#credentials).

## Variables of an instance

They are the options of the modules with the prefix `milvus_`. A play of your own hands them to the modules by the
[lookup `vectorops.milvus.instance`](../plugins/lookup/instance.py).
"""


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(CHECKOUT)}")


def page() -> str:
    """The whole page; it ends with a line break."""
    storage = fragment_options("storage")
    instance = {name: option for name, option in storage.items() if not name.startswith(BACKUP_PREFIX)}
    backup = {name: option for name, option in storage.items() if name.startswith(BACKUP_PREFIX)}
    lines = [
        *INTRODUCTION.splitlines(),
        *_section("### How to reach it", fragment_options("connection"), PREFIX),
        *_section("### Where its data lie", instance, PREFIX),
        *_section("### Where its backups lie", backup, PREFIX),
        *_section("### Live progress", fragment_options("progress"), PREFIX, only=("progress_interval",)),
        *("", "## Variables of the roles"),
    ]
    for role in ROLES:
        lines += ["", f"### [{role}](../roles/{role}/README.md)", "", *_table(role_options(role))]
    lines += [
        "",
        "## Variables of the playbooks",
        "",
        "They are read before any host is chosen, so they are extra vars.",
        "",
    ]
    lines += _rows(("playbook", "variable", "meaning"), _playbook_rows())
    return "\n".join(lines) + "\n"


def fragment_options(name: str) -> Options:
    """The options of a doc fragment, read without importing it."""
    source = (CHECKOUT / "plugins" / "doc_fragments" / f"{name}.py").read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            options: Options = yaml.safe_load(str(node.value.value))["options"]
            return options
    raise ValueError(f"the doc fragment {name} has no documentation")


def role_options(role: str) -> Options:
    """The variables of all entry points of a role."""
    specs = yaml.safe_load((CHECKOUT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    return {name: option for spec in specs["argument_specs"].values() for name, option in spec["options"].items()}


def _section(title: str, options: Options, prefix: str, only: Iterable[str] = ()) -> list[str]:
    chosen = {name: option for name, option in options.items() if name in only} if only else options
    return ["", title, "", *_table(chosen, prefix)]


def _table(options: Options, prefix: str = "") -> list[str]:
    cells = (
        (f"`{prefix}{name}`", _type(option), _default(option), _meaning(option, prefix, f"{prefix}{name}"))
        for name, option in options.items()
    )
    return _rows(("variable", "type", "default", "meaning"), cells)


def _rows(names: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(names)
    return [_line(head), "|" + "---|" * len(head), *map(_line, rows)]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _playbook_rows() -> Iterator[tuple[str, str, str]]:
    for playbook, variables in PLAYBOOKS.items():
        for name, meaning in variables.items():
            yield f"`{playbook}`", f"`{name}`", meaning


def _type(option: Mapping[str, Any]) -> str:
    return str(option["type"]) + (f" of {option['elements']}" if "elements" in option else "")


def _default(option: Mapping[str, Any]) -> str:
    if option.get("required"):
        return "required"
    if "default" not in option:
        return ""
    value = option["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value not in ("", None) else "empty"


def _meaning(option: Mapping[str, Any], prefix: str, variable: str) -> str:
    """What is said of an option. That its variable holds where it is unset is for options only."""
    described = option["description"]
    sentences = [described] if isinstance(described, str) else described
    paragraphs = [MARKUP.sub(lambda found: _plain(found, prefix), " ".join(one.split())) for one in sentences]
    if option.get("choices"):
        paragraphs.append(f"One of {', '.join(f'`{choice}`' for choice in option['choices'])}.")
    return "<br>".join(paragraphs).replace(f"If unset, the variable `{variable}` holds. Without it ", "If unset, ")


def _plain(found: re.Match[str], prefix: str) -> str:
    """Ansible's markup as Markdown; an option of a fragment gets the prefix that makes it a variable."""
    kind, content = found.group(0)[0], found.group(1)
    if kind in "MP":
        return f"`{content.partition('#')[0]}`"
    if kind != "O":
        return f"`{content}`"
    reference = REFERENCE.fullmatch(content)
    assert reference is not None  # the expression matches any text
    name, plugin = reference["name"], reference["plugin"]
    return f"`{name}` of `{plugin.rpartition('.')[2]}`" if plugin else f"`{prefix}{name}`"


if __name__ == "__main__":
    main()
