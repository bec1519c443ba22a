# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX accepts and does with it, as far as this collection depends on it; written anew after the behaviour of AWX.

Surveys and answers to them, credential types and what they put into the environment of a job, schedules, and which
files of a project are playbooks. Each check returns what is wrong, in words, or ''.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

Question = Mapping[str, Any]
Answers = dict[str, Any]

CHOICES = ("multiplechoice", "multiselect")
TEXTS = ("text", "textarea", "password")
NUMBERS: dict[str, tuple[type, ...]] = {"integer": (int,), "float": (int, float)}
IDENTIFIER = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
PLAYBOOK_LINE = re.compile(r"^\s*-?\s*(hosts|(ansible\.builtin\.)?(include|import_playbook)):")
NO_PLAYBOOKS_IN = {"roles", "tasks", "group_vars", "host_vars"}
FORBIDDEN_VARIABLES = {"PATH", "PYTHONPATH", "VIRTUAL_ENV", "JOB_ID", "INVENTORY_ID", "PROJECT_REVISION", "CACHE"}
FIELD_KEYS = {"id", "label", "type", "secret", "multiline", "help_text", "choices", "default", "format"}


def choices_of(question: Question) -> list[str]:
    given = question["choices"]
    return [line for line in (given.splitlines() if isinstance(given, str) else given) if line.strip()]


def survey_problem(survey: Any) -> str:
    for key, kind in (("name", str), ("description", str), ("spec", list)):
        if not isinstance(survey.get(key), kind):
            return f"{key} of the survey must be there, as {kind.__name__}"
    if not survey["spec"]:
        return "a survey without a question"
    variables = [question.get("variable") for question in survey["spec"]]
    if len(set(variables)) < len(variables):
        return "two questions for one variable"
    return next((found for found in map(_question_problem, survey["spec"]) if found), "")


def _question_problem(question: Question) -> str:
    where = f"question {question.get('variable')}: "
    for key, kind in (("type", str), ("question_name", str), ("variable", str), ("required", bool)):
        if not isinstance(question.get(key), kind):
            return f"{where}{key} must be there, as {kind.__name__}"
    if question["type"] not in (*TEXTS, *CHOICES, *NUMBERS):
        return f"{where}no type {question['type']}"
    if not question["variable"] or re.search(r"\s", question["variable"]):
        return f"{where}not the name of a variable"
    if any(not isinstance(question.get(key, 0), int | None) for key in ("min", "max")):
        return f"{where}min and max are whole numbers"
    if question["type"] in CHOICES and not choices_of({"choices": [], **question}):
        return f"{where}no choices"
    default = question.get("default", "")
    if default == "":
        return ""
    if not isinstance(default, NUMBERS.get(question["type"], (str,))):
        return f"{where}the default has the wrong type"
    if default in ("$encrypted$",) and question["type"] != "password":
        return f"{where}a reserved word as default"
    if question["type"] in CHOICES and set(default.splitlines()) - set(choices_of(question)):
        return f"{where}the default is no choice"
    return f"{where}two defaults for one choice" if question["type"] == CHOICES[0] and "\n" in default else ""


def answer_problem(question: Question, answer: Any) -> str:
    """Of one answer that was given; one that is missing is a matter of C(missing)."""
    kind, where = question["type"], f"{question['variable']}: "
    if kind == "multiselect":
        good = isinstance(answer, list) and not set(answer) - set(choices_of(question))
        return "" if good else f"{where}not a list of choices"
    if kind == "multiplechoice":
        return "" if answer in choices_of(question) else f"{where}not a choice"
    if type(answer) not in NUMBERS.get(kind, (str,)):
        return f"{where}the wrong type"
    size = len(answer) if kind in TEXTS else answer
    low, high = question.get("min"), question.get("max")
    return f"{where}too small or too large" if (low or 0) > size or (high is not None and high < size) else ""


def launch_problem(survey: Mapping[str, Any], answers: Answers, required: bool = True) -> str:
    """Of the answers with which somebody, a schedule or a step of a workflow starts a template."""
    questions = {question["variable"]: question for question in survey.get("spec", [])}
    if unknown := sorted(set(answers) - set(questions)):
        return f"not in the survey: {', '.join(unknown)}"
    missing = [name for name, question in questions.items() if question["required"] and name not in answers]
    # A default does not stand in for an answer here: only the form of a person shows it.
    if required and missing:
        return f"not answered: {', '.join(missing)}"
    found = [answer_problem(questions[name], answer) for name, answer in answers.items()]
    return next((problem for problem in found if problem), "")


