# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups from before full_meta.json: put together from four files, or refused; never with a part left out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.listing import COMPLETE, UNFINISHED, examine
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import BackupMeta, meta_files
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.reading import LEVEL_FILES, parse_level_files
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore

LAYOUT = BackupLayout("backup", "old_one")
DIRECTORY = "http://store:9000/bucket/backup/old_one/meta/"


def without_deletes_of_all_partitions(backup: BackupMeta) -> BackupMeta:
    """The four files never name them (and the databases)."""
    return replace(
        backup, databases=(), collections=tuple(replace(item, l0_segments=()) for item in backup.collections)
    )


def level_files(backup: BackupMeta) -> dict[str, bytes]:
    return {name: body for name, body in meta_files(backup).items() if name in LEVEL_FILES}


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
        ("collection_meta.json", {"collection_id": 7}, "which no file describes"),
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


@pytest.mark.parametrize("name", LEVEL_FILES)
def test_a_cut_file_is_named(example: BackupMeta, name: str) -> None:
    files = level_files(example)
    with pytest.raises(MilvusOpsError, match="old_one/meta/"):
        parse_level_files({**files, name: files[name][:-5]}, DIRECTORY)


def test_an_old_backup_is_found(store: ObjectStore, example: BackupMeta) -> None:
    for name, body in level_files(example).items():
        store.write(LAYOUT.meta(name), body)
    found = examine(Place(store, LAYOUT))
    assert found is not None
    assert (found.state, found.foreign) == (COMPLETE, True)
    assert found.complete is not None
    assert found.complete.meta.collections
    assert found.moment is not None


@pytest.mark.parametrize("missing", LEVEL_FILES)
def test_with_a_file_missing_it_is_unfinished(store: ObjectStore, example: BackupMeta, missing: str) -> None:
    for name, body in level_files(example).items():
        if name != missing:
            store.write(LAYOUT.meta(name), body)
    found = examine(Place(store, LAYOUT))
    assert found is not None
    assert found.state == UNFINISHED
    assert missing in found.reason


def test_deletes_that_no_file_names_make_it_unfinished(store: ObjectStore, example: BackupMeta) -> None:
    """A newer tool was killed before it wrote full_meta.json: read without it, deleted rows would come back."""
    for name, body in level_files(example).items():
        store.write(LAYOUT.meta(name), body)
    store.write(f"{LAYOUT.binlogs}delta_log/{example.collections[0].collection_id}/-1/5/6", b"deletes")
    found = examine(Place(store, LAYOUT))
    assert found is not None
    assert (found.state, found.complete) == (UNFINISHED, None)
    assert "deletes of all partitions" in found.reason
