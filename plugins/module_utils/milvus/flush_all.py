# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing every collection of a server at one moment, where it can do that.

Older servers have a call of this name too, which means one database: nothing here uses it.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError
from . import sdk
from .features import FLUSH_ALL, has
from .segments import TIMESTAMP_STEP_SECONDS
from .server import UNIMPLEMENTED, Server

POLL_SECONDS = 0.5
TICK_PROPERTY = "_tt"
TICK_BASE = 36


@dataclass(frozen=True)
class FlushedAll:
    """C(messages) by physical channel, in base64; they hold the moment of the flush in each, C(timestamp) the first."""

    timestamp: int
    messages: Mapping[str, str]
    control_channel: str
    channels: tuple[str, ...]


def flush_all(server: Server, timeout: float) -> FlushedAll | None:
    """Seal and store all rows of all collections, and wait for it (seconds: C(timeout)).

    None where this server, this client or this login has no such call: then each collection is flushed by itself.
    """
    if not (has(server.version, FLUSH_ALL) and _client_knows_it()):
        return None
    time.sleep(TIMESTAMP_STEP_SECONDS)
    try:
        answer = server.call_when_allowed("FlushAll", sdk.milvus_pb2.FlushAllRequest(), patience=timeout)
    except MilvusOpsError as error:
        if error.kind == "permission" or UNIMPLEMENTED in error.failure.cause:
            return None
        raise
    if not answer.flush_all_msgs:  # the older meaning, in a build whose version says nothing
        return None
    moments = {channel: _tick(server, message) for channel, message in answer.flush_all_msgs.items()}
    _wait(server, moments, timeout)
    return FlushedAll(
        timestamp=min(moments.values()),
        messages={
            channel: base64.b64encode(message.SerializeToString(deterministic=True)).decode()
            for channel, message in answer.flush_all_msgs.items()
        },
        control_channel=answer.cluster_info.cchannel,
        channels=tuple(answer.cluster_info.pchannels),
    )


def _client_knows_it() -> bool:
    """The first releases of pymilvus 2.6 do not know these fields."""
    known = sdk.milvus_pb2.FlushAllResponse.DESCRIPTOR.fields_by_name
    return "flush_all_msgs" in known and "cluster_info" in known


def _tick(server: Server, message: Any) -> int:
    text = message.properties.get(TICK_PROPERTY, "")
    try:
        return int(text, TICK_BASE)
    except ValueError as error:
        raise MilvusOpsError(
            "internal",
            "flushing",
            server.options.target,
            f"a message of the flush names no moment: {text!r}",
            next_step="set strategy: flush, which flushes each collection by itself",
        ) from error


def _wait(server: Server, moments: Mapping[str, int], timeout: float) -> None:
    request = sdk.milvus_pb2.GetFlushAllStateRequest(flush_all_tss=moments)
    end = time.monotonic() + timeout
    while not server.call("GetFlushAllState", request).flushed:
        if time.monotonic() > end:
            raise MilvusOpsError(
                "timeout",
                "flushing",
                server.options.target,
                f"the server did not finish flushing all collections within {timeout:g} seconds",
                next_step="see the health of the server, or set strategy: flush, which waits for the chosen ones",
            )
        time.sleep(POLL_SECONDS)
