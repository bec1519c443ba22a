# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traps of collections, line by line: renames, grants, aliases, properties, flushes, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_worlds import FakeSide, fake_side
from pymilvus.grpc_gen import milvus_pb2, schema_pb2
from raw_milvus import small_schema

from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.rbac import Grant

Build = Callable[..., FakeSide]


@pytest.fixture
def made() -> Iterator[Build]:
    """A server of a line with the collection C(films)."""
    with ExitStack() as stack:

        def build(profile: Profile, **settings: Any) -> FakeSide:
            side = stack.enter_context(fake_side(profile, **settings))
            side.create("films")
            return side

        yield build


def rename(side: FakeSide, old: str, new: str, **fields: str) -> Any:
    named = {"db_name": "default", "newDBName": "default", **fields}
    return side.raw.status("RenameCollection", oldName=old, newName=new, **named)


def properties_of(side: FakeSide) -> dict[str, str]:
    answer = side.raw.call("DescribeCollection", collection_name="films")
    return {pair.key: pair.value for pair in answer.properties}


def alter(side: FakeSide, *delete: str, **properties: str) -> Any:
    pairs = [{"key": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return side.raw.status("AlterCollection", collection_name="films", properties=pairs, delete_keys=delete)


@pytest.mark.parametrize("profile", profiles.PROFILES, ids=lambda profile: profile.text)
def test_only_one_release_loses_a_renamed_collection_at_its_next_start(made: Build, profile: Profile) -> None:
    side = made(profile)
    assert rename(side, "films", "moved").code == 0
    assert side.raw.call("DescribeCollection", collection_name="moved").status.code == 0
    side.fake.restart()
    kept = side.raw.call("DescribeCollection", collection_name="moved").status.code == 0
    assert kept is (profile is not profiles.V2_5_14)


def test_a_rename_takes_nothing_that_is_there(made: Build) -> None:
    side = made(profiles.V2_5_27)
    side.create("other")
    assert side.raw.status("CreateAlias", collection_name="films", alias="movies").code == 0
    for old, new, words in (
        ("other", "films", "duplicated new collection name"),
        ("other", "movies", "duplicated new collection name"),
        ("movies", "new", "use an alias to rename"),
        ("other", "9new", "Invalid collection name"),
        ("nothing", "new", "can't find collection"),
    ):
        assert words in rename(side, old, new).reason, (old, new)
    side.raw.status("CreateDatabase", db_name="more")
    assert "must drop all aliases" in rename(side, "films", "films", newDBName="more").reason
    assert "leaves the database to chance" in rename(side, "other", "new", newDBName="").reason


@pytest.mark.parametrize(
    ("profile", "follow"), [(profiles.V2_6_2, False), (profiles.V2_6_18, True), (profiles.V3_0_0, True)]
)
def test_grants_follow_the_collection_from_2_6_12_on(made: Build, profile: Profile, follow: bool) -> None:
    """By a rename to its new name, and away with a drop; before, they stay with the name."""
    side = made(profile)
    side.world.rights.grants = {Grant("reader", "Collection", "films", "Query", "default")}
    rename(side, "films", "old")
    names = {grant.object_name for grant in side.world.rights.grants}
    assert names == {"old" if follow else "films"}
    side.raw.status("DropCollection", collection_name="old")
    assert len(side.world.rights.grants) == (0 if follow else 1)


@pytest.mark.parametrize(
    ("profile", "refused"),
    [(profiles.V2_4_10, False), (profiles.V2_4_24, True), (profiles.V2_5_4, False), (profiles.V2_5_27, True)],
    ids=str,
)
def test_a_collection_with_an_alias_is_not_dropped_everywhere(made: Build, profile: Profile, refused: bool) -> None:
    side = made(profile)
    side.raw.status("CreateAlias", collection_name="films", alias="movies")
    status = side.raw.status("DropCollection", collection_name="films")
    assert bool(status.code) is refused
    assert side.raw.call("HasCollection", collection_name="movies").value is refused
    assert ("associated aliases" in status.reason) is refused


def test_properties_can_be_deleted_from_2_4_18_on(made: Build) -> None:
    old, new = made(profiles.V2_4_10), made(profiles.V2_4_24)
    for side in (old, new):
        assert alter(side, mark="1", other="2").code == 0
    assert alter(old, "mark").code == 1100
    assert alter(new, "mark", other="3").code == 1100
    assert alter(new, "mark").code == 0
    assert (properties_of(old), properties_of(new)) == ({"mark": "1", "other": "2"}, {"other": "2"})


@pytest.mark.parametrize(("profile", "refused"), [(profiles.V2_5_27, True), (profiles.V2_6_18, False)])
def test_isolation_must_be_said_again(made: Build, profile: Profile, refused: bool) -> None:
    side = made(profile)
    assert alter(side, partitionkey__isolation="true").code == 0
    assert alter(side, mark="1").code == 0
    side.load("films")
    assert bool(alter(side, mark="2").code) is refused
    assert alter(side, mark="3", partitionkey__isolation="true").code == 0


def test_the_server_adds_properties_and_refuses_its_own(made: Build) -> None:
    assert properties_of(made(profiles.V2_5_27)) == {}
    side = made(profiles.V3_0_0)
    assert properties_of(side).keys() == {"timezone", "max_field_id"}
    assert alter(side, max_field_id="7").code == 1100


def test_one_flush_in_ten_seconds(made: Build) -> None:
    side = made(profiles.V2_5_27, flush_seconds=10.0)
    side.create("other")
    assert side.raw.status("Flush", collection_names=["films"]).code == 0
    early = side.raw.status("Flush", collection_names=["films"])
    assert (early.code, "rate limit exceeded" in early.reason) == (8, True)
    assert side.raw.status("Flush", collection_names=["other"]).code == 0
    side.world.clock.ahead += 10
    assert side.raw.status("Flush", collection_names=["films"]).code == 0


def test_what_was_never_documented_is_refused(made: Build) -> None:
    """A field that the caller has no reason to set, another database in the metadata, a method that nobody needs."""
    side = made(profiles.V2_5_27)
    odd = side.raw.call("ShowPartitions", collection_name="films", partition_names=["x"]).status
    assert (odd.code, "partition_names" in odd.reason) == (1100, True)
    with pytest.raises(Exception, match="UNIMPLEMENTED"):
        side.raw.call("ListResourceGroups")
    named = milvus_pb2.DescribeCollectionRequest(collection_name="films", db_name="default")
    answer = side.raw.stub.DescribeCollection(named, metadata=[("dbname", "other")])
    assert "its metadata for other" in answer.status.reason


@pytest.mark.parametrize(("profile", "described"), [(profiles.V2_4_0, False), (profiles.V2_4_10, True)])
def test_databases_are_described_from_2_4_3_on(made: Build, profile: Profile, described: bool) -> None:
    side = made(profile)
    if described:
        assert side.raw.call("DescribeDatabase", db_name="default").status.code == 0
        return
    with pytest.raises(Exception, match="UNIMPLEMENTED"):
        side.raw.call("DescribeDatabase", db_name="default")


@pytest.mark.parametrize("kind", ["ddl", "collectionDDL"])
def test_a_database_may_forbid_collections(made: Build, kind: str) -> None:
    side = made(profiles.V2_6_18)
    side.world.databases["default"] = {f"database.force.deny.{kind}": "true"}
    schema = small_schema("more").SerializeToString()
    assert side.raw.status("CreateCollection", collection_name="more", schema=schema).code == 9
    assert side.raw.status("DropCollection", collection_name="films").code == 9


SCHEMAS: dict[str, tuple[Callable[[Any], None], dict[str, int], str]] = {
    "two keys": (lambda schema: schema.fields.add(name="x", data_type=5, is_primary_key=True), {}, "primary key"),
    "dynamic": (lambda schema: schema.fields.add(name="$meta", data_type=23, is_dynamic=True), {}, "dynamic field"),
    "shards": (lambda schema: None, {"shards_num": 17}, "shards"),
    "partitions": (lambda schema: None, {"num_partitions": 4}, "partition key"),
    "vectors": (
        lambda schema: [schema.fields.add(name=f"v{n}", data_type=104) for n in range(4)],
        {},
        "maximum vector field",
    ),
    "nullable": (lambda schema: schema.fields.add(name="x", data_type=5, nullable=True), {}, "nullable"),
}


@pytest.mark.parametrize("case", SCHEMAS)
def test_schemas_that_the_line_does_not_take(made: Build, case: str) -> None:
    side, (change, fields, words) = made(profiles.V2_4_24), SCHEMAS[case]
    schema = small_schema("odd")
    change(schema)
    status = side.raw.status("CreateCollection", collection_name="odd", schema=schema.SerializeToString(), **fields)
    assert (status.code, words in status.reason) == (1100, True), status


def test_the_server_numbers_the_fields_itself(made: Build) -> None:
    """Functions refer to them, and the hidden field has the last number."""
    side = made(profiles.V2_6_18)
    schema = small_schema("found", enable_dynamic_field=True)
    text = schema.fields.add(name="text", data_type=21, fieldID=7)
    text.type_params.add(key="max_length", value="20")
    schema.fields.add(name="sparse", data_type=104)
    schema.functions.add(name="bm25", type=1, input_field_names=["text"], output_field_names=["sparse"])
    assert side.raw.status("CreateCollection", collection_name="found", schema=schema.SerializeToString()).code == 0
    shown = side.raw.call("DescribeCollection", collection_name="found").schema
    assert [(item.name, item.fieldID) for item in shown.fields][1:] == [("vector", 101), ("text", 102), ("sparse", 103)]
    assert [list(item.output_field_ids) for item in shown.functions] == [[103]]
    assert shown.fields[3].is_function_output
    assert side.world.find("default", "found").schema.fields[4].fieldID == 104


def add_field(side: FakeSide, **field: Any) -> Any:
    wanted = schema_pb2.FieldSchema(**{"name": "year", "data_type": 5, "nullable": True, **field})
    return side.raw.status("AddCollectionField", collection_name="found", schema=wanted.SerializeToString())


def test_a_field_that_is_added_has_the_next_number_after_all(made: Build) -> None:
    """After the hidden one and after arrays of structs, which come in this order."""
    side = made(profiles.V2_6_18)
    schema = small_schema("found", enable_dynamic_field=True)
    part = schema.struct_array_fields.add(name="chapters").fields.add(name="titles", data_type=22, element_type=21)
    part.type_params.add(key="max_capacity", value="9")
    assert side.raw.status("CreateCollection", collection_name="found", schema=schema.SerializeToString()).code == 0
    assert add_field(side).code == 0
    shown = side.raw.call("DescribeCollection", collection_name="found").schema
    assert [(item.name, item.fieldID) for item in shown.fields][1:] == [("vector", 101), ("year", 105)]
    (chapters,) = shown.struct_array_fields
    assert (chapters.fieldID, [item.fieldID for item in chapters.fields]) == (103, [104])


@pytest.mark.parametrize(
    ("profile", "field", "words"),
    [
        (profiles.V2_6_18, {"nullable": False}, "must be nullable"),
        (profiles.V2_6_18, {"name": "vector"}, "already exists"),
        (profiles.V2_6_18, {"is_partition_key": True}, "partition key"),
        (profiles.V2_6_2, {"data_type": 104}, "vector field"),
        (profiles.V2_6_18, {"data_type": 104}, ""),
    ],
)
def test_fields_that_cannot_be_added(made: Build, profile: Profile, field: dict[str, Any], words: str) -> None:
    side = made(profile)
    side.create("found")
    status = add_field(side, **field)
    assert (status.code == 0, words in status.reason) == (not words, True), status


def test_no_field_is_added_before_2_6(made: Build) -> None:
    side = made(profiles.V2_5_27)
    side.create("found")
    with pytest.raises(Exception, match="UNIMPLEMENTED"):
        add_field(side)
