# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a backup that is not there."""

from __future__ import annotations

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place, require_complete
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore


def cause_of_missing(store: ObjectStore, name: str) -> str:
    with pytest.raises(MilvusOpsError) as caught:
        require_complete(Place(store, BackupLayout("backup", name)))
    assert caught.value.kind == "not_found"
    return caught.value.failure.cause


def test_a_wrong_name_is_answered_with_those_that_are_most_like_it(store: ObjectStore) -> None:
    for number in range(12):
        store.write(f"backup/a_{number:02d}/meta/full_meta.json", b"x")
    store.write("backup/nightly_2026_11_23/meta/full_meta.json", b"x")
    store.write("backup/nightly_2026_11_22/meta/full_meta.json", b"x")
    cause = cause_of_missing(store, "nigthly_2026_11_23")
    assert "backups here: nightly_2026_11_23, nightly_2026_11_22, " in cause
    assert cause.count(",") == 9
    assert cause.endswith(" and 4 more")


def test_an_empty_place_has_none(store: ObjectStore) -> None:
    assert cause_of_missing(store, "nightly").endswith("backups here: none")
