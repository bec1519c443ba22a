# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection to one Milvus server: channel, TLS, login, and the call that turns failures into typed errors."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .._arguments import DEFAULT_PORT, is_host
from ..ending_signals import held_back
from ..errors import MilvusOpsError, shortened, usage_error
from . import sdk
from .complaints import DENIED, complained, complaint_of
from .features import UNKNOWN, parse_version

MAX_MESSAGE_BYTES = 2**31 - 1
TLS_NAMES = {"0": "disabled", "1": "server", "2": "mutual"}
RETRY_PAUSE_SECONDS = 0.5
MOST_OF_A_REASON = 500
COLLECTION_NOT_FOUND_CODE = 100
RATE_LIMIT_CODES = (8,)
QUOTA_CODES = (9, 102, 801)
QUOTA_WORDS = (
    r"quota|memory .*exceeded|disk .*exceeded|exceeded the limit number of|exceeds max configuration"
    r"|should be limited to|nodes not enough|OOM|no enough memory"
)
"""How 2.3.5 says that a limit is reached; each limit has words and a code of its own."""

QUOTA_ADVICE = "make room on the server, or raise the limit that it names"

UNREACHABLE_ADVICE = (
    (
        "Hostname Verification",
        "the server's certificate is for other names than address: set server_name to one of them",
    ),
    ("CERTIFICATE_VERIFY_FAILED", "set ca_path to the authority that signed the server's certificate"),
    ("WRONG_VERSION_NUMBER", "nothing speaks TLS at this port: set tls_mode: disabled, or correct address and port"),
    ("http1", "this is an HTTP port: set port to the gRPC port, 19530 by default"),
    ("Socket closed", "see that the port is the gRPC port; a server with TLS needs tls_mode"),
    ("HTTP2", "see that the port is the gRPC port; a server with TLS needs tls_mode"),
    ("GOAWAY", "see that the port is the gRPC port; a server with TLS needs tls_mode"),
)
"""What to do, by a piece of gRPC's own words; the first that fits."""

ENDED_WORDS = ("Unwrap failed", "Socket closed", "Connection reset")
ENDED_ADVICE = (
    "the server ended the connection after the handshake, most often for want of a client certificate that it trusts: "
    "set tls_mode: mutual, client_cert_path and client_key_path"
)

BAD_TLS_FILES = "Failed to create security handshaker"
MUST_BE_ANSWERED = ("GetImportState", "ListImportTasks")
"""Calls that end a 2.3.5 when they are broken off, for a nil in its proxy: the two, of 38 that were measured."""

UNIMPLEMENTED = "UNIMPLEMENTED"
"""How the cause of a failure says that the server has no such call."""


@dataclass(frozen=True)
class ConnectionOptions:
    """How to reach one instance; C(timeout) is seconds for one call."""

    address: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    token: str | None = field(repr=False)
    tls_mode: str = "disabled"
    ca_path: str | None = None
    server_name: str | None = None
    client_cert_path: str | None = None
    client_key_path: str | None = None
    timeout: float = 30
    rest_endpoint: str | None = None

    @property
    def target(self) -> str:
        return f"{self.address}:{self.port}"


def connection_options(options: Mapping[str, Any]) -> ConnectionOptions:
    """Read the options of fragment C(connection). Raises usage errors before any call."""
    operation = "reading the connection options"
    if not options.get("address"):
        raise usage_error(operation, "address", "no server is named", "set address (inventory: milvus_address)")
    if not is_host(str(options["address"])):
        raise usage_error(
            operation,
            "address",
            "it is not the name of a host",
            "write the name or number alone; the rest of a URL is port, tls_mode, user and password",
        )
    user, password, token = (options.get(name) or None for name in ("user", "password", "token"))
    if token and (user or password):
        raise usage_error(operation, "token", "token and user/password are both given", "give only one of them")
    if bool(user) != bool(password):
        missing = "password" if user else "user"
        raise usage_error(operation, missing, "half a login is given", f"set {missing} too")
    authorize = options.get("authorization_enabled")
    if authorize is True and not (user or token):
        raise usage_error(
            operation, "authorization_enabled", "true, but no login is given", "set user and password, or token"
        )
    if authorize is False:
        user = password = token = None
    tls_mode = TLS_NAMES.get(str(options.get("tls_mode")), str(options.get("tls_mode") or "disabled"))
    if tls_mode == "mutual" and not (options.get("client_cert_path") and options.get("client_key_path")):
        raise usage_error(
            operation, "tls_mode", "mutual TLS needs a client certificate", "set client_cert_path and client_key_path"
        )
    return ConnectionOptions(
        address=str(options["address"]),
        port=int(options.get("port") or DEFAULT_PORT),
        user=user,
        password=password,
        token=token,
        tls_mode=tls_mode,
        ca_path=options.get("ca_path") or None,
        server_name=options.get("server_name") or None,
        client_cert_path=options.get("client_cert_path") or None,
        client_key_path=options.get("client_key_path") or None,
        timeout=float(options.get("timeout") or 30),
        rest_endpoint=_rest_url(options.get("rest_endpoint")),
    )


