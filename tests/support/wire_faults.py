# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A relay in front of an S3 service that does to a share of the requests what networks and busy services do."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

REFUSE, RESET_BEFORE, RESET_AFTER, ERROR_IN_200, TRUNCATE, STALL = (
    "503",
    "reset before",
    "reset after",
    "error in a 200",
    "truncate",
    "stall",
)
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
INTERNAL = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
SEED = 5


@dataclass
class Faults:
    """A C(share) of the requests whose first line has C(only) in it suffer C(kind); more than C(cap) at once get a 503.

    C(seconds) is what every request takes longer than without. C(lines) are the first lines of all requests; the
    numbers count what happened.
    """

    kind: str = ""
    share: float = 0.0
    only: str = ""
    cap: int = 0
    seconds: float = 0.0
    requests: int = 0
    done: int = 0
    most_at_once: int = 0
    open: int = 0
    lines: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))

    @contextmanager
    def take(self, line: str) -> Iterator[str]:
        """What to do with this request, '' for nothing."""
        with self.guard:
            self.requests += 1
            self.lines.append(line)
            self.open += 1
            self.most_at_once = max(self.most_at_once, self.open)
            hit = self.only in line and self.chance.random() < self.share
            kind = REFUSE if self.cap and self.open > self.cap else self.kind if hit else ""
            self.done += bool(kind)
        try:
            time.sleep(self.seconds)
            yield kind
        finally:
            with self.guard:
                self.open -= 1


@contextmanager
def faulty(upstream_port: int, faults: Faults) -> Iterator[int]:
    """The port of a running relay."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        threading.Thread(target=_accept, args=(server, upstream_port, faults), daemon=True).start()
        yield int(server.getsockname()[1])


def _accept(server: socket.socket, upstream_port: int, faults: Faults) -> None:
    while True:
        try:
            client, _address = server.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, upstream_port, faults), daemon=True).start()


def _serve(client: socket.socket, upstream_port: int, faults: Faults) -> None:
    with client, suppress(OSError), socket.create_connection(("127.0.0.1", upstream_port)) as upstream:
        while request := _message(client):
            with faults.take(request.split(b"\r\n", 1)[0].decode()) as kind:
                going_on = _ACTIONS[kind](client, upstream, request)
            if not going_on:
                return


def _pass_on(client: socket.socket, upstream: socket.socket, request: bytes) -> bool:
    upstream.sendall(request)
    answer = _message(upstream)
    client.sendall(answer)
    return bool(answer)


def _refuse(client: socket.socket, upstream: socket.socket, request: bytes) -> bool:
    client.sendall(b"HTTP/1.1 503 Slow Down\r\nContent-Length: %d\r\n\r\n%s" % (len(SLOW_DOWN), SLOW_DOWN))
    return True


def _error_in_200(client: socket.socket, upstream: socket.socket, request: bytes) -> bool:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(INTERNAL), INTERNAL))
    return True


def _reset_before(client: socket.socket, upstream: socket.socket, request: bytes) -> bool:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def _reset_after(client: socket.socket, upstream: socket.socket, request: bytes) -> bool:
    upstream.sendall(request)
    _message(upstream)
    return _reset_before(client, upstream, request)


def _truncate(client: socket.socket, upstream: socket.socket, request: bytes) -> bool:
    upstream.sendall(request)
    answer = _message(upstream)
    client.sendall(answer[: len(answer) - 20])
    return False


def _stall(client: socket.socket, upstream: socket.socket, request: bytes) -> bool:
    _truncate(client, upstream, request)
    client.recv(1)  # until the client gives up
    return False


_ACTIONS: dict[str, Callable[[socket.socket, socket.socket, bytes], bool]] = {
    "": _pass_on,
    REFUSE: _refuse,
    ERROR_IN_200: _error_in_200,
    RESET_BEFORE: _reset_before,
    RESET_AFTER: _reset_after,
    TRUNCATE: _truncate,
    STALL: _stall,
}


def _message(line: socket.socket) -> bytes:
    """One request or answer with its body, b"" at the end of the connection."""
    message = b""
    while b"\r\n\r\n" not in message:
        piece = line.recv(65536)
        if not piece:
            return b""
        message += piece
    head, _separator, body = message.partition(b"\r\n\r\n")
    headers = dict(item.lower().split(b":", 1) for item in head.split(b"\r\n")[1:])
    if headers.get(b"transfer-encoding", b"").strip() == b"chunked":
        while not body.endswith(b"0\r\n\r\n"):
            body += line.recv(65536)
    else:
        pieces, missing = [body], int(headers.get(b"content-length", b"0")) - len(body)
        while missing > 0 and (piece := line.recv(65536)):
            pieces.append(piece)
            missing -= len(piece)
        body = b"".join(pieces)
    return head + b"\r\n\r\n" + body
