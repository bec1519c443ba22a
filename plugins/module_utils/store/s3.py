# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""S3 and its relatives, as an object store."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import datetime, timezone
from itertools import islice

from ..errors import MilvusOpsError
from . import s3_parts
from .base import (
    ConditionFailed,
    ContentDigest,
    ObjectStore,
    Pace,
    Pin,
    SourceMissing,
    StoredBytes,
    StoredObject,
    WriteScope,
    unpaced,
)
from .config import StoreConfig
from .s3_documents import Page, can_be_written, deletion, parse_delete_errors, parse_page
from .s3_errors import Refusal
from .s3_service import Request, Service, TooLarge
from .s3_upload import S3Reader, has_own_digest, open_range, upload
from .sigv4 import quoted_path
from .stream import PlannedObject

DELETE_BATCH = 1000
HASH_BYTES = 1 << 20
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HTTP_DATE = re.compile(
    rf"[A-Z][a-z]+, (?P<day>[0-9]+) (?P<month>{'|'.join(MONTHS)}) (?P<year>[0-9]+)"
    " (?P<hour>[0-9]+):(?P<minute>[0-9]+):(?P<second>[0-9]+) GMT"
)
CANNOT_COPY = ("MethodNotAllowed", "NotImplemented")
"""What a service answers that has no server-side copy."""


