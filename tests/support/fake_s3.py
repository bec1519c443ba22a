# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A strict S3 service in memory, for what the real one of the lab hides, with a record of every request.

It keeps keys letter by letter (C(..), C(//)), lets keys expire, can do without conditional writes, lists as many
generated objects as it is told to, and can let bytes rot below their ETag. It refuses what it does not know.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from heapq import merge
from itertools import islice
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

from scripted_s3 import headers_of, http, serving

BUCKET = "bucket-a"
HONOURED, IGNORED, REFUSED, NOT_MODIFIED = "honoured", "ignored", "refused with 501", "unmet ones answered with 304"
"""What becomes of the condition of a write."""

PAGE = 1000
STAMP = "2026-11-22T12:00:00.000Z"
KNOWN_HEADERS = frozenset(
    {
        *("host", "authorization", "content-length", "content-md5", "connection", "user-agent", "accept-encoding"),
        *("x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "range", "if-match", "if-none-match"),
        *("x-amz-copy-source", "x-amz-copy-source-if-match"),
    }
)
LISTING = frozenset({"list-type", "prefix", "encoding-type", "delimiter", "max-keys", "continuation-token"})


@dataclass(frozen=True)
class Asked:
    """One request. C(keys) are what it reads, writes or removes; of a listing, its prefix."""

    method: str
    keys: tuple[str, ...]
    status: int
    listing: bool = False
    folders_only: bool = False

    @property
    def wrote(self) -> bool:
        return self.method != "GET" and self.status < 300


@dataclass
class Stored:
    body: bytes
    etag: str
    modified: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Request:
    """A request taken apart; C(key) is '' where it is about the bucket."""

    method: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Refused(Exception):
    """An error document with its status."""

    def __init__(self, status: str, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.document = f"<Error><Code>{code}</Code><Message>{html.escape(message or code)}</Message></Error>"


@dataclass
class FakeS3:
    """One bucket. C(generated) maps prefixes to numbers of objects that only listings show; C(claimed) maps keys to the
    sizes that their answers announce. After C(valid_for) requests the session token has expired. C(clock) is what its
    clock is ahead, in seconds."""

    conditions: str = HONOURED
    valid_for: int | None = None
    clock: float = 0.0
    generated: Mapping[str, int] = field(default_factory=dict)
    claimed: dict[str, int] = field(default_factory=dict)
    objects: dict[str, Stored] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def put(self, key: str, body: bytes) -> None:
        self.objects[key] = Stored(body, _md5(body))

    def rot(self, key: str, body: bytes) -> None:
        """Other bytes below the same ETag: what a bad disk does."""
        self.objects[key] = Stored(body, self.objects[key].etag)

    def content(self) -> dict[str, bytes]:
        return {key: stored.body for key, stored in self.objects.items()}

    def answer(self, head: str, body: bytes) -> bytes:
        with self.guard:
            keys: tuple[str, ...] = ()
            method, target = head.split(" ", 2)[:2]
            try:
                request = self._understood(head, body)
                keys = _keys_of(request)
                answered = self._answer(request)
            except Refused as refused:
                document = "" if refused.status.startswith("304") else refused.document
                answered = http(document, refused.status, Date=self._date())
            listing = "list-type=2" in target
            status = int(answered[9:12])
            self.asked.append(Asked(method, keys, status, listing, listing and "delimiter=" in target))
            if status == 501:
                self.unknown.append(head)
            return answered

    def _date(self) -> str:
        return formatdate(time.time() + self.clock, usegmt=True)

    def _understood(self, head: str, body: bytes) -> Request:
        """Raises Refused for what is no request of S3, is not signed, or was altered on its way."""
        method, target = head.split(" ", 2)[:2]
        path, _separator, text = target.partition("?")
        headers = headers_of(head)
        query = dict(pair.partition("=")[::2] for pair in text.split("&")) if text else {}
        if not headers.get("authorization"):
            raise Refused("403 Forbidden", "AccessDenied", "the request is not signed")
        if self.valid_for is not None and len(self.asked) >= self.valid_for:
            raise Refused("400 Bad Request", "ExpiredToken", "The provided token has expired.")
        bucket, _separator, key = path.removeprefix("/").partition("/")
        if bucket != BUCKET:
            raise Refused("404 Not Found", "NoSuchBucket")
        if not headers.keys() <= KNOWN_HEADERS:
            raise Refused("501 Not Implemented", "NotImplemented", f"{headers.keys() - KNOWN_HEADERS}")
        if (sent := headers.get("content-md5")) and base64.b64decode(sent) != hashlib.md5(body).digest():
            raise Refused("400 Bad Request", "BadDigest")
        return Request(
            method, unquote(key), {name: unquote_plus(value) for name, value in query.items()}, headers, body
        )

    def _answer(self, request: Request) -> bytes:
        known = {
            ("GET", True): self._read,
            ("PUT", True): self._copy if "x-amz-copy-source" in request.headers else self._write,
            ("DELETE", True): self._delete_one,
        }
        if request.method == "GET" and not request.key and "list-type" in request.query:
            return self._list(request.query)
        if request.method == "POST" and not request.key and request.query.keys() == {"delete"}:
            return self._delete_many(request)
        answer = known.get((request.method, bool(request.key)))
        if answer is None or request.query:
            raise Refused("501 Not Implemented", "NotImplemented", f"{request.method} {request.query}")
        return answer(request)

    def _read(self, request: Request) -> bytes:
        stored = self._stored(request.key)
        if request.key in self.claimed:
            return http(stored.body, Content_Length=str(self.claimed[request.key]), Connection="close")
        if request.headers.get("if-match", stored.etag).strip('"') != stored.etag:
            raise Refused("412 Precondition Failed", "PreconditionFailed")
        stamps = {"ETag": f'"{stored.etag}"', "Date": self._date()}
        stamps["Last_Modified"] = formatdate(stored.modified + self.clock, usegmt=True)
        if span := re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", "")):
            first, last = int(span[1]), int(span[2])
            part = stored.body[first : last + 1]
            return http(
                part, "206 Partial Content", Content_Range=f"bytes {span[1]}-{last}/{len(stored.body)}", **stamps
            )
        return http(stored.body, **stamps)

    def _write(self, request: Request) -> bytes:
        self._require_conditions(request)
        self.put(request.key, request.body)
        return http(b"", ETag=f'"{self.objects[request.key].etag}"', Date=self._date())

    def _require_conditions(self, request: Request) -> None:
        absent, etag = request.headers.get("if-none-match"), request.headers.get("if-match")
        if (absent is None and etag is None) or self.conditions == IGNORED:
            return
        if self.conditions == REFUSED:
            raise Refused("501 Not Implemented", "NotImplemented", "A header you provided is not implemented.")
        current = self.objects.get(request.key)
        if etag is not None and current is None:
            raise Refused("404 Not Found", "NoSuchKey")
        if absent and current and self.conditions == NOT_MODIFIED:
            raise Refused("304 Not Modified", "")
        if (absent and current) or (etag is not None and current and current.etag != etag.strip('"')):
            raise Refused("412 Precondition Failed", "PreconditionFailed")

    def _copy(self, request: Request) -> bytes:
        bucket, _separator, key = unquote(request.headers["x-amz-copy-source"]).removeprefix("/").partition("/")
        if bucket != BUCKET:
            raise Refused("404 Not Found", "NoSuchBucket")
        source = self._stored(key)
        if request.headers.get("x-amz-copy-source-if-match", source.etag).strip('"') != source.etag:
            raise Refused("412 Precondition Failed", "PreconditionFailed")
        self.objects[request.key] = Stored(source.body, source.etag)
        result = f'<ETag>"{source.etag}"</ETag><LastModified>{STAMP}</LastModified>'
        return http(f"<CopyObjectResult>{result}</CopyObjectResult>", Date=self._date())

    def _delete_one(self, request: Request) -> bytes:
        self.objects.pop(request.key, None)
        return http(b"", "204 No Content")

    def _delete_many(self, request: Request) -> bytes:
        for key in _keys_of(request):
            self.objects.pop(key, None)
        return http("<DeleteResult></DeleteResult>")

    def _stored(self, key: str) -> Stored:
        if key not in self.objects:
            raise Refused("404 Not Found", "NoSuchKey")
        return self.objects[key]

    def _list(self, query: Mapping[str, str]) -> bytes:
        if query["list-type"] != "2" or not query.keys() <= LISTING:
            raise Refused("501 Not Implemented", "NotImplemented", f"{query}")
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        most = min(PAGE, int(query.get("max-keys", PAGE)))
        shown = _rolled_up(self._below(prefix, query.get("continuation-token", "")), prefix, delimiter)
        page = list(islice(shown, most + 1))
        items = "".join(_item(key, size, etag) for key, size, etag in page[:most])
        more = f"<NextContinuationToken>{quote(page[most - 1][0])}</NextContinuationToken>" if len(page) > most else ""
        return http(
            f"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
            f"{items}{more}</ListBucketResult>",
            Date=self._date(),
        )

    def _below(self, prefix: str, token: str) -> Iterator[tuple[str, int, str]]:
        """Key, size and ETag of what lies below a prefix, in order, from behind the last key of the page before."""
        last = unquote(token)
        behind = (key for key in self.objects if key.startswith(prefix) and key.encode() > last.encode())
        if last.endswith("/"):  # a folder, all of which was shown
            behind = (key for key in behind if not key.startswith(last))
        real = ((key, len(self.objects[key].body), self.objects[key].etag) for key in sorted(behind, key=str.encode))
        made = (
            generated_objects(folder, count, last)
            for folder, count in self.generated.items()
            if folder.startswith(prefix) or prefix.startswith(folder)
        )
        for item in merge(real, *made, key=lambda item: item[0].encode()):
            if item[0].startswith(prefix):
                yield item


def generated_objects(folder: str, count: int, last: str) -> Iterator[tuple[str, int, str]]:
    """Objects in order whose keys are as long as those of real backups, from behind the key C(last)."""
    begin = 0
    if last.startswith(folder) and last.rpartition("/")[2].isdigit():
        begin = int(last.rpartition("/")[2]) + 1
    elif last > folder:
        return
    for number in range(begin, count):
        yield (
            f"{folder}450000000000000001/450000000000000002/{number // 10:018d}/{number:018d}",
            16384,
            f"{number:032x}",
        )


def _rolled_up(
    items: Iterable[tuple[str, int, str]], prefix: str, delimiter: str
) -> Iterator[tuple[str, int | None, str]]:
    """The same with each folder once, its size None, where they are asked for."""
    seen = ""
    for key, size, etag in items:
        below = key[len(prefix) :]
        if not delimiter or delimiter not in below:
            yield key, size, etag
            continue
        folder = prefix + below.partition(delimiter)[0] + delimiter
        if folder != seen:
            yield folder, None, ""
        seen = folder


def _item(key: str, size: int | None, etag: str) -> str:
    if size is None:
        return f"<CommonPrefixes><Prefix>{quote(key)}</Prefix></CommonPrefixes>"
    return f'<Contents><Key>{quote(key)}</Key><ETag>"{etag}"</ETag><Size>{size}</Size></Contents>'


def _keys_of(request: Request) -> tuple[str, ...]:
    if request.key:
        source = unquote(request.headers.get("x-amz-copy-source", "")).partition("/")[2].partition("/")[2]
        return (request.key, source) if source else (request.key,)
    if "delete" in request.query:
        return tuple(html.unescape(key.decode()) for key in re.findall(rb"<Key>([^<]*)</Key>", request.body))
    return (request.query.get("prefix", ""),)


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


@contextmanager
def running(fake: FakeS3) -> Iterator[Mapping[str, Any]]:
    """The storage options of the running service."""
    with serving(fake.answer) as port:
        yield {
            "storage_address": "127.0.0.1",
            "storage_port": port,
            "access_key_id": "FAKEKEY",
            "secret_access_key": "secret-of-the-fake-service",
            "bucket_name": BUCKET,
        }
