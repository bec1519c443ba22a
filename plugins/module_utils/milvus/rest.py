# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST interface of a server, version 2: one call, its answer checked, its failures as typed errors.

A success is an answer whose body says so: an error comes with HTTP 200 too. Every call has a connection of its own, so
that threads share nothing.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..errors import MilvusOpsError, shortened, usage_error
from .complaints import complained
from .server import ConnectionOptions

SUCCESS_CODES = (0, 200)
"""200 up to about 2.4.5."""

CONNECT_SECONDS = 10.0
MOST_ANSWER_BYTES = 32 << 20
SHOWN_ANSWER = 200
PORTS = {"http": 80, "https": 443}
BUSY_STATUS = 429
LATE_STATUS = 408
"""The server has stopped waiting for its own work, which goes on."""

OUTAGE_STATUS = (502, 503, 504)


@dataclass(frozen=True)
class RestEndpoint:
    """Where the REST interface is; C(context) is None without TLS, C(expected_name) as in the certificate."""

    url: SplitResult
    context: ssl.SSLContext | None
    expected_name: str

    @property
    def label(self) -> str:
        return self.url.geturl()

    def connect(self, timeout: float) -> http.client.HTTPConnection:
        """Raises OSError."""
        host, port = self.url.hostname or "", self.url.port or PORTS[self.url.scheme]
        line = socket.create_connection((host, port), min(CONNECT_SECONDS, timeout))
        try:
            line.settimeout(timeout)
            if self.context is not None:
                line = self.context.wrap_socket(line, server_hostname=self.expected_name)
        except BaseException:
            line.close()
            raise
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
        connection.sock = line
        return connection


def rest_endpoint(options: ConnectionOptions) -> RestEndpoint:
    """The endpoint that is configured, else the port of gRPC, where servers answer both.

    The CA and the client certificate are those of gRPC. Raises C(usage), also where a login would leave TLS.
    """
    secure = options.tls_mode != "disabled"
    host = f"[{options.address}]" if ":" in options.address else options.address
    url = urlsplit(options.rest_endpoint or f"{'https' if secure else 'http'}://{host}:{options.port}")
    if secure and url.scheme == "http" and (options.token or options.user):
        raise usage_error(
            "reading the connection options",
            "rest_endpoint",
            "tls_mode asks for TLS, and the login would go to this endpoint in clear text",
            "write https:// in rest_endpoint",
        )
    name = url.hostname or ""
    if options.rest_endpoint is None and options.server_name:
        name = options.server_name
    return RestEndpoint(url, _tls_context(options) if url.scheme == "https" else None, name)


def _tls_context(options: ConnectionOptions) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.ca_path)
        if options.tls_mode == "mutual" and options.client_cert_path:
            context.load_cert_chain(options.client_cert_path, options.client_key_path)
    except (OSError, ssl.SSLError) as error:
        raise usage_error(
            "reading the TLS files",
            ", ".join(filter(None, (options.ca_path, options.client_cert_path, options.client_key_path))),
            str(error),
            "correct ca_path, client_cert_path and client_key_path",
        ) from error
    return context


