# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cutover.yml against a source with authorization: clients move, or all is as it was."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import oracle
import pytest
from collection_tree import CHECKOUT
from labs import RunningLab
from milvus_lab import LabConfig, start, stop
from pymilvus import MilvusClient, MilvusException
from typist import shown

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import sdk
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options
from playbooks import Inventory, Player, Run

pytestmark = pytest.mark.playbook

Fresh = Callable[[str], str]
PASSWORD = "Long-enough-1"
ROWS = 400
GRANTS = (("Collection", "Insert", "*"), ("Collection", "Query", "*"), ("Collection", "Load", "*"))
RIGHTS_IN_FORCE_SECONDS = 60


@dataclass(frozen=True)
class Pair:
    """A source that asks for a login and has two writers, and a target with an older copy behind an alias."""

    lab: RunningLab

    def source(self, user: str = "root", password: str = "Milvus") -> MilvusClient:
        return MilvusClient(uri=f"http://127.0.0.1:{self.lab.side('milvus_a').port}", user=user, password=password)

    @property
    def target(self) -> MilvusClient:
        return self.lab.side("milvus_b").client()

    @property
    def inventory(self) -> Inventory:
        hosts = {
            name: {f"milvus_{option}": value for option, value in self.lab.side(name).options.items()}
            for name in ("milvus_a", "milvus_b")
        }
        hosts["milvus_a"].update(milvus_user="root", milvus_password="Milvus")
        return Inventory(hosts, {})

    def rights(self) -> set[tuple[str, ...]]:
        """Who may do what, by the client of the server's makers."""
        root = self.source()
        grants = {
            ("grant", role, item["object_type"], item["privilege"], item["object_name"], item["db_name"])
            for role in root.list_roles()
            for item in root.describe_role(role)["privileges"]
        }
        members = {("member", user, role) for user in root.list_users() for role in root.describe_user(user)["roles"]}
        return grants | members

    def leads_to(self, alias: str) -> str:
        try:
            return str(self.target.describe_alias(alias)["collection_name"])
        except MilvusException:
            return ""

    def may_write(self, user: str) -> bool:
        """Whether the server lets this user write. It looks at the right first, and then at a request without rows."""
        login = {"user": user, "password": PASSWORD}
        with Server(connection_options({**self.lab.side("milvus_a").options, **login})) as server:
            try:
                server.call("Insert", sdk.milvus_pb2.InsertRequest(collection_name="films"))
            except MilvusOpsError as error:
                return error.kind != "permission"
        return True

    def wait_for_right(self, user: str, there: bool) -> None:
        end = time.monotonic() + RIGHTS_IN_FORCE_SECONDS
        while self.may_write(user) is not there:
            assert time.monotonic() < end, (user, there)
            time.sleep(0.2)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    instances: dict[str, dict[str, Any]] = {"milvus_a": {"authorization": True}, "milvus_b": {}}
    config = LabConfig(directory=Path(tmp_path_factory.mktemp("cutover")), instances=instances)
    try:
        made = Pair(RunningLab(start(config)))
        root = made.source()
        oracle.create_collection(root, "films", rows=ROWS)
        oracle.create_collection(made.target, "older", rows=10)
        root.create_role("loader")
        for kind, privilege, on in GRANTS:
            root.grant_privilege("loader", kind, privilege, on)
        for user, role in (("writer", "loader"), ("chief", "admin")):
            root.create_user(user, PASSWORD)
            root.grant_role(user, role)
        yield made
    finally:
        stop(LabConfig(directory=config.directory), wipe=True)


@pytest.fixture
def player(ansible_playbook: Path, tmp_path: Path) -> Player:
    return Player(ansible_playbook, tmp_path, CHECKOUT / "examples" / "project")


def of_the_page() -> tuple[dict[str, str], list[str]]:
    """What the command of the guide sets, and its other arguments."""
    (text,) = shown("docs/cut-over.md", "ansible-playbook")
    _program, *arguments = shlex.split(text.replace("\\\n", " "))
    assert arguments[:3] == ["-i", "inventory", "cutover.yml"]
    given = [word.removeprefix("milvus_cutover_").partition("=") for word in arguments if word.startswith("milvus_")]
    return {key: value for key, _equals, value in given}, [word for word in arguments[3:] if word.startswith("--")]


def words(**more: str) -> list[str]:
    """The variables of the page, with more users to close, less waiting, and what a test sets otherwise."""
    settings = {**of_the_page()[0], "users": "chief", "settle": "1", **more}
    return [word for key, value in settings.items() for word in ("-e", f"milvus_cutover_{key}='{value}'")]


def changed(run: Run) -> bool:
    return "changed: [" in run.output


