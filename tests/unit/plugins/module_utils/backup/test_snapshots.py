# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups in the snapshot format, as milvus-backup leaves them: what is read, and what is seen to be missing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place, find_complete
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.listing import COMPLETE, examine
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.listing_report import found_result
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import (
    BackupMeta,
    MetaFiles,
    SnapshotMeta,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.reading import parse_full_meta
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.verify import (
    CONTENT,
    ETAG,
    LEVELS,
    SIZE,
    find_damage,
    verify_backup,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore

COLLECTION, SNAPSHOT, SEGMENT = 900, 41, 77
ROOT = "bundle/exports/5f3c/"
SHARED = "bundle/"
"""Where servers exported to before each export had a folder of its own."""


def data(root: str, collection: int) -> dict[str, bytes]:
    """What the server counts: C(total_files)."""
    place = f"{root}files/insert_log/{collection}/1/{SEGMENT}/_data/"
    return {f"{place}one": b"rows" * 9, f"{place}two": b"more"}


def bundle(root: str, collection: int, **changes: Any) -> dict[str, bytes]:
    """Every object of an export, by its key below the backup. The manifest's own place is that of the export."""
    manifest = f"snapshots/{collection}/manifests/{SNAPSHOT}/{SEGMENT}.avro"
    metadata = {
        "format_version": 5,
        "snapshot_info": {"id": str(SNAPSHOT), "name": "mbk_nightly", "collection_id": str(collection)},
        "manifest_list": [f"somewhere/else/{manifest}"],
        "segment_ids": [str(SEGMENT)],
        **changes,
    }
    described = {f"{root}snapshots/{collection}/metadata/{SNAPSHOT}.json": json.dumps(metadata).encode()}
    return {**data(root, collection), f"{root}{manifest}": b"\x02\x04", **described}


def meta_of(example: BackupMeta, root: str, *collections: int) -> BackupMeta:
    base = example.collections[0]
    bare = tuple(replace(part, segments=()) for part in base.partitions)
    made = [
        replace(
            base,
            collection_id=number,
            name=f"coll_{number}",
            partitions=tuple(replace(part, collection_id=number) for part in bare),
            l0_segments=(),
            snapshot=SnapshotMeta(
                f"{root}snapshots/{number}/metadata/{SNAPSHOT}.json",
                len(data(root, number)),
                sum(map(len, bundle(root, number).values())),
            ),
        )
        for number in collections
    ]
    return replace(example, collections=tuple(made), format="snapshot")


def place_of(store: ObjectStore, objects: dict[str, bytes], meta: BackupMeta) -> Place:
    place = Place(store, BackupLayout("backup", meta.name))
    for key, body in objects.items():
        store.write(place.layout.directory + key, body)
    for name, body in MetaFiles(meta).items():
        store.write(place.layout.meta(name), body)
    return place


@pytest.fixture
def place(store: ObjectStore, example: BackupMeta) -> Place:
    return place_of(store, bundle(ROOT, COLLECTION), meta_of(example, ROOT, COLLECTION))


def damage(place: Place, level: str = SIZE) -> str:
    complete = find_complete(place)
    assert complete is not None
    return find_damage(place.store, place.layout, complete.meta, complete.manifest, level).damage


def test_a_snapshot_is_listed_with_what_it_says(place: Place) -> None:
    found = examine(place)
    assert found is not None
    assert (found.state, found.foreign, found.reason) == (COMPLETE, True, "")
    complete = find_complete(place)
    assert complete is not None
    checked = verify_backup(place.store, place.layout, complete.meta, None, ETAG)
    shown = found_result(found, checked, detail=True)
    assert (shown["format"], shown["rows"], shown["objects"]) == ("snapshot", None, 2)
    assert shown["bytes"] == sum(map(len, bundle(ROOT, COLLECTION).values()))
    assert shown["verified"] == {
        "level": "size",
        "sound": True,
        "objects": 4,
        "proven": 0,
        "unproven": 0,
        "missing": 0,
        "altered": 0,
        "unexpected": 0,
        "sample": {},
    }
    detail = shown["details"][0]
    assert (detail["rows"], detail["segments"], detail["has_deletes"]) == (None, None, None)
    assert [part["rows"] for part in detail["partitions"]] == [None, None]


def test_its_meta_files_are_those_of_milvus_backup(place: Place, example: BackupMeta) -> None:
    """Neither partitions nor segments have a file; the format is in the header too."""
    files = MetaFiles(meta_of(example, ROOT, COLLECTION))
    assert list(files) == ["backup_meta.json", "collection_meta.json", "full_meta.json"]
    assert json.loads(files["backup_meta.json"])["format"] == "snapshot"
    assert parse_full_meta(files["full_meta.json"], "k") == meta_of(example, ROOT, COLLECTION)
    assert "snapshot" not in str(MetaFiles(example)["full_meta.json"])
    assert "format" not in str(MetaFiles(example)["backup_meta.json"])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("key", sorted(bundle(ROOT, COLLECTION)))
def test_each_missing_object_is_noticed(place: Place, key: str, level: str) -> None:
    """What only the server's own files name shows in the numbers."""
    assert damage(place, level) == ""
    place.store.delete([place.layout.directory + key])
    assert damage(place, level)


@pytest.mark.parametrize("name", [f"metadata/{SNAPSHOT}.json", f"manifests/{SNAPSHOT}/{SEGMENT}.avro"])
def test_what_has_a_name_is_missed_by_it(place: Place, name: str) -> None:
    """Though objects of an export that was begun before make up for its bytes."""
    place.store.write(f"{place.layout.directory}{ROOT}files/stray", b"x" * 10_000)
    assert damage(place) == ""
    place.store.delete([f"{place.layout.directory}{ROOT}snapshots/{COLLECTION}/{name}"])
    assert name in damage(place)


def test_fewer_objects_than_were_exported(store: ObjectStore, example: BackupMeta) -> None:
    """Empty ones, which no byte misses."""
    meta = meta_of(example, ROOT, COLLECTION)
    snapshot = meta.collections[0].snapshot
    assert snapshot is not None
    more = replace(meta.collections[0], snapshot=replace(snapshot, files=5))
    place = place_of(store, bundle(ROOT, COLLECTION), replace(meta, collections=(more,)))
    assert "5 were exported" in damage(place)


def test_a_shorter_object_is_noticed(place: Place) -> None:
    place.store.write(place.layout.directory + next(iter(data(ROOT, COLLECTION))), b"rows")
    assert "bytes" in damage(place)


def test_what_the_server_has_not_removed_yet_stands_for_nothing(place: Place) -> None:
    place.store.write(f"{place.layout.directory}{ROOT}_staging/metadata.json", b"x" * 1000)
    assert damage(place, CONTENT) == ""
    place.store.delete([place.layout.directory + next(iter(data(ROOT, COLLECTION)))])
    assert damage(place)


def test_the_bytes_are_read_again(place: Place) -> None:
    complete = find_complete(place)
    assert complete is not None
    found = find_damage(place.store, place.layout, complete.meta, None, CONTENT)
    assert (found.level, found.proven, found.unproven) == (CONTENT, 4, 0)


def test_several_collections_in_one_folder(store: ObjectStore, example: BackupMeta) -> None:
    """The numbers of all of them have to be there together."""
    objects = {**bundle(SHARED, 1), **bundle(SHARED, 2)}
    place = place_of(store, objects, meta_of(example, SHARED, 1, 2))
    assert damage(place, CONTENT) == ""
    store.delete([place.layout.directory + next(iter(data(SHARED, 1)))])
    assert damage(place)


@pytest.mark.parametrize(
    "changes",
    [
        {"snapshot_info": {"id": str(SNAPSHOT), "collection_id": "1"}},
        {"snapshot_info": {"id": "1", "collection_id": str(COLLECTION)}},
        {"manifest_list": ["/etc/passwd"]},
        {"manifest_list": [f"snapshots/{COLLECTION}/manifests/../{SEGMENT}.avro"]},
        {"manifest_list": "x"},
    ],
)
def test_metadata_of_something_else_is_damage(place: Place, changes: dict[str, Any]) -> None:
    key = f"{ROOT}snapshots/{COLLECTION}/metadata/{SNAPSHOT}.json"
    store_body = bundle(ROOT, COLLECTION, **changes)[key]
    place.store.write(place.layout.directory + key, store_body)
    assert damage(place)
    for body in (b"{", b"[]", b"[" * 100_000):
        place.store.write(place.layout.directory + key, body)
        assert damage(place)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "bundle/snapshots/1/metadata/2.txt",
            "snapshots/1/metadata/2.json",
            "/bundle/snapshots/1/metadata/2.json",
        ),
        *("s3://bucket/bundle/snapshots/1/metadata/2.json", "bundle/../snapshots/1/metadata/2.json"),
        *("bundle//snapshots/1/metadata/2.json", "bundle/x/metadata/2.json", "binlogs/snapshots/1/metadata/2.json"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(example: BackupMeta, path: str) -> None:
    tree = json.loads(MetaFiles(meta_of(example, ROOT, COLLECTION))["full_meta.json"])
    tree["collection_backups"][0]["snapshot_backup"]["metadata_path"] = path
    with pytest.raises(MilvusOpsError) as caught:
        parse_full_meta(json.dumps(tree).encode(), "k")
    assert caught.value.kind == "corrupt"
    assert "metadata_path" in caught.value.failure.cause
