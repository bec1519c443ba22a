# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of servers from 2.4 on, made and restored by the modules before the fake: what belongs in, what does not."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_places import FakePlace
from fake_worlds import FakeSide
from module_process import run
from pymilvus.grpc_gen import msg_pb2, schema_pb2
from raw_milvus import small_schema

SEGMENT_NAMES = (profiles.V2_5_27, profiles.V2_6_18)
KEYS = range(60)


def filled(place: FakePlace, profile: Profile, **settings: Any) -> FakeSide:
    """Two segments, deletes in one partition and in all, and one row that no flush has stored."""
    side = place.side(profile, **settings)
    side.create("docs")
    side.fill("docs", KEYS[:30])
    side.fill("docs", KEYS[30:-1])
    client = side.client()
    client.delete("docs", ids=[1, 31], partition_name="_default")
    client.delete("docs", ids=[2, 32])
    client.insert("docs", [{"id": KEYS[-1], "vector": [1.0, 0.5]}])
    return side


def rows(side: FakeSide, name: str) -> list[tuple[int, list[float]]]:
    return sorted((row[100], row[101]) for row in side.world.find("default", name).visible())


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (profiles.V2_4_10, profiles.V2_4_24),
        (profiles.V2_5_4, profiles.V2_5_27),
        (profiles.V2_5_27, profiles.V2_6_18),
        (profiles.V2_6_2, profiles.V2_6_18),
    ],
    ids=lambda profile: profile.text,
)
def test_every_row_and_every_delete(place: FakePlace, older: Profile, newer: Profile) -> None:
    source = filled(place, older)
    made = place.backup(source)
    assert not made.failed, made.output
    (collection,) = json.loads(place.s3.objects["backup/made/meta/full_meta.json"].body)["collection_backups"]
    channels = source.world.find("default", "docs").channels
    assert list(collection["channel_checkpoints"]) == channels
    position = msg_pb2.MsgPosition.FromString(base64.b64decode(collection["channel_checkpoints"][channels[0]]))
    assert (position.channel_name, position.timestamp) == (channels[0], collection["backup_timestamp"])
    (partition,) = collection["partition_backups"]
    named = {segment.get("v_channel", "") for segment in (*partition["segment_backups"], *collection["l0_segments"])}
    assert named == (set(channels) if older.describes_segments else {""})
    target = place.side(newer)
    restored = place.restore(target)
    assert not restored.failed, restored.output
    assert len(rows(source, "docs")) == len(KEYS) - 4
    assert rows(target, "docs_bak") == rows(source, "docs")
    assert place.backup(source).result["changed"] is False


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (profiles.V2_4_10, profiles.V2_4_24),
        (profiles.V2_5_4, profiles.V2_5_27),
        (profiles.V2_6_2, profiles.V2_6_18),
        (profiles.V2_6_18, profiles.V3_0_0),
    ],
    ids=lambda profile: profile.text,
)
def test_a_backup_in_another_storage_service(place: FakePlace, older: Profile, newer: Profile) -> None:
    """All that the imports read is copied to the target's bucket, and removed there."""
    source = filled(place, older)
    assert not place.backup(source).failed
    there = {f"backup_{key}": value for key, value in place.storage.items()}
    other = FakePlace.on(place.stack)
    target = other.side(newer, root_path="files_b")
    restored = other.restore(target, **there)
    assert not restored.failed, restored.output
    assert rows(target, "docs_bak") == rows(source, "docs")
    assert restored.result["copied"]["objects"] >= len(place.keys_of_backup())
    assert not any(key.startswith("vectorops_staging/") for key in other.s3.objects)
    assert other.restore(target, **there).result["changed"] is False


def test_a_server_of_3_0(place: FakePlace) -> None:
    """Without deletes: those of level zero it does not import again unless it is told to."""
    source = place.side(profiles.V3_0_0)
    source.create("docs")
    source.fill("docs", KEYS)
    made = place.backup(source)
    assert not made.failed, made.output
    target = place.side(profiles.V3_0_0)
    restored = place.restore(target)
    assert not restored.failed, restored.output
    assert rows(target, "docs_bak") == rows(source, "docs")
    assert len(rows(target, "docs_bak")) == len(KEYS)


