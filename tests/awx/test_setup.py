# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""awx/setup.yml and awx/refresh_surveys.yml, by the real modules of awx.awx, against an AWX in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from awx_set_up import LOGIN, PROJECT_URL, SECRET, SETTING, SetUp
from local_folders import store_at
from made_backup import make_backup

CREDENTIALS = ["Milvus backup storage", "Milvus object storage", "Milvus source", "Milvus target"]
WITHOUT_TARGET = [name for name in CREDENTIALS if name != "Milvus target"]
WITHOUT_SOURCE = [name for name in CREDENTIALS if name != "Milvus source"]
TEMPLATES = {
    "Milvus preflight": ("preflight.yml", CREDENTIALS),
    "Milvus backup": ("backup.yml", WITHOUT_TARGET),
    "Milvus restore": ("restore.yml", WITHOUT_SOURCE),
    "Milvus migrate": ("migrate.yml", CREDENTIALS),
    "Milvus verify": ("verify.yml", CREDENTIALS),
    "Milvus prune": ("prune.yml", WITHOUT_TARGET),
    "Milvus refresh surveys": ("awx/refresh_surveys.yml", WITHOUT_TARGET),
}
TEXTS = ("question_name", "question_description")
KEYS = {"milvus_backup_access_key_id": "key", "milvus_backup_secret_access_key": "secret"}
STEPS = ["preflight", "backup", "approval", "restore", "verify"]


def choices(survey: dict[str, Any], variable: str) -> list[str]:
    question = next(question for question in survey["spec"] if question["variable"] == variable)
    return str(question.get("choices", "")).splitlines()


def test_the_first_run_makes_everything(set_up: SetUp) -> None:
    assert set_up.first.code == 0, set_up.first.output
    made = {
        kind: sorted(item.get("name") or item["identifier"] for item in items.values())
        for kind, items in set_up.awx.objects.items()
        if items and kind != "organizations"
    }
    assert made == {
        "credential_types": CREDENTIALS,
        "credentials": CREDENTIALS,
        "projects": ["Milvus"],
        "inventories": ["Milvus"],
        "inventory_sources": ["Milvus"],
        "job_templates": sorted(TEMPLATES),
        "workflow_job_templates": ["Milvus migration with approval"],
        "workflow_job_template_nodes": sorted(STEPS),
        "workflow_approval_templates": ["Restore on the target"],
        "schedules": ["Milvus hourly survey refresh", "Milvus nightly backup", "Milvus weekly prune"],
    }


def test_what_it_sends(set_up: SetUp) -> None:
    awx = set_up.awx
    source = awx.named("credential_types", "Milvus source")
    assert source["kind"] == "cloud"
    assert source["injectors"]["env"]["MILVUS_SOURCE_PASSWORD"] == "{{ password }}"
    project = awx.named("projects", "Milvus")
    assert (project["scm_url"], project["scm_update_on_launch"]) == (PROJECT_URL, True)
    inventory = awx.named("inventory_sources", "Milvus")
    assert (inventory["source_project"], inventory["source_path"]) == (project["id"], "inventory/hosts.yml")
    for name, (playbook, credentials) in TEMPLATES.items():
        template = awx.named("job_templates", name)
        assert template["playbook"] == playbook
        assert awx.links("job_templates", name, "credentials") == credentials
        assert template["allow_simultaneous"] is False
        assert template["survey_enabled"] is bool(awx.survey(name))
    extra = json.loads(awx.named("job_templates", "Milvus backup")["extra_vars"])
    assert extra == {"milvus_backup_run": "{{ awx_job_id }}"}
    assert {item["enabled"] for item in awx.objects["schedules"].values()} == {False}
    assert choices(awx.survey("Milvus restore"), "milvus_restore_hosts") == ["milvus_a", "milvus_b"]
    assert choices(awx.survey("Milvus migrate"), "milvus_migrate_target") == ["milvus_b"]


