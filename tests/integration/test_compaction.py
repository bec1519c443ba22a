# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Segments that are compacted and collected while they are being copied: planned again, never mixed, no row doubled."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import oracle
import pytest
from labs import RunningLab
from milvus_lab import LabConfig, start, stop
from module_process import finish, run
from module_process import start as start_module
from waiting import wait_until

PATIENCE = 90
QUICK_COLLECTION = {"dataCoord": {"gc": {"interval": 5, "dropTolerance": 5}}}


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A lab whose source removes compacted segments within seconds instead of hours."""
    directory = Path(tmp_path_factory.mktemp("hasty"))
    instances = {"milvus_a": {"config": QUICK_COLLECTION}, "milvus_b": {}}
    try:
        yield RunningLab(start(LabConfig(directory=directory, instances=instances)))
    finally:
        stop(LabConfig(directory=directory), wipe=True)


def test_a_compaction_during_the_copy(hasty: RunningLab) -> None:
    source, target = hasty.side("milvus_a"), hasty.side("milvus_b")
    client = source.client()
    oracle.create_collection(client, "moving", rows=300)
    for first in range(300, 900, 100):
        oracle.insert(client, "moving", range(first, first + 100))
        client.flush("moving")
    arguments = {**source.options, "name": "while_moving", "collections": ["moving"]}
    process = start_module("milvus_backup", {**arguments, "copy_concurrency": 1, "max_rate": "64K"})
    wait_until(lambda: bool(hasty.objects("backup/while_moving/binlogs/")), PATIENCE)
    process.send_signal(signal.SIGSTOP)
    segments_before = set(_segments(hasty))
    client.compact("moving")
    wait_until(lambda: bool(segments_before - set(_segments(hasty))), PATIENCE, pause=0.2)
    collected = {directory.split("/")[-1] for directory in segments_before - set(_segments(hasty))}
    process.send_signal(signal.SIGCONT)
    made = finish(process)
    assert not made.failed, made.output

    deleted = {key for key in oracle.DELETED if key < 300}
    wanted = {key: oracle.row(key) for key in range(900) if key not in deleted}
    held = {key.split("/")[-3] for key in hasty.objects("backup/while_moving/binlogs/insert_log/")}
    assert held == {str(number) for number in _planned_segments(hasty)}
    assert not collected & held
    restored = run("milvus_restore", {**target.options, "name": "while_moving", "collections": ["moving"]})
    assert not restored.failed, restored.output
    assert oracle.count(target.client(), "moving") == len(wanted)
    assert oracle.differences(oracle.read_all(target.client(), "moving"), wanted) == []
    assert run("milvus_backup", {**arguments, "verify": "content"}).result["changed"] is False


def _segments(lab: RunningLab) -> list[str]:
    """Directories of segments that the source has stored."""
    return ["/".join(key.split("/")[:5]) for key in lab.objects("files_a/insert_log/")]


def _planned_segments(lab: RunningLab) -> list[int]:
    body = lab.s3().get_object(Bucket=lab.bucket, Key="backup/while_moving/meta/segment_meta.json")["Body"].read()
    return [segment["segment_id"] for segment in json.loads(body)["infos"] if segment.get("binlogs")]
