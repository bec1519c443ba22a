# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups from before full_meta.json: put together from four files, or refused; never with a part left out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import (
    NOT_COMMITTED,
    CompleteBackup,
    Place,
    find_complete,
    require_complete,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.listing import COMPLETE, UNFINISHED, examine
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import BackupMeta, MetaFiles
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.reading import LEVEL_FILES, parse_level_files
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.verify import objects_by_meta
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.jobs import import_jobs
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore

LAYOUT = BackupLayout("backup", "old_one")
DIRECTORY = "http://store:9000/bucket/backup/old_one/meta/"


def without_deletes_of_all_partitions(backup: BackupMeta) -> BackupMeta:
    """The four files never name them (and the databases)."""
    return replace(
        backup, databases=(), collections=tuple(replace(item, l0_segments=()) for item in backup.collections)
    )


def level_files(backup: BackupMeta) -> dict[str, bytes]:
    return {name: body for name, body in MetaFiles(backup).items() if name in LEVEL_FILES}


def changed(files: dict[str, bytes], name: str, **infos: Any) -> dict[str, bytes]:
    """The files with some values of each entry of one of them changed."""
    values = json.loads(files[name])
    for entry in values["infos"]:
        entry.update(infos)
    return {**files, name: json.dumps(values).encode()}


def test_the_four_files_hold_the_whole(example: BackupMeta) -> None:
    read = parse_level_files(level_files(example), DIRECTORY)
    assert read == without_deletes_of_all_partitions(example)
    assert read.rows == example.rows > 0


@pytest.mark.parametrize(
    ("name", "infos", "words"),
    [
        ("segment_meta.json", {"partition_id": 7}, "parts of partition 7"),
        ("segment_meta.json", {"collection_id": 7}, "of collection 7"),
        ("partition_meta.json", {"collection_id": 7}, "of collection"),
        ("partition_meta.json", {"partition_id": "7"}, "partition_meta.json:$.infos[0].partition_id is not a whole"),
        ("collection_meta.json", {"collection_id": 7}, "partition_backups[0].collection_id is"),
        ("collection_meta.json", {"collection_id": 7, "partition_backups": None}, "which no file describes"),
        ("collection_meta.json", {"schema": []}, "collection_meta.json:$.infos[0].schema is not an object"),
    ],
)
def test_a_part_that_belongs_nowhere_is_an_error(
    example: BackupMeta, name: str, infos: dict[str, Any], words: str
) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        parse_level_files(changed(level_files(example), name, **infos), DIRECTORY)
    assert caught.value.kind == "corrupt"
    assert words in caught.value.failure.cause


def test_a_whole_whose_parts_are_gone_is_an_error(example: BackupMeta) -> None:
    """A file that was emptied is as well-formed as one that never had anything in it."""
    files = level_files(example)
    for name, words in {
        "segment_meta.json": "the segments of partition 449577000000000011, but do not hold them",
        "partition_meta.json": "partition 449577000000000011 of collection",
    }.items():
        with pytest.raises(MilvusOpsError) as caught:
            parse_level_files({**files, name: b"{}"}, DIRECTORY)
        assert (caught.value.kind, words in caught.value.failure.cause) == ("corrupt", True), caught.value


def test_old_files_leave_out_what_newer_ones_repeat(example: BackupMeta) -> None:
    """No partitions in the collections, no sizes, no ids of logs, an entry of deletes for each log (0.1.0)."""
    files = changed(level_files(example), "collection_meta.json", partition_backups=None, size=None, id=None)
    files = changed(files, "partition_meta.json", size=None)
    segments = json.loads(files["segment_meta.json"])
    for segment in segments["infos"]:
        for logs in (*segment["binlogs"], *segment["deltalogs"]):
            for log in logs["binlogs"]:
                del log["log_id"]
        for logs in segment["deltalogs"]:
            logs["fieldID"] = 7
    read = parse_level_files({**files, "segment_meta.json": json.dumps(segments).encode()}, DIRECTORY)
    whole = without_deletes_of_all_partitions(example)
    assert objects_by_meta(LAYOUT, read) == objects_by_meta(LAYOUT, whole)
    assert import_jobs(LAYOUT, read.collections[0]) == import_jobs(LAYOUT, whole.collections[0])


@pytest.mark.parametrize("name", LEVEL_FILES)
def test_a_cut_file_is_named(example: BackupMeta, name: str) -> None:
    files = level_files(example)
    with pytest.raises(MilvusOpsError) as caught:
        parse_level_files({**files, name: files[name][:-5]}, DIRECTORY)
    failure = caught.value.failure
    assert (failure.kind, failure.where) == ("corrupt", DIRECTORY + name)
    assert failure.cause.startswith("it is not JSON: ")


@pytest.fixture
def place(store: ObjectStore, example: BackupMeta) -> Place:
    """The four files of an old backup."""
    for name, body in level_files(example).items():
        store.write(LAYOUT.meta(name), body)
    return Place(store, LAYOUT)


def refusal(place: Place) -> MilvusOpsError:
    with pytest.raises(MilvusOpsError) as caught:
        require_complete(place)
    return caught.value


def test_an_old_backup_is_found_and_opened(place: Place, example: BackupMeta) -> None:
    found = examine(place)
    assert found is not None
    assert (found.state, found.foreign) == (COMPLETE, True)
    assert found.moment is not None
    assert found.complete == require_complete(place) == find_complete(place)
    assert found.complete == CompleteBackup(without_deletes_of_all_partitions(example), None)


def test_the_lock_of_a_restore_does_not_make_it_ours(place: Place) -> None:
    place.store.write(f"{LAYOUT.restores}0123.json", b"{}")
    assert find_complete(place) is not None


@pytest.mark.parametrize("name", ["plan.json", "lock.json", "manifest.json"])
def test_one_of_ours_is_unfinished_without_full_meta(place: Place, name: str) -> None:
    place.store.write(LAYOUT.control + name, b"{}")
    assert find_complete(place) is None
    error = refusal(place)
    assert (error.kind, error.failure.cause) == ("incomplete", NOT_COMMITTED)
    assert "continues where it stopped" in error.failure.next_step


@pytest.mark.parametrize("missing", LEVEL_FILES)
def test_with_a_file_missing_it_is_unfinished(place: Place, missing: str) -> None:
    place.store.delete([LAYOUT.meta(missing)])
    found = examine(place)
    assert found is not None
    assert found.state == UNFINISHED
    assert missing in found.reason
    assert find_complete(place) is None
    error = refusal(place)
    assert (error.kind, missing in error.failure.cause) == ("incomplete", True)
    assert "continues" not in error.failure.next_step, "no run of ours continues what another tool began"


def test_deletes_that_no_file_names_make_it_unfinished(place: Place, example: BackupMeta) -> None:
    """A newer tool was killed before it wrote full_meta.json: read without it, deleted rows would come back."""
    deletes = f"{LAYOUT.binlogs}delta_log/{example.collections[0].collection_id}/-1/"
    place.store.write(f"{deletes}5/6", b"deletes")
    found = examine(place)
    assert found is not None
    assert (found.state, found.complete) == (UNFINISHED, None)
    assert "deletes of all partitions" in found.reason
    assert find_complete(place) is None
    assert deletes in refusal(place).failure.cause


def test_nothing_is_no_backup(store: ObjectStore) -> None:
    assert find_complete(Place(store, LAYOUT)) is None
    assert refusal(Place(store, LAYOUT)).kind == "not_found"
