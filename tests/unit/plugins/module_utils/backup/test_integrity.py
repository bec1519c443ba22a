# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The integrity manifest: written in shards, read back, and refused when it was altered."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.integrity import (
    HEADER_NAME,
    NEXT_HEADER_NAME,
    SHARD_OBJECTS,
    Manifest,
    knows,
    manifest_objects,
    read_manifest,
    write_manifest,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore, StoredObject

LAYOUT = BackupLayout("backup", "nightly_01")
FIRST, SECOND = b"{}", b'{"id":"second"}'
HEADER = "backup/nightly_01/control/manifest.json"
REQUEST = {"source": "http://store:9000/bucket/files", "collections": ["default.docs"], "strategy": "flush"}


def objects(count: int) -> list[StoredObject]:
    return [StoredObject(f"{LAYOUT.binlogs}insert_log/{number:08d}", number, f"e{number}") for number in range(count)]


def write(store: ObjectStore, items: list[StoredObject], previous: Manifest | None = None) -> Manifest:
    return write_manifest(
        store.write,
        LAYOUT,
        items,
        header_name=NEXT_HEADER_NAME if previous else HEADER_NAME,
        backup_id="id",
        request=REQUEST,
        created=1795352740,
        tool_version="0.1.0",
        meta={"full_meta.json": SECOND if previous else FIRST, "backup_meta.json": b""},
        skipped={"default.news": "it was dropped"},
        previous=previous,
    )


def read(store: ObjectStore, full_meta: bytes = FIRST) -> Manifest | None:
    return read_manifest(store, LAYOUT, full_meta)


def header(store: ObjectStore) -> dict[str, Any]:
    stored = store.read(HEADER, 1 << 20)
    assert stored is not None
    values: dict[str, Any] = json.loads(stored.body)
    values.pop("sha256")
    return values


@pytest.mark.parametrize(("count", "shards"), [(0, 0), (1, 1), (SHARD_OBJECTS, 1), (SHARD_OBJECTS + 1, 2)])
def test_what_was_written_is_read_back(store: ObjectStore, count: int, shards: int) -> None:
    items = objects(count)
    written = write(store, items)
    assert read(store) == written
    assert (written.objects, written.bytes) == (count, sum(item.size for item in items))
    assert [name for name, _digest in written.shards] == [f"objects-{number:05d}.jsonl" for number in range(shards)]
    assert list(manifest_objects(store, LAYOUT, written)) == items


def test_the_header(store: ObjectStore) -> None:
    write(store, objects(1))
    values = header(store)
    (shard,) = values.pop("shards")
    stored = store.read(f"{LAYOUT.control}objects-00000.jsonl", 1000)
    assert stored is not None
    assert stored.body == b'["binlogs/insert_log/00000000", 0, "e0"]'
    assert shard == ["objects-00000.jsonl", hashlib.sha256(stored.body).hexdigest()]
    assert values == {
        "format": 1,
        "backup_id": "id",
        "name": "nightly_01",
        "request": REQUEST,
        "created": 1795352740,
        "tool_version": "0.1.0",
        "objects": 1,
        "bytes": 0,
        "meta": {
            "full_meta.json": hashlib.sha256(b"{}").hexdigest(),
            "backup_meta.json": hashlib.sha256(b"").hexdigest(),
        },
        "skipped": {"default.news": "it was dropped"},
        "superseded": {},
    }


def test_it_lies_in_the_control_folder_only(store: ObjectStore) -> None:
    write(store, objects(3))
    assert {item.key.rpartition("/")[0] for item in store.list_objects("")} == {"backup/nightly_01/control"}


def test_odd_keys_and_etags_survive(store: ObjectStore) -> None:
    items = [StoredObject(f"{LAYOUT.binlogs}{odd}", 2**63, odd) for odd in ('"', "\n", "\u2028", "\x85", "é", "a-2")]
    assert list(manifest_objects(store, LAYOUT, write(store, items))) == items


def test_a_digest_is_written_where_there_is_one(store: ObjectStore) -> None:
    """Other lines stay as short as those that older releases wrote."""
    plain, digested = objects(2)
    items = [plain, replace(digested, md5="0cc175b9c0f1b6a831c399e269772661")]
    manifest = write(store, items)
    stored = store.read(f"{LAYOUT.control}objects-00000.jsonl", 1000)
    assert stored is not None
    assert [len(json.loads(line)) for line in stored.body.splitlines()] == [3, 4]
    assert list(manifest_objects(store, LAYOUT, manifest)) == items


def test_a_backup_of_another_tool_has_none(store: ObjectStore) -> None:
    assert read(store) is None


