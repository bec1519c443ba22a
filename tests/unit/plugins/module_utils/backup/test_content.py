# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of what lies on a disk, where no ETag is one: recorded of every file, and found again by no other bytes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from local_folders import store_at

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.content import (
    BATCH_OBJECTS,
    read_again,
    with_digests,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore, StoredObject

FILES = BATCH_OBJECTS + 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(FILES):
        (tmp_path / f"{number:04d}").write_bytes(b"%d" % (1000 + number))
    return tmp_path


def digested(
    store: ObjectStore, stored: list[StoredObject], recorded: dict[str, StoredObject] | None = None
) -> list[StoredObject]:
    seen: list[None] = []
    found = with_digests(store, stored, recorded or {}, before_each=lambda: None, after_each=lambda: seen.append(None))
    assert len(seen) == len(stored)
    return list(found)


def test_each_file_gets_the_digest_of_its_own_bytes(folder: Path) -> None:
    store = store_at(folder)
    listed = list(store.list_objects(f"{folder}/"))
    found = digested(store, listed)
    assert [replace(item, md5="") for item in found] == listed
    assert [item.md5 for item in found] == [hashlib.md5(Path(item.key).read_bytes()).hexdigest() for item in listed]
    assert read_again(store, found).proven == FILES


def test_other_bytes_of_the_same_size_are_found(folder: Path) -> None:
    store = store_at(folder)
    listed = list(store.list_objects(f"{folder}/"))
    recorded = digested(store, listed)
    (folder / "0007").write_bytes(b"9007")
    report = read_again(store, recorded)
    assert (report.altered, report.unproven) == ((str(folder / "0007"),), 0)
    assert read_again(store, listed).altered == ()


def test_what_is_recorded_is_never_read_for_another_digest(folder: Path) -> None:
    """A partial backup grows: damage to what it holds already must not become what is recorded."""
    store = store_at(folder)
    listed = list(store.list_objects(f"{folder}/"))
    recorded = {item.key: item for item in digested(store, listed)}
    (folder / "0007").write_bytes(b"9007")
    again = digested(store, list(store.list_objects(f"{folder}/")), recorded)
    assert {item.key: item.md5 for item in again} == {key: item.md5 for key, item in recorded.items()}


@pytest.mark.parametrize("size", [None, 3])
def test_a_file_that_changed_since_the_listing_is_not_recorded(folder: Path, size: int | None) -> None:
    store = store_at(folder)
    listed = list(store.list_objects(f"{folder}/"))
    (folder / "0007").unlink()
    if size:
        (folder / "0007").write_bytes(bytes(size))
    with pytest.raises(MilvusOpsError) as raised:
        digested(store, listed)
    assert raised.value.kind == "verify_failed"
    assert str(folder / "0007") in raised.value.failure.where
