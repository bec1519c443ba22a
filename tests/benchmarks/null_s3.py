# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An S3 server that stores nothing: `python null_s3.py LATENCY_MS` prints its port.

It answers each copy, upload and listing as a service would, after a fixed time, so that what is measured is the client.
The bucket C(n4000) holds 4000 objects in every folder, whoever asks. C(GET /-/counters) tells what was asked since the
last such question: requests by method, and connections.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

PAGE = 1000
ETAG = "d41d8cd98f00b204e9800998ecf8427e"
STAMP = "2026-11-22T12:00:00.000Z"
COPIED = f'<CopyObjectResult><LastModified>{STAMP}</LastModified><ETag>"{ETAG}"</ETag></CopyObjectResult>'
OBJECTS_PER_SEGMENT = 10


@dataclass
class Server:
    """What the connections share."""

    latency: float
    counters: Counter[str] = field(default_factory=Counter)
    pages: dict[str, bytes] = field(default_factory=dict)

    def answer(self, method: str, target: str) -> bytes:
        parts = urlsplit(target)
        bucket = parts.path.split("/")[1]
        if method == "GET" and re.fullmatch(r"n\d+", bucket) and parts.path.count("/") == 1 + parts.path.endswith("/"):
            return self._page(
                target, int(bucket[1:]), {name: values[0] for name, values in parse_qs(parts.query).items()}
            )
        if method == "PUT":
            return _http(COPIED.encode())
        return _http(b"")

    def _page(self, target: str, objects: int, query: dict[str, str]) -> bytes:
        if target not in self.pages:
            first, prefix = int(query.get("continuation-token", 0)), unquote(query.get("prefix", ""))
            last = min(objects, first + PAGE)
            items = "".join(
                f"<Contents><Key>{prefix}{key_of(number)}</Key><LastModified>{STAMP}</LastModified>"
                f'<ETag>"{ETAG}"</ETag><Size>16384</Size><StorageClass>STANDARD</StorageClass></Contents>'
                for number in range(first, last)
            )
            more = f"<NextContinuationToken>{last}</NextContinuationToken>" if last < objects else ""
            body = (
                '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<Prefix>{prefix}</Prefix><KeyCount>{last - first}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
                f"<IsTruncated>{str(last < objects).lower()}</IsTruncated>{items}{more}</ListBucketResult>"
            )
            self.pages[target] = _http(body.encode())
        return self.pages[target]

    def report(self) -> bytes:
        body = json.dumps(self.counters).encode()
        self.counters.clear()
        return _http(body)


def key_of(number: int) -> str:
    """As in the tree of a collection: segments of ten logs, in order."""
    segment, log = divmod(number, OBJECTS_PER_SEGMENT)
    return f"insert_log/450000000000000001/450000000000000002/{450000000100000000 + segment}/{100 + log}/1"


def _http(body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
        "Date: Sun, 22 Nov 2026 12:00:00 GMT\r\n\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """Reads requests, one after another, and answers each after the latency."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._body_left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.counters["connections"] += 1

    def data_received(self, data: bytes) -> None:
        if self._body_left:
            taken = min(self._body_left, len(data))
            self._body_left -= taken
            data = data[taken:]
        self._buffer += data
        while b"\r\n\r\n" in self._buffer and not self._body_left:
            head, _separator, self._buffer = self._buffer.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            self._body_left = int(length[1]) if length else 0
            taken = min(self._body_left, len(self._buffer))
            self._buffer = self._buffer[taken:]
            self._body_left -= taken
            self._reply(*head.split(b"\r\n", 1)[0].decode().split(" ")[:2])

    def _reply(self, method: str, target: str) -> None:
        assert self._transport is not None
        if target == "/-/counters":
            self._transport.write(self._server.report())
            return
        self._server.counters[method] += 1
        answer = self._server.answer(method, target)
        asyncio.get_running_loop().call_later(self._server.latency, self._transport.write, answer)


async def main(latency_ms: float) -> None:
    server = Server(latency_ms / 1000)
    listening = await asyncio.get_running_loop().create_server(lambda: Connection(server), "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
