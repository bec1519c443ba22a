# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the S3 client keeps its connections, its place and its keys, and how it understands other services."""

from __future__ import annotations

import signal
import socket
import ssl
import threading
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from scripted_s3 import EMPTY_LIST, EMPTY_LISTING, Script, http, scripted, serving

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store import retry, s3_service
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import (
    ConditionFailed,
    Pin,
    TransferBroken,
    WriteScope,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.http_wire import Connection, LineBroken
from ansible_collections.vectorops.milvus.plugins.module_utils.store.route import Connections, find_route
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3 import S3Store

pytestmark = pytest.mark.usefixtures("alone")

SECRET = "the-secret-key"
BUSY = http("<Error><Code>SlowDown</Code></Error>", "503 Slow Down")


def store_at(port: int, *scope: str, connections: int = 32, **changes: Any) -> S3Store:
    options = {
        "storage_address": "127.0.0.1",
        "storage_port": port,
        "access_key_id": "key",
        "secret_access_key": SECRET,
        "bucket_name": "bucket",
    }
    return S3Store(instance_store({**options, **changes}), WriteScope(scope), connections)


def url_of(store: S3Store, key: str) -> str:
    site = store.service.site
    return f"{site.connections.route.url.scheme}://{site.connections.route.host}{site.path(key)}"


def test_a_service_that_is_busy_is_asked_again_over_the_same_connection() -> None:
    """A new one for each repeat, and the old ones kept, would use up what a process may have open."""
    script = Script([BUSY, EMPTY_LISTING] * 5)
    with scripted(script) as port:
        store = store_at(port)
        for _number in range(5):
            assert not store.has_objects("a/")
    assert len(script.requests) == 10
    assert store.service.site.connections.opened == 1


def test_no_more_connections_are_kept_than_are_used_at_once() -> None:
    with scripted(Script([EMPTY_LISTING])) as port:
        kept = Connections(find_route(f"http://127.0.0.1:{port}", ssl.create_default_context), most=2)
        for connection in [kept.take() for _number in range(4)]:
            kept.give_back(connection)
        for _number in range(3):
            kept.take()
    assert kept.opened == 5


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("<DeleteResult/>", id="one tag"),
        pytest.param(
            '<?xml version="1.0"?>\n<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/" />\n', id="aws"
        ),
        pytest.param("<?xml version='1.0'?>" + " " * 4000 + "<DeleteResult></DeleteResult>", id="blanks to stay alive"),
        pytest.param("<DeleteResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'></DeleteResult>", id="one quote"),
    ],
)
def test_every_way_of_writing_that_all_was_deleted_is_understood(answer: str) -> None:
    script = Script([http(answer)])
    with scripted(script) as port:
        assert store_at(port, "a/").delete(["a/1"]) == 1
    assert len(script.requests) == 1


@pytest.mark.parametrize("answer", ["<DeleteResultOf></DeleteResult>", "<Error/></DeleteResult>", "<DeleteResult>"])
def test_another_document_does_not_say_that_all_was_deleted(answer: str) -> None:
    with scripted(Script([http(answer)])) as port, pytest.raises(MilvusOpsError):
        store_at(port, "a/").delete(["a/1"])


def test_a_key_that_an_xml_reader_would_alter_is_deleted_alone() -> None:
    """A reader of XML takes a carriage return for a line feed: another object would be deleted."""
    script = Script([http(status="204 No Content")])
    with scripted(script) as port:
        assert store_at(port, "a/").delete(["a/x\rb"]) == 1
    assert script.requests[0].startswith("DELETE /bucket/a/x%0Db ")


@pytest.mark.parametrize("bucket", ["a/b", "a?b", "a#b", "..", "a b", "b\u00fccket"])
def test_a_name_that_no_bucket_has_reaches_no_service(bucket: str) -> None:
    """Written into an address, it would name another bucket, or another place in one."""
    script = Script([EMPTY_LISTING])
    with scripted(script) as port, pytest.raises(MilvusOpsError) as caught:
        store_at(port, bucket_name=bucket).has_objects("a/")
    assert (caught.value.kind, script.requests) == ("usage", [])


def test_a_profile_that_does_not_exist_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(MilvusOpsError) as caught:
        store_at(1)
    assert caught.value.kind == "usage"


def test_an_address_that_is_no_host_name_is_unreachable() -> None:
    with pytest.raises(MilvusOpsError) as caught:
        store_at(1, storage_address="a..b").has_objects("a/")
    assert caught.value.kind == "unreachable"


