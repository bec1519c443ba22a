# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a removal makes of objects that come while it works, as those of a killed run's copies do, and of failures."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.remove import Removal, ensure_absent
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.progress import Progress
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore

FOLDER = "backup/nightly/"


@pytest.fixture
def place(store: ObjectStore) -> Place:
    for key in ("control/plan.json", "control/manifest.json", "meta/full_meta.json", "binlogs/insert_log/1/2/3/4/5"):
        store.write(FOLDER + key, b"{}")
    return Place(store, BackupLayout("backup", "nightly"))


def remove(place: Place) -> Removal:
    return ensure_absent(place, "run", lock_timeout=0, force_foreign=False, check_mode=False, progress=Progress())


def keys(place: Place) -> list[str]:
    return [item.key.removeprefix(FOLDER) for item in place.store.list_objects(FOLDER)]


def test_what_appears_meanwhile_is_removed_by_the_next_run(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is still known then whose it is."""
    delete, late = place.store.delete, [f"{FOLDER}binlogs/insert_log/1/2/3/4/6"]

    def delete_and_let_a_copy_land(doomed: Iterable[str]) -> int:
        number = delete(doomed)
        if late and "control/manifest.json" not in keys(place):
            place.store.write(late.pop(), b"x")
        return number

    monkeypatch.setattr(place.store, "delete", delete_and_let_a_copy_land)
    with pytest.raises(MilvusOpsError) as caught:
        remove(place)
    assert caught.value.kind == "incomplete"
    assert "insert_log/1/2/3/4/6" in caught.value.failure.cause
    assert keys(place) == ["binlogs/insert_log/1/2/3/4/6", "control/plan.json"]
    assert remove(place).objects == 2
    assert keys(place) == []


def test_a_removal_that_breaks_off_does_not_say_that_nothing_was_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete, asked = place.store.delete, []

    def delete_once(doomed: Iterable[str]) -> int:
        asked.append(list(doomed))
        if len(asked) == 2:
            raise MilvusOpsError("unreachable", "deleting", "here", "the line broke")
        return delete(asked[-1])

    monkeypatch.setattr(place.store, "delete", delete_once)
    with pytest.raises(MilvusOpsError) as caught:
        remove(place)
    assert "the removal has begun" in caught.value.failure.state_left
    assert "meta/full_meta.json" not in keys(place)
    assert remove(place).objects == 3
    assert keys(place) == []
