# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook at its most talkative: no secret on its output, in files of jobs or in temporary folders."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from canaries import CANARIES, USER, all_forms
from echoing import Echo, echoing_milvus, echoing_s3
from tally import INJECTED, SECRET_HITS, SURVIVED, Tally
from watching import watching

from playbooks import Inventory, Player

CAMPAIGN = "secrets in failures of a playbook"
MODULES = ("milvus_collection_info", "milvus_backup", "milvus_restore", "milvus_backup_info")
ARGUMENTS: dict[str, dict[str, Any]] = {
    "milvus_collection_info": {"collections": ["*.*"]},
    "milvus_backup": {"name": "nightly", "collections": ["*.*"]},
    "milvus_restore": {"name": "nightly", "collections": ["*.*"]},
    "milvus_backup_info": {},
}


def task(module: str, **keywords: Any) -> dict[str, Any]:
    fine = {"register": "result", "ignore_errors": True}
    return {f"vectorops.milvus.{module}": ARGUMENTS[module], "name": f"Call {module}", **fine, **keywords}


def shared(milvus_port: int, store_port: int, login: dict[str, str]) -> dict[str, Any]:
    return {
        "milvus_address": "127.0.0.1",
        "milvus_port": milvus_port,
        "milvus_storage_address": "127.0.0.1",
        "milvus_storage_port": store_port,
        "milvus_storage_region": "us-east-1",
        "milvus_bucket_name": "bucket",
        "milvus_access_key_id": "the-key-id",
        "milvus_backup_access_key_id": "other",
        "milvus_timeout": 5,
        **{f"milvus_{name}": value for name, value in {**secrets(), **login}.items()},
    }


def secrets() -> dict[str, str]:
    """Those of the object storage; the backup side's session token comes from the environment alone."""
    names = ("secret_access_key", "session_token", "backup_secret_access_key")
    return {name: CANARIES[name] for name in names}


@pytest.mark.parametrize(
    ("login", "traceback"),
    [
        pytest.param({"user": USER, "password": CANARIES["password"]}, "never", id="password"),
        pytest.param({"token": CANARIES["token"]}, "always", id="token, with tracebacks"),
    ],
)
def test_a_play_that_fails_shows_no_secret(
    ansible_playbook: Path, tally: Tally, tmp_path: Path, login: dict[str, str], traceback: str
) -> None:
    """Each module against a server and a store that repeat secrets; directly and as a job in the background."""
    jobs = tmp_path / "home" / ".ansible_async"
    known = [*secrets().values(), *(value for name, value in login.items() if name != "user")]
    tasks = [task(module) for module in MODULES]
    tasks += [task("milvus_backup_info", **{"async": 60, "poll": 1})]
    tasks += [task("milvus_backup", **{"async": 60, "poll": 0}), {"ansible.builtin.pause": {"seconds": 4}}]
    options = "{{ lookup('vectorops.milvus.instance', 'milvus_a', side='source') }}"
    play = {
        "hosts": "milvus_a",
        "connection": "local",
        "gather_facts": False,
        "module_defaults": {"group/vectorops.milvus.milvus": options},
        "tasks": tasks,
    }
    with (
        echoing_milvus(Echo(all_forms(known[-1:]), status="UNAUTHENTICATED")) as milvus_port,
        echoing_s3("AccessDenied", "403 Forbidden", all_forms(known[2:3])) as store_port,
        watching(tmp_path / "home") as watch,
    ):
        player = Player(ansible_playbook, tmp_path)
        variables = {**shared(milvus_port, store_port, login), "ansible_python_interpreter": sys.executable}
        done = player.run(
            [play],
            "-vvvv",
            "--diff",
            inventory=Inventory({"milvus_a": {}}, variables),
            environment={**watch.environment, "ANSIBLE_DISPLAY_TRACEBACK": traceback, "ANSIBLE_ASYNC_DIR": str(jobs)},
        )
        watch.note("output", done.output)
        assert jobs.is_dir(), done.output
        ended = [path for path in jobs.iterdir() if '"failure"' in path.read_text()]
    tally.add(CAMPAIGN, INJECTED, len(tasks) - 1)
    tally.add(CAMPAIGN, SECRET_HITS, len(watch.found))
    tally.add(CAMPAIGN, SURVIVED, 0 if watch.found else len(tasks) - 1)
    assert watch.found == []
    kinds = re.findall(r'"kind": "(\w+)"', done.output)
    assert {"credentials", "permission"} <= set(kinds), done.output
    assert ended, "no job file was there to be looked at"
