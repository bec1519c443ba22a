# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules on a host that is reached by ssh: their lines, what is left there, and connections that are cut.

The client is OpenSSH's. The server is made for the test, by the same user on loopback.
"""

from __future__ import annotations

import itertools
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import oracle
import pytest
import yaml
from labs import RunningLab, Side
from live_runs import at_work, begin
from module_process import run
from slow_work import Note, Stage
from ssh_server import SshServer, serving
from waiting import wait_until

pytestmark = [
    pytest.mark.playbook,
    pytest.mark.skipif(shutil.which("ssh") is None, reason="no program ssh here (Debian: openssh-client)"),
]

ROWS = 20_000
SLOW = {"collections": ["over_ssh"], "max_rate": "384K", "copy_concurrency": 4}
"""About five seconds of copies."""

SLOWEST = {**SLOW, "max_rate": "64K"}
BACKUP, RESTORE = "vectorops.milvus.milvus_backup", "vectorops.milvus.milvus_restore"
PROGRESS = re.compile(r"^(milvus_\w+) \[far\]: (?:\d+ of \d+ collections; )?(\S+ \w+) (\d+)% ", re.MULTILINE)

Fresh = Callable[[str], str]
Tasks = list[dict[str, Any]]
Begin = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def server() -> Iterator[SshServer]:
    with serving() as found:
        yield found


@pytest.fixture
def play(server: SshServer, tmp_path: Path, ansible_playbook: Path) -> Begin:
    """Start a play on the host at the far end."""

    def start(*tasks: dict[str, Any], **variables: Any) -> subprocess.Popen[str]:
        inventory, playbook = tmp_path / "hosts.yml", tmp_path / "play.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": {"far": {**server.variables, **variables}}}}))
        playbook.write_text(yaml.safe_dump([{"hosts": "far", "gather_facts": False, "tasks": list(tasks)}]))
        return begin([str(ansible_playbook), "-i", str(inventory), str(playbook)])

    return start


@pytest.fixture(scope="module")
def source_side(lab: RunningLab) -> Side:
    """It has a collection whose copy takes some seconds at the rate of these tests."""
    side = lab.side("milvus_a")
    oracle.create_collection(side.client(), "over_ssh", rows=ROWS)
    return side


def succeeded(process: subprocess.Popen[str]) -> tuple[str, str]:
    output, errors = process.communicate(timeout=180)
    assert process.returncode == 0, output + errors
    return output, errors


def judged(*conditions: str) -> dict[str, Any]:
    return {"ansible.builtin.assert": {"that": list(conditions)}}


def test_a_backup_and_a_restore_on_a_host_reached_by_ssh(
    play: Begin, server: SshServer, source_side: Side, target: Side, fresh: Fresh
) -> None:
    """Lines come in order, none says that all is done, and nothing is left at the far end."""
    name = fresh("by_ssh")
    backup = {**source_side.options, **SLOW, "name": name, "progress_interval": 1}
    restore = {**target.options, "name": name, "collections": ["over_ssh"], "suffix": "_there", "progress_interval": 1}
    _output, errors = succeeded(play({BACKUP: backup}, {RESTORE: restore}))
    lines = PROGRESS.findall(errors)
    modules = [module for module, _step, _percent in lines]
    assert modules == sorted(modules), "the backup first"
    assert modules.count("milvus_backup") >= 2, errors
    assert "milvus_restore" in modules, errors
    for step, group in itertools.groupby(lines, key=lambda line: line[:2]):
        percents = [int(percent) for *_names, percent in group]
        assert percents == sorted(percents), step
        assert percents[-1] < 100
    assert oracle.count(target.client(), "over_ssh_there") == len(oracle.expected(ROWS))
    assert len(server.progress_files) == 2
    left = [path for file in server.progress_files for path in (file, file.with_name(f"{file.name}.part"))]
    assert [path for path in left if path.exists()] == []
    assert list((server.far / "tmp").iterdir()) == []
    assert str(source_side.options["secret_access_key"]) not in "\n".join(server.commands)


@pytest.mark.newest
@pytest.mark.parametrize("pipelining", [False, True])
def test_a_backup_whose_connection_is_cut_is_continued(
    play: Begin, server: SshServer, source_side: Side, fresh: Fresh, pipelining: bool
) -> None:
    name = fresh("cut")
    process = play({BACKUP: {**source_side.options, **SLOWEST, "name": name}}, ansible_pipelining=pipelining)
    module = at_work(name, "copy", done=1)
    assert server.cut() > 0
    output, errors = process.communicate(timeout=60)
    assert process.returncode in (2, 4), output + errors
    wait_until(lambda: module.is_gone, 15)
    finish = {**source_side.options, "collections": ["over_ssh"], "name": name, "lock_timeout": 20}
    succeeded(play({BACKUP: finish, "register": "done"}, judged("done.resumed", "done.kept_objects > 0")))


@pytest.mark.newest
def test_a_restore_whose_connection_is_cut_is_continued(
    play: Begin, server: SshServer, source_side: Side, target: Side, fresh: Fresh
) -> None:
    name = fresh("cut_restore")
    made = run("milvus_backup", {**source_side.options, "name": name, "collections": ["over_ssh"]})
    assert not made.failed, made.output
    restore = {**target.options, "name": name, "collections": ["over_ssh"], "suffix": f"_{name}", "lock_timeout": 20}
    process = play({RESTORE: restore})
    module = at_work(f"over_ssh_{name}", "import")
    assert server.cut() > 0
    output, errors = process.communicate(timeout=60)
    assert process.returncode in (2, 4), output + errors
    wait_until(lambda: module.is_gone, 15)
    client = target.client()
    assert f"over_ssh_{name}" not in client.list_collections()
    succeeded(play({RESTORE: restore, "register": "done"}, judged("done is changed")))
    assert oracle.count(client, f"over_ssh_{name}") == len(oracle.expected(ROWS))
    assert [found for found in client.list_collections() if "__restoring_" in found] == []


@pytest.mark.newest
def test_a_job_of_async_goes_on_when_its_connection_is_cut(
    play: Begin, server: SshServer, source_side: Side, fresh: Fresh
) -> None:
    """Core asks again over a new connection, also when it was just asking."""
    file = server.far / "how-far.json"
    backup = {**source_side.options, **SLOW, "name": fresh("async"), "progress_file": str(file)}
    task = {BACKUP: backup, "async": 300, "poll": 1, "register": "done"}
    process = play(task, judged("done is changed", "not done.resumed"))
    wait_until(lambda: file.exists() and '"copy"' in file.read_text())
    asked = len(server.commands)
    wait_until(lambda: len(server.commands) > asked)
    assert server.cut() > 0
    assert '"ended"' not in file.read_text()
    succeeded(process)
    assert '"ended"' in file.read_text()


@pytest.mark.newest
def test_a_job_of_async_is_found_by_a_later_play(
    play: Begin, server: SshServer, source_side: Side, fresh: Fresh
) -> None:
    """With poll 0 the play ends at once; then the connection does."""
    backup = {BACKUP: {**source_side.options, **SLOW, "name": fresh("later")}, "async": 300, "poll": 0}
    shown = {"ansible.builtin.debug": {"msg": "job={{ job.ansible_job_id }}="}}
    output, _errors = succeeded(play({**backup, "register": "job"}, shown))
    assert server.cut() > 0
    ask = {"ansible.builtin.async_status": {"jid": output.split("job=")[1].split("=")[0]}}
    once = {**ask, "register": "first"}
    until = {**ask, "register": "done", "until": "done is finished", "retries": 120, "delay": 1}
    succeeded(play(once, judged("first is not finished"), until, judged("done is changed", "not done.resumed")))


@pytest.mark.parametrize(("pipelining", "interval"), [(False, 1), (True, 1), (False, 0)])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_module_at_the_far_end_ends_with_ansible(
    server: SshServer, ansible_playbook: Path, tmp_path: Path, how: signal.Signals, pipelining: bool, interval: int
) -> None:
    """Also where it shows no lines."""
    stage = Stage(ansible_playbook, tmp_path, Note(tmp_path / "note"))
    host = {**server.variables, "ansible_pipelining": pipelining}
    process = stage.begin({"far": host}, {"tasks": [stage.task(600, interval=interval)]})
    wait_until(lambda: any(file.exists() for file in stage.note.files))
    process.send_signal(how)
    process.wait(timeout=30)
    wait_until(lambda: stage.note.ended == stage.note.begun, 15)
    wait_until(lambda: stage.note.left == [], 15)
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=10)
