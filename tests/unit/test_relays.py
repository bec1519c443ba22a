# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The relays do what the tests of faults rely on: they hit what they are told to, at the moment, and miss nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from typing import Any

import grpc
import pytest
from fault_proxy import (
    Action,
    HttpProxy,
    Rule,
    altering,
    answering,
    breaking,
    calling,
    delaying,
    refusing,
    replacing,
    reset_after,
    reset_before,
)
from milvus_proxy import AFTER, BEFORE, SILENCE, MilvusProxy
from s3_requests import Message, outside, recorded, writes
from scripted_s3 import Script, http, scripted
from waiting import wait_until

BODY = b"0123456789" * 10
QUESTION, ANSWER = b"?", b"!" * 1000
SERVICE = "/milvus.proto.milvus.MilvusService/"


def asked(port: int, *, timeout: float = 5.0, method: str = "GET", path: str = "/b/key", body: bytes = b"") -> Any:
    """Status and body of an answer, or the name of what kept it from arriving."""
    line = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        line.request(method, path, body=body)
        answer = line.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException) as error:
        return type(error).__name__
    finally:
        line.close()


@pytest.mark.parametrize(
    ("action", "expected", "acted"),
    [
        pytest.param(answering(503, "SlowDown"), 503, False, id="answered"),
        pytest.param(answering(200, body=b"x"), (200, b"x"), False, id="another body"),
        pytest.param(reset_before, "ConnectionResetError", False, id="reset before"),
        pytest.param(reset_after, "ConnectionResetError", True, id="reset after"),
        pytest.param(breaking(), "IncompleteRead", True, id="cut at the end"),
        pytest.param(breaking(0), "IncompleteRead", True, id="cut after the head"),
        pytest.param(breaking(10, stall=True), "TimeoutError", True, id="silence"),
        pytest.param(replacing(lambda body: body[:7]), (200, BODY[:7]), True, id="replaced"),
        pytest.param(delaying(0.1), (200, BODY), True, id="late"),
        pytest.param(altering(b"new", b"old"), (200, BODY), True, id="altered"),
    ],
)
def test_an_action_hits_the_chosen_request_only(action: Action, expected: Any, acted: bool) -> None:
    script, rule = Script([http(BODY)]), Rule(action, key="^key$", first=2, times=1, name="it")
    with scripted(script) as upstream, HttpProxy(upstream, rule) as proxy:
        found = [asked(proxy.port, timeout=0.5, path=path) for path in ("/b/key", "/b/other", "/b/key", "/b/key")]
    hit = found.pop(2)
    assert found == [(200, BODY)] * 3
    assert (hit[0] if isinstance(expected, int) else hit) == expected
    assert [item.fault for item in proxy.log] == ["", "", "it", ""]
    assert [item.status for item in proxy.log] == [200, 200, 200 if acted else 0, 200]
    assert (len(script.requests), rule.done) == (3 + acted, 1)


def test_what_a_client_sends_can_be_altered() -> None:
    script = Script([http(b"")])
    with scripted(script) as upstream, HttpProxy(upstream, Rule(altering(b"new", b"old!"))) as proxy:
        assert asked(proxy.port, method="PUT", body=b"a new one") == (200, b"")
    assert script.header(0, "content-length") == "9"


def test_the_host_of_a_request_passes_unchanged() -> None:
    script = Script([http(b"")])
    with scripted(script) as upstream, HttpProxy(upstream) as proxy:
        asked(proxy.port)
        assert script.header(0, "host") == f"127.0.0.1:{proxy.port}"


def test_a_relay_refuses_for_a_while_on_the_same_port() -> None:
    with scripted(Script([http(BODY)])) as upstream, HttpProxy(upstream, Rule(refusing(0.4), times=1)) as proxy:
        assert asked(proxy.port) in ("ConnectionResetError", "RemoteDisconnected")
        assert asked(proxy.port) == "ConnectionRefusedError"
        time.sleep(0.6)
        assert asked(proxy.port) == (200, BODY)


def test_something_happens_before_or_after_the_service_acts() -> None:
    script, seen = Script([http(BODY)]), []
    for after in (False, True):
        with scripted(script) as upstream:
            action = calling(lambda: seen.append(len(script.requests)), after=after)
            with HttpProxy(upstream, Rule(action)) as proxy:
                assert asked(proxy.port) == (200, BODY)
    assert seen == [0, 2]


def test_shares_and_crowds() -> None:
    with scripted(Script([http(BODY)])) as upstream:
        with HttpProxy(upstream, Rule(answering(503), share=0.5)) as proxy, ThreadPoolExecutor(8) as pool:
            found = [answer[0] for answer in pool.map(lambda _n: asked(proxy.port), range(100))]
        assert 30 < found.count(503) == proxy.done < 70
        with HttpProxy(upstream, Rule(answering(503), above=2), seconds=0.1) as proxy, ThreadPoolExecutor(4) as pool:
            found = [answer[0] for answer in pool.map(lambda _n: asked(proxy.port), range(4))]
        assert (found.count(503), proxy.most_at_once) == (2, 4)


def test_a_chunked_answer_passes_whole() -> None:
    pieces = (
        b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (b"a0\r\n", b"0\r\n", b"c" * 70000)) + b"0\r\n\r\n"
    )
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces
    with scripted(Script([answer])) as upstream, HttpProxy(upstream) as proxy:
        assert asked(proxy.port) == (200, b"a0\r\n0\r\n" + b"c" * 70000)


