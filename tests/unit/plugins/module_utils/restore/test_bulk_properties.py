# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties that a staging collection has for a while only, or not yet: checks in the way, rows that would expire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_worlds import fake_side
from import_bench import Bench, bench_on, made_on
from pymilvus import DataType, Function, FunctionType

from ansible_collections.vectorops.milvus.plugins.module_utils.restore.publish import publish

CHECK_IS_OFF = "disable_func_runtime_check"
pytestmark = pytest.mark.usefixtures("quick")


def with_properties(bench: Bench, **properties: str) -> Bench:
    """As if the source had these and no others."""
    pairs = tuple({"key": key, "value": value} for key, value in properties.items())
    return replace(bench, plan=replace(bench.plan, source=replace(bench.plan.source, properties=pairs)))


@contextmanager
def with_function(rows: int) -> Iterator[Bench]:
    """A collection whose second vector is what a function gives."""
    with fake_side(profiles.V2_6_2, root_path="files_a") as origin:
        client = origin.client()
        schema = client.create_schema(auto_id=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("title", DataType.VARCHAR, max_length=20, enable_analyzer=True)
        schema.add_field("words", DataType.SPARSE_FLOAT_VECTOR)
        schema.add_function(Function("bm25", FunctionType.BM25, ["title"], ["words"]))
        client.create_collection("docs", schema=schema)
        if rows:
            client.insert("docs", [{"id": key, "title": f"t{key}"} for key in range(rows)])
        assert origin.raw.status("Flush", collection_names=["docs"]).code == 0
        with bench_on(profiles.V2_6_18, origin) as bench:
            yield bench


def test_functions_are_checked_where_nothing_is_imported() -> None:
    """Nobody would take the property away again."""
    with with_function(rows=0) as bench:
        assert bench.plan.bulk == ()
        bench.run()
        assert CHECK_IS_OFF not in bench.staging.properties


@pytest.mark.parametrize("own", [{}, {CHECK_IS_OFF: "false"}, {CHECK_IS_OFF: "true"}], ids=str)
def test_functions_are_not_checked_while_their_outputs_are_imported(own: dict[str, str]) -> None:
    """Whatever the source has: an interrupted import is continued, and what the source has is there at the end."""
    with with_function(rows=20) as found:
        bench = with_properties(found, **own)
        bench.side.fake.imports.hold = "Importing"
        assert bench.fails(seconds=0.2).kind == "timeout"
        assert bench.staging.properties[CHECK_IS_OFF] == "true"
        number, bench.side.fake.imports.hold = bench.staging.number, "Completed"
        assert (bench.run().rows, bench.staging.number, bench.created) == (20, number, 1)
        assert bench.staging.properties[CHECK_IS_OFF] == own.get(CHECK_IS_OFF, "false")


@pytest.mark.parametrize("profile", [profiles.V2_4_24, profiles.V2_6_18], ids=lambda profile: profile.text)
@pytest.mark.parametrize("key", ["collection.ttl.seconds", "ttl_field"])
def test_nothing_expires_before_it_is_counted(profile: Profile, key: str) -> None:
    """Rows keep their moments, so those of an old backup would be gone at once."""
    with made_on(profiles.V2_4_24) as origin, bench_on(profile, origin) as found:
        bench = with_properties(found, **{key: "1", "other": "2"})
        imported = bench.run()
        assert (bench.staging.properties.get(key), bench.staging.properties["other"]) == (None, "2")
        publish(bench.build, bench.plan, imported)
        assert bench.side.world.find("default", "docs_bak").properties[key] == "1"
