# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores of backups that the target's server cannot read where they lie: copied for the import, removed again."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import oracle
import pytest
from embedded_lab.models import Identity
from fault_proxy import HttpProxy, Rule, breaking
from labs import RunningLab, Side
from milvus_lab import LabConfig, start, stop
from module_process import ModuleRun, finish, killed_at, run
from module_process import start as begin
from s3_requests import GET
from waiting import wait_until

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place, require_complete
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.lock import acquire
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import imports
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options
from ansible_collections.vectorops.milvus.plugins.module_utils.progress import Progress
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.jobs import import_jobs
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.request import RestoreRequest
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.staged_copy import StagedPart, staged
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.staged_leftovers import (
    StagingArea,
    remove_leftovers,
    unfinished_jobs,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.targets import Naming
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store, instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store

Options = dict[str, Any]
ROWS = 400
OTHER_BUCKET = "other-bucket"
FILMS: Options = {"name": "films", "collections": ["films"]}
STAGING = "vectorops_staging/"
SLOWLY = {"max_rate": "64K", "copy_concurrency": 1}
STAGER = Identity(
    "stager",
    "KEYOFSTAGER",
    "secret-of-stager",
    ("List:bucket-a", "Read:bucket-a/files_a/*", f"Read:bucket-a/{STAGING}*", f"Write:bucket-a/{STAGING}*"),
)
READER = Identity("reader", "KEYOFREADER", "secret-of-reader", ("List:bucket-a", "Read:bucket-a"))
VAULT = Identity("vault", "KEYOFVAULT", "secret-of-vault", (f"List:{OTHER_BUCKET}", f"Read:{OTHER_BUCKET}"))

_numbers = itertools.count(1)


def key_of(identity: Identity, prefix: str = "") -> Options:
    return {f"{prefix}access_key_id": identity.access_key_id, f"{prefix}secret_access_key": identity.secret_access_key}


@dataclass(frozen=True)
class Stage:
    """One instance that keeps its data in a bucket and one that does so on a disk, and every place for backups."""

    lab: RunningLab
    other: RunningLab
    backups: Path
    data: Path

    @property
    def side(self) -> Side:
        return self.lab.side("milvus_a")

    def place(self, where: str) -> Options:
        """The options of the backup side."""
        store = self.other.answer["s3"]
        places: dict[str, Options] = {
            "the same bucket": {},
            "another bucket": {"backup_bucket_name": OTHER_BUCKET},
            "another service": {
                "backup_storage_address": store["address"],
                "backup_storage_port": store["port"],
                "backup_access_key_id": store["access_key_id"],
                "backup_secret_access_key": store["secret_access_key"],
                "backup_bucket_name": store["bucket"],
            },
            "a disk": {"backup_storage_type": "local", "backup_root_path": str(self.backups)},
        }
        return places[where]

    def arguments(self, where: str, **changes: Any) -> Options:
        """Of a restore of the films; each into a target of its own."""
        return {**self.side.options, **self.place(where), **FILMS, "suffix": f"_{next(_numbers)}", **changes}

    def staged(self) -> set[str]:
        return set(self.lab.objects(STAGING))

    def logs(self) -> set[str]:
        return {key for key in self.staged() if "/binlogs/" in key}

    def lock_of(self, arguments: Options) -> str:
        """The lock of the copy that such a restore stages."""
        with self.server() as server:
            return self.area(server).open(self.area(server).layout(self.backup(arguments).meta.backup_id), 1).lock_key

    def server(self) -> Server:
        return Server(connection_options(self.side.options))

    def area(self, server: Server) -> StagingArea:
        config = instance_store(self.side.options)
        return StagingArea(config, open_store(config), server)

    def source(self, arguments: Options) -> Place:
        config = backup_store(arguments)
        return Place(open_store(config), BackupLayout(config.root_path, arguments["name"]))

    def backup(self, arguments: Options) -> Any:
        return require_complete(self.source(arguments))

    def require_rows(self, arguments: Options) -> None:
        client, name = self.side.client(), f"films{arguments['suffix']}"
        assert oracle.count(client, name) == len(oracle.expected(ROWS))
        assert oracle.differences(oracle.read_all(client, name), oracle.expected(ROWS)) == []


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The films are backed up to every place but the same bucket; nothing is staged when a test begins."""
    data, backups = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("backups")
    on_disk = {"config": {"common": {"storageType": "local"}, "localStorage": {"path": str(data)}}}
    one = LabConfig(
        directory=Path(tmp_path_factory.mktemp("lab")),
        instances={"milvus_a": {}, "milvus_d": on_disk},
        identities=(STAGER, READER, VAULT),
    )
    two = LabConfig(directory=Path(tmp_path_factory.mktemp("s3")), instances={"s3": {}})
    try:
        stage = Stage(RunningLab(start(one)), RunningLab(start(two)), backups, data)
        stage.lab.s3().create_bucket(Bucket=OTHER_BUCKET)
        oracle.create_collection(stage.side.client(), "films", rows=ROWS)
        for where in ("another bucket", "another service", "a disk"):
            require_success(run("milvus_backup", {**stage.side.options, **stage.place(where), **FILMS}))
        yield stage
    finally:
        for config in (one, two):
            stop(LabConfig(directory=config.directory), wipe=True)


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def require_success(made: ModuleRun) -> None:
    assert not made.failed, made.output


@pytest.mark.parametrize("where", ["another bucket", "another service", "a disk"])
def test_rows_are_exact_and_nothing_is_left(stage: Stage, where: str) -> None:
    arguments = stage.arguments(where)
    objects = stage.backup(arguments).meta.objects
    planned = run("milvus_restore", arguments, check=True)
    require_success(planned)
    made = run("milvus_restore", arguments)
    require_success(made)
    stage.require_rows(arguments)
    assert stage.staged() == set()
    assert (made.result["copied"]["objects"], made.result["kept_objects"]) == (objects, 0)
    assert made.result["copied"]["bytes"] == stage.backup(arguments).meta.size
    again = run("milvus_restore", arguments)
    assert (again.failed, again.result["changed"]) == (False, False)
    assert again.result["copied"]["objects"] == 0


def test_into_a_server_on_a_disk(stage: Stage) -> None:
    """The copy lies inside the folder that is known to be the server's: what else it can see, nobody knows."""
    disk = stage.lab.side("milvus_d")
    own = {"address": disk.options["address"], "port": disk.options["port"], "root_path": str(stage.data)}
    storage = {f"backup_{name}": value for name, value in stage.side.options.items() if name not in own}
    bucket = {"backup_storage_type": "minio", "backup_bucket_name": OTHER_BUCKET}
    arguments = {**own, **storage, **bucket, "storage_type": "local", **FILMS}
    made = run("milvus_restore", arguments)
    require_success(made)
    assert made.result["copied"]["objects"] == stage.backup(arguments).meta.objects
    assert oracle.differences(oracle.read_all(disk.client(), "films"), oracle.expected(ROWS)) == []
    assert [path for path in stage.data.glob("vectorops_staging/**/*") if path.is_file()] == []


def test_the_documented_rights_are_enough(stage: Stage) -> None:
    """One key that cannot write the data of the instance, and one that can only read the backups."""
    arguments = stage.arguments("another bucket", **key_of(STAGER), **key_of(VAULT, "backup_"))
    require_success(run("milvus_restore", arguments))
    stage.require_rows(arguments)
    assert stage.staged() == set()


def test_a_key_that_may_only_read_is_told_before_anything_happens(stage: Stage) -> None:
    arguments = stage.arguments("another bucket", **key_of(READER), **key_of(VAULT, "backup_"))
    before, collections = stage.lab.objects(), set(stage.side.client().list_collections())
    renamed = {"films": "new_database.films"}
    refused = run("milvus_restore", {**arguments, "rename": renamed})
    assert refused.kind == "permission", refused.output
    assert "vectorops_staging/" in refused.result["failure"]["next_step"]
    assert set(stage.side.client().list_collections()) == collections
    assert stage.side.client().list_databases() == ["default"]
    assert stage.lab.objects().keys() >= before.keys()


def test_a_run_killed_in_mid_copy_is_continued(stage: Stage) -> None:
    arguments = stage.arguments("another bucket")
    process = begin("milvus_restore", {**arguments, **SLOWLY})
    wait_until(lambda: len(stage.logs()) >= 3)
    kill(process)
    left = stage.logs()
    made = run("milvus_restore", arguments)
    require_success(made)
    assert made.result["kept_objects"] >= len(left) >= 3
    assert made.result["copied"]["objects"] > 0
    assert made.result["copied"]["objects"] + made.result["kept_objects"] == stage.backup(arguments).meta.objects
    stage.require_rows(arguments)
    assert stage.staged() == set()


def test_a_run_killed_in_mid_import_is_continued(stage: Stage) -> None:
    """The jobs read the copy meanwhile; the next run takes over both."""
    arguments, client = stage.arguments("another bucket"), stage.side.client()
    process = begin("milvus_restore", arguments)
    staging = f"films{arguments['suffix']}__restoring_"
    wait_until(lambda: any(name.startswith(staging) for name in client.list_collections()))
    time.sleep(1)
    kill(process)
    left = stage.logs()
    assert len(left) == stage.backup(arguments).meta.objects
    made = run("milvus_restore", arguments)
    require_success(made)
    assert (made.result["copied"]["objects"], made.result["kept_objects"]) == (0, len(left))
    stage.require_rows(arguments)
    assert stage.staged() == set()


def test_what_a_run_killed_after_the_import_left_is_removed_by_one_with_nothing_to_do(stage: Stage) -> None:
    """Also by a restore that stages nothing. In check mode it stays."""
    arguments = {**stage.arguments("another bucket"), "copy_concurrency": 1}
    objects = stage.backup(arguments).meta.objects
    assert killed_at("milvus_restore", arguments, "before:delete staged log:1")
    stage.require_rows(arguments)
    left = stage.staged()
    assert len(left) == objects + 1
    assert run("milvus_restore", arguments, check=True).result["changed"] is False
    assert stage.staged() == left
    again = run("milvus_restore", arguments)
    assert (again.failed, again.result["changed"]) == (False, False), again.output
    assert "was removed" in again.output
    assert stage.staged() == set()


def test_a_copy_that_breaks_off_is_continued(stage: Stage) -> None:
    """A service that fails for one object: the failure says what is left, the next run copies only the rest."""
    arguments = stage.arguments("another service", copy_concurrency=1)
    logs = sorted(stage.other.objects("backup/films/binlogs/"))
    rule = Rule(breaking(0), GET, key=logs[len(logs) // 2])
    with HttpProxy(stage.other.answer["s3"]["port"], rule) as proxy:
        broken = run("milvus_restore", {**arguments, "backup_storage_port": proxy.port})
    assert broken.kind == "unreachable", broken.output
    assert STAGING in broken.result["failure"]["state_left"]
    assert len(stage.logs()) >= len(logs) // 2
    assert not stage.side.client().has_collection(f"films{arguments['suffix']}")
    made = run("milvus_restore", arguments)
    require_success(made)
    assert made.result["copied"]["objects"] + made.result["kept_objects"] == len(logs)
    assert made.result["kept_objects"] >= len(logs) // 2
    stage.require_rows(arguments)
    assert stage.staged() == set()


def test_a_run_that_is_told_to_stop_takes_its_copy_away(stage: Stage) -> None:
    arguments = stage.arguments("another bucket", **SLOWLY)
    process = begin("milvus_restore", arguments)
    wait_until(lambda: len(stage.logs()) >= 3)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert finish(process).kind == "cancelled"
    assert time.monotonic() - began < 15
    assert stage.staged() == set()


def fail_after_submitting(server: Server, name: str, jobs: Any, copy: Any) -> None:
    with copy:
        for files in jobs:
            imports.submit(server, CollectionName("default", name), files)
        raise MilvusOpsError("verify_failed", "testing", name, "a run that fails while its jobs are at work")


def test_a_copy_that_an_import_reads_stays_until_it_has_ended(stage: Stage) -> None:
    arguments = stage.arguments("another bucket")
    backup, source = stage.backup(arguments), stage.source(arguments)
    meta = backup.meta.collections[0]
    client, name = stage.side.client(), f"read_{next(_numbers)}"
    oracle.create_collection(client, name, rows=0)
    request = RestoreRequest((), Naming({}, ""))
    with stage.server() as server:
        area = stage.area(server)
        layout = area.layout(backup.meta.backup_id)
        jobs = 2 * import_jobs(layout, meta)
        with pytest.raises(MilvusOpsError) as caught:
            fail_after_submitting(
                server, name, jobs, staged(area, request, source, backup, StagedPart([meta]), Progress(), [])
            )
        assert "unfinished import jobs" in caught.value.failure.state_left
        assert layout.directory in caught.value.failure.state_left
        assert remove_leftovers(area).removed == ()
        assert len(stage.logs()) == backup.meta.objects
        wait_until(lambda: not unfinished_jobs(server, layout))
        assert len(remove_leftovers(area).removed) == 1
    client.drop_collection(name)
    assert stage.staged() == set()


def test_what_belongs_to_others_is_respected(stage: Stage) -> None:
    """The copy of a living run, another instance's, and what only looks a little like one. Then one listing is all."""
    arguments = stage.arguments("the same bucket")
    require_success(run("milvus_backup", {**stage.side.options, **FILMS}))
    with stage.server() as server:
        area = stage.area(server)
        foreign = {
            f"{area.root_path}/notes/binlogs/insert_log/1/2/3/4",
            f"{area.root_path}/{'0' * 16}/meta/full_meta.json",
            f"{STAGING}{'0' * 16}/{'1' * 16}/binlogs/insert_log/1/2/3/4",
            f"{STAGING}note",
        }
        dead = f"{area.root_path}/{'2' * 16}/binlogs/insert_log/1/2/3/4"
        for key in (*foreign, dead):
            stage.lab.s3().put_object(Bucket=stage.lab.bucket, Key=key, Body=b"x")
        living = area.open(area.layout("of a living run"), 1)
        held: Any = acquire(living.store, living.lock_key, "living", wait=0, meanwhile=lambda: None)
        with held:
            made = run("milvus_restore", arguments)
            require_success(made)
            assert stage.staged() == {*foreign, living.lock_key}
        for key in foreign:
            stage.lab.s3().delete_object(Bucket=stage.lab.bucket, Key=key)
    assert f"{'2' * 16}/ was removed" in made.output
    assert f"{'0' * 16}/: it holds" in made.output


def test_the_lock_of_another_run_on_the_same_copy_is_respected(stage: Stage) -> None:
    arguments = stage.arguments("another bucket")
    key, lab = stage.lock_of(arguments), stage.lab
    with stage.server() as server:
        held: Any = acquire(
            stage.area(server).open(stage.area(server).layout(stage.backup(arguments).meta.backup_id), 1).store,
            key,
            "living",
            wait=0,
            meanwhile=lambda: None,
        )
        with held:
            refused = run("milvus_restore", arguments)
            assert refused.kind == "lock_held", refused.output
            assert str(os.getpid()) in refused.result["msg"]
            body = json.loads(lab.s3().get_object(Bucket=lab.bucket, Key=key)["Body"].read())
            assert (body["run_id"], stage.staged()) == ("living", {key})
    assert stage.staged() == set()