@pytest.mark.parametrize(
    ("older", "newer"),
    [(profiles.V2_5_27, profiles.V3_0_0), (profiles.V2_6_18, profiles.V3_0_0), (profiles.V2_4_24, profiles.V2_4_0)],
    ids=lambda profile: profile.text,
)
def test_deletes_of_level_zero_for_a_server_that_does_not_import_them(
    place: FakePlace, older: Profile, newer: Profile
) -> None:
    """They are given to the segments by copies, which are gone afterwards. What was written again later stays."""
    source = place.side(older)
    source.create("docs", shards_num=2)
    source.fill("docs", KEYS[:40])
    assert source.raw.status("CreatePartition", collection_name="docs", partition_name="more").code == 0
    client = source.client()
    client.insert("docs", [{"id": key, "vector": [1.0, 0.5]} for key in KEYS[40:]], partition_name="more")
    client.delete("docs", ids=[1, 2, 41], partition_name="_default")
    client.delete("docs", ids=[3, 4, 42])
    source.fill("docs", [2, 3])
    wanted = rows(source, "docs")
    assert [key for key, _vector in wanted] == [key for key in KEYS if key not in (1, 4, 42)]
    made = place.backup(source)
    assert not made.failed, made.output
    target = place.side(newer)
    restored = place.restore(target)
    assert not restored.failed, restored.output
    assert rows(target, "docs_bak") == wanted
    assert restored.result["copied"]["objects"] > 0
    assert not any(key.startswith("vectorops_staging/") for key in place.s3.objects)
    assert not any("l0" in text for text in target.world.refused)
    assert place.restore(target).result["changed"] is False


@pytest.mark.parametrize(
    "newer", [profiles.V2_5_27, profiles.V2_6_2, profiles.V2_6_18, profiles.V3_0_0], ids=lambda profile: profile.text
)
def test_properties_are_carried(place: FakePlace, newer: Profile) -> None:
    """Of the collection, a field and an index. Up to 2.6.12 a change that does not repeat the isolation ends it."""
    source = place.side(profiles.V2_5_4)
    schema = small_schema("docs")
    tenant = schema.fields.add(name="tenant", data_type=schema_pb2.Int64, is_partition_key=True)
    tenant.type_params.add(key="mmap.enabled", value="true")
    own = {"partitionkey.isolation": "true", "mmap.enabled": "true", "collection.ttl.seconds": "864000"}
    asked = {"collection_name": "docs", "schema": schema.SerializeToString(), "num_partitions": 2}
    pairs = [{"key": key, "value": value} for key, value in own.items()]
    assert source.raw.status("CreateCollection", **asked, properties=pairs).code == 0
    source.client().insert("docs", [{"id": key, "vector": [1.0, 0.5], "tenant": key % 5} for key in KEYS])
    params = {"index_type": "HNSW", "metric_type": "L2", "M": "8", "mmap.enabled": "true"}
    extra = [{"key": key, "value": value} for key, value in params.items()]
    assert source.raw.status("CreateIndex", collection_name="docs", field_name="vector", extra_params=extra).code == 0
    assert source.raw.status("LoadCollection", collection_name="docs").code == 0
    made = place.backup(source)
    assert not made.failed, made.output
    target = place.side(newer)
    restored = place.restore(target)
    assert not restored.failed, restored.output
    found = target.world.find("default", "docs_bak")
    assert own.items() <= found.properties.items()
    assert dict(found.indexes["vector"].params) == params
    assert [pair.key for pair in found.schema.fields[2].type_params] == ["mmap.enabled"]
    assert (found.loaded, len(rows(target, "docs_bak"))) == (True, len(KEYS))
    assert place.restore(target).result["changed"] is False


def test_a_flush_too_early_is_waited_for(place: FakePlace) -> None:
    """From 2.4 on a collection takes one in some seconds; code 8 is no failure."""
    source = filled(place, profiles.V2_5_27)
    source.world.flush_seconds = 2.0
    source.world.find("default", "docs").flushed_at = source.world.clock.now()
    made = place.backup(source)
    assert not made.failed, made.output
    assert made.result["backup"]["collections"][0]["rows"] == len(KEYS)
    assert any("rate limit" in reason for reason in source.world.refused)


@pytest.mark.parametrize("profile", SEGMENT_NAMES, ids=lambda profile: profile.text)
def test_logs_of_a_repeated_upload_are_left_out(place: FakePlace, profile: Profile) -> None:
    """The listing shows them beside those of the segment; an import of both would fail."""
    source = filled(place, profile)
    segment = source.world.find("default", "docs").segments[0]
    group = min(segment.logs)
    folder = source.directory("docs")
    source.s3.put(f"{folder}{segment.number}/{group}/77", b"half of an upload")
    made = place.backup(source)
    assert not made.failed, made.output
    assert not any(key.endswith("/77") for key in place.keys_of_backup())


