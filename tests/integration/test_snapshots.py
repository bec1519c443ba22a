# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of 3.0, before the fake: those that milvus-backup had a server export, as its format says, come back whole.

The modules run whole; rows are compared through pymilvus' own client.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
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
from fake_s3 import running as running_s3
from fake_worlds import BACKUPS
from milvus_proxy import AFTER, MilvusProxy
from module_process import killed_at, run, run_here
from snapshot_place import SnapshotPlace, hurry, peer_snapshots


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlace]:
    hurry(monkeypatch)
    with ExitStack() as stack:
        yield SnapshotPlace.on(stack)


def test_every_shape_comes_back_with_every_row(place: FakePlace) -> None:
    """Deletes of level zero among them, which the same servers do not import from binlogs."""
    source, target = place.side(), place.side()
    make_chosen(source)
    peer_snapshots(source)
    planned = run_here("milvus_restore", place.for_restore(target), check=True)
    assert not planned.failed, planned.output
    assert target.world.collections == []
    restored = place.restore(target)
    assert not restored.failed, restored.output
    for name in CHOSEN:
        assert rows(target, f"{name}_bak") == rows(source, name), name
    assert odd_refusals(target) == []
    assert place.restore(target).result["changed"] is False


@pytest.mark.parametrize(
    "point",
    [
        *("before:RestoreExternalSnapshot:1", "after:RestoreExternalSnapshot:1", "after:AlterCollection:1"),
        *("after:AlterCollection:2", "after:RenameCollection:1"),
    ],
)
def test_a_restore_that_was_killed_is_finished_by_the_next(place: FakePlace, point: str) -> None:
    """Around each thing that it writes: the request, the markers, the name. Without markers, it is asked for again."""
    source, target = films(place), place.side()
    peer_snapshots(source)
    assert killed_at("milvus_restore", place.for_restore(target), point), "it did not come to that"
    done = run("milvus_restore", place.for_restore(target))
    assert not done.failed, done.output
    require_one_collection_with_each_row_once(target, source)
    asked = 2 if point == "after:RestoreExternalSnapshot:1" else 1
    assert target.world.calls.count("RestoreExternalSnapshot") == asked
    assert odd_refusals(target) == []


@pytest.mark.parametrize("point", ["after:RestoreExternalSnapshot:1", "after:AlterCollection:1"])
def test_what_a_killed_run_left_is_not_taken_for_another_collection(place: FakePlace, point: str) -> None:
    """The name of the staging collection is that of the target, and its job does not tell what it reads."""
    source, target = films(place), place.side()
    source.create("books")
    source.fill("books", range(100, 107))
    source.load("books")
    peer_snapshots(source)
    wanted = {name: place.for_restore(target, collections=[name], rename={name: "docs"}) for name in ("films", "books")}
    assert killed_at("milvus_restore", wanted["films"], point), "it did not come to that"
    done = run("milvus_restore", wanted["books"])
    assert not done.failed, done.output
    assert [item.name for item in target.world.collections] == ["docs"]
    assert rows(target, "docs") == rows(source, "books")


def test_a_request_of_an_earlier_run_that_comes_in_between_is_not_adopted(place: FakePlace) -> None:
    """Nobody knows of which collection it was."""
    source, target = films(place), place.side()
    peer_snapshots(source)
    wanted = place.for_restore(target)
    assert killed_at("milvus_restore", wanted, "after:RestoreExternalSnapshot:1")
    (staging,), uri = target.world.collections, target.fake.snapshots.restores[0].uri
    target.world.collections.clear()
    target.fake.snapshots.before_restore = lambda: target.fake.snapshots.restore("default", staging.name, uri)
    refused = place.restore(target)
    assert (refused.failed, "already exist" in refused.result["msg"]) == (True, True), refused.output
    assert not place.restore(target).failed
    require_one_collection_with_each_row_once(target, source)