def test_keys_that_are_given_are_the_only_ones_that_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in a profile, and not at an address that only some hosts have."""
    asked = tmp_path / "asked"
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = /usr/bin/touch {asked}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    options = {"storage_type": "aws", "access_key_id": "key", "secret_access_key": SECRET, "bucket_name": "bucket"}
    store = S3Store(instance_store({**options, "storage_use_ssl": True, "storage_region": "eu-west-1"}))
    assert url_of(store, "a") == "https://bucket.s3.eu-west-1.amazonaws.com/a"
    assert not asked.exists()


def test_a_service_of_the_environment_at_an_ip_address_is_asked_by_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000")
    options = {"storage_type": "aws", "access_key_id": "key", "secret_access_key": SECRET, "bucket_name": "bucket"}
    assert url_of(S3Store(instance_store(options)), "a") == "http://127.0.0.1:9000/bucket/a"


def test_a_lock_that_was_removed_is_no_missing_source() -> None:
    """Some services answer 404 to a condition on an object that is not there."""
    script = Script([http("<Error><Code>NoSuchKey</Code></Error>", "404 Not Found")])
    with scripted(script) as port, pytest.raises(ConditionFailed):
        store_at(port, "a/").write("a/lock", b"x", if_etag="1")


def test_a_success_for_a_body_that_did_not_go_out_is_none() -> None:
    """Something between may answer before it has read all."""
    ours, theirs = socket.socketpair()
    theirs.sendall(http(EMPTY_LIST))
    theirs.shutdown(socket.SHUT_RD)
    with theirs, pytest.raises(LineBroken):
        Connection(ours).exchange(b"PUT / HTTP/1.1\r\n\r\n", [bytes(1 << 20)] * 8, 5.0)


@pytest.mark.parametrize("end", ["", "\r\n0\r\n"], ids=["before the end of a chunk", "before the last line"])
def test_a_connection_that_breaks_at_the_very_end_of_an_answer_is_not_used_again(
    end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The body is whole then, and the line is closed."""
    monkeypatch.setattr(s3_service, "READ_SECONDS", 0.2)
    chunk = f"{len(EMPTY_LIST):x}\r\n{EMPTY_LIST}{end}".encode()
    stalling = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk
    script = Script([stalling, EMPTY_LISTING, http("0123"), EMPTY_LISTING])
    with scripted(script) as port:
        store = store_at(port)
        assert not store.has_objects("a/")
        with store.open_range(Pin("key", "", 4), 0, 4) as reader:
            assert not store.has_objects("a/"), "while the good connection is in use"
            assert reader.read(4) == b"0123"
    assert len(script.requests) == 4


def test_a_connection_that_is_closed_is_broken_and_no_defect() -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    connection.close()
    with theirs, pytest.raises(LineBroken):
        connection.exchange(b"GET / HTTP/1.1\r\n\r\n", (), 5.0)


def test_a_lock_is_renewed_though_all_places_are_taken() -> None:
    """Large copies at a busy service take minutes each, and a lock that is not renewed ends the run."""
    asked, renewed = threading.Event(), threading.Event()

    def answer(head: str, _body: bytes) -> bytes:
        if head.startswith("PUT "):
            return http(ETag='"2"')
        asked.set()
        renewed.wait(10)
        return http("x", ETag='"1"')

    with serving(answer) as port:
        store = store_at(port, "a/", connections=1)
        reading = threading.Thread(target=store.read, args=("a/1", 10), daemon=True)
        reading.start()
        assert asked.wait(10)
        etags: list[str] = []
        renewal = threading.Thread(target=lambda: etags.append(store.write("a/lock", b"x", if_etag="1")), daemon=True)
        renewal.start()
        renewal.join(2)
        in_time = list(etags)
        renewed.set()
        reading.join(10)
    assert in_time == ["2"]


def test_requests_that_break_off_do_not_let_more_through_to_a_busy_service() -> None:
    with scripted(Script([EMPTY_LISTING, b""])) as port:
        store = store_at(port, connections=8)
        assert not store.has_objects("a/"), "it is there"
        gate = store.service.gate
        for entered in [gate.enter() for _number in range(8)]:
            gate.leave(entered, busy=True)
        assert gate.limit == 4
        with pytest.raises(MilvusOpsError):
            store.read("a/1", 10)
    assert gate.limit == 4


def test_a_service_that_is_gone_for_five_seconds_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """By each of many threads: the shortest pauses count, for the first thread to give up ends the run."""
    monkeypatch.undo()
    slept: list[float] = []
    monkeypatch.setattr(retry.random, "uniform", lambda low, high: low)
    monkeypatch.setattr(retry, "_sleep", lambda seconds, still_wanted: slept.append(seconds))

    def refuse() -> None:
        raise TransferBroken("unreachable", "refused")

    with pytest.raises(MilvusOpsError):
        retry.persist(refuse, "a/1")
    assert sum(slept) > 15
    assert max(slept) <= retry.LONGEST_PAUSE


def test_a_listing_that_does_not_move_on_is_ended() -> None:
    """It would never end, and show each of its objects again and again."""
    page = "<Contents><Key>a/1</Key><Size>1</Size></Contents><IsTruncated>true</IsTruncated>"
    answer = http(f"<ListBucketResult>{page}<NextContinuationToken>2</NextContinuationToken></ListBucketResult>")
    with scripted(Script([answer])) as port, pytest.raises(MilvusOpsError) as caught:
        list(islice(store_at(port).list_objects("a/"), 10))
    assert "the listing does not move on" in str(caught.value)


def test_a_listing_that_nobody_waits_for_any_more_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that is told to end while its service is busy ends then, and not when the time for the page is up."""
    monkeypatch.setattr(s3_service, "DEADLINE_SECONDS", 8.0)
    page = "<Contents><Key>a/1</Key><Size>1</Size></Contents><IsTruncated>true</IsTruncated>"
    first = http(f"<ListBucketResult>{page}<NextContinuationToken>2</NextContinuationToken></ListBucketResult>")
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with scripted(Script([first, BUSY])) as port:
            listed = store_at(port).list_objects("a/")
            assert next(listed).key == "a/1"
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            began = time.monotonic()
            with pytest.raises(KeyboardInterrupt):
                next(listed)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("result", ["<CopyObjectResult/>", "<CopyObjectResult><ETag></ETag></CopyObjectResult>"])
def test_a_copy_whose_result_names_no_object_is_made_again(result: str) -> None:
    copied = '<CopyObjectResult><ETag>"0cc175b9c0f1b6a831c399e269772661"</ETag></CopyObjectResult>'
    script = Script([http(result), http(copied)])
    with scripted(script) as port:
        store = store_at(port, "to/")
        store.copy_from(store, "from/a", '"0cc175b9c0f1b6a831c399e269772661"', 1, "to/a", lambda size: None)
    assert len(script.requests) == 2
