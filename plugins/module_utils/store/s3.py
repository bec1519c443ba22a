# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""S3 and its relatives, through boto3."""

from __future__ import annotations

import email.utils
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any

from ..errors import MilvusOpsError, usage_error
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
from .s3_errors import failure_kind, next_step_for
from .s3_upload import S3Reader, Uploader, range_arguments, require_size
from .stream import PlannedObject

MISSING: str | None = None
try:
    import boto3
    import botocore.config
    import botocore.exceptions
    import urllib3.exceptions
except ImportError as error:
    MISSING = str(error)

ATTEMPTS = 6
CONNECT_SECONDS = 5
READ_SECONDS = 60
DELETE_BATCH = 1000
HASH_BYTES = 1 << 20
SINGLE_COPY_BYTES = 1 << 30
"""From here on a copy is made in parts: services limit or slow down a single one."""
DEFAULT_REGION = "us-east-1"
CANNOT_COPY = ("MethodNotAllowed", "NotImplemented")
"""What a service answers that has no server-side copy."""


class S3Store:
    """One bucket. Safe to use from many threads."""

    def __init__(self, config: StoreConfig, scope: WriteScope | None = None, connections: int = 32) -> None:
        if MISSING:
            raise MilvusOpsError("requirements", "loading the S3 client", "boto3", MISSING, next_step="install boto3")
        self.config = config
        self._scope = scope or WriteScope()
        try:
            self._client = _client(config, connections)
        except (ValueError, botocore.exceptions.BotoCoreError) as error:
            raise usage_error(
                "opening the object storage", config.label, str(error), "correct the storage options of this side"
            ) from error
        self._uploader = Uploader(config.bucket, self._guarded, lambda: _client(config, connections, repeat=False))
        self._streamed_sides: set[StoreConfig] = set()

    @property
    def label(self) -> str:
        return self.config.label

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """Every object below a prefix, a page of 1000 at a time; raises when a page is missing."""
        for page in self._pages(Prefix=prefix):
            for item in page.get("Contents", []):
                yield StoredObject(item["Key"], item["Size"], item["ETag"].strip('"'))

    def list_prefixes(self, prefix: str) -> list[str]:
        """The folders directly below a prefix, each with its trailing slash."""
        pages = self._pages(Prefix=prefix, Delimiter="/")
        return [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])]

    def has_objects(self, prefix: str) -> bool:
        page = self._call("listing", prefix, self._client.list_objects_v2, Prefix=prefix, MaxKeys=1)
        return bool(page.get("Contents"))

    def read(self, key: str, max_bytes: int) -> StoredBytes | None:
        """The whole object, None where there is none; raises C(corrupt) above C(max_bytes)."""
        try:
            answer = self._call("reading", key, self._client.get_object, Key=key)
        except SourceMissing:
            return None
        if answer["ContentLength"] > max_bytes:
            answer["Body"].close()
            raise MilvusOpsError(
                "corrupt",
                "reading",
                self._place(key),
                f"the object has {answer['ContentLength']} bytes, more than the {max_bytes} that it can need",
                next_step="see what wrote this object",
            )
        body = self._guarded("reading", key, answer["Body"].read)
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        store_now = email.utils.parsedate_to_datetime(date).timestamp() if date else time.time()
        return StoredBytes(body, answer["ETag"].strip('"'), answer["LastModified"].timestamp(), store_now)

    def digest(self, key: str) -> ContentDigest | None:
        """Read an object to its end, a piece at a time, and hash it; None where there is none."""
        try:
            answer = self._call("reading", key, self._client.get_object, Key=key)
        except SourceMissing:
            return None
        md5, size = hashlib.md5(usedforsecurity=False), 0
        with closing(answer["Body"]) as body:
            while piece := self._guarded("reading", key, body.read, amt=HASH_BYTES):
                md5.update(piece)
                size += len(piece)
        # With a managed or a customer's key, what looks like an MD5 is none.
        encrypted = "kms" in answer.get("ServerSideEncryption", "") or "SSECustomerAlgorithm" in answer
        return ContentDigest(size, md5.hexdigest(), "" if encrypted else answer["ETag"].strip('"'))

    def write(self, key: str, body: bytes, *, if_absent: bool = False, if_etag: str | None = None) -> str:
        """Write one small object and return its ETag. Raises ConditionFailed when the condition does not hold."""
        condition: dict[str, str] = {}
        if if_absent:
            condition["IfNoneMatch"] = "*"
        elif if_etag is not None:
            condition["IfMatch"] = if_etag
        put = self._client.put_object
        answer = self._call("writing", self._scope.require(key), put, Key=key, Body=body, **condition)
        return str(answer["ETag"]).strip('"')

    def delete(self, keys: Iterable[str]) -> int:
        """Delete enumerated keys and return their number; a key that is already gone is no error."""
        remaining, deleted = iter(keys), 0
        while batch := list(islice(remaining, DELETE_BATCH)):
            objects = [{"Key": self._scope.require(key)} for key in batch]
            delete = self._client.delete_objects
            answer = self._call("deleting", batch[0], delete, Delete={"Objects": objects, "Quiet": True})
            for error in answer.get("Errors", []):
                raise self._failure("deleting", error.get("Key", batch[0]), error.get("Code", ""), str(error))
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
        if isinstance(source, S3Store) and self._reaches(source):
            pace(size)
            try:
                self._copy_inside(source, pin, key)
                return
            except MilvusOpsError as error:
                if not self._must_stream(source, error):
                    raise
            self._streamed_sides.add(source.config)
            self._uploader.upload(PlannedObject(source, pin, unpaced), key)  # its bytes are paid for
            return
        self._uploader.upload(PlannedObject(source, pin, pace), key)

    @contextmanager
    def open_range(self, pin: Pin, offset: int, length: int) -> Iterator[S3Reader]:
        """Raises SourceMissing and ConditionFailed."""
        arguments = range_arguments(pin, offset, length)
        answer = self._call("reading", pin.key, self._client.get_object, **arguments)
        require_size(pin, answer)
        with closing(answer["Body"]):
            yield S3Reader(self._guarded, pin, answer, length)

    def _reaches(self, source: S3Store) -> bool:
        return self.config.same_service(source.config) and source.config not in self._streamed_sides

    def _must_stream(self, source: S3Store, error: MilvusOpsError) -> bool:
        """Whether a failed copy inside the service says nothing about the object, only about this way of copying."""
        response = getattr(error.__cause__, "response", None) or {}
        refused = error.kind == "permission" and not self.config.same_credentials(source.config)
        return refused or response.get("Error", {}).get("Code") in CANNOT_COPY

    def _copy_inside(self, source: S3Store, pin: Pin, key: str) -> None:
        what = {"Bucket": source.config.bucket, "Key": pin.key}
        pinned = {"CopySourceIfMatch": pin.etag} if pin.etag else {}
        if pin.size >= SINGLE_COPY_BYTES:
            self._call("copying", pin.key, self._client.copy, CopySource=what, Key=key, ExtraArgs=pinned)
            return
        answer = self._call("copying", pin.key, self._client.copy_object, CopySource=what, Key=key, **pinned)
        if not answer.get("CopyObjectResult", {}).get("ETag"):
            raise self._failure("copying", pin.key, "NoResult", "the service answered 200 without a result")

    def _pages(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            page = self._call("listing", arguments["Prefix"], self._client.list_objects_v2, **arguments, **token)
            yield page
            if not page.get("IsTruncated"):
                return
            if not page.get("NextContinuationToken"):
                raise self._failure("listing", arguments["Prefix"], "NoToken", "a page of the listing is missing")
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def _call(self, action: str, key: str, method: Callable[..., Any], **arguments: Any) -> Any:
        return self._guarded(action, key, method, Bucket=self.config.bucket, **arguments)

    def _guarded(self, action: str, key: str, method: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return method(**arguments)
        except botocore.exceptions.ClientError as error:
            details = error.response.get("Error", {})
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            code = str(details.get("Code", ""))
            if status == 412 or code == "PreconditionFailed":
                raise ConditionFailed(key) from error
            if code in ("NoSuchKey", "404"):
                raise SourceMissing(key) from error
            raise self._failure(action, key, code, str(details.get("Message", ""))) from error
        except (
            botocore.exceptions.BotoCoreError,
            boto3.exceptions.Boto3Error,
            urllib3.exceptions.HTTPError,
            OSError,
        ) as error:
            raise self._failure(action, key, type(error).__name__, str(error)) from error

    def _failure(self, action: str, key: str, code: str, message: str) -> MilvusOpsError:
        kind = failure_kind(code)
        return MilvusOpsError(
            kind,
            f"{action} in the object storage",
            self._place(key),
            f"{code}: {' '.join(message.split())[:300]}",
            next_step=next_step_for(kind, code),
        )

    def _place(self, key: str) -> str:
        return f"{self.config.label}/{key}"


def _client(config: StoreConfig, connections: int, *, repeat: bool = True) -> Any:
    """A client; one that does not C(repeat) sends bodies unsigned too, as they can be read once only."""
    session = boto3.Session()
    virtual_host = config.storage_type == "aws" or config.address is None
    arguments: dict[str, Any] = {
        "endpoint_url": config.endpoint_url,
        "region_name": config.region or session.region_name or DEFAULT_REGION,
        "verify": config.ca_path or None,
        "config": botocore.config.Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS if repeat else 1},
            max_pool_connections=connections,
            s3={
                "addressing_style": "auto" if virtual_host else "path",
                **({} if repeat else {"payload_signing_enabled": False}),
            },
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    }
    if not config.use_iam:
        arguments.update(
            aws_access_key_id=config.access_key_id,
            aws_secret_access_key=config.secret_access_key,
            aws_session_token=config.session_token,
        )
    return session.client("s3", **arguments)
