# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import jobs by REST: what is sent to which version, and how each answer is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from scripted_s3 import http, serving

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.bulk_imports import BulkImports, BulkJob
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.rest import RestClient
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import connection_options

DOCS = CollectionName("films", "docs")
DATA = BulkJob("p", (("b/insert_log/1/2/3/", "b/delta_log/1/2/3/"), ("b/insert_log/1/2/4/",)), frozenset({3, 4}))
MOMENT = 1_700_000_000_000 << 18


@dataclass
class Calls:
    """A server that answers each route as it is told, and keeps what it was asked."""

    answers: Mapping[str, Any]
    seen: list[tuple[str, Any]] = field(default_factory=list)

    def answer(self, head: str, body: bytes) -> bytes:
        route = head.split(" ")[1].removeprefix("/v2/vectordb/jobs/import/")
        self.seen.append((route, json.loads(body)))
        if route not in self.answers:
            return http("404 page not found", "404 Not Found")
        found = self.answers[route]
        return found if isinstance(found, bytes) else http(json.dumps({"code": 0, "data": found}))


@contextmanager
def imports(calls: Calls, version: str = "2.6.18") -> Iterator[BulkImports]:
    with serving(calls.answer) as port:
        yield BulkImports(RestClient(connection_options({"address": "127.0.0.1", "port": port})), version)


@pytest.mark.parametrize(
    ("version", "job", "options"),
    [
        ("2.6.18", DATA, {"backup": "true", "skip_disk_quota_check": "true", "end_ts": str(MOMENT)}),
        ("2.4.6", DATA, {"backup": "true", "end_ts": "1700000000001"}),
        ("2.4.24", DATA, {"backup": "true", "skip_disk_quota_check": "true", "end_ts": str(MOMENT)}),
        ("2.5.5", DATA, {"backup": "true", "skip_disk_quota_check": "true", "end_ts": "1700000000001"}),
        (
            "2.6.0",
            BulkJob("p", DATA.files, DATA.segments, storage_version=2),
            {"backup": "true", "skip_disk_quota_check": "true", "storage_version": "2", "end_ts": str(MOMENT)},
        ),
        (
            "2.5.8",
            BulkJob("", (("b/delta_log/1/-1/9/",),), frozenset({9}), level_zero=True),
            {"l0_import": "true", "skip_disk_quota_check": "true", "end_ts": str(MOMENT)},
        ),
    ],
)
def test_a_job_is_created_with_the_options_of_the_version(version: str, job: BulkJob, options: dict[str, str]) -> None:
    calls = Calls({"create": {"jobId": "451000000000000001"}})
    with imports(calls, version) as jobs:
        assert jobs.create(DOCS, job, end_ts=MOMENT, skip_disk_quota=True) == "451000000000000001"
    sent = {"dbName": "films", "collectionName": "docs", "files": [list(item) for item in job.files]}
    partition = {"partitionName": job.partition} if job.partition else {}
    assert calls.seen == [("create", {**sent, **partition, "options": options})]


def test_without_a_wish_nothing_is_left_out_or_skipped() -> None:
    calls = Calls({"create": {"jobId": "1"}})
    with imports(calls) as jobs:
        jobs.create(DOCS, DATA)
    assert calls.seen[0][1]["options"] == {"backup": "true"}


def test_a_number_for_a_job_is_kept_as_a_text() -> None:
    with imports(Calls({"create": {"jobId": 451000000000000001}})) as jobs:
        assert jobs.create(DOCS, DATA) == "451000000000000001"


@pytest.mark.parametrize("answer", [None, {}, {"jobId": ""}, [], "451"])
def test_a_create_that_names_no_job_may_have_made_one(answer: object) -> None:
    with imports(Calls({"create": answer})) as jobs, pytest.raises(MilvusOpsError) as caught:
        jobs.create(DOCS, DATA)
    assert caught.value.kind == "ambiguous_import"


