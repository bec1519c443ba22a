# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server, and the pymilvus that speaks to it, know snapshots of object storage."""

from __future__ import annotations

import pytest
from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_worlds import fake_side
from newer_client import needs_snapshots

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import sdk
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.snapshots import (
    require_snapshots,
    snapshot_uri,
)


def refusal(profile: Profile) -> tuple[str, str] | None:
    with (
        fake_side(profile) as side,
        Server(connection_options({"address": "127.0.0.1", "port": side.fake.port})) as server,
    ):
        try:
            require_snapshots(server, "asking")
        except MilvusOpsError as error:
            return error.kind, f"{error.failure.cause}; {error.failure.next_step}"
        finally:
            assert side.world.collections == []
    return None


@needs_snapshots
@pytest.mark.parametrize(
    ("profile", "words"), [(profiles.V2_6_18, "came with 3.0"), (profiles.V3_0_EARLY, "August 2026")], ids=str
)
def test_servers_that_do_not_know_them(profile: Profile, words: str) -> None:
    refused = refusal(profile)
    assert refused is not None
    assert (refused[0], words in refused[1]) == ("version", True), refused


@needs_snapshots
def test_a_server_that_does() -> None:
    assert refusal(profiles.V3_0_0) is None


@needs_snapshots
def test_a_client_that_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest pymilvus that the collection works with has none of these calls."""
    options = {"address": "127.0.0.1"}
    with fake_side(profiles.V3_0_0) as side, Server(connection_options({**options, "port": side.fake.port})) as server:
        monkeypatch.delattr(sdk.milvus_pb2, "GetExportSnapshotStateRequest")
        with pytest.raises(MilvusOpsError) as caught:
            require_snapshots(server, "asking")
    assert (caught.value.kind, "3.0.2" in caught.value.failure.next_step) == ("requirements", True)


def test_a_server_is_not_told_the_name_that_this_machine_has_for_its_storage() -> None:
    assert snapshot_uri("bucket", "backup/made/bundle/x.json") == "s3://bucket/backup/made/bundle/x.json"
