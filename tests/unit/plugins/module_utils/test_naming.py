# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of staging and replaced collections: findable, unique, never too long, never a user's by mistake."""

from __future__ import annotations

import random
import string

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.naming import (
    BACKUP_PROPERTY,
    MAX_NAME_LENGTH,
    RETIRED_BY_PROPERTY,
    RETIRED_PROPERTY,
    TARGET_PROPERTY,
    is_in_passing,
    is_own_property,
    is_retired,
    is_staging,
    retired_name,
    staging_name,
)

BACKUP_ID = "0b8f6a9e-6a1c-4a7f-9d55-0c8f6b1f2a10"
LONGEST_WHOLE = MAX_NAME_LENGTH - len(staging_name("", BACKUP_ID))


def markers(target: str, backup_id: str = BACKUP_ID) -> dict[str, str]:
    return {TARGET_PROPERTY: target, BACKUP_PROPERTY: backup_id}


def test_the_name_is_the_one_that_earlier_releases_gave() -> None:
    assert staging_name("docs", BACKUP_ID) == "docs__restoring_996f14c8"


@pytest.mark.parametrize("length", [1, LONGEST_WHOLE - 1, LONGEST_WHOLE, LONGEST_WHOLE + 1, 254, 255])
def test_the_name_fits_the_server(length: int) -> None:
    name = staging_name("c" * length, BACKUP_ID)
    assert len(name) <= MAX_NAME_LENGTH
    assert name.startswith("c" * min(length, 200))
    assert name == staging_name("c" * length, BACKUP_ID)


def test_names_are_unique_for_long_targets_that_differ_at_the_end() -> None:
    generator = random.Random(1)
    targets = {
        "c" * generator.randrange(180, 240) + "".join(generator.choices(string.ascii_lowercase, k=15))
        for _unused in range(500)
    }
    names = {staging_name(target, BACKUP_ID) for target in targets}
    assert len(names) == len(targets)
    assert names.isdisjoint(targets)
    assert max(map(len, names)) <= MAX_NAME_LENGTH


def test_two_backups_have_two_staging_collections() -> None:
    assert staging_name("docs", "a") != staging_name("docs", "b")


@pytest.mark.parametrize("target", ["docs", "c" * 255])
def test_a_staging_collection_is_known_by_its_markers(target: str) -> None:
    name = staging_name(target, BACKUP_ID)
    assert is_staging(name, markers(target))
    assert not is_staging(name, {})
    assert not is_staging(name, {TARGET_PROPERTY: target})
    assert not is_staging(name, {BACKUP_PROPERTY: BACKUP_ID})
    assert not is_staging(name, markers("other"))
    assert not is_staging(name, markers(target, "other"))
    assert not is_staging(target, markers(target)), "a published collection keeps its markers"


@pytest.mark.parametrize(
    ("key", "own"),
    [("vectorops.backup", True), ("vectorops.x", True), ("vectorops", False), ("x.vectorops.", False), ("", False)],
)
def test_own_properties(key: str, own: bool) -> None:
    assert is_own_property(key) is own


@pytest.mark.parametrize("target", ["docs", "c" * 255])
def test_a_replaced_collection_is_known_by_its_markers(target: str) -> None:
    name, by_both = retired_name(target), {RETIRED_PROPERTY: target, RETIRED_BY_PROPERTY: BACKUP_ID}
    assert len(name) <= MAX_NAME_LENGTH
    assert name not in (target, staging_name(target, BACKUP_ID))
    assert is_retired(name, by_both)
    assert is_retired(name, {**markers(target), **by_both}), "one that a restore had made"
    assert not is_retired(name, {})
    assert not is_retired(name, markers(target))
    assert not is_retired(name, {RETIRED_PROPERTY: target})
    assert not is_retired(name, {RETIRED_BY_PROPERTY: BACKUP_ID})
    assert not is_retired(name, {**by_both, RETIRED_PROPERTY: "other"})
    assert not is_retired(target, by_both), "a collection that got its name back"


def test_staging_and_replaced_collections_are_no_data_for_a_backup() -> None:
    retired = {RETIRED_PROPERTY: "docs", RETIRED_BY_PROPERTY: BACKUP_ID}
    assert is_in_passing(staging_name("docs", BACKUP_ID), markers("docs"))
    assert is_in_passing(retired_name("docs"), retired)
    assert not is_in_passing("docs", {**markers("docs"), **retired})
    assert not is_in_passing(staging_name("docs", BACKUP_ID), {}), "a user's own"
