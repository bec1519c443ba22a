# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A staging collection on the fake, to be filled by REST from the backup of another fake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_s3 import FakeS3
from fake_worlds import ROOT_PATH, FakeSide, fake_side
from peer_backup import write_peer_backup

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout, InstanceLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.reading import parse_full_meta
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.bulk_imports import bulk_imports
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options
from ansible_collections.vectorops.milvus.plugins.module_utils.naming import staging_name
from ansible_collections.vectorops.milvus.plugins.module_utils.progress import Step
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.bulk_jobs import bulk_jobs
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.bulk_staging import begin_bulk, fill_bulk
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.imported import Imported
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.plan import CREATE, CollectionRestore
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.request import RestoreRequest
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.staging import Build, Destination
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.targets import Naming
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.waiting import Patience
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore

LAYOUT = BackupLayout("backup", "nightly")
STAGING = staging_name("docs_bak", "the-backup")
ROWS = 120
LINES = (profiles.V2_4_0, profiles.V2_4_24, profiles.V2_6_18)


@dataclass(frozen=True)
class Bucket:
    """As much of a store as the import looks at."""

    s3: FakeS3
    label: str = "s3"

    def has_objects(self, prefix: str) -> bool:
        return any(key.startswith(prefix) for key in self.s3.objects)


@dataclass(frozen=True)
class Bench:
    """One collection to be restored: two partitions with data, so two jobs."""

    side: FakeSide
    build: Build
    plan: CollectionRestore

    def run(self, seconds: float = 5) -> Imported:
        build = replace(self.build, patience=Patience(seconds))
        return fill_bulk(build, self.plan, begin_bulk(build, self.plan), Step("import", total=ROWS))

    def fails(self, seconds: float = 5) -> MilvusOpsError:
        with pytest.raises(MilvusOpsError) as caught:
            self.run(seconds)
        return caught.value

    @property
    def created(self) -> int:
        return self.side.world.calls.count("POST /v2/vectordb/jobs/import/create")

    @property
    def staging(self) -> Any:
        return self.side.world.named("default", STAGING)

    @property
    def rows(self) -> int:
        return len(list(self.staging.visible()))

    @property
    def journal(self) -> str:
        return str(self.staging.properties.get("vectorops.jobs"))


@contextmanager
def made_on(profile: Profile) -> Iterator[FakeSide]:
    """A server with a collection of two partitions, the first with two segments."""
    with fake_side(profile, root_path="files_a") as side:
        side.create("docs")
        side.fill("docs", range(40))
        side.fill("docs", range(40, 80))
        assert side.raw.status("CreatePartition", collection_name="docs", partition_name="more").code == 0
        rows = [{"id": key, "vector": [float(key), 0.5]} for key in range(80, ROWS)]
        side.client().insert("docs", rows, partition_name="more")
        assert side.raw.status("Flush", collection_names=["docs"]).code == 0
        yield side


@contextmanager
def bench_on(profile: Profile, origin: FakeSide, **wanted: Any) -> Iterator[Bench]:
    written = write_peer_backup(origin.world, LAYOUT.root_path, LAYOUT.name)
    (source,) = parse_full_meta(written, LAYOUT.commit).collections
    with (
        fake_side(profile, s3=origin.s3) as side,
        Server(connection_options({"address": "127.0.0.1", "port": side.fake.port})) as server,
    ):
        store = cast(ObjectStore, Bucket(side.s3))
        destination = Destination(server, store, InstanceLayout(ROOT_PATH), bulk_imports(server))
        request = RestoreRequest((), Naming({}, "_bak"), **wanted)
        target, staging = CollectionName("default", "docs_bak"), CollectionName("default", STAGING)
        jobs = bulk_jobs(LAYOUT, source, server.version)
        plan = CollectionRestore(source, target, staging, CREATE, bulk=jobs, cut=request.end_ts)
        yield Bench(side, Build(destination, "the-backup", request, Patience(5), lambda: None), plan)