@pytest.mark.parametrize("change", [b"", b"[]", b'["binlogs/insert_log/00000000", 0, "e1"]', None])
def test_an_altered_or_missing_shard_is_refused(store: ObjectStore, change: bytes | None) -> None:
    manifest = write(store, objects(1))
    key = f"{LAYOUT.control}objects-00000.jsonl"
    store.delete([key])
    if change is not None:
        store.write(key, change)
    with pytest.raises(MilvusOpsError) as caught:
        list(manifest_objects(store, LAYOUT, manifest))
    failure = caught.value.failure
    assert (failure.kind, failure.where) == ("corrupt", f"http://store:9000/bucket/{key}")
    assert ("missing" in failure.cause) is (change is None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"1",
        b"{}",
        b'{"format":1}',
        b'{"format":2,"shards":[]}',
        b'{"format":"1"}',
        b'{"format":1,"shards":[["a"]]}',
        b'{"format":1,"shards":[1]}',
        b'{"format":1,"shards":{}}',
        b"\xff",
    ],
)
def test_a_damaged_header_is_refused(store: ObjectStore, body: bytes) -> None:
    store.write(HEADER, body)
    with pytest.raises(MilvusOpsError) as caught:
        read(store)
    failure = caught.value.failure
    assert (failure.kind, failure.where) == ("corrupt", f"http://store:9000/bucket/{HEADER}")


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_a_header_of_another_format_is_refused(store: ObjectStore, number: object) -> None:
    write(store, objects(1))
    store.write(HEADER, json.dumps({**header(store), "format": number}).encode())
    with pytest.raises(MilvusOpsError, match="unknown to this release"):
        read(store)


@pytest.mark.parametrize("key", ["backup_id", "request", "meta", "shards", "created"])
def test_a_header_that_lacks_a_value_is_refused(store: ObjectStore, key: str) -> None:
    write(store, objects(1))
    values = header(store)
    del values[key]
    store.write(HEADER, json.dumps(values).encode())
    with pytest.raises(MilvusOpsError, match="cannot be read"):
        read(store)


@pytest.mark.parametrize(
    "change",
    [
        {"meta": []},
        {"meta": None},
        {"request": 1},
        {"request": None},
        {"created": "x"},
        {"objects": None},
        {"skipped": []},
    ],
)
def test_a_header_with_wrong_types_is_refused(store: ObjectStore, change: dict[str, Any]) -> None:
    write(store, objects(1))
    store.write(HEADER, json.dumps({**header(store), **change}).encode())
    with pytest.raises(MilvusOpsError, match="cannot be read"):
        read(store)


def test_a_header_that_is_nested_too_deep_is_refused(store: ObjectStore) -> None:
    store.write(HEADER, b"[" * 100_000)
    with pytest.raises(MilvusOpsError):
        read(store)


def test_the_next_manifest_holds_once_the_commit_is_exchanged(store: ObjectStore) -> None:
    """Both lie side by side; which of them holds is decided by the commit object alone."""
    first = write(store, objects(3))
    second = write(store, objects(5), previous=first)
    assert read(store, FIRST) == first
    assert read(store, SECOND) == second
    assert read(store, b"neither") == first, "and its digest then shows that the commit was altered"
    assert {name for name, _digest in first.shards}.isdisjoint({name for name, _digest in second.shards})
    for manifest, count in ((first, 3), (second, 5)):
        assert list(manifest_objects(store, LAYOUT, manifest)) == objects(count)


def test_what_was_superseded_is_known_but_for_the_commit(store: ObjectStore) -> None:
    first = write(store, objects(1))
    second = write(store, objects(1), previous=first)
    assert knows(first, "full_meta.json", FIRST)
    assert not knows(first, "full_meta.json", SECOND)
    assert not knows(second, "full_meta.json", FIRST)
    assert knows(second, "backup_meta.json", b"")
    assert not knows(second, "backup_meta.json", b"x")
    assert not knows(second, "unknown.json", b"")
    assert set(second.superseded) == {"backup_meta.json"}


@pytest.mark.parametrize("name", ["", "../plan.json", "objects-x.jsonl", "objects-00000.jsonl/..", "lock.json"])
def test_a_shard_of_another_name_is_refused(store: ObjectStore, name: str) -> None:
    write(store, objects(1))
    store.write(HEADER, json.dumps({**header(store), "shards": [[name, "0"]]}).encode())
    with pytest.raises(MilvusOpsError, match="cannot be read"):
        read(store)


def test_every_flipped_bit_of_a_header_is_found(store: ObjectStore) -> None:
    """Everything else of a backup has its digest in the header; it has its own at its end."""
    write(store, objects(1))
    stored = store.read(HEADER, 1 << 20)
    assert stored is not None
    for position in range(len(stored.body)):
        body = bytearray(stored.body)
        body[position] ^= 1 << position % 8
        store.write(HEADER, bytes(body))
        with pytest.raises(MilvusOpsError) as caught:
            read(store)
        assert caught.value.kind == "corrupt", body


def test_a_header_without_a_digest_is_read(store: ObjectStore) -> None:
    """As it was written before."""
    written = write(store, objects(1))
    store.write(HEADER, json.dumps(header(store)).encode())
    assert read(store) == written