@pytest.mark.parametrize(
    ("point", "kind"),
    [
        ("after:RestoreExternalSnapshot:1", None),
        ("after:AlterCollection:1", None),
        ("before:RenameCollection:1", "ambiguous_import"),
    ],
)
def test_a_request_that_arrived_twice_never_doubles_a_row(place: FakePlace, point: str, kind: str | None) -> None:
    """Servers before September 2026 took a second one for the same name; what is in doubt is built again."""
    source, target = films(place), place.side()
    peer_snapshots(source)
    assert killed_at("milvus_restore", place.for_restore(target), point)
    target.fake.snapshots.twice = True
    (staging,), first = target.world.collections, target.fake.snapshots.restores[0]
    target.fake.snapshots.restore("default", staging.name, first.uri)
    done = run("milvus_restore", place.for_restore(target))
    if kind is not None:
        assert (done.kind, target.world.collections) == (kind, []), done.output
        done = run("milvus_restore", place.for_restore(target))
    assert not done.failed, done.output
    require_one_collection_with_each_row_once(target, source)


def test_nobody_answers_the_request(place: FakePlace) -> None:
    """The server has acted; its job is found and waited for."""
    source, target = films(place), place.side()
    peer_snapshots(source)
    with MilvusProxy(target.fake.port) as relay:
        relay.break_at("RestoreExternalSnapshot", AFTER)
        done = place.restore(target, port=relay.port)
    assert not done.failed, done.output
    require_one_collection_with_each_row_once(target, source)
    assert target.world.calls.count("RestoreExternalSnapshot") == 1


def test_a_job_that_fails_leaves_nothing(place: FakePlace) -> None:
    source, target = films(place), place.side()
    peer_snapshots(source)
    target.fake.snapshots.fails = "copy segment failed: access denied"
    failed = place.restore(target)
    assert (failed.failed, "access denied" in failed.result["msg"]) == (True, True), failed.output
    assert target.world.collections == []
    assert not place.restore(target).failed
    require_one_collection_with_each_row_once(target, source)


def test_a_job_that_stands_still_is_left_to_the_next_run(place: FakePlace) -> None:
    source, target = films(place), place.side()
    peer_snapshots(source)
    target.fake.snapshots.hold = "Executing"
    stalled = place.restore(target, import_timeout=1)
    assert (stalled.kind, "goes on" in stalled.result["failure"]["state_left"]) == ("timeout", True), stalled.output
    target.fake.snapshots.hold = "Completed"
    assert not place.restore(target).failed
    require_one_collection_with_each_row_once(target, source)
    assert target.world.calls.count("RestoreExternalSnapshot") == 1


@pytest.mark.parametrize(
    ("profile", "more", "kind", "words"),
    [
        (profiles.V2_6_18, {}, "version", "3.0"),
        (profiles.V3_0_EARLY, {}, "version", "August 2026"),
        (profiles.V3_0_0, {"shards_num": 2}, "version", "shards"),
        (profiles.V3_0_0, {"index": "none"}, "version", "index"),
        (profiles.V3_0_0, {"end_ts": "2026-01-01T00:00:00Z"}, "version", "end_ts"),
    ],
    ids=["2.6", "early 3.0", "shards", "index", "end_ts"],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    place: FakePlace, profile: Profile, more: dict[str, Any], kind: str, words: str
) -> None:
    source, target = films(place), place.side(profile)
    source.world.profile = profiles.V2_6_18
    peer_snapshots(source)
    refused = place.restore(target, **more)
    assert (refused.kind, words in refused.result["msg"]) == (kind, True), refused.output
    assert target.world.collections == []
    assert not any("RestoreExternal" in call for call in target.world.calls)


def test_only_its_own_storage_is_named_to_a_server_and_never_a_secret(place: FakePlace) -> None:
    """A fake refuses a request with a secret; another service is refused without asking it."""
    source, target = films(place), place.side()
    peer_snapshots(source)
    with running_s3(place.s3) as elsewhere:
        there = {"backup_storage_type": "minio", **{f"backup_{name}": value for name, value in elsewhere.items()}}
        refused = place.restore(target, **there)
    assert (refused.kind, "another service" in refused.result["msg"]) == ("usage", True), refused.output
    assert target.world.collections == []


def test_a_file_that_is_gone_is_noticed_here_for_a_server_does_not(place: FakePlace) -> None:
    source, target = films(place), place.side()
    peer_snapshots(source)
    gone = next(key for key in place.s3.objects if "/files/insert_log/" in key and "/bundle/" in key)
    del place.s3.objects[gone]
    refused = place.restore(target)
    assert refused.kind == "corrupt", refused.output
    assert target.world.collections == []


