# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that answer every request with a failure whose text repeats secrets, as a careless proxy or server would."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

import grpc
from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc
from scripted_s3 import Script, http, scripted


@contextmanager
def echoing_s3(code: str, status: str, text: str) -> Iterator[int]:
    """The port of an S3 service that refuses everything."""
    document = f"<Error><Code>{code}</Code><Message>{escape(text)}</Message></Error>"
    with scripted(Script([http(document, status)])) as port:
        yield port


@contextmanager
def garbled_s3(text: str) -> Iterator[int]:
    """The port of an S3 service whose every object is this text."""
    with scripted(Script([http(text, ETag='"0cc175b9c0f1b6a831c399e269772661"')])) as port:
        yield port


@dataclass(frozen=True)
class Echo(milvus_pb2_grpc.MilvusServiceServicer):  # type: ignore[misc]
    """Fails with a C(status) of gRPC, or answers with a C(code) of Milvus, or only after C(seconds).

    C(logins) are those that came, as they were sent.
    """

    text: str
    status: str = ""
    code: int = 0
    seconds: float = 0
    logins: list[str] = field(default_factory=list)

    def GetVersion(self, request: Any, context: Any) -> Any:
        self.logins.append(str(dict(context.invocation_metadata()).get("authorization", "")))
        time.sleep(self.seconds)
        if self.status:
            context.abort(grpc.StatusCode[self.status], self.text)
        return milvus_pb2.GetVersionResponse(status=common_pb2.Status(code=self.code, error_code=1, reason=self.text))
