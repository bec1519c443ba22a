# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to an object store: HTTPS with a private CA, credentials of boto3's chain, session tokens, regions, host names.

Where the store of the lab has no such thing (session tokens, a token service), a listener shows what is sent.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority, create_authority
from labs import RunningLab, Side
from module_process import ModuleRun, run

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3 import S3Store

LISTING = b"""<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"""
IDENTITY = b"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>
<SecretAccessKey>given-by-the-token-service</SecretAccessKey><SessionToken>token-of-the-service</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return create_authority("storage", Path(tmp_path_factory.mktemp("ca")))


@pytest.fixture
def tls_port(lab: RunningLab, authority: Authority) -> Iterator[int]:
    """The store of the lab behind HTTPS, on a port of its own."""
    pair = authority.issue("store", ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert_path, pair.key_path)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_relay, args=(listener, context, lab.answer["s3"]["port"]), daemon=True).start()
    yield int(listener.getsockname()[1])
    listener.close()


def _relay(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            plain, _address = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(plain, context, port), daemon=True).start()


def _serve(plain: socket.socket, context: ssl.SSLContext, port: int) -> None:
    try:
        with (
            context.wrap_socket(plain, server_side=True) as front,
            socket.create_connection(("127.0.0.1", port)) as back,
        ):
            threading.Thread(target=_pump, args=(back, front), daemon=True).start()
            _pump(front, back)
    except OSError:
        return


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        return


def info(side: Side, environment: dict[str, str] | None = None, **changes: Any) -> ModuleRun:
    return run("milvus_info", {**side.options, **changes}, environment={**os.environ, **(environment or {})})


def test_https_with_a_private_ca(source: Side, authority: Authority, tls_port: int, films: str, tmp_path: Path) -> None:
    https = {"storage_port": tls_port, "storage_use_ssl": True}
    trusted = info(source, **https, storage_ca_path=authority.path)
    assert not trusted.failed, trusted.output
    assert trusted.result["root_path_proof"] == "proven"
    for untrusted in ({}, {"storage_ca_path": create_authority("stranger", tmp_path).path}):
        refused = info(source, **https, **untrusted)
        assert refused.kind == "unreachable", refused.output
        assert "storage_ca_path" in refused.result["msg"]


@pytest.fixture
def proxy() -> Iterator[tuple[int, list[str]]]:
    """A proxy that opens tunnels; the first line of each request to it."""
    asked: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_open_tunnels, args=(listener, asked), daemon=True).start()
    yield int(listener.getsockname()[1]), asked
    listener.close()


def _open_tunnels(listener: socket.socket, asked: list[str]) -> None:
    while True:
        try:
            front, _address = listener.accept()
        except OSError:
            return
        threading.Thread(target=_open_tunnel, args=(front, asked), daemon=True).start()


def _open_tunnel(front: socket.socket, asked: list[str]) -> None:
    with front:
        asked.append(front.recv(65536).split(b"\r\n")[0].decode())
        host, _separator, port = asked[-1].split(" ")[1].partition(":")
        with socket.create_connection((host, int(port))) as back:
            front.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=_pump, args=(back, front), daemon=True).start()
            _pump(front, back)


def test_https_through_a_proxy(
    lab: RunningLab,
    source: Side,
    authority: Authority,
    tls_port: int,
    proxy: tuple[int, list[str]],
    films: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proxy sees where to, and nothing else; the certificate is the service's, and is checked."""
    port, asked = proxy
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    https = {**source.options, "storage_port": tls_port, "storage_use_ssl": True}
    store = S3Store(instance_store({**https, "storage_ca_path": authority.path}))
    prefix = f"{source.root_path}/insert_log/"
    assert {item.key for item in store.list_objects(prefix)} == set(lab.objects(prefix))
    assert set(asked) == {f"CONNECT 127.0.0.1:{tls_port} HTTP/1.1"}
    with pytest.raises(MilvusOpsError) as refused:
        S3Store(instance_store(https)).has_objects(prefix)
    assert refused.value.kind == "unreachable"


def test_credentials_of_the_chain(source: Side, films: str) -> None:
    """C(use_iam) leaves the credentials to boto3; here its chain finds them in the environment."""
    keys = {name: source.options[name] for name in ("access_key_id", "secret_access_key")}
    chain = {"AWS_ACCESS_KEY_ID": keys["access_key_id"], "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"]}
    none = dict.fromkeys(keys)
    assert not info(source, chain, use_iam=True, **none).failed
    assert info(source, chain, **none).kind == "usage"
    nobody = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": "/no/such/file"}
    assert info(source, nobody, use_iam=True, **none).kind == "credentials"


@pytest.fixture
def listener() -> Iterator[tuple[int, list[dict[str, str]]]]:
    """Answers every listing with an empty one and every call of a token service with credentials; notes the headers."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self, body: bytes) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append({key.lower(): value for key, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.answer(LISTING)

        def do_POST(self) -> None:
            self.answer(IDENTITY)

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, seen
    server.shutdown()
    server.server_close()


def test_session_token_and_region(listener: tuple[int, list[dict[str, str]]]) -> None:
    port, seen = listener
    options = {
        "storage_address": "127.0.0.1",
        "storage_port": port,
        "storage_region": "eu-north-7",
        "access_key_id": "key",
        "secret_access_key": "secret",
        "session_token": "the-token",
        "bucket_name": "bucket",
    }
    assert not S3Store(instance_store(options)).has_objects("a/")
    assert seen[-1]["x-amz-security-token"] == "the-token"
    assert "/eu-north-7/s3/aws4_request" in seen[-1]["authorization"]


def test_web_identity(
    listener: tuple[int, list[dict[str, str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token in a file is changed for credentials at the token service, as in a Kubernetes pod."""
    port, seen = listener
    token = tmp_path / "token"
    token.write_text("the token of the pod")
    environment = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_ROLE_ARN": "arn:aws:iam::1:role/backup",
        "AWS_ENDPOINT_URL_STS": f"http://127.0.0.1:{port}",
        "AWS_REGION": "us-east-1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    options = {"storage_address": "127.0.0.1", "storage_port": port, "use_iam": True, "bucket_name": "bucket"}
    assert not S3Store(instance_store(options)).has_objects("a/")
    assert seen[-1]["x-amz-security-token"] == "token-of-the-service"
    assert "Credential=ASIAEXAMPLE/" in seen[-1]["authorization"]


@pytest.mark.parametrize(
    ("place", "host", "path"),
    [
        pytest.param({"storage_type": "aws", "storage_region": "eu-west-1"}, "bucket.s3.", "/key", id="virtual host"),
        pytest.param(
            {"storage_type": "aws", "storage_address": "s3.eu-west-1.amazonaws.com", "storage_use_ssl": True},
            "bucket.s3.eu-west-1.amazonaws.com",
            "/key",
            id="address of Amazon",
        ),
        pytest.param({"storage_address": "minio.example.com"}, "minio.example.com", "/bucket/key", id="path"),
    ],
)
def test_addressing(place: dict[str, Any], host: str, path: str) -> None:
    """Amazon's own buckets are addressed by host name, all others by path; nothing is sent here."""
    options = {**place, "access_key_id": "key", "secret_access_key": "secret", "bucket_name": "bucket"}
    site = S3Store(instance_store(options)).service.site
    assert site.connections.route.host.startswith(host)
    assert site.path("key") == path