def test_the_workflow_asks_before_it_restores(set_up: SetUp) -> None:
    awx, nodes = set_up.awx, "workflow_job_template_nodes"
    links = {step: awx.links(nodes, step, "success_nodes") for step in STEPS}
    assert links == {step: STEPS[number + 1 : number + 2] for number, step in enumerate(STEPS)}
    templates = {step: awx.named(nodes, step)["unified_job_template"] for step in STEPS}
    migrate, verify = (awx.named("job_templates", f"Milvus {name}")["id"] for name in ("migrate", "verify"))
    approval = awx.named("workflow_approval_templates", "Restore on the target")["id"]
    assert list(templates.values()) == [migrate, migrate, approval, migrate, verify]
    tags = {step: awx.named(nodes, step)["job_tags"] for step in STEPS}
    assert tags == {"preflight": "preflight", "backup": "backup,report", "restore": "restore,report"} | {
        "approval": None,
        "verify": None,
    }
    assert awx.survey("Milvus migration with approval", "workflow_job_templates") == awx.survey("Milvus migrate")


def test_credentials_come_from_the_environment_and_are_shown_nowhere(set_up: SetUp) -> None:
    """They ran with -vvv. One without variables is made empty."""
    source = set_up.awx.named("credentials", "Milvus source")
    assert source["inputs"] == {"user": "reader", "password": SECRET}
    assert set_up.awx.named("credentials", "Milvus target")["inputs"] == {}
    assert SECRET not in set_up.first.output


def test_a_second_run_changes_nothing(set_up: SetUp) -> None:
    """Nor does it take back the backups that a refresh has found since."""
    restore = set_up.awx.survey("Milvus restore")["spec"]
    found = {"type": "multiplechoice", "choices": "nightly_1\nnightly_2"}
    number = next(number for number, question in enumerate(restore) if question["variable"] == "milvus_restore_name")
    restore[number] = {name: restore[number][name] for name in ("variable", *TEXTS, "required")} | found
    before = len(set_up.awx.writes)
    again = set_up.play("awx/setup.yml", *SETTING)
    assert (again.code, again.changed) == (0, 0), again.output
    assert set_up.awx.writes[before:] == []


def test_the_surveys_offer_the_backups_that_are_there(set_up: SetUp, tmp_path: Path) -> None:
    """The new ones appear, with a limit too; a second refresh changes nothing, one without a store neither."""
    store, names, inventory = store_at(tmp_path, "backup/"), ["weekly_1", "weekly_2"], tmp_path / "hosts.yml"
    place = {"milvus_backup_storage_type": "local", "milvus_backup_root_path": f"{tmp_path}/backup"}
    for number, name in enumerate(names):
        make_backup(store, f"{tmp_path}/backup", name, first_id=1000 * (number + 1))
    write_hosts(inventory, place, place)
    first = set_up.play("awx/refresh_surveys.yml", "--limit", "milvus_a", inventory=inventory)
    assert first.code == 0, first.output
    assert sorted(choices(set_up.awx.survey("Milvus restore"), "milvus_restore_name")) == names

    before = len(set_up.awx.writes)
    again = set_up.play("awx/refresh_surveys.yml", inventory=inventory)
    assert (again.code, again.changed) == (0, 0), again.output
    closed = {"milvus_backup_storage_address": "127.0.0.1", "milvus_backup_storage_port": 1, "milvus_timeout": 1}
    write_hosts(inventory, place, {**closed, "milvus_backup_bucket_name": "bucket", **KEYS})
    broken = set_up.play("awx/refresh_surveys.yml", inventory=inventory)
    assert broken.code != 0
    assert "unreachable" in broken.output
    assert set_up.awx.writes[before:] == []


def write_hosts(path: Path, first: dict[str, Any], second: dict[str, Any]) -> None:
    """The hosts of the example project, so that the surveys differ in their backups alone."""
    groups = {"milvus": {"hosts": {"milvus_a": first, "milvus_b": second}}}
    path.write_text(yaml.safe_dump({**groups, "milvus_migrate_targets": {"hosts": {"milvus_b": None}}}))


@pytest.mark.parametrize("name", ["Milvus source", "Milvus target", "Milvus object storage", "Milvus backup storage"])
def test_no_two_credential_types_set_one_variable(set_up: SetUp, name: str) -> None:
    """An empty field sets its variable to nothing, and AWX injects credentials in no certain order."""
    types = set_up.awx.objects["credential_types"].values()
    own = set(set_up.awx.named("credential_types", name)["injectors"]["env"])
    others = {variable for item in types if item["name"] != name for variable in item["injectors"]["env"]}
    assert own & others == set()
    fields = [one["id"].upper() for one in set_up.awx.named("credential_types", name)["inputs"]["fields"]]
    assert all(variable.endswith(field) for variable, field in zip(sorted(own), sorted(fields), strict=True))
    assert set(LOGIN) <= own or name != "Milvus source"
