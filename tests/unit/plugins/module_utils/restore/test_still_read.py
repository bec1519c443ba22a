# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A staged copy stays for as long as an import of a server from 2.4 on may read it: removed objects can wedge it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import pytest
from fake_milvus import profiles
from fake_worlds import FakeSide, fake_side

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.bulk_imports import bulk_imports
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options
from ansible_collections.vectorops.milvus.plugins.module_utils.naming import staging_name
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.staged_leftovers import StagingArea, still_read
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store

BACKUP_ID = "the-backup"


@dataclass(frozen=True)
class Copy:
    """A staged copy with one segment, and a collection that could import it."""

    side: FakeSide
    area: StagingArea

    @property
    def layout(self) -> BackupLayout:
        return self.area.layout(BACKUP_ID)

    @property
    def reason(self) -> str:
        return still_read(self.area, self.layout)

    def submit(self, layout: BackupLayout) -> str:
        """A job that reads the only segment of the collection as it would lie in this copy."""
        source = self.side.directory("docs")
        place = f"{layout.binlogs}insert_log/1/2/3/"
        for key in [key for key in self.side.s3.objects if key.startswith(source)]:
            self.side.s3.put(f"{place}{key.removeprefix(source)}", self.side.s3.objects[key].body)
        return str(self.side.submit("other", [place], backup="true").data["jobId"])


@pytest.fixture
def copy() -> Iterator[Copy]:
    with (
        fake_side(profiles.V2_5_27) as side,
        Server(connection_options({"address": "127.0.0.1", "port": side.fake.port})) as server,
    ):
        side.create("docs")
        side.fill("docs", range(10))
        side.create("other")
        config = instance_store({"storage_type": "local", "root_path": f"/{side.world.root_path}"})
        yield Copy(side, StagingArea(config, cast(ObjectStore, None), server, bulk_imports(server)))


def hold(stage: str) -> Callable[[FakeSide], None]:
    def do(side: FakeSide) -> None:
        side.fake.imports.hold = stage

    return do


def test_nothing_reads_it(copy: Copy) -> None:
    assert copy.reason == ""


def test_a_job_that_does_not_tell_yet_what_it_reads_may_read_it(copy: Copy) -> None:
    hold("Pending")(copy.side)
    job = copy.submit(BackupLayout("elsewhere", "x"))
    assert job in copy.reason


@pytest.mark.parametrize("reads_it", [True, False])
def test_a_job_that_reads_is_known_by_its_files(copy: Copy, reads_it: bool) -> None:
    hold("Importing")(copy.side)
    job = copy.submit(copy.layout if reads_it else BackupLayout("elsewhere", "x"))
    for _turn in range(4):
        copy.side.fake.imports.asked()
    assert (job in copy.reason) is reads_it
    hold("Completed")(copy.side)
    copy.side.fake.imports.asked()
    assert copy.reason == ""


@pytest.mark.parametrize(
    ("backup_id", "marked", "waits"), [(BACKUP_ID, True, True), ("another", True, False), (BACKUP_ID, False, False)]
)
def test_a_staging_collection_may_have_a_create_that_comes_late(
    copy: Copy, backup_id: str, marked: bool, waits: bool
) -> None:
    name = staging_name("docs_bak", backup_id)
    markers = {"vectorops.backup": backup_id, "vectorops.target": "docs_bak"} if marked else {}
    copy.side.create(name, properties=[{"key": key, "value": value} for key, value in markers.items()])
    assert (name in copy.reason) is waits
