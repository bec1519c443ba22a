# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX sends for each question of each survey, played by ansible-runner. No server is needed for these.

Nothing listens where the instances are said to be: a job whose answers were all understood ends as unreachable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awx_rules as rules
import pytest
import yaml
from awx_project import make_project, run_job, surveys, templates
from collection_tree import CHECKOUT

WITH_SURVEY = [template for template in templates() if "survey" in template]
ROLES = {name: f"milvus_{name}" for name in ("preflight", "backup", "restore", "migrate", "prune")}
ROLES["verify"] = "milvus_migrate"
ENTRIES = {"verify": "verify"}
JOB_VARIABLES = {"awx_job_id": 7, "awx_workflow_job_id": 9}
HERE: dict[str, Any] = {
    "milvus_address": "127.0.0.1",
    "milvus_storage_address": "127.0.0.1",
    "milvus_storage_port": 4,
    "milvus_access_key_id": "key",
    "milvus_secret_access_key": "secret",
    "milvus_bucket_name": "bucket",
    "milvus_timeout": 1,
}
INVENTORY = {
    "milvus": {
        "vars": HERE,
        "hosts": {
            "milvus_a": {"milvus_port": 1, "milvus_root_path": "files_A"},
            "milvus_b": {"milvus_port": 2, "milvus_root_path": "files_B"},
        },
    },
    "milvus_migrate_targets": {
        "vars": HERE,
        "hosts": {"milvus_c": {"milvus_port": 3, "milvus_root_path": "files_C"}},
    },
}
RENAME = ["db.a=db.b\ndb.c = db.d\n", "db1.*=db2.*\r\n", '{"db.a": "db.b"}']
TYPED = {
    "milvus_backup_collections": ["coll"],
    "milvus_backup_exclude": ["coll, db.other,", "coll\ndb.other\n"],
    "milvus_backup_max_rate": ["20M"],
    "milvus_backup_name": ["nightly_1"],
    "milvus_migrate_backup_name": ["nightly_1"],
    "milvus_migrate_collections": ["coll, db.*"],
    "milvus_migrate_exclude": ["db.other"],
    "milvus_migrate_max_rate": ["20M"],
    "milvus_migrate_rename": RENAME,
    "milvus_migrate_serial": ["1", "50%"],
    "milvus_migrate_suffix": ["_bak"],
    "milvus_prune_keep_within": ["7d"],
    "milvus_prune_name_pattern": ["backup_*"],
    "milvus_prune_unfinished_older_than": ["2d"],
    "milvus_restore_collections": ["coll\r\ndb.*\r\n"],
    "milvus_restore_max_rate": ["20M"],
    "milvus_restore_rename": RENAME,
    "milvus_restore_suffix": ["_bak"],
}
"""What people type, besides nothing and the default."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("surveys") / "project")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Path) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("rendered")
    return surveys(ansible_playbook, folder, backups=["nightly_2", "nightly_1"], jobs=["milvus_c"])


def answers_of(survey: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every kind of answer; of a name and a pattern of names, which exclude each other, one; one host for a name."""
    asked = {question["variable"] for question in survey["spec"]}
    for answers in rules.every_kind_of_answer(survey, TYPED):
        if "milvus_restore_name" in asked:
            pattern = "" if answers.get("milvus_restore_name") else "backup_*"
            answers = {**answers, "milvus_restore_name_pattern": pattern}
        if answers.get("milvus_backup_name") and len(answers["milvus_backup_hosts"]) > 1:
            yield {**answers, "milvus_backup_name": ""}
            answers = {**answers, "milvus_backup_hosts": answers["milvus_backup_hosts"][:1]}
        yield answers


def test_every_template_has_a_playbook_that_awx_finds(project: Path) -> None:
    found = rules.playbooks_of(project)
    assert {template["playbook"] for template in templates()} <= set(found)
    assert [path for path in found if path.startswith("awx/")] == ["awx/refresh_surveys.yml", "awx/setup.yml"]


