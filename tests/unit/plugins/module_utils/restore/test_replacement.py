# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replaced collection is dropped only for the one that the restore built, whatever has its name by now."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_milvus import profiles
from fake_places import FakePlace
from fake_worlds import FakeSide
from module_process import killed_at, run

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options
from ansible_collections.vectorops.milvus.plugins.module_utils.naming import retired_name
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.replacement import Retired, find_retired, recover
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.waiting import Patience

REPLACE = {"suffix": "", "if_exists": "replace"}
DOCS, RETIRED = CollectionName("default", "docs"), retired_name("docs")
OLD_ROWS, NEW_ROWS = 5, 40


def interrupted(place: FakePlace, point: str) -> FakeSide:
    """A server on which a replacement was killed there."""
    source = place.side(profiles.V2_4_10)
    source.create("docs")
    source.fill("docs", range(NEW_ROWS))
    assert not place.backup(source).failed
    target = place.side(profiles.V2_5_27)
    target.create("docs")
    target.fill("docs", range(OLD_ROWS))
    assert killed_at("milvus_restore", place.for_restore(target, **REPLACE), point), "it did not come to that"
    return target


def give_name_to_an_empty_one(side: FakeSide) -> None:
    """As an application does that finds its collection gone."""
    side.create("docs")


def give_name_to_the_old_one(side: FakeSide) -> None:
    """As an operator does for queries to go on."""
    assert side.raw.status("CreateAlias", alias="docs", collection_name=RETIRED).code == 0


def rows(side: FakeSide, name: str) -> int:
    return len(list(side.world.find("default", name).visible()))


@pytest.mark.parametrize("if_exists", ["replace", "skip"])
@pytest.mark.parametrize("takes", [give_name_to_an_empty_one, give_name_to_the_old_one])
def test_another_one_that_has_the_name_is_not_taken_for_the_new_one(
    place: FakePlace, takes: Callable[[FakeSide], None], if_exists: str
) -> None:
    target = interrupted(place, "after:RenameCollection:1")
    takes(target)
    wanted = place.for_restore(target, suffix="", if_exists=if_exists)
    for check in (True, False):
        refused = run("milvus_restore", wanted, check=check)
        assert (refused.kind, RETIRED in refused.result["failure"]["state_left"]) == ("target_exists", True), (
            refused.output
        )
    assert rows(target, RETIRED) == OLD_ROWS
    if takes is give_name_to_an_empty_one:
        assert target.raw.status("DropCollection", collection_name="docs").code == 0
    else:
        assert target.raw.status("DropAlias", alias="docs").code == 0
    done = run("milvus_restore", wanted)
    assert not done.failed, done.output
    assert ([item.name for item in target.world.collections], rows(target, "docs")) == (["docs"], NEW_ROWS)


@pytest.mark.parametrize("takes", [give_name_to_an_empty_one, give_name_to_the_old_one])
def test_the_old_one_is_kept_when_the_new_one_loses_its_name_before_the_drop(
    place: FakePlace, takes: Callable[[FakeSide], None]
) -> None:
    target = interrupted(place, "after:RenameCollection:2")

    def lost() -> None:
        assert target.raw.status("DropCollection", collection_name="docs").code == 0
        takes(target)

    with Server(connection_options({"address": "127.0.0.1", "port": target.fake.port})) as server:
        old = recover(server, Patience(5), DOCS)
        assert old is not None
        assert old == find_retired(server, DOCS)
        retired = Retired(server, Patience(5), guard=lost)
        retired.add(DOCS, old)
        with pytest.raises(MilvusOpsError) as caught:
            retired.drop_all()
    assert (caught.value.kind, rows(target, RETIRED)) == ("target_exists", OLD_ROWS)
