# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of snapshots that this collection has a server of 3.0 export, before the fake; and back from there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from fake_milvus import profiles
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
from fake_worlds import BACKUPS, FakeSide
from module_process import killed_at, run, run_here
from snapshot_place import SnapshotPlace, hurry


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlace]:
    hurry(monkeypatch)
    with ExitStack() as stack:
        yield SnapshotPlace.on(stack)


def test_a_backup_of_snapshots_comes_back_with_every_row(place: FakePlace) -> None:
    """The server exports, nothing of its snapshots is left on it, and the second run changes nothing."""
    source, target = place.side(), place.side()
    make_chosen(source)
    planned = run_here("milvus_backup", place.for_backup(source), check=True)
    assert (planned.failed, planned.result["changed"]) == (False, True), planned.output
    assert source.fake.snapshots.exports == []
    made = place.backup(source)
    assert not made.failed, made.output
    backup = made.result["backup"]
    counted = {item["name"]: item["rows"] for item in backup["collections"]}
    assert counted.keys() == set(CHOSEN)
    assert {counted[name] for name in CHOSEN} - {len(rows(source, name)) for name in CHOSEN} <= {None}
    assert (backup["objects"] > 0, backup["bytes"] > 0) == (True, True)
    assert source.fake.snapshots.taken == []
    assert not any("/binlogs/" in key for key in place.s3.objects)
    again = place.backup(source, verify="content")
    assert (again.failed, again.result["changed"]) == (False, False), again.output
    assert place.backup(source, format="binlog").kind == "name_in_use"
    for level in ("size", "etag", "content"):
        shown = run_here("milvus_backup_info", {**place.options(source), "name": "made", "verify": level})
        found = shown.result["backups"][0]
        assert (found["format"], found["foreign"], found["verified"]["level"]) == ("snapshot", False, level), (
            shown.output
        )
        assert (found["verified"]["sound"], found["verified"]["unexpected"]) == (True, 0), found
    restored = place.restore(target)
    assert not restored.failed, restored.output
    for name in CHOSEN:
        assert rows(target, f"{name}_bak") == rows(source, name), name
    assert (odd_refusals(source), odd_refusals(target)) == ([], [])


@pytest.mark.parametrize("change", ["gone", "altered", "more"])
def test_each_object_of_a_backup_of_snapshots_is_known(place: FakePlace, change: str) -> None:
    side = films(place)
    assert not place.backup(side).failed
    exported = [key for key in place.s3.objects if "/bundle/" in key]
    assert len(exported) >= 3
    for key in exported if change != "more" else exported[:1]:
        body = place.s3.objects[key].body
        if change == "gone":
            del place.s3.objects[key]
        else:
            place.s3.put(key + "x" * (change == "more"), bytes([body[0] ^ 1]) + body[1:])
        assert place.restore(side).kind == "corrupt", key
        place.s3.put(key, body)


@pytest.mark.parametrize(
    "point",
    ["after:CreateSnapshot:1", "after:ExportSnapshot:1", "after:DropSnapshot:1", "before:write full_meta.json:1"],
)
def test_a_backup_of_snapshots_that_was_killed_is_made_by_the_next_run(place: FakePlace, point: str) -> None:
    """What the first run exported is no part of it, and its snapshot does not stay."""
    side = films(place)
    assert killed_at("milvus_backup", place.for_backup(side), point), "it did not come to that"
    done = run("milvus_backup", place.for_backup(side))
    assert not done.failed, done.output
    assert side.fake.snapshots.taken == []
    shown = run_here("milvus_backup_info", {**place.options(side), "name": "made", "verify": "content"})
    assert shown.result["backups"][0]["verified"]["sound"] is True, shown.output
    target = place.side()
    assert not place.restore(target).failed
    require_one_collection_with_each_row_once(target, side)


def test_what_a_killed_run_exported_of_a_collection_that_is_gone(place: FakePlace) -> None:
    """It is removed, and were it written later still, it would be no part of the backup."""
    side = films(place)
    side.create("books")
    side.fill("books", range(7))
    stray = f"{BACKUPS}/made/bundle/{side.world.find('default', 'books').number}/exports/1/files/late"
    assert killed_at("milvus_backup", place.for_backup(side), "before:write full_meta.json:1")
    assert side.raw.status("DropCollection", collection_name="books").code == 0
    assert not run("milvus_backup", place.for_backup(side)).failed
    assert not any(key.startswith(stray.partition("exports")[0]) for key in place.s3.objects)
    place.s3.put(stray, b"late")
    shown = run_here("milvus_backup_info", {**place.options(side), "name": "made", "verify": "etag"})
    assert shown.result["backups"][0]["verified"]["sound"] is True, shown.output


def test_an_export_that_fails_leaves_no_snapshot_and_no_backup(place: FakePlace) -> None:
    side = films(place)
    side.fake.snapshots.fails = "copy failed: no space left"
    failed = place.backup(side)
    assert (failed.failed, "no space left" in failed.result["msg"]) == (True, True), failed.output
    assert side.fake.snapshots.taken == []
    assert run_here("milvus_backup_info", place.options(side)).result["backups"][0]["state"] == "unfinished"
    assert not place.backup(side).failed


