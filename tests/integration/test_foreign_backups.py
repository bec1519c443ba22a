# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups in every layout that milvus-backup ever wrote: restored without a row too many, too few, or twice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import foreign
import oracle
import pytest
from areas import BackupArea
from labs import RunningLab, Side
from module_process import finish, run, start

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place, require_complete
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.imports import ImportFiles
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.jobs import import_jobs
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store

ROWS, FIRST_ROWS = 400, 100
"""The second half of the segments is larger than the first."""

WRITTEN_AGAIN = (1, 2, 3, 10, 11)
PATIENCE = 180


@pytest.fixture(scope="module")
def area(lab: RunningLab) -> BackupArea:
    """One backup of four segments in each of two partitions, with deletes in all of them, in every layout.

    Some rows were deleted in one segment and inserted again in another.
    """
    source = lab.side("milvus_a")
    client = source.client()
    oracle.create_collection(client, "shelved", FIRST_ROWS)
    client.delete("shelved", filter=f"id in {list(WRITTEN_AGAIN)}")
    oracle.insert(client, "shelved", [*range(FIRST_ROWS, ROWS), *WRITTEN_AGAIN])
    client.flush("shelved")
    gone = sorted(key for key in oracle.DELETED if FIRST_ROWS <= key < ROWS)
    client.delete("shelved", filter=f"id in {gone}")
    area = BackupArea(lab, source, "foreign")
    made = area.make("ours", "shelved")
    assert not made.failed, made.output
    details = area.info(name="ours").result["backups"][0]["details"][0]
    assert [part["segments"] for part in details["partitions"]] == [4, 4], "a compaction came in between"
    assert details["has_deletes"]
    for writer in (*foreign.WRITERS, foreign.MIXED):
        foreign.write(area, "ours", writer)
    return area


@pytest.fixture
def client(target: Side) -> Iterator[Any]:
    client = target.client()
    yield client
    for name in client.list_collections():
        client.drop_collection(name)


def require_all_rows(client: Any, name: str) -> None:
    """Once each, in the partition that they were in; count(*) sees what a query by key would hide."""
    assert oracle.count(client, name) == len(oracle.expected(ROWS)), name
    for remainder, partition in enumerate(oracle.PARTITIONS):
        wanted = {key: row for key, row in oracle.expected(ROWS).items() if key % 2 == remainder}
        assert oracle.differences(oracle.read_all(client, name, partition), wanted) == [], name


def test_every_layout_is_found_and_sound(area: BackupArea) -> None:
    shown = area.info(verify="content").result["backups"]
    assert {item["name"]: (item["state"], item["foreign"]) for item in shown} == {
        "ours": ("complete", False),
        **{writer.name: ("complete", True) for writer in (*foreign.WRITERS, foreign.MIXED)},
    }
    assert {item["name"] for item in shown if not item["verified"]["sound"]} == set()
    for key in ("objects", "rows", "bytes", "id"):
        assert len({item[key] for item in shown}) == 1, key


def test_every_layout_is_restored_with_each_row_once(area: BackupArea, target: Side, client: Any) -> None:
    """All at the same time: the server does one import after the other, and loads meanwhile."""
    place = {**target.options, "backup_root_path": area.root, "collections": ["shelved"]}
    runs = {
        writer.name: start("milvus_restore", {**place, "name": writer.name, "suffix": f"_{writer.name}"})
        for writer in foreign.WRITERS
    }
    for name, process in runs.items():
        restored = finish(process)
        assert not restored.failed, (name, restored.output)
        result = restored.result["collections"][0]
        assert (result["state"], result["jobs"]) == ("restored", 2), restored.output
        require_all_rows(client, f"shelved_{name}")
    assert len(client.list_collections()) == len(runs)
    again = run("milvus_restore", {**place, "name": "levels", "suffix": "_levels"})
    assert again.result["changed"] is False, again.output


def test_a_partition_in_several_jobs(area: BackupArea, client: Any) -> None:
    """What a partition of more than 4 GiB takes: segments without groups, a group of two, and one split in two."""
    layout = BackupLayout(area.root, "mixed")
    store = open_store(backup_store({**area.side.options, "backup_root_path": area.root}))
    collection = require_complete(Place(store, layout)).meta.collections[0]
    first, second = ([item.size for item in part.segments] for part in collection.partitions)
    limit = sum(second[2:]) - 1
    assert sum(second[:2]) <= limit < sum(first)
    jobs = import_jobs(layout, collection, limit)
    assert [job.insert_directory.count("/") - 6 for job in jobs] == [1, 1, 1, 1, 1, 2, 2], "levels below the partition"
    oracle.create_empty(client, "in_pieces")
    import_all(client, "in_pieces", jobs)
    oracle.index_and_load(client, "in_pieces")
    require_all_rows(client, "in_pieces")


def import_all(client: Any, name: str, jobs: tuple[ImportFiles, ...]) -> None:
    handler = client._get_connection()
    tasks = [
        handler.do_bulk_insert(name, job.partition, [job.insert_directory, job.delta_directory], backup="true")
        for job in jobs
    ]
    end = time.monotonic() + PATIENCE
    while True:
        states = [handler.get_bulk_insert_state(task, None) for task in tasks]
        assert not [state for state in states if "Failed" in state.state_name], states
        if all(state.state_name == "Completed" for state in states):
            return
        assert time.monotonic() < end, states
        time.sleep(0.5)


def test_what_another_tool_left_unfinished_is_not_restored(area: BackupArea, target: Side, client: Any) -> None:
    """Killed before its last file: with deletes that no other file names, or with one more file missing."""
    area.copy("levels", "no_deletes_named", "no_segments")
    collection = json.loads(area.read(f"{area.prefix('ours')}meta/full_meta.json"))["collection_backups"][0]
    deletes = f"{area.prefix('no_deletes_named')}binlogs/delta_log/{collection['collection_id']}/-1/"
    area.write(f"{deletes}5/6", b"deletes")
    area.delete(f"{area.prefix('no_segments')}meta/segment_meta.json")
    for name, words in {"no_deletes_named": deletes, "no_segments": "meta/segment_meta.json"}.items():
        place = {"backup_root_path": area.root, "name": name, "collections": ["shelved"]}
        refused = run("milvus_restore", {**target.options, **place, "suffix": "_x"})
        assert (refused.kind, words in refused.result["msg"]) == ("incomplete", True), refused.output
    assert client.list_collections() == []