RUNNING = {
    "jobId": "7",
    "state": "Importing",
    "progress": 41,
    "importedRows": 20,
    "totalRows": "100",
    "details": [
        {"fileName": "[b k/insert_log/1/2/3/30 b k/delta_log/1/2/3/30]", "state": "Importing"},
        {"fileName": "[b k/insert_log/1/2/4/40/]"},
        {"fileName": "[b k/delta_log/1/-1/50]"},
        {"fileName": "[]"},
    ],
}


def test_a_state_names_the_segments_that_the_server_reads() -> None:
    with imports(Calls({"describe": RUNNING})) as jobs:
        state = jobs.state(DOCS, "7")
    assert (state.job_id, state.state, state.percent) == ("7", "Importing", 41)
    assert (state.imported_rows, state.total_rows, state.reason) == (20, 100, "")
    assert state.segments == {30, 40, 50}
    assert not state.ended


@pytest.mark.parametrize(
    ("answer", "completed", "failed"),
    [
        ({"state": "Pending"}, False, False),
        ({"state": "Committing", "progress": 99}, False, False),
        ({"state": "Completed", "progress": 100, "details": None}, True, False),
        ({"state": "Failed", "reason": "no binlog to import"}, False, True),
    ],
)
def test_states(answer: dict[str, Any], completed: bool, failed: bool) -> None:
    with imports(Calls({"describe": answer})) as jobs:
        state = jobs.state(DOCS, "7")
    assert (state.completed, state.failed, state.ended) == (completed, failed, completed or failed)
    assert (state.segments, state.reason) == (frozenset(), answer.get("reason", ""))


def test_a_server_without_describe_is_asked_for_the_progress() -> None:
    """Up to 2.4.13. It is asked once which of the two it has."""
    calls = Calls({"get_progress": RUNNING})
    with imports(calls, "2.4.0") as jobs:
        assert jobs.state(DOCS, "7") == jobs.state(DOCS, "7")
    assert [route for route, _body in calls.seen] == ["describe", "get_progress", "get_progress"]
    assert calls.seen[-1][1] == {"dbName": "films", "jobId": "7"}


def test_a_server_with_neither_is_no_such_server() -> None:
    with imports(Calls({})) as jobs, pytest.raises(MilvusOpsError) as caught:
        jobs.state(DOCS, "7")
    assert caught.value.kind == "version"


@pytest.mark.parametrize("ask", [lambda jobs: jobs.state(DOCS, "7"), lambda jobs: jobs.job_ids(DOCS)])
def test_an_unknown_job_is_never_waited_for(ask: Callable[[BulkImports], object]) -> None:
    unknown = http(json.dumps({"code": 2100, "message": "import job does not exist, jobID=7"}))
    with imports(Calls({"describe": unknown, "list": unknown})) as jobs, pytest.raises(MilvusOpsError) as caught:
        ask(jobs)
    assert caught.value.kind == "ambiguous_import"


def test_lists_of_jobs() -> None:
    records = [
        {"jobId": "1", "state": "Completed"},
        {"jobId": 2, "state": "Pending"},
        {"jobId": "3", "state": "Failed"},
    ]
    calls = Calls({"list": {"records": records}})
    with imports(calls) as jobs:
        assert jobs.job_ids(DOCS) == ("1", "2", "3")
        assert jobs.unfinished("films") == ("2",)
    bodies = [{"dbName": "films", "collectionName": "docs"}, {"dbName": "films"}]
    assert [body for _route, body in calls.seen] == bodies


@pytest.mark.parametrize("answer", [{}, {"records": None}, {"records": []}])
def test_no_jobs(answer: object) -> None:
    with imports(Calls({"list": answer})) as jobs:
        assert jobs.job_ids(DOCS) == ()


@pytest.mark.parametrize("answer", [None, [], {"records": [{}]}, {"records": ["1"]}, {"records": "1"}])
def test_a_list_of_another_shape_is_no_proof_of_anything(answer: object) -> None:
    with imports(Calls({"list": answer})) as jobs, pytest.raises(MilvusOpsError) as caught:
        jobs.job_ids(DOCS)
    assert caught.value.kind == "internal"
