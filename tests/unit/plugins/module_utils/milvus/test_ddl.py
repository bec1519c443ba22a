# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that change a server, where servers differ."""

from __future__ import annotations

import pytest
from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_worlds import fake_side

from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import ddl
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options

ISOLATION = {"partitionkey.isolation": "true"}


@pytest.mark.parametrize("profile", [profiles.V2_4_24, profiles.V2_6_2, profiles.V2_6_18], ids=lambda item: item.text)
def test_a_note_on_a_collection_does_not_end_its_isolation(profile: Profile) -> None:
    """Up to 2.6.12 a change of properties that does not repeat it is refused once there is a vector index."""
    name = CollectionName("default", "docs")
    with (
        fake_side(profile) as side,
        Server(connection_options({"address": "127.0.0.1", "port": side.fake.port})) as server,
    ):
        side.create("docs", properties=[{"key": key, "value": value} for key, value in ISOLATION.items()])
        side.load("docs")
        assert side.raw.status("ReleaseCollection", collection_name="docs").code == 0
        ddl.alter_properties(server, name, {"vectorops.jobs": "?"}, {**ISOLATION, "other": "kept"})
        assert side.world.find("default", "docs").properties == {**ISOLATION, "vectorops.jobs": "?"}
