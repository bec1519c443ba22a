# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aliases lead where a cut-over wants them, and back to where they led, also after a crash or by another hand.

The server is a stand-in at the other end of a real connection; the integration tests have the real one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc, schema_pb2
from stand_ins import connected

from ansible_collections.vectorops.milvus.plugins.module_utils.cutover.aliases import (
    RECORD_FILE,
    AliasPlan,
    AliasSide,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.cutover.record import record_place
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store

Bring = Callable[..., AliasPlan]


@dataclass
class Milvus(milvus_pb2_grpc.MilvusServiceServicer):  # type: ignore[misc]
    """Collections of one database, and aliases of them; C(broken) aliases cannot be changed."""

    collections: set[str] = field(default_factory=lambda: {"old", "new"})
    aliases: dict[str, str] = field(default_factory=dict)
    broken: str = ""

    def GetVersion(self, request: Any, context: Any) -> Any:
        return milvus_pb2.GetVersionResponse(version="2.3.5")

    def DescribeCollection(self, request: Any, context: Any) -> Any:
        name = self.aliases.get(request.collection_name, request.collection_name)
        if name not in self.collections:
            return milvus_pb2.DescribeCollectionResponse(status=common_pb2.Status(code=100, reason="not found"))
        return milvus_pb2.DescribeCollectionResponse(schema=schema_pb2.CollectionSchema(name=name))

    def CreateAlias(self, request: Any, context: Any) -> Any:
        if self.aliases.get(request.alias, request.collection_name) != request.collection_name:
            return common_pb2.Status(code=1602, reason="alias exists")
        return self._lead(request)

    def AlterAlias(self, request: Any, context: Any) -> Any:
        return self._lead(request) if request.alias in self.aliases else common_pb2.Status(code=1600, reason="no alias")

    def DropAlias(self, request: Any, context: Any) -> Any:
        del self.aliases[request.alias]
        return common_pb2.Status()

    def _lead(self, request: Any) -> Any:
        if request.alias == self.broken:
            return common_pb2.Status(code=5, reason="service internal error")
        if request.collection_name not in self.collections:
            return common_pb2.Status(code=100, reason="collection not found")
        self.aliases[request.alias] = request.collection_name
        return common_pb2.Status()


@pytest.fixture
def there() -> Milvus:
    return Milvus(aliases={"live": "old"})


@pytest.fixture
def bring(there: Milvus, tmp_path: Path) -> Iterator[Bring]:
    """One run of the module: aliases and their collections for a switch, nothing for the way back."""
    config = backup_store({"backup_storage_type": "local", "backup_root_path": str(tmp_path)})

    def run(**aliases: str) -> AliasPlan:
        side = AliasSide(server, record_place(config, "first", RECORD_FILE, writable=True), "bucket/files_b")
        if not aliases:
            plan = side.plan_back()
            side.bring_back(plan)
            return plan
        plan = side.plan_switch((alias, CollectionName("default", name)) for alias, name in aliases.items())
        side.switch(plan)
        return plan

    with connected(there) as server:
        yield run


def test_aliases_are_moved_and_made_and_come_back(there: Milvus, bring: Bring) -> None:
    assert len(bring(live="new", fresh="new").now) == 2
    assert there.aliases == {"live": "new", "fresh": "new"}
    assert bring(live="new", fresh="new").now == ()
    assert len(bring().now) == 2
    assert there.aliases == {"live": "old"}
    assert bring().now == ()


def test_a_switch_that_ends_in_the_middle_is_undone_by_the_next_run(there: Milvus, bring: Bring) -> None:
    there.broken = "live"
    with pytest.raises(MilvusOpsError, match="1 of 2 aliases lead elsewhere now"):
        bring(fresh="new", live="new")
    assert there.aliases == {"live": "old", "fresh": "new"}
    there.broken = ""
    bring()
    assert there.aliases == {"live": "old"}


def test_one_that_somebody_moved_since_is_left_alone(there: Milvus, bring: Bring) -> None:
    there.collections.add("third")
    bring(live="new")
    there.aliases["live"] = "third"
    assert "somebody moved it since" in bring().left[0]
    assert there.aliases == {"live": "third"}


def test_a_collection_that_is_gone_keeps_no_other_alias_from_coming_back(there: Milvus, bring: Bring) -> None:
    there.collections.add("gone")
    there.aliases["archive"] = "gone"
    bring(archive="new", live="new", fresh="new")
    there.collections.remove("gone")
    with pytest.raises(MilvusOpsError, match="2 of 3 aliases lead elsewhere now") as caught:
        bring()
    assert caught.value.kind == "not_found"
    assert there.aliases == {"archive": "new", "live": "old"}
    there.collections.add("gone")
    bring()
    assert there.aliases == {"archive": "gone", "live": "old"}


def test_a_repeated_switch_remembers_the_first_place(there: Milvus, bring: Bring) -> None:
    there.collections.add("third")
    bring(live="new")
    there.aliases["live"] = "third"
    bring(live="new")
    bring()
    assert there.aliases == {"live": "old"}


@pytest.mark.parametrize(
    ("alias", "collection", "kind"),
    [("live", "nowhere", "not_found"), ("live", "live", "not_found"), ("old", "new", "target_exists")],
)
def test_what_cannot_be_is_refused_first(there: Milvus, bring: Bring, alias: str, collection: str, kind: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        bring(fresh="new", **{alias: collection})
    assert caught.value.kind == kind
    assert there.aliases == {"live": "old"}
