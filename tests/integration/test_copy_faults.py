# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a copy run does while the wire and the service fail: nothing is lost, nothing is wrong, and it ends in time."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fault_proxy import Action, HttpProxy, Rule, answering, breaking, reset_after, reset_before
from labs import RunningLab
from milvus_lab import LabConfig, start, stop

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store import lane, retry, s3_parts, s3_service
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore, WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.copy import Copy, CopyRun, CopyTotals
from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3 import S3Store

OBJECTS = 300
THREADS = 32
MIB = 1 << 20
SOURCE = "source/"
REFUSE, ERROR_IN_200 = answering(503, "SlowDown"), answering(200, "InternalError")
TRUNCATE, STALL = breaking(), breaking(stall=True)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    config = LabConfig(directory=Path(tmp_path_factory.mktemp("s3")), instances={"s3": {}})
    try:
        yield RunningLab(start(config))
    finally:
        stop(LabConfig(directory=config.directory), wipe=True)


@pytest.fixture(scope="module")
def expected(service: RunningLab) -> dict[str, str]:
    """The objects of the source: names and MD5s, each object with bytes of its own."""
    client, bodies = service.s3(), {f"{number:04d}": os.urandom(1000 + number) for number in range(OBJECTS)}

    def put(name: str) -> None:
        client.put_object(Bucket=service.bucket, Key=SOURCE + name, Body=bodies[name])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, bodies))
    return {name: hashlib.md5(body).hexdigest() for name, body in bodies.items()}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience of seconds, where users need that of minutes."""
    monkeypatch.setattr(s3_service, "READ_SECONDS", 1.0)
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 0.3)


@pytest.fixture
def target(request: pytest.FixtureRequest) -> str:
    return f"{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}/"


def store_at(service: RunningLab, port: int, *scope: str) -> ObjectStore:
    store = service.answer["s3"]
    options: dict[str, Any] = {
        "storage_address": store["address"],
        "storage_port": port,
        "access_key_id": store["access_key_id"],
        "secret_access_key": store["secret_access_key"],
        "bucket_name": store["bucket"],
    }
    return open_store(instance_store(options), WriteScope(scope), THREADS)


def folder(path: Path, *scope: str) -> ObjectStore:
    return open_store(instance_store({"storage_type": "local", "root_path": str(path)}), WriteScope(scope))


def copy_all(source: ObjectStore, prefix: str, destination: ObjectStore, target: str) -> CopyTotals:
    """As a backup does it: listed while it is copied, and one listing at the end."""
    copies = (
        Copy(item.key, item.etag, item.size, target + item.key.removeprefix(prefix))
        for item in source.list_objects(prefix)
    )
    run = CopyRun(source, destination, concurrency=THREADS, before_each=lambda: None, after_each=lambda copy: None)
    return run.run(copies)


def found(service: RunningLab, prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): etag for key, etag in service.objects(prefix).items()}


@pytest.mark.parametrize(
    ("action", "share"),
    [
        pytest.param(REFUSE, 0.1, id="10 % 503"),
        pytest.param(REFUSE, 0.8, id="80 % 503"),
        pytest.param(reset_before, 0.1, id="reset before the effect"),
        pytest.param(reset_after, 0.1, id="reset after the effect"),
        pytest.param(ERROR_IN_200, 0.1, id="200 with an error"),
        pytest.param(TRUNCATE, 0.1, id="truncated answers"),
        pytest.param(STALL, 0.05, id="stalled answers"),
    ],
)
def test_every_object_arrives_as_it_is(
    service: RunningLab, expected: dict[str, str], target: str, action: Action, share: float
) -> None:
    began = time.monotonic()
    with HttpProxy(service.answer["s3"]["port"], Rule(action, share=share)) as proxy:
        store = store_at(service, proxy.port, target)
        totals = copy_all(store, SOURCE, store, target)
        listed = {item.key.removeprefix(target): item.etag for item in store.list_objects(target)}
    print(f"{time.monotonic() - began:.1f} s, {len(proxy.log)} requests, {proxy.done} of them met a fault")
    assert proxy.done > OBJECTS * share / 2
    assert (totals.objects, totals.gone) == (OBJECTS, ())
    assert listed == found(service, target) == expected
    assert time.monotonic() - began < 30


def test_a_busy_service_gets_fewer_requests_at_once(service: RunningLab, expected: dict[str, str], target: str) -> None:
    """Of 32 threads as many wait as it takes; refusals stay rare, where plain repeats would meet them for ever."""
    with HttpProxy(service.answer["s3"]["port"], Rule(REFUSE, above=8), seconds=0.02) as proxy:
        store = store_at(service, proxy.port, target)
        assert copy_all(store, SOURCE, store, target).objects == OBJECTS
    assert found(service, target) == expected
    assert proxy.most_at_once > 8
    assert proxy.done < OBJECTS


@pytest.mark.parametrize("action", [REFUSE, reset_before, reset_after, TRUNCATE])
def test_streams_arrive_whole(
    service: RunningLab, expected: dict[str, str], target: str, tmp_path: Path, action: Action
) -> None:
    """Out of a service into a folder, and back: broken GETs, then broken PUTs."""
    scope = f"{tmp_path}/"
    with HttpProxy(service.answer["s3"]["port"], Rule(action, share=0.1)) as proxy:
        remote, local = store_at(service, proxy.port, target), folder(tmp_path, scope)
        assert copy_all(remote, SOURCE, local, scope).objects == OBJECTS
        assert {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()} == expected
        assert copy_all(local, scope, remote, target).objects == OBJECTS
    assert found(service, target) == expected


@pytest.mark.parametrize("action", [REFUSE, reset_after, ERROR_IN_200, TRUNCATE])
def test_large_objects_arrive_whole(
    service: RunningLab, target: str, monkeypatch: pytest.MonkeyPatch, action: Action
) -> None:
    """Copied in parts: every request of an upload may fail, and the answer to its completion may be lost."""
    monkeypatch.setattr(s3_parts, "SINGLE_BYTES", 12 * MIB)
    monkeypatch.setattr(s3_parts, "PART_BYTES", 5 * MIB)
    body = os.urandom(12 * MIB)
    service.s3().put_object(Bucket=service.bucket, Key=f"large/{target}x", Body=body)
    with HttpProxy(service.answer["s3"]["port"], Rule(action, share=0.3)) as proxy:
        store = store_at(service, proxy.port, target)
        assert copy_all(store, f"large/{target}", store, target).objects == 1
    copied = service.s3().get_object(Bucket=service.bucket, Key=f"{target}x")["Body"].read()
    assert hashlib.md5(copied).digest() == hashlib.md5(body).digest()
    assert found(service, target)["x"].endswith("-3")
    assert uploads(service, target) == []


def test_a_large_copy_that_fails_leaves_no_upload(
    service: RunningLab, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_parts, "SINGLE_BYTES", 12 * MIB)
    monkeypatch.setattr(s3_parts, "PART_BYTES", 5 * MIB)
    service.s3().put_object(Bucket=service.bucket, Key=f"large/{target}x", Body=bytes(12 * MIB))
    with HttpProxy(service.answer["s3"]["port"], Rule(ERROR_IN_200, line="partNumber=2")) as proxy:
        store = store_at(service, proxy.port, target)
        with pytest.raises(MilvusOpsError) as caught:
            copy_all(store, f"large/{target}", store, target)
    assert caught.value.kind == "unreachable"
    assert "InternalError" in caught.value.failure.cause
    assert found(service, target) == {}
    assert uploads(service, target) == []


def uploads(service: RunningLab, target: str) -> list[str]:
    listed = service.s3().list_multipart_uploads(Bucket=service.bucket)
    return [item["Key"] for item in listed.get("Uploads", []) if item["Key"].startswith(target)]


def test_deletions_are_repeated(service: RunningLab, expected: dict[str, str], target: str) -> None:
    direct = store_at(service, service.answer["s3"]["port"], target)
    copy_all(direct, SOURCE, direct, target)
    with HttpProxy(service.answer["s3"]["port"], Rule(TRUNCATE, share=0.3)) as proxy:
        store = store_at(service, proxy.port, target)
        keys = [item.key for item in store.list_objects(target)]
        assert sum(store.delete(keys[first : first + 20]) for first in range(0, OBJECTS, 20)) == OBJECTS
    assert found(service, target) == {}


@pytest.mark.parametrize(("action", "kind"), [(REFUSE, "throttled"), (STALL, "timeout")])
def test_a_service_that_never_recovers_ends_the_run_in_time(
    service: RunningLab,
    expected: dict[str, str],
    target: str,
    monkeypatch: pytest.MonkeyPatch,
    action: Action,
    kind: str,
) -> None:
    monkeypatch.setattr(retry, "DEADLINE_SECONDS", 4.0)
    monkeypatch.setattr(s3_service, "DEADLINE_SECONDS", 4.0)
    began = time.monotonic()
    with HttpProxy(service.answer["s3"]["port"], Rule(action, line="^PUT ")) as proxy:
        store = store_at(service, proxy.port, target)
        with pytest.raises(MilvusOpsError) as caught:
            copy_all(store, SOURCE, store, target)
    # the first attempt of a copy may be one of many from one thread, and is not counted
    tries = 2 * s3_service.READ_SECONDS + lane.LOOK_SECONDS
    assert time.monotonic() - began < 4.0 * 1.1 + tries
    assert caught.value.kind == kind
    assert caught.value.failure.retryable
    assert isinstance(store, S3Store)
    assert len(proxy.log) <= retry.BUDGET + 2 * THREADS
    if kind == "throttled":
        assert found(service, target) == {}
