# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Large objects in parts: copied inside a service, or streamed into it. A failure leaves no half upload behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from ..errors import MilvusOpsError
from .base import Pace, Pin, SourceMissing
from .s3_documents import completion, parse_page, parse_uploads, text_of
from .s3_errors import Refusal
from .s3_service import Request, Service
from .sigv4 import quoted_path

SINGLE_BYTES = 1 << 30
"""From here on an object goes in parts: services limit or slow down a single request."""

PART_BYTES = 128 << 20
MOST_PARTS = 10_000
COPIED_AT_ONCE = 8

PutPart = Callable[[int, int, dict[str, str]], str]
"""Brings over one part, given its offset, its length and the query that names it; returns its ETag."""


def part_ranges(size: int) -> list[tuple[int, int]]:
    """Offsets and lengths of the parts of an object, at most as many as services take."""
    step = max(PART_BYTES, -(-size // MOST_PARTS))
    return [(offset, min(step, size - offset)) for offset in range(0, size, step)]


def copy_in_parts(service: Service, bucket: str, pin: Pin, key: str, pace: Pace) -> None:
    """Copy inside the service, from C(bucket) of it, several parts at once."""
    source = {"x-amz-copy-source": quoted_path(f"/{bucket}/{pin.key}"), **pinned(pin)}

    def copy_part(offset: int, length: int, query: dict[str, str]) -> str:
        pace(0)
        headers = {**source, "x-amz-copy-source-range": f"bytes={offset}-{offset + length - 1}"}
        request = Request("PUT", key, query, headers, root="CopyPartResult", moved=length)
        return text_of(service.ask("copying", request, lambda: pace(0)).body, "ETag")

    bring_in_parts(service, pin.size, key, copy_part, COPIED_AT_ONCE)


def bring_in_parts(service: Service, size: int, key: str, put_part: PutPart, at_once: int) -> None:
    """The object is there in the end, whole; or an exception is raised, and nothing of it is left."""
    begin = Request("POST", key, {"uploads": ""}, root="InitiateMultipartUploadResult")
    upload = {"uploadId": text_of(service.ask("writing", begin).body, "UploadId")}
    try:
        _abort_others(service, key, upload)
        etags = _put_parts(part_ranges(size), put_part, upload, at_once)
        _complete(service, size, key, upload, etags)
    except BaseException:
        _abort(service, key, upload)  # what broke the upload matters, not what breaks this
        raise


def _abort_others(service: Service, key: str, mine: Mapping[str, str]) -> None:
    """Take back uploads of this key that nobody ends: they are paid for, and no listing of objects shows them.

    The answer to a beginning was lost, or the credentials of a run expired, and were refused when it wanted to abort.
    Without the right to list uploads they stay. Only one run at a time writes to a key.
    """
    request = Request("GET", "", {"uploads": "", "prefix": key}, root="ListMultipartUploadsResult")
    with suppress(MilvusOpsError, SourceMissing):
        for found, number in service.parsed("listing", request, parse_uploads):
            if found == key and number != mine["uploadId"]:
                _abort(service, key, {"uploadId": number})


def _abort(service: Service, key: str, upload: Mapping[str, str]) -> None:
    with suppress(MilvusOpsError, SourceMissing):
        service.ask("writing", Request("DELETE", key, upload))


def pinned(pin: Pin) -> dict[str, str]:
    return {"x-amz-copy-source-if-match": pin.etag} if pin.etag else {}


def _put_parts(
    ranges: list[tuple[int, int]], put_part: PutPart, upload: dict[str, str], at_once: int
) -> dict[int, str]:
    def put(number: int) -> str:
        return put_part(*ranges[number - 1], {"partNumber": str(number), **upload})

    numbers = range(1, len(ranges) + 1)
    if at_once == 1:
        return {number: put(number) for number in numbers}
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="part")
    try:
        return dict(zip(numbers, pool.map(put, numbers), strict=True))
    finally:
        pool.shutdown(cancel_futures=True)


def _complete(service: Service, size: int, key: str, upload: dict[str, str], etags: dict[int, str]) -> None:
    request = Request("POST", key, upload, body=completion(etags), root="CompleteMultipartUploadResult", moved=size)
    try:
        service.ask("writing", request)
    except MilvusOpsError as error:
        unknown = isinstance(error.__cause__, Refusal) and error.__cause__.code == "NoSuchUpload"
        if not (unknown and _is_there(service, key, size)):  # else the answer to an earlier attempt was lost
            raise


def _is_there(service: Service, key: str, size: int) -> bool:
    query = {"list-type": "2", "prefix": key, "max-keys": "1", "encoding-type": "url"}
    page = service.parsed("listing", Request("GET", "", query, root="ListBucketResult"), parse_page)
    return any((item.key, item.size) == (key, size) for item in page.objects)
