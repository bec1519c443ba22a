# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a restore that was killed when all was done but giving it back."""

from __future__ import annotations

import json

import pytest
from fake_milvus import profiles
from fake_places import FakePlace
from fake_s3 import Stored

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.lock import BackupLock

LOCKS = "backup/made/control/restores/"


def test_a_restore_with_nothing_to_do_removes_a_dead_lock_and_no_other(
    place: FakePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = place.side(profiles.V2_4_24)
    source.create("docs")
    source.fill("docs", range(30))
    assert not place.backup(source).failed
    with monkeypatch.context() as killed:
        killed.setattr(BackupLock, "_give_back", lambda _: None)
        assert not place.restore(source).failed
    (key,) = [key for key in place.s3.objects if key.startswith(LOCKS)]
    holder = json.loads(place.s3.objects[key].body)
    for changes, stays in (({"host": "another"}, True), ({"process_start": "1"}, False)):
        place.s3.objects[key] = Stored(json.dumps({**holder, **changes}).encode(), "etag")
        again = place.restore(source)
        assert not again.failed, again.output
        assert not again.result["changed"]
        assert (key in place.s3.objects) is stays
