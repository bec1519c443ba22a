# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository keeps its own rules, and each rule finds what it is for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import repository_rules as rules
from collection_tree import CHECKOUT
from stage import listed_files

Rule = Callable[[str, str], list[str]]

GENERATED = {"changelogs/changelog.yaml"}
FILES = [path for path in listed_files() if path.as_posix() not in GENERATED]
TEXTS = {
    path.as_posix(): (CHECKOUT / path).read_text(encoding="utf-8")
    for path in FILES
    if path.suffix in (".py", ".yml", ".yaml")
}
HEADER = "\n".join(
    (
        "# Copyright (c) 2026 The vectorops.milvus authors",
        "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
        "# SPDX-License-Identifier: GPL-3.0-or-later",
    )
)
ENGINE = "plugins/module_utils/"
MODULE_UTILS = "ansible_collections.vectorops.milvus.plugins.module_utils"
GUARDED = "{{ query('inventory_hostnames', x | default('all', true)) or undef(hint='no host is left') }}"


def problems(rule: Rule, suffixes: tuple[str, ...], *folders: str) -> list[str]:
    chosen = {
        path: text
        for path, text in TEXTS.items()
        if path.endswith(suffixes) and (not folders or path.startswith(folders))
    }
    assert chosen, f"no file to check below {folders}"
    return [problem for path, text in chosen.items() for problem in rule(path, text)]


def test_every_file_has_the_licence_header() -> None:
    assert problems(rules.header, (".py", ".yml", ".yaml")) == []


def test_no_python_file_is_too_long() -> None:
    assert problems(rules.file_length, (".py",)) == []


@pytest.mark.parametrize(
    "rule", [rules.function_length, rules.library_owners, rules.layers, rules.one_fail_json, rules.forbidden_calls]
)
def test_plugins(rule: Rule) -> None:
    assert problems(rule, (".py",), "plugins/") == []


def test_no_secret_is_hidden_or_kept_by_a_task() -> None:
    assert problems(rules.secrets_in_yaml, (".yml", ".yaml"), "playbooks/", "roles/", "examples/", "awx/") == []


@pytest.mark.parametrize("rule", [rules.first_play, rules.hosts_guard])
def test_playbooks(rule: Rule) -> None:
    assert problems(rule, (".yml", ".yaml"), "playbooks/") == []


