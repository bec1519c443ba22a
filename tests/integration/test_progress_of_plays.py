# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress in loops, on many hosts, for delegated and repeated tasks, and where no file can be written.

By real ansible-playbook, with a module that needs no server.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from slow_work import LINE, Note, Stage

pytestmark = [pytest.mark.playbook, pytest.mark.newest]

HERE = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
FOUR = {f"h{number}": HERE for number in range(1, 5)}
ONE = {"here": HERE}
TENTHS = 25
READ_ONLY = 'mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp && exec "$@"'


@pytest.fixture
def stage(ansible_playbook: Path, tmp_path: Path) -> Stage:
    return Stage(ansible_playbook, tmp_path, Note(tmp_path / "note"))


def output_of(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Of a play that has to succeed: stdout without any line of progress, and stderr."""
    output, errors = process.communicate(timeout=180)
    assert process.returncode == 0, output + errors
    assert "slow_work [" not in output
    return output, errors


def test_each_line_names_its_host_and_comes_in_its_turn(stage: Stage) -> None:
    """Four hosts at once, the strategy free, a task for another host, a loop, and a task that is tried again."""
    loop = stage.task(TENTHS, label="{{ item }}", loop=["first", "second"])
    again = stage.task(TENTHS, label="again", until="done.attempts == 2", retries=3, delay=0, register="done")
    _output, errors = output_of(
        stage.begin(
            FOUR,
            {"tasks": [stage.task(TENTHS, label="linear")]},
            {"hosts": "h1:h2", "strategy": "ansible.builtin.free", "tasks": [stage.task(TENTHS, label="free")]},
            {"hosts": "h1", "tasks": [stage.task(TENTHS, label="given", delegate_to="h2"), loop, again]},
        )
    )
    lines = [(host, label) for host, label, _percent in LINE.findall(errors)]
    seen = {label: {host for host, other in lines if other == label} for _host, label in lines}
    one = {"h1"}
    wanted = {"linear": set(FOUR), "free": {"h1", "h2"}, "given": {"h1 -> h2"}, "first": one, "second": one}
    assert seen == {**wanted, "again": one}, errors
    labels = [label for _host, label in lines]
    assert labels.index("second") > len(labels) - 1 - labels[::-1].index("first"), "not one of the first item any more"
    assert len(note_files := stage.note.files) == len(set(note_files)) == 11, "each run has a file of its own"
    assert stage.note.left == []


def test_a_result_is_the_same_with_lines_and_without(stage: Stage) -> None:
    """None with interval 0, by option or by variable, nor with no_log, nor in check mode, where no file is written."""
    silent = stage.task(TENTHS, label="silent", interval=0, register="silent")
    by_variable = stage.task(TENTHS, label="variable", register="variable", vars={"milvus_progress_interval": "0"})
    del by_variable["slow_work"]["progress_interval"]
    tasks = [
        stage.task(TENTHS, label="shown", register="shown"),
        silent,
        by_variable,
        stage.task(TENTHS, label="hidden", no_log=True),
        stage.task(TENTHS, label="checked", check_mode=True),
        {"ansible.builtin.assert": {"that": ["shown == silent", "shown == variable", "shown is changed"]}},
    ]
    _output, errors = output_of(stage.begin(ONE, {"tasks": tasks}))
    assert {label for _host, label, _percent in LINE.findall(errors)} == {"shown"}, errors
    assert len(stage.note.begun) == 5
    assert len(stage.note.files) == len(set(stage.note.files)) == 4, "all but that in check mode can be stopped by it"
    assert stage.note.left == []


def test_jobs_of_async_in_a_loop_are_silent_and_end_well(stage: Stage) -> None:
    loop = stage.task(15, label="{{ item }}", loop=["first", "second"], poll=1, register="done", **{"async": 300})
    judged = {"ansible.builtin.assert": {"that": ["done.results | map(attribute='changed') | list == [true, true]"]}}
    _output, errors = output_of(stage.begin(ONE, {"tasks": [loop, judged]}))
    assert LINE.findall(errors) == []
    assert (len(stage.note.begun), stage.note.ended, stage.note.files) == (2, stage.note.begun, [])


@pytest.mark.parametrize("pipelining", [False, True])
def test_a_host_where_ansible_can_keep_no_file(stage: Stage, pipelining: bool) -> None:
    """Nothing was begun where it needs one; where it needs none, the module runs."""
    (stage.folder / "file").touch()
    host = {**HERE, "ansible_remote_tmp": str(stage.folder / "file" / "tmp"), "ansible_pipelining": pipelining}
    process = stage.begin({"here": host}, {"tasks": [stage.task(5)]})
    output, errors = process.communicate(timeout=60)
    assert (process.returncode == 0) is pipelining, output + errors
    assert bool(stage.note.begun) is pipelining
    assert pipelining or str(stage.folder / "file") in output, "what, where"


def test_a_host_whose_tmp_takes_no_file(ansible_playbook: Path, tmp_path: Path, read_only_tmp: list[str]) -> None:
    """The module runs and gives its result, without lines; a warning says why, unless none were wanted."""
    with TemporaryDirectory(dir="/var/tmp") as folder:
        stage = Stage(ansible_playbook, tmp_path, Note(Path(folder) / "note"))
        judged = {"ansible.builtin.assert": {"that": ["done is changed", "silent is changed"]}}
        silent = stage.task(TENTHS, interval=0, register="silent")
        tasks = [stage.task(TENTHS, register="done"), silent, judged]
        output, errors = output_of(stage.begin(ONE, {"tasks": tasks}, within=read_only_tmp, ANSIBLE_LOCAL_TEMP=folder))
        assert (len(stage.note.ended), len(stage.note.files)) == (2, 2)
    told = " ".join((output + errors).split())
    assert told.count("the progress of this run was not told") == 1
    assert "Read-only file system" in told
    assert LINE.findall(errors) == []


@pytest.fixture(scope="module")
def read_only_tmp() -> list[str]:
    """A command that runs another, for which alone nothing can be written in /tmp."""
    for options in (["--mount"], ["--mount", "--map-root-user"]):
        command = ["unshare", *options, "sh", "-c", READ_ONLY, "sh"]
        try:
            tried = subprocess.run([*command, "true"], capture_output=True, check=False, timeout=30)
        except FileNotFoundError:
            continue
        if tried.returncode == 0:
            return command
    pytest.skip("this host lets nobody have mounts of their own (unshare)")
