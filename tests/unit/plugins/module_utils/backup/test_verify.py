# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing what a backup must hold with what a listing shows."""

from __future__ import annotations

import random

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.integrity import (
    HEADER_NAME,
    Manifest,
    digest,
    write_manifest,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import BackupMeta, MetaFiles
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.verify import (
    ETAG,
    SIZE,
    Differences,
    check_backup,
    compare,
    objects_by_meta,
    verify_backup,
    verify_meta,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore, StoredObject

LAYOUT = BackupLayout("backup", "nightly_01")


def objects(*items: tuple[str, int, str]) -> list[StoredObject]:
    return [StoredObject(*item) for item in items]


EXPECTED = objects(("a", 1, "e1"), ("b", 2, "e2"), ("c", 3, "e3"))


@pytest.mark.parametrize(
    ("listed", "level", "differences"),
    [
        (EXPECTED, ETAG, Differences((), (), (), 3)),
        ([], ETAG, Differences(("a", "b", "c"), (), (), 0)),
        (objects(("b", 2, "e2")), ETAG, Differences(("a", "c"), (), (), 1)),
        (objects(("a", 1, "e1"), ("b", 2, "xx"), ("c", 3, "e3")), ETAG, Differences((), ("b",), (), 3)),
        (objects(("a", 1, "e1"), ("b", 2, "xx"), ("c", 3, "e3")), SIZE, Differences((), (), (), 3)),
        (objects(("a", 1, "e1"), ("b", 9, "e2"), ("c", 3, "e3")), SIZE, Differences((), ("b",), (), 3)),
        # the ETag of a multipart upload proves nothing, its size does
        (objects(("a", 1, "x-1"), ("b", 2, "e2"), ("c", 4, "e3-2")), ETAG, Differences((), ("c",), (), 3)),
        ([*objects(("", 0, "")), *EXPECTED][1:], ETAG, Differences((), (), (), 3)),
        (
            objects(("B", 2, "e2"), ("a", 1, "e1"), ("bb", 2, "e2"), ("d", 1, "")),
            ETAG,
            Differences(("b", "c"), (), ("B", "bb", "d"), 1),
        ),
    ],
)
def test_compare(listed: list[StoredObject], level: str, differences: Differences) -> None:
    found = compare(EXPECTED, listed, level)
    assert found == differences
    assert bool(found) is bool(differences.missing or differences.altered or differences.unexpected)


def test_nothing_expected() -> None:
    assert not compare([], [], ETAG)
    assert compare([], EXPECTED, ETAG) == Differences((), (), ("a", "b", "c"), 0)


def test_random_listings_are_compared_like_sets() -> None:
    generator = random.Random(11)
    for _unused in range(300):
        expected, listed = (
            {
                key: generator.randrange(2)
                for key in generator.sample("abcdefghij/é\U0001f600\uffff", generator.randrange(9))
            }
            for _unused in range(2)
        )
        found = compare(_in_order_of_bytes(expected), _in_order_of_bytes(listed), SIZE)
        assert set(found.missing) == expected.keys() - listed.keys()
        assert set(found.unexpected) == listed.keys() - expected.keys()
        both = expected.keys() & listed.keys()
        assert set(found.altered) == {key for key in both if expected[key] != listed[key]}
        assert found.found == len(both)


def _in_order_of_bytes(sizes: dict[str, int]) -> list[StoredObject]:
    """As a service lists them."""
    return [StoredObject(key, sizes[key], "") for key in sorted(sizes, key=str.encode)]


@pytest.mark.parametrize("broken", [["b", "a"], ["a", "a"], ["a", "c", "b"]])
def test_a_list_out_of_order_is_noticed(broken: list[str]) -> None:
    listed = [StoredObject(key, 1, "") for key in broken]
    for expected, found in ((listed, []), ([], listed), (sorted(listed, key=lambda item: item.key), listed)):
        if expected != found:
            with pytest.raises(ValueError, match="not in order"):
                compare(expected, found, SIZE)


def test_a_long_list_of_differences_is_cut_and_counted() -> None:
    keys = tuple(f"k{number:02d}" for number in range(12))
    text = Differences(keys, ("x",), (), 1).describe()
    assert text.startswith("12 missing: k00, ")
    assert "k09 and 2 more; 1 altered: x" in text
    assert "k10" not in text
    assert Differences((), (), (), 5).describe() == ""


def test_the_objects_that_metadata_names(example: BackupMeta) -> None:
    named = objects_by_meta(LAYOUT, example)
    binlogs = "backup/nightly_01/binlogs"
    collection, part, segment = 449577000000000010, 449577000000000011, 449577000000000020
    assert [(item.key, item.size) for item in named] == [
        (f"{binlogs}/delta_log/{collection}/-1/449577000000000021/8", 900),
        (f"{binlogs}/delta_log/{collection}/{part}/{segment}/{segment}/7", 900),
        (f"{binlogs}/insert_log/{collection}/{part}/{segment}/{segment}/0/1", 5100),
        (f"{binlogs}/insert_log/{collection}/{part}/{segment}/{segment}/1/2", 5100),
        (f"{binlogs}/insert_log/{collection}/{part}/{segment}/{segment}/100/3", 8600),
        (f"{binlogs}/insert_log/{collection}/{part}/{segment}/{segment}/101/4", 8700),
        (f"{binlogs}/insert_log/{collection}/{part}/{segment}/{segment}/102/5", 33000),
        (f"{binlogs}/insert_log/{collection}/{part}/{segment}/{segment}/103/6", 2100),
    ]


def test_a_backup_of_another_tool_is_verified_by_the_sizes_of_its_metadata(
    example: BackupMeta, store: ObjectStore
) -> None:
    for item in objects_by_meta(LAYOUT, example):
        store.write(item.key, b"x" * item.size)
    verify_backup(store, LAYOUT, example, None, ETAG)
    gone = f"{LAYOUT.binlogs}delta_log/449577000000000010/-1/449577000000000021/8"
    store.write(gone, b"x" * 901)
    failure = _corrupt(store, example, None, SIZE)
    assert f"1 altered: {gone}" in failure
    store.delete([gone])
    assert f"1 missing: {gone}" in _corrupt(store, example, None, SIZE)


@pytest.mark.parametrize(
    ("stray", "counts"),
    [
        # below what a job reads: it would break the import, or add rows to it
        ("insert_log/449577000000000010/449577000000000011/stray", True),
        ("insert_log/449577000000000010/449577000000000011/5/5/100/1", True),
        ("insert_log/449577000000000010/449577000000000012/5/5/100/1", True),
        ("delta_log/449577000000000010/449577000000000011/5/5/1", True),
        ("insert_log/449577000000000010/449577000000000011/", True),
        # deletes that no file names: rows would come back
        ("delta_log/449577000000000010/-1/5/1", True),
        # partitions and collections that the other tool copied, but left out of its metadata
        ("insert_log/449577000000000010/449577000000000099/5/5/100/1", False),
        ("insert_log/44957700000000001/449577000000000011/5/5/100/1", False),
        ("stats_log/449577000000000010/449577000000000011/5/100/1", False),
        ("note.txt", False),
    ],
)
def test_what_else_may_lie_in_a_backup_of_another_tool(
    example: BackupMeta, store: ObjectStore, stray: str, counts: bool
) -> None:
    for item in objects_by_meta(LAYOUT, example):
        store.write(item.key, b"x" * item.size)
    store.write(LAYOUT.binlogs + stray, b"stray")
    found = check_backup(store, LAYOUT, example, None, SIZE)
    assert found.differences.unexpected == ((LAYOUT.binlogs + stray,) if counts else ())
    assert found.differences.found == len(objects_by_meta(LAYOUT, example))


def test_a_backup_of_ours_is_verified_by_its_manifest(example: BackupMeta, store: ObjectStore) -> None:
    for name in ("a", "b"):
        store.write(LAYOUT.binlogs + name, name.encode())
    bodies = MetaFiles(example)
    for name, body in bodies.items():
        store.write(LAYOUT.meta(name), body)
    manifest = write_manifest(
        store.write,
        LAYOUT,
        list(store.list_objects(LAYOUT.binlogs)),
        backup_id="id",
        request={},
        created=1,
        tool_version="1",
        meta=bodies,
        header_name=HEADER_NAME,
        skipped={},
        previous=None,
    )
    verify_backup(store, LAYOUT, example, manifest, ETAG)
    store.write(LAYOUT.binlogs + "a", b"z")
    verify_backup(store, LAYOUT, example, manifest, SIZE)
    assert f"1 altered: {LAYOUT.binlogs}a" in _corrupt(store, example, manifest, ETAG)
    store.write(LAYOUT.binlogs + "stray", b"z")
    assert f"1 unexpected: {LAYOUT.binlogs}stray" in _corrupt(store, example, manifest, SIZE)


def _corrupt(store: ObjectStore, backup: BackupMeta, manifest: Manifest | None, level: str) -> str:
    with pytest.raises(MilvusOpsError) as caught:
        verify_backup(store, LAYOUT, backup, manifest, level)
    assert caught.value.kind == "corrupt"
    assert LAYOUT.directory in caught.value.failure.where
    return caught.value.failure.cause


def test_meta_files_are_verified_by_their_digests(store: ObjectStore) -> None:
    manifest = Manifest("id", "n", {}, 1, "1", 0, 0, {"full_meta.json": digest(b"{}")}, ())
    verify_meta(store, LAYOUT, manifest, {"full_meta.json": b"{}"})
    verify_meta(store, LAYOUT, manifest, {})
    for bodies in ({"full_meta.json": b"{} "}, {"backup_meta.json": b"{}"}):
        with pytest.raises(MilvusOpsError) as caught:
            verify_meta(store, LAYOUT, manifest, bodies)
        assert caught.value.kind == "corrupt"
        assert caught.value.failure.where.endswith(LAYOUT.meta(next(iter(bodies))))
