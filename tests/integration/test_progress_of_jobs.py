# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress as those see it who start Ansible as a job: events of ansible-runner, output that programs read, and an end
without a word. With the oldest ansible-core too, which has its workers in the group of processes that is ended.

By real ansible-playbook, with a module that needs no server.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ansible_runner
import pytest
from live_runs import alive_with
from slow_work import LINE, Note, Stage, is_alive
from waiting import wait_until

pytestmark = pytest.mark.playbook

ONE = {"here": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}}
TENTHS = 25
JOB = "TESTED_JOB"
# One document about all results, when the play has ended: what callbacks for programs do.
ONE_DOCUMENT = """
from __future__ import annotations

DOCUMENTATION = "{name: one_document, type: stdout, short_description: one document, description: [For a test.]}"

import json

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "one_document"

    def __init__(self):
        super().__init__()
        self._results = []

    def v2_runner_on_ok(self, result):
        self._results.append(json.loads(self._dump_results(result._result)))

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._results.append(json.loads(self._dump_results(result._result)))

    def v2_playbook_on_stats(self, stats):
        self._display.display(json.dumps({"results": self._results}, indent=2))
"""


@pytest.fixture
def stage(ansible_playbook: Path, tmp_path: Path) -> Stage:
    return Stage(ansible_playbook, tmp_path, Note(tmp_path / "note"))


def run_job(stage: Stage, tenths: int, interval: int = 1, **settings: Any) -> ansible_runner.Runner:
    """A job of ansible-runner with one task."""
    inventory, playbook = stage.write(ONE, {"tasks": [stage.task(tenths, interval=interval)]})
    (stage.folder / "runner").mkdir()
    return ansible_runner.run(
        private_data_dir=str(stage.folder / "runner"),
        playbook=str(playbook),
        inventory=str(inventory),
        quiet=True,
        envvars={
            "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
            "PATH": f"{stage.program.parent}{os.pathsep}{os.environ['PATH']}",
            JOB: str(stage.folder),
        },
        **settings,
    )


def nothing_stays(stage: Stage) -> None:
    """No process of the job, and no file of a module that was given the time to remove it."""
    (pid,) = stage.note.begun
    wait_until(lambda: not is_alive(pid), 15)
    wait_until(lambda: alive_with(JOB, str(stage.folder)) == [], 15)
    if stage.note.ended:
        assert stage.note.left == []
    for file in stage.note.left:
        file.unlink()


def test_each_line_is_an_event_of_its_task_while_it_runs(stage: Stage) -> None:
    came: list[tuple[bool, dict[str, Any]]] = []

    def keep(event: dict[str, Any]) -> bool:
        came.append((bool(stage.note.ended), event))
        return True

    job = run_job(stage, 40, event_handler=keep)
    assert job.status == "successful"
    lines = [(late, event) for late, event in came if LINE.search(event["stdout"])]
    (ok,) = (event for _late, event in came if event["event"] == "runner_on_ok")
    assert len(lines) >= 2
    assert not lines[0][0], "it came while the module was at work"
    assert {event["event"] for _late, event in lines} == {"verbose"}
    assert {event["event_data"]["task_uuid"] for _late, event in lines} == {ok["event_data"]["task_uuid"]}
    assert max(event["created"] for _late, event in lines) < ok["created"]


@pytest.mark.parametrize("why", ["canceled", "timeout"])
def test_a_job_that_runner_ends_takes_the_module_along(stage: Stage, why: str) -> None:
    """As AWX ends a job that somebody cancels, or that is out of time: without a word to the module."""
    job = run_job(
        stage,
        600,
        cancel_callback=lambda: why == "canceled" and any(file.exists() for file in stage.note.files),
        timeout=15 if why == "timeout" else None,
    )
    assert job.status == why
    nothing_stays(stage)


