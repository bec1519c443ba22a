# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where staged copies lie, and what becomes of those that ended runs left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from local_folders import store_at
from staging_world import World

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.staged_leftovers import (
    StagingArea,
    needs_staging,
    remove_leftovers,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store, instance_store

BUCKET = {"storage_address": "s3", "access_key_id": "k", "secret_access_key": "s", "bucket_name": "b"}


@pytest.mark.parametrize(
    ("backup", "needed"),
    [
        ({}, False),
        ({"backup_root_path": "elsewhere"}, False),
        ({"backup_bucket_name": "c"}, True),
        ({"backup_storage_address": "s4", "backup_access_key_id": "k", "backup_secret_access_key": "s"}, True),
        ({"backup_storage_type": "local", "backup_root_path": "/backups"}, True),
    ],
)
def test_what_a_server_with_a_bucket_cannot_read_is_staged(backup: dict[str, Any], needed: bool) -> None:
    assert needs_staging(instance_store(BUCKET), backup_store({**BUCKET, **backup})) is needed


def test_what_a_server_with_a_disk_cannot_read_is_staged() -> None:
    disk = instance_store({"storage_type": "local", "root_path": "/milvus"})
    assert needs_staging(disk, backup_store(BUCKET))
    assert not needs_staging(disk, replace(disk, root_path="/backups"))


def area_of(**options: Any) -> StagingArea:
    unused: Any = None
    return StagingArea(instance_store({**BUCKET, **options}), unused, unused)


def test_the_place_is_made_of_digests_and_the_same_for_every_run() -> None:
    text = "../../\0 of a backup"
    directory = area_of(root_path="files_b").layout(text).directory
    top, instance, name, end = directory.split("/")
    assert (top, end) == ("vectorops_staging", "")
    assert {*instance, *name} <= set("0123456789abcdef")
    assert directory == area_of(root_path="files_b/", storage_address="another-name").layout(text).directory
    others = {area_of(root_path="files_c").layout(text).directory, area_of(root_path="files_b").layout("x").directory}
    assert len({directory, *others}) == 3


@pytest.mark.parametrize("root_path", ["vectorops_staging", "vectorops_staging/milvus"])
def test_data_of_an_instance_among_the_staged_copies_is_refused(root_path: str) -> None:
    area = area_of(root_path=root_path)
    with pytest.raises(MilvusOpsError) as caught:
        area.layout("id")
    assert caught.value.kind == "usage"
    assert remove_leftovers(area).warnings == (), "it is not even looked at"


def test_beside_the_data_in_a_bucket_and_inside_the_folder_on_a_disk() -> None:
    assert area_of(root_path="").layout("id").directory.startswith("vectorops_staging/")
    assert area_of(root_path="vectorops_staging_2").layout("id").directory.startswith("vectorops_staging/")
    disk = area_of(storage_type="local", root_path="/milvus").layout("id")
    assert disk.directory.startswith("/milvus/vectorops_staging/")


def test_leftovers_of_ended_runs_are_removed_and_nothing_else(world: World) -> None:
    """Not what this run continues, a living run holds, the server reads, another instance has, or looks different."""
    area, relative = world.area, "binlogs/insert_log/20/22/21/21/100/1"
    layouts = {name: area.layout(name) for name in ("killed", "continued", "living", "read", "odd")}
    for layout in layouts.values():
        world.put(relative, layout=layout)
    dead = world.put("control/lock.json", layout=layouts["killed"])
    dead.write_text(dead_lock(world))
    world.put("control/plan.json", layout=layouts["odd"])
    root = Path(area.root_path)
    others = [world.put(relative, layout=BackupLayout(str(root.parent / ("0" * 16)), "1" * 16))]
    others += [world.put(relative, layout=BackupLayout(str(root), name)) for name in ("backup", "A" * 16, "1" * 17)]
    others += [world.put("note", layout=BackupLayout(str(root), "2" * 16))]
    others.append(world.put("note", layout=BackupLayout(str(root.parent), root.name)))
    before = {path: path.read_bytes() for path in world.data.rglob("*") if path.is_file()}
    world.milvus.jobs = [("ImportStarted", layouts["read"].directory)]
    with world.live_run(layouts["living"]):
        done = remove_leftovers(area, keep=layouts["continued"])
    assert done.removed == (f"{area.store.label}/{layouts['killed'].directory}",)
    after = {path: path.read_bytes() for path in world.data.rglob("*") if path.is_file()}
    assert after.keys() == before.keys() - {Path(layouts["killed"].directory) / relative, dead}
    assert set(others) < after.keys()
    assert {name for name in layouts if any(layouts[name].directory in text for text in done.kept)} == {"read", "odd"}
    assert len(done.warnings) == 1 + len(done.kept) == 4


def dead_lock(world: World) -> str:
    """A lock as this process writes it, with another start: the process that took it is gone."""
    with world.live_run(world.layout):
        text = (world.folder / "control" / "lock.json").read_text()
    return text.replace('"process_start": "', '"process_start": "9')


def test_an_instance_without_leftovers_is_only_looked_at(world: World) -> None:
    assert remove_leftovers(world.area).warnings == ()
    assert world.left() == []
    assert remove_leftovers(replace(world.area, store=store_at(world.data / "not there"))).warnings == ()
