# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes out of and into an S3 service, for copies that the service cannot make itself.

The body of an upload can be read once only, so its requests are never repeated by the client library: a whole object,
or a whole part of one, is read again from the source.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from ..errors import MilvusOpsError
from .base import ConditionFailed, Pin, SourceMissing, TransferBroken
from .stream import CheckedReader, PlannedObject, persist

SINGLE_UPLOAD_BYTES = 1 << 30
PART_BYTES = 128 << 20
MOST_PARTS = 10_000
MD5 = re.compile(r"[0-9a-f]{32}")


class Guarded(Protocol):
    """Calls a method of the client library; failures leave as MilvusOpsError."""

    def __call__(self, action: str, key: str, method: Callable[..., Any], **arguments: Any) -> Any: ...


class S3Reader:
    """The body of a GET."""

    def __init__(self, guarded: Guarded, pin: Pin, answer: Mapping[str, Any], length: int) -> None:
        self._guarded = guarded
        self._key = pin.key
        self._body = answer["Body"]
        self.md5 = content_md5(answer) if length == pin.size else ""

    def read(self, size: int) -> bytes:
        try:
            return bytes(self._guarded("reading", self._key, self._body.read, amt=size))
        except MilvusOpsError as error:
            raise TransferBroken(error.kind, error.failure.cause) from error


def content_md5(answer: Mapping[str, Any]) -> str:
    """The MD5 of an object's bytes if its ETag is one: not after an upload in parts, nor with KMS or own keys."""
    etag = str(answer.get("ETag", "")).strip('"')
    encrypted = "kms" in answer.get("ServerSideEncryption", "") or "SSECustomerAlgorithm" in answer
    return etag if MD5.fullmatch(etag) and not encrypted else ""


def range_arguments(pin: Pin, offset: int, length: int) -> dict[str, str]:
    """Of a GET that must see the pinned object."""
    arguments = {"Key": pin.key}
    if pin.etag:
        arguments["IfMatch"] = pin.etag
    if length != pin.size:
        arguments["Range"] = f"bytes={offset}-{offset + length - 1}"
    return arguments


def require_size(pin: Pin, answer: Mapping[str, Any]) -> None:
    """Raises ConditionFailed when the object that answered has not the planned size."""
    total = str(answer.get("ContentRange", "")).rpartition("/")[2] or answer["ContentLength"]
    if int(total) != pin.size:
        answer["Body"].close()
        raise ConditionFailed(pin.key)


class Uploader:
    """Writes planned objects into one bucket; C(make_client) makes a client that never repeats a request."""

    def __init__(self, bucket: str, guarded: Guarded, make_client: Callable[[], Any]) -> None:
        self._bucket = bucket
        self._guarded = guarded
        self._make_client = make_client
        self._made: Any = None
        self._guard = threading.Lock()

    def upload(self, planned: PlannedObject, key: str) -> None:
        """The object is there in the end, whole and with the right MD5, or an exception is raised and it is not."""
        if planned.size >= SINGLE_UPLOAD_BYTES:
            self._upload_parts(planned, key)
            return
        client = self._client()
        try:
            persist(lambda: self._put(planned, 0, planned.size, client.put_object, key), planned.label)
        except MilvusOpsError as error:
            if error.kind == "corrupt":
                self._guarded("deleting", key, client.delete_object, Bucket=self._bucket, Key=key)
            raise

    def _upload_parts(self, planned: PlannedObject, key: str) -> None:
        client, target = self._client(), {"Bucket": self._bucket, "Key": key}
        target["UploadId"] = self._guarded("writing", key, client.create_multipart_upload, **target)["UploadId"]
        try:
            parts = [
                {"PartNumber": number, "ETag": self._put_part(planned, offset, length, number, target)}
                for number, (offset, length) in enumerate(part_ranges(planned.size), start=1)
            ]
            finish = client.complete_multipart_upload
            self._guarded("writing", key, finish, **target, MultipartUpload={"Parts": parts})
        except BaseException:
            with suppress(MilvusOpsError, SourceMissing):  # what broke the upload matters, not this
                self._guarded("writing", key, client.abort_multipart_upload, **target)
            raise

    def _put_part(
        self, planned: PlannedObject, offset: int, length: int, number: int, target: Mapping[str, str]
    ) -> str:
        more = {"PartNumber": number, "UploadId": target["UploadId"]}
        put = self._client().upload_part
        return persist(lambda: self._put(planned, offset, length, put, target["Key"], **more), planned.label)

    def _put(
        self, planned: PlannedObject, offset: int, length: int, method: Callable[..., Any], key: str, **more: Any
    ) -> str:
        with planned.open(offset, length) as body:
            try:
                answer = self._guarded(
                    "writing", key, method, Bucket=self._bucket, Key=key, Body=body, ContentLength=length, **more
                )
            except MilvusOpsError as error:
                raise _cause_of(error, body) from error
            stored = content_md5(answer)
            if stored and stored != body.md5:
                raise TransferBroken("corrupt", f"the service stored MD5 {stored}, the source's is {body.md5}")
        return str(answer["ETag"])

    def _client(self) -> Any:
        with self._guard:
            if self._made is None:
                self._made = self._make_client()
            return self._made


def part_ranges(size: int) -> list[tuple[int, int]]:
    """Offsets and lengths of the parts of an upload, at most as many as services take."""
    step = max(PART_BYTES, -(-size // MOST_PARTS))
    return [(offset, min(step, size - offset)) for offset in range(0, size, step)]


def _cause_of(error: MilvusOpsError, body: CheckedReader) -> Exception:
    """The source's failure if it broke the request; else whether the request may be tried again."""
    if body.failure is not None:
        return body.failure
    response: Mapping[str, Any] = getattr(error.__cause__, "response", None) or {}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if error.failure.retryable or (status >= 500 and error.kind != "storage_full"):
        return TransferBroken(error.kind, error.failure.cause)
    return error
