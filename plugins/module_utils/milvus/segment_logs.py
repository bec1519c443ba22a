# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which logs belong to a segment, as servers from 2.5.8 on say it; a listing also shows those of repeated uploads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError
from .rest import RestClient

ROUTE = "/v2/vectordb/segments/describe"


@dataclass(frozen=True)
class NamedLogs:
    """Insert logs by field or column group, delete logs, and the channel that the rows came through."""

    inserts: frozenset[tuple[int, int]]
    deletes: frozenset[int]
    channel: str


def named_logs(rest: RestClient, database: str, collection_id: int, segment_id: int) -> NamedLogs:
    """Raises C(internal) with the server's words for a segment that is not there any more."""
    body = {"dbName": database, "collectionId": collection_id, "segmentIds": [segment_id]}
    data = rest.post(ROUTE, body)
    infos = data.get("segmentInfos") if isinstance(data, dict) else None
    if not isinstance(infos, list) or len(infos) != 1 or not isinstance(infos[0], dict):
        raise MilvusOpsError(
            "internal",
            f"calling {ROUTE}",
            rest.endpoint.label,
            "the answer has another shape than that of any known server",
            next_step="see docs/compatibility for the servers that are supported",
        )
    inserts, deletes = (tuple(_logs(infos[0].get(kind) or ())) for kind in ("insertLogs", "deltaLogs"))
    channel = str(infos[0].get("vChannel") or "")
    return NamedLogs(frozenset(inserts), frozenset(log for _field, log in deletes), channel)


def _logs(fields: Iterable[Mapping[str, Any]]) -> Iterable[tuple[int, int]]:
    for item in fields:
        for log in item.get("logIDs") or ():
            yield int(item.get("fieldID") or 0), int(log)
