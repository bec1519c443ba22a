# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a service: its address, a proxy before it, TLS; and the connections that are open at the moment."""

from __future__ import annotations

import os
import socket
import ssl
import sys
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import SplitResult, unquote, urlsplit

from ..errors import usage_error
from .http_wire import Connection, LineBroken

CONNECT_SECONDS = 5.0
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Route:
    """How to reach C(url); C(context) is None without TLS, C(proxy) None without a proxy."""

    url: SplitResult
    context: ssl.SSLContext | None
    proxy: SplitResult | None

    @cached_property
    def host(self) -> str:
        """The host as requests name it: with its port, unless that is the usual one."""
        usual = self.url.port is None or self.url.port == PORTS[self.url.scheme]
        name = f"[{self.url.hostname}]" if ":" in (self.url.hostname or "") else self.url.hostname or ""
        return name if usual else f"{name}:{self.url.port}"

    @cached_property
    def request_prefix(self) -> str:
        """What stands before the path of each request: a proxy that is no tunnel wants the whole URL."""
        return f"http://{self.host}" if self.proxy and not self.context else ""

    @cached_property
    def request_headers(self) -> str:
        return _proxy_login(self.proxy) if self.proxy and not self.context else ""

    def connect(self) -> Connection:
        """Raises LineBroken."""
        first = self.proxy or self.url
        try:
            line = socket.create_connection((first.hostname, first.port or PORTS[first.scheme]), CONNECT_SECONDS)
        except TimeoutError as error:
            raise LineBroken("ConnectTimeoutError", f"no connection in {CONNECT_SECONDS:g} seconds") from error
        except (OSError, UnicodeError) as error:  # a name that no host can have is a UnicodeError
            raise LineBroken("EndpointConnectionError", str(error)) from error
        try:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self.context is not None:
                if self.proxy:
                    self._open_tunnel(line)
                line = self.context.wrap_socket(line, server_hostname=self.url.hostname)
            return Connection(line)
        except OSError as error:
            line.close()
            raise LineBroken.by(error) from error
        except BaseException:
            line.close()
            raise

    def _open_tunnel(self, line: socket.socket) -> None:
        name = f"[{self.url.hostname}]" if ":" in (self.url.hostname or "") else self.url.hostname
        target = f"{name}:{self.url.port or PORTS[self.url.scheme]}"
        head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{_proxy_login(self.proxy)}\r\n"
        answer = Connection(line).exchange(head.encode("latin-1"), (), CONNECT_SECONDS)
        if answer.status != 200:
            raise LineBroken("ProxyConnectionError", f"the proxy answered {answer.status} to CONNECT {target}")


class Connections:
    """Open connections to one service: each is lent to one user, and kept when it comes back.

    A pool and not one per thread, since the threads of a copy come and go, and streaming takes two at once.
    """

    def __init__(self, route: Route, most: int) -> None:
        self.route = route
        self._most = most
        self.opened = 0
        self._idle: deque[Connection] = deque()

    def take(self, *, fresh: bool = False) -> Connection:
        """The one that was used last, or a new one; C(fresh) after a break, when the kept ones may be broken too."""
        kept = None if fresh else self.take_kept()
        if kept is not None:
            return kept
        connection = self.route.connect()
        self.opened += 1
        return connection

    def take_kept(self) -> Connection | None:
        """The one that was used last, None where none is kept."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_usable():
                return connection
            connection.close()

    def give_back(self, connection: Connection) -> None:
        """Keep it, at most so many as are used at once; those that were not used for longest go."""
        self._idle.append(connection)
        if len(self._idle) > self._most:
            with suppress(IndexError):  # others have taken them meanwhile
                self._idle.popleft().close()


def find_route(url: str, make_context: Callable[[], ssl.SSLContext]) -> Route:
    """The route to a service, through the proxy that the environment names for it, as botocore would."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a service")
    parts.port  # noqa: B018 - raises ValueError for one out of range
    return Route(parts, make_context() if parts.scheme == "https" else None, _proxy_for(parts))


def _proxy_for(url: SplitResult) -> SplitResult | None:
    if sys.platform.startswith("linux") and not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass

    named = getproxies().get(url.scheme)
    if not named or proxy_bypass(url.netloc):
        return None
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    if proxy.scheme != "http" or not proxy.hostname:
        raise usage_error(
            "opening the object storage",
            f"{url.scheme}_proxy of the environment",
            f"a proxy with the scheme {proxy.scheme!r} is not supported",
            "name a proxy that is spoken to by http://, or add the service to no_proxy",
        )
    return proxy


def _proxy_login(proxy: SplitResult | None) -> str:
    if proxy is None or not proxy.username:
        return ""
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return f"Proxy-Authorization: Basic {b64encode(login.encode()).decode()}\r\n"