def job_variables(template: Mapping[str, Any], survey: Mapping[str, Any], answers: Answers) -> Answers:
    """What reaches the job, in the order of AWX: those of the template, valid defaults, answers."""
    defaults = {
        question["variable"]: question["default"]
        for question in survey.get("spec", [])
        if question.get("default") is not None and not answer_problem(question, question["default"])
    }
    return {**json.loads(template.get("extra_vars") or "{}"), **defaults, **answers}


def every_kind_of_answer(survey: Mapping[str, Any], typed: Mapping[str, list[str]]) -> Iterator[Answers]:
    """Sets of answers in which each question has each kind of answer that AWX lets through, at least once.

    C(typed) is what people write into texts, by variable. The last set answers only what has to be answered.
    """
    kinds = {question["variable"]: list(_kinds_of(question, typed)) for question in survey["spec"]}
    for number in range(max(map(len, kinds.values()))):
        yield {name: values[number % len(values)] for name, values in kinds.items()}
    yield {question["variable"]: kinds[question["variable"]][0] for question in survey["spec"] if question["required"]}


def _kinds_of(question: Question, typed: Mapping[str, list[str]]) -> Iterator[Any]:
    kind, default = question["type"], question.get("default", "")
    if kind == "multiplechoice":
        yield from choices_of(question)
    elif kind == "multiselect":
        yield choices_of(question)
        yield choices_of(question)[-1:]
    elif kind in NUMBERS:
        yield from (question["max"], question["min"])
    else:
        yield from typed.get(question["variable"], ())
        if default or not question["required"]:
            yield default


def credential_type_problem(inputs: Mapping[str, Any], injectors: Mapping[str, Any]) -> str:
    fields = inputs.get("fields", [])
    names = [field.get("id", "") for field in fields]
    if set(inputs) - {"fields", "required"} or set(inputs.get("required", [])) - set(names):
        return "inputs have fields and required, and nothing else"
    if len(set(names)) < len(names) or "tower" in names or not all(map(IDENTIFIER.fullmatch, names)):
        return "each field has a name of its own, which is not tower"
    for field in fields:
        if set(field) - FIELD_KEYS or not isinstance(field.get("label"), str):
            return f"field {field['id']}: an unknown key, or no label"
        if field.get("type", "string") != "string" and {"secret", "multiline", "choices", "format"} & set(field):
            return f"field {field['id']}: only text can be secret"
    if set(injectors) - {"env", "extra_vars", "file"}:
        return "injectors are env, extra_vars and file"
    for variable, template in injectors.get("env", {}).items():
        if not IDENTIFIER.fullmatch(variable) or not isinstance(template, str) or not template.isascii():
            return f"{variable}: not a variable of an environment"
        if variable.startswith("ANSIBLE_") or variable in FORBIDDEN_VARIABLES:
            return f"{variable} is not allowed in credentials"
        try:
            ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(template).render(
                dict.fromkeys(names, "x")
            )
        except TemplateError as error:
            return f"{variable}: {error}"
    return ""


def injected(credential_type: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, str]:
    """The environment that a credential gives a job; a field without a value sets its variable to nothing."""
    environment = ImmutableSandboxedEnvironment()
    given = {name: value for name, value in inputs.items() if value}
    templates = credential_type["injectors"]["env"]
    return {variable: environment.from_string(text).render(given) for variable, text in templates.items()}


def rule_problem(rule: str) -> str:
    """Of the recurrence of a schedule."""
    if not re.match(r"DTSTART(;TZID=[^:]+:\d{8}T\d{6}|:\d{8}T\d{6}Z) RRULE:FREQ=[A-Z]+;", rule):
        return "a start with a time zone is needed, and a rule"
    if "INTERVAL=" not in rule or "SECONDLY" in rule or "EXDATE" in rule or rule.count("DTSTART") > 1:
        return "INTERVAL is needed; SECONDLY, EXDATE and a second start are not allowed"
    return ""


def playbooks_of(project: Path) -> list[str]:
    """The files that AWX offers as playbooks of a template."""
    found = []
    for path in sorted(project.rglob("*.y*ml")):
        folders = path.relative_to(project).parts[:-1]
        if NO_PLAYBOOKS_IN & set(folders) or any(folder.startswith(".") for folder in folders):
            continue
        if any(map(PLAYBOOK_LINE.match, path.read_text(encoding="utf-8").splitlines())):
            found.append(path.relative_to(project).as_posix())
    return found
