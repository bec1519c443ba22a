# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server version can do what: the one table (sources: reference, server versions)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import MilvusOpsError
from .timestamps import LOGICAL_BITS


@dataclass(frozen=True, order=True)
class ServerVersion:
    """Major, minor and patch of a release; text that names none compares as the newest (probe, do not guess)."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


UNKNOWN = ServerVersion(99, 0, 0)
SUPPORTED_LINE = (2, 3)
"""The server line on which this release is proven."""


def parse_version(text: str) -> ServerVersion:
    """Read C(2.3.5), C(v2.5.4-dev), C(milvus-2.6-20260101) and the like."""
    full = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    if full:
        return ServerVersion(int(full[1]), int(full[2]), int(full[3]))
    line = re.search(r"(\d+)\.(\d+)", text)
    return ServerVersion(int(line[1]), int(line[2]), 9999) if line else UNKNOWN


def is_supported(version_text: str) -> bool:
    """Whether this release is proven on the server's line. Text without a version is let through."""
    version = parse_version(version_text)
    return version == UNKNOWN or (version.major, version.minor) == SUPPORTED_LINE


def require_supported(version_text: str, where: str, operation: str) -> None:
    """Refuse server lines that this release is not proven on."""
    if is_supported(version_text):
        return
    line = ".".join(str(part) for part in SUPPORTED_LINE)
    raise MilvusOpsError(
        "version",
        operation,
        where,
        f"the server is {version_text}; this release is proven on {line} and refuses other lines",
        next_step="see docs/compatibility for the releases that support this server",
    )


def require_same_or_newer(backup_version: str, server_version: str, where: str) -> None:
    """A backup goes to the same or a newer server line, never to an older one."""
    made_on, target = parse_version(backup_version), parse_version(server_version)
    if UNKNOWN in (made_on, target) or (made_on.major, made_on.minor) <= (target.major, target.minor):
        return
    raise MilvusOpsError(
        "version",
        "checking the versions",
        where,
        f"the backup was made on {backup_version}, the target runs {server_version}, which is older",
        next_step="restore into a server of the same or a newer line",
    )


def import_end_ts(version_text: str, hybrid: int) -> int:
    """The C(end_ts) of an import that keeps everything up to a hybrid timestamp, to the millisecond.

    Up to 2.4.23, and from 2.5.0 to 2.5.5, it is physical milliseconds, and what happened in that very millisecond is
    left out (2.3.5: measured; others: server versions, C). The other servers take the hybrid timestamp.
    """
    version = parse_version(version_text)
    in_milliseconds = version < ServerVersion(2, 4, 24) or ServerVersion(2, 5, 0) <= version < ServerVersion(2, 5, 6)
    return (hybrid >> LOGICAL_BITS) + 1 if in_milliseconds else hybrid
