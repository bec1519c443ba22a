# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lab.json: what is written is what is read, and what is foreign is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from embedded_lab.errors import LabError
from embedded_lab.locks import exclusive, write_private
from embedded_lab.models import LAB_FILE, Identity, Instance, Lab, Server, load_lab, save_lab
from embedded_lab.processes import ProcessIdentity

LAB = Lab(
    bucket="bucket-a",
    admin=Identity("lab-admin", "KEY", "SECRET", ("Admin",)),
    identities=(Identity("reader", "K2", "S2", ("Read:bucket-a", "List:bucket-a")),),
    instances={"milvus_a": Instance("milvus_a", "files_a", tls_mode=1, config={"dataCoord": {"gc": {"interval": 10}}})},
    servers={
        "s3": Server({"s3": 20000}, ProcessIdentity(42, "boot:7"), "abc"),
        "milvus_a": Server({"proxy": 20016}),
    },
)


def test_a_lab_survives_the_file(tmp_path: Path) -> None:
    save_lab(tmp_path, LAB)
    assert load_lab(tmp_path) == LAB
    assert (tmp_path / LAB_FILE).stat().st_mode & 0o777 == 0o600


def test_no_file_is_no_lab(tmp_path: Path) -> None:
    assert load_lab(tmp_path / "nowhere") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 1}', '{"version": 99}', "null"])
def test_a_foreign_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / LAB_FILE).write_text(text)
    with pytest.raises(LabError) as caught:
        load_lab(tmp_path)
    assert caught.value.failure["kind"] == "corrupt"
    assert str(tmp_path / LAB_FILE) in str(caught.value)


def test_a_lab_of_another_release_is_refused(tmp_path: Path) -> None:
    save_lab(tmp_path, LAB)
    record = json.loads((tmp_path / LAB_FILE).read_text())
    (tmp_path / LAB_FILE).write_text(json.dumps({**record, "version": 2}))
    with pytest.raises(LabError, match="another release"):
        load_lab(tmp_path)


def test_a_private_file_is_rewritten_only_when_it_differs(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    assert write_private(path, "one")
    assert not write_private(path, "one")
    assert write_private(path, "two")
    assert path.read_text() == "two"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_a_file_that_others_may_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    path.chmod(0o644)
    assert write_private(path, "one")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_held_lock_is_reported_after_the_timeout(tmp_path: Path) -> None:
    path = tmp_path / "lab.lock"
    with exclusive(path, timeout=5):
        with pytest.raises(LabError) as caught, exclusive(path, timeout=0.2):
            pass
        assert caught.value.failure["kind"] == "lock_held"
        assert caught.value.failure["retryable"]
    with exclusive(path, timeout=0.2):
        pass
