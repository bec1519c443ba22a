# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of which one thread has many under way: each is made once, and what goes wrong is done the patient way."""

from __future__ import annotations

import hashlib
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest
from scripted_s3 import EMPTY_LISTING, header, http, serving

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store import lane, retry, s3_service
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.copy import Copy, CopyRun, CopyTotals
from ansible_collections.vectorops.milvus.plugins.module_utils.store.http_wire import (
    Connection,
    Dry,
    Heard,
    LineBroken,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3 import S3Store

COPIED = '<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>'
BUSY = http("<Error><Code>SlowDown</Code></Error>", "503 Slow Down")
ERROR = http("<Error><Code>InternalError</Code></Error>")
GONE = http("<Error><Code>NoSuchKey</Code></Error>", "404 Not Found")
DENIED = http("<Error><Code>AccessDenied</Code></Error>", "403 Forbidden")
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"17\r\n<?xml version='1.0'?>\n  \r\n" + f"{len(COPIED):x}\r\n{COPIED}\r\n0\r\n\r\n".encode()
)
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\n" + http(COPIED)
AT_ONCE, OBJECTS = 4, 120
PLANNED = [Copy(f"from/{number}", "e", 1, f"to/{number}") for number in range(OBJECTS)]
Answer = Callable[[str, int], bytes]


@dataclass
class Service:
    """Answers by key and by how often that key was asked for; what was asked, and how many at once."""

    answer: Answer
    asked: Counter[str] = field(default_factory=Counter)
    open: int = 0
    most: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, head: str, _body: bytes) -> bytes:
        key = head.split(" ")[1].rpartition("/")[2]
        with self.guard:
            self.asked[key] += 1
            self.open += 1
            self.most, times = max(self.most, self.open), self.asked[key]
        try:
            return self.answer(key, times)
        finally:
            with self.guard:
                self.open -= 1


def store_at(port: int, key_id: str = "k") -> S3Store:
    options = {"storage_address": "127.0.0.1", "storage_port": port, "access_key_id": key_id, "bucket_name": "b"}
    return S3Store(instance_store({**options, "secret_access_key": "secret"}), WriteScope(("to/",)), AT_ONCE)


@dataclass
class Run:
    service: Service
    before: Callable[[], None] = lambda: None
    threads: Counter[str] = field(default_factory=Counter)
    copied: list[str] = field(default_factory=list)

    def copy(self, port: int) -> CopyTotals:
        return self.copy_these(store_at(port), PLANNED)

    def copy_these(self, store: S3Store, copies: Iterable[Copy], source: S3Store | None = None) -> CopyTotals:
        run = CopyRun(source or store, store, concurrency=AT_ONCE, before_each=self.before, after_each=self._note)
        return run.run(copies)

    def copy_listed(self, store: S3Store) -> CopyTotals:
        """As a backup does: each copy is made while what lies there is listed, at the same service."""
        listed = store.list_objects("to/")
        return self.copy_these(store, (Copy(f"from/{item.key[3:]}", "e", 1, item.key) for item in listed))

    def _note(self, copy: Copy) -> None:
        self.threads[threading.current_thread().name] += 1
        self.copied.append(copy.key)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(lane, "LOOK_SECONDS", 0.05)


@pytest.mark.parametrize("answer", [http(COPIED), CHUNKED, CONTINUED], ids=["counted", "in chunks", "continued"])
def test_each_copy_is_asked_for_once_and_nearly_all_from_one_thread(answer: bytes) -> None:
    service = Service(lambda key, times: answer)
    run = Run(service)
    with serving(service) as port:
        totals = run.copy(port)
    assert (totals.objects, totals.bytes, totals.gone) == (OBJECTS, OBJECTS, ())
    assert sorted(run.copied) == sorted(f"to/{number}" for number in range(OBJECTS))
    assert set(service.asked.values()) == {1}
    assert service.most <= AT_ONCE
    assert run.threads["MainThread"] >= OBJECTS / 2, run.threads


def test_a_service_that_closes_each_connection_gets_each_request_once() -> None:
    service = Service(lambda key, times: http(COPIED, Connection="close"))
    with serving(service) as port:
        assert Run(service).copy(port).objects == OBJECTS
    assert set(service.asked.values()) == {1}


@pytest.mark.parametrize(
    "first",
    [BUSY, ERROR, http(), b"", b"no HTTP\r\n\r\n", http(COPIED, Connection="close")[:-5]],
    ids=["busy", "an error in a 200", "nothing in a 200", "no answer", "no HTTP", "half an answer"],
)
def test_what_does_not_go_well_at_first_is_asked_for_again(first: bytes) -> None:
    service = Service(lambda key, times: http(COPIED) if times > 1 or int(key) % 5 else first)
    with serving(service) as port:
        assert Run(service).copy(port).objects == OBJECTS
    assert all(times <= 3 for times in service.asked.values())
    assert all(service.asked[str(number)] > 1 for number in range(0, OBJECTS, 5))
    assert service.most <= AT_ONCE


@dataclass
class Listing:
    """The first page has 40 objects; the second is refused at first, while a copy is under way."""

    last_copy: threading.Event = field(default_factory=threading.Event)
    refused: threading.Event = field(default_factory=threading.Event)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, head: str, _body: bytes) -> bytes:
        method, target = head.split(" ")[:2]
        if method == "PUT":
            if target.endswith("/39"):
                self.last_copy.set()
                self.refused.wait(10)
                time.sleep(0.1)
            return http(COPIED)
        if "continuation-token" not in target:
            return http(page_of(range(40), following="2"))
        with self.guard:
            again = self.refused.is_set()
            self.last_copy.wait(10)
            self.refused.set()
        return EMPTY_LISTING if again else BUSY


