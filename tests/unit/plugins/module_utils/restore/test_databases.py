# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of databases: in the backup, with a database that the restore creates, and where they refuse a restore."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_places import FakePlace
from fake_worlds import FakeSide

WORTH_KEEPING = {"database.max.collections": "9", "timezone": "Europe/Oslo"}
CHANGES = ("ddl", "collectionDDL", "partitionDDL", "index", "writing")
OTHERS = {"database.force.deny.writing": "true", "database.resource_groups": "big"}
FULL_META = "backup/made/meta/full_meta.json"


def archive(place: FakePlace, profile: Profile, properties: dict[str, str], more: tuple[str, ...] = ()) -> FakeSide:
    """A server with one collection in a database of its own, and in others."""
    side = place.side(profile)
    for database in ("archive", *more):
        assert side.raw.status("CreateDatabase", db_name=database).code == 0
        side.create(f"docs_{database}", db_name=database)
    side.world.databases["archive"] |= properties
    return side


def with_rows(place: FakePlace) -> None:
    """A backup of a collection with two partitions, an index and a row."""
    source = archive(place, profiles.V2_5_27, {})
    of = {"db_name": "archive", "collection_name": "docs_archive"}
    assert source.raw.status("CreatePartition", **of, partition_name="more").code == 0
    params = [{"key": "index_type", "value": "AUTOINDEX"}, {"key": "metric_type", "value": "L2"}]
    assert source.raw.status("CreateIndex", **of, field_name="vector", extra_params=params).code == 0
    source.client("archive").insert("docs_archive", [{"id": 1, "vector": [1.0, 0.5]}])
    assert not place.backup(source).failed


def saved(place: FakePlace) -> list[dict[str, Any]]:
    return list(json.loads(place.s3.objects[FULL_META].body)["database_backups"])


def changes(side: FakeSide) -> set[str]:
    return {name for name in side.world.calls if name.startswith(("Create", "Alter", "Drop", "Rename"))}


def test_they_are_in_the_backup_and_come_with_a_new_database(place: FakePlace) -> None:
    """Without what would refuse the restore itself, and what belongs to the other instance: both are told."""
    source = archive(place, profiles.V2_5_27, WORTH_KEEPING | OTHERS)
    made = place.backup(source, strategy="meta_only")
    assert not made.failed, made.output
    (database,) = saved(place)
    assert (database["db_name"], database["db_id"]) == ("archive", 2)
    assert {item["key"]: item["value"] for item in database["properties"]} == WORTH_KEEPING | OTHERS
    target = place.side(profiles.V2_6_18)
    done = place.restore(target, meta_only=True)
    assert not done.failed, done.output
    assert target.world.databases["archive"] == WORTH_KEEPING
    assert "database archive with database.max.collections=9, timezone=Europe/Oslo created" in done.result["plan"]
    for name, value in OTHERS.items():
        assert f"not restored: {name}={value} of database archive" in done.output


def test_a_database_that_exists_is_left_as_it_is(place: FakePlace) -> None:
    assert not place.backup(archive(place, profiles.V2_5_27, WORTH_KEEPING), strategy="meta_only").failed
    target = place.side(profiles.V2_6_18)
    assert target.raw.status("CreateDatabase", db_name="archive").code == 0
    done = place.restore(target, meta_only=True)
    assert not done.failed, done.output
    assert target.world.databases["archive"] == {}


@pytest.mark.parametrize("same", [True, False])
def test_one_database_out_of_two(place: FakePlace, same: bool) -> None:
    source = archive(place, profiles.V2_5_27, WORTH_KEEPING, more=("attic",))
    if same:
        source.world.databases["attic"] |= WORTH_KEEPING
    assert not place.backup(source, strategy="meta_only").failed
    target = place.side(profiles.V2_6_18)
    done = place.restore(target, meta_only=True, suffix="", rename={"archive.*": "cellar.*", "attic.*": "cellar.*"})
    assert not done.failed, done.output
    assert target.world.databases["cellar"] == (WORTH_KEEPING if same else {})
    assert ("archive, attic, which have different ones" in done.output) is not same


