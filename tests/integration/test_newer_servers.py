# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores into servers from 2.4 on, before a strict fake of each line: no such server runs here.

The backups are those of milvus-backup: one that it wrote itself, and such as its format says for newer servers. The
modules run whole; rows are compared through pymilvus' own client.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import golden
import pytest
from fake_milvus import profiles
from fake_milvus.imports import LostAnswer
from fake_milvus.profiles import Profile
from fake_places import (
    CHOSEN,
    FakePlace,
    films,
    make_chosen,
    odd_refusals,
    require_one_collection_with_each_row_once,
    rows,
)
from fake_worlds import BACKUPS, FakeSide, put_golden
from module_process import CONSTANTS_VARIABLE, killed_at, run, run_here
from peer_backup import write_peer_backup
from pymilvus import DataType, Function, FunctionType
from shapes import read_rows

from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.rbac import Grant

ARCHIVE = golden.ARCHIVES["v0.5.16"]


@pytest.fixture
def place() -> Iterator[FakePlace]:
    with ExitStack() as stack:
        yield FakePlace.on(stack)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs do not wait a minute for a job that may come late."""
    monkeypatch.setenv(CONSTANTS_VARIABLE, json.dumps({"restore.bulk_staging.LATE_SECONDS": 2.0}))


def peer_backup(side: FakeSide) -> None:
    """By the other tool: all that is on the server, flushed."""
    side.flush()
    write_peer_backup(side.world, BACKUPS, "made")


@pytest.mark.parametrize("profile", profiles.PROFILES, ids=lambda profile: profile.text)
def test_a_preflight_and_a_backup_of_every_line(place: FakePlace, profile: Profile) -> None:
    side = films(place, profile)
    info = run_here("milvus_info", place.options(side))
    assert not info.failed, info.output
    assert profile.text.lstrip("v") in info.result["version"], info.output
    for name, strategy, count in (("schemas", "meta_only", 0), ("made", "flush", 40)):
        made = place.backup(side, name=name, strategy=strategy)
        assert not made.failed, made.output
        assert made.result["backup"]["rows"] == count, made.output
    assert place.backup(side, strategy="flush").result["changed"] is False
    assert odd_refusals(side) == []


def test_a_flush_that_comes_too_early_is_waited_for(place: FakePlace) -> None:
    """The code 8 of servers that flush a collection once in ten seconds, here in two."""
    side = films(place, profiles.V2_5_27)
    side.world.flush_seconds = 2.0
    side.world.find("default", "films").flushed_at = side.world.clock.now()
    made = place.backup(side)
    assert not made.failed, made.output
    assert any("rate limit" in text for text in side.world.refused)


@pytest.mark.parametrize(
    ("older", "newer"),
    [(profiles.V2_4_10, profiles.V2_5_27), (profiles.V2_5_4, profiles.V2_6_2), (profiles.V2_6_2, profiles.V2_6_18)],
    ids=lambda profile: profile.text,
)
def test_from_one_line_to_another_with_every_row(place: FakePlace, older: Profile, newer: Profile) -> None:
    """Storage versions 1 and 2, deletes in segments of their own, partitions, keys by the server, nothing at all."""
    source, target = place.side(older), place.side(newer)
    make_chosen(source)
    made = place.backup(source)
    assert not made.failed, made.output
    restored = place.restore(target)
    assert not restored.failed, restored.output
    for name in CHOSEN:
        assert rows(target, f"{name}_bak") == rows(source, name), name
    assert (odd_refusals(source), odd_refusals(target)) == ([], [])
    again = place.restore(target)
    assert again.result["changed"] is False, again.output


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (profiles.V2_5_4, profiles.V2_5_27),
        (profiles.V2_5_27, profiles.V2_6_18),
        (profiles.V2_6_2, profiles.V2_6_18),
        (profiles.V2_6_18, profiles.V3_0_0),
    ],
    ids=lambda profile: profile.text,
)
def test_kinds_of_fields_that_came_after_2_3(place: FakePlace, older: Profile, newer: Profile) -> None:
    """Nulls, defaults, three kinds of vectors, the output of a function, whose check is on again at the end."""
    source, target = place.side(older), place.side(newer)
    make_newer_kinds(source.client(), "kinds")
    peer_backup(source)
    restored = place.restore(target)
    assert not restored.failed, restored.output
    found = rows(source, "kinds")
    assert {row["title"] for row in found} == {"'untitled'", "'t1'", "'t3'", "'t5'"}
    assert {row["year"] for row in found} == {"None", "0", "3"}
    assert rows(target, "kinds_bak") == found
    both = ((source, "kinds"), (target, "kinds_bak"))
    shown = [side.raw.call("DescribeCollection", collection_name=name).schema for side, name in both]
    for schema in shown:
        schema.name = ""
    assert shown[0] == shown[1]
    assert target.world.find("default", "kinds_bak").properties.get("disable_func_runtime_check") in (None, "false")
    assert odd_refusals(target) == []


def make_newer_kinds(client: Any, name: str) -> None:
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("title", DataType.VARCHAR, max_length=20, default_value="untitled", enable_analyzer=True)
    schema.add_field("year", DataType.INT64, nullable=True)
    for kind in ("FLOAT16_VECTOR", "BFLOAT16_VECTOR"):
        schema.add_field(kind.lower(), DataType[kind], dim=4)
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_field("words", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_function(Function("bm25", FunctionType.BM25, input_field_names=["title"], output_field_names=["words"]))
    index = client.prepare_index_params()
    for field in ("float16_vector", "bfloat16_vector", "sparse", "words"):
        index.add_index(field, index_type="AUTOINDEX", metric_type="BM25" if field == "words" else "IP")
    client.create_collection(name, schema=schema, index_params=index)
    client.insert(
        name,
        [
            {
                "id": number,
                **({"title": f"t{number}"} if number % 2 else {}),
                "year": number if number % 3 == 0 else None,
                "float16_vector": bytes(range(number, number + 8)),
                "bfloat16_vector": bytes(range(number + 8, number + 16)),
                "sparse": {number: 0.5, number + 7: 0.25},
            }
            for number in range(6)
        ],
    )


@pytest.mark.parametrize(
    ("own", "newer"), [(True, profiles.V2_6_18), (False, profiles.V2_6_18), (True, profiles.V3_0_0)], ids=str
)
def test_kinds_of_fields_that_came_with_2_6(place: FakePlace, own: bool, newer: Profile) -> None:
    """Vectors of int8, arrays of structs with an index inside, an index on a path that the server names itself."""
    source, target = place.side(profiles.V2_6_2), place.side(newer)
    make_kinds_of_2_6(source.client(), "kinds")
    assert (own and not place.backup(source).failed) or peer_backup(source) is None
    restored = place.restore(target)
    assert not restored.failed, restored.output
    found = rows(source, "kinds")
    assert "'title': 'c2'" in found[2]["chapters"]
    assert rows(target, "kinds_bak") == found
    shown = [side.world.collections[0].indexes for side in (source, target)]
    assert [sorted(item) for item in shown] == [["chapters[vector]", "details/year", "small"]] * 2
    assert all(shown[1][name].params == index.params for name, index in shown[0].items())
    assert (
        target.world.collections[0].schema.struct_array_fields == source.world.collections[0].schema.struct_array_fields
    )
    assert odd_refusals(target) == []


def make_kinds_of_2_6(client: Any, name: str) -> None:
    part = client.create_struct_field_schema()
    part.add_field("title", DataType.VARCHAR, max_length=9)
    part.add_field("vector", DataType.FLOAT_VECTOR, dim=4)
    schema = client.create_schema(auto_id=False, enable_dynamic_field=True)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("small", DataType.INT8_VECTOR, dim=4)
    schema.add_field("details", DataType.JSON, nullable=True)
    schema.add_field("chapters", DataType.ARRAY, element_type=DataType.STRUCT, struct_schema=part, max_capacity=9)
    index = client.prepare_index_params()
    index.add_index("small", index_type="HNSW", metric_type="L2", M=8, efConstruction=64)
    index.add_index("chapters[vector]", index_type="HNSW", metric_type="MAX_SIM_IP")
    index.add_index("details", index_type="INVERTED", json_path="/year", json_cast_type="double")
    client.create_collection(name, schema=schema, index_params=index)
    client.insert(
        name,
        [
            {
                "id": number,
                "small": bytes(range(number, number + 4)),
                "details": {"year": number} if number % 2 else None,
                "chapters": [{"title": f"c{place}", "vector": [number, place, 0.5, 1]} for place in range(number + 1)],
                "more": number,
            }
            for number in range(6)
        ],
    )


@pytest.mark.parametrize(
    ("own", "newer"), [(True, profiles.V2_6_18), (False, profiles.V2_6_18), (True, profiles.V3_0_0)], ids=str
)
def test_a_field_that_was_added_to_a_collection_with_a_hidden_one(place: FakePlace, own: bool, newer: Profile) -> None:
    """The hidden field is numbered between the others, and imports go by numbers alone."""
    source, target = place.side(profiles.V2_6_2), place.side(newer)
    source.create("films", enable_dynamic_field=True)
    source.fill("films", range(3))
    client = source.client()
    client.add_collection_field("films", "year", DataType.INT64, nullable=True, default_value=1999)
    client.insert("films", [{"id": key, "vector": [0.5, 1.0], "year": key, "more": key} for key in range(3, 6)])
    source.load("films")
    assert (own and not place.backup(source).failed) or peer_backup(source) is None
    restored = place.restore(target)
    assert not restored.failed, restored.output
    found = rows(source, "films")
    assert {row["year"] for row in found} == {"1999", "3", "4", "5"}
    assert rows(target, "films_bak") == found
    assert odd_refusals(target) == []


@pytest.mark.parametrize(
    "profile",
    [profiles.V2_4_0, profiles.V2_5_27, profiles.V2_6_18, profiles.V3_0_0],
    ids=lambda profile: profile.text,
)
def test_a_backup_of_milvus_backup_goes_to_a_newer_server(place: FakePlace, profile: Profile) -> None:
    """Really written by that tool on a real 2.3.5; every row as that server held it, in two databases."""
    put_golden(place.s3, ARCHIVE)
    target = place.side(profile)
    restored = place.restore(target, name=golden.BACKUP, suffix="")
    assert not restored.failed, restored.output
    found = {f"{own}.{name}": read_rows(target.client(own), name) for own, name in golden.COLLECTIONS}
    assert found == golden.rows(ARCHIVE)
    assert odd_refusals(target) == []


def test_what_a_version_would_lose_or_not_take_is_refused_before_anything_is_written(place: FakePlace) -> None:
    source = films(place, profiles.V2_5_4)
    source.client().delete("films", filter="id in [1, 2]")
    peer_backup(source)
    for profile, words in ((profiles.V2_5_14, "2.5.15"), (profiles.V2_4_24, "older")):
        target = place.side(profile)
        refused = place.restore(target)
        assert (refused.kind, words in refused.result["msg"]) == ("version", True), refused.output
        assert target.world.collections == []
        assert odd_refusals(target) == []


def test_a_backup_without_data_of_a_field_that_the_server_would_fill(place: FakePlace) -> None:
    """Here of the hidden one: it would come back empty, with every row counted."""
    source, target = place.side(profiles.V2_5_27), place.side(profiles.V2_6_18)
    source.create("films", enable_dynamic_field=True)
    source.fill("films", range(3))
    source.world.find("default", "films").segments[0].logs.pop(102)
    peer_backup(source)
    refused = place.restore(target)
    assert (refused.kind, "[102]" in refused.result["msg"]) == ("corrupt", True), refused.output
    assert target.world.collections == []


@pytest.mark.parametrize(
    ("profile", "after_asks"),
    [(profiles.V2_5_27, 0), (profiles.V2_6_18, 2), (profiles.V2_6_18, None)],
    ids=["at once", "late", "never"],
)
def test_nobody_answers_the_request_of_a_job(
    place: FakePlace, impatient: None, profile: Profile, after_asks: int | None
) -> None:
    """Whether it arrived is not known then. However often the run is repeated: each row once, or nothing."""
    source, target = films(place, profile), place.side(profile)
    peer_backup(source)
    target.fake.imports.lost = LostAnswer(after_asks)
    done = run("milvus_restore", place.for_restore(target))
    if done.failed:
        assert target.world.named("default", "films_bak") is None
        done = run("milvus_restore", place.for_restore(target))
    assert not done.failed, done.output
    require_one_collection_with_each_row_once(target, source)


@pytest.mark.parametrize(
    "point",
    [
        *("before:jobs/import/create:1", "after:jobs/import/create:1", "after:AlterCollection:1"),
        *("after:AlterCollection:2", "before:RenameCollection:1", "after:RenameCollection:1"),
    ],
)
def test_a_restore_that_was_killed_is_finished_by_the_next(place: FakePlace, impatient: None, point: str) -> None:
    """Around each thing that it writes: the intent, the job, its number, the name."""
    source, target = films(place, profiles.V2_6_18), place.side(profiles.V2_6_18)
    peer_backup(source)
    assert killed_at("milvus_restore", place.for_restore(target), point), "it did not come to that"
    done = run("milvus_restore", place.for_restore(target))
    assert not done.failed, done.output
    require_one_collection_with_each_row_once(target, source)
    assert odd_refusals(target) == []


@pytest.mark.parametrize(
    "point", ["after:copy staged log:1", "after:jobs/import/create:1", "before:delete staged log:1"]
)
def test_a_restore_that_was_killed_while_deletes_were_folded(place: FakePlace, impatient: None, point: str) -> None:
    """3.0 does not import deletes of level zero: they are copied to the segments, and the copies are removed."""
    source, target = films(place, profiles.V2_6_18), place.side(profiles.V3_0_0)
    source.client().delete("films", filter="id in [1, 2]")
    peer_backup(source)
    assert killed_at("milvus_restore", place.for_restore(target), point), "it did not come to that"
    done = run("milvus_restore", place.for_restore(target))
    assert not done.failed, done.output
    assert [item.name for item in target.world.collections] == ["films_bak"]
    assert rows(target, "films_bak") == rows(source, "films")
    assert len(rows(source, "films")) == 38
    assert not any(key.startswith("vectorops_staging/") for key in place.s3.objects)


@pytest.mark.parametrize(
    "profile",
    [profiles.V2_4_24, profiles.V2_5_27, profiles.V2_6_2, profiles.V2_6_18, profiles.V3_0_0],
    ids=lambda profile: profile.text,
)
def test_grants_of_a_replaced_collection(place: FakePlace, profile: Profile) -> None:
    """They are bound to its name up to 2.6.11, and go away with the old one from 2.6.12 on."""
    source, target = films(place, profile), films(place, profile, 5)
    grant = Grant("reader", "Collection", "films", "Query", "default")
    target.world.rights.roles.add("reader")
    target.world.rights.grants.add(grant)
    peer_backup(source)
    done = place.restore(target, suffix="", if_exists="replace", user="root", password="Milvus")
    assert not done.failed, done.output
    assert len(rows(target, "films")) == 40
    assert target.world.rights.grants == {grant}