def _rest_url(url: object) -> str | None:
    """A URL without a login, which would be shown, and without a query."""
    if not url:
        return None
    parts = urlsplit(str(url))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise usage_error(
            "reading the connection options",
            "rest_endpoint",
            "this is not the URL of a REST endpoint",
            "write http://host:19530 or https://host:19530; user and password are options of their own",
        )
    return str(url)


class Server:
    """An open connection. Every request goes through M(call), every failed answer leaves it as MilvusOpsError."""

    def __init__(self, options: ConnectionOptions) -> None:
        if sdk.MISSING:
            raise MilvusOpsError(
                "requirements", "loading the Milvus client", "pymilvus", sdk.MISSING, next_step="install pymilvus"
            )
        self.options = options
        self._channel = _open_channel(options)
        self._stub = sdk.milvus_pb2_grpc.MilvusServiceStub(self._channel)
        self._login = _login_metadata(options)
        self.version = self._read_version()

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def call(self, method: str, request: Any, *, database: str = "", timeout: float | None = None) -> Any:
        """Send one request and return its checked answer.

        C(database) is set on the request, where the message has the field, and as metadata: servers differ in which
        of the two they read (reference, 2.3.5 facts, section 5).
        """
        if database and "db_name" in request.DESCRIPTOR.fields_by_name:
            request.db_name = database
        metadata = [*self._login, *([("dbname", database)] if database else [])]
        deadline = self.options.timeout if timeout is None else timeout
        try:
            with held_back() if method in MUST_BE_ANSWERED else nullcontext():
                answer = getattr(self._stub, method)(request, timeout=deadline, metadata=metadata)
        except sdk.grpc.RpcError as error:
            raise self._rpc_failure(method, error) from error
        status = getattr(answer, "status", answer)
        if getattr(status, "code", 0) or getattr(status, "error_code", 0):
            raise self._status_failure(method, status)
        return answer

    def call_when_allowed(self, method: str, request: Any, *, database: str = "", patience: float = 60) -> Any:
        """As M(call), but waits up to C(patience) seconds while the server answers that its rate limit is exceeded."""
        end = time.monotonic() + patience
        while True:
            try:
                return self.call(method, request, database=database)
            except MilvusOpsError as error:
                if error.kind != "throttled" or time.monotonic() > end:
                    raise
                time.sleep(RETRY_PAUSE_SECONDS)

    def _read_version(self) -> str:
        """What the server says; a build that was given no version may name one in the tags that it was built with."""
        try:
            version = str(self.call("GetVersion", sdk.milvus_pb2.GetVersionRequest()).version)
        except MilvusOpsError as error:
            raise error.with_context(operation="connecting to the server") from error
        if parse_version(version) != UNKNOWN:
            return version
        try:
            tags = str(self.call("Connect", sdk.milvus_pb2.ConnectRequest()).server_info.build_tags)
        except MilvusOpsError as error:
            if error.kind != "internal":  # an old server has no such call
                raise
            tags = ""
        return tags if parse_version(tags) != UNKNOWN else version

    def _rpc_failure(self, method: str, error: Any) -> MilvusOpsError:
        code, detail = error.code(), shortened(error.details() or "", MOST_OF_A_REASON)
        status = sdk.grpc.StatusCode
        where = self.options.target
        if code == status.UNAVAILABLE and BAD_TLS_FILES in detail:
            return usage_error(
                "reading the TLS files",
                ", ".join(filter(None, (self.options.ca_path, *self._own_certificate))),
                "they are no certificates in PEM form, or the key does not belong to the client certificate",
                "correct ca_path, client_cert_path and client_key_path",
            )
        if code == status.UNAVAILABLE:
            return MilvusOpsError(
                "unreachable",
                f"calling {method}",
                where,
                f"no server answers: {detail}",
                next_step=self._unreachable_advice(detail),
            )
        if code == status.DEADLINE_EXCEEDED:
            return MilvusOpsError(
                "timeout",
                f"calling {method}",
                where,
                f"no answer within {self.options.timeout:g} seconds",
                next_step="see whether the server is healthy and the port is its gRPC port, or raise timeout",
            )
        if code == status.UNAUTHENTICATED:
            return self._login_refused(method, detail)
        if code == status.PERMISSION_DENIED:
            return MilvusOpsError("permission", f"calling {method}", where, detail, next_step=_grant_advice(detail))
        if code == status.RESOURCE_EXHAUSTED:
            return MilvusOpsError("throttled", f"calling {method}", where, detail, next_step="run the task again later")
        return MilvusOpsError(
            "internal",
            f"calling {method}",
            where,
            f"{code.name}: {detail}",
            next_step="see the log of the server; is this port its gRPC port?",
        )

    def _status_failure(self, method: str, status: Any) -> MilvusOpsError:
        code, reason = int(status.code), shortened(status.reason or "", MOST_OF_A_REASON)
        where = self.options.target
        if re.search(r"auth check failure|invalid credential|check your username and password", reason, re.IGNORECASE):
            return self._login_refused(method, reason)
        text = f"{reason} (code {code or int(status.error_code)})"
        if code in RATE_LIMIT_CODES or "rate limit" in reason.lower():
            return MilvusOpsError("throttled", f"calling {method}", where, text, next_step="run the task again later")
        if code == COLLECTION_NOT_FOUND_CODE or re.search(r"(collection|database) not found", reason):
            return MilvusOpsError("not_found", f"calling {method}", where, text, next_step="see milvus_info for names")
        quota = code in QUOTA_CODES or re.search(QUOTA_WORDS, reason, re.IGNORECASE)
        if quota and complaint_of(reason) is not DENIED:
            return MilvusOpsError("quota", f"calling {method}", where, text, next_step=QUOTA_ADVICE)
        return complained(f"calling {method}", where, reason, code=code or int(status.error_code), by_code=code > 0)

    def _login_refused(self, method: str, detail: str) -> MilvusOpsError:
        given = "a token" if self.options.token else f"user {self.options.user!r}" if self.options.user else "no login"
        return MilvusOpsError(
            "credentials",
            f"calling {method}",
            self.options.target,
            f"the server refuses the login ({given} was sent): {detail}",
            next_step="correct user and password, or token, of this host",
        )

    @property
    def _own_certificate(self) -> tuple[str | None, ...]:
        """The files of the client certificate, where it is used."""
        if self.options.tls_mode != "mutual":
            return ()
        return (self.options.client_cert_path, self.options.client_key_path)

    def _unreachable_advice(self, detail: str) -> str:
        if self.options.tls_mode != "disabled" and any(words in detail for words in ENDED_WORDS):
            return ENDED_ADVICE
        for words, advice in UNREACHABLE_ADVICE:
            if words in detail:
                return advice
        return "see that the server runs and that address and port (the gRPC port, 19530 by default) are right"