def page_of(numbers: range, *, following: str) -> str:
    objects = "".join(f"<Contents><Key>to/{number}</Key><Size>1</Size></Contents>" for number in numbers)
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{following}</NextContinuationToken>"
    return f"<ListBucketResult>{objects}{more}</ListBucketResult>"


def test_a_page_that_is_refused_does_not_wait_for_copies_that_wait_for_it() -> None:
    """A refusal leaves fewer places before the service, and those who hold them are answered after the page only."""
    run = Run(Service(lambda key, times: b""))
    with serving(Listing()) as port:
        copying = threading.Thread(target=lambda: run.copy_listed(store_at(port)), daemon=True)
        copying.start()
        copying.join(10)
        assert not copying.is_alive()
    assert sorted(run.copied) == sorted(f"to/{number}" for number in range(40))


def test_a_source_that_is_gone_is_told_and_ends_nothing() -> None:
    service = Service(lambda key, times: GONE if int(key) % 10 == 3 else http(COPIED))
    with serving(service) as port:
        totals = Run(service).copy(port)
    assert totals.objects == OBJECTS * 9 / 10
    assert sorted(copy.key for copy in totals.gone) == sorted(f"to/{number}" for number in range(3, OBJECTS, 10))


def test_where_one_side_may_not_read_the_other_the_bytes_go_through_a_few_threads() -> None:
    """One of them for each object would be many in a backup of a million."""
    threads: set[threading.Thread] = set()

    def answer(head: str, body: bytes) -> bytes:
        if head.startswith("GET "):
            return http("x", ETag='"e"')
        return DENIED if header(head, "x-amz-copy-source") else http(ETag=hashlib.md5(body).hexdigest())

    run = Run(Service(lambda key, times: b""), lambda: threads.add(threading.current_thread()))
    with serving(answer) as port:
        assert run.copy_these(store_at(port), PLANNED, store_at(port, "another")).objects == OBJECTS
    assert sorted(run.copied) == sorted(copy.key for copy in PLANNED)
    assert len(threads) <= 4 * AT_ONCE


def test_threads_that_have_ended_are_forgotten() -> None:
    """A service that is busy for hours has some copies made by threads now and then."""
    threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
    kept: list[int] = []

    def before() -> None:
        threads.add(threading.current_thread())
        kept.append(len(threads))

    service = Service(lambda key, times: http(COPIED) if times > 1 else ERROR)
    with serving(service) as port:
        assert Run(service, before).copy(port).objects == OBJECTS
    assert max(kept) <= 4 * AT_ONCE


def test_a_refusal_ends_the_run_and_what_is_under_way_is_waited_for() -> None:
    def answer(key: str, times: int) -> bytes:
        time.sleep(0.01)
        return DENIED if key == "50" else http(COPIED)

    service = Service(answer)
    run = Run(service)
    with serving(service) as port, pytest.raises(MilvusOpsError) as caught:
        run.copy(port)
    assert caught.value.kind == "permission"
    assert len(service.asked) <= 50 + 3 * AT_ONCE
    assert len(run.copied) == len(service.asked) - 1, "each that had begun was waited for"


def test_a_run_that_is_told_to_stop_begins_no_more_and_counts_what_was_made() -> None:
    stopped = threading.Event()

    def before() -> None:
        """As a signal does it: in the main thread only."""
        if "59" in service.asked and threading.current_thread() is threading.main_thread():
            stopped.set()
            raise KeyboardInterrupt

    def answer(key: str, times: int) -> bytes:
        if key == "59":
            stopped.wait(10)
            return BUSY
        return http(COPIED)

    service = Service(answer)
    run = Run(service, before)
    with serving(service) as port, pytest.raises(KeyboardInterrupt):
        run.copy(port)
    assert stopped.is_set()
    assert set(service.asked.values()) == {1}, "what was refused is not asked for again"
    assert len(run.copied) == len(service.asked) - 1 < OBJECTS - 1


def test_an_answer_that_does_not_come_is_not_waited_for_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_service, "READ_SECONDS", 0.3)
    ended = threading.Event()

    def answer(key: str, times: int) -> bytes:
        if key == "60" and times == 1:
            ended.wait(20)
        return http(COPIED)

    service = Service(answer)
    with serving(service) as port:
        assert Run(service).copy(port).objects == OBJECTS
    ended.set()
    assert service.asked["60"] == 2
    assert sum(service.asked.values()) == OBJECTS + 1


@pytest.mark.parametrize(
    ("status", "code", "busy"),
    [
        (503, "SlowDown", True),
        (503, "SlowDownWrite", True),
        (503, "SomethingNew", True),
        (200, "ServerBusy", True),
        (429, "", True),
        (200, "SlowDown", True),
        (500, "InternalError", False),
        (403, "", False),
    ],
)
def test_which_answers_ask_for_fewer_requests(status: int, code: str, busy: bool) -> None:
    assert s3_service.is_busy(status, f"<Error><Code>{code}</Code></Error>".encode()) is busy


@pytest.mark.parametrize("answer", [http(COPIED), CHUNKED, CONTINUED], ids=["counted", "in chunks", "continued"])
def test_an_answer_is_taken_whole_or_not_at_all(answer: bytes) -> None:
    def read(heard: bytes, *, ended: bool) -> bytes:
        return Connection(Heard(heard, ended=ended)).final_answer().read_all(1000, time.monotonic() + 9)

    assert read(answer, ended=False).endswith(COPIED.encode())
    for cut in range(len(answer)):
        with pytest.raises(Dry):
            read(answer[:cut], ended=False)
        with pytest.raises(LineBroken):
            read(answer[:cut], ended=True)
