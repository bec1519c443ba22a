# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the connection options are read, and which version a server has."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from pymilvus.grpc_gen import common_pb2, milvus_pb2
from waiting import wait_until

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import (
    ConnectionOptions,
    Server,
    connection_options,
)

Options = dict[str, Any]

SERVICE = "milvus.proto.milvus.MilvusService"

LOGIN = {"user": "root", "password": "SeCrEt"}
TOKEN = {"token": "SeCrEt"}
CERTIFICATE = {"client_cert_path": "/c.pem", "client_key_path": "/k.pem"}


def read(**options: Any) -> ConnectionOptions:
    return connection_options({"address": "milvus-a", **options})


def test_only_the_address_is_needed() -> None:
    assert read() == ConnectionOptions("milvus-a", 19530, None, None, None)
    assert read().target == "milvus-a:19530"
    assert read(port=1).target == "milvus-a:1"


@pytest.mark.parametrize("timeout", [None, "", 0, 30])
def test_an_unset_timeout_is_thirty_seconds(timeout: object) -> None:
    assert read(timeout=timeout).timeout == 30
    assert read(timeout=7).timeout == 7


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, (None, None, None)),
        ({"user": "", "password": "", "token": ""}, (None, None, None)),
        (LOGIN, ("root", "SeCrEt", None)),
        (TOKEN, (None, None, "SeCrEt")),
        ({**LOGIN, "authorization_enabled": True}, ("root", "SeCrEt", None)),
        ({**TOKEN, "authorization_enabled": True}, (None, None, "SeCrEt")),
        ({**LOGIN, "authorization_enabled": False}, (None, None, None)),
        ({**TOKEN, "authorization_enabled": False}, (None, None, None)),
        ({"authorization_enabled": False}, (None, None, None)),
    ],
)
def test_login(given: Options, sent: tuple[str | None, ...]) -> None:
    options = read(**given)
    assert (options.user, options.password, options.token) == sent
    assert "SeCrEt" not in repr(options)


@pytest.mark.parametrize(
    ("mode", "read_as"),
    [
        (None, "disabled"),
        ("", "disabled"),
        ("0", "disabled"),
        (0, "disabled"),
        ("disabled", "disabled"),
        ("1", "server"),
        (1, "server"),
        ("server", "server"),
        ("2", "mutual"),
        (2, "mutual"),
        ("mutual", "mutual"),
    ],
)
def test_tls_mode(mode: object, read_as: str) -> None:
    assert read(tls_mode=mode, **CERTIFICATE).tls_mode == read_as


def test_tls_files() -> None:
    options = read(tls_mode="mutual", ca_path="/ca.pem", server_name="inner", **CERTIFICATE)
    paths = (options.ca_path, options.server_name, options.client_cert_path, options.client_key_path)
    assert paths == ("/ca.pem", "inner", "/c.pem", "/k.pem")
    assert read(ca_path="").ca_path is None


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"address": ""}, "address"),
        ({"address": None}, "address"),
        ({"user": "root"}, "password"),
        ({"password": "SeCrEt"}, "user"),
        ({**LOGIN, **TOKEN}, "token"),
        ({"user": "root", **TOKEN}, "token"),
        ({"authorization_enabled": True}, "authorization_enabled"),
        ({"authorization_enabled": True, "user": "", "token": ""}, "authorization_enabled"),
        ({"tls_mode": "2"}, "tls_mode"),
        ({"tls_mode": "mutual", "client_cert_path": "/c.pem"}, "tls_mode"),
        ({"tls_mode": "mutual", "client_key_path": "/k.pem"}, "tls_mode"),
    ],
)
def test_contradictions_are_named(given: Options, where: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        read(**given)
    assert caught.value.kind == "usage"
    assert caught.value.failure.where == where
    assert caught.value.failure.next_step
    assert "SeCrEt" not in str(caught.value)


@pytest.mark.parametrize("address", ["root:CANARY@milvus-a", "http://milvus-a", "milvus-a/CANARY", "milvus a"])
def test_an_address_is_a_host_alone(address: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        connection_options({"address": address})
    assert (caught.value.kind, caught.value.failure.where) == ("usage", "address")
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    ("says", "built_as", "version"),
    [
        ("v2.3.5", "v2.6.0", "v2.3.5"),
        ("unknown", "v2.5.14-dev", "v2.5.14-dev"),
        ("8a3e1f2", "master-20260101", "8a3e1f2"),  # no version anywhere: what it says of itself
        ("unknown", None, "unknown"),
    ],
)
def test_a_server_without_a_version_is_asked_for_its_build(says: str, built_as: str | None, version: str) -> None:
    answers = {"GetVersion": milvus_pb2.GetVersionResponse(version=says)}
    if built_as is not None:
        answers["Connect"] = milvus_pb2.ConnectResponse(server_info=common_pb2.ServerInfo(build_tags=built_as))
    with answering(answers) as port, Server(read(address="127.0.0.1", port=port)) as server:
        assert server.version == version


@pytest.mark.parametrize(("method", "waits"), [("GetImportState", True), ("ListImportTasks", True), ("Import", False)])
def test_a_run_that_is_told_to_stop_waits_for_calls_that_end_a_server_when_broken_off(method: str, waits: bool) -> None:
    """Two have a nil in the proxy of 2.3.5, which ends the process; seen with calls that were cancelled in flight."""
    answered = []

    def slow(context: grpc.ServicerContext) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.5)
        answered.append(context.is_active())
        return getattr(milvus_pb2, f"{method}Response")()

    def stop(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    version = milvus_pb2.GetVersionResponse(version="v2.3.5")
    try:
        with answering({"GetVersion": version, method: slow}) as port:
            server = Server(read(address="127.0.0.1", port=port))
            with pytest.raises(KeyboardInterrupt):
                server.call(method, getattr(milvus_pb2, f"{method}Request")())
            wait_until(lambda: answered, 10)
            server.close()
        assert signal.getsignal(signal.SIGTERM) is stop
    finally:
        signal.signal(signal.SIGTERM, before)
    assert answered == [waits]


@contextmanager
def answering(answers: dict[str, Any]) -> Iterator[int]:
    """A server that answers these calls, whatever is asked, or does what is given; all others it does not know."""
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            lambda _request, context, answer=answer: answer(context) if callable(answer) else answer,
            None,
            lambda answer: answer.SerializeToString(),
        )
        for name, answer in answers.items()
    }
    listener = grpc.server(ThreadPoolExecutor(1))
    listener.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = listener.add_insecure_port("127.0.0.1:0")
    listener.start()
    try:
        yield port
    finally:
        listener.stop(None).wait()
