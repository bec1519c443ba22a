# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many import jobs a restore takes: about two seconds each on the server, however little they bring."""

from __future__ import annotations

from typing import Any

import oracle
import pytest
from areas import BackupArea
from labs import RunningLab, Side
from module_process import run

PARTITIONS = ("_default", "news", "drama", "sport")
FLUSHES, ROWS_OF_A_FLUSH = 4, 64
ROWS = FLUSHES * ROWS_OF_A_FLUSH


@pytest.fixture(scope="module")
def backup(lab: RunningLab) -> str:
    """32 segments in four partitions: each flush leaves one for each of two shards in every partition."""
    side = lab.side("milvus_a")
    client = side.client()
    oracle.create_empty(client, "scattered", PARTITIONS)
    for first in range(0, ROWS, ROWS_OF_A_FLUSH):
        oracle.insert(client, "scattered", range(first, first + ROWS_OF_A_FLUSH), PARTITIONS)
        client.flush("scattered")
    oracle.index_and_load(client, "scattered")
    area = BackupArea(lab, side, "job_backups")
    made = area.make("of_scattered", "scattered")
    assert not made.failed, made.output
    partitions = area.info(name="of_scattered").result["backups"][0]["details"][0]["partitions"]
    assert [part["segments"] for part in partitions] == [8, 8, 8, 8], "a compaction came in between"
    return "of_scattered"


def tasks_of_the_server(client: Any, name: str) -> list[tuple[str, str, int]]:
    """Partition, files and rows of each import task, as the server itself remembers them."""
    tasks = client._get_connection().list_bulk_insert_tasks(100, name)
    return sorted((task.infos["partition"], task.infos["files"], task.row_count) for task in tasks)


def test_32_segments_in_four_partitions_take_four_jobs(lab: RunningLab, target: Side, backup: str) -> None:
    place = {"backup_root_path": "job_backups", "name": backup, "collections": ["scattered"]}
    restored = run("milvus_restore", {**target.options, **place})
    assert not restored.failed, restored.output
    result = restored.result["collections"][0]
    assert (result["state"], result["jobs"], result["rows"]) == ("restored", len(PARTITIONS), ROWS)
    client = target.client()
    tasks = tasks_of_the_server(client, "scattered")
    assert [(partition, rows) for partition, _files, rows in tasks] == [
        (partition, ROWS // len(PARTITIONS)) for partition in sorted(PARTITIONS)
    ]
    directories = [files.split(",")[0] for _partition, files, _rows in tasks]
    segments = {key.rsplit("/", 2)[0] for key in lab.objects(f"job_backups/{backup}/binlogs/insert_log/")}
    assert sorted(len([key for key in segments if key.startswith(path)]) for path in directories) == [8, 8, 8, 8]
    assert len(segments) == 32

    assert oracle.count(client, "scattered") == ROWS
    for remainder, partition in enumerate(PARTITIONS):
        wanted = {key: oracle.row(key) for key in range(ROWS) if key % len(PARTITIONS) == remainder}
        assert oracle.differences(oracle.read_all(client, "scattered", partition), wanted) == []
    client.drop_collection("scattered")
