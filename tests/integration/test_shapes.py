# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every shape of collection there and back: rows, schema, partitions, indexes, properties, load state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import oracle
import pytest
from labs import RunningLab
from module_process import ModuleRun, run
from shapes import SHAPES, Shape, read_rows

DATABASE = "shapes"
OTHER = "shapes_too"
SUFFIX = "_again"
COMPARED = (
    "schema",
    "partitions",
    "indexes",
    "load_state",
    "shards",
    "consistency_level",
    "properties",
    "rows",
    "checksum",
)


@pytest.fixture(scope="module")
def there_and_back(lab: RunningLab) -> Iterator[ModuleRun]:
    """All shapes in one database of milvus_a, backed up as a whole and restored into a new database of milvus_b."""
    source, target = lab.side("milvus_a"), lab.side("milvus_b")
    for database in (DATABASE, OTHER):
        source.client().create_database(database)
    client = source.client(DATABASE)
    for shape in SHAPES:
        shape.make(client, shape.name)
    client.create_alias("text_key", "text_key_alias")
    oracle.create_collection(source.client(OTHER), "text_key", rows=60)  # the same name in another database
    made = run(
        "milvus_backup",
        {**source.options, "name": "all_shapes", "collections": [f"{DATABASE}.*", f"{OTHER}.*"]},
    )
    assert not made.failed, made.output
    restored = run(
        "milvus_restore",
        {
            **target.options,
            "name": "all_shapes",
            "collections": ["*.*"],
            "suffix": SUFFIX,
            "rename": {f"{OTHER}.*": "third.*"},
        },
    )
    assert not restored.failed, restored.output
    yield restored
    client.drop_alias("text_key_alias")
    for side in (source, target):
        for database in side.client().list_databases():
            if database != "default":
                for name in side.client(database).list_collections():
                    side.client(database).drop_collection(name)
                side.client().drop_database(database)


def infos(lab: RunningLab, side: str, pattern: str) -> Mapping[str, Mapping[str, Any]]:
    described = run("milvus_collection_info", {**lab.side(side).options, "collections": [pattern], "checksum": True})
    assert not described.failed, described.output
    return {item["name"]: item for item in described.result["collections"]}


def test_every_shape_is_described_alike(lab: RunningLab, there_and_back: ModuleRun) -> None:
    before, after = infos(lab, "milvus_a", f"{DATABASE}.*"), infos(lab, "milvus_b", f"{DATABASE}.*")
    assert set(before) == {shape.name for shape in SHAPES}
    assert set(after) == {shape.name + SUFFIX for shape in SHAPES}
    for name, was in before.items():
        now = after[name + SUFFIX]
        assert {part: was[part] for part in COMPARED} == {part: now[part] for part in COMPARED}, name
        assert now["restored_from"] == there_and_back.result["backup"]["id"]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_rows_are_equal(lab: RunningLab, there_and_back: ModuleRun, shape: Shape) -> None:
    """By a reader that shares no code with the collection."""
    clients = [lab.side(side).client(DATABASE) for side in ("milvus_a", "milvus_b")]
    names = (shape.name, shape.name + SUFFIX)
    for client, name in zip(clients, names, strict=True):
        if not shape.loaded:
            index = client.prepare_index_params()
            index.add_index("vector", index_type="FLAT", metric_type="L2")
            client.create_index(name, index)
            client.load_collection(name)
    rows = [read_rows(client, name, shape.key) for client, name in zip(clients, names, strict=True)]
    counts = [oracle.count(client, name) for client, name in zip(clients, names, strict=True)]
    assert rows[0] == rows[1]
    assert counts == [len(rows[0])] * 2
    assert rows[0] or shape.name in ("empty", "all_deleted")


def test_what_the_result_says(there_and_back: ModuleRun) -> None:
    """States, counts, created databases, and a warning for the alias, which is not carried."""
    by_target = {item["target"]: item for item in there_and_back.result["collections"]}
    assert set(by_target) == {f"{DATABASE}.{shape.name}{SUFFIX}" for shape in SHAPES} | {"third.text_key"}
    assert {item["state"] for item in by_target.values()} == {"restored"}
    assert by_target[f"{DATABASE}.unloaded{SUFFIX}"]["count_method"] == "import"
    assert by_target[f"{DATABASE}.never_flushed{SUFFIX}"]["rows"] == 200
    assert by_target[f"{DATABASE}.all_deleted{SUFFIX}"]["rows"] == 0
    assert there_and_back.result["databases_created"] == [DATABASE, "third"]
    assert "text_key_alias" in there_and_back.output


def test_again_nothing_changes(lab: RunningLab, there_and_back: ModuleRun) -> None:
    arguments = {**lab.side("milvus_b").options, "name": "all_shapes", "collections": ["*.*"], "suffix": SUFFIX}
    again = run("milvus_restore", {**arguments, "rename": {f"{OTHER}.*": "third.*"}})
    assert again.result["changed"] is False
    assert {item["state"] for item in again.result["collections"]} == {"unchanged"}
