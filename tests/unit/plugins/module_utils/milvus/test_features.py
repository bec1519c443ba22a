# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version a text names, and what follows from it."""

from __future__ import annotations

import random

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import features
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.features import (
    Feature,
    ServerVersion,
    defects,
    has,
    import_end_ts,
    is_supported,
    limits_of,
    parse_version,
    require_known_rights,
    require_same_or_newer,
    require_supported,
    unproven,
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
        ("2.4.13-hotfix", (2, 4, 13)),
        ("2.6.1.3", (2, 6, 1)),
        ("v2.5.0-beta", (2, 5, 0)),
        ("milvus-v2.6.11-gpu-20260303-0a1b2c3d4e", (2, 6, 11)),
        ("2.6", (2, 6, 9999)),
        ("master-2024.01.01", (99, 0, 0)),  # a date
        ("pr-31415-20260101", (99, 0, 0)),
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
        ("2.4.0", True),
        ("v2.6.18", True),
        ("3.0.0", True),
        ("2.7.0", False),
        ("2.30.0", False),
        ("12.3.0", False),
        ("3.1.0", False),
    ],
)
def test_lines_that_this_release_knows(text: str, supported: bool) -> None:
    assert is_supported(text) is supported
    if supported:
        require_supported(text, "milvus-a:19530", "restoring")
        return
    with pytest.raises(MilvusOpsError) as caught:
        require_supported(text, "milvus-a:19530", "restoring")
    failure = caught.value.failure
    assert (failure.kind, failure.where, failure.operation) == ("version", "milvus-a:19530", "restoring")
    assert text in failure.cause
    assert "2.3, 2.4" in failure.cause


@pytest.mark.parametrize(
    ("version", "known"),
    [("2.3.5", True), ("unknown", True), ("2.4.0", False), ("2.4.9", False), ("2.4.10", True), ("3.0.0", True)],
)
def test_roles_and_grants_are_carried_where_all_of_them_can_be_read(version: str, known: bool) -> None:
    if known:
        require_known_rights(version, "milvus-a:19530", "restoring")
        return
    with pytest.raises(MilvusOpsError) as caught:
        require_known_rights(version, "milvus-a:19530", "restoring")
    assert caught.value.kind == "version"


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


@pytest.mark.parametrize(
    ("feature", "first", "last_before"),
    [
        (features.REST_IMPORT, "2.4.0", "2.3.22"),
        (features.L0_IMPORT, "2.4.5", "2.4.4"),
        (features.DESCRIBE_DATABASE, "2.4.3", "2.4.2"),
        (features.SKIP_DISK_QUOTA, "2.4.7", "2.4.6"),
        (features.RBAC_BACKUP, "2.4.10", "2.4.9"),
        (features.SEGMENT_DESCRIBE, "2.5.8", "2.5.7"),
        (features.RENAME_LOSES_COLLECTION, "2.5.14", "2.5.13"),
        (features.STORAGE_V2, "2.6.0", "2.5.27"),
        (features.SEVERAL_L0_IN_A_JOB, "2.6.5", "2.6.4"),
        (features.FUNCTION_CHECK, "2.6.8", "2.6.7"),
        (features.FLUSH_ALL, "2.6.11", "2.6.10"),
        (features.GRANTS_FOLLOW_RENAME, "2.6.12", "2.6.11"),
        (features.SNAPSHOT, "3.0.0", "2.6.18"),
    ],
)
def test_a_feature_begins_with_its_release(feature: Feature, first: str, last_before: str) -> None:
    assert has(first, feature)
    assert has(f"v{first}-dev", feature)  # what a release has, its last pre-releases have too
    assert not has(last_before, feature)


@pytest.mark.parametrize(
    ("feature", "last", "first_after"),
    [
        (features.RENAME_LOSES_COLLECTION, "2.5.14", "2.5.15"),
        (features.L0_IMPORT, "2.6.18", "3.0.0"),
        (features.L0_COMPACTION_BREAKS_IMPORT, "2.6.11", "2.6.12"),
    ],
)
def test_a_defect_ends_with_the_release_that_mends_it(feature: Feature, last: str, first_after: str) -> None:
    assert has(last, feature)
    assert not has(first_after, feature)


def test_a_server_without_a_version_counts_as_one_of_the_newest() -> None:
    assert has("master-20260101-abcdef", features.REST_IMPORT)
    assert not has("", features.RENAME_LOSES_COLLECTION)
    assert has("2.5-20260101", features.SEGMENT_DESCRIBE)
    assert not has("2.5-20260101", features.STORAGE_V2)


@pytest.mark.parametrize(
    ("version", "in_milliseconds"),
    [
        ("2.3.5", True),
        ("2.4.23", True),
        ("2.4.24", False),
        ("2.5.0", True),
        ("2.5.5", True),
        ("2.5.6", False),
        ("2.6.0", False),
        ("3.0.0", False),
    ],
)
def test_the_unit_of_end_ts_changed_twice(version: str, in_milliseconds: bool) -> None:
    """Hybrid timestamps sent to a server that counts in milliseconds turn its filter off."""
    moment = 1_700_000_000_000
    assert import_end_ts(version, moment << 18 | 7) == (moment + 1 if in_milliseconds else moment << 18 | 7)


@pytest.mark.parametrize(
    ("version", "partitions", "vector_fields"), [("2.3.5", 4096, 1), ("2.4.0", 1024, 4), ("2.6.0", 1024, 10)]
)
def test_limits(version: str, partitions: int, vector_fields: int) -> None:
    assert (limits_of(version).partitions, limits_of(version).vector_fields) == (partitions, vector_fields)


def test_only_lines_without_a_real_server_in_the_tests_are_warned_of() -> None:
    assert [bool(unproven(text)) for text in ("v2.3.5", "2.3.22", "no version", "v2.4.0", "2.6.18", "v3.0.0")] == [
        False,
        False,
        False,
        True,
        True,
        True,
    ]
    assert "Milvus 2.5 " in unproven("v2.5.4-dev")[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [("v2.4.12", False), ("v2.4.13", True), ("v2.4.13-hotfix", False), ("2.4.14", False), ("no version", False)],
)
def test_a_release_that_may_lose_its_collections_is_warned_of(text: str, told: bool) -> None:
    found = defects(text)
    assert len(found) == told
    assert all("2.4.14" in words for words in found)