@pytest.mark.newest
@pytest.mark.parametrize(("interval", "status"), [(1, "successful"), (0, "timeout")])
def test_a_job_with_lines_is_not_ended_as_idle(stage: Stage, interval: int, status: str) -> None:
    """AWX has such a time-out too: what is silent for so long is taken for dead."""
    job = run_job(stage, 150, interval, settings={"idle_timeout": 8})
    assert job.status == status
    nothing_stays(stage)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_of_a_job_whose_processes_are_all_ended(stage: Stage, how: signal.Signals) -> None:
    """As the command timeout does, and many a scheduler."""
    process = stage.begin(ONE, {"tasks": [stage.task(600)]}, **{JOB: str(stage.folder)})
    wait_until(lambda: any(file.exists() for file in stage.note.files))
    assert len(alive_with(JOB, str(stage.folder))) >= 3, "Ansible, its worker, the module"
    os.killpg(process.pid, how)
    process.communicate(timeout=60)
    nothing_stays(stage)
    assert how is signal.SIGKILL or stage.note.ended, "one that is asked to end tidies up"


@pytest.mark.parametrize(
    "keywords",
    [
        pytest.param({"interval": 0}, id="interval"),
        pytest.param({"no_log": True}, id="no_log"),
        pytest.param({"check_mode": True}, id="check"),
    ],
)
def test_a_module_without_lines_ends_with_ansible_too(stage: Stage, keywords: dict[str, Any]) -> None:
    """Ansible's worker would wait for it, and for nobody."""
    process = stage.begin(ONE, {"tasks": [stage.task(600, **keywords)]}, **{JOB: str(stage.folder)})
    wait_until(lambda: bool(stage.note.begun))
    process.kill()
    process.communicate(timeout=60)
    nothing_stays(stage)
    assert stage.note.ended


def is_one_document(output: str) -> bool:
    return [result["changed"] for result in json.loads(output)["results"]] == [True, True]


def is_a_line_for_each(output: str) -> bool:
    results = [line.partition(" => ")[2] for line in output.splitlines() if line.startswith("here | ")]
    return [json.loads(result)["changed"] for result in results] == [True, True]


def has_a_diff(output: str) -> bool:
    return output.count("+worked") == 1


@pytest.mark.parametrize(
    ("callback", "fits", "settings"),
    [
        ("one_document", is_one_document, {}),
        ("ansible.builtin.oneline", is_a_line_for_each, {}),
        ("ansible.builtin.default", has_a_diff, {"ANSIBLE_DIFF_ALWAYS": "1"}),
    ],
)
def test_stdout_is_what_the_callback_makes_of_it(
    stage: Stage, callback: str, fits: Callable[[str], bool], settings: dict[str, str]
) -> None:
    """To the last character the same with lines as without them; so is the exit code of a play that fails."""
    (stage.folder / "callback_plugins").mkdir()
    (stage.folder / "callback_plugins" / "one_document.py").write_text(ONE_DOCUMENT)
    seen = {}
    tasks = [stage.task(TENTHS), stage.task(1, label="failing", failed_when=True)]
    for task in tasks:
        del task["slow_work"]["progress_interval"]
    for interval in (1, 0):
        hosts = {"here": {**ONE["here"], "milvus_progress_interval": interval}}
        process = stage.begin(hosts, {"tasks": tasks}, ANSIBLE_STDOUT_CALLBACK=callback, **settings)
        output, errors = process.communicate(timeout=60)
        assert bool(LINE.findall(errors)) is bool(interval), errors
        seen[interval] = (process.returncode, output)
    assert seen[1] == seen[0]
    code, output = seen[1]
    assert code == 2
    assert fits(output), output


def test_a_file_that_others_spoil_is_no_trouble_of_the_run(stage: Stage) -> None:
    """Gone, cut off, nonsense, or a link to a file of somebody else: the next second it is right again."""
    process = stage.begin(ONE, {"tasks": [stage.task(80)]})
    wait_until(lambda: any(file.exists() for file in stage.note.files))
    (file,) = stage.note.files
    others = stage.folder / "others"
    others.write_text("theirs")
    ways: list[Callable[[], object]] = [
        lambda: None,
        lambda: file.write_text('{"version": 1, "pid": '),
        lambda: file.write_bytes(b"\xff\x00"),
        lambda: file.symlink_to(others),
    ]
    for spoil in itertools.chain(ways, ways):
        file.unlink(missing_ok=True)
        spoil()
        time.sleep(0.3)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, output + errors
    assert LINE.findall(errors), "once it was right again"
    assert others.read_text() == "theirs"
    assert stage.note.left == []