@pytest.mark.parametrize("profile", SEGMENT_NAMES, ids=lambda profile: profile.text)
def test_a_log_that_the_server_names_and_nobody_has(place: FakePlace, profile: Profile) -> None:
    source = filled(place, profile)
    segment = source.world.find("default", "docs").segments[0]
    group = min(segment.logs)
    del source.s3.objects[f"{source.directory('docs')}{segment.number}/{group}/{segment.logs[group][0]}"]
    made = place.backup(source)
    assert made.kind == "source_changed", made.output
    assert str(segment.number) in made.result["msg"]


@pytest.mark.parametrize("profile", [profiles.V2_4_10, profiles.V2_6_18], ids=lambda profile: profile.text)
def test_an_import_that_runs_has_to_end_first(place: FakePlace, profile: Profile) -> None:
    """Up to 2.4 its segments are listed before any query sees their rows."""
    source = filled(place, profile)
    source.create("other")
    source.fake.imports.hold = "Importing"
    version = {"storage_version": "2"} if profile.storage_version == 2 else {}
    job = source.submit("other", [source.directory("docs")], backup="true", **version).data["jobId"]
    running = place.backup(source)
    assert (running.kind, running.result["failure"]["retryable"]) == ("source_changed", True)
    assert job in running.result["msg"]
    source.fake.imports.hold = "Completed"
    for _turn in range(3):
        source.fake.imports.asked()
    assert not place.backup(source).failed


def test_a_release_that_may_lose_its_collections_is_named_by_every_module_that_works_with_it(place: FakePlace) -> None:
    side = filled(place, Profile((2, 4, 13)))
    wanted = {
        "milvus_info": place.options(side),
        "milvus_backup": place.for_backup(side),
        "milvus_restore": place.for_restore(side),
    }
    for module, options in wanted.items():
        done = run(module, options)
        assert not done.failed, done.output
        assert "2.4.14" in done.output, module


@pytest.mark.parametrize(
    ("profile", "told"), [(profiles.V2_4_24, True), (profiles.V2_5_4, False)], ids=["2.4.24", "2.5.4"]
)
def test_rows_that_a_server_may_list_twice(place: FakePlace, profile: Profile, told: bool) -> None:
    """While a clustering compaction ends. Nobody sees it, so whoever has a clustering key is told, also beforehand."""
    source = place.side(profile)
    schema = small_schema("docs")
    schema.fields.add(name="year", data_type=schema_pb2.Int64, is_clustering_key=True)
    assert source.raw.status("CreateCollection", collection_name="docs", schema=schema.SerializeToString()).code == 0
    source.client().insert("docs", [{"id": key, "vector": [1.0, 0.5], "year": key} for key in KEYS])
    assert source.raw.status("Flush", collection_names=["docs"]).code == 0
    for check in (True, False):  # each in a process of its own: a module says nothing twice
        made = run("milvus_backup", place.for_backup(source), check=check)
        assert not made.failed, made.output
        assert ("docs has a clustering key" in made.output) is told, made.output


@pytest.mark.parametrize(
    ("profile", "kind"), [(profiles.V2_4_10, "permission"), (profiles.V2_5_27, None)], ids=["2.4.10", "2.5.27"]
)
def test_without_the_right_to_see_imports(place: FakePlace, profile: Profile, kind: str | None) -> None:
    """Only where a running one would get in, that right is needed."""
    source = filled(place, profile)
    source.world.rights.denied = frozenset({"ListImport"})
    made = place.backup(source)
    assert made.kind == kind, made.output


def test_storage_version_3_is_for_snapshots(place: FakePlace) -> None:
    source = filled(place, profiles.V2_6_18)
    assert source.raw.status("Flush", collection_names=["docs"]).code == 0
    source.world.find("default", "docs").segments[0].storage_version = 3
    made = place.backup(source)
    assert made.kind == "version"
    assert "snapshot" in made.result["failure"]["next_step"]
    assert place.keys_of_backup() == set()


def test_a_text_field_keeps_its_values_elsewhere(place: FakePlace) -> None:
    source = filled(place, profiles.V2_6_18)
    source.world.find("default", "docs").schema.fields.add(name="body", fieldID=102, data_type=25)
    made = place.backup(source)
    assert made.kind == "version"
    assert "body" in made.result["failure"]["cause"]
