# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Surroundings that are not as usual: a host without room on its disk, buckets that keep what is removed."""

from __future__ import annotations

import resource
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import oracle
import pytest
from areas import BackupArea
from fake_s3 import HONOURED, IGNORED, FakeS3, running
from labs import RunningLab, Side
from module_process import finish, run, start

Fresh = Callable[[str], str]
COLLECTION, ROWS = "surrounded", 60


@pytest.fixture(scope="module")
def collection(lab: RunningLab) -> str:
    oracle.create_collection(lab.side("milvus_a").client(), COLLECTION, rows=ROWS)
    return COLLECTION


def test_a_host_whose_disk_takes_no_byte(
    lab: RunningLab, target: Side, collection: str, fresh: Fresh, tmp_path: Path
) -> None:
    """Neither a backup nor a restore needs to keep anything on the host; a progress file that cannot be is told."""
    told = tmp_path / "how-far.json"
    source, name = lab.side("milvus_a"), fresh("no_room")
    wanted = {"name": name, "collections": [collection]}
    for module, options in (("milvus_backup", source.options), ("milvus_restore", target.options)):
        process = start(module, {**options, **wanted, "progress_file": str(told)})
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))
        made = finish(process)
        assert not made.failed, made.output
        assert [str(told) in str(warning) for warning in made.result["warnings"]] == [True], made.output
    assert list(tmp_path.iterdir()) == []
    assert oracle.differences(oracle.read_all(target.client(), collection), oracle.expected(ROWS)) == []


@pytest.mark.parametrize("locked", [False, True], ids=["versions", "object lock"])
def test_a_bucket_that_keeps_what_is_removed(lab: RunningLab, collection: str, fresh: Fresh, locked: bool) -> None:
    """A removal hides the backup and takes no version away; its name can be used again."""
    s3, bucket = lab.s3(), fresh("keeps").replace("_", "-")
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=locked)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    options = {
        **lab.side("milvus_a").options,
        "backup_bucket_name": bucket,
        "name": "kept",
        "collections": [collection],
    }
    first = run("milvus_backup", options)
    assert not first.failed, first.output
    if locked:
        until = datetime.now(timezone.utc) + timedelta(minutes=1)
        for key in keys(s3, bucket):
            s3.put_object_retention(Bucket=bucket, Key=key, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    versions = data_versions(s3, bucket)
    removed = run("milvus_backup", {**options, "state": "absent"})
    assert not removed.failed, removed.output
    assert keys(s3, bucket) == []
    assert data_versions(s3, bucket) >= versions
    second = run("milvus_backup", {**options, "verify": "content"})
    assert (second.failed, second.result.get("changed")) == (False, True), second.output
    assert second.result["backup"]["id"] != first.result["backup"]["id"]


@pytest.mark.parametrize("conditions", [HONOURED, IGNORED])
def test_a_place_that_ignores_conditions_is_told(lab: RunningLab, collection: str, conditions: str) -> None:
    """A backup can be made there, by one run at a time, and only a warning can say so."""
    fake = FakeS3(conditions=conditions)
    with running(fake) as storage:
        place = {f"backup_{name}": value for name, value in storage.items()}
        options = {**lab.side("milvus_a").options, **place, "name": "unguarded", "collections": [collection]}
        made = run("milvus_backup", options)
    assert not made.failed, made.output
    told = [text for text in map(str, made.result.get("warnings", [])) if "conditional writes" in text]
    assert len(told) == (conditions == IGNORED), made.output


def keys(s3: Any, bucket: str) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def data_versions(s3: Any, bucket: str) -> set[tuple[str, str]]:
    """Every version of every log and meta file, hidden or not."""
    found = s3.list_object_versions(Bucket=bucket).get("Versions", [])
    return {(item["Key"], item["VersionId"]) for item in found if "/control/" not in item["Key"]}


def test_an_index_that_cannot_be_built(lab: RunningLab, target: Side, collection: str, fresh: Fresh) -> None:
    """The collection does not get its name; the rows wait, and the next run builds the rest on them."""
    area = BackupArea(lab, lab.side("milvus_a"), fresh("indexes"))
    made = area.make("sound", collection)
    assert not made.failed, made.output
    area.make_foreign("sound")  # its metadata may be altered
    commit, name = f"{area.prefix('sound')}meta/full_meta.json", fresh("indexed")
    sound = area.read(commit)
    area.write(commit, sound.replace(b"IVF_FLAT", b"NO_INDEX"))
    wanted = {"backup_root_path": area.root, "name": "sound", "collections": [collection], "rename": {collection: name}}
    failed = run("milvus_restore", {**target.options, **wanted})
    assert failed.failed, failed.output
    assert "staging collection is kept" in failed.result["failure"]["state_left"], failed.output
    left = target.client().list_collections()
    assert [item.startswith(f"{name}__restoring_") for item in left if item.startswith(name)] == [True], left
    area.write(commit, sound)
    done = run("milvus_restore", {**target.options, **wanted})
    assert not done.failed, done.output
    assert oracle.count(target.client(), name) == len(oracle.expected(ROWS))
    assert oracle.differences(oracle.read_all(target.client(), name), oracle.expected(ROWS)) == []
