# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes out of and into an S3 service, for copies that the service cannot make itself.

The body of an upload can be read once only, so a broken one is read again from the source, whole or part by part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from ..errors import MilvusOpsError
from . import s3_parts
from .base import ConditionFailed, Pace, Pin, SourceMissing, TransferBroken
from .http_wire import Answer, LineBroken
from .s3_errors import failure_kind
from .s3_service import Request, Service
from .stream import PlannedObject

WHOLE = "all bytes"
MD5 = re.compile(r"[0-9a-f]{32}")


class S3Reader:
    """The body of a GET; C(md5) is known when it is the whole object."""

    def __init__(self, answer: Answer, md5: str) -> None:
        self._answer = answer
        self.md5 = md5

    def read(self, size: int) -> bytes:
        try:
            return self._answer.read(size)
        except LineBroken as error:
            raise TransferBroken(failure_kind(error.name), str(error)) from error


@contextmanager
def open_range(service: Service, pin: Pin, offset: int, length: int) -> Iterator[S3Reader]:
    """Raises SourceMissing, and ConditionFailed when the object is not the planned one any more."""
    headers = {"if-match": pin.etag} if pin.etag else {}
    if length != pin.size:
        headers["range"] = f"bytes={offset}-{offset + length - 1}"
    with service.open("reading", Request("GET", pin.key, headers=headers)) as answer:
        sent = answer.headers.get("content-range") or f"{WHOLE}/{answer.headers.get('content-length', '')}"
        span, _separator, total = sent.rpartition("/")
        if total != str(pin.size):
            raise ConditionFailed(pin.key)
        if span != (headers.get("range", WHOLE).replace("=", " ")):
            raise TransferBroken("unreachable", f"asked for {headers.get('range', WHOLE)}, the service sent {span}")
        yield S3Reader(answer, content_md5(answer.headers) if length == pin.size else "")


def content_md5(headers: Mapping[str, str]) -> str:
    """The MD5 of an object's bytes if its ETag is one: not after an upload in parts, nor with KMS or own keys."""
    etag = headers.get("etag", "").strip('"')
    return etag if MD5.fullmatch(etag) and not has_own_digest(headers) else ""


def has_own_digest(headers: Mapping[str, str]) -> bool:
    """With a managed or a customer's key, what looks like an MD5 is none."""
    kms = "kms" in headers.get("x-amz-server-side-encryption", "")
    return kms or "x-amz-server-side-encryption-customer-algorithm" in headers


def upload(service: Service, planned: PlannedObject, key: str, pace: Pace) -> None:
    """The object is there in the end, whole and with the right MD5, or an exception is raised and it is not."""

    def put(offset: int, length: int, query: Mapping[str, str]) -> str:
        return service.persist(
            lambda: _put_once(service, planned, offset, length, key, query),
            planned.label,
            still_wanted=lambda: pace(0),
            moved=length,
        )

    if planned.size >= s3_parts.SINGLE_BYTES:
        s3_parts.bring_in_parts(service, planned.size, key, put, at_once=1)
        return
    try:
        put(0, planned.size, {})
    except MilvusOpsError as error:
        if error.kind == "corrupt":
            with suppress(SourceMissing):
                service.ask("deleting", Request("DELETE", key))
        raise


def _put_once(
    service: Service, planned: PlannedObject, offset: int, length: int, key: str, query: Mapping[str, str]
) -> str:
    with planned.open(offset, length) as body:
        reply = service.send_once("writing", Request("PUT", key, query, moved=length), body)
        stored = content_md5(reply.headers)
        if stored and stored != body.md5:
            raise TransferBroken("corrupt", f"the service stored MD5 {stored}, the source's is {body.md5}")
        return reply.headers.get("etag", "")