def _open_channel(options: ConnectionOptions) -> Any:
    settings: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if options.server_name:
        settings.append(("grpc.ssl_target_name_override", options.server_name))
    if options.tls_mode == "disabled":
        return sdk.grpc.insecure_channel(options.target, settings)
    mutual = options.tls_mode == "mutual"
    credentials = sdk.grpc.ssl_channel_credentials(
        root_certificates=_read_pem(options.ca_path, "ca_path"),
        private_key=_read_pem(options.client_key_path, "client_key_path") if mutual else None,
        certificate_chain=_read_pem(options.client_cert_path, "client_cert_path") if mutual else None,
    )
    return sdk.grpc.secure_channel(options.target, credentials, settings)


def _read_pem(path: str | None, option: str) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise usage_error(
            "reading the TLS files", f"{option}={path}", str(error.strerror), f"correct {option}"
        ) from error


def _grant_advice(detail: str) -> str:
    """The server names a privilege with a prefix that a grant does not take."""
    named = re.search(r"Privilege(\w+): permission deny to (\S+)", detail)
    if named is None:
        return "grant the privilege that the message names to a role of the user of this connection"
    return (
        f"grant the privilege {named[1]} to a role of the user {named[2]}; see the guide on permissions for all of them"
    )


def _login_metadata(options: ConnectionOptions) -> list[tuple[str, str]]:
    login = options.token or (f"{options.user}:{options.password}" if options.user else "")
    return [("authorization", base64.b64encode(login.encode()).decode())] if login else []
