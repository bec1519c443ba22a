# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies from one folder to another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from local_folders import fill, keys, store_at

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import (
    ConditionFailed,
    Pin,
    SourceMissing,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.store.copy import Copy, CopyRun
from ansible_collections.vectorops.milvus.plugins.module_utils.store.local import (
    LocalStore,
)


@pytest.fixture
def two(tmp_path: Path) -> tuple[LocalStore, LocalStore, Path, Path]:
    """The source, the destination, and their folders."""
    source, folder = tmp_path / "source", tmp_path / "root"
    source.mkdir()
    folder.mkdir()
    return store_at(source), store_at(folder, "mine/"), source, folder


Two = tuple[LocalStore, LocalStore, Path, Path]


@pytest.mark.parametrize("size", [0, 1, 700_000])
def test_a_copy_is_the_same_bytes_and_leaves_no_part(two: Two, size: int) -> None:
    source, destination, source_folder, folder = two
    (source_folder / "x").write_bytes(os.urandom(size))
    planned = next(iter(source.list_objects(f"{source_folder}/")))
    paid: list[int] = []
    destination.copy_from(source, planned.key, planned.etag, size, f"{folder}/mine/binlogs/y", paid.append)
    assert (folder / "mine/binlogs/y").read_bytes() == (source_folder / "x").read_bytes()
    assert sum(paid) == size
    assert keys(destination, folder, "") == ["mine/binlogs/y"]


def test_a_source_that_is_another_by_now_is_not_copied(two: Two) -> None:
    source, destination, source_folder, folder = two
    (source_folder / "x").write_bytes(b"old")
    planned = next(iter(source.list_objects(f"{source_folder}/")))
    (source_folder / "x").write_bytes(b"new")
    with pytest.raises(ConditionFailed):
        destination.copy_from(source, planned.key, planned.etag, 3, f"{folder}/mine/y")
    with pytest.raises(ConditionFailed):
        destination.copy_from(source, planned.key, "", 4, f"{folder}/mine/y")
    (source_folder / "x").unlink()
    with pytest.raises(SourceMissing):
        destination.copy_from(source, planned.key, planned.etag, 3, f"{folder}/mine/y")
    assert keys(destination, folder, "") == []


def test_a_source_that_changes_while_it_is_read_is_noticed(two: Two) -> None:
    source, _destination, source_folder, _folder = two
    (source_folder / "x").write_bytes(bytes(1000))
    planned = next(iter(source.list_objects(f"{source_folder}/")))
    with source.open_range(Pin(planned.key, planned.etag, 1000), 0, 1000) as reader:
        reader.read(500)
        (source_folder / "x").write_bytes(b"1" * 1000)
        with pytest.raises(ConditionFailed):
            reader.read(500)


def test_a_range_is_read_from_its_offset(two: Two) -> None:
    source, _destination, source_folder, _folder = two
    (source_folder / "x").write_bytes(b"0123456789")
    planned = next(iter(source.list_objects(f"{source_folder}/")))
    with source.open_range(Pin(planned.key, planned.etag, 10), 3, 4) as reader:
        assert (reader.read(100), reader.read(100)) == (b"3456", b"")


def test_a_run_of_many_copies_stops_at_once_when_it_is_told_to(two: Two) -> None:
    source, destination, source_folder, folder = two
    fill(source_folder, *(f"{number:03d}" for number in range(50)))
    copies = [
        Copy(item.key, item.etag, item.size, f"{folder}/mine/{Path(item.key).name}")
        for item in source.list_objects(f"{source_folder}/")
    ]
    calls: list[int] = []

    def before_each() -> None:
        calls.append(1)
        if len(calls) > 5:
            raise MilvusOpsError("lock_held", "holding the lock", "x", "it was lost")

    run = CopyRun(source, destination, concurrency=4, before_each=before_each, after_each=lambda copy: None)
    with pytest.raises(MilvusOpsError, match="It was lost"):
        run.run(copies)
    assert len(keys(destination, folder, "")) < 10
