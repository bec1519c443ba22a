# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound backups that are odd: names inside that look like paths (F25), and what this server cannot take (F28)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from empty_milvus import empty_milvus
from fake_s3 import Asked, FakeS3, running
from made_backup import backup_of, write_backup
from module_process import ModuleRun, run_here

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import (
    BackupMeta,
    CollectionMeta,
    SegmentMeta,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3 import S3Store

NAMES = ("../../keep", "a/b", "/etc/passwd", "films; drop", "{{ x }}", "ФИЛЬМЫ", "films\n", "Films", "films", "x" * 255)
LOG_KEY = re.compile(r"backup/odd/binlogs/(insert|delta)_log(/[0-9]+)+")
FLOAT16_VECTOR = 102


@dataclass(frozen=True)
class Scene:
    """A bucket for odd backups, and an instance that could take sound ones."""

    fake: FakeS3
    options: Mapping[str, Any]

    def write(self, meta: BackupMeta) -> None:
        self.fake.objects.clear()
        write_backup(S3Store(instance_store(self.options), WriteScope(("backup/odd/",))), "backup", meta)

    def restore(self, **options: Any) -> tuple[ModuleRun, list[Asked]]:
        before = len(self.fake.asked)
        asked_for = {"name": "odd", "collections": ["*.*"], **options}
        return run_here("milvus_restore", {**self.options, **asked_for}, check=True), self.fake.asked[before:]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    fake = FakeS3()
    with running(fake) as storage, empty_milvus() as port:
        yield Scene(fake, {**storage, "address": "127.0.0.1", "port": port, "root_path": "files_B"})


def only(meta: BackupMeta) -> CollectionMeta:
    return meta.collections[0]


def test_no_name_inside_becomes_part_of_a_key(scene: Scene) -> None:
    """Ids do. Two names that differ in case only are two, and so are equal names of two databases."""
    collections = []
    for number, name in enumerate((*NAMES, "films"), start=1):
        collection = only(backup_of(1000 * number, "odd", name))
        parts = tuple(replace(part, name=name) for part in collection.partitions)
        database = "other" if number > len(NAMES) else "default"
        collections.append(replace(collection, database=database, partitions=parts, aliases=(name,)))
    scene.write(replace(backup_of(1, "odd", "films"), collections=tuple(collections)))
    logs = [key for key in scene.fake.objects if "/binlogs/" in key]
    assert len(logs) == len(set(logs)) == 18 * len(collections)
    assert [key for key in logs if not LOG_KEY.fullmatch(key)] == []
    listed = run_here("milvus_backup_info", {**storage_of(scene), "name": "odd", "verify": "content"})
    shown = listed.result["backups"][0]
    assert shown["state"] == "complete"
    assert shown["collections"] == sorted([f"default.{name}" for name in NAMES] + ["other.films"])
    restored, asked = scene.restore(collections=["films", "Films", "other.films"], suffix="_x")
    assert restored.failed is False, restored.output
    assert [(item["source"], item["target"]) for item in restored.result["collections"]] == [
        ("Films", "Films_x"),
        ("films", "films_x"),
        ("other.films", "other.films_x"),
    ]
    assert [item for item in asked if not all(key.startswith("backup/odd/") for key in item.keys)] == []


def storage_of(scene: Scene) -> dict[str, Any]:
    return {key: value for key, value in scene.options.items() if key not in ("address", "port", "root_path")}


@pytest.mark.parametrize("name", [name for name in NAMES if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)])
def test_what_is_no_name_of_a_collection_is_not_restored(scene: Scene, name: str) -> None:
    scene.write(backup_of(1000, "odd", name))
    restored, _asked = scene.restore(suffix="_x")
    assert restored.kind == "usage", restored.output
    assert repr(f"{name}_x") in restored.result["failure"]["where"]
    assert "\n" not in restored.result["msg"]


def with_segments(meta: BackupMeta, **changes: Any) -> BackupMeta:
    def changed(segment: SegmentMeta) -> SegmentMeta:
        return replace(segment, **changes)

    parts = tuple(replace(part, segments=tuple(map(changed, part.segments))) for part in only(meta).partitions)
    return replace(meta, collections=(replace(only(meta), partitions=parts),))


def with_vector(meta: BackupMeta, data_type: int) -> BackupMeta:
    key, vector = only(meta).schema["fields"]
    schema = {**only(meta).schema, "fields": [key, {**vector, "data_type": data_type}]}
    return replace(meta, collections=(replace(only(meta), schema=schema),))


SOUND = backup_of(1000, "odd", "films")
NEWER: dict[str, tuple[BackupMeta, str]] = {
    "a newer line": (replace(SOUND, server_version="v2.4.1"), "made on v2.4.1"),
    "a line that nobody knows": (replace(SOUND, server_version="v3.1.0"), "made on v3.1.0"),
    "another storage": (with_segments(SOUND, storage_version=2), "storage version"),
    "level-zero deletes": (with_segments(SOUND, is_l0=True), "level-zero deletes"),
    "half floats": (with_vector(SOUND, FLOAT16_VECTOR), "float16"),
}


@pytest.mark.parametrize("what", NEWER)
def test_what_the_server_cannot_take_is_told_before_anything_is_created(scene: Scene, what: str) -> None:
    """A server that knows no call that creates would answer that it does not."""
    meta, cause = NEWER[what]
    scene.write(meta)
    for check in (True, False):
        arguments = {**scene.options, "name": "odd", "collections": ["*.*"], "suffix": "_x"}
        refused = run_here("milvus_restore", arguments, check=check)
        assert refused.kind == "version", refused.output
        assert cause in refused.result["failure"]["cause"]
        assert refused.result["failure"]["state_left"] == "nothing was written"


def test_the_same_without_any_of_it_can_be_restored(scene: Scene) -> None:
    scene.write(SOUND)
    restored, _asked = scene.restore(suffix="_x")
    assert not restored.failed, restored.output