@pytest.mark.parametrize("template", WITH_SURVEY, ids=lambda template: template["survey"])
def test_a_survey_is_accepted_and_asks_what_is_needed_and_nothing_else(
    template: dict[str, Any], rendered: dict[str, dict[str, Any]]
) -> None:
    survey = rendered[template["survey"]]
    assert rules.survey_problem(survey) == ""
    asked = {question["variable"]: question["required"] for question in survey["spec"]}
    name = template["playbook"].removesuffix(".yml")
    files = [CHECKOUT / "playbooks" / template["playbook"], *(CHECKOUT / "roles" / ROLES[name]).glob("*/*.*")]
    text = "\n".join(path.read_text() for path in files if path.name != "argument_specs.yml")
    assert [variable for variable in asked if not re.search(rf"(?<!_){variable}\b", text)] == []
    specification = CHECKOUT / "roles" / ROLES[name] / "meta" / "argument_specs.yml"
    if specification.exists():
        entry = yaml.safe_load(specification.read_text())["argument_specs"][ENTRIES.get(name, "main")]["options"]
        assert {variable for variable, option in entry.items() if option.get("required")} <= {
            variable for variable, required in asked.items() if required
        }
        options = {variable: option.get("type", "str") for variable, option in entry.items()}
        numbers = {question["variable"] for question in survey["spec"] if question["type"] == "integer"}
        assert numbers == {variable for variable in asked if options.get(variable) == "int"}


@pytest.mark.parametrize("template", WITH_SURVEY, ids=lambda template: template["survey"])
def test_a_job_understands_whatever_awx_sends(
    template: dict[str, Any],
    rendered: dict[str, dict[str, Any]],
    project: Path,
    tmp_path: Path,
    ansible_playbook: Path,
) -> None:
    survey, about = rendered[template["survey"]], template.get("extra_vars", {})
    for number, answers in enumerate(answers_of(survey)):
        assert rules.launch_problem(survey, answers) == "", answers
        job = run_job(
            ansible_playbook,
            project,
            template["playbook"],
            INVENTORY,
            answers=rules.job_variables({}, survey, answers),
            from_template={**JOB_VARIABLES, **about},
            options="--check",
            folder=tmp_path / str(number),
        )
        assert job.status == "failed", f"{answers}\n{job.output}"
        kinds = {kind_of(result) for result in job.failures}
        assert kinds == {expected(template["survey"], answers)}, f"{answers}\n{job.output}"


@pytest.mark.parametrize(("answer", "accepted"), [("yes", True), ("no", False)])
def test_yes_and_no_are_what_they_say(
    answer: str, accepted: bool, project: Path, tmp_path: Path, ansible_playbook: Path
) -> None:
    """As text, which answers are up to ansible-core 2.18. Only the last task of the role is of interest."""
    role = {"ansible.builtin.import_role": {"name": "vectorops.milvus.milvus_backup"}}
    play = {"hosts": "milvus_a", "connection": "local", "gather_facts": False, "tasks": [role]}
    (project / "role_alone.yml").write_text(yaml.safe_dump([play]))
    partial = {"backup": {"state": "partial", "name": "nightly", "skipped_collections": {"films": "why"}}}
    job = run_job(
        ansible_playbook,
        project,
        "role_alone.yml",
        INVENTORY,
        answers={"milvus_backup_collections": "films"},
        from_template={"__milvus_backup": partial},
        options=f"--start-at-task '*Refuse a partial backup' -e milvus_backup_allow_partial={answer}",
        folder=tmp_path,
    )
    assert (job.status == "successful") is accepted, job.output
    assert ("lacks films" in job.flat) is not accepted


def kind_of(result: dict[str, Any]) -> str:
    """Of a module, or of a summary, which repeats it."""
    return str(result.get("failure", {}).get("kind") or result.get("msg", "").partition(":")[0])


def expected(survey: str, answers: dict[str, Any]) -> str:
    keeps = any(value for name, value in answers.items() if name.startswith("milvus_prune_keep_"))
    return "usage" if survey == "prune" and not keeps else "unreachable"  # a policy that keeps nothing is refused
