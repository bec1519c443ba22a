# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup of snapshots says of its instance what one of binlogs says: users and rights, and databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fake_places import FakePlace
from fake_worlds import BACKUPS
from newer_client import needs_snapshots
from snapshot_place import SnapshotPlace, hurry

pytestmark = needs_snapshots

LOGIN = {"user": "root", "password": "Milvus"}


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlace]:
    hurry(monkeypatch)
    with ExitStack() as stack:
        yield SnapshotPlace.on(stack)


def header(place: FakePlace) -> dict[str, Any]:
    return dict(json.loads(place.s3.objects[f"{BACKUPS}/made/meta/full_meta.json"].body))


def test_users_rights_and_databases(place: FakePlace) -> None:
    """A database may have the name of a part of the rights."""
    source = place.side()
    assert source.raw.status("CreateDatabase", db_name="users").code == 0
    source.create("docs", db_name="users")
    source.world.databases["users"]["database.max.collections"] = "9"
    source.world.rights.users["alice"] = {"readers"}
    source.world.rights.passwords["alice"] = "$2a$10$canary"
    source.world.rights.roles.add("readers")
    made = place.backup(source, rbac=True, **LOGIN)
    assert not made.failed, made.output
    meta = header(place)
    assert meta["rbac_meta"]["users"] == [
        {"user": "alice", "password": "$2a$10$canary", "roles": [{"name": "readers"}]}
    ]
    properties = [{"key": "database.max.collections", "value": "9"}]
    assert meta["database_backups"] == [{"db_name": "users", "db_id": 2, "properties": properties}]
    assert place.backup(source, rbac=True, **LOGIN).result["changed"] is False
    assert "canary" not in made.output


def test_an_encrypted_database_is_left_out(place: FakePlace) -> None:
    source = place.side()
    for database in ("open", "sealed"):
        assert source.raw.status("CreateDatabase", db_name=database).code == 0
        source.create("docs", db_name=database)
    source.world.databases["sealed"]["cipher.ezID"] = "7"
    made = place.backup(source, on_collection_error="skip")
    assert (made.failed, made.result["backup"]["state"]) == (False, "partial"), made.output
    assert [item["db_name"] for item in header(place)["database_backups"]] == ["open"]