class RestClient:
    """Calls to one endpoint with the login of the connection."""

    def __init__(self, options: ConnectionOptions) -> None:
        self.endpoint = rest_endpoint(options)
        self._options = options
        login = options.token or (f"{options.user}:{options.password}" if options.user else "")
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if login:
            self._headers["Authorization"] = f"Bearer {login}"

    def post(self, path: str, body: Mapping[str, Any], *, timeout: float | None = None) -> Any:
        """Send a request and return the C(data) of its checked answer.

        Raises C(version) where the server has no such route, C(timeout) and C(unreachable) where it is not known
        whether the server has acted.
        """
        seconds = self._options.timeout if timeout is None else timeout
        try:
            status, content = self._exchange(path, json.dumps(body).encode(), seconds)
        except TimeoutError as error:
            raise self._error("timeout", path, f"no answer within {seconds:g} seconds") from error
        except ssl.SSLError as error:
            advice = "set ca_path to the authority that signed its certificate, or correct rest_endpoint"
            raise self._error("unreachable", path, str(error), advice) from error
        except (OSError, http.client.HTTPException) as error:
            cause = f"no answer: {str(error) or type(error).__name__}"
            raise self._error(
                "unreachable", path, cause, "see that the server runs and rest_endpoint is right"
            ) from error
        return self._checked(path, status, content)

    def _exchange(self, path: str, body: bytes, seconds: float) -> tuple[int, bytes]:
        """Raises TimeoutError at the latest a little after C(seconds), however slowly the answer drips."""
        end = time.monotonic() + seconds
        connection = self.endpoint.connect(seconds)
        try:
            headers = {**self._headers, "Host": self.endpoint.url.netloc, "Request-Timeout": str(max(1, int(seconds)))}
            connection.request("POST", f"{self.endpoint.url.path.rstrip('/')}{path}", body, headers)
            answer = connection.getresponse()
            content = bytearray()
            while piece := answer.read1(1 << 16):
                content += piece
                if time.monotonic() > end:
                    raise TimeoutError
                if len(content) > MOST_ANSWER_BYTES:
                    raise http.client.HTTPException(f"the answer has more than {MOST_ANSWER_BYTES} bytes")
            if answer.length:
                raise http.client.IncompleteRead(bytes(content[:SHOWN_ANSWER]), answer.length)
            return answer.status, bytes(content)
        finally:
            connection.close()

    def _checked(self, path: str, status: int, content: bytes) -> Any:
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._no_milvus(path, status, content)
        code, message = answer.get("code"), str(answer.get("message") or "")
        if status == 200 and isinstance(code, int) and code in SUCCESS_CODES:
            return answer.get("data")
        if status == 404 and not message:
            raise self._no_milvus(path, status, content)
        return self._refused(path, status, code if isinstance(code, int) else 0, message or f"HTTP status {status}")

    def _refused(self, path: str, status: int, code: int, message: str) -> Any:
        if status == 401:
            raise self._error(
                "credentials", path, f"the server refuses the login: {message}", "correct user and password, or token"
            )
        if status == 403:
            raise complained(f"calling {path}", self.endpoint.label, f"permission deny: {message}", code=code)
        if status == BUSY_STATUS:
            raise self._error("throttled", path, message, "run the task again later")
        if status == LATE_STATUS:
            raise self._error("timeout", path, f"HTTP status {status}: {message}")
        if status in OUTAGE_STATUS:
            raise self._error(
                "unreachable", path, f"HTTP status {status}: {message}", "see whether the server is healthy"
            )
        raise complained(f"calling {path}", self.endpoint.label, message, code=code)

    def _no_milvus(self, path: str, status: int, content: bytes) -> MilvusOpsError:
        """No answer of this interface: an old server, another service, or a gateway before it."""
        if status == 404:
            cause = "the server has no such call"
            return self._error(
                "version", path, cause, "see that rest_endpoint is the REST endpoint of a Milvus from 2.4 on"
            )
        if status in (401, 403):
            kind = "credentials" if status == 401 else "permission"
            return self._error(kind, path, f"HTTP status {status}", "correct the login of this host")
        if status == LATE_STATUS:
            return self._error("timeout", path, f"HTTP status {status}")
        shown = shortened(content.decode("utf-8", "replace"), SHOWN_ANSWER)
        cause = f"the answer is none of a Milvus server: HTTP status {status}, {shown!r}"
        return self._error("unreachable", path, cause, "set rest_endpoint to the REST endpoint of the server")

    def _error(self, kind: str, path: str, cause: str, next_step: str = "") -> MilvusOpsError:
        advice = next_step or "see whether the server is healthy, or raise timeout"
        return MilvusOpsError(kind, f"calling {path}", self.endpoint.label, cause, next_step=advice)
