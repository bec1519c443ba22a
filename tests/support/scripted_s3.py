# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that answers what a test wants, one scripted answer for each request."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Script:
    """C(answers) in the order of the requests; the last one answers all that follow. C(requests) are their heads."""

    answers: Sequence[bytes]
    requests: list[str] = field(default_factory=list)

    def header(self, number: int, name: str) -> str:
        """A header of one request, '' where it has none."""
        return header(self.requests[number], name)


def headers_of(head: str) -> dict[str, str]:
    """By name in lower case."""
    pairs = (line.split(": ", 1) for line in head.split("\r\n")[1:])
    return {name.lower(): value for name, value in pairs}


def header(head: str, name: str) -> str:
    """A header of one request, '' where it has none."""
    return headers_of(head).get(name, "")


def http(body: bytes | str = b"", status: str = "200 OK", **headers: str) -> bytes:
    content = body.encode() if isinstance(body, str) else body
    named = {"Content-Length": str(len(content)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + content


EMPTY_LIST = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
EMPTY_LISTING = http(EMPTY_LIST)


@contextmanager
def scripted(script: Script) -> Iterator[int]:
    """The port of the running service."""

    def next_answer(head: str, body: bytes) -> bytes:
        answer = script.answers[min(len(script.requests), len(script.answers) - 1)]
        script.requests.append(head)
        return answer

    with serving(next_answer) as port:
        yield port


@contextmanager
def serving(answer: Callable[[str, bytes], bytes]) -> Iterator[int]:
    """The port of a service that answers each request, given by head and body, as it is told to."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        threading.Thread(target=_accept, args=(server, answer), daemon=True).start()
        yield int(server.getsockname()[1])


def _accept(server: socket.socket, answer: Callable[[str, bytes], bytes]) -> None:
    while True:
        try:
            client, _address = server.accept()
        except OSError:
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=(client, answer), daemon=True).start()


def _serve(client: socket.socket, answer: Callable[[str, bytes], bytes]) -> None:
    with client, client.makefile("rb") as lines, suppress(OSError):
        while head := _head(lines):
            answered = answer(head, lines.read(int(header(head, "content-length") or 0)))
            client.sendall(answered)
            if not answered or b"Connection: close" in answered.partition(b"\r\n\r\n")[0]:
                return


def _head(lines: object) -> str:
    head = b""
    while (line := lines.readline()) not in (b"\r\n", b""):  # type: ignore[attr-defined]
        head += line
    return head.decode("latin-1").strip()
