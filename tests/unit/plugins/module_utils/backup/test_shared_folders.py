# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder that holds more than a backup: that of an instance, by a wrong backup_root_path and name."""

from __future__ import annotations

from typing import Any

import pytest
from fake_milvus import profiles
from fake_places import FakePlace
from fake_worlds import FakeSide
from module_process import run_here

ROOT = {"backup_root_path": "/", "name": "files_a"}
"""Makes the folder of the instance that of the backup."""


@pytest.fixture
def side(place: FakePlace) -> FakeSide:
    side = place.side(profiles.V2_4_24, root_path="files_a")
    side.create("docs")
    side.fill("docs", range(30))
    return side


def test_no_backup_is_made_in_the_folder_of_an_instance(place: FakePlace, side: FakeSide) -> None:
    before = place.s3.content()
    made = place.backup(side, **ROOT)
    assert made.kind == "name_in_use", made.output
    assert place.s3.content() == before


@pytest.mark.parametrize("more", [{}, {"force_foreign": True}, {"_ansible_check_mode": True}])
def test_a_backup_among_the_data_of_an_instance_is_not_removed(
    place: FakePlace, side: FakeSide, more: dict[str, Any]
) -> None:
    """One that lies there all the same is told from what is not of it."""
    assert not place.backup(side).failed
    for key, stored in list(place.s3.objects.items()):
        if key.startswith("backup/made/"):
            place.s3.put(key.replace("backup/made/", "files_a/"), stored.body)
    before = place.s3.content()
    removed = place.backup(side, **ROOT, state="absent", **more)
    assert removed.kind == "name_in_use", removed.output
    assert "files_a/insert_log/" in removed.result["failure"]["where"]
    assert place.s3.content() == before


def test_a_prune_leaves_such_a_backup_and_removes_the_others(place: FakePlace, side: FakeSide) -> None:
    for name in ("a", "b", "c"):
        assert not place.backup(side, name=name).failed
    place.s3.put("backup/a/insert_log/1/2/3/100/4", b"rows")
    pruned = run_here("milvus_backup_prune", {**place.options(side), "name_pattern": "*", "keep_last": 1})
    assert not pruned.failed, pruned.output
    assert [item["name"] for item in pruned.result["removed"]] == ["b"]
    assert [item["name"] for item in pruned.result["skipped_backups"]] == ["a"]
    assert "backup/a/insert_log/1/2/3/100/4" in place.s3.objects


FOLDERS = ("backup/made/", "backup/made/binlogs/", "backup/made/binlogs/insert_log/", "backup/made/control/")
"""Objects of no bytes, as consoles of storage services make them."""


def test_folders_that_are_objects_keep_nobody_from_removing_a_backup(place: FakePlace, side: FakeSide) -> None:
    assert not place.backup(side).failed
    for key in FOLDERS:
        place.s3.put(key, b"")
    removed = place.backup(side, state="absent")
    assert not removed.failed, removed.output
    assert [key for key in place.s3.objects if key.startswith("backup/")] == ["backup/made/"]
    assert place.backup(side, state="absent").result["changed"] is False


def test_folders_that_are_objects_keep_nobody_from_making_a_backup(place: FakePlace, side: FakeSide) -> None:
    """None is left among the binlogs, where an import would take it for one."""
    for key in ("backup/made/", "backup/made/control/"):
        place.s3.put(key, b"")
    assert not place.backup(side).failed
    for key in FOLDERS:
        place.s3.put(key, b"")
    del place.s3.objects["backup/made/meta/full_meta.json"]
    again = place.backup(side, verify="etag")
    assert not again.failed, again.output
    assert [key for key in place.keys_of_backup() if key.endswith("/")] == []
