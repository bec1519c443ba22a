# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every status code of a server, sent by one, becomes a failure of a known kind with a cause and an advice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc
from stand_ins import connected

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import KINDS, MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import sdk
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.complaints import complained
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.status_codes import STATUS_CODES

RANGES = (
    *((1, 13), (100, 110), (200, 203), (250, 251), (300, 306), (400, 402), (500, 505), (600, 605), (700, 704)),
    *((800, 803), (901, 907), (1000, 1003), (1100, 1103), (1200, 1201), (1300, 1304), (1400, 1403), (1600, 1604)),
    *((1700, 1702), (1800, 1808), (1900, 1904), (2000, 2003), (2100, 2101), (2200, 2202), (2300, 2316)),
    *((2401, 2402), (3000, 3001), (10000, 10002), (65535, 65536)),
)
"""The codes that the sources of 2.4 to 2.6 name, each range with its end left out."""

NAMED = [code for start, end in RANGES for code in range(start, end)]
WORDS = "the moon is full"


@dataclass
class Refusing(milvus_pb2_grpc.MilvusServiceServicer):  # type: ignore[misc]
    """A server that answers everything with one code."""

    code: int = 0
    reason: str = WORDS

    def GetVersion(self, _request: Any, _context: Any) -> Any:
        return milvus_pb2.GetVersionResponse(version="v2.6.18")

    def DropIndex(self, _request: Any, _context: Any) -> Any:
        return common_pb2.Status(code=self.code, reason=self.reason)


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[Refusing, Server]]:
    there = Refusing()
    with connected(there) as server:
        yield there, server


def failure_of(refusing: tuple[Refusing, Server], code: int, reason: str) -> MilvusOpsError:
    there, server = refusing
    there.code, there.reason = code, reason
    with pytest.raises(MilvusOpsError) as caught:
        server.call("DropIndex", sdk.milvus_pb2.DropIndexRequest())
    return caught.value


def test_none_is_missing_and_none_is_invented() -> None:
    assert sorted(STATUS_CODES) == NAMED


def test_each_says_what_it_is_why_and_what_helps(refusing: tuple[Refusing, Server]) -> None:
    for code, row in STATUS_CODES.items():
        failure = failure_of(refusing, code, WORDS).failure
        assert failure.kind == row.kind, code
        assert row.kind in KINDS, code
        assert failure.next_step.strip(), code
        assert len(row.cause.split()) > 3, code
        assert (WORDS in failure.cause, f"(code {code})" in failure.cause) == (True, True), code


def test_known_words_say_more_than_the_code(refusing: tuple[Refusing, Server]) -> None:
    closed = failure_of(refusing, 9, "quota exceeded[reason=access has been disabled by the administrator]").failure
    assert (closed.kind, "database.force.deny" in closed.next_step) == ("quota", True)
    used_up = failure_of(refusing, 9, "quota exceeded[reason=disk quota exceeded]").failure
    assert (used_up.kind, "room" in used_up.next_step) == ("quota", True)
    lost = failure_of(refusing, 1100, "no binlog to import: importing data failed").failure
    assert lost.kind == "root_path"


def test_a_code_that_nobody_knows(refusing: tuple[Refusing, Server]) -> None:
    failure = failure_of(refusing, 4711, WORDS).failure
    assert (failure.kind, failure.cause, failure.next_step) == (
        "internal",
        f"{WORDS} (code 4711)",
        "see the log of the server",
    )


def test_by_rest_only_words_count() -> None:
    """There some kinds mean that nobody knows whether a job was made."""
    assert complained("calling /v2", "milvus:19530", WORDS, code=1).kind == "internal"
