# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports: blocks that are really free, and errors that name the port."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from embedded_lab.errors import LabError
from embedded_lab.ports import BLOCK, FIRST, LAST, check_free, check_number, is_free, pick_block

NAMES = ("one", "two", "three")


@pytest.fixture(params=["127.0.0.1", "127.0.0.2"])
def listener(request: pytest.FixtureRequest) -> Iterator[int]:
    with socket.create_server((request.param, 0)) as server:
        yield server.getsockname()[1]


def test_a_listener_on_any_address_takes_the_port(listener: int) -> None:
    assert not is_free(listener)


def test_a_closed_listener_frees_the_port_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _unused = server.accept()
        accepted.close()  # this side closes first, so it is left in TIME_WAIT
        client.close()
    assert is_free(port)


def test_a_block_is_free_aligned_and_in_order() -> None:
    ports = pick_block(NAMES, avoid=())
    first = ports["one"]
    assert ports == {"one": first, "two": first + 1, "three": first + 2}
    assert FIRST <= first < LAST
    assert first % BLOCK == 0
    assert all(is_free(port) for port in ports.values())


def test_a_block_avoids_promised_ports() -> None:
    everything_else = set(range(FIRST, LAST)) - set(range(FIRST + BLOCK, FIRST + 2 * BLOCK))
    assert pick_block(NAMES, avoid=everything_else)["one"] == FIRST + BLOCK


def test_no_block_left_is_an_error() -> None:
    with pytest.raises(LabError, match="no 3 free ports in a row"):
        pick_block(NAMES, avoid=range(FIRST, LAST))


def test_a_block_with_a_listener_in_it_is_passed_over() -> None:
    start = pick_block(NAMES, avoid=())["one"]
    other = start + BLOCK if start + 2 * BLOCK <= LAST else start - BLOCK
    only_two = set(range(FIRST, LAST)) - set(range(start, start + BLOCK)) - set(range(other, other + BLOCK))
    with socket.create_server(("127.0.0.1", start + 2)):
        assert pick_block(NAMES, avoid=only_two)["one"] == other


def test_a_taken_port_is_named(listener: int) -> None:
    with pytest.raises(LabError) as caught:
        check_free("milvus_a", {"proxy": listener}, "/lab/lab.json")
    assert f"{listener} (proxy)" in str(caught.value)
    assert "milvus_a" in str(caught.value)
    assert caught.value.failure["kind"] == "usage"
    assert "/lab/lab.json" in caught.value.failure["next_step"]


@pytest.mark.parametrize("port", [0, 80, 65536, -1, True, "19530", 1.5])
def test_what_is_no_port_is_refused(port: object) -> None:
    with pytest.raises(LabError, match="is not a port"):
        check_number("port", port)


@pytest.mark.parametrize("port", [None, 1024, 65535])
def test_what_is_a_port_or_unset_is_accepted(port: int | None) -> None:
    check_number("port", port)