class S3Store:
    """One bucket. Safe to use from many threads."""

    lacks_digests = False

    def __init__(self, config: StoreConfig, scope: WriteScope | None = None, connections: int = 32) -> None:
        self.config = config
        self.service = Service(config, connections)
        self._scope = scope or WriteScope()
        self._streamed_sides: set[StoreConfig] = set()

    @property
    def label(self) -> str:
        return self.config.label

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """Every object below a prefix, a page of 1000 at a time; raises when a page is missing."""
        for page in self._pages(prefix):
            yield from page.objects

    def list_prefixes(self, prefix: str) -> list[str]:
        """The folders directly below a prefix, each with its trailing slash."""
        return [item for page in self._pages(prefix, delimiter="/") for item in page.prefixes]

    def has_objects(self, prefix: str) -> bool:
        return bool(self._page(prefix, {"max-keys": "1"}).objects)

    def read(self, key: str, max_bytes: int) -> StoredBytes | None:
        """The whole object, None where there is none; raises C(corrupt) above C(max_bytes)."""
        try:
            reply = self.service.ask("reading", Request("GET", key, most=max_bytes))
        except SourceMissing:
            return None
        except TooLarge as error:
            raise MilvusOpsError(
                "corrupt",
                "reading",
                self.service.place(key),
                f"the object has {error.size} bytes, more than the {max_bytes} that it can need",
                next_step="see what wrote this object",
            ) from error
        now = time.time()
        modified, store_now = (_moment(reply.headers.get(name), now) for name in ("last-modified", "date"))
        return StoredBytes(reply.body, reply.headers.get("etag", "").strip('"'), modified, store_now)

    def digest(self, key: str) -> ContentDigest | None:
        """Read an object to its end, a piece at a time, and hash it; None where there is none."""
        try:
            place, operation = self.service.place(key), "reading in the object storage"
            return self.service.persist(lambda: self._digest_once(key), place, operation=operation)
        except SourceMissing:
            return None

    def _digest_once(self, key: str) -> ContentDigest:
        md5, size = hashlib.md5(usedforsecurity=False), 0
        with self.service.open("reading", Request("GET", key)) as answer:
            reader = S3Reader(answer, "")
            while piece := reader.read(HASH_BYTES):
                md5.update(piece)
                size += len(piece)
            etag = "" if has_own_digest(answer.headers) else answer.headers.get("etag", "").strip('"')
        return ContentDigest(size, md5.hexdigest(), etag)

    def write(self, key: str, body: bytes, *, if_absent: bool = False, if_etag: str | None = None) -> str:
        """Write one small object and return its ETag. Raises ConditionFailed when the condition does not hold.

        It is also raised when the object is already there because the answer to an earlier attempt was lost.
        """
        condition: dict[str, str] = {}
        if if_absent:
            condition["if-none-match"] = "*"
        elif if_etag is not None:
            condition["if-match"] = f'"{if_etag}"'
        # A condition is that of a lock, which is lost when it is not renewed in time.
        urgent, moved = bool(condition), len(body)
        request = Request("PUT", self._scope.require(key), headers=condition, body=body, moved=moved, urgent=urgent)
        try:
            return self.service.ask("writing", request).headers.get("etag", "").strip('"')
        except SourceMissing as error:  # what some services say to a condition on an object that is not there
            if if_etag is None:
                raise
            raise ConditionFailed(key) from error

    def delete(self, keys: Iterable[str]) -> int:
        """Delete enumerated keys and return their number; a key that is already gone is no error.

        One that ends in a slash is the folder that the console of a service made, and holds nothing.
        """
        remaining, deleted = iter(keys), 0
        while batch := list(islice(remaining, DELETE_BATCH)):
            for key in batch:
                self._scope.require(key.removesuffix("/"))
            self._delete(batch)
            deleted += len(batch)
        return deleted

    def copy_from(
        self, source: ObjectStore, source_key: str, etag: str, size: int, key: str, pace: Pace = unpaced
    ) -> None:
        """Copy inside the service where it can, else through this process; pinned to the planned ETag.

        The destination's credentials issue a copy inside the service. Where they are not the source's and may not read
        it, the bytes are streamed: each side is then asked with its own credentials only.
        Raises SourceMissing or ConditionFailed when the source is not the planned one any more.
        """
        self._scope.require(key)
        pin = Pin(source_key, etag, size)
        if isinstance(source, S3Store) and self.reaches(source):
            pace(size)
            try:
                self._copy_inside(source, pin, key, pace)
                return
            except MilvusOpsError as error:
                if not self._must_stream(source, error):
                    raise
            self._streamed_sides.add(source.config)
            upload(self.service, PlannedObject(source, pin, unpaced), key, pace)  # its bytes are paid for
            return
        upload(self.service, PlannedObject(source, pin, pace), key, pace)

    def open_range(self, pin: Pin, offset: int, length: int) -> AbstractContextManager[S3Reader]:
        """Raises SourceMissing and ConditionFailed."""
        return open_range(self.service, pin, offset, length)

    def reaches(self, source: S3Store) -> bool:
        """Whether one request to this service copies from the other store."""
        streamed = self._streamed_sides and source.config in self._streamed_sides
        return not streamed and self.config.same_service(source.config)

    def request_to_copy(self, source: S3Store, pin: Pin, key: str) -> Request | None:
        """What copies an object in one go; None where it takes more than one request."""
        if pin.size >= s3_parts.SINGLE_BYTES or not self.reaches(source):
            return None
        headers = {"x-amz-copy-source": quoted_path(f"/{source.config.bucket}/{pin.key}"), **s3_parts.pinned(pin)}
        moved, key = pin.size, self._scope.require(key)
        return Request("PUT", key, headers=headers, root="CopyObjectResult", holds="ETag", moved=moved)

    def _must_stream(self, source: S3Store, error: MilvusOpsError) -> bool:
        """Whether a failed copy inside the service says nothing about the object, only about this way of copying."""
        refused = error.kind == "permission" and not self.config.same_credentials(source.config)
        return refused or (isinstance(error.__cause__, Refusal) and error.__cause__.code in CANNOT_COPY)

    def _copy_inside(self, source: S3Store, pin: Pin, key: str, pace: Pace) -> None:
        request = self.request_to_copy(source, pin, key)
        if request is None:
            s3_parts.copy_in_parts(self.service, source.config.bucket, pin, key, pace)
        else:
            self.service.ask("copying", request, lambda: pace(0))

    def _delete(self, keys: list[str]) -> None:
        """One request for many keys; a key that XML cannot hold is asked for alone."""
        batch = [key for key in keys if can_be_written(key)]
        for key in keys:
            if not can_be_written(key):
                with suppress(SourceMissing):
                    self.service.ask("deleting", Request("DELETE", key))
        if not batch:
            return
        body = deletion(batch)
        checksum = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        request = Request("POST", "", {"delete": ""}, {"content-md5": checksum}, body, root="DeleteResult")
        for key, code, message in self.service.parsed("deleting", request, parse_delete_errors):
            raise self.service.failure("deleting", key or batch[0], Refusal(code, message))

    def _pages(self, prefix: str, **query: str) -> Iterator[Page]:
        """The pages of a listing. The next one is fetched while the caller works on this one."""
        page = self._page(prefix, query)
        ended = threading.Event()

        def still_wanted() -> None:
            if ended.is_set():
                raise CancelledError

        with ThreadPoolExecutor(1, thread_name_prefix="listing") as reader, ExitStack() as at_the_end:
            at_the_end.callback(ended.set)  # before the reader is waited for, who may be far from done
            while True:
                more = {**query, "continuation-token": page.token}
                following = reader.submit(self._page, prefix, more, still_wanted) if page.truncated else None
                yield page
                if following is None:
                    return
                last, page = page.token, following.result()
                if page.token and page.token == last:
                    raise self.service.failure("listing", prefix, Refusal("SameToken", "the listing does not move on"))

    def _page(self, prefix: str, query: Mapping[str, str], still_wanted: Callable[[], None] = lambda: None) -> Page:
        """Raises for a page that does not say where the next one begins, rather than taking it for the last.

        Urgent: what is under way may be finished by the very thread that waits for the page, as with a lane of copies.
        A listing has one page under way at most.
        """
        asked = {"list-type": "2", "prefix": prefix, "encoding-type": "url", **query}
        request = Request("GET", "", asked, root="ListBucketResult", urgent=True)
        page = self.service.parsed("listing", request, parse_page, still_wanted)
        if page.truncated and not page.token and "max-keys" not in query:
            raise self.service.failure("listing", prefix, Refusal("NoToken", "a page of the listing is missing"))
        return page


def _moment(header: str | None, otherwise: float) -> float:
    """Unix seconds of a date in a header, which has one form in HTTP: Sun, 06 Nov 1994 08:49:37 GMT."""
    found = HTTP_DATE.fullmatch(header or "")
    if found is None:
        return otherwise
    month = MONTHS.index(found["month"]) + 1
    day, year, hour, minute, second = (int(found[name]) for name in ("day", "year", "hour", "minute", "second"))
    return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp()