BROKEN: list[tuple[Rule, str, str]] = [
    (rules.header, "a.py", "x = 1\n"),
    (rules.header, "a.yml", HEADER.replace("GPL-3.0-or-later", "MIT")),
    (rules.file_length, "a.py", "x = 1\n" * 401),
    (rules.function_length, "a.py", "def f():\n" + "    x = 1\n" * 60),
    (rules.function_length, "a.py", "class C:\n    async def f(self):\n" + "        x = 1\n" * 60),
    (rules.library_owners, f"{ENGINE}backup/plan.py", "import pymilvus.client\n"),
    (rules.library_owners, f"{ENGINE}store/s3.py", "def f():\n    from grpc import aio\n"),
    (rules.library_owners, f"{ENGINE}milvus/a.py", "from botocore.exceptions import ClientError\n"),
    (rules.library_owners, "plugins/modules/a.py", "import boto3\n"),
    (rules.library_owners, f"{ENGINE}errors.py", "from ansible.module_utils.basic import AnsibleModule\n"),
    (rules.layers, f"{ENGINE}errors.py", f"from {MODULE_UTILS}.store import s3\n"),
    (rules.layers, f"{ENGINE}errors.py", f"from {MODULE_UTILS} import _module\n"),
    (rules.layers, f"{ENGINE}store/s3.py", f"import {MODULE_UTILS}.milvus.client\n"),
    (rules.layers, f"{ENGINE}milvus/a.py", "from ..backup import plan\n"),
    (rules.layers, f"{ENGINE}backup/a.py", "from ..restore.plan import Plan\n"),
    (rules.layers, f"{ENGINE}restore/a.py", "from .._module import run\n"),
    (rules.layers, f"{ENGINE}restore/a.py", "from ansible_collections.vectorops.milvus.plugins.modules import a\n"),
    (rules.one_fail_json, "plugins/modules/a.py", "module.fail_json(msg='x')\n"),
    (rules.one_fail_json, f"{ENGINE}store/s3.py", "give_up = module.fail_json\n"),
    (rules.forbidden_calls, "plugins/a.py", "boto3.set_stream_logger('')\n"),
    (rules.forbidden_calls, "plugins/a.py", "import logging\n"),
    (rules.forbidden_calls, "plugins/a.py", "client.generate_presigned_url('get_object')\n"),
    (rules.forbidden_calls, "plugins/a.py", "def f(x):\n    return eval(x)\n"),
    (rules.forbidden_calls, "plugins/a.py", "from pickle import loads\n"),
    (rules.forbidden_calls, "plugins/a.py", "yaml.load(text, Loader=yaml.SafeLoader)\n"),
    (rules.forbidden_calls, "plugins/a.py", "run(command, shell=True)\n"),
    (rules.forbidden_calls, "plugins/a.py", "os.system('x')\n"),
    (rules.secrets_in_yaml, "a.yml", "- name: x\n  a.b.c: {}\n  no_log: true\n"),
    (rules.secrets_in_yaml, "a.yml", "- tasks:\n    - block:\n        - set_fact:\n            my_password: x\n"),
    (
        rules.secrets_in_yaml,
        "a.yml",
        "- ansible.builtin.set_fact:\n    x: \"{{ lookup('vectorops.milvus.instance', 'a') }}\"\n",
    ),
    (rules.first_play, "a.yml", "- hosts: x\n  tasks:\n    - block:\n        - run_once: true\n"),
    (rules.hosts_guard, "a.yml", "- hosts: \"{{ x | default('milvus') }}\"\n"),
    (rules.hosts_guard, "a.yml", "- hosts: milvus\n"),
    (rules.hosts_guard, "a.yml", "- hosts: localhost\n- hosts: \"{{ query('inventory_hostnames', x) }}\"\n"),
]
SOUND: list[tuple[Rule, str, str]] = [
    (rules.header, "plugins/modules/a.py", f"#!/usr/bin/python\n{HEADER}\n"),
    (rules.header, "a/__init__.py", ""),
    (rules.file_length, "a.py", 'DOCUMENTATION = r"""\n' + "x\n" * 300 + '"""\n' + "x = 1\n" * 398),
    (rules.library_owners, f"{ENGINE}milvus/client.py", "import grpc\nfrom pymilvus import MilvusClient\n"),
    (rules.library_owners, f"{ENGINE}_module.py", "from ansible.module_utils.basic import AnsibleModule\n"),
    (
        rules.layers,
        f"{ENGINE}restore/a.py",
        "from ..errors import X\nfrom ..backup import layout\nfrom . import plan\n",
    ),
    (rules.layers, f"{ENGINE}_module.py", "from .restore import plan\n"),
    (rules.layers, "plugins/modules/a.py", f"from {MODULE_UTILS}._module import run\n"),
    (rules.forbidden_calls, "plugins/a.py", "root = yaml.compose(text, Loader=yaml.SafeLoader)\njson.loads(text)\n"),
    (rules.secrets_in_yaml, "a.yml", "options:\n  password: {description: x, no_log: true}\n  key: !vault x\n"),
    (rules.secrets_in_yaml, "a.yml", "- ansible.builtin.set_fact:\n    ansible_python_interpreter: x\n"),
    (rules.first_play, "a.yml", "- hosts: x\n  tasks: []\n- hosts: x\n  tasks:\n    - run_once: true\n"),
    (rules.hosts_guard, "a.yml", f'- hosts: "{GUARDED}"\n- import_playbook: b.yml\n- hosts: milvus_seen\n'),
]


@pytest.mark.parametrize(("rule", "path", "text"), BROKEN)
def test_a_rule_finds_what_it_is_for(rule: Rule, path: str, text: str) -> None:
    assert rule(path, text)


@pytest.mark.parametrize(("rule", "path", "text"), SOUND)
def test_a_rule_leaves_the_rest_alone(rule: Rule, path: str, text: str) -> None:
    assert rule(path, text) == []
