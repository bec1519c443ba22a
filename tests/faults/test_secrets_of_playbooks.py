# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook at its most talkative: no secret on its output, in files of jobs or in temporary folders."""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from canaries import CANARIES, USER, all_forms
from echoing import Echo, echoing_s3
from stand_ins import listening
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
        listening(Echo(all_forms(known[-1:]), status="UNAUTHENTICATED")) as milvus_port,
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


OF_SOURCE = (CANARIES["password"], CANARIES["secret_access_key"])
OF_TARGET = (CANARIES["token"], CANARIES["backup_secret_access_key"])


def two_hosts(player: Player) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The source has vaulted secrets, and the target none at all; the arguments that open the vault."""
    password, opening = player.encrypt(OF_SOURCE[0])
    secret_key, _same = player.encrypt(OF_SOURCE[1])
    keys = {"milvus_access_key_id": "source-key", "milvus_secret_access_key": secret_key}
    return {
        "milvus_a": {"milvus_user": USER, "milvus_password": password, "milvus_root_path": "files_a", **keys},
        "milvus_b": {"milvus_migrate_source": "milvus_a", "milvus_root_path": "files_b"},
    }, opening


def ask(host: str, side: str) -> dict[str, Any]:
    options = f"{{{{ lookup('vectorops.milvus.instance', '{host}', side='{side}') }}}}"
    defaults = {"group/vectorops.milvus.milvus": options}
    call = {"vectorops.milvus.milvus_info": None, "name": f"Ask the {side}", "delegate_to": host}
    return {**call, "ignore_errors": True, "module_defaults": defaults}


def test_each_side_gets_its_own_login_and_none_is_shown(ansible_playbook: Path, tally: Tally, tmp_path: Path) -> None:
    """Vaulted secrets of the source, and those of the target from the environment, as AWX has them; at -vvvv.

    First both sides in one play, then the migrate playbook, which breaks at the source.
    """
    player = Player(ansible_playbook, tmp_path)
    hosts, opening = two_hosts(player)
    arguments = ["-vvvv", "--diff", *opening]
    migrate = ["-e", "milvus_migrate_target=milvus_b", "-e", "milvus_migrate_collections=films"]
    tasks = [ask("milvus_a", "source"), ask("milvus_b", "target")]
    play = {"hosts": "milvus_b", "connection": "local", "gather_facts": False, "tasks": tasks}
    source, target = (Echo(all_forms(secrets), status="UNAUTHENTICATED") for secrets in (OF_SOURCE, OF_TARGET))
    with (
        listening(source) as hosts["milvus_a"]["milvus_port"],
        listening(target) as hosts["milvus_b"]["milvus_port"],
        watching(tmp_path / "home") as watch,
    ):
        shared = {"milvus_address": "127.0.0.1", "milvus_timeout": 5, "ansible_python_interpreter": sys.executable}
        store = {"milvus_storage_address": "127.0.0.1", "milvus_storage_port": 1, "milvus_bucket_name": "bucket"}
        inventory = Inventory(hosts, {**shared, **store})
        environment = {
            **watch.environment,
            "MILVUS_TARGET_TOKEN": OF_TARGET[0],
            "MILVUS_TARGET_ACCESS_KEY_ID": "target-key",
            "MILVUS_TARGET_SECRET_ACCESS_KEY": OF_TARGET[1],
        }
        both = player.run([play], *arguments, inventory=inventory, environment=environment)
        in_play = len(source.logins)
        moved = player.run(
            "vectorops.milvus.migrate", *migrate, *arguments, inventory=inventory, environment=environment
        )
        watch.note("output", both.output + moved.output)
    tally.add(CAMPAIGN, INJECTED, 3)
    tally.add(CAMPAIGN, SECRET_HITS, len(watch.found))
    tally.add(CAMPAIGN, SURVIVED, 0 if watch.found else 3)
    assert watch.found == []
    wanted = [base64.b64encode(login.encode()).decode() for login in (f"{USER}:{OF_SOURCE[0]}", OF_TARGET[0])]
    assert [sorted(set(side.logins)) for side in (source, target)] == [[login] for login in wanted], both.output
    assert len(source.logins) > in_play > 0, moved.output
