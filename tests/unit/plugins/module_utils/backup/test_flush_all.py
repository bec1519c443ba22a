# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a backup flushes the whole server at one moment, what it records of that, and when it never does."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_places import FakePlace
from fake_worlds import FakeSide
from newer_client import needs_flush_all
from pymilvus.grpc_gen import common_pb2

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.instance_meta import NO_FLUSH_ALL
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.reading import parse_full_meta
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import flush_all as product
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options

FULL_META = "backup/made/meta/full_meta.json"
JUST_BEFORE = Profile((2, 6, 10))


def unflushed(place: FakePlace, profile: Profile) -> FakeSide:
    """Two collections in two databases with rows that nobody has flushed."""
    side = place.side(profile)
    assert side.raw.status("CreateDatabase", db_name="archive").code == 0
    for name, database in (("docs", "default"), ("notes", "archive")):
        side.create(name, db_name=database)
        side.client(database).insert(name, [{"id": key, "vector": [1.0, 0.5]} for key in range(30)])
    return side


def made(place: FakePlace, side: FakeSide, **more: Any) -> dict[str, Any]:
    done = place.backup(side, **more)
    assert not done.failed, done.output
    return dict(json.loads(place.s3.objects[FULL_META].body))


def calls(side: FakeSide) -> set[str]:
    return set(side.world.calls) & {"Flush", "FlushAll"}


@needs_flush_all
@pytest.mark.parametrize("profile", [profiles.V2_6_18, profiles.V3_0_0], ids=lambda profile: profile.text)
def test_everything_is_flushed_at_one_moment(place: FakePlace, profile: Profile) -> None:
    """It is waited for: the fake stores the rows only after that was asked for."""
    side = unflushed(place, profile)
    meta = made(place, side, collections=["*.*"])
    assert calls(side) == {"FlushAll"}
    rows = {
        item["collection_name"]: sum(
            segment["num_of_rows"] for part in item["partition_backups"] for segment in part["segment_backups"]
        )
        for item in meta["collection_backups"]
    }
    assert rows == {"docs": 30, "notes": 30}
    (moment,) = {item["backup_timestamp"] for item in meta["collection_backups"]}
    assert meta["control_channel_name"] == "by-dev-rootcoord-dml_0_vcchan"
    assert meta["physical_channel_names"] == ["by-dev-rootcoord-dml_0"]
    (channel, message), *others = meta["flush_all_msgs_base64"].items()
    assert (channel, others) == ("by-dev-rootcoord-dml_0", [])
    properties = common_pb2.ImmutableMessage.FromString(base64.b64decode(message)).properties
    assert (properties["_vc"], int(properties["_tt"], 36)) == (channel, moment)
    read = parse_full_meta(place.s3.objects[FULL_META].body, FULL_META).flush_all
    assert read.to_json() == {key: meta[key] for key in read.to_json()}


@pytest.mark.parametrize(
    ("profile", "options"),
    [
        (JUST_BEFORE, {"collections": ["*.*"]}),
        (profiles.V2_4_10, {"collections": ["*.*"]}),
        (profiles.V2_6_18, {"collections": ["docs", "archive.notes"]}),
        (profiles.V2_6_18, {"collections": ["*.*"], "exclude": ["archive.*"]}),
        (profiles.V2_6_18, {"collections": ["*.*"], "strategy": "flush"}),
    ],
    ids=["2.6.10", "2.4.10", "chosen ones", "all but some", "as told"],
)
def test_else_each_collection_by_itself(place: FakePlace, profile: Profile, options: dict[str, Any]) -> None:
    """Before 2.6.11 the call means one database, and reports success all the same."""
    side = unflushed(place, profile)
    meta = made(place, side, **options)
    assert calls(side) == {"Flush"}
    assert all(item["channel_checkpoints"] for item in meta["collection_backups"])
    assert not set(NO_FLUSH_ALL.to_json()) & set(meta)
    assert {segment.state for item in side.world.collections for segment in item.pending} <= {"Growing"}


@needs_flush_all
def test_without_the_right_to_flush_all(place: FakePlace) -> None:
    side = unflushed(place, profiles.V2_6_18)
    side.world.rights.denied = frozenset({"FlushAll"})
    assert "flush_all_msgs_base64" not in made(place, side, collections=["*.*"])
    assert calls(side) == {"FlushAll", "Flush"}


@needs_flush_all
def test_a_flush_that_does_not_end(place: FakePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    side = unflushed(place, profiles.V2_6_18)
    with connected(side) as server, pytest.raises(MilvusOpsError) as caught:
        product.flush_all(server, -1)
    assert (caught.value.kind, "strategy: flush" in caught.value.failure.next_step) == ("timeout", True)


def test_a_client_that_does_not_know_the_answer_asks_for_nothing(
    place: FakePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = unflushed(place, profiles.V2_6_18)
    monkeypatch.setattr(product.sdk.milvus_pb2, "FlushAllResponse", common_pb2.Status)
    with connected(side) as server:
        assert product.flush_all(server, 1) is None
    assert calls(side) == set()


def connected(side: FakeSide) -> Server:
    return Server(connection_options({"address": "127.0.0.1", "port": side.fake.port}))
