# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST v2 routes: import jobs, and the files of segments. A failure is mostly HTTP 200 with a code in the body."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from scripted_s3 import headers_of, http

from .imports import Imports, Submission, described
from .model import Segment, World
from .refusals import OTHER, Refused

ROOT = "/v2/vectordb/"
JOBS = f"{ROOT}jobs/import/"
NOT_JSON, MISSING, UNKNOWN_USER = 1801, 1802, 1800
TEXT, NUMBER, NUMBERS, FILES, OPTIONS = "text", "number", "numbers", "files", "options"
KINDS: Mapping[str, Callable[[Any], bool]] = {
    TEXT: lambda value: isinstance(value, str),
    NUMBER: lambda value: isinstance(value, int) and not isinstance(value, bool),
    NUMBERS: lambda value: isinstance(value, list) and all(KINDS[NUMBER](item) for item in value),
    FILES: lambda value: (
        isinstance(value, list)
        and all(isinstance(entry, list) and all(isinstance(path, str) for path in entry) for entry in value)
    ),
    OPTIONS: lambda value: isinstance(value, dict) and all(isinstance(item, str) for item in value.values()),
}


class Unanswered(ConnectionResetError):
    """The line breaks before an answer."""


def answer(imports: Imports, head: str, body: bytes) -> bytes:
    """The whole answer. Raises Unanswered, which breaks the line, where the client is not to have one."""
    method, path = head.split(" ", 2)[:2]
    world = imports.world
    with world.guard:
        world.calls.append(f"{method} {path}")
        route = _routes(world).get(path) if method == "POST" else None
        if route is None:
            return http("404 page not found", "404 Not Found", Content_Type="text/plain")
        try:
            _require_login(world, headers_of(head))
            data = route(imports, body)
        except Refused as refused:
            world.refused.append(f"{path}: {refused.reason}")
            statuses = {401: "401 Unauthorized", 403: "403 Forbidden", 408: "408 Request Timeout"}
            document = json.dumps({"code": refused.code, "message": refused.reason})
            return http(document, statuses.get(refused.http, "200 OK"), Content_Type="application/json")
        return http(json.dumps({"code": world.profile.success_code, "data": data}), Content_Type="application/json")


def _routes(world: World) -> dict[str, Callable[[Imports, bytes], Any]]:
    routes: dict[str, Callable[[Imports, bytes], Any]] = {
        f"{JOBS}create": _create,
        f"{JOBS}list": _list,
        f"{JOBS}get_progress": _describe,
    }
    if world.profile.describes_jobs:
        routes[f"{JOBS}describe"] = _describe
    if world.profile.describes_segments:
        routes[f"{ROOT}segments/describe"] = _segments
    return routes


def _require_login(world: World, headers: Mapping[str, str]) -> None:
    if headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Refused(NOT_JSON, "can only accept json format request")
    if world.login and headers.get("authorization") != f"Bearer {world.login}":
        raise Refused(UNKNOWN_USER, "user hasn't authenticated", http=401)


def _require_right(world: World, privilege: str) -> None:
    if privilege in world.rights.denied:
        raise Refused(OTHER, f"Privilege{privilege}: permission deny to clerk", http=403)


def _fields(body: bytes, kinds: Mapping[str, str], *needed: str) -> dict[str, Any]:
    """The fields of a request; another one, or one of another kind, is none that this server reads."""
    try:
        given = json.loads(body)
    except ValueError as error:
        raise Refused(NOT_JSON, f"can only accept json format request, error: {error}") from error
    if not isinstance(given, dict):
        raise Refused(NOT_JSON, "can only accept json format request")
    for name, value in given.items():
        if name not in kinds or not KINDS[kinds[name]](value):
            raise Refused(
                NOT_JSON, f"can only accept json format request, error: {name} is no {kinds.get(name, 'field')}"
            )
    for name in needed:
        if not given.get(name):
            raise Refused(
                MISSING,
                f"missing required parameters, error: Field validation for '{name}' failed on the 'required' tag",
            )
    return given


def _create(imports: Imports, body: bytes) -> Any:
    kinds = {"dbName": TEXT, "collectionName": TEXT, "partitionName": TEXT, "files": FILES, "options": OPTIONS}
    given = _fields(body, kinds, "collectionName", "files")
    world = imports.world
    _require_right(world, "Import")
    collection = world.find(given.get("dbName", ""), given["collectionName"])
    if collection.database in imports.stuck:
        raise Unanswered
    wanted = Submission(collection, given.get("partitionName", ""), given["files"], given.get("options", {}))
    job = imports.receive(wanted)
    if job is None:
        raise Unanswered
    return {"jobId": str(job.number)}


def _list(imports: Imports, body: bytes) -> Any:
    """No files, no partition, no options, no times."""
    given = _fields(body, {"dbName": TEXT, "collectionName": TEXT})
    world = imports.world
    imports.asked()
    database, name = world.database(given.get("dbName", "")), given.get("collectionName", "")
    jobs = [job for job in imports.jobs if job.collection.database == database]
    if name:
        collection = world.find(database, name)
        jobs = [job for job in jobs if job.collection is collection]
    if world.profile.lists_only_permitted_jobs:
        jobs = [] if "Import" in world.rights.denied else jobs
    else:
        _require_right(world, "ListImport")
    shown = ("jobId", "collectionName", "state", "progress", "reason")
    return {"records": [{key: value for key, value in described(job).items() if key in shown} for job in jobs]}


def _describe(imports: Imports, body: bytes) -> Any:
    given = _fields(body, {"dbName": TEXT, "jobId": TEXT}, "jobId")
    imports.asked()
    job = next((job for job in imports.jobs if str(job.number) == given["jobId"]), None)
    if job is None:
        raise Refused(2100, f"import job does not exist, jobID={given['jobId']}: importing data failed")
    _require_right(imports.world, "Import" if imports.world.profile.lists_only_permitted_jobs else "GetImportProgress")
    return described(job)


def _segments(imports: Imports, body: bytes) -> Any:
    given = _fields(body, {"dbName": TEXT, "collectionId": NUMBER, "segmentIds": NUMBERS}, "collectionId", "segmentIds")
    collection = imports.world.by_number(given["collectionId"])
    known = {segment.number: segment for segment in collection.segments} if collection else {}
    missing = [number for number in given["segmentIds"] if number not in known]
    if collection is None or missing:
        raise Refused(OTHER, f"segment not found[segment={missing[0] if missing else given['segmentIds'][0]}]")
    return {"segmentInfos": [_segment(collection.number, known[number]) for number in given["segmentIds"]]}


def _segment(collection: int, segment: Segment) -> dict[str, Any]:
    deltas = [{"fieldID": 0, "logIDs": segment.delta_logs}] if segment.delta_logs else []
    return {
        "segmentID": segment.number,
        "collectionID": collection,
        "partitionID": segment.partition,
        "vChannel": segment.channel,
        "state": segment.state,
        "insertLogs": [{"fieldID": group, "logIDs": logs} for group, logs in sorted(segment.logs.items())],
        "deltaLogs": deltas,
        "statsLogs": [],
    }
