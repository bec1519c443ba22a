# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an import makes of the files that it is given: rows, deletes, bounds in time, and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from fake_milvus import profiles
from fake_milvus.cells import TIMESTAMP
from fake_milvus.model import LOGICAL_BITS
from fake_milvus.profiles import Profile
from fake_worlds import FakeSide, fake_side
from raw_milvus import small_schema

BACKUP = {"backup": "true"}
Build = Callable[[Profile], FakeSide]


@pytest.fixture
def made() -> Iterator[Build]:
    """A server of a line with two segments of 20 rows, and C(again), which is empty; both with a dynamic field."""
    with ExitStack() as stack:

        def build(profile: Profile) -> FakeSide:
            side = stack.enter_context(fake_side(profile))
            for name in ("films", "again"):
                schema = small_schema(name, enable_dynamic_field=True).SerializeToString()
                assert side.raw.status("CreateCollection", collection_name=name, schema=schema).code == 0
            for start in (0, 20):
                side.world.clock.ahead += 60
                side.fill("films", range(start, start + 20))
            return side

        yield build


def keys_of(side: FakeSide, name: str = "again") -> list[int]:
    return sorted(row[100] for row in side.world.find("default", name).visible())


def remove(side: FakeSide, *parts: str) -> int:
    """The objects of the first collection whose keys have these parts."""
    gone = [key for key in side.s3.objects if all(part in key for part in parts)]
    for key in gone:
        del side.s3.objects[key]
    return len(gone)


def moment_between(side: FakeSide) -> int:
    """After the first segment, before the second."""
    return min(row[TIMESTAMP] for row in side.world.find("default", "films").visible() if row[100] == 20) - 1


def test_the_bound_in_time_has_two_units(made: Build) -> None:
    """Milliseconds for old servers, where a hybrid timestamp bounds nothing; newer ones take only the hybrid one."""
    old, new = made(profiles.V2_5_4), made(profiles.V2_6_18)
    for side, end_ts, keys in (
        (old, moment_between(old) >> LOGICAL_BITS, 20),
        (old, moment_between(old), 40),
        (new, moment_between(new), 20),
    ):
        version = {"storage_version": "2"} if side is new else {}
        ended = side.imported("again", [side.directory("films")], **BACKUP, **version, end_ts=str(end_ts))
        assert (ended["state"], ended["totalRows"]) == ("Completed", keys), end_ts
        side.world.find("default", "again").segments.clear()
    milliseconds = str(moment_between(new) >> LOGICAL_BITS)
    assert "end_ts" in new.submit("again", [new.directory("films")], **BACKUP, end_ts=milliseconds).message


def test_rows_keep_their_moments_and_their_numbers(made: Build) -> None:
    side = made(profiles.V2_5_27)
    side.imported("again", [side.directory("films")], **BACKUP)
    rows = [{row[100]: row for row in side.world.find("default", name).visible()} for name in ("films", "again")]
    assert rows[0] == rows[1]


def test_storage_version_2_must_be_named_and_known(made: Build) -> None:
    """Where it is not named the groups of columns are taken for fields; an older server does not know it at all."""
    new, old = made(profiles.V2_6_18), made(profiles.V2_5_27)
    unnamed = new.imported("again", [new.directory("films")], **BACKUP)
    assert (unnamed["state"], "no binlog for field" in unnamed["reason"]) == ("Failed", True)
    assert keys_of(new) == []
    for key, stored in list(new.s3.objects.items()):
        old.s3.put(f"moved/{key}", stored.body)
    there = f"moved/{new.directory('films')}"
    asked = old.imported("again", [there], **BACKUP, storage_version="2")
    assert (asked["state"], "no binlog for field" in asked["reason"]) == ("Failed", True)


@pytest.mark.parametrize(("profile", "filled"), [(profiles.V2_5_27, False), (profiles.V2_6_18, True)])
def test_a_dynamic_field_without_files(made: Build, profile: Profile, filled: bool) -> None:
    """From 2.6 on it is silently empty; before, the job fails. Files of storage version 1 on both."""
    with fake_side(profiles.V2_5_27, made(profile).s3, root_path="files_old") as older:
        schema = small_schema("films", enable_dynamic_field=True).SerializeToString()
        assert older.raw.status("CreateCollection", collection_name="films", schema=schema).code == 0
        older.fill("films", range(5))
        place = older.directory("films")
        assert remove(older, place, "/102/") == 1
        with fake_side(profile, older.s3) as side:
            assert side.raw.status("CreateCollection", collection_name="films", schema=schema).code == 0
            ended = side.imported("films", [place], **BACKUP)
            assert (ended["state"] == "Completed") is filled, ended
            assert len(keys_of(side, "films")) == 5 * filled
            assert remove(older, place, "/101/") == 1
            again = side.imported("films", [place], **BACKUP)
            assert "no binlog for field:vector" in again["reason"]


