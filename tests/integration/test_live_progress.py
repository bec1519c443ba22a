# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines while a module runs, and its end when nobody waits for its result; by real ansible-playbook."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ansible_runner
import oracle
import pytest
import yaml
from labs import RunningLab, Side
from live_runs import at_work, begin
from module_process import run
from waiting import wait_until

pytestmark = pytest.mark.playbook

SLOW = {"collections": ["slow"], "max_rate": "192K", "copy_concurrency": 4}
"""About ten seconds of copies."""

SLOWEST = {**SLOW, "max_rate": "64K"}
LINE = re.compile(
    r"milvus_backup \[here\]: \w+ copy \d\d?% [\d.]+/[\d.]+ [KM]iB [\d.]+ KiB/s ETA 0:00:\d\d$", re.MULTILINE
)
TASK = "vectorops.milvus.milvus_backup"
HERE = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}

Tasks = list[dict[str, Any]]


@pytest.fixture(scope="module")
def slow(lab: RunningLab) -> Side:
    """A collection whose copy takes some seconds at the rate of these tests."""
    side = lab.side("milvus_a")
    oracle.create_collection(side.client(), "slow", rows=20_000)
    return side


@pytest.fixture
def playbook(slow: Side, tmp_path: Path, ansible_playbook: Path) -> Callable[[Tasks], list[str]]:
    """The command that runs these tasks on one host."""

    def make(tasks: Tasks) -> list[str]:
        play = {
            "hosts": "here",
            "gather_facts": False,
            "module_defaults": {"group/vectorops.milvus.milvus": dict(slow.options)},
            "tasks": tasks,
        }
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"here": HERE}}}))
        return [str(ansible_playbook), "-i", str(tmp_path / "hosts.yml"), str(tmp_path / "play.yml")]

    return make


def test_lines_appear_where_they_should(playbook: Callable[[Tasks], list[str]], slow: Side, tmp_path: Path) -> None:
    """On stderr alone; none with no_log, with interval 0, in check mode; a file of the user's own stays."""
    own = tmp_path / "how-far.json"
    shown = {**SLOW, "name": "shown", "progress_interval": 1}
    done = begin(
        playbook(
            [
                {"name": "check", TASK: shown, "check_mode": True},
                {"name": "shown", TASK: shown, "register": "with_lines"},
                {"name": "again", TASK: shown, "register": "again"},
                {"name": "silent", TASK: {**SLOW, "name": "silent", "max_rate": "2M"}, "no_log": True},
                {"name": "file", TASK: {**SLOW, "name": "file", "max_rate": "2M", "progress_file": str(own)}},
                {
                    "name": "judge",
                    "ansible.builtin.assert": {"that": ["with_lines is changed", "again is not changed"]},
                },
            ]
        )
    )
    output, errors = done.communicate(timeout=240)
    assert done.returncode == 0, output + errors
    lines = [line for line in errors.splitlines() if line.startswith("milvus_backup")]
    assert len(LINE.findall(errors)) >= 3, errors
    assert not [line for line in lines if " shown " not in line], "only this task tells"
    assert not [line for line in lines if "100%" in line]
    assert "milvus_backup [here]" not in output
    assert '"state": "ended"' in own.read_text()
    secret = slow.options["secret_access_key"]
    assert secret not in output + errors + own.read_text()


@pytest.mark.parametrize(
    ("how", "to"),
    [
        pytest.param(signal.SIGINT, os.killpg, id="ctrl-c"),
        pytest.param(signal.SIGTERM, os.kill, id="sigterm"),
        pytest.param(signal.SIGKILL, os.kill, id="sigkill"),
        pytest.param(signal.SIGTERM, os.killpg, id="sigterm-to-all"),
        pytest.param(signal.SIGKILL, os.killpg, id="sigkill-to-all"),
    ],
)
def test_a_module_ends_with_ansible_and_is_continued(
    playbook: Callable[[Tasks], list[str]], slow: Side, how: signal.Signals, to: Callable[[int, int], None]
) -> None:
    """A terminal gives Ctrl-C to the whole group of processes, time-outs of shells and AWX end it as a whole, too."""
    name = f"ended_by_{how.name.lower()}_{uuid.uuid4().hex[:8]}"  # a file of an older run may lie there
    process = begin(playbook([{TASK: {**SLOWEST, "name": name}}]))
    module = at_work(name)
    to(process.pid, how)
    process.wait(timeout=30)
    wait_until(lambda: module.has_ended, 15)
    process.communicate()
    if (how, to) == (signal.SIGKILL, os.killpg):  # up to ansible-core 2.18 that kills the module itself
        module.file.unlink(missing_ok=True)
    assert module.is_gone
    finished = run("milvus_backup", {**slow.options, **SLOW, "name": name, "max_rate": None, "lock_timeout": 20})
    assert not finished.failed, finished.output
    assert finished.result["resumed"] is True


def test_a_task_that_runs_out_of_time_stops_its_module(playbook: Callable[[Tasks], list[str]], slow: Side) -> None:
    done = begin(playbook([{TASK: {**SLOWEST, "name": "out_of_time"}, "timeout": 20}]))
    module = at_work("out_of_time")
    output, errors = done.communicate(timeout=60)
    assert done.returncode == 2, output + errors
    wait_until(lambda: module.is_gone, 15)


def test_a_job_of_async_outlives_ansible(playbook: Callable[[Tasks], list[str]], slow: Side, tmp_path: Path) -> None:
    """Core's rule for async, with a file for those who want to know how far it is."""
    file = tmp_path / "how-far.json"
    task = {TASK: {**SLOW, "name": "on_its_own", "progress_file": str(file)}, "async": 300, "poll": 0}
    done = begin(playbook([task]))
    output, errors = done.communicate(timeout=60)
    assert done.returncode == 0, output + errors
    assert "milvus_backup [here]" not in errors
    wait_until(lambda: file.exists() and '"copy"' in file.read_text())
    wait_until(lambda: '"ended"' in file.read_text())
    info = run("milvus_backup_info", {**slow.options, "name": "on_its_own"})
    assert [item["state"] for item in info.result["backups"]] == ["complete"]


@pytest.mark.newest
def test_runner_has_each_line_as_an_event_of_its_task(
    playbook: Callable[[Tasks], list[str]], slow: Side, tmp_path: Path, ansible_playbook: Path
) -> None:
    command = playbook([{TASK: {**SLOW, "name": "by_runner", "progress_interval": 1}}])
    came: list[tuple[float, dict[str, Any]]] = []

    def note(event: dict[str, Any]) -> bool:
        came.append((time.monotonic(), event))
        return True

    folder = tmp_path / "runner"
    folder.mkdir()
    result = ansible_runner.run(
        private_data_dir=str(folder),
        playbook=command[3],
        inventory=command[2],
        event_handler=note,
        quiet=True,
        envvars={
            "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
            "PATH": f"{ansible_playbook.parent}{os.pathsep}{os.environ['PATH']}",
        },
    )
    assert result.status == "successful"
    lines = [
        (at, event) for at, event in came if "milvus_backup [here]" in event["stdout"] and "copy" in event["stdout"]
    ]
    ended = next(at for at, event in came if event["event"] == "runner_on_ok")
    assert len(lines) >= 2
    assert {event["event"] for _at, event in lines} == {"verbose"}
    assert lines[0][0] < ended - 1, "while the task ran, not after it"
    assert slow.options["secret_access_key"] not in json.dumps([event for _at, event in came])
