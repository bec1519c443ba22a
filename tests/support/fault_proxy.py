# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A relay before an S3 service that breaks chosen requests and writes down all of them.

The C(Host) of a request passes unchanged, so its signature stays valid. The records prove what was asked of the service
and what was not: writes, keys outside a prefix, how often something was repeated.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from s3_requests import Message, Record, recorded

SEED = 5
RESET = struct.pack("ii", 1, 0)
MOST_HEAD_BYTES = 1 << 20
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Exchange:
    """One request on its way, for an action: it may forward it, answer it, or break the line."""

    request: Message
    record: Record
    client: Stream
    service: Stream
    proxy: HttpProxy
    going_on: bool = True

    async def forward(self, request: Message | None = None) -> Message:
        """Let the service act, and take its answer."""
        self.service[1].write((request or self.request).raw)
        await self.service[1].drain()
        while True:
            answer = await receive(self.service[0], bodiless=self.record.method == "HEAD")
            if answer is None:
                raise ConnectionResetError
            if answer.words[1] != "100":
                break
        self.record.status = int(answer.words[1])
        return answer

    async def give(self, data: bytes) -> None:
        self.client[1].write(data)
        await self.client[1].drain()

    def reset(self) -> None:
        self.going_on = False
        reset_line(self.client[1])


Action = Callable[[Exchange], Awaitable[None]]


@dataclass
class Rule:
    """Which requests an action hits: of those that fit, the C(first)-th and the next, C(times) in all (0: no end).

    C(key) and C(line) are regular expressions for the key and for the first line of the request; C(share) of the
    requests that fit are hit; C(above): only while more requests than that are open.
    """

    action: Action
    operation: str = ""
    key: str = ""
    line: str = ""
    copy_source: str = ""
    first: int = 1
    times: int = 0
    share: float = 1.0
    above: int = 0
    name: str = "fault"
    seen: int = 0
    done: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))

    def hits(self, record: Record, at_once: int) -> bool:
        fits = (
            (not self.operation or self.operation == record.operation)
            and re.search(self.key, record.key)
            and re.search(self.line, record.line)
            and re.search(self.copy_source, record.copy_source)
            and at_once > self.above
            and self.chance.random() < self.share
        )
        if not fits:
            return False
        self.seen += 1
        hit = self.seen >= self.first and (not self.times or self.seen < self.first + self.times)
        self.done += hit
        return hit


async def pass_on(exchange: Exchange) -> None:
    await exchange.give((await exchange.forward()).raw)


async def reset_before(exchange: Exchange) -> None:
    exchange.reset()


async def reset_after(exchange: Exchange) -> None:
    """The service has acted, and nobody hears of it."""
    await exchange.forward()
    exchange.reset()


def answering(status: int, code: str = "", body: bytes | None = None) -> Action:
    """An answer of another making; the service never hears of the request."""
    document = f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode() if body is None else body

    async def act(exchange: Exchange) -> None:
        head = f"HTTP/1.1 {status} Injected\r\ncontent-length: {len(document)}\r\n\r\n"
        await exchange.give(head.encode() + document)

    return act


def breaking(after: int = -20, *, stall: bool = False) -> Action:
    """The answer up to so many bytes of its body (or its end, if negative); then a reset, or silence."""

    async def act(exchange: Exchange) -> None:
        answer = await exchange.forward()
        end = len(answer.raw) - len(answer.body) + after if after >= 0 else max(len(answer.raw) + after, 1)
        await exchange.give(answer.raw[:end])
        if stall:
            await exchange.client[0].read(1)  # until the client gives up
        exchange.going_on = False

    return act


