# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import jobs over REST, as servers from 2.4 on run them.

The server keeps its jobs across restarts, forgets finished ones after some hours, and tells what a job reads only once
it works on it. Creating a job twice doubles its rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError
from .collection_name import DEFAULT_DATABASE, CollectionName
from .features import REST_IMPORT, SKIP_DISK_QUOTA, STORAGE_V2, UNKNOWN, has, import_end_ts, parse_version
from .rest import RestClient
from .server import Server

JOBS = "/v2/vectordb/jobs/import/"
CREATE_SECONDS = 120.0
OLD_STATUS = "get_progress"
"""Every server has it; C(describe) is the name that stays."""

COMPLETED, FAILED = "Completed", "Failed"
V1, V2 = 1, 2
_SEGMENT = re.compile(r"(?:insert_log|delta_log)(?:/-?[0-9]+)*/([0-9]+)/?(?=[\s\],]|$)")
"""The segment at the end of a path; a job names its paths like C([path1 path2])."""


@dataclass(frozen=True)
class BulkJob:
    """What one job reads: directories that hold segments, each with that of their deletes, if there are any.

    C(level_zero) jobs read directories of deletes alone. No C(partition) stands for all of them. C(segments) are those
    of which the server must tell that it read them.
    """

    partition: str
    files: tuple[tuple[str, ...], ...]
    segments: frozenset[int]
    storage_version: int = V1
    level_zero: bool = False


@dataclass(frozen=True)
class BulkState:
    """One job as the server reports it. C(files) is empty as long as the server has not looked at them."""

    job_id: str
    state: str
    percent: int
    imported_rows: int
    total_rows: int
    reason: str
    files: tuple[str, ...]

    @property
    def segments(self) -> frozenset[int]:
        return frozenset(int(found) for name in self.files for found in _SEGMENT.findall(name))

    @property
    def completed(self) -> bool:
        return self.state == COMPLETED

    @property
    def failed(self) -> bool:
        return self.state == FAILED

    @property
    def ended(self) -> bool:
        return self.completed or self.failed


def bulk_imports(server: Server) -> BulkImports | None:
    """The import jobs of a server that runs them by REST, None for an older one.

    A server that does not say its version is asked whether it has these calls.
    """
    if not has(server.version, REST_IMPORT):
        return None
    found = BulkImports(RestClient(server.options), server.version)
    if parse_version(server.version) != UNKNOWN:
        return found
    try:
        found.unfinished(DEFAULT_DATABASE)
    except MilvusOpsError as error:
        if error.kind not in ("version", "unreachable"):
            raise
        return None
    return found


class BulkImports:
    """The import jobs of one server."""

    def __init__(self, rest: RestClient, version: str) -> None:
        self.rest = rest
        self._version = version
        self._status_route = "describe"

    @property
    def where(self) -> str:
        return self.rest.endpoint.label

    def create(
        self, name: CollectionName, job: BulkJob, *, end_ts: int | None = None, skip_disk_quota: bool = False
    ) -> str:
        """Start one job and return its id. When no answer comes, the job may exist all the same, or come later.

        C(end_ts) is a hybrid timestamp: later inserts and deletes are left out.
        """
        body: dict[str, Any] = {
            "dbName": name.database,
            "collectionName": name.name,
            "files": [list(paths) for paths in job.files],
            "options": self._options(job, end_ts, skip_disk_quota),
        }
        if job.partition:
            body["partitionName"] = job.partition
        data = self.rest.post(f"{JOBS}create", body, timeout=CREATE_SECONDS)
        job_id = str(data.get("jobId") or "") if isinstance(data, dict) else ""
        if not job_id:
            raise self._odd("create", "it names no job", kind="ambiguous_import")
        return job_id

    def state(self, name: CollectionName, job_id: str) -> BulkState:
        """Raises C(ambiguous_import) for a job that the server does not know (any more)."""
        body = {"dbName": name.database, "jobId": job_id}
        while True:
            route = self._status_route
            try:
                data = self.rest.post(JOBS + route, body)
            except MilvusOpsError as error:
                if error.kind != "version" or route == OLD_STATUS:
                    raise
                self._status_route = OLD_STATUS
                continue
            if not isinstance(data, dict) or not isinstance(data.get("state"), str):
                raise self._odd(route, "it names no state")
            return _state(job_id, data)

    def job_ids(self, name: CollectionName) -> tuple[str, ...]:
        """The jobs of one collection that the server knows, finished ones for some hours.

        Also of a collection that was renamed, not of an earlier one of the same name. Jobs that this user may not see
        are missing without a word.
        """
        return tuple(str(record["jobId"]) for record in self._records(name.database, {"collectionName": name.name}))

    def unfinished(self, database: str, collection: str = "", timeout: float | None = None) -> tuple[str, ...]:
        """The jobs of a database that wait or work, of one collection or of whichever."""
        records = self._records(database, {"collectionName": collection} if collection else {}, timeout)
        return tuple(str(item["jobId"]) for item in records if item.get("state") not in (COMPLETED, FAILED))

    def _records(
        self, database: str, more: Mapping[str, str], timeout: float | None = None
    ) -> Sequence[Mapping[str, Any]]:
        data = self.rest.post(f"{JOBS}list", {"dbName": database, **more}, timeout=timeout)
        records = (data.get("records") or []) if isinstance(data, dict) else None
        if not isinstance(records, list) or not all(isinstance(item, dict) and item.get("jobId") for item in records):
            raise self._odd("list", "it is no list of jobs")
        return records

    def _options(self, job: BulkJob, end_ts: int | None, skip_disk_quota: bool) -> dict[str, str]:
        options = {"l0_import" if job.level_zero else "backup": "true"}
        if skip_disk_quota and has(self._version, SKIP_DISK_QUOTA):
            options["skip_disk_quota_check"] = "true"
        if has(self._version, STORAGE_V2) and job.storage_version > V1:
            options["storage_version"] = str(job.storage_version)
        if end_ts is not None:
            options["end_ts"] = str(import_end_ts(self._version, end_ts))
        return options

    def _odd(self, route: str, cause: str, kind: str = "internal") -> MilvusOpsError:
        return MilvusOpsError(
            kind,
            f"calling {JOBS}{route}",
            self.where,
            f"the answer has another shape than that of any known server: {cause}",
            next_step="see docs/compatibility for the servers that are supported",
        )


def _state(job_id: str, data: Mapping[str, Any]) -> BulkState:
    names = (str(item.get("fileName") or "") for item in data.get("details") or () if isinstance(item, dict))
    return BulkState(
        job_id=job_id,
        state=str(data["state"]),
        percent=_number(data.get("progress")),
        imported_rows=_number(data.get("importedRows")),
        total_rows=_number(data.get("totalRows")),
        reason=str(data.get("reason") or ""),
        files=tuple(sorted({name for name in names if name.strip("[] ")})),
    )


def _number(value: object) -> int:
    """A number, which some answers spell as a text."""
    text = str(value)
    return int(text) if text.isdecimal() else 0
