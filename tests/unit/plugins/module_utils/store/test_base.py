# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard in front of every write, and what two objects being the same means."""

from __future__ import annotations

import random

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import StoredObject, WriteScope

SCOPE = WriteScope(("backup/mine/", "files/tmp/run/"))
ELEMENTS = ("backup", "mine", "mine2", "files", "tmp", "run", "", ".", "..", "...", "%2e%2e", "a b", "é", "\u202e", "*")


@pytest.mark.parametrize(
    "key", ["backup/mine/x", "backup/mine/a/b/c", "files/tmp/run/x", "backup/mine/..x", "backup/mine/*"]
)
def test_a_key_inside_is_returned(key: str) -> None:
    assert SCOPE.require(key) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "x",
        "backup",
        "backup/mine",
        "backup/mine/",
        "backup/mine2/x",
        "backup/other/x",
        "/backup/mine/x",
        "backup//mine/x",
        "backup/mine//x",
        "backup/mine/../other/x",
        "backup/mine/..",
        "backup/mine/./x",
        "backup/mine/x/",
        "BACKUP/mine/x",
        "xbackup/mine/x",
    ],
)
def test_a_key_outside_is_a_defect(key: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        SCOPE.require(key)
    assert caught.value.kind == "internal"
    assert caught.value.failure.where == key


@pytest.mark.parametrize("prefix", ["", "backup", "backup/mine", "//"])
def test_a_scope_that_is_no_folder_permits_nothing(prefix: str) -> None:
    for key in ("x", "backup/mine/x", "backup/minefield", "/x"):
        with pytest.raises(MilvusOpsError):
            WriteScope((prefix,)).require(key)
    with pytest.raises(MilvusOpsError):
        WriteScope().require("x")


def test_a_scope_of_a_disk_begins_with_a_slash() -> None:
    scope = WriteScope(("/data/backup/mine/",))
    assert scope.require("/data/backup/mine/x") == "/data/backup/mine/x"
    for key in ("data/backup/mine/x", "//data/backup/mine/x", "/data/backup/mine/../x", "/data/backup/other/x"):
        with pytest.raises(MilvusOpsError):
            scope.require(key)


def test_the_root_is_no_scope() -> None:
    with pytest.raises(MilvusOpsError):
        WriteScope(("/",)).require("/etc/x")


def test_random_keys_never_leave_the_scope() -> None:
    generator = random.Random(2)
    inside = 0
    for _unused in range(5000):
        key = generator.choice(("", *SCOPE.prefixes)) + "/".join(
            generator.choices(ELEMENTS, k=generator.randrange(1, 5))
        )
        try:
            assert SCOPE.require(key) == key
        except MilvusOpsError:
            assert not _lies_inside(key)
        else:
            inside += 1
            assert _lies_inside(key)
    assert inside > 500


def _lies_inside(key: str) -> bool:
    """Written from the rule, element by element: a plain key with at least one element below a folder of the scope."""
    elements = key.split("/")
    plain = not {"", ".", ".."} & set(elements)
    folders = (["backup", "mine"], ["files", "tmp", "run"])
    return plain and any(len(elements) > len(folder) and elements[: len(folder)] == folder for folder in folders)


@pytest.mark.parametrize(
    ("stored", "size", "etag", "same"),
    [
        ((5, "abc"), 5, "abc", True),
        ((5, "abc"), 5, "abd", False),
        ((5, "abc"), 6, "abc", False),
        # the ETag of a multipart upload depends on its parts: it proves nothing
        ((5, "abc-2"), 5, "abd", True),
        ((5, "abc"), 5, "abd-2", True),
        ((5, "abc-2"), 5, "abc-3", True),
        ((5, "abc-2"), 6, "abc-2", False),
        # nor does an unknown one
        ((5, ""), 5, "abc", True),
        ((5, "abc"), 5, "", True),
        ((5, ""), 6, "", False),
    ],
)
def test_the_same_object(stored: tuple[int, str], size: int, etag: str, same: bool) -> None:
    assert StoredObject("key", *stored).holds_the_same_as(size, etag) is same
