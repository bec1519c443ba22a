# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the staging collection: every job once, nothing of others touched, nothing doubtful taken over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from import_stand_in import ImportStandIn
from pymilvus.grpc_gen import common_pb2
from stand_ins import connected

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout, InstanceLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import BackupMeta
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.bulk_imports import BulkJob
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.naming import staging_name
from ansible_collections.vectorops.milvus.plugins.module_utils.progress import Step
from ansible_collections.vectorops.milvus.plugins.module_utils.restore import staging
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.imported import Imported
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.jobs import import_jobs
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.plan import CREATE, CollectionRestore
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.request import RestoreRequest
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.staging import (
    Build,
    Destination,
    begin_staging,
    fill_staging,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.targets import Naming
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.waiting import Patience
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore

ROWS = 1000
STAGING = staging_name("docs_bak", "the-backup")


@dataclass(frozen=True)
class Bench:
    """One collection to be restored: two partitions with data, so two jobs."""

    milvus: ImportStandIn
    build: Build
    plan: CollectionRestore
    store: ObjectStore
    step: Step = field(default_factory=lambda: Step("import", total=2 * ROWS))

    def run(self) -> Imported:
        return fill_staging(self.build, self.plan, begin_staging(self.build, self.plan), self.step)

    def begun_before(self, *jobs: int, state: str = "ImportCompleted") -> None:
        """The staging collection of a run that was killed, with the jobs that it had submitted."""
        begin_staging(self.build, self.plan)
        for number in jobs:
            files = self.plan.jobs[number]
            paths = (files.insert_directory, files.delta_directory)
            self.milvus.add_job(STAGING, files.partition, *paths, state=state)
        self.show_data()
        self.milvus.calls.clear()

    def show_data(self) -> None:
        number = self.milvus.collections[STAGING].number
        self.store.write(f"files/insert_log/{number}/1/2/3/4", b"x")


@pytest.fixture
def bench(store: ObjectStore, example: BackupMeta, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(staging, "QUIET_SECONDS", 0.1)
    first, second = example.collections[0].partitions
    twin = replace(
        second,
        segments=tuple(replace(item, partition_id=second.partition_id, deltalogs=()) for item in first.segments),
    )
    plain = replace(first, segments=tuple(replace(item, deltalogs=()) for item in first.segments))
    source = replace(example.collections[0], partitions=(plain, twin), l0_segments=(), properties=())
    target = CollectionName("default", "docs_bak")
    jobs = import_jobs(BackupLayout("backup", "nightly_01"), source)
    plan = CollectionRestore(source, target, CollectionName("default", STAGING), CREATE, jobs)
    milvus = ImportStandIn(rows={partition.name: ROWS for partition in source.partitions})
    with connected(milvus) as server:
        destination = Destination(server, store, InstanceLayout("files"))
        request = RestoreRequest((), Naming({}, "_bak"))
        yield Bench(milvus, Build(destination, "the-backup", request, Patience(5), lambda: None), plan, store)


@pytest.mark.parametrize(
    ("version", "functions", "jobs", "off"),
    [
        ("2.6.8", [{"name": "bm25"}], 1, True),
        ("2.6.8", [{"name": "bm25"}], 0, False),
        ("2.6.8", [], 1, False),
        ("2.6.7", [{"name": "bm25"}], 1, False),
    ],
)
def test_what_functions_made_is_imported_and_not_made_again(
    example: BackupMeta, version: str, functions: list[dict[str, str]], jobs: int, off: bool
) -> None:
    source = replace(example.collections[0], schema={**example.collections[0].schema, "functions": functions})
    target = CollectionName("default", "docs_bak")
    plan = CollectionRestore(source, target, target, CREATE, bulk=(BulkJob("", (), frozenset()),) * jobs)
    assert staging.without_function_check(version, plan) == ({"disable_func_runtime_check": "true"} if off else {})


def test_a_fresh_one_is_created_with_its_markers_and_filled_once(bench: Bench) -> None:
    begun = begin_staging(bench.build, bench.plan)
    bench.show_data()
    assert begun.collection.property_values["vectorops.backup"] == "the-backup"
    imported = fill_staging(bench.build, bench.plan, begun, bench.step)
    assert imported.rows == bench.step.done == 2 * ROWS
    assert bench.milvus.calls == [f"create {STAGING}", *(f"import {files.partition}" for files in bench.plan.jobs)]


def test_jobs_of_a_killed_run_are_taken_over_and_the_rest_submitted(bench: Bench) -> None:
    """A job submitted twice doubles its rows."""
    bench.begun_before(0)
    assert bench.run().rows == 2 * ROWS
    assert bench.milvus.calls == [f"import {bench.plan.jobs[1].partition}"]


def test_all_jobs_of_a_killed_run_are_taken_over(bench: Bench) -> None:
    bench.begun_before(0, 1)
    assert bench.run().rows == 2 * ROWS
    assert bench.milvus.calls == []


@pytest.mark.parametrize("key", ["collection.ttl.seconds", "ttl_field"])
def test_rows_of_a_killed_run_may_have_expired_once_they_can(bench: Bench, key: str) -> None:
    """Their time to live is set when they are counted, so there may be fewer than were imported, and never more."""
    bench.begun_before(0, 1)
    assert bench.run().exact
    bench.milvus.collections[STAGING].properties.append(common_pb2.KeyValuePair(key=key, value="60"))
    assert (bench.run().exact, bench.milvus.calls) == (False, [])


@pytest.mark.parametrize("jobs", [(0, 0), (0, 1, 1)])
def test_a_job_that_was_submitted_twice_poisons_the_collection(bench: Bench, jobs: tuple[int, ...]) -> None:
    bench.begun_before(*jobs)
    begin_staging(bench.build, bench.plan)
    assert bench.milvus.calls == [f"drop {STAGING}", f"create {STAGING}"]


def test_so_does_one_that_failed(bench: Bench) -> None:
    """It leaves rows behind."""
    bench.begun_before(0, state="ImportFailed")
    begin_staging(bench.build, bench.plan)
    assert bench.milvus.calls == [f"drop {STAGING}", f"create {STAGING}"]


def test_so_does_one_that_was_not_planned(bench: Bench) -> None:
    bench.begun_before()
    bench.milvus.add_job(STAGING, "_default", "files/insert_log/7/", "")
    begin_staging(bench.build, bench.plan)
    assert bench.milvus.calls == [f"drop {STAGING}", f"create {STAGING}"]


def test_a_collection_of_this_name_that_no_restore_made_is_not_touched(bench: Bench) -> None:
    bench.begun_before()
    del bench.milvus.collections[STAGING].properties[:]
    with pytest.raises(MilvusOpsError) as caught:
        bench.run()
    assert (caught.value.kind, bench.milvus.calls) == ("target_exists", [])


def test_rows_that_are_missing_end_the_restore(bench: Bench) -> None:
    """A wrong directory imports as completed with none."""
    bench.begun_before()
    bench.milvus.rows = {"_default": ROWS}
    with pytest.raises(MilvusOpsError) as caught:
        bench.run()
    assert caught.value.kind == "verify_failed"
    assert bench.milvus.calls[-1] == f"drop {STAGING}"


def test_another_restore_into_the_same_collection_is_noticed(bench: Bench) -> None:
    bench.begun_before(0, 1)
    begun = begin_staging(bench.build, bench.plan)
    bench.milvus.add_job(STAGING, "_default", "twice/", "")
    with pytest.raises(MilvusOpsError) as caught:
        fill_staging(bench.build, bench.plan, begun, bench.step)
    assert caught.value.kind == "ambiguous_import"
    assert bench.milvus.calls == [f"drop {STAGING}"]


def test_a_wrong_root_path_is_noticed_by_what_the_server_wrote(bench: Bench) -> None:
    bench.begun_before()
    held = bench.milvus.collections[STAGING]
    bench.store.delete([f"files/insert_log/{held.number}/1/2/3/4"])
    with pytest.raises(MilvusOpsError) as caught:
        bench.run()
    assert caught.value.kind == "root_path"
    assert bench.milvus.calls[-1] == f"drop {STAGING}"