@pytest.mark.parametrize("denial", CHANGES)
def test_a_database_that_refuses_changes_is_named_before_anything_is_written(place: FakePlace, denial: str) -> None:
    assert not place.backup(archive(place, profiles.V2_5_27, {}), strategy="meta_only").failed
    target = place.side(profiles.V2_6_18)
    target.world.databases["archive"] = {f"database.force.deny.{denial}": "True"}
    refused = place.restore(target, meta_only=True)
    failure = refused.result["failure"]
    assert (refused.kind, failure["where"]) == ("quota", "database archive"), refused.output
    assert f"database.force.deny.{denial}" in failure["cause"]
    assert "database.force.deny.*" in failure["next_step"]
    assert changes(target) == set()


@pytest.mark.parametrize("look", [True, False], ids=["seen", "not seen"])
def test_a_database_that_refuses_to_be_read_can_be_filled_without_a_count(place: FakePlace, look: bool) -> None:
    with_rows(place)
    target = place.side(profiles.V2_6_18)
    target.world.databases["archive"] = {"database.force.deny.reading": "true"}
    target.world.rights.denied = frozenset(() if look else {"DescribeDatabase"})
    refused = place.restore(target)
    assert (refused.kind, bool(changes(target))) == ("quota", not look), refused.output
    assert not place.restore(target, verify_rows="import").failed


@pytest.mark.parametrize("denial", CHANGES)
def test_who_may_not_look_hears_it_from_the_server(place: FakePlace, denial: str) -> None:
    """The same words, a step later: C(writing) at the import, where there are rows."""
    with_rows(place)
    target = place.side(profiles.V2_6_18)
    target.world.databases["archive"] = {f"database.force.deny.{denial}": "true"}
    target.world.rights.denied = frozenset({"DescribeDatabase"})
    refused = place.restore(target)
    assert (refused.kind, "database.force.deny.*" in refused.result["failure"]["next_step"]) == ("quota", True), denial


def test_encrypted_databases(place: FakePlace) -> None:
    """Their keys are in no backup of this collection, and the server needs the key to read one of another tool."""
    source = archive(place, profiles.V2_6_18, {"cipher.ezID": "7", "cipher.key": "canary"}, more=("attic",))
    made = place.backup(source, strategy="meta_only", on_collection_error="skip")
    assert not made.failed, made.output
    assert (made.result["backup"]["state"], [item["db_name"] for item in saved(place)]) == ("partial", ["attic"])
    assert not any(b"canary" in item.body for item in place.s3.objects.values())
    del source.world.databases["archive"]["cipher.ezID"], source.world.databases["archive"]["cipher.key"]
    assert not place.backup(source, strategy="meta_only", on_collection_error="skip").failed
    foreign = json.loads(place.s3.objects[FULL_META].body)
    foreign["database_backups"][0]["properties"] = [{"key": "cipher.ezID", "value": "7"}]
    place.s3.objects = {FULL_META: place.s3.objects[FULL_META]}
    place.s3.put(FULL_META, json.dumps(foreign).encode())
    target = place.side(profiles.V2_6_18)
    refused = place.restore(target, meta_only=True)
    assert (refused.kind, "encrypted" in refused.result["msg"], changes(target)) == ("version", True, set())


@pytest.mark.parametrize("profile", [profiles.V2_4_0, profiles.V2_4_10], ids=lambda profile: profile.text)
def test_a_server_is_asked_only_what_it_knows(place: FakePlace, profile: Profile) -> None:
    source = archive(place, profile, {})
    assert not place.backup(source, strategy="meta_only").failed
    knows = profile.describes_databases
    assert saved(place) == [{"db_name": "archive", "db_id": 2}]
    assert ("DescribeDatabase" in source.world.calls) is knows
    foreign = json.loads(place.s3.objects[FULL_META].body)
    foreign["database_backups"][0]["properties"] = [{"key": key, "value": text} for key, text in WORTH_KEEPING.items()]
    place.s3.objects = {}
    place.s3.put(FULL_META, json.dumps(foreign).encode())
    target = place.side(profile)
    done = place.restore(target, meta_only=True)
    assert not done.failed, done.output
    assert target.world.databases["archive"] == (WORTH_KEEPING if knows else {})
    assert ("DescribeDatabase" in target.world.calls) is False, "there was none to look at"
