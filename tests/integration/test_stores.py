# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies between stores: inside one service, between two, between credentials, and a disk on either side."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from embedded_lab.models import identity_from
from fault_proxy import HttpProxy, Rule, altering, breaking
from labs import RunningLab
from milvus_lab import LabConfig, start, stop
from s3_requests import GET, PUT_STREAM

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store import retry, s3_parts, s3_service, s3_upload
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import (
    ConditionFailed,
    ObjectStore,
    SourceMissing,
    StoredObject,
    WriteScope,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.copy import Copy, CopyRun
from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store

Options = dict[str, Any]
MIB = 1 << 20
OTHER_BUCKET = "other-bucket"
MARK = b"~to be altered~"
READER = {"access_key_id": "READERKEY", "secret_access_key": "reader-secret-of-this-test"}
WRITER = {"access_key_id": "WRITERKEY", "secret_access_key": "writer-secret-of-this-test"}
IDENTITIES = [
    {**READER, "name": "reader", "actions": [f"{action}:bucket-a" for action in ("Read", "List")]},
    {**WRITER, "name": "writer", "actions": [f"{action}:{OTHER_BUCKET}" for action in ("Read", "List", "Write")]},
]


@dataclass(frozen=True)
class Services:
    """Two S3 services; the first has a second bucket, and identities that see one bucket each."""

    one: RunningLab
    two: RunningLab


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    configs = [
        LabConfig(
            directory=Path(tmp_path_factory.mktemp("s3")),
            instances={"s3": {}},
            identities=tuple(identity_from(item, "test") for item in identities),
        )
        for identities in (IDENTITIES, [])
    ]
    try:
        labs = Services(*(RunningLab(start(config)) for config in configs))
        labs.one.s3().create_bucket(Bucket=OTHER_BUCKET)
        yield labs
    finally:
        for config in configs:
            stop(LabConfig(directory=config.directory), wipe=True)


def side(lab: RunningLab, **options: Any) -> Options:
    store = lab.answer["s3"]
    return {
        "storage_address": store["address"],
        "storage_port": store["port"],
        "access_key_id": store["access_key_id"],
        "secret_access_key": store["secret_access_key"],
        "bucket_name": store["bucket"],
        **options,
    }


def store_of(options: Options, *scope: str) -> ObjectStore:
    return open_store(instance_store(options), WriteScope(scope))


Put = Callable[[bytes], StoredObject]


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> str:
    """A prefix of this test's own."""
    return f"{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}/"


@pytest.fixture
def put(services: Services, folder: str) -> Put:
    """Puts a body at C(x) of the first service's first bucket; how a listing shows it."""

    def put_body(body: bytes) -> StoredObject:
        lab = services.one
        lab.s3().put_object(Bucket=lab.bucket, Key=f"{folder}x", Body=body)
        return next(iter(store_of(side(lab)).list_objects(folder)))

    return put_body


@dataclass(frozen=True)
class Way:
    """From a source to a destination that may be written below C(scope)."""

    source: ObjectStore
    destination: ObjectStore
    scope: str

    def copy(self, planned: StoredObject, name: str = "y", **changes: Any) -> str:
        pin = {"source_key": planned.key, "etag": planned.etag, "size": planned.size, **changes}
        self.destination.copy_from(self.source, key=self.scope + name, **pin)
        return self.scope + name

    def body(self, key: str) -> bytes | None:
        read = self.destination.read(key, 100 * MIB)
        return None if read is None else read.body


@pytest.fixture(params=["same bucket", "other bucket", "other service", "other credentials", "to a disk"])
def way(request: pytest.FixtureRequest, services: Services, folder: str, tmp_path: Path) -> Way:
    """Every way out of the first service's first bucket."""
    one, copies = side(services.one), f"copies/{folder}"
    ends: dict[str, tuple[Options, Options, str]] = {
        "same bucket": (one, one, copies),
        "other bucket": (one, {**one, "bucket_name": OTHER_BUCKET}, copies),
        "other service": (one, side(services.two), copies),
        "other credentials": ({**one, **READER}, {**one, **WRITER, "bucket_name": OTHER_BUCKET}, copies),
        "to a disk": (one, {"storage_type": "local", "root_path": str(tmp_path)}, f"{tmp_path}/copies/"),
    }
    source, destination, scope = ends[request.param]
    return Way(store_of(source), store_of(destination, scope), scope)


@pytest.mark.parametrize("size", [0, 1, 3 * MIB + 17])
def test_the_copy_has_the_same_bytes(way: Way, put: Put, size: int) -> None:
    body = os.urandom(size)
    key = way.copy(put(body))
    assert way.body(key) == body
    copied = list(way.destination.list_objects(way.scope))
    assert [item.key for item in copied] == [key]
    assert copied[0].holds_the_same_as(size, hashlib.md5(body).hexdigest())


def test_a_source_that_was_replaced_is_not_copied(way: Way, put: Put) -> None:
    planned = put(b"planned")
    put(b"another")
    with pytest.raises(ConditionFailed):
        way.copy(planned)
    assert not way.destination.has_objects(way.scope)


def test_a_source_that_is_gone_is_told_apart(way: Way, put: Put, services: Services) -> None:
    planned = put(b"planned")
    services.one.s3().delete_object(Bucket=services.one.bucket, Key=planned.key)
    with pytest.raises(SourceMissing):
        way.copy(planned)
    assert not way.destination.has_objects(way.scope)


def test_a_run_counts_what_is_gone_and_copies_the_rest(way: Way, put: Put) -> None:
    planned = put(b"planned")
    copies = [
        Copy(planned.key, planned.etag, planned.size, f"{way.scope}good"),
        Copy(planned.key, "0" * 32, planned.size, f"{way.scope}changed"),
        Copy(f"{planned.key}-not-there", planned.etag, planned.size, f"{way.scope}missing"),
    ]
    run = CopyRun(way.source, way.destination, concurrency=3, before_each=lambda: None, after_each=lambda copy: None)
    totals = run.run(copies)
    assert (totals.objects, totals.bytes) == (1, planned.size)
    assert {copy.key.rpartition("/")[2] for copy in totals.gone} == {"changed", "missing"}
    assert [item.key for item in way.destination.list_objects(way.scope)] == [f"{way.scope}good"]


def test_the_rate_holds_for_every_way(way: Way, put: Put) -> None:
    """Never faster than the rate; how much slower is the machine's business."""
    planned = put(os.urandom(MIB))
    copies = [Copy(planned.key, planned.etag, planned.size, f"{way.scope}{number}") for number in range(4)]
    run = CopyRun(
        way.source,
        way.destination,
        concurrency=8,
        before_each=lambda: None,
        after_each=lambda copy: None,
        max_rate=2 * MIB,
    )
    began = time.monotonic()
    assert run.run(copies).objects == 4
    assert time.monotonic() - began >= 4 / 2


def test_a_disk_is_a_source_too(services: Services, folder: str, tmp_path: Path) -> None:
    body = os.urandom(2 * MIB)
    (tmp_path / "x").write_bytes(body)
    source = store_of({"storage_type": "local", "root_path": str(tmp_path)})
    way = Way(source, store_of(side(services.two), folder), folder)
    planned = next(iter(source.list_objects(f"{tmp_path}/")))
    key = way.copy(planned)
    assert way.body(key) == body
    (tmp_path / "x").write_bytes(bytes(2 * MIB))
    with pytest.raises(ConditionFailed):
        way.copy(planned, "z")
    (tmp_path / "x").unlink()
    with pytest.raises(SourceMissing):
        way.copy(planned, "z")
    assert [item.key for item in way.destination.list_objects(folder)] == [key]


def test_one_service_is_asked_to_copy_and_two_are_streamed(
    way: Way, put: Put, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown by what passes through this process: a stream reads the source's bytes, a server-side copy does not."""
    planned = put(b"x" * 1000)
    read: list[int] = []
    original = s3_upload.S3Reader.read

    def counted(self: Any, size: int) -> bytes:
        piece = original(self, size)
        read.append(len(piece))
        return piece

    monkeypatch.setattr(s3_upload.S3Reader, "read", counted)
    way.copy(planned)
    inside = request.node.callspec.params["way"] in ("same bucket", "other bucket")
    assert sum(read) == (0 if inside else 1000)


def test_credentials_that_may_read_the_source_copy_inside_the_service(
    services: Services, put: Put, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(s3_upload.S3Reader, "read")
    planned, one = put(b"planned"), side(services.one)
    way = Way(store_of({**one, **READER}), store_of({**one, "bucket_name": OTHER_BUCKET}, folder), folder)
    assert way.body(way.copy(planned)) == b"planned"


@pytest.mark.parametrize(
    ("source", "destination", "missing"),
    [
        (WRITER, WRITER, "bucket-a"),
        (WRITER, {}, "bucket-a"),
        (READER, READER, OTHER_BUCKET),
        ({}, READER, OTHER_BUCKET),
    ],
)
def test_a_missing_right_is_told_with_its_side(
    services: Services, put: Put, folder: str, source: Options, destination: Options, missing: str
) -> None:
    """An administrator's destination copies what only it may read; every other lack of rights names the bucket."""
    planned, one = put(b"planned"), side(services.one)
    way = Way(
        store_of({**one, **source}), store_of({**one, **destination, "bucket_name": OTHER_BUCKET}, folder), folder
    )
    if not destination:
        assert way.body(way.copy(planned)) == b"planned"
        return
    with pytest.raises(MilvusOpsError) as caught:
        way.copy(planned)
    assert caught.value.kind == "permission"
    if source != destination:
        assert f"/{missing}/" in caught.value.failure.where
    assert not store_of({**one, "bucket_name": OTHER_BUCKET}).has_objects(folder)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience of seconds, where users need that of minutes."""
    monkeypatch.setattr(s3_service, "READ_SECONDS", 2)
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 0.2)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("stall", [False, True])
@pytest.mark.parametrize("end", ["other service", "disk"])
@pytest.mark.parametrize("after", [0, 700_000])
def test_a_broken_line_is_tried_again(
    services: Services, put: Put, folder: str, tmp_path: Path, stall: bool, end: str, after: int
) -> None:
    body = os.urandom(MIB)
    planned = put(body)
    rule = Rule(breaking(after, stall=stall), GET, key=planned.key, times=2)
    with HttpProxy(services.one.answer["s3"]["port"], rule) as proxy:
        way = _way_through(services, proxy.port, end, folder, tmp_path)
        began = time.monotonic()
        assert way.body(way.copy(planned)) == body
    assert rule.done == 2
    assert time.monotonic() - began < 30
    assert len(list(way.destination.list_objects(way.scope))) == 1


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("end", ["other service", "disk"])
def test_a_line_that_always_breaks_ends_with_the_cause_and_without_an_object(
    services: Services, put: Put, folder: str, tmp_path: Path, end: str
) -> None:
    planned = put(os.urandom(MIB))
    rule = Rule(breaking(MIB - 1), GET, key=planned.key)
    with HttpProxy(services.one.answer["s3"]["port"], rule) as proxy:
        way = _way_through(services, proxy.port, end, folder, tmp_path)
        with pytest.raises(MilvusOpsError) as caught:
            way.copy(planned)
    assert caught.value.kind == "unreachable"
    assert caught.value.failure.retryable
    assert rule.done == retry.ATTEMPTS
    assert not way.destination.has_objects(way.scope)
    assert list(tmp_path.rglob("*.part*")) == []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("times", [1, 0])
def test_bytes_that_change_on_their_way_are_noticed(services: Services, put: Put, folder: str, times: int) -> None:
    """The body of an upload is not part of its signature, so the service itself would keep what arrives."""
    body = MARK + os.urandom(MIB)
    planned = put(body)
    rule = Rule(altering(MARK, MARK[::-1]), PUT_STREAM, times=times)
    with HttpProxy(services.two.answer["s3"]["port"], rule) as proxy:
        destination = store_of(side(services.two, storage_port=proxy.port), folder)
        way = Way(store_of(side(services.one)), destination, folder)
        if times == 1:
            assert way.body(way.copy(planned)) == body
            return
        with pytest.raises(MilvusOpsError) as caught:
            way.copy(planned)
    assert caught.value.kind == "corrupt"
    assert not store_of(side(services.two)).has_objects(folder)


def _way_through(services: Services, port: int, end: str, folder: str, tmp_path: Path) -> Way:
    source = store_of(side(services.one, storage_port=port))
    if end == "disk":
        scope = f"{tmp_path}/copies/"
        return Way(source, store_of({"storage_type": "local", "root_path": str(tmp_path)}, scope), scope)
    return Way(source, store_of(side(services.two), folder), folder)


def test_a_large_object_goes_in_parts(
    services: Services, put: Put, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_parts, "SINGLE_BYTES", 12 * MIB)
    monkeypatch.setattr(s3_parts, "PART_BYTES", 5 * MIB)
    body = os.urandom(12 * MIB)
    planned = put(body)
    way = Way(store_of(side(services.one)), store_of(side(services.two), folder), folder)
    assert way.body(way.copy(planned)) == body
    assert next(iter(way.destination.list_objects(folder))).etag.endswith("-3")
    with pytest.raises(ConditionFailed):
        way.copy(planned, "z", etag="0" * 32)
    with pytest.raises(ConditionFailed):
        way.copy(planned, "z", etag="", size=planned.size - 1)
    with pytest.raises(ConditionFailed):
        way.copy(planned, "z", etag="", size=planned.size + 1)
    s3_two = services.two.s3()
    assert s3_two.list_multipart_uploads(Bucket=services.two.bucket).get("Uploads", []) == []


@pytest.mark.parametrize("end", ["other service", "disk"])
@pytest.mark.parametrize(("objects", "size"), [(200, MIB), (12, 16 * MIB)])
def test_memory_does_not_grow_with_the_bytes(
    services: Services, folder: str, tmp_path: Path, end: str, objects: int, size: int
) -> None:
    """Through eight threads; a stream that held whole objects would grow by more than the limit."""
    client, body = services.one.s3(), os.urandom(size)
    for number in range(objects):
        client.put_object(Bucket=services.one.bucket, Key=f"{folder}{number:03d}", Body=body)
    disk = {"storage_type": "local", "root_path": str(tmp_path)}
    asked = {
        "source": side(services.one),
        "destination": disk if end == "disk" else side(services.two),
        "scope": f"{tmp_path}/copies/" if end == "disk" else f"copies/{folder}",
        "prefix": folder,
        "threads": 8,
    }
    script = Path(__file__).parents[1] / "support" / "stream_cost.py"
    done = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    cost = json.loads(done.stdout)
    print(end, cost)
    assert cost["objects"] == objects - 2
    assert cost["grown_mib"] < 20
