# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A relay of plain TCP before a Milvus server: it refuses, stalls, or breaks the line at a chosen call, or after bytes.

It reads no more of HTTP/2 than where a call begins and where its answer ends. A client names a method in plain text the
first time that a connection calls it; later the name is a number, and the call goes unseen.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fault_proxy import Listener, reset_line

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RESET, END_STREAM = 1, 3, 1
METHOD = re.compile(rb"/milvus\.proto\.milvus\.MilvusService/(\w+)")
BEFORE, AFTER, SILENCE = "before", "after", "silence"
"""The server never hears of the call; it has acted and nobody hears of that; it has acted and the line goes silent."""

RECEIVE_BYTES = 1 << 16
LOOK_SECONDS = 0.001


@dataclass
class Break:
    """What happens to the next call of a method, once."""

    method: str
    moment: str
    done: bool = False


@dataclass
class _Frames:
    """Splits a stream of HTTP/2 into frames: type, flags, number of the call, content."""

    buffer: bytes = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
        self.buffer = (self.buffer + data).removeprefix(PREFACE)
        while len(self.buffer) >= 9:
            size = int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < 9 + size:
                return
            head, content, self.buffer = self.buffer[:9], self.buffer[9 : 9 + size], self.buffer[9 + size :]
            yield head[3], head[4], int.from_bytes(head[5:9], "big"), content


@dataclass(eq=False)
class _Line:
    """One connection; C(awaited) is the call whose answer is not to arrive, C(under_way) those without one."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    requests: _Frames = field(default_factory=_Frames)
    answers: _Frames = field(default_factory=_Frames)
    awaited: int = -1
    silent: bool = False
    under_way: set[int] = field(default_factory=set)

    def cut(self) -> None:
        reset_line(self.client)
        reset_line(self.server)


class MilvusProxy:
    """C(calls) are the methods that were called, once per connection; after C(after_bytes) of answers it is cut."""

    def __init__(self, upstream: int) -> None:
        self.calls: list[str] = []
        self.breaks: list[Break] = []
        self.after_bytes = 0
        self.silent = False
        self._answered = 0
        self._upstream = upstream
        self._lines: set[_Line] = set()
        self.listener = Listener(self._serve)

    @property
    def port(self) -> int:
        return self.listener.port

    def __enter__(self) -> MilvusProxy:
        self.listener.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.listener.stop()

    def break_at(self, method: str, moment: str) -> Break:
        self.breaks.append(Break(method, moment))
        return self.breaks[-1]

    def refuse(self, seconds: float = 0.0) -> None:
        """From now on, or for so many seconds; the lines that are open are cut."""
        self.listener.call(self.listener.refuse(seconds))

    def refuse_between_calls(self, seconds: float) -> None:
        """As M(refuse), as soon as the server owes no answer: some calls end a server when they are broken off."""
        self.listener.call(self._refuse_between_calls(seconds))

    async def _refuse_between_calls(self, seconds: float) -> None:
        while any(line.under_way for line in self._lines):
            await asyncio.sleep(LOOK_SECONDS)
        await self.listener.refuse(seconds)

    def heal(self) -> None:
        """As if nothing had ever broken; lines that are silent are cut."""
        self.breaks, self.after_bytes, self._answered, self.silent = [], 0, 0, False
        self.listener.call(self.listener.cut())
        self.listener.call(self.listener.listen())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._upstream)
        line = _Line(writer, to_server)
        self._lines.add(line)
        pumps = [
            asyncio.ensure_future(self._requests(reader, line)),
            asyncio.ensure_future(self._answers(from_server, line)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._lines.discard(line)
            line.cut()

    async def _requests(self, reader: asyncio.StreamReader, line: _Line) -> None:
        while data := await reader.read(RECEIVE_BYTES):
            for kind, _flags, number, content in line.requests.feed(data):
                if kind == HEADERS:
                    line.under_way.add(number)
                elif kind == RESET:
                    line.under_way.discard(number)
                method = METHOD.search(content) if kind == HEADERS else None
                if method and self._breaks_now(method[1].decode(), number, line):
                    return
            line.server.write(data)
            await line.server.drain()

    def _breaks_now(self, method: str, number: int, line: _Line) -> bool:
        """Note a call; whether the line is to be cut before the server hears of it."""
        self.calls.append(method)
        found = next((item for item in self.breaks if item.method == method and not item.done), None)
        if found is None:
            return False
        found.done = True
        line.awaited = number if found.moment == AFTER else -1
        line.silent = found.moment == SILENCE
        return found.moment == BEFORE

    async def _answers(self, reader: asyncio.StreamReader, line: _Line) -> None:
        while data := await reader.read(RECEIVE_BYTES):
            for kind, flags, number, _content in line.answers.feed(data):
                ended = kind == RESET or (kind == HEADERS and flags & END_STREAM)
                if ended and number == line.awaited:
                    return
                if ended:
                    line.under_way.discard(number)
            self._answered += len(data)
            if self.after_bytes and self._answered > self.after_bytes:
                self.after_bytes = 0
                return
            if not (line.silent or self.silent):
                line.client.write(data)
                await line.client.drain()
