# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups on a disk, and a Milvus that keeps its data on one, by the modules and against real servers."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import module_process
import oracle
import pytest
from labs import RunningLab, Side
from milvus_lab import LabConfig, start, stop
from module_process import run

Options = Mapping[str, Any]
ROWS = 1000


@dataclass(frozen=True)
class Disk:
    """A Milvus with its data in a bucket, one with its data on a disk, and a folder for backups."""

    lab: RunningLab
    bucket_side: Side
    disk_side: Side
    disk_options: Options
    backups: Path

    @property
    def backup_on_disk(self) -> Options:
        return {"backup_storage_type": "local", "backup_root_path": str(self.backups)}

    @property
    def backup_in_bucket(self) -> Options:
        place = {f"backup_{name}": value for name, value in self.bucket_side.options.items() if name not in NOT_STORAGE}
        return {**place, "backup_storage_type": "minio"}


NOT_STORAGE = ("address", "port", "root_path")


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    data, backups = tmp_path_factory.mktemp("data") / "milvus", tmp_path_factory.mktemp("backups")
    on_disk = {"config": {"common": {"storageType": "local"}, "localStorage": {"path": str(data)}}}
    config = LabConfig(directory=Path(tmp_path_factory.mktemp("lab")), instances={"milvus_a": {}, "milvus_d": on_disk})
    try:
        lab = RunningLab(start(config))
        bucket_side, disk_side = lab.side("milvus_a"), lab.side("milvus_d")
        address = {name: disk_side.options[name] for name in ("address", "port")}
        options = {**address, "storage_type": "local", "root_path": str(data)}
        for instance in (bucket_side, disk_side):
            oracle.create_collection(instance.client(), "films", rows=ROWS)
        yield Disk(lab, bucket_side, disk_side, options, backups)
    finally:
        stop(LabConfig(directory=config.directory), wipe=True)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def require(side: Side, name: str) -> None:
    found = oracle.read_all(side.client(), name)
    assert oracle.differences(found, oracle.expected(ROWS)) == []


def test_a_backup_on_a_disk_has_the_layout_of_one_in_a_bucket(disk: Disk) -> None:
    ways = {"on_disk": disk.backup_on_disk, "in_bucket": {}}
    made = {
        name: run("milvus_backup", {**disk.bucket_side.options, **way, "name": name, "collections": ["films"]})
        for name, way in ways.items()
    }
    assert not any(item.failed for item in made.values()), made
    one, other = (made[name].result for name in ways)
    assert one["copied"] == other["copied"]
    assert one["backup"]["rows"] == ROWS
    written = files_below(disk.backups / "on_disk")
    assert {name for name in written if name.startswith("meta/")} == {
        f"meta/{name}_meta.json" for name in ("backup", "collection", "partition", "segment", "full")
    }
    assert {name.split("/")[0] for name in written} == {"binlogs", "control", "meta"}
    assert sum(len(body) for name, body in written.items() if name.startswith("binlogs/")) == one["copied"]["bytes"]


def test_a_second_run_keeps_it_and_damage_is_found(disk: Disk) -> None:
    asked = {**disk.bucket_side.options, **disk.backup_on_disk, "name": "twice", "collections": ["films"]}
    run("milvus_backup", asked)
    before = files_below(disk.backups / "twice")
    again = run("milvus_backup", asked)
    assert (again.failed, again.result["changed"]) == (False, False)
    assert files_below(disk.backups / "twice") == before
    log = next(name for name in sorted(before) if name.startswith("binlogs/"))
    (disk.backups / "twice" / log).write_bytes(before[log][:-1] + bytes([before[log][-1] ^ 1]))
    assert not run("milvus_backup", asked).failed, "no level but content reads the bytes of a disk"
    assert run("milvus_backup", {**asked, "verify": "content"}).kind == "corrupt"
    (disk.backups / "twice" / log).write_bytes(before[log][:-1])
    assert run("milvus_backup", asked).kind == "corrupt"
    (disk.backups / "twice" / log).unlink()
    assert run("milvus_backup", asked).kind == "corrupt"


def test_a_killed_run_is_continued(disk: Disk) -> None:
    asked = {**disk.bucket_side.options, **disk.backup_on_disk, "name": "killed", "collections": ["films"]}
    process = module_process.start("milvus_backup", {**asked, "max_rate": "64K", "copy_concurrency": 1})
    binlogs, end = disk.backups / "killed" / "binlogs", time.monotonic() + 60
    while len(files_below(binlogs)) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = files_below(binlogs)
    assert len(kept) >= 3
    assert not (disk.backups / "killed/meta").exists()
    finished = run("milvus_backup", asked)
    assert not finished.failed, finished.output
    assert finished.result["resumed"] is True
    assert finished.result["kept_objects"] >= len(kept)
    assert finished.result["copied"]["objects"] > 0
    assert kept.items() <= files_below(binlogs).items()


