# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version a text names, and what follows from it."""

from __future__ import annotations

import random

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.features import (
    ServerVersion,
    is_supported,
    parse_version,
    require_same_or_newer,
    require_supported,
)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.3.5", (2, 3, 5)),
        ("v2.3.5", (2, 3, 5)),
        ("v2.5.4-dev", (2, 5, 4)),
        ("2.4.0-rc.1", (2, 4, 0)),
        ("v2.6.11-gpu", (2, 6, 11)),
        ("milvus-2.6-20260101", (2, 6, 9999)),
        ("2.5-20250101-abcdef1", (2, 5, 9999)),
        ("v2.10.0", (2, 10, 0)),
        ("v3.0.0", (3, 0, 0)),
        ("", (99, 0, 0)),
        ("master-20240101-abc", (99, 0, 0)),
        ("unknown", (99, 0, 0)),
        ("v2", (99, 0, 0)),
    ],
)
def test_parse_version(text: str, version: tuple[int, int, int]) -> None:
    assert parse_version(text) == ServerVersion(*version)


def test_versions_are_in_order() -> None:
    texts = ["2.2.16", "2.3.5", "2.3.22", "2.4.0", "2.5.14", "2.5-20250101", "2.6.0", "2.10.0", "3.0.0", "master"]
    assert sorted(texts, key=parse_version) == texts
    assert str(parse_version("v2.5.14-dev")) == "2.5.14"


def test_a_version_is_found_inside_any_text() -> None:
    generator = random.Random(4)
    for _unused in range(2000):
        before, after = ("".join(generator.choices("v-abré\n ", k=generator.randrange(5))) for _unused in range(2))
        version = ServerVersion(*(generator.randrange(100) for _unused in range(3)))
        assert parse_version(f"{before}{version}{after}") == version


@pytest.mark.parametrize(
    ("text", "supported"),
    [
        ("v2.3.0", True),
        ("2.3.5", True),
        ("2.3-20231201", True),
        ("master-x", True),  # no version to judge by: let through
        ("2.2.16", False),
        ("2.4.0", False),
        ("2.30.0", False),
        ("12.3.0", False),
        ("3.0.0", False),
    ],
)
def test_only_the_proven_line_is_supported(text: str, supported: bool) -> None:
    assert is_supported(text) is supported
    if supported:
        require_supported(text, "milvus-a:19530", "restoring")
        return
    with pytest.raises(MilvusOpsError) as caught:
        require_supported(text, "milvus-a:19530", "restoring")
    failure = caught.value.failure
    assert (failure.kind, failure.where, failure.operation) == ("version", "milvus-a:19530", "restoring")
    assert text in failure.cause
    assert "2.3" in failure.cause


@pytest.mark.parametrize(
    ("backup", "server", "allowed"),
    [
        ("2.3.5", "2.3.5", True),
        ("2.3.22", "2.3.1", True),  # the patch does not matter
        ("2.3.5", "2.4.0", True),
        ("2.3.5", "3.0.0", True),
        ("2.6.11", "2.10.0", True),
        ("2.4.0", "2.3.22", False),
        ("3.0.0", "2.6.0", False),
        ("2.10.0", "2.6.0", False),
        ("master", "2.3.5", True),
        ("2.6.0", "", True),
    ],
)
def test_a_backup_never_goes_to_an_older_line(backup: str, server: str, allowed: bool) -> None:
    if allowed:
        require_same_or_newer(backup, server, "place")
        return
    with pytest.raises(MilvusOpsError) as caught:
        require_same_or_newer(backup, server, "place")
    assert caught.value.kind == "version"
    assert backup in caught.value.failure.cause
    assert server in caught.value.failure.cause
