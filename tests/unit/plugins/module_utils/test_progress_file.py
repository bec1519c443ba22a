# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that a run keeps for those who watch: current, private, and never a reason to fail."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils import progress_file
from ansible_collections.vectorops.milvus.plugins.module_utils.progress import BYTES, Progress
from ansible_collections.vectorops.milvus.plugins.module_utils.progress_file import OWN_PREFIX, reported


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_file, "WRITE_SECONDS", 0.01)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_file_follows_the_run_and_says_when_it_ended(tmp_path: Path) -> None:
    path, progress = tmp_path / "how-far.json", Progress()

    def told() -> dict[str, object]:
        text = path.read_text() if path.exists() else "{}"
        return dict(json.loads(text))

    with reported(progress, str(path), False), progress.phase("copy", "nightly", BYTES, 100) as step:
        step.advance(40)
        wanted = {"phase": "copy", "label": "nightly", "unit": "bytes", "total": 100, "done": 40}
        wait_for(lambda: told().get("steps") == [wanted])
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
        wait_for(path.exists)
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_no_path_and_check_mode_write_nothing(tmp_path: Path) -> None:
    with reported(Progress(), None, False), reported(Progress(), str(tmp_path / "x"), True):
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []


def test_trouble_with_the_file_is_none_of_the_run(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "how-far.json"
    path.parent.mkdir()
    with reported(Progress(), str(path), False):
        wait_for(path.exists)
        path.unlink()
        path.parent.rmdir()
    with reported(Progress(), str(tmp_path / "missing" / "x"), False):
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_its_place_is_replaced_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    path = tmp_path / "how-far.json"
    for name in (path.name, f"{path.name}.part"):
        (tmp_path / name).symlink_to(precious)
    with reported(Progress(), str(path), False):
        wait_for(lambda: not path.is_symlink())
    assert precious.read_text() == "precious"
