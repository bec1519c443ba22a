# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages show is there: commands, playbooks, variables, options, tags, files. Each rule finds its case."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import doc_rules as rules
import pytest
import yaml
from collection_tree import CHECKOUT
from doc_pages import Block, blocks, commands
from stage import listed_files

PAGES = {
    path.as_posix(): (CHECKOUT / path).read_text(encoding="utf-8")
    for path in listed_files()
    if path.suffix == ".md" and path.name != "CHANGELOG.md"
}
BLOCKS = [block for page, text in PAGES.items() for block in blocks(page, text)]
FOLDERS = "awx|changelogs|docs|examples|meta|playbooks|plugins|roles|tests"
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]*\w/?)`")
IN_TEXT = re.compile(r"`(make [^`]+|ansible-playbook [^`]+|-e [^`<]+)`")
SAVED = re.compile(r"\b[Ss]ave it\s+as `([\w.]+\.yml)`")
YAML_INDENTED = re.compile(r"(- name:|- hosts:|\w+:\n|milvus_\w+: )")
ENVIRONMENT = {**os.environ, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}


def is_yaml(block: Block) -> bool:
    return block.language in ("yaml", "yml") or (not block.language and bool(YAML_INDENTED.match(block.text)))


YAML = [block for block in BLOCKS if is_yaml(block)]


GUIDES = ("README.md", *(f"docs/{name}.md" for name in ("quick-start", "migrate", "recovery-drill")))
TYPED = {
    **dict.fromkeys(GUIDES, "test_guides.py"),
    "docs/backups.md": "test_examples.py",
    "docs/fleets.md": "test_examples.py",
    "docs/cut-over.md": "test_cutover.py",
}
"""Pages whose commands a test of tests/integration reads and types."""

NOT_TYPED = {
    "docs/across-stores.md": "needs a backup that somebody copied by hand; test_guides.py migrates with its inventory",
    "docs/awx.md": "needs an AWX; tests/awx plays awx/setup.yml against one in memory",
    "roles/milvus_lab/README.md": "starts what the others are typed on; tests/integration/test_lab.py does the same",
}


def read(block: Block) -> Any:
    return yaml.load(block.text, rules.Loader)


def test_something_is_shown() -> None:
    assert len(PAGES) > 15
    assert len([words for block in BLOCKS for words in commands(block) if words[:1] == ["ansible-playbook"]]) > 10
    assert len(YAML) > 8


def test_every_command_can_be_run() -> None:
    found = [
        f"{block.where}: {problem}"
        for block in BLOCKS
        for words in commands(block)
        for problem in rules.command(words, SAVED.findall(PAGES[block.page]))
    ]
    assert found == []


def test_every_page_with_commands_is_typed_by_a_test() -> None:
    found = {block.page for block in BLOCKS for words in commands(block) if words[:1] == ["ansible-playbook"]}
    assert found == {*TYPED, *NOT_TYPED}
    tests = {page: (CHECKOUT / "tests" / "integration" / name).read_text() for page, name in TYPED.items()}
    assert [page for page, text in tests.items() if f'"{page}"' not in text] == []


def test_every_command_in_a_sentence_can_be_run() -> None:
    found = []
    for page, text in PAGES.items():
        for shown in IN_TEXT.findall(text):
            line = f"ansible-playbook backup.yml {shown}" if shown.startswith("-e ") else shown
            (words,) = commands(Block(page, 0, "bash", line))
            found += [f"{page}: {shown}: {problem}" for problem in rules.command(words)]
    assert found == []


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.where)
def test_every_piece_of_yaml_has_names_and_values_that_are_taken(block: Block) -> None:
    assert rules.shown(read(block)) == []


def test_ansible_takes_every_play_and_task(tmp_path: Path) -> None:
    files = []
    for number, block in enumerate(YAML):
        value = read(block)
        if isinstance(value, list):
            plays = value if "hosts" in value[0] else [{"hosts": "all", "gather_facts": False, "tasks": value}]
            files.append(tmp_path / f"{number}_{block.page.replace('/', '_')}.yml")
            files[-1].write_text(yaml.safe_dump(plays))
    assert files
    ansible("playbook", "--syntax-check", *map(str, files))


def test_ansible_takes_every_inventory(tmp_path: Path) -> None:
    arguments = []
    for number, block in enumerate(YAML):
        value = read(block)
        if isinstance(value, dict) and any(map(rules.is_group, value.values())):
            file = tmp_path / f"{number}.yml"
            file.write_text(block.text)
            arguments += ["-i", str(file)]
    assert arguments
    ansible("inventory", "--list", *arguments)


def ansible(program: str, *arguments: str) -> None:
    command = [str(Path(sys.executable).with_name(f"ansible-{program}")), *arguments]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_that_is_named_is_there() -> None:
    assert [
        (page, path) for page, text in PAGES.items() for path in PATH.findall(text) if not is_there(page, path)
    ] == []


def is_there(page: str, path: str) -> bool:
    return any((folder / path).exists() for folder in (CHECKOUT, (CHECKOUT / page).parent))


BROKEN: list[tuple[Callable[..., list[str]], Any]] = [
    (rules.command, ["make", "nothing"]),
    (rules.command, ["ansible-playbook", "nothing.yml"]),
    (rules.command, ["ansible-playbook", "vectorops.milvus.nothing"]),
    (rules.command, ["ansible-playbook", "backup.yml", "--no-such-option"]),
    (rules.command, ["ansible-playbook", "backup.yml", "-e", "milvus_backup_collection=coll"]),
    (rules.command, ["ansible-playbook", "backup.yml", "-e", "{milvus_backup_names: x}"]),
    (rules.command, ["ansible-playbook", "backup.yml", "-e", "{milvus_backup_index: maybe, milvus_timeout: soon}"]),
    (rules.command, ["ansible-playbook", "migrate.yml", "--tags", "nothing"]),
    (rules.shown, "some words"),
    (rules.shown, {"milvus": {"vars": {"milvus_adress": "x"}}}),
    (rules.shown, {"milvus": {"hosts": {"a": {"milvus_port": "many"}}}}),
    (rules.shown, {"milvus": {"host": {"a": {}}}}),
    (rules.shown, {"all": {"children": {"milvus": {"hosts": {"a": {"milvus_tls_mode": "both"}}}}}}),
    (rules.shown, {"milvus_backup_copy_concurrency": "nothing"}),
    (rules.shown, [{"name": "x", "vectorops.milvus.milvus_nothing": {}}]),
    (rules.shown, [{"name": "x", "vectorops.milvus.milvus_backup": {"colections": ["x"]}}]),
    (rules.shown, [{"block": [{"vectorops.milvus.milvus_backup": {"timeout": "soon"}}]}]),
    (rules.shown, [{"hosts": "x", "roles": [{"role": "vectorops.milvus.milvus_nothing"}]}]),
    (rules.shown, [{"hosts": "x", "roles": [{"role": "vectorops.milvus.milvus_backup", "milvus_backup_nam": "x"}]}]),
    (rules.shown, [{"hosts": "x", "vars": {"milvus_backup_allow_partial": "nothing"}}]),
    (
        rules.shown,
        [{"ansible.builtin.import_role": {"name": "vectorops.milvus.milvus_job", "tasks_from": "nothing"}}],
    ),
]


@pytest.mark.parametrize(("rule", "shown"), BROKEN)
def test_a_rule_finds_what_it_is_for(rule: Callable[..., list[str]], shown: Any) -> None:
    assert rule(shown)


PAGE = """# A title, `with` code

    ansible-playbook a.yml \\
        -e x=y    # and words

Text.

* item

      ansible-playbook b.yml

```bash
cd x && make unit
python - <<'END'
make nothing
END
pip install "$(cat x y)"
```

```console
$ make test
make nothing
```
"""


def test_pages_are_read_as_they_are_shown() -> None:
    found = list(blocks("a.md", PAGE))
    assert [block.language for block in found] == ["", "", "bash", "console"]
    assert [words for block in found for words in commands(block)] == [
        ["ansible-playbook", "a.yml", "-e", "x=y"],
        ["ansible-playbook", "b.yml"],
        ["cd", "x"],
        ["make", "unit"],
        ["python", "-", "<<END"],
        ["pip", "install", "value"],
        ["make", "test"],
    ]
