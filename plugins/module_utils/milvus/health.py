# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server can take a restore: its own health check, and the limits that it says it has reached."""

from __future__ import annotations

import time

from ..errors import MilvusOpsError
from . import sdk
from .server import Server

ANSWER_SECONDS = 5
"""A server that has just started lets the question hang rather than answering no (2.3.5 facts, second round 2)."""

START_SECONDS = 120
POLL_SECONDS = 1.0
PASSING_KINDS = frozenset({"timeout", "unreachable"})


def require_ready(server: Server) -> None:
    """Wait until the server says that it is healthy; after a restart it answers long before its parts do.

    Raises C(timeout) when it does not within C(START_SECONDS), and C(quota) when it takes no writes or no reads: an
    import would pass all the same, but the instance would be of no use after it (2.3.5).
    """
    end = time.monotonic() + START_SECONDS
    while True:
        reason = _not_healthy(server)
        if not reason:
            return
        if time.monotonic() > end:
            raise MilvusOpsError(
                "timeout",
                "checking the health of the server",
                server.options.target,
                f"it was not healthy within {START_SECONDS} seconds: {reason}",
                next_step="see the log of the server, then run the task again",
            )
        time.sleep(POLL_SECONDS)


def _not_healthy(server: Server) -> str:
    """Why it is not healthy; empty if it is."""
    try:
        answer = server.call("CheckHealth", sdk.milvus_pb2.CheckHealthRequest(), timeout=ANSWER_SECONDS)
    except MilvusOpsError as error:
        if error.kind in PASSING_KINDS:
            return error.failure.cause
        raise
    if answer.quota_states:
        states = ", ".join(sdk.milvus_pb2.QuotaState.Name(state) for state in answer.quota_states)
        raise MilvusOpsError(
            "quota",
            "checking the health of the server",
            server.options.target,
            f"{states}: {', '.join(answer.reasons)}",
            next_step="make room on the server, or raise its quota, before restoring into it",
        )
    return "" if answer.isHealthy else ", ".join(answer.reasons) or "it says no more"