def test_files_that_do_not_fit_together(made: Build) -> None:
    side = made(profiles.V2_5_27)
    place = side.directory("films")
    first = min(key for key in side.s3.objects if key.startswith(place) and "/101/" in key)
    body = side.s3.objects[first].body
    for change, words in (
        (lambda: side.s3.put(f"{first}9", body), "misaligned binlog count"),
        (lambda: side.s3.put(first, b"garbage" * 9), "parse magic number failed"),
        (lambda: side.s3.put(f"{first.rpartition('/')[0]}/notes.txt", b"x"), "failed to parse"),
        (lambda: side.s3.put(first.replace("/101/", "/777/"), body), "doesn't exist in collection schema"),
    ):
        saved = dict(side.s3.objects)
        change()
        ended = side.imported("again", [place], **BACKUP)
        assert (ended["state"], words in ended["reason"], ended["totalRows"]) == ("Failed", True, 0), ended
        side.s3.objects.clear()
        side.s3.objects.update(saved)
    assert keys_of(side) == []


def test_another_schema_does_not_fit(made: Build) -> None:
    side = made(profiles.V2_5_27)
    schema = small_schema("wide", enable_dynamic_field=True)
    schema.fields[1].type_params[0].value = "4"
    side.raw.status("CreateCollection", collection_name="wide", schema=schema.SerializeToString())
    assert "dimension 4" in side.imported("wide", [side.directory("films")], **BACKUP)["reason"]


def test_deletes_take_older_rows_only(made: Build) -> None:
    """Deleted and written again: the newer row stays, in the source as in the copy."""
    side = made(profiles.V2_5_27)
    client = side.client()
    client.delete("films", filter="id in [1, 2, 3, 25]")
    client.insert("films", [{"id": 2, "vector": [9.0, 9.0]}])
    assert side.raw.status("Flush", collection_names=["films"]).code == 0
    wanted = keys_of(side, "films")
    assert wanted == [key for key in range(40) if key not in (1, 3, 25)]
    side.imported("again", [side.directory("films")], **BACKUP)
    assert len(keys_of(side)) == 41
    deletes = side.directory("films", "delta_log", -1)
    assert side.imported("again", [deletes], partition="", l0_import="true")["totalRows"] == 4
    assert keys_of(side) == wanted


def test_segments_are_told_by_their_level_and_version(made: Build) -> None:
    side = made(profiles.V2_6_18)
    side.client().delete("films", filter="id in [1]")
    assert side.raw.status("Flush", collection_names=["films"]).code == 0
    infos = side.raw.call("GetPersistentSegmentInfo", dbName="default", collectionName="films").infos
    assert [(info.num_rows, info.level, info.storage_version) for info in infos] == [(20, 2, 2), (20, 2, 2), (0, 1, 0)]
    numbers = {"collectionId": infos[0].collectionID, "segmentIds": [info.segmentID for info in infos]}
    shown = side.raw.rest("/v2/vectordb/segments/describe", {"dbName": "default", **numbers}).data["segmentInfos"]
    assert [[log["fieldID"] for log in item["insertLogs"]] for item in shown] == [[0, 101], [0, 101], []]
    (deltas,) = shown[2]["deltaLogs"]
    assert f"{side.directory('films', 'delta_log', -1)}{infos[2].segmentID}/{deltas['logIDs'][0]}" in side.s3.objects
    assert side.raw.rest("/v2/vectordb/segments/describe", {**numbers, "segmentIds": [1]}).code == 65535


@pytest.mark.parametrize(("profile", "shown"), [(profiles.V2_4_24, 1), (profiles.V2_5_27, 0)])
def test_segments_of_a_job_that_runs(made: Build, profile: Profile, shown: int) -> None:
    """Old servers list them, though no query sees their rows."""
    side = made(profile)
    side.fake.imports.hold = "Importing"
    side.ended(side.submit("again", [side.directory("films")], **BACKUP).data["jobId"])
    infos = side.raw.call("GetPersistentSegmentInfo", dbName="default", collectionName="again").infos
    assert len(infos) == 2 * shown
    assert keys_of(side) == []


@pytest.mark.parametrize(("profile", "checks"), [(profiles.V2_6_2, False), (profiles.V2_6_18, True)])
def test_outputs_of_functions_are_taken_while_nobody_checks_them(profile: Profile, checks: bool) -> None:
    """From 2.6.8 on the check has to be off; they are never computed anew, and must be there."""
    with fake_side(profile) as side:
        schema = small_schema("found")
        text = schema.fields.add(name="text", data_type=21)
        text.type_params.add(key="max_length", value="20")
        schema.fields.add(name="words", data_type=104)
        schema.functions.add(name="bm25", type=1, input_field_names=["text"], output_field_names=["words"])
        request = {"collection_name": "found", "schema": schema.SerializeToString()}
        assert side.raw.status("CreateCollection", **request).code == 0
        side.client().insert("found", [{"id": 1, "vector": [1.0, 2.0], "text": "a word"}])
        assert side.raw.status("Flush", collection_names=["found"]).code == 0
        wanted = ("found", [side.directory("found")])
        refused = side.submit(*wanted, **BACKUP, storage_version="2")
        assert ("functions" in refused.message) is checks
        off = [{"key": "disable_func_runtime_check", "value": "true"}]
        status = side.raw.status("AlterCollection", collection_name="found", properties=off)
        assert (status.code == 0) is checks
        assert side.imported(*wanted, **BACKUP, storage_version="2")["totalRows"] == 1
        assert remove(side, side.directory("found"), "/103/") > 0
        assert "no binlog for field" in side.imported(*wanted, **BACKUP, storage_version="2")["reason"]
