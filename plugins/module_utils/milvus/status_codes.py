# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status codes of a server mean, where its words say nothing that is known (servers from 2.3 on)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

AGAIN = "run the task again when the server is healthy; its log says what it waits for"
LOG = "see the log of the server"
NEWER = "see docs/compatibility, or use a newer server"
ROOM = "make room on the server, or raise the limit that it names"


@dataclass(frozen=True)
class StatusCode:
    """One code: the kind of failure that it is, why it comes, and what helps."""

    code: int
    kind: str
    cause: str
    remedy: str


def _each(codes: Iterable[int], kind: str, cause: str, remedy: str) -> Iterator[StatusCode]:
    return (StatusCode(code, kind, cause, remedy) for code in codes)


_ROWS = (
    _each((1, 2), "unreachable", "the server is starting, or one of its parts is away", AGAIN),
    _each((3,), "quota", "the server has no memory left for this", ROOM),
    _each((4, 8, 1807), "throttled", "the server takes no more such calls for the moment", "run the task again later"),
    _each((5, 65535), "internal", "the server failed without naming a reason of its list", LOG),
    _each((6,), "unreachable", "the address leads to another cluster than before", "correct address and port"),
    _each((7,), "quota", "the server has no room left on its disks", ROOM),
    _each((9,), "quota", "a quota of the server is used up, or its operator has closed it", ROOM),
    _each((10, 3000), "version", "this server does not have the call", NEWER),
    _each((11, 504), "throttled", "the channels of the server lag behind", AGAIN),
    _each((12,), "quota", "the server has not enough nodes, or they are full", ROOM),
    _each((100,), "not_found", "there is no such collection", "see milvus_info for names"),
    _each((101, 201), "internal", "the collection is not loaded: somebody has released it", "run the task again"),
    _each((102,), "quota", "the server or the database has as many collections as it may have", ROOM),
    _each((103, 202), "timeout", "the collection is still being loaded", AGAIN),
    _each(
        (104,),
        "internal",
        "the collection is loaded already, with other settings",
        "release it, then run the task again",
    ),
    _each((105, 107), "version", "this server does not take the schema", NEWER),
    _each((106,), "unreachable", "the server is recovering the collection", AGAIN),
    _each((108,), "version", "the collection takes part in a replication", "end the replication first"),
    _each((109,), "internal", "the schema has changed during the call", "run the task again when nobody changes it"),
    _each((200,), "not_found", "there is no such partition", "see who drops partitions, then run the task again"),
    _each((250,), "quota", "the shards times partitions of the whole server are at their limit", ROOM),
    _each((300,), "not_found", "there is no such resource group", "create it, or correct the properties that name it"),
    _each((301, 303), "internal", "the resource groups of the server are configured otherwise", LOG),
    _each((302, 304), "quota", "the resource groups of the server have not enough room or nodes", ROOM),
    _each((305, 401, 503), "unreachable", "the nodes that serve the collection are away", AGAIN),
    _each(
        (400,),
        "internal",
        "the server knows no replica of the collection",
        "load the collection, then run the task again",
    ),
    _each(
        (500, 501, 502),
        "internal",
        "the message queue of the server is not healthy",
        f"{LOG}; restarting it has helped others",
    ),
    _each((600,), "internal", "a segment was compacted during the call", "run the task again"),
    _each((601, 602, 603, 604), "internal", "the query nodes of the server could not serve a segment", LOG),
    _each((700,), "not_found", "there is no such index", "build it, or restore with index: as_backup"),
    _each((701, 702), "version", "this server does not take the index", NEWER),
    _each((703,), "quota", "the server has as many index tasks as it takes", AGAIN),
    _each((800,), "not_found", "there is no such database", "see milvus_info for names"),
    _each((801,), "quota", "the server has as many databases as it may have", ROOM),
    _each((802, 1701), "bad_name", "the server does not take this name", "use letters, digits and underscores"),
    _each(range(901, 907), "unreachable", "a node of the server is away or has changed", AGAIN),
    _each((1000,), "internal", "an object or a record that the server needs is gone", LOG),
    _each((1001, 1002), "internal", "the server cannot use its object storage, or its meta store", LOG),
    _each(
        (1100, 1101),
        "internal",
        "the server does not take a value of this call",
        "see docs/compatibility for this server",
    ),
    _each((1102,), "quota", "a value of this call is larger than the server takes", ROOM),
    _each((1200,), "internal", "the server does not know this metric", LOG),
    _each((1300, 1301, 1302), "internal", "the message queue of the server failed", f"{LOG}, and that of the queue"),
    _each((1303,), "quota", "the message queue of the server takes no more", ROOM),
    _each(
        (1400, 1800), "credentials", "the server refuses the login", "correct user and password, or token, of this host"
    ),
    _each((1401,), "permission", "the user of this connection lacks a privilege", "see the guide on permissions"),
    _each((1402,), "internal", "the privilege group is there already", "run the task again"),
    _each((1600, 1603), "not_found", "there is no such alias, or it leads to nothing", "see who changes aliases"),
    _each((1601, 1602), "target_exists", "the name is that of another alias or collection", "choose another name"),
    _each((1700,), "internal", "there is no such field", "see docs/compatibility for this server"),
    _each((1801, 1802), "version", "the server does not take this request by REST", NEWER),
    _each((1803, 1804, 1805, 1806), "internal", "the REST interface of the server failed", LOG),
    _each(
        (1900, 1901, 1902, 1903),
        "version",
        "the server is not set up for replication",
        "leave replicating clusters out",
    ),
    _each((2000, 2002), "internal", "the engine of the server failed on the data", LOG),
    _each((2001,), "version", "the engine of the server does not know this data", NEWER),
    _each((2100,), "internal", "the import failed on the data nodes", LOG),
    _each((2200, 2201), "internal", "the query was broken off, or its data changed meanwhile", "run the task again"),
    _each(
        range(2300, 2316), "internal", "a compaction of the server failed or ran meanwhile", "run the task again later"
    ),
    _each((2401,), "throttled", "the data nodes of the server are busy", "run the task again later"),
    _each((10000,), "internal", "the call was cancelled on the server", "run the task again"),
    _each((10001,), "timeout", "the server ended the call after its own time", AGAIN),
)

STATUS_CODES = {row.code: row for rows in _ROWS for row in rows}
