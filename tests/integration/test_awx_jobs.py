# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each job template of AWX run for real, by ansible-runner: answers of its survey, credentials in its environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awx_rules as rules
import oracle
import pytest
import yaml
from awx_project import Loader, make_project, run_job, surveys, templates
from collection_tree import CHECKOUT
from labs import RunningLab, Side

pytestmark = [pytest.mark.playbook, pytest.mark.newest]

Fresh = Callable[[str], str]
TEMPLATES = {template["survey"]: template for template in templates() if "survey" in template}
KEYS = ("access_key_id", "secret_access_key")


@dataclass(frozen=True)
class Awx:
    """Starts templates as AWX does. The hosts have no secrets: C(credentials) bring them."""

    program: Path
    folder: Path
    inventory: dict[str, Any]
    questions: dict[str, dict[str, Any]]
    credentials: dict[str, dict[str, str]]

    def launch(self, name: str, job_id: int, answers: dict[str, Any], *, tags: str = "") -> str:
        """The output of a job that has to succeed."""
        template, survey = TEMPLATES[name], self.questions[name]
        assert rules.launch_problem(survey, answers) == ""
        environment: dict[str, str] = {}
        for credential in template["credentials"]:
            environment |= rules.injected(credential_types()[credential], self.credentials.get(credential, {}))
        job = run_job(
            self.program,
            self.folder / "project",
            template["playbook"],
            self.inventory,
            answers=rules.job_variables({}, survey, answers),
            from_template={"awx_job_id": job_id, **template.get("extra_vars", {})},
            environment=environment,
            options=f"-vvv --tags {tags}" if tags else "-vvv",
            folder=self.folder / f"job-{job_id}",
        )
        assert job.status == "successful", job.output
        for credential in self.credentials.values():
            assert credential["secret_access_key"] not in job.output
        return job.flat


def credential_types() -> dict[str, dict[str, Any]]:
    text = (CHECKOUT / "awx" / "credential_types.yml").read_text()
    return {item["name"]: item for item in yaml.load(text, Loader)["milvus_awx_credential_types"]}


@pytest.fixture
def awx(source: Side, target: Side, tmp_path: Path, ansible_playbook: Path) -> Awx:
    """Source and target have keys of their own type; that of the object storage is empty, as is that of the backups."""
    hosts = {
        side.name: {f"milvus_{name}": value for name, value in side.options.items() if name not in KEYS}
        for side in (source, target)
    }
    inventory = {"milvus": {"hosts": hosts}, "milvus_migrate_targets": {"hosts": {"milvus_b": None}}}
    make_project(tmp_path / "project")
    keys = {name: str(source.options[name]) for name in KEYS}
    questions = surveys(ansible_playbook, tmp_path, backups=[], jobs=["milvus_b"])
    return Awx(ansible_playbook, tmp_path, inventory, questions, {"Milvus source": keys, "Milvus target": keys})


def test_every_template_does_its_work(awx: Awx, lab: RunningLab, target: Side, films: str, fresh: Fresh) -> None:
    rows, suffix, run = len(oracle.expected()), fresh("_awx"), fresh("awx")
    checked = awx.launch("preflight", 1, {"milvus_preflight_hosts": ["milvus_a"]})
    assert "milvus_a: server v2.3.5" in checked
    backed_up = awx.launch(
        "backup",
        2,
        {"milvus_backup_hosts": ["milvus_a"], "milvus_backup_collections": f" {films},", "milvus_backup_name": run},
    )
    assert f"backup {run} in" in backed_up
    unnamed = awx.launch("backup", 3, {"milvus_backup_hosts": ["milvus_a"], "milvus_backup_collections": films})
    assert "backup backup_milvus_a_3 in" in unnamed, "the number of the job makes the name fresh"
    answers = {"milvus_restore_hosts": ["milvus_b"], "milvus_restore_collections": films}
    restored = awx.launch(
        "restore", 4, {**answers, "milvus_restore_name_pattern": f"{run}*", "milvus_restore_suffix": suffix}
    )
    assert f"backup {run}, changed" in restored
    assert oracle.count(target.client(), films + suffix) == rows
    pair = {"milvus_migrate_source": "milvus_a", "milvus_migrate_target": ["milvus_b"]}
    pair |= {"milvus_migrate_collections": films, "milvus_migrate_suffix": fresh("_moved")}
    awx.launch("migrate", 5, {**pair, "milvus_migrate_rename": "", "milvus_migrate_rbac": "no"})
    assert f"{rows} rows" in awx.launch("verify", 6, pair)
    pruned = awx.launch("prune", 7, {"milvus_prune_name_pattern": f"{run}*", "milvus_prune_keep_last": 1})
    assert f"kept {run}" in pruned
    assert lab.objects("backup/migrate_milvus_a_5/meta/full_meta.json")


def test_the_steps_of_the_workflow_are_one_migration(awx: Awx, target: Side, films: str, fresh: Fresh) -> None:
    """Each step is a job of its own, in a new container; only the answers and the bucket hold them together."""
    suffix = fresh("_step")
    pair = {"milvus_migrate_source": "milvus_a", "milvus_migrate_target": ["milvus_b"]}
    answers = {**pair, "milvus_migrate_collections": films, "milvus_migrate_suffix": suffix}
    answers["milvus_migrate_backup_name"] = fresh("workflow")
    nodes = yaml.safe_load((CHECKOUT / "awx" / "workflow.yml").read_text())["milvus_awx_workflow"]["nodes"]
    jobs = {node["identifier"]: node for node in nodes if "template" in node}
    for number, (step, node) in enumerate(jobs.items()):
        template = next(name for name, item in TEMPLATES.items() if item["name"] == node["template"])
        asked = {question["variable"] for question in awx.questions[template]["spec"]}
        told = {name: value for name, value in answers.items() if name in asked}
        awx.launch(template, 20 + number, told, tags=node.get("tags", ""))
        assert target.client().has_collection(films + suffix) is (step in ("restore", "verify")), step
    assert oracle.count(target.client(), films + suffix) == len(oracle.expected())
