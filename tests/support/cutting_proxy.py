# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A relay in front of an S3 service whose lines break: chosen answers to GET stop in the middle of their body."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

CLOSE, STALL = "close", "stall"
MARK = b"~to be altered~"


@dataclass
class Breaks:
    """Which answers break: those to a GET of a path that holds C(path), after C(after) bytes of body, C(left) times."""

    path: str = ""
    after: int = 0
    left: int = 0
    how: str = CLOSE
    done: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    def take(self, request: bytes) -> bool:
        line = request.split(b"\r\n", 1)[0].decode()
        with self.guard:
            if not (self.left and line.startswith("GET ") and self.path in line.split(" ")[1].split("?")[0]):
                return False
            self.left -= 1
            self.done += 1
            return True


@contextmanager
def proxy(upstream_port: int, breaks: Breaks) -> Iterator[int]:
    """The port of a running relay. It knows requests without a body only, each sent in one piece."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        serve = partial(_serve, upstream_port=upstream_port, breaks=breaks)
        threading.Thread(target=_accept, args=(server, serve), daemon=True).start()
        yield int(server.getsockname()[1])


def _accept(server: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            client, _address = server.accept()
        except OSError:
            return
        threading.Thread(target=serve, args=(client,), daemon=True).start()


def _serve(client: socket.socket, upstream_port: int, breaks: Breaks) -> None:
    with client, suppress(OSError), socket.create_connection(("127.0.0.1", upstream_port)) as upstream:
        while request := client.recv(65536):
            upstream.sendall(request)
            if not _answer(client, upstream, breaks.after if breaks.take(request) else None, breaks.how):
                return


def _answer(client: socket.socket, upstream: socket.socket, allowed: int | None, how: str) -> bool:
    """Relay one answer, or its head and C(allowed) bytes of its body; False when the line is broken."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += upstream.recv(65536)
    head, body = answer.split(b"\r\n\r\n", 1)
    missing = _length(head) - len(body)
    client.sendall(head + b"\r\n\r\n" + body[:allowed])
    if allowed is not None:
        while len(body) < allowed and (piece := upstream.recv(65536)):
            client.sendall(piece[: allowed - len(body)])
            body += piece
        if how == STALL:
            client.recv(1)  # until the client gives up
        return False
    while missing:
        piece = upstream.recv(65536)
        client.sendall(piece)
        missing -= len(piece)
    return True


def _length(head: bytes) -> int:
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(lengths[0].split(b":")[1]) if lengths else 0


@contextmanager
def altering(upstream_port: int, times: int) -> Iterator[int]:
    """The port of a relay that alters C(MARK), so many times, in what clients send."""
    breaks = Breaks(left=times)

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", upstream_port)) as upstream:
            threading.Thread(target=_pour, args=(upstream, client), daemon=True).start()
            _pour(client, upstream, breaks)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, serve), daemon=True).start()
        yield int(server.getsockname()[1])


def _pour(giver: socket.socket, taker: socket.socket, breaks: Breaks | None = None) -> None:
    with suppress(OSError):
        while piece := giver.recv(65536):
            if breaks and MARK in piece and breaks.left:
                breaks.left -= 1
                piece = piece.replace(MARK, MARK[::-1])
            taker.sendall(piece)
