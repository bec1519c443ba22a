# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AWX in memory refuses what AWX refuses: else its tests would prove nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awx_rules as rules
import pytest

TEXT: dict[str, Any] = {"type": "text", "variable": "a", "question_name": "A", "required": False, "default": "x"}
CHOICE = {**TEXT, "type": "multiplechoice", "choices": "x\ny"}
SEVERAL = {**TEXT, "type": "multiselect", "choices": ["x", "y"]}
NUMBER = {**TEXT, "type": "integer", "default": 3, "min": 1, "max": 5}
FIELD = {"id": "password", "label": "Password", "type": "string", "secret": True}
ENV = {"env": {"MILVUS_PASSWORD": "{{ password }}"}}
RULE = "DTSTART:20260101T010000Z RRULE:FREQ=DAILY;INTERVAL=1"


def survey(*questions: dict[str, Any]) -> dict[str, Any]:
    return {"name": "", "description": "", "spec": list(questions)}


@pytest.mark.parametrize("question", [TEXT, CHOICE, SEVERAL, NUMBER, {**NUMBER, "default": ""}, {**TEXT, "max": None}])
def test_a_sound_question(question: dict[str, Any]) -> None:
    assert rules.survey_problem(survey(question)) == ""


@pytest.mark.parametrize(
    "broken",
    [
        {"spec": [TEXT]},
        survey(),
        survey(TEXT, CHOICE),
        survey({**TEXT, "type": "boolean"}),
        survey({**TEXT, "required": "yes"}),
        survey({name: value for name, value in TEXT.items() if name != "question_name"}),
        survey({**TEXT, "variable": "a b"}),
        survey({**TEXT, "default": ["x"]}),
        survey({**TEXT, "default": "$encrypted$"}),
        survey({**TEXT, "max": "5"}),
        survey({**NUMBER, "default": "3"}),
        survey({**CHOICE, "choices": " \n"}),
        survey({**CHOICE, "default": "z"}),
        survey({**CHOICE, "default": "x\ny"}),
        survey({name: value for name, value in CHOICE.items() if name != "choices"}),
    ],
)
def test_a_survey_is_refused(broken: dict[str, Any]) -> None:
    assert rules.survey_problem(broken)


@pytest.mark.parametrize(
    ("question", "answer"), [(TEXT, ""), (CHOICE, "y"), (SEVERAL, []), (SEVERAL, ["x", "y"]), (NUMBER, 5)]
)
def test_an_answer_that_is_let_through(question: dict[str, Any], answer: object) -> None:
    assert rules.answer_problem(question, answer) == ""


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        *((TEXT, value) for value in (None, 1, True, ["x"])),
        ({**TEXT, "min": 1}, ""),
        *((CHOICE, value) for value in ("", "z", ["x"])),
        *((SEVERAL, value) for value in ("x", ["z"])),
        *((NUMBER, value) for value in ("", "3", True, 3.5, 0, 6)),
    ],
)
def test_an_answer_is_refused(question: dict[str, Any], answer: object) -> None:
    assert rules.answer_problem(question, answer)


def test_a_launch_without_a_required_answer_or_with_a_strange_one_is_refused() -> None:
    required = survey({**TEXT, "required": True})
    assert rules.launch_problem(required, {})
    assert rules.launch_problem(required, {}, required=False) == ""
    assert rules.launch_problem(required, {"a": "x", "b": "x"})
    assert rules.launch_problem(required, {"a": "x"}) == ""


def test_the_default_goes_before_the_template_and_the_answer_before_both() -> None:
    template = {"extra_vars": '{"a": "of the template", "b": "of the template"}'}
    assert rules.job_variables(template, survey(TEXT), {}) == {"a": "x", "b": "of the template"}
    assert rules.job_variables(template, survey(TEXT), {"a": ""})["a"] == ""
    assert rules.job_variables({}, survey({**SEVERAL, "default": "x"}), {}) == {}  # AWX keeps it from the job


def test_every_kind_of_answer_comes_up() -> None:
    questions = [CHOICE, {**NUMBER, "variable": "n"}, {**TEXT, "variable": "t", "default": ""}]
    kinds = list(rules.every_kind_of_answer(survey(*questions), {"t": ["typed"]}))
    assert {item.get("a") for item in kinds} == {"x", "y", None}
    assert {item.get("n") for item in kinds} == {1, 5, None}
    assert {item.get("t") for item in kinds} == {"typed", "", None}


@pytest.mark.parametrize(
    ("fields", "injectors"),
    [
        ([FIELD, FIELD], ENV),
        ([{**FIELD, "id": "tower"}], {}),
        ([{**FIELD, "id": "my-password"}], {}),
        ([{**FIELD, "type": "boolean"}], ENV),
        ([{**FIELD, "colour": "red"}], ENV),
        ([], ENV),
        ([FIELD], {"environment": {}}),
        ([FIELD], {"env": {"ANSIBLE_VAULT_PASSWORD": "{{ password }}"}}),
        ([FIELD], {"env": {"PATH": "{{ password }}"}}),
        ([FIELD], {"env": {"A-B": "{{ password }}"}}),
        ([FIELD], {"env": {"A": "{{ password"}}),
    ],
)
def test_a_credential_type_is_refused(fields: list[dict[str, Any]], injectors: dict[str, Any]) -> None:
    assert rules.credential_type_problem({"fields": fields}, injectors)
    assert rules.credential_type_problem({"fields": [FIELD]}, ENV) == ""


def test_an_empty_field_sets_its_variable_to_nothing() -> None:
    assert rules.injected({"injectors": ENV}, {"password": ""}) == {"MILVUS_PASSWORD": ""}
    assert rules.injected({"injectors": ENV}, {"password": "x"}) == {"MILVUS_PASSWORD": "x"}


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=DAILY;INTERVAL=1",
        RULE.replace("Z", ""),
        RULE.replace(";INTERVAL=1", ";COUNT=2"),
        RULE.replace("DAILY", "SECONDLY"),
    ],
)
def test_a_schedule_is_refused(rule: str) -> None:
    assert rules.rule_problem(rule)
    assert rules.rule_problem(RULE) == ""


def test_what_is_a_playbook(tmp_path: Path) -> None:
    for name, text in {
        "a.yml": "- name: x\n  hosts: all\n",
        "b.yaml": "- name: x\n  ansible.builtin.import_playbook: n.c.p\n",
        "tasks/c.yml": "- hosts: all\n",
        "group_vars/d.yml": "hosts: 1\n",
        ".git/e.yml": "- hosts: all\n",
        "f.yml": "a_hosts: b\n",
        "g.txt": "- hosts: all\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert rules.playbooks_of(tmp_path) == ["a.yml", "b.yaml"]