@pytest.mark.parametrize(
    ("method", "path", "headers", "operation"),
    [
        ("GET", "/b?list-type=2&prefix=a%2F", {}, "list"),
        ("GET", "/b/a/k", {}, "get"),
        ("GET", "/b/a/k", {"Range": "bytes=0-1"}, "get range"),
        ("GET", "/b?uploads", {}, "list uploads"),
        ("HEAD", "/b/a/k", {}, "head"),
        ("PUT", "/b/a/k", {}, "put"),
        ("PUT", "/b/a/k", {"If-None-Match": "*"}, "put if absent"),
        ("PUT", "/b/a/k", {"If-Match": '"e"'}, "put if match"),
        ("PUT", "/b/a/k", {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}, "put stream"),
        ("PUT", "/b/a/k", {"x-amz-copy-source": "/c/s%2Fx"}, "copy"),
        ("PUT", "/b/a/k?partNumber=1&uploadId=u", {"x-amz-copy-source": "/c/s/x"}, "copy part"),
        ("PUT", "/b/a/k?partNumber=1&uploadId=u", {}, "upload part"),
        ("POST", "/b/a/k?uploads=", {}, "create upload"),
        ("POST", "/b/a/k?uploadId=u", {}, "complete upload"),
        ("POST", "/b?delete=", {}, "delete many"),
        ("DELETE", "/b/a/k?uploadId=u", {}, "abort upload"),
        ("DELETE", "/b/a/k", {}, "delete"),
    ],
)
def test_requests_are_told_apart(method: str, path: str, headers: dict[str, str], operation: str) -> None:
    lines = "".join(f"\r\n{name}: {value}" for name, value in headers.items())
    body = b"<Delete><Object><Key>a/k</Key></Object></Delete>" if "delete" in path else b""
    seen = recorded(Message(f"{method} {path} HTTP/1.1{lines}".encode(), body))
    assert (seen.operation, seen.bucket) == (operation, "b")
    assert bool(writes([seen])) is (method in ("PUT", "POST", "DELETE"))
    allowed = outside([seen], ("s/", "a/"), ("a/",)) if seen.operation != "list uploads" else []
    assert allowed == []
    if seen.is_write:
        assert outside([seen], ("a/", "s/"), ("z/",)) == [seen]
    if seen.copy_source:
        assert outside([seen], ("t/",), ("a/",)) == [seen]


class Echo(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.seconds = 0.0

    def service(self, call: Any) -> Any:
        def answer(_request: bytes, _context: Any) -> bytes:
            self.heard.append(call.method)
            time.sleep(self.seconds)
            return ANSWER

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture
def echo() -> Iterator[tuple[Echo, int]]:
    server, handler = grpc.server(ThreadPoolExecutor(2)), Echo()
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield handler, port
    server.stop(None)


def called(channel: Any, method: str) -> Any:
    try:
        return channel.unary_unary(SERVICE + method, lambda item: item, lambda item: item)(QUESTION, timeout=1.0)
    except grpc.RpcError as error:
        return error.code().name


@pytest.mark.parametrize(
    ("moment", "expected", "acted"),
    [(BEFORE, "UNAVAILABLE", 0), (AFTER, "UNAVAILABLE", 1), (SILENCE, "DEADLINE_EXCEEDED", 1)],
)
def test_a_line_breaks_at_a_call(echo: tuple[Echo, int], moment: str, expected: str, acted: int) -> None:
    handler, port = echo
    with MilvusProxy(port) as proxy, grpc.insecure_channel(f"127.0.0.1:{proxy.port}") as channel:
        hit = proxy.break_at("Import", moment)
        assert called(channel, "GetVersion") == ANSWER
        assert called(channel, "Import") == expected
        assert (hit.done, handler.heard.count(f"{SERVICE}Import")) == (True, acted)
        proxy.heal()
        # the channel may take the cut line for a good one for a moment, and a call on that line reaches nobody
        wait_until(lambda: called(channel, "Import") == ANSWER, 10)
    assert handler.heard.count(f"{SERVICE}Import") == acted + 1
    assert proxy.calls.count("Import") == 2


def test_a_line_that_is_to_break_between_calls_lets_those_under_way_be_answered(echo: tuple[Echo, int]) -> None:
    handler, port = echo
    handler.seconds = 0.3
    with (
        MilvusProxy(port) as proxy,
        grpc.insecure_channel(f"127.0.0.1:{proxy.port}") as channel,
        ThreadPoolExecutor(1) as pool,
    ):
        running = pool.submit(called, channel, "GetImportState")
        wait_until(lambda: f"{SERVICE}GetImportState" in handler.heard, 10)
        proxy.refuse_between_calls(0)
        assert running.result() == ANSWER
        wait_until(lambda: called(channel, "GetVersion") == "UNAVAILABLE", 10)
        assert len(handler.heard) == 1


def test_a_line_breaks_after_some_bytes_and_refuses_until_it_is_healed(echo: tuple[Echo, int]) -> None:
    with MilvusProxy(echo[1]) as proxy:
        proxy.after_bytes = len(ANSWER) // 2  # more than the greeting of a server
        for expected in ("UNAVAILABLE", ANSWER):
            with grpc.insecure_channel(f"127.0.0.1:{proxy.port}") as channel:
                assert called(channel, "GetVersion") == expected
        proxy.refuse()
        with grpc.insecure_channel(f"127.0.0.1:{proxy.port}") as channel:
            assert called(channel, "GetVersion") == "UNAVAILABLE"
        proxy.heal()
        with grpc.insecure_channel(f"127.0.0.1:{proxy.port}") as channel:
            assert called(channel, "GetVersion") == ANSWER
