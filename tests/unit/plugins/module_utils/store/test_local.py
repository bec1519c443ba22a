# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder as an object store: the keys, conditions, limits and traces that an S3 bucket would have."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from local_folders import fill, keys, store_at

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import (
    ConditionFailed,
    StoredObject,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.store.local import (
    PART_LIFE_SECONDS,
    PART_PREFIX,
    LocalStore,
)

Place = tuple[LocalStore, Path]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A store that may write below C(mine/)."""
    folder = tmp_path / "root"
    folder.mkdir()
    return store_at(folder, "mine/"), folder


NAMES = [
    "a",
    "a-b/x",
    "a!/y",
    "a.b",
    "ab/c/d",
    "ab/c-d",
    "ab/c.d/e",
    "é/ü",
    "日本/x",
    "\U0001f600",
    "~",
    "A",
    " blank ",
    "n\nl",
]


def test_keys_are_listed_in_the_order_of_their_bytes(place: Place) -> None:
    store, folder = place
    fill(folder, *NAMES)
    assert keys(store, folder, "") == sorted(NAMES, key=str.encode)


def test_a_prefix_is_a_beginning_of_keys_not_a_folder(place: Place) -> None:
    store, folder = place
    fill(folder, "s/10/x", "s/1/x", "s/2", "t/1")
    assert keys(store, folder, "s/1") == ["s/1/x", "s/10/x"]
    assert keys(store, folder, "s/1/") == ["s/1/x"]
    assert keys(store, folder, "nothing/") == []
    assert keys(store, folder, "s/2/") == []
    assert store.has_objects(f"{folder}/s/1")
    assert not store.has_objects(f"{folder}/s/3")


def test_prefixes_are_the_folders_that_hold_a_file(place: Place) -> None:
    store, folder = place
    fill(folder, "b/x/1", "a/1", "file")
    (folder / "empty" / "deeper").mkdir(parents=True)
    assert store.list_prefixes(f"{folder}/") == [f"{folder}/a/", f"{folder}/b/"]
    assert store.list_prefixes(f"{folder}/b/") == [f"{folder}/b/x/"]
    assert store.list_prefixes("") == []


def test_nothing_outside_the_root_is_seen(place: Place) -> None:
    store, folder = place
    fill(folder.parent, "outside", "root-sibling/x")
    fill(folder, "in/side")
    for key in (
        f"{folder.parent}/outside",
        f"{folder}/../outside",
        f"{folder}-sibling/x",
        "outside",
        "in/side",
        "",
        f"{folder}/\0",
    ):
        assert store.read(key, 100) is None
        assert list(store.list_objects(key)) == []


@pytest.mark.parametrize("target", ["../outside", "."])
def test_a_link_is_an_error_and_is_never_followed(place: Place, target: str) -> None:
    store, folder = place
    fill(folder.parent, "outside/secret")
    fill(folder, "mine/ok")
    (folder / "mine" / "link").symlink_to(target)
    failing: list[Callable[[], object]] = [
        lambda: list(store.list_objects(f"{folder}/mine/")),
        lambda: store.read(f"{folder}/mine/link/secret", 100),
        lambda: store.read(f"{folder}/mine/link", 100),
        lambda: store.write(f"{folder}/mine/link/secret", b"x"),
        lambda: store.delete([f"{folder}/mine/link/secret"]),
    ]
    for call in failing:
        with pytest.raises(MilvusOpsError) as caught:
            call()
        assert caught.value.kind == "usage"
        assert "link" in caught.value.failure.message
    assert (folder.parent / "outside" / "secret").read_text() == "outside/secret"


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to("real")
    store = store_at(tmp_path / "root", "mine/")
    store.write(f"{tmp_path}/root/mine/x", b"x")
    assert (tmp_path / "real/mine/x").read_bytes() == b"x"


def test_names_that_are_no_keys_and_pipes_are_errors(place: Place) -> None:
    store, folder = place
    os.mkfifo(folder / "pipe")
    with pytest.raises(MilvusOpsError, match="pipe"):
        list(store.list_objects(f"{folder}/"))
    with pytest.raises(MilvusOpsError, match="pipe"):
        store.read(f"{folder}/pipe", 10)
    (folder / "pipe").unlink()
    (folder / os.fsdecode(b"bad\xff")).write_text("x")
    with pytest.raises(MilvusOpsError, match="UTF-8"):
        list(store.list_objects(f"{folder}/"))


def test_what_is_written_is_read_with_the_same_etag(place: Place) -> None:
    store, folder = place
    key = f"{folder}/mine/deep/er/x"
    etag = store.write(key, b"body")
    read = store.read(key, 100)
    assert read is not None
    assert (read.body, read.etag) == (b"body", etag)
    assert 0 <= read.store_now - read.modified < 60
    assert list(store.list_objects(f"{folder}/mine/")) == [StoredObject(key, 4, etag)]
    digest = store.digest(key)
    assert digest is not None
    assert (digest.size, digest.md5, digest.etag) == (4, "841a2d689ad86bd1611447453c22c6fc", "")


def test_a_file_larger_than_allowed_is_not_read(place: Place) -> None:
    store, folder = place
    store.write(f"{folder}/mine/x", b"12345")
    with pytest.raises(MilvusOpsError, match="5 bytes"):
        store.read(f"{folder}/mine/x", 4)


def test_a_file_is_never_compared_by_its_etag(place: Place) -> None:
    store, folder = place
    etag = store.write(f"{folder}/mine/x", b"body")
    assert StoredObject("k", 4, etag).holds_the_same_as(4, "841a2d689ad86bd1611447453c22c6fc")
    assert StoredObject("k", 4, "").holds_the_same_as(4, "841a2d689ad86bd1611447453c22c6fc")
    assert not StoredObject("k", 4, etag).holds_the_same_as(5, etag)
    assert not StoredObject("k", 4, "a").holds_the_same_as(4, "b")


@pytest.mark.parametrize("key", ["other/x", "mine", "mine/../x", "mine//x", "mine/", "mine-too/x"])
def test_outside_of_the_scope_nothing_is_written_or_removed(place: Place, key: str) -> None:
    store, folder = place
    for call in (lambda: store.write(f"{folder}/{key}", b"x"), lambda: store.delete([f"{folder}/{key}"])):
        with pytest.raises(MilvusOpsError) as caught:
            call()
        assert caught.value.kind == "internal"
    assert list(folder.rglob("*")) == []


def test_a_root_that_does_not_exist_is_empty_and_never_created(tmp_path: Path) -> None:
    store = store_at(tmp_path / "missing", "mine/")
    assert not store.has_objects(f"{tmp_path}/missing/")
    with pytest.raises(MilvusOpsError) as caught:
        store.write(f"{tmp_path}/missing/mine/x", b"x")
    assert caught.value.kind == "not_found"
    assert list(tmp_path.iterdir()) == []


def test_if_absent_lets_one_of_many_win(place: Place) -> None:
    store, folder = place
    key = f"{folder}/mine/control/lock.json"
    for _round in range(20):
        assert race(8, lambda number: store.write(key, b"%d" % number, if_absent=True)) == 1
        store.delete([key])
    assert list(folder.rglob("*")) == []


def test_if_etag_lets_one_of_many_win(place: Place) -> None:
    store, folder = place
    key = f"{folder}/mine/lock.json"
    etag = store.write(key, b"0")
    seen = {etag}
    for _round in range(50):
        current = store.read(key, 10)
        assert current is not None
        before = current.etag
        assert race(8, lambda number, held=before: store.write(key, b"%d" % number, if_etag=held)) == 1
        after = store.read(key, 10)
        assert after is not None
        assert after.etag not in seen, "an ETag came back"
        seen.add(after.etag)
    with pytest.raises(ConditionFailed):
        store.write(key, b"late", if_etag=etag)
    with pytest.raises(ConditionFailed):
        store.write(f"{folder}/mine/none", b"x", if_etag=etag)
    assert keys(store, folder, "") == ["mine/lock.json"]


def test_no_etag_ever_comes_back(place: Place) -> None:
    """Though clocks of file systems stand still for milliseconds, or are set back, and inodes are used again."""
    store, folder = place
    key = f"{folder}/mine/lock.json"
    store.write(key, b"0000")
    ahead = time.time_ns() + 10**12
    os.utime(key, ns=(ahead, ahead))
    etags = [item.etag for item in store.list_objects(key)]
    for number in range(200):
        etags.append(store.write(key, b"%04d" % number, if_etag=etags[-1]))
        assert os.stat(key).st_mtime_ns > ahead
    assert len(set(etags)) == 201


def test_a_folder_may_vanish_while_something_is_put_into_it(place: Place) -> None:
    """Two runs at one place: one gives its lock back, which removes the empty folder, while the other takes one."""
    store, folder = place

    def write_and_delete(number: int) -> None:
        for _round in range(200):
            store.write(f"{folder}/mine/control/{number}", b"x")
            store.delete([f"{folder}/mine/control/{number}"])

    assert race(4, write_and_delete) == 4
    assert list(folder.iterdir()) == []


def race(runners: int, act: Callable[[int], object]) -> int:
    """How many of the runners succeed; the others must fail on their condition."""
    start, won, odd = threading.Barrier(runners), [], []

    def run(number: int) -> None:
        start.wait()
        try:
            won.append(act(number))
        except ConditionFailed:
            return
        except MilvusOpsError as error:
            odd.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(runners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert odd == []
    return len(won)


def test_a_reader_sees_the_old_or_the_new_object_whole(place: Place) -> None:
    store, folder = place
    key, size = f"{folder}/mine/x", 300_000
    bodies = {bytes([number]) * size for number in range(5)}
    store.write(key, next(iter(bodies)))
    done = threading.Event()

    def rewrite() -> None:
        for _round in range(10):
            for body in bodies:
                store.write(key, body)
        done.set()

    writer = threading.Thread(target=rewrite)
    writer.start()
    while not done.is_set():
        read = store.read(key, size)
        assert read is not None
        assert read.body in bodies
    writer.join()


def test_deleting_removes_empty_folders_up_to_the_scope_and_no_more(place: Place) -> None:
    store, folder = place
    made = [f"{folder}/mine/binlogs/1/{number}/x" for number in range(3)]
    for key in made:
        store.write(key, b"x")
    fill(folder, "mine/kept/y")
    assert store.delete([*made, f"{folder}/mine/gone/z"]) == 4
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) == ["mine", "mine/kept", "mine/kept/y"]
    assert store.delete([f"{folder}/mine/kept/y"]) == 1
    assert list(folder.iterdir()) == []
    deeper = store_at(folder, "above/mine/")
    deeper.write(f"{folder}/above/mine/control/x", b"x")
    deeper.delete([f"{folder}/above/mine/control/x"])
    assert list(folder.rglob("*")) == [folder / "above"]


def test_part_files_of_killed_runs_are_swept_but_not_those_of_living_ones(place: Place) -> None:
    store, folder = place
    fill(folder, f"mine/{PART_PREFIX}dead", f"mine/{PART_PREFIX}alive", "mine/not.part-of-it")
    long_ago = (folder / f"mine/{PART_PREFIX}alive").stat().st_mtime - PART_LIFE_SECONDS - 60
    os.utime(folder / f"mine/{PART_PREFIX}dead", (long_ago, long_ago))
    os.utime(folder / "mine/not.part-of-it", (long_ago, long_ago))
    store.write(f"{folder}/mine/x", b"x")
    assert keys(store, folder, "") == [f"mine/{PART_PREFIX}alive", "mine/not.part-of-it", "mine/x"]
