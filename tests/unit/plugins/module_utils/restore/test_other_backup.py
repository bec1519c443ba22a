# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup that is removed, and made anew under its name, between its verification and the lock of the restore."""

from __future__ import annotations

import pytest
from fake_milvus import profiles
from fake_places import FakePlace

from ansible_collections.vectorops.milvus.plugins.module_utils.restore.run import Restore, verify_before
from ansible_collections.vectorops.milvus.plugins.modules import milvus_restore


def test_a_backup_that_nobody_has_verified_is_not_imported(place: FakePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its segments may be those of the first one with more deletes, and their new rows in segments of their own."""
    source = place.side(profiles.V2_4_24)
    source.create("docs")
    source.fill("docs", range(30))
    assert not place.backup(source).failed

    def verify_while_another_is_made(restore: Restore) -> None:
        verify_before(restore)
        assert not place.backup(source, state="absent").failed
        source.fill("docs", range(30, 40))
        assert not place.backup(source).failed

    monkeypatch.setattr(milvus_restore, "verify_before", verify_while_another_is_made)
    restored = place.restore(source)
    assert restored.kind == "source_changed", restored.output
    assert [collection.name for collection in source.world.collections] == ["docs"]
    assert [key for key in place.s3.objects if "control/restores/" in key or "control/lock.json" in key] == []
    monkeypatch.undo()
    assert place.restore(source).result["collections"][0]["rows"] == 40
