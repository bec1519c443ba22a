# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that a run keeps for those who watch: current, private, and never a reason to fail."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from waiting import wait_until

from ansible_collections.vectorops.milvus.plugins.module_utils import progress_file
from ansible_collections.vectorops.milvus.plugins.module_utils.progress import BYTES, Progress
from ansible_collections.vectorops.milvus.plugins.module_utils.progress_file import OWN_PREFIX, reported


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_file, "WRITE_SECONDS", 0.01)


def test_the_file_follows_the_run_and_says_when_it_ended(tmp_path: Path) -> None:
    path, progress = tmp_path / "how-far.json", Progress()

    def told() -> dict[str, object]:
        text = path.read_text() if path.exists() else "{}"
        return dict(json.loads(text))

    with reported(progress, str(path), False), progress.phase("copy", "nightly", BYTES, 100) as step:
        step.advance(40)
        wanted = {"phase": "copy", "label": "nightly", "unit": "bytes", "total": 100, "done": 40}
        wait_until(lambda: told().get("steps") == [wanted])
        assert (told()["pid"], told()["state"]) == (os.getpid(), "running")
        assert path.stat().st_mode & 0o777 == 0o600
        number = told()["seq"]
        time.sleep(0.1)
        assert told()["seq"] == number, "nothing moved"
    assert (told()["state"], told()["steps"]) == ("ended", [])
    assert [item.name for item in tmp_path.iterdir()] == ["how-far.json"]


def test_a_file_of_the_action_plugin_is_removed(tmp_path: Path) -> None:
    path = tmp_path / f"{OWN_PREFIX}1.json"
    with suppress(KeyError), reported(Progress(), str(path), False):
        wait_until(path.exists)
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_no_path_and_check_mode_write_nothing(tmp_path: Path) -> None:
    with reported(Progress(), None, False), reported(Progress(), str(tmp_path / "x"), True):
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []


def test_trouble_with_the_file_is_none_of_the_run(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "how-far.json"
    path.parent.mkdir()
    with reported(Progress(), str(path), False) as untold:
        wait_until(path.exists)
        path.unlink()
        path.parent.rmdir()
    assert [str(path) in warning for warning in untold] == [True], "how it ended could not be told"
    with reported(Progress(), str(tmp_path / "missing" / "x"), False) as untold:
        time.sleep(0.05)
    assert len(untold) == 1
    assert "missing/x cannot be written: No such file or directory" in untold[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "is_told"), [(f"{OWN_PREFIX}1.json", False), ("own", True)])
def test_where_no_lines_are_wanted_only_a_file_of_the_user_is_missed(tmp_path: Path, name: str, is_told: bool) -> None:
    with reported(Progress(), str(tmp_path / "missing" / name), False, 0) as untold:
        time.sleep(0.05)
    assert bool(untold) is is_told


@contextmanager
def no_byte_can_be_written() -> Iterator[None]:
    """To any file, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("name", "next_step"), [(f"{OWN_PREFIX}1.json", "progress_interval"), ("own", "progress_file")]
)
def test_a_full_disk_is_told_and_nothing_is_left_on_it(tmp_path: Path, name: str, next_step: str) -> None:
    with no_byte_can_be_written(), reported(Progress(), str(tmp_path / name), False) as untold:
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []
    assert [next_step in warning for warning in untold] == [True]


def test_a_disk_that_was_full_for_a_while_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "how-far.json"
    with ExitStack() as stack:
        with no_byte_can_be_written():
            untold = stack.enter_context(reported(Progress(), str(path), False))
            time.sleep(0.05)
        wait_until(path.exists)
    assert untold == []
    assert json.loads(path.read_text())["state"] == "ended"


def test_a_link_in_its_place_is_replaced_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    path = tmp_path / "how-far.json"
    for name in (path.name, f"{path.name}.part"):
        (tmp_path / name).symlink_to(precious)
    with reported(Progress(), str(path), False):
        wait_until(lambda: not path.is_symlink())
    assert precious.read_text() == "precious"
