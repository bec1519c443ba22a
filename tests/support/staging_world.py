# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staged copies between real folders, before a server that answers what import jobs it has, and nothing else."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from local_folders import store_at

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.integrity import HEADER_NAME, write_manifest
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import CompleteBackup, Place
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.lock import acquire
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import BackupMeta, PartitionMeta
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.verify import objects_by_meta
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import sdk
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server
from ansible_collections.vectorops.milvus.plugins.module_utils.progress import Progress
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.request import RestoreRequest
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.staged_copy import StagedPart, staged
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.staged_leftovers import (
    StagingArea,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.targets import Naming
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store

NAME = "nightly"
STATES = sdk.common_pb2.ImportState


@dataclass
class Milvus(sdk.milvus_pb2_grpc.MilvusServiceServicer):  # type: ignore[misc]
    """Stands for a server: tells its version, and its import jobs as pairs of state and directory."""

    jobs: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0
    away: bool = False

    def GetVersion(self, request: Any, context: Any) -> Any:
        return sdk.milvus_pb2.GetVersionResponse(version="v2.3.5")

    def ListImportTasks(self, request: Any, context: Any) -> Any:
        time.sleep(self.seconds)
        if self.away:
            context.abort(sdk.grpc.StatusCode.UNAVAILABLE, "away")
        tasks = []
        for number, (state, directory) in enumerate(self.jobs, start=1):
            files = sdk.common_pb2.KeyValuePair(key="files", value=f"{directory},")
            tasks.append(sdk.milvus_pb2.GetImportStateResponse(id=number, state=STATES.Value(state), infos=[files]))
        return sdk.milvus_pb2.ListImportTasksResponse(tasks=tasks)


@dataclass(frozen=True)
class World:
    """An instance that keeps its data in one folder, and a backup of two collections in another."""

    milvus: Milvus
    area: StagingArea
    data: Path
    place: Place
    backup: CompleteBackup

    @property
    def layout(self) -> BackupLayout:
        return self.area.layout(self.backup.meta.backup_id)

    @property
    def folder(self) -> Path:
        return Path(self.layout.directory)

    def objects(self, *numbers: int) -> dict[str, bytes]:
        """What the copy of these collections must hold, by the path below its folder."""
        collections = tuple(self.backup.meta.collections[number] for number in numbers)
        listed = objects_by_meta(self.place.layout, replace(self.backup.meta, collections=collections))
        below = self.place.layout.directory
        return {item.key.removeprefix(below): Path(item.key).read_bytes() for item in listed}

    def staged(self) -> dict[str, bytes]:
        """What lies in the copy, but for its lock."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        found = {str(path.relative_to(self.folder)): path.read_bytes() for path in files}
        found.pop("control/lock.json", None)
        return found

    def left(self) -> list[Path]:
        """Everything in the folder of the instance, but for the two folders that all its copies lie in."""
        return [path for path in self.data.rglob("*") if path not in (self.folder.parent, self.folder.parents[1])]

    def part(self, *numbers: int, fold: bool = False, rows: bool = True) -> StagedPart:
        collections = [self.backup.meta.collections[number] for number in numbers]
        return StagedPart(collections, collections if fold else (), rows)

    def run(
        self, *numbers: int, warnings: list[str] | None = None, part: StagedPart | None = None, **options: Any
    ) -> Any:
        request = RestoreRequest((), Naming({}, ""), copy_concurrency=2, **options)
        told = [] if warnings is None else warnings
        return staged(self.area, request, self.place, self.backup, part or self.part(*numbers), Progress(), told)

    def put(self, relative: str, body: bytes = b"x", layout: BackupLayout | None = None) -> Path:
        path = Path((layout or self.layout).directory) / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        return path

    def live_run(self, layout: BackupLayout) -> Any:
        """The lock of a copy, held by this very process."""
        place = self.area.open(layout, 1)
        return acquire(place.store, place.lock_key, "a run that lives", wait=0, meanwhile=lambda: None)


def build_world(service: Milvus, server: Server, example: BackupMeta, tmp_path: Path) -> World:
    """The data of an instance and two collections of a backup, none of them staged."""
    data, backups = tmp_path / "milvus", tmp_path / "backups"
    data.mkdir()
    backups.mkdir()
    place = Place(store_at(backups, f"{NAME}/"), BackupLayout(str(backups), NAME))
    first = example.collections[0]
    segment = replace(first.partitions[0].segments[0], collection_id=20, segment_id=21, group_id=21)
    partition = PartitionMeta(22, "_default", 20, (replace(segment, partition_id=22),), "Loaded")
    second = replace(first, collection_id=20, name="more", partitions=(partition,), l0_segments=())
    meta = replace(example, collections=(first, second))
    for number, item in enumerate(objects_by_meta(place.layout, meta)):
        path = Path(item.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * item.size)
    manifest = write_manifest(
        place.store.write,
        place.layout,
        place.store.list_objects(place.layout.binlogs),
        header_name=HEADER_NAME,
        backup_id=meta.backup_id,
        request={},
        created=1,
        tool_version="0",
        meta={},
        skipped={},
        previous=None,
    )
    config = instance_store({"storage_type": "local", "root_path": str(data)})
    area = StagingArea(config, store_at(data), server)
    return World(service, area, data, place, CompleteBackup(meta, manifest))
