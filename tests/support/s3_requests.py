# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of S3 as they pass on the wire: what each asks for, which keys it touches, and which of them are writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

LIST, GET, GET_RANGE, HEAD = "list", "get", "get range", "head"
PUT, PUT_IF_ABSENT, PUT_IF_MATCH, PUT_STREAM, COPY = "put", "put if absent", "put if match", "put stream", "copy"
CREATE_UPLOAD, UPLOAD_PART, COPY_PART = "create upload", "upload part", "copy part"
COMPLETE_UPLOAD, ABORT_UPLOAD, LIST_UPLOADS = "complete upload", "abort upload", "list uploads"
DELETE, DELETE_MANY = "delete", "delete many"
READS = frozenset({LIST, GET, GET_RANGE, HEAD, LIST_UPLOADS})


@dataclass(frozen=True)
class Message:
    """A request or an answer as it came: its head without the blank line, its body with what encodes it."""

    head: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        return self.head + b"\r\n\r\n" + self.body

    @property
    def words(self) -> list[str]:
        """The first line."""
        return self.head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _separator, value in (line.partition(":") for line in lines)}

    def with_body(self, body: bytes) -> Message:
        head = re.sub(rb"\r\n(content-length|transfer-encoding):[^\r]*", b"", self.head, flags=re.IGNORECASE)
        return Message(head + b"\r\ncontent-length: %d" % len(body), body)


@dataclass
class Record:
    """One request. C(key) is the prefix of a listing; C(status) stays 0 until the service has answered.

    C(keys) are those that a write touches; C(fault) is the rule that hit the request.
    """

    line: str
    method: str
    operation: str
    bucket: str
    key: str
    keys: tuple[str, ...]
    copy_source: str
    sent: int
    status: int = 0
    fault: str = ""

    @property
    def is_write(self) -> bool:
        return self.operation not in READS

    @property
    def reads(self) -> tuple[str, ...]:
        """What is read, a copy's source too, without its bucket."""
        return (
            (self.copy_source.lstrip("/").partition("/")[2],)
            if self.copy_source
            else ()
            if self.is_write
            else (self.key,)
        )


def recorded(message: Message) -> Record:
    method, target, _version = message.words
    parts, headers = urlsplit(target), message.headers
    query = parse_qs(parts.query, keep_blank_values=True)
    bucket, _separator, key = unquote(parts.path).lstrip("/").partition("/")
    operation = operation_of(method, query, headers, key)
    key = key or query.get("prefix", [""])[0]
    keys = (key,) if operation not in READS else ()
    if operation == DELETE_MANY:
        keys = tuple(re.findall(r"<Key>([^<]*)</Key>", message.body.decode()))
    source = unquote(headers.get("x-amz-copy-source", ""))
    line = message.head.split(b"\r\n", 1)[0].decode("latin-1")
    return Record(line, method, operation, bucket, key, keys, source, len(message.body))


def operation_of(method: str, query: dict[str, list[str]], headers: dict[str, str], key: str) -> str:
    """What a request asks of S3."""
    if method == "GET":
        listing = LIST_UPLOADS if "uploads" in query else LIST
        return listing if not key else GET_RANGE if "range" in headers else GET
    if method == "POST":
        return DELETE_MANY if "delete" in query else CREATE_UPLOAD if "uploads" in query else COMPLETE_UPLOAD
    if method == "DELETE":
        return ABORT_UPLOAD if "uploadId" in query else DELETE
    if method == "HEAD":
        return HEAD
    copied = "x-amz-copy-source" in headers
    if "partNumber" in query:
        return COPY_PART if copied else UPLOAD_PART
    if copied:
        return COPY
    if headers.get("x-amz-content-sha256") == "UNSIGNED-PAYLOAD":
        return PUT_STREAM
    return PUT_IF_ABSENT if "if-none-match" in headers else PUT_IF_MATCH if "if-match" in headers else PUT


def writes(records: Iterable[Record]) -> list[Record]:
    return [item for item in records if item.is_write]


def outside(records: Iterable[Record], read: Sequence[str], write: Sequence[str]) -> list[Record]:
    """The requests that touch a key below none of the prefixes; what may be written may be read too."""
    readable = (*read, *write)
    return [
        item
        for item in records
        if not all(key.startswith(readable) for key in item.reads)
        or not all(key.startswith(tuple(write)) for key in item.keys)
    ]
