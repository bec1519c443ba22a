# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls by REST: where they go, what they carry, and what each answer is taken for."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from certificates import create_authority
from scripted_s3 import Script, headers_of, http, scripted

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.rest import RestClient, rest_endpoint
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import connection_options

PATH = "/v2/vectordb/jobs/import/list"


def client(port: int, **options: Any) -> RestClient:
    return RestClient(connection_options({"address": "127.0.0.1", "port": port, "timeout": 5, **options}))


def answered(*answers: bytes, **options: Any) -> tuple[Any, Script]:
    script = Script(answers)
    with scripted(script) as port:
        return client(port, **options).post(PATH, {"dbName": "default"}), script


def body(**values: object) -> str:
    return json.dumps(values)


@pytest.mark.parametrize(
    ("options", "url", "name"),
    [
        ({}, "http://milvus-a:19530", "milvus-a"),
        ({"tls_mode": "server"}, "https://milvus-a:19530", "milvus-a"),
        ({"tls_mode": "server", "server_name": "real"}, "https://milvus-a:19530", "real"),
        ({"address": "::1", "port": 1}, "http://[::1]:1", "::1"),
        ({"rest_endpoint": "https://gate:8443/milvus", "server_name": "real"}, "https://gate:8443/milvus", "gate"),
        ({"rest_endpoint": "http://gate", "tls_mode": "server"}, "http://gate", "gate"),
    ],
)
def test_the_endpoint_is_the_port_of_grpc_unless_it_is_named(options: dict[str, Any], url: str, name: str) -> None:
    endpoint = rest_endpoint(connection_options({"address": "milvus-a", **options}))
    assert (endpoint.label, endpoint.expected_name) == (url, name)
    assert (endpoint.context is not None) is url.startswith("https:")


@pytest.mark.parametrize("login", [{"token": "SeCrEt"}, {"user": "root", "password": "SeCrEt"}])
def test_a_login_does_not_leave_tls(login: dict[str, Any]) -> None:
    options = {"address": "milvus-a", "tls_mode": "server", "rest_endpoint": "http://gate", **login}
    with pytest.raises(MilvusOpsError, match="in clear text"):
        rest_endpoint(connection_options(options))
    rest_endpoint(connection_options({**options, "tls_mode": "disabled"}))


