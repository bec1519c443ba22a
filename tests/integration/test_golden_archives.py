# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that milvus-backup itself wrote, kept as test data: read, verified and restored with every row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import golden
import pytest
from areas import BackupArea
from labs import RunningLab, Side
from module_process import run
from shapes import read_rows

ROOT = "golden"


@pytest.fixture(scope="module", params=sorted(golden.ARCHIVES))
def archive(request: pytest.FixtureRequest, lab: RunningLab) -> Iterator[Path]:
    """Its objects lie in the bucket of the lab."""
    path = golden.ARCHIVES[request.param]
    area = BackupArea(lab, lab.side("milvus_b"), ROOT)
    for key, body in golden.objects(path, ROOT):
        area.write(key, body)
    yield path
    area.delete(*area.objects())


def test_it_is_a_sound_backup_of_another_tool(archive: Path, lab: RunningLab) -> None:
    shown = BackupArea(lab, lab.side("milvus_b"), ROOT).info(verify="content")
    (backup,) = shown.result["backups"]
    assert (backup["state"], backup["foreign"]) == ("complete", True), shown.output
    assert backup["verified"]["sound"], shown.output
    assert backup["server_version"] == "v2.3.5-lite"
    assert backup["collections"] == [f"{database}.{name}" for database, name in sorted(golden.COLLECTIONS)]


def test_every_row_is_restored(archive: Path, target: Side, request: pytest.FixtureRequest) -> None:
    """Rows as the server held them when the other tool made its backup; deletes and an empty collection among them."""
    request.addfinalizer(lambda: drop_other_databases(target))
    place = {**target.options, "backup_root_path": ROOT, "name": golden.BACKUP, "collections": ["*.*"]}
    restored = run("milvus_restore", place)
    assert not restored.failed, restored.output
    found = {}
    for database, name in golden.COLLECTIONS:
        found[f"{database}.{name}"] = read_rows(target.client(database), name)
    assert found == golden.rows(archive)
    again = run("milvus_restore", place)
    assert again.result["changed"] is False, again.output


def drop_other_databases(side: Side) -> None:
    for database in {name for name, _collection in golden.COLLECTIONS} - {"default"}:
        client = side.client(database)
        for name in client.list_collections():
            client.drop_collection(name)
        side.client().drop_database(database)
