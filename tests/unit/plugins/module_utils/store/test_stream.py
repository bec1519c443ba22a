# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reaches a destination: all bytes of the planned object, or an exception before the last of them."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store import retry
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import TransferBroken, unpaced
from ansible_collections.vectorops.milvus.plugins.module_utils.store.retry import ATTEMPTS, persist
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3_parts import MOST_PARTS, part_ranges
from ansible_collections.vectorops.milvus.plugins.module_utils.store.stream import PIECE_BYTES, CheckedReader

GIB = 1 << 30


class Bytes:
    """A source that gives at most C(at_once) bytes for each read, as sockets do."""

    def __init__(self, body: bytes, at_once: int = 100_000, md5: str = "") -> None:
        self._rest = body
        self._at_once = at_once
        self.md5 = md5

    def read(self, size: int) -> bytes:
        given, self._rest = self._rest[: min(size, self._at_once)], self._rest[min(size, self._at_once) :]
        return given


def body_of(size: int) -> bytes:
    return bytes(number % 251 for number in range(size))


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 7])
@pytest.mark.parametrize("asked", [-1, 16384, 10 * PIECE_BYTES])
def test_every_byte_arrives_in_order_and_its_md5_is_known(size: int, asked: int) -> None:
    body = body_of(size)
    reader = CheckedReader(Bytes(body, md5=hashlib.md5(body).hexdigest()), size, unpaced)
    arrived = b"".join(iter(lambda: reader.read(asked), b""))
    assert arrived == body
    assert len(reader) == size
    assert reader.md5 == hashlib.md5(body).hexdigest()


def test_a_source_that_ends_early_never_gives_its_last_piece() -> None:
    body = body_of(2 * PIECE_BYTES)
    reader = CheckedReader(Bytes(body[:-1]), len(body), unpaced)
    arrived = reader.read()
    with pytest.raises(TransferBroken) as caught:
        reader.read()
    assert arrived == body[:PIECE_BYTES]
    assert caught.value.kind == "unreachable"
    assert reader.failure is caught.value


def test_altered_bytes_never_arrive_completely() -> None:
    body = body_of(PIECE_BYTES + 5)
    reader = CheckedReader(Bytes(b"X" + body[1:], md5=hashlib.md5(body).hexdigest()), len(body), unpaced)
    reader.read()
    with pytest.raises(TransferBroken) as caught:
        reader.read()
    assert caught.value.kind == "corrupt"


def test_more_bytes_than_planned_are_not_taken() -> None:
    reader = CheckedReader(Bytes(body_of(20)), 10, unpaced)
    assert (reader.read(), reader.read()) == (body_of(10), b"")


def test_every_byte_is_paid_for_before_it_is_read() -> None:
    paid: list[int] = []
    size = 2 * PIECE_BYTES + 3
    reader = CheckedReader(Bytes(body_of(size)), size, paid.append)
    assert b"".join(reader.pieces()) == body_of(size)
    assert paid == [PIECE_BYTES, PIECE_BYTES, 3]


def broken_times(number: int) -> Callable[[], str]:
    left = [TransferBroken("timeout", f"break {index}") for index in range(number)]

    def attempt() -> str:
        if left:
            raise left.pop()
        return "done"

    return attempt


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 0.0)


@pytest.mark.usefixtures("no_pauses")
def test_a_broken_transfer_is_repeated() -> None:
    assert persist(broken_times(ATTEMPTS - 1), "somewhere") == "done"


@pytest.mark.usefixtures("no_pauses")
def test_at_last_the_cause_is_told() -> None:
    with pytest.raises(MilvusOpsError) as caught:
        persist(broken_times(ATTEMPTS), "http://host/bucket/key")
    assert caught.value.kind == "timeout"
    assert caught.value.failure.where == "http://host/bucket/key"
    assert "break 0" in caught.value.failure.cause
    assert caught.value.failure.retryable


def test_what_is_no_break_is_not_repeated() -> None:
    calls: list[int] = []

    def attempt() -> None:
        calls.append(1)
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        persist(attempt, "somewhere")
    assert len(calls) == 1


@pytest.mark.parametrize("size", [GIB, GIB + 1, 100 * GIB, 5 * 1024 * GIB])
def test_parts_cover_the_object_within_what_services_take(size: int) -> None:
    parts = part_ranges(size)
    assert len(parts) <= MOST_PARTS
    assert parts[0][0] == 0
    assert sum(length for _offset, length in parts) == size
    assert all(end == begin + length for (begin, length), (end, _next) in itertools.pairwise(parts))
    assert max(length for _offset, length in parts) <= 5 * GIB