@pytest.mark.newest
def test_clients_move_and_come_back(pair: Pair, player: Player, tmp_path: Path) -> None:
    """The plan of the guide, a run that is killed when only its last step is left, its continuation, the way back."""
    shown_settings, plan_only = of_the_page()
    name, alias = shown_settings["name"], shown_settings["aliases"].removesuffix("=films")
    before, objects = pair.rights(), pair.lab.objects()
    pair.target.create_alias("older", alias)

    planned = player.run("cutover.yml", *words(), *plan_only, inventory=pair.inventory)
    assert planned.code == 0, planned.output
    assert "role loader loses Insert on Collection * (default)" in planned.output
    assert "user chief loses the role admin" in planned.output
    assert f"alias {alias} leads to films" in planned.output
    assert f'"milvus_b milvus_a milvus_b cutover_milvus_a_{name} planned' in planned.flat
    assert (pair.rights(), pair.lab.objects(), pair.leads_to(alias)) == (before, objects, "older")

    slow = {"switch_hook": f'sh -c "touch {tmp_path}/begun; sleep 600"', "switch_back_hook": "true"}
    killed_when((tmp_path / "begun").exists, player, words(**slow))
    assert pair.leads_to(alias) == "films"
    assert pair.rights() == before - {
        ("grant", "loader", "Collection", "Insert", "*", "default"),
        ("member", "chief", "admin"),
    }

    ended = player.run("cutover.yml", *words(), inventory=pair.inventory)
    assert ended.code == 0, ended.output
    assert "goes on, both sides were compared before" in ended.output
    assert oracle.differences(oracle.read_all(pair.target, alias), oracle.expected(ROWS)) == []
    pair.wait_for_right("writer", False)
    pair.wait_for_right("chief", False)
    assert len(pair.source("writer", PASSWORD).query("films", filter="id == 1", output_fields=["id"])) == 1

    again = player.run("cutover.yml", *words(), inventory=pair.inventory)
    assert again.code == 0, again.output
    assert not changed(again)
    assert f"milvus_b milvus_a milvus_b cutover_milvus_a_{name} done" in again.flat
    assert "is done, there is nothing left to do" in again.output

    back = player.run("cutover.yml", *words(action="roll_back"), inventory=pair.inventory)
    assert back.code == 0, back.output
    assert "Cut-over, 1 job: 1 rolled_back" in back.flat
    assert pair.rights() == before
    assert pair.leads_to(alias) == "older"
    pair.wait_for_right("writer", True)


def test_a_failure_leaves_everything_as_it_was(pair: Pair, player: Player, fresh: Fresh, tmp_path: Path) -> None:
    """The last step fails, when rights are gone and the alias is switched; and what is refused before costs nothing."""
    name, suffix, alias = fresh("failed"), fresh("_not"), fresh("none_yet")
    before = pair.rights()
    hook = tmp_path / "back.yml"
    hook.write_text(f"- ansible.builtin.file: {{path: {tmp_path}/switched-back, state: touch, mode: '0600'}}\n")
    hooks = {"switch_hook": "false", "switch_back_hook": str(hook), "aliases": f"{alias}=films{suffix}"}
    hooks["report_file"] = f"{tmp_path}/cutover.json"
    mine = {"name": name, "suffix": suffix, "aliases": ""}
    astray = {"aliases": f"{alias}=flims{suffix}"}
    refused = player.run("cutover.yml", *words(**{**mine, **astray}), inventory=pair.inventory)
    assert refused.code == 2
    there = refused.after(f"leads to flims{suffix}, and milvus_b will have no such collection; it will have ")
    assert f"films{suffix}" in there.partition(".")[0].split(", ")
    assert "changed=0" in refused.output
    assert "Close the source" not in refused.output
    failed = player.run("cutover.yml", *words(**{**mine, **hooks}), inventory=pair.inventory)
    assert failed.code == 2
    assert f"the cut-over {name} failed, and was rolled back: milvus_a takes writes as before" in failed.flat
    assert pair.rights() == before
    assert pair.leads_to(alias) == ""
    assert (tmp_path / "switched-back").exists()
    assert f'cutover_milvus_a_{name} failed hook, rolled back", "Cut-over, 1 job: 1 failed' in failed.flat
    (job,) = json.loads((tmp_path / "cutover.json").read_text())["jobs"]
    assert (job["state"], job["source"], job["target"]) == ("failed", "milvus_a", "milvus_b")
    assert job["cause"] == (
        f"hook, rolled back: the cut-over {name} failed, and was rolled back: milvus_a takes writes as before. Another "
        "try needs a fresh milvus_cutover_name. It failed because of this: the hook false failed: it ended with code 1"
    )
    pair.wait_for_right("writer", True)

    unknown = {**mine, "name": fresh("typo"), "action": "roll_back"}
    typo = player.run("cutover.yml", *words(**unknown), inventory=pair.inventory)
    assert typo.code == 2
    assert "no right and no alias was given back. If another one is to be rolled back, correct" in typo.flat

    again = player.run("cutover.yml", *words(**mine), inventory=pair.inventory)
    assert again.code == 2
    assert "begin another one with a fresh name" in again.flat
    assert (
        "rolled back" not in again.after("TASK [vectorops.milvus.milvus_job : Show all jobs]").partition("Fail the")[0]
    )
    assert pair.rights() == before


def killed_when(condition: Callable[[], bool], player: Player, arguments: list[str]) -> None:
    """ansible-playbook, killed with all that it started, as soon as the condition holds."""
    log = player.folder / "killed.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(player.program), "-i", str(player.folder / "hosts.yml"), "cutover.yml", *arguments],
            cwd=player.project,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 240
        while not condition():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
