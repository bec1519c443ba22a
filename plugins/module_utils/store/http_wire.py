# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 over one socket, as little of it as talking to an object storage takes.

Own code, for speed: the standard library reads each head of an answer with the parser for e-mail, in seven times the
time (docs/performance.md).
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from typing import Any

RECEIVE_BYTES = 1 << 16
WITHOUT_BODY = (204, 304)
MOST_HEAD_BYTES = 1 << 16
IDLE_SECONDS = 1.0
"""After so long without use, look whether the service has closed the connection before using it again."""


class LineBroken(Exception):
    """The connection was not made, or it broke, stalled, or carried something else than HTTP."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(cause)
        self.name = name
        """As in the table of s3_errors."""

    @classmethod
    def by(cls, error: OSError) -> LineBroken:
        if isinstance(error, ssl.SSLCertVerificationError):
            return cls("CertificateUnknown", str(error))
        if isinstance(error, TimeoutError):
            return cls("ReadTimeoutError", str(error) or "no answer in time")
        name = "SSLError" if isinstance(error, ssl.SSLError) else type(error).__name__
        return cls(name, str(error) or name)


class Dry(Exception):
    """More must arrive before this can be read."""


class Heard:
    """What has arrived so far, in the place of a socket. Raises Dry beyond it, unless the service has ended there."""

    def __init__(self, heard: bytes, *, ended: bool) -> None:
        self._heard = heard
        self._ended = ended

    def recv(self, most: int) -> bytes:
        if not self._heard and not self._ended:
            raise Dry
        piece, self._heard = self._heard[:most], self._heard[most:]
        return piece

    def close(self) -> None:
        return None


class Answer:
    """The head of an answer, and its body to be read from the connection. Header names are in lower case."""

    def __init__(self, connection: Connection, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = headers
        self._connection = connection
        self._chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        length = headers.get("content-length")
        self._counted = length is not None and not self._chunked
        self._left = 0 if status in WITHOUT_BODY else int(length) if length is not None and not self._chunked else -1
        self.keeps_alive = (self._counted or self._chunked or status in WITHOUT_BODY) and (
            headers.get("connection", "").lower() != "close"
        )

    @property
    def finished(self) -> bool:
        """Whether the whole body was read, so that the connection can carry another request."""
        return self._left == 0

    def read(self, size: int) -> bytes:
        """At most so many bytes, b"" at the end of the body. Raises LineBroken when it ends too early."""
        if self._left == 0 or not size:
            return b""
        if self._chunked:
            return self._read_chunk(size)
        wanted = size if self._left < 0 else min(size, self._left)
        piece = self._connection.receive(wanted)
        if self._left > 0:
            if not piece:
                raise LineBroken("IncompleteReadError", f"the answer ended {self._left} bytes too early")
            self._left -= len(piece)
        elif not piece:
            self._left = 0
        return piece

    def read_all(self, most: int, deadline: float) -> bytes:
        """The whole body of a document. Raises LineBroken above C(most) bytes or after C(deadline) (monotonic)."""
        pieces, size = [], 0
        while piece := self.read(RECEIVE_BYTES):
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise LineBroken("ProtocolError", f"the answer has more than {most} bytes")
            if time.monotonic() > deadline:
                raise LineBroken("ReadTimeoutError", "the answer took too long to arrive")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read_chunk(self, size: int) -> bytes:
        if self._left < 0:
            line = self._connection.receive_line().split(b";", 1)[0].strip()
            try:
                length = int(line, 16)
            except ValueError:
                raise LineBroken("ProtocolError", f"a chunk begins with {line[:20]!r}") from None
            if length == 0:
                while self._connection.receive_line().strip():
                    pass
                self._left = 0  # not before: the connection of what is finished goes to the next user
                return b""
            self._left = length
        piece = self._connection.receive(min(size, self._left))
        if not piece:
            raise LineBroken("IncompleteReadError", "the answer ended within a chunk")
        self._left -= len(piece)
        if self._left == 0:
            self._left = -1
            self._connection.receive_line()
        return piece


class Connection:
    """One connection, one request at a time. Every failure closes it and leaves as LineBroken."""

    def __init__(self, line: socket.socket | Heard) -> None:
        self._line: Any = line
        self._buffer = b""
        self._used = time.monotonic()
        self._refused = False
        self._is_tls = isinstance(line, ssl.SSLSocket)

    def fileno(self) -> int:
        return int(self._line.fileno())

    def is_free(self, answer: Answer) -> bool:
        """Whether another request can follow: the last one went out whole, and its answer was read to the end."""
        return answer.finished and answer.keeps_alive and not self._refused and not self._buffer

    def is_usable(self) -> bool:
        """Whether it is still open; an idle one that has something to read has been closed by the service."""
        if time.monotonic() - self._used < IDLE_SECONDS:
            return True
        poller = select.poll()
        poller.register(self._line, select.POLLIN)
        return not poller.poll(0)

    def exchange(self, head: bytes, body: Iterable[bytes | memoryview], timeout: float) -> Answer:
        """Send a request and read the head of its answer. What C(body) raises passes through, with the line closed."""
        try:
            self._send(head, body, timeout)
            return self.final_answer()
        except BaseException:
            self.close()
            raise

    def begin(self, head: bytes) -> None:
        """Send a request without a body, and do not wait for the answer: M(hear) reads what there is of it."""
        try:
            self._line.setblocking(False)
            sent = self._line.send(head)
        except OSError as error:
            raise LineBroken.by(error) from error
        if sent < len(head):
            raise LineBroken("ConnectionResetError", "the request did not go out at once")

    def hear(self) -> bytes | None:
        """What has arrived since, b"" where the service has ended, None where nothing is there. Raises LineBroken."""
        self._used = time.monotonic()
        try:
            heard: bytes = self._line.recv(RECEIVE_BYTES)
            while heard and self._is_tls and self._line.pending():
                heard += self._line.recv(RECEIVE_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError as error:
            raise LineBroken.by(error) from error
        return heard

    def final_answer(self) -> Answer:
        """The head of the answer, after those that only say to go on."""
        while True:
            answer = self._receive_head()
            if self._refused and 200 <= answer.status < 300:
                raise LineBroken("ConnectionResetError", "a success was answered before the request was out")
            if answer.status >= 200:
                return answer

    def receive(self, most: int) -> bytes:
        if self._buffer:
            piece, self._buffer = self._buffer[:most], self._buffer[most:]
            return piece
        try:
            arrived: bytes = self._line.recv(min(most, RECEIVE_BYTES))
        except OSError as error:
            self.close()
            raise LineBroken.by(error) from error
        finally:
            self._used = time.monotonic()
        return arrived

    def receive_line(self) -> bytes:
        return self._receive_until(b"\n")

    def close(self) -> None:
        self._line.close()

    def _send(self, head: bytes, body: Iterable[bytes | memoryview], timeout: float) -> None:
        """A service that refuses a body closes the line while it arrives: then its answer counts, not the break."""
        try:
            self._line.settimeout(timeout)
            self._line.sendall(head)
            for piece in body:
                self._line.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            self._refused = True
        except OSError as error:
            raise LineBroken.by(error) from error

    def _receive_head(self) -> Answer:
        head = self._receive_until(b"\r\n\r\n")[:-4].decode("latin-1")
        status_line, _separator, rest = head.partition("\r\n")
        version, _separator, status = status_line.partition(" ")
        headers = {}
        for line in rest.split("\r\n") if rest else ():
            name, _separator, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = headers.get("content-length", "0")
        if not (version.startswith("HTTP/1.") and status[:3].isdecimal() and length.isdecimal()):
            raise LineBroken("ProtocolError", f"the answer begins with {status_line[:60]!r}, which is no HTTP")
        if version == "HTTP/1.0":
            headers.setdefault("connection", "close")
        return Answer(self, int(status[:3]), headers)

    def _receive_until(self, end: bytes) -> bytes:
        """Up to and with C(end), of which no head and no line has much before it."""
        found, self._buffer = self._buffer, b""
        while end not in found:
            piece = self.receive(RECEIVE_BYTES)
            if not piece:
                raise LineBroken("ConnectionClosedError", "the service closed the connection without an answer")
            found += piece
            if len(found) > MOST_HEAD_BYTES + RECEIVE_BYTES:
                raise LineBroken("ProtocolError", "the head of the answer does not end")
        wanted, _separator, self._buffer = found.partition(end)
        return wanted + end
