# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project that docs/awx.md tells users to make, and jobs of it as AWX runs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_runner
import yaml
from collection_tree import CHECKOUT

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def make_project(folder: Path) -> Path:
    """A copy of examples/project, with awx beside its playbooks."""
    shutil.copytree(CHECKOUT / "examples" / "project", folder, ignore=shutil.ignore_patterns("ansible_collections"))
    shutil.copytree(CHECKOUT / "awx", folder / "awx")
    return folder


class _Dumper(yaml.SafeDumper):
    """Writes answers as AWX does, with a tag that says that they are no templates.

    From 2.19 on ansible-core takes what stands after that tag for YAML: '' is null then, and 'yes' is true.
    """


class _Answer(str):
    pass


_Dumper.add_representer(_Answer, lambda dumper, value: dumper.represent_scalar("!unsafe", str(value)))


def _unsafe(value: Any) -> Any:
    if isinstance(value, str):
        return _Answer(value)
    return list(map(_unsafe, value)) if isinstance(value, list) else value


@dataclass(frozen=True)
class Job:
    """What ansible-runner has seen. C(failures) are the results of failed tasks."""

    status: str
    output: str
    failures: tuple[dict[str, Any], ...]

    @property
    def flat(self) -> str:
        return " ".join(self.output.split())


def run_job(
    program: Path,
    project: Path,
    playbook: str,
    inventory: Mapping[str, Any],
    *,
    answers: Mapping[str, Any],
    from_template: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    options: str = "",
    folder: Path,
) -> Job:
    """One job by ansible-runner. C(from_template) are variables of the job template, which may be templates."""
    (folder / "env").mkdir(parents=True)
    told = {_Answer(name): _unsafe(value) for name, value in answers.items()}
    (folder / "env" / "extravars").write_text(yaml.dump({**(from_template or {}), **told}, Dumper=_Dumper))
    (folder / "hosts.yml").write_text(yaml.safe_dump(dict(inventory)))
    settings = {
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = ansible_runner.run(
        private_data_dir=str(folder),
        project_dir=str(project),
        playbook=playbook,
        inventory=str(folder / "hosts.yml"),
        cmdline=options or None,
        envvars={**settings, **(environment or {})},
        quiet=True,
    )
    failed = [event for event in done.events if event["event"] in ("runner_on_failed", "runner_item_on_failed")]
    output = COLOUR.sub("", (folder / "artifacts" / done.config.ident / "stdout").read_text())
    return Job(done.status, output, tuple(event["event_data"]["res"] for event in failed))


def templates() -> list[dict[str, Any]]:
    """The job templates that awx/setup.yml makes."""
    return list(yaml.load((CHECKOUT / "awx" / "job_templates.yml").read_text(), Loader)["milvus_awx_job_templates"])


class Loader(yaml.SafeLoader):
    """Reads !unsafe as what it is."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def surveys(program: Path, folder: Path, *, backups: list[str], jobs: list[str]) -> dict[str, dict[str, Any]]:
    """Each survey as it is sent to AWX, by its name; C(jobs) are the hosts of the migrate play."""
    names = sorted(path.name.removesuffix(".yml.j2") for path in (CHECKOUT / "awx" / "surveys").glob("*.yml.j2"))
    source = f"{CHECKOUT}/awx/surveys/"
    known = {"milvus_awx_instances": ["milvus_a", "milvus_b"], "milvus_awx_jobs": jobs, "milvus_awx_backups": backups}
    render = {
        "content": "{{ lookup('ansible.builtin.template', source ~ item ~ '.yml.j2') }}",
        "dest": f"{folder}/survey-{{{{ item }}}}.yml",
    }
    task = {"ansible.builtin.copy": {**render, "mode": "0644"}, "loop": names}
    play = {"hosts": "localhost", "gather_facts": False, "vars": {**known, "source": source}, "tasks": [task]}
    (folder / "surveys.yml").write_text(yaml.safe_dump([play]))
    subprocess.run([str(program), str(folder / "surveys.yml")], check=True, stdout=subprocess.DEVNULL, timeout=120)
    return {name: yaml.safe_load((folder / f"survey-{name}.yml").read_text()) for name in names}