def test_a_backup_that_was_moved(place: FakePlace) -> None:
    """The server finds everything from where the metadata file lies now."""
    source, target = films(place), place.side()
    peer_snapshots(source)
    for key in [key for key in place.s3.objects if key.startswith(f"{BACKUPS}/made/")]:
        place.s3.put(key.replace(f"{BACKUPS}/made/", "archive/old/"), place.s3.objects.pop(key).body)
    done = place.restore(target, name="old", backup_root_path="archive")
    assert not done.failed, done.output
    require_one_collection_with_each_row_once(target, source)


def test_one_folder_for_all_collections(place: FakePlace) -> None:
    """As servers exported before each export had a folder of its own."""
    source, target = films(place), place.side()
    source.create("books")
    source.fill("books", range(7))
    source.fake.snapshots.shared_root = True
    peer_snapshots(source)
    done = place.restore(target)
    assert not done.failed, done.output
    assert (len(rows(target, "films_bak")), len(list(target.world.find("default", "books_bak").visible()))) == (
        40,
        7,
    )


def test_what_the_source_was_restored_from_is_not_carried(place: FakePlace) -> None:
    """Markers of an earlier restore, into the source itself, come with the snapshot; they must not be believed."""
    markers = {"vectorops.backup": "another", "vectorops.content": "meta_only", "vectorops.imported": "7"}
    properties = [{"key": key, "value": value} for key, value in {**markers, "mine": "yes"}.items()]
    source, target = films(place, properties=properties), place.side()
    peer_snapshots(source)
    done = place.restore(target)
    assert not done.failed, done.output
    require_one_collection_with_each_row_once(target, source)
    have = target.world.find("default", "films_bak").properties
    assert (have["mine"], have.get("vectorops.content", "")) == ("yes", "")
    assert have["vectorops.backup"] != "another"
    again = place.restore(target)
    assert (again.failed, again.result["changed"]) == (False, False), again.output


def test_what_a_server_forgets_is_set_or_said(place: FakePlace) -> None:
    """Properties and consistency level, before August 2026."""
    properties = [{"key": "mine", "value": "yes"}]
    source, target = films(place, properties=properties, consistency_level=2), place.side()
    peer_snapshots(source)
    target.fake.snapshots.forgets = True
    done = place.restore(target)
    assert not done.failed, done.output
    assert target.world.find("default", "films_bak").properties["mine"] == "yes"
    assert "consistency level 2" in str(done.result["collections"][0]["not_carried"])


def test_a_collection_that_only_looks_like_a_staging_one_is_left_alone(place: FakePlace) -> None:
    source, target = films(place), place.side()
    peer_snapshots(source)
    target.fake.snapshots.hold = "Pending"
    staging = place.restore(target, import_timeout=1)
    name = target.world.collections[0].name
    target.world.collections.clear()
    target.create(name)
    refused = place.restore(target)
    assert (staging.kind, refused.kind) == ("timeout", "target_exists"), refused.output
    assert [item.name for item in target.world.collections] == [name]


def test_the_schemas_alone(place: FakePlace) -> None:
    source, target = films(place), place.side(profiles.V3_0_EARLY)
    peer_snapshots(source)
    done = place.restore(target, meta_only=True)
    assert not done.failed, done.output
    assert list(target.world.find("default", "films_bak").visible()) == []
    assert list(target.world.find("default", "films_bak").indexes) == list(
        source.world.find("default", "films").indexes
    )


def test_a_snapshot_is_listed_and_verified(place: FakePlace) -> None:
    side = films(place)
    peer_snapshots(side)
    for level in ("size", "content"):
        shown = run_here("milvus_backup_info", {**place.options(side), "name": "made", "verify": level})
        assert not shown.failed, shown.output
        found = shown.result["backups"][0]
        assert (found["state"], found["format"], found["rows"]) == ("complete", "snapshot", None)
        assert found["verified"]["sound"] is True, found
        assert found["verified"]["level"] == level