def delaying(seconds: float) -> Action:
    async def act(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        await pass_on(exchange)

    return act


def refusing(seconds: float) -> Action:
    """Every line is cut and no new one is accepted for a while."""

    async def act(exchange: Exchange) -> None:
        exchange.going_on = False
        await exchange.proxy.listener.refuse(seconds)

    return act


def replacing(change: Callable[[bytes], bytes]) -> Action:
    """The answer with another body."""

    async def act(exchange: Exchange) -> None:
        answer = await exchange.forward()
        await exchange.give(answer.with_body(change(answer.body)).raw)

    return act


def altering(old: bytes, new: bytes) -> Action:
    """The request with other bytes in its body, of the same length."""

    async def act(exchange: Exchange) -> None:
        changed = Message(exchange.request.head, exchange.request.body.replace(old, new))
        await exchange.give((await exchange.forward(changed)).raw)

    return act


def calling(function: Callable[[], object], *, after: bool = False) -> Action:
    """Something happens before, or after, the service acts: a process is killed, an object is changed."""

    async def act(exchange: Exchange) -> None:
        if not after:
            await asyncio.to_thread(function)
        answer = await exchange.forward()
        if after:
            await asyncio.to_thread(function)
        await exchange.give(answer.raw)

    return act


class Listener:
    """A port whose connections can be cut, and which can refuse for a while. Runs in a thread of its own.

    Not a server of asyncio: one that is closed forgets connections that it has just accepted, and nobody answers them.
    """

    def __init__(self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
        self._serve = serve
        self._lines: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def start(self) -> None:
        self._thread.start()
        self.call(self.listen())

    def stop(self) -> None:
        self.call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def listen(self) -> None:
        if self._socket is None:
            self._socket = socket.create_server(("127.0.0.1", self.port), backlog=512)
            self._socket.setblocking(False)
            self.port = self._socket.getsockname()[1]
            self._accepting = self._begin(self._accept(self._socket))

    async def refuse(self, seconds: float = 0.0) -> None:
        """From now on, or for so many seconds."""
        if self._socket is not None and self._accepting is not None:
            self._accepting.cancel()
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        await self.cut()
        if seconds:
            await asyncio.sleep(seconds)
            await self.listen()

    async def cut(self) -> None:
        for line in list(self._lines):
            reset_line(line)

    async def _end(self) -> None:
        await self.refuse()
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            line, _peer = await self._loop.sock_accept(listening)
            self._begin(self._accepted(line))

    async def _accepted(self, line: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=line, limit=MOST_HEAD_BYTES)
        self._lines.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            self._lines.discard(writer)
            writer.close()


class HttpProxy:
    """Stands before an S3 service. C(rules) may be set at any time, the first that hits acts; C(log) has every request.

    C(seconds) is what each request takes longer than without.
    """

    def __init__(self, upstream: int, *rules: Rule, seconds: float = 0.0) -> None:
        self.rules: list[Rule] = list(rules)
        self.log: list[Record] = []
        self.most_at_once = 0
        self._seconds = seconds
        self._upstream = upstream
        self._open = 0
        self.listener = Listener(self._serve)

    @property
    def port(self) -> int:
        return self.listener.port

    @property
    def done(self) -> int:
        """Requests that were hit."""
        return sum(bool(item.fault) for item in self.log)

    def __enter__(self) -> HttpProxy:
        self.listener.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.listener.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        service = await asyncio.open_connection("127.0.0.1", self._upstream, limit=MOST_HEAD_BYTES)
        try:
            while (request := await receive(reader)) is not None:
                exchange = Exchange(request, recorded(request), (reader, writer), service, self)
                await self._act(exchange)
                if not exchange.going_on:
                    return
        finally:
            service[1].close()

    async def _act(self, exchange: Exchange) -> None:
        self.log.append(exchange.record)
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        rule = next((rule for rule in self.rules if rule.hits(exchange.record, self._open)), None)
        exchange.record.fault = rule.name if rule else ""
        try:
            await asyncio.sleep(self._seconds)
            await (rule.action if rule else pass_on)(exchange)
        finally:
            self._open -= 1


async def receive(reader: asyncio.StreamReader, *, bodiless: bool = False) -> Message | None:
    """One message with its body, None at the end of the connection."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
    except asyncio.IncompleteReadError:
        return None
    message = Message(head, b"")
    headers = message.headers
    if bodiless:
        return message
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return Message(head, await reader.readexactly(int(headers.get("content-length", 0))))
    body, size = b"", 1
    while size:
        line = await reader.readuntil(b"\r\n")
        size = int(line, 16)
        body += line + (await reader.readexactly(size + 2) if size else b"")
    while not body.endswith(b"\r\n\r\n"):  # a checksum may follow the last chunk
        body += await reader.readuntil(b"\r\n")
    return Message(head, body)


def reset_line(writer: asyncio.StreamWriter) -> None:
    line = writer.get_extra_info("socket")
    if line is not None and line.fileno() >= 0:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
