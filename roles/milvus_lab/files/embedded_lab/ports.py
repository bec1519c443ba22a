# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks of loopback ports, one block per server."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection, Mapping, Sequence

from .errors import LabError, usage

LOOPBACK = "127.0.0.1"
BLOCK = 16
# Below the ephemeral ranges of Linux (32768) and macOS (49152): no outgoing connection takes a stopped lab's port.
FIRST, LAST = 16000, 32000


def is_free(port: int) -> bool:
    # Milvus 2.3.5 binds every address, so a listener on any address of this host is in its way. Nothing listens here.
    for host in (LOOPBACK, "0.0.0.0"):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def check_number(option: str, port: object) -> None:
    if port is not None and (not isinstance(port, int) or isinstance(port, bool) or not 1024 <= port <= 65535):
        raise usage(option, f"{port!r} is not a port from 1024 to 65535", "choose another port")


def pick_block(names: Sequence[str], avoid: Collection[int]) -> dict[str, int]:
    """A free port for each name, all from one aligned block; `avoid` holds ports promised to other servers."""
    if len(names) > BLOCK:
        raise ValueError(f"{len(names)} ports do not fit a block of {BLOCK}")
    starts = list(range(FIRST, LAST, BLOCK))
    random.shuffle(starts)
    for start in starts:
        candidates = range(start, start + len(names))
        if not set(candidates) & set(avoid) and all(is_free(port) for port in candidates):
            return dict(zip(names, candidates, strict=True))
    raise LabError(
        "internal",
        operation="choose ports on",
        where=LOOPBACK,
        cause=f"no {len(names)} free ports in a row between {FIRST} and {LAST}",
        next_step="end some servers on this machine",
        retryable=True,
    )


def check_free(server: str, ports: Mapping[str, int], lab_file: str) -> None:
    """Refuse to start a server onto ports that somebody else holds, naming each of them."""
    taken = [f"{port} ({name})" for name, port in ports.items() if not is_free(port)]
    if taken:
        raise LabError(
            "usage",
            operation="start",
            where=f"{server} on {LOOPBACK}",
            cause=f"port taken by another program: {', '.join(taken)}",
            state_left="no server was started",
            next_step=f"free the port, or choose another; the lab's ports are recorded in {lab_file}"
            " (stop with --wipe forgets them together with the data)",
            retryable=True,
        )