@pytest.mark.parametrize("url", ["milvus-a:19530", "ftp://a", "http://", "http://user:SeCrEt@a", "http://a?x=1"])
def test_a_rest_endpoint_is_a_plain_url(url: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        connection_options({"address": "a", "rest_endpoint": url})
    assert (caught.value.kind, caught.value.failure.where) == ("usage", "rest_endpoint")
    assert "SeCrEt" not in str(caught.value)


@pytest.mark.parametrize(
    ("login", "header"),
    [
        ({}, ""),
        ({"user": "root", "password": "SeCrEt"}, "Bearer root:SeCrEt"),
        ({"token": "a-token"}, "Bearer a-token"),
    ],
)
def test_the_login_of_the_connection_is_sent(login: dict[str, Any], header: str) -> None:
    data, script = answered(http(body(code=0, data={"records": []})), **login)
    assert data == {"records": []}
    assert script.requests[0].startswith(f"POST {PATH} HTTP/1.1")
    headers = headers_of(script.requests[0])
    assert headers.get("authorization", "") == header
    assert (headers["content-type"], headers["request-timeout"]) == ("application/json", "5")
    assert headers["host"].startswith("127.0.0.1:")


def test_the_path_of_the_endpoint_stands_before_every_call() -> None:
    script = Script([http(body(code=200, data=1))])
    with scripted(script) as port:
        assert client(port, rest_endpoint=f"http://127.0.0.1:{port}/gate/").post(PATH, {}) == 1
    assert script.requests[0].startswith(f"POST /gate{PATH} ")


@pytest.mark.parametrize(
    ("answer", "kind", "cause"),
    [
        # an error in a success
        (http(body(code=1100, message="invalid parameter")), "internal", "invalid parameter (code 1100)"),
        (http(body(code=2100, message="import job does not exist, jobID=1")), "ambiguous_import", "(code 2100)"),
        (http(body(data={})), "internal", "HTTP status 200"),
        (http(body(code=True)), "internal", "HTTP status 200"),
        (
            http(body(code=1800, message="user hasn't authenticated"), "401 Unauthorized"),
            "credentials",
            "authenticated",
        ),
        (http("", "401 Unauthorized"), "credentials", "401"),
        (http(body(code=65535, message="PrivilegeImport: no"), "403 Forbidden"), "permission", "PrivilegeImport"),
        (http("<html>", "403 Forbidden"), "permission", "403"),
        (http("404 page not found", "404 Not Found"), "version", "no such call"),
        (http(body(), "404 Not Found"), "version", "no such call"),
        (http(body(code=8, message="slow down"), "429 Too Many Requests"), "throttled", "slow down"),
        (http(body(code=65535, message="too slow"), "408 Request Timeout"), "timeout", "too slow"),
        (http("", "408 Request Timeout"), "timeout", "408"),
        (http(body(code=1, message="starting"), "503 Service Unavailable"), "unreachable", "starting"),
        (http("<html>an odd gate</html>"), "unreachable", "none of a Milvus server"),
        (http("[]"), "unreachable", "none of a Milvus server"),
        (http(body(code=1, message="broken"), "500 Internal Server Error"), "internal", "broken"),
        (b"garbage\r\n\r\n", "unreachable", "no answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{", "unreachable", "no answer"),
    ],
)
def test_what_an_answer_is_taken_for(answer: bytes, kind: str, cause: str) -> None:
    """A success says so in its body; everything else is a failure with a name."""
    with pytest.raises(MilvusOpsError) as caught:
        answered(answer)
    assert (caught.value.kind, caught.value.failure.operation) == (kind, f"calling {PATH}")
    assert cause in caught.value.failure.cause
    assert caught.value.failure.where.startswith("http://127.0.0.1:")


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(MilvusOpsError) as caught:
        client(port).post(PATH, {})
    assert caught.value.kind == "unreachable"


def test_an_answer_that_does_not_come_is_a_timeout() -> None:
    """The server may have acted: a caller must not take it for a refusal."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(MilvusOpsError) as caught:
        client(silent.getsockname()[1]).post(PATH, {}, timeout=0.2)
    assert caught.value.kind == "timeout"


@contextmanager
def answering_by_tls(context: ssl.SSLContext) -> Iterator[int]:
    """A server that answers one request, with the name in the client's certificate, if it has one."""

    def serve(listener: socket.socket) -> None:
        try:
            line, _address = listener.accept()
            with context.wrap_socket(line, server_side=True) as secured:
                asked = secured.makefile("rb")
                while asked.readline().strip():
                    pass
                asked.read(len("{}"))
                peer = secured.getpeercert() or {}
                secured.sendall(http(body(code=0, data=[value for ((_key, value),) in peer.get("subject", ())])))
        except OSError:
            return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"tls_mode": "mutual", "ca": True, "server_name": "milvus"}, ""),
        ({"tls_mode": "server", "ca": True}, "unreachable"),  # another name than in the certificate
        ({"tls_mode": "server", "server_name": "milvus"}, "unreachable"),  # signed by nobody that is trusted
    ],
)
def test_tls_is_that_of_grpc(tmp_path: Path, options: dict[str, Any], kind: str) -> None:
    authority = create_authority("ours", tmp_path)
    pair, own = authority.issue("milvus", ["milvus"]), authority.issue("operator")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.path)
    context.load_cert_chain(pair.cert_path, pair.key_path)
    context.verify_mode = ssl.CERT_OPTIONAL
    if options.pop("ca", False):
        options["ca_path"] = authority.path
    options.update(client_cert_path=own.cert_path, client_key_path=own.key_path)
    with answering_by_tls(context) as port:
        if not kind:
            assert client(port, **options).post(PATH, {}) == ["operator"]
            return
        with pytest.raises(MilvusOpsError) as caught:
            client(port, **options).post(PATH, {})
    assert caught.value.kind == kind
    assert "ca_path" in caught.value.failure.next_step


def test_files_that_are_no_certificates_are_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(MilvusOpsError) as caught:
        client(1, tls_mode="server", ca_path=str(tmp_path / "ca.pem"))
    assert (caught.value.kind, caught.value.failure.where) == ("usage", str(tmp_path / "ca.pem"))
