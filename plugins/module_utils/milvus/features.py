# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server version can do what: the one table.

A version decides only where the server cannot be asked: a route that it lacks answers 404, and that is asked for.
"""

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

    @property
    def line(self) -> tuple[int, int]:
        return self.major, self.minor


UNKNOWN = ServerVersion(99, 0, 0)
NEWEST_PATCH = 9999
PROVEN_LINE = (2, 3)
"""The server line on which this release is proven with real servers."""

SUPPORTED_LINES = frozenset({PROVEN_LINE, (2, 4), (2, 5), (2, 6), (3, 0)})
"""Those that are not proven are tested with an imitation of the server (docs/compatibility)."""


@dataclass(frozen=True)
class Span:
    """The releases from C(since) up to, and without, C(before); empty for no end."""

    since: str
    before: str = ""


@dataclass(frozen=True)
class Feature:
    """What a server does, or does wrong, and in which releases."""

    spans: tuple[Span, ...]


def _from(since: str, before: str = "") -> Feature:
    return Feature((Span(since, before),))


REST_IMPORT = _from("2.4.0")
"""Import by REST; since then the task list of gRPC names neither jobs nor files."""

DESCRIBE_DATABASE = _from("2.4.3")
L0_IMPORT = _from("2.4.5", "3.0.0")
"""From 3.0 on it is off unless the server's operator allows it."""

SKIP_DISK_QUOTA = _from("2.4.7")
RBAC_BACKUP = _from("2.4.10")
"""Users with the hashes of their passwords, roles, grants and (2.5) privilege groups in one call, and back in one."""

HYBRID_END_TS = Feature((Span("2.4.24", "2.5.0"), Span("2.5.6")))
"""The end of an import as a hybrid timestamp; before, in milliseconds."""

CLUSTERING_LISTED_TWICE = _from("2.4.0", "2.5.0")
"""While a clustering compaction ends, what went into it is listed together with what came out of it."""

UNREADABLE_AFTER_RESTART = _from("2.4.13", "2.4.14")
"""What describes its collections goes away after a while, and the next start needs it."""

UNSEEN_SEGMENTS_UNLISTED = _from("2.5.0")
"""Segments of an import that runs are in no list; before, they were."""

SEGMENT_DESCRIBE = _from("2.5.8")
RENAME_LOSES_COLLECTION = _from("2.5.14", "2.5.15")
STORAGE_V2 = _from("2.6.0")
ADDED_FIELDS = _from("2.6.0")
"""Fields can be added to a collection that exists."""

SEVERAL_L0_IN_A_JOB = _from("2.6.5")
DURABLE_RENAME = _from("2.6.6")
"""A rename waits for other work in its database, and is carried out though nobody waits for its answer any more."""

FUNCTION_CHECK = _from("2.6.8")
FLUSH_ALL = _from("2.6.11")
"""One flush of all collections of all databases; before, the call of this name means one database."""

L0_COMPACTION_BREAKS_IMPORT = _from("2.4.0", "2.6.12")
"""A compaction of deletes in the target, while rows or more deletes come in."""

GRANTS_FOLLOW_RENAME = _from("2.6.12")
"""The grants on a collection go where it goes, and away with it; before, they belong to its name."""

SNAPSHOT = _from("3.0.0")


@dataclass(frozen=True)
class Limits:
    """What a server takes unless it is configured otherwise."""

    partitions: int
    vector_fields: int
    shards: int = 16


def parse_version(text: str) -> ServerVersion:
    """Read C(2.3.5), C(v2.5.4-dev), C(2.6.1.3), C(milvus-2.6-20260101) and the like.

    A pre-release counts as its release: what comes in a release is in its last pre-releases too.
    """
    full = re.search(r"(?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,4})(?!\d)", text)
    if full:
        return ServerVersion(int(full[1]), int(full[2]), int(full[3]))
    line = re.search(r"(?<![\d.])(\d{1,3})\.(\d{1,3})(?![\d.])", text)
    return ServerVersion(int(line[1]), int(line[2]), NEWEST_PATCH) if line else UNKNOWN


def has(version_text: str, feature: Feature) -> bool:
    """Whether the server of this version has it. Without a version: what the newest servers have."""
    version = parse_version(version_text)
    return any(
        parse_version(span.since) <= version and (not span.before or version < parse_version(span.before))
        for span in feature.spans
    )


def limits_of(version_text: str) -> Limits:
    version = parse_version(version_text)
    return Limits(
        partitions=4096 if version.line < (2, 4) else 1024,
        vector_fields=1 if version.line < (2, 4) else 4 if version.line < (2, 6) else 10,
    )


def is_supported(version_text: str) -> bool:
    """Whether this release works with the server's line. Text without a version is let through."""
    version = parse_version(version_text)
    return version == UNKNOWN or version.line in SUPPORTED_LINES


def require_supported(version_text: str, where: str, operation: str) -> None:
    """Refuse server lines that this release does not work with."""
    if is_supported(version_text):
        return
    named = ", ".join(f"{major}.{minor}" for major, minor in sorted(SUPPORTED_LINES))
    raise MilvusOpsError(
        "version",
        operation,
        where,
        f"the server is {version_text}; this release takes {named} and refuses other lines",
        next_step="see docs/compatibility for the releases that support this server",
    )


def unproven(version_text: str) -> tuple[str, ...]:
    """A warning for lines that no real server was tested of."""
    version = parse_version(version_text)
    if version == UNKNOWN or version.line == PROVEN_LINE:
        return ()
    line, proven = (".".join(map(str, numbers)) for numbers in (version.line, PROVEN_LINE))
    return (
        f"the server is {version_text}; of Milvus {line} this release has been tested on an imitation only, on real "
        f"servers of {proven} (docs/compatibility): try it where nothing can be lost, and compare the rows",
    )


def defects(version_text: str) -> tuple[str, ...]:
    """A warning for a release that loses by itself what a restore has brought, or a backup should hold."""
    if not has(version_text, UNREADABLE_AFTER_RESTART) or "hotfix" in version_text:
        return ()
    return (
        f"the server is {version_text}: after a restart it may not be able to read its collections (milvus issue "
        "36933); make backups now, and upgrade it to 2.4.13-hotfix, 2.4.14 or newer before it is restarted",
    )


def require_same_or_newer(backup_version: str, server_version: str, where: str) -> None:
    """A backup goes to the same or a newer server line, never to an older one."""
    made_on, target = parse_version(backup_version), parse_version(server_version)
    if UNKNOWN in (made_on, target) or made_on.line <= target.line:
        return
    raise MilvusOpsError(
        "version",
        "checking the versions",
        where,
        f"the backup was made on {backup_version}, the target runs {server_version}, which is older",
        next_step="restore into a server of the same or a newer line",
    )


def require_known_rights(version_text: str, where: str, operation: str) -> None:
    """Raises C(version) for the releases whose privileges are others than in 2.3, and which cannot tell all of them."""
    if not has(version_text, REST_IMPORT) or has(version_text, RBAC_BACKUP):
        return
    raise MilvusOpsError(
        "version",
        operation,
        where,
        f"roles and grants are carried by servers of the 2.3 line and from 2.4.10 on, and this one is {version_text}",
        next_step="leave rbac out, or upgrade the server to 2.4.10",
    )


def import_end_ts(version_text: str, hybrid: int) -> int:
    """The C(end_ts) of an import that keeps everything up to a hybrid timestamp, to the millisecond.

    Where it is physical milliseconds, what happened in that very millisecond is left out (measured on 2.3.5).
    """
    return hybrid if has(version_text, HYBRID_END_TS) else (hybrid >> LOGICAL_BITS) + 1