def test_absent_leaves_nothing_of_it(disk: Disk) -> None:
    asked = {**disk.bucket_side.options, **disk.backup_on_disk, "name": "gone"}
    run("milvus_backup", {**asked, "collections": ["films"]})
    (disk.backups / "bystander").mkdir(exist_ok=True)
    absent = run("milvus_backup", {**asked, "state": "absent"})
    assert absent.result["changed"] is True
    assert not (disk.backups / "gone").exists()
    assert (disk.backups / "bystander").is_dir()


def test_from_a_bucket_by_a_disk_into_a_server_on_a_disk(disk: Disk) -> None:
    """The server imports from the backup's own folder: nothing is copied before the import."""
    name = {"name": "to_disk", "collections": ["films"]}
    made = run("milvus_backup", {**disk.bucket_side.options, **disk.backup_on_disk, **name})
    assert not made.failed, made.output
    restored = run("milvus_restore", {**disk.disk_options, **disk.backup_on_disk, **name, "suffix": "_from_bucket"})
    assert not restored.failed, restored.output
    require(disk.disk_side, "films_from_bucket")
    again = run("milvus_restore", {**disk.disk_options, **disk.backup_on_disk, **name, "suffix": "_from_bucket"})
    assert again.result["changed"] is False


def test_from_a_disk_by_a_bucket_into_a_server_with_a_bucket(disk: Disk) -> None:
    name = {"name": "to_bucket", "collections": ["films"]}
    made = run("milvus_backup", {**disk.disk_options, **disk.backup_in_bucket, **name})
    assert not made.failed, made.output
    restored = run("milvus_restore", {**disk.bucket_side.options, **name, "suffix": "_from_disk"})
    assert not restored.failed, restored.output
    require(disk.bucket_side, "films_from_disk")


def test_copied_by_hand_from_a_bucket_to_a_disk(disk: Disk) -> None:
    """Digests of S3 are recorded, which no file has; the copy that the server imports from is held against them."""
    name = {"name": "by_hand", "collections": ["films"]}
    made = run("milvus_backup", {**disk.bucket_side.options, **name})
    assert not made.failed, made.output
    for key in disk.lab.objects("backup/by_hand/"):
        file = disk.backups / key.removeprefix("backup/")
        file.parent.mkdir(parents=True, exist_ok=True)
        disk.lab.s3().download_file(disk.lab.bucket, key, str(file))
    options = {**disk.bucket_side.options, **disk.backup_on_disk, **name, "suffix": "_by_hand"}
    restored = run("milvus_restore", options)
    assert not restored.failed, restored.output
    require(disk.bucket_side, "films_by_hand")
    log = next(path for path in sorted((disk.backups / "by_hand" / "binlogs").rglob("*")) if path.is_file())
    body = log.read_bytes()
    log.write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
    damaged = run("milvus_restore", {**options, "suffix": "_damaged"})
    assert (damaged.kind, damaged.result["failure"]["operation"]) == ("verify_failed", "verifying the staged copy")
    assert not disk.bucket_side.client().has_collection("films_damaged")


def test_from_a_disk_to_the_same_disk(disk: Disk) -> None:
    name = {"name": "disk_to_disk", "collections": ["films"]}
    made = run("milvus_backup", {**disk.disk_options, **disk.backup_on_disk, **name})
    assert not made.failed, made.output
    restored = run("milvus_restore", {**disk.disk_options, **disk.backup_on_disk, **name, "suffix": "_again"})
    assert not restored.failed, restored.output
    require(disk.disk_side, "films_again")


def test_the_wrong_folder_of_a_server_is_told(disk: Disk) -> None:
    wrong = str(disk.backups.parent)
    info = run("milvus_info", {**disk.disk_options, **disk.backup_on_disk, "root_path": wrong})
    assert info.kind == "root_path"
    assert f"file://{wrong}/insert_log/" in info.result["msg"]
    right = run("milvus_info", {**disk.disk_options, **disk.backup_on_disk})
    assert right.result["root_path_proof"] == "proven"


def test_a_folder_that_is_not_there_is_not_made(disk: Disk) -> None:
    missing = disk.backups / "not" / "mounted"
    asked = {**disk.bucket_side.options, **disk.backup_on_disk, "backup_root_path": str(missing)}
    made = run("milvus_backup", {**asked, "name": "nowhere", "collections": ["films"]})
    assert made.kind == "not_found"
    assert not missing.parent.exists()