def test_a_collection_that_cannot_be_exported_is_left_out_and_added_later(place: FakePlace) -> None:
    side, target = films(place), place.side()
    side.create("books")
    side.fill("books", range(7))
    side.fake.snapshots.fails = "copy failed"
    made = place.backup(side, on_collection_error="skip")
    assert (made.failed, made.result["backup"]["state"]) == (False, "partial"), made.output
    half = f"{BACKUPS}/made/bundle/{side.world.find('default', 'books').number}/exports/1/files/half"
    place.s3.put(half, b"of an export that a killed run had begun")
    shown = run_here("milvus_backup_info", {**place.options(side), "name": "made", "verify": "etag"})
    assert shown.result["backups"][0]["verified"]["sound"] is True, shown.output
    whole = place.backup(side, on_collection_error="skip")
    assert (whole.failed, whole.result["backup"]["state"], whole.result["changed"]) == (False, "complete", True)
    assert half not in place.s3.objects
    assert not place.restore(target).failed
    assert sorted(item.name for item in target.world.collections) == ["books_bak", "films_bak"]
    assert len(rows(target, "films_bak")) == 40


@pytest.mark.parametrize("form", ["snapshot", "binlog"])
def test_a_collection_that_was_renamed_since_is_not_taken_for_a_missing_one(place: FakePlace, form: str) -> None:
    """What the partial backup holds of it lies in the folder of its id, where it would be written again."""
    side, target = films(place), place.side()
    side.create("books")
    side.fill("books", range(7))
    books, own = side.world.find("default", "books"), f"/{side.world.find('default', 'films').number}/"
    books.properties["cipher.ezID"] = "7"
    made = place.backup(side, format=form, on_collection_error="skip")
    assert (made.failed, made.result["backup"]["state"]) == (False, "partial"), made.output
    held = stored_below(place, own)
    assert held
    del books.properties["cipher.ezID"]
    renaming = {"oldName": "films", "db_name": "default", "newName": "movies", "newDBName": "default"}
    assert side.raw.status("RenameCollection", **renaming).code == 0
    refused = place.backup(side, format=form)
    assert (refused.kind, stored_below(place, own) == held) == ("source_changed", True), refused.output
    planned = run_here("milvus_backup", place.for_backup(side, format=form, on_collection_error="skip"), check=True)
    again = place.backup(side, format=form, on_collection_error="skip")
    for done in (planned, again):
        left_out = done.result["backup"]["skipped_collections"]
        assert (list(left_out), "as films;" in left_out["movies"]) == (["movies"], True), done.output
    assert (again.result["backup"]["state"], stored_below(place, own) == held) == ("partial", True), again.output
    assert not place.restore(target).failed
    assert sorted(item.name for item in target.world.collections) == ["books_bak", "films_bak"]
    assert rows(target, "films_bak") == rows(side, "movies")


def stored_below(place: FakePlace, folder: str) -> dict[str, bytes]:
    """What lies in the backup in folders of this name."""
    return {key: item.body for key, item in place.s3.objects.items() if key.startswith(BACKUPS) and folder in key}


@pytest.mark.parametrize(
    ("profile", "more", "kind", "words"),
    [
        (profiles.V2_6_18, {}, "version", "3.0"),
        (profiles.V3_0_EARLY, {}, "version", "August 2026"),
        (profiles.V3_0_0, {"strategy": "meta_only"}, "usage", "rows"),
    ],
    ids=["2.6", "early 3.0", "meta_only"],
)
def test_an_export_that_cannot_be_is_refused(
    place: FakePlace, profile: Profile, more: dict[str, Any], kind: str, words: str
) -> None:
    side = place.side(profile)
    side.create("films")
    refused = place.backup(side, **more)
    assert (refused.kind, words in refused.result["msg"]) == (kind, True), refused.output
    assert not any(key.startswith(BACKUPS) for key in place.s3.objects)


def test_rows_that_a_server_loses_are_missed(place: FakePlace) -> None:
    """A snapshot does not say how many it has, so they are counted around it."""
    side, target = films(place), place.side()
    made = place.backup(side)
    assert made.result["backup"]["rows"] == 40, made.output
    target.fake.snapshots.loses = 1
    lost = place.restore(target)
    assert (lost.kind, target.world.collections) == ("verify_failed", []), lost.output
    assert not place.restore(target, verify_rows="none").failed
    target.fake.snapshots.loses = 0
    whole = place.restore(target, suffix="_whole")
    assert [item["rows_expected"] for item in whole.result["collections"]] == [40], whole.output
    assert len(rows(target, "films_whole")) == 40


def test_rows_that_come_while_a_snapshot_is_taken_are_not_counted_on(place: FakePlace) -> None:
    side, target = films(place), place.side()
    side.fake.snapshots.meanwhile = lambda: insert_one(side)
    assert place.backup(side).result["backup"]["rows"] is None
    assert not place.restore(target).failed
    assert len(rows(target, "films_bak")) == 40


def insert_one(side: FakeSide) -> None:
    collection = side.world.find("default", "films")
    segment = collection.segments[0]
    more = replace(segment, number=side.world.next_number(), rows=[{**segment.rows[0], collection.key.fieldID: 1000}])
    collection.pending.append(replace(more, state="Growing", logs={}))


def test_a_collection_that_is_changed_while_its_snapshot_is_taken(place: FakePlace) -> None:
    """The schemas of metadata and snapshot would differ."""
    side = films(place)
    collection = side.world.find("default", "films")
    side.fake.snapshots.meanwhile = lambda: collection.partitions.update(late=1)
    assert place.backup(side).kind == "source_changed"
    assert (side.fake.snapshots.taken, side.fake.snapshots.exports) == ([], [])
    assert not place.backup(side).failed


def test_binlogs_stay_selectable(place: FakePlace) -> None:
    side = films(place)
    made = place.backup(side, format="binlog")
    assert (made.failed, made.result["backup"]["rows"]) == (False, 40), made.output
    assert not any("/bundle/" in key for key in place.s3.objects)
    assert not any("Snapshot" in call for call in side.world.calls)
