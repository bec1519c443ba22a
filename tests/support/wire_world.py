# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One collection and its backups behind a relay, and what must be true of a run whose wire was broken."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import oracle
import pytest
from fault_proxy import HttpProxy, Rule
from labs import RunningLab, Side
from module_process import CONSTANTS_VARIABLE, ENGINE, ModuleRun, run, run_here
from s3_requests import Record, outside
from tally import INJECTED, OUTSIDE_REQUESTS, ROWS_DUPLICATED, ROWS_LOST, SURVIVED, Tally

Options = dict[str, Any]
ROWS = 300
COLLECTION = "wired"
ROOT = "wire"
CONCURRENCY = 4
PATIENCE: Mapping[str, float] = {
    "store.s3_service.READ_SECONDS": 0.5,
    "store.retry.LONGEST_PAUSE": 0.2,
    "store.retry.DEADLINE_SECONDS": 3.0,
    "store.s3_service.DEADLINE_SECONDS": 3.0,
}
"""Seconds where users have minutes: an answer that does not come, a pause, the time for one request."""

IN_PARTS: Mapping[str, float] = {"store.s3_parts.SINGLE_BYTES": 2000}
"""The larger ones of a small collection's objects go as large ones do; as streams with more than one part."""

PARTS = ("kind", "operation", "where", "cause", "state_left", "next_step")
NOTHING = "nothing was written"
LONGEST_RUN = 25.0
"""Of a run that fails: the time for one request, twice, and what a busy machine adds."""


@dataclass(frozen=True)
class Wire:
    """C(proxy) stands before the place of the backups, C(source_proxy) before the data of a source elsewhere."""

    lab: RunningLab
    side: Side
    proxy: HttpProxy
    source_proxy: HttpProxy
    tally: Tally
    campaign: str
    s3: Any
    reference: dict[str, bytes] = field(default_factory=dict)

    def arguments(self, name: str, **changes: Any) -> Options:
        """A backup inside one service."""
        return {
            **self.side.options,
            "storage_port": self.proxy.port,
            "backup_root_path": ROOT,
            "name": name,
            "collections": [COLLECTION],
            "strategy": "skip_flush",
            "copy_concurrency": CONCURRENCY,
            **changes,
        }

    def streamed(self, name: str, **changes: Any) -> Options:
        """A backup out of one service into another, as another address is one."""
        store = self.lab.answer["s3"]
        place = {
            "storage_port": self.source_proxy.port,
            "backup_storage_address": store["address"],
            "backup_storage_port": self.proxy.port,
            "backup_access_key_id": store["access_key_id"],
            "backup_secret_access_key": store["secret_access_key"],
        }
        return self.arguments(name, **place, **changes)

    def prefix(self, name: str) -> str:
        return f"{ROOT}/{name}/"

    def log(self) -> list[Record]:
        return [*self.proxy.log, *self.source_proxy.log]

    def heal(self) -> None:
        for proxy in (self.proxy, self.source_proxy):
            proxy.rules = []
            proxy.log.clear()
            proxy.listener.call(proxy.listener.listen())

    @contextmanager
    def broken(self, rules: Sequence[Rule], write: Sequence[str], read: Sequence[str] = ()) -> Iterator[None]:
        """A run under rules, counted; afterwards the wire is whole. C(rules) hit on both sides."""
        self.heal()
        self.proxy.rules, self.source_proxy.rules = list(rules), list(rules)
        try:
            yield
        finally:
            log = self.log()
            strays = outside(log, (f"{self.side.root_path}/", *read), write)
            self.tally.add(self.campaign, INJECTED, sum(bool(item.fault) for item in log))
            self.tally.add(self.campaign, OUTSIDE_REQUESTS, len(strays))
            self.heal()
        assert strays == []

    def survived(self, rules: Sequence[Rule]) -> None:
        """Every rule has hit, and the work is done all the same."""
        self.tally.add(self.campaign, SURVIVED, sum(rule.done for rule in rules))
        assert [rule.operation for rule in rules if not rule.done] == []

    def objects(self, prefix: str) -> dict[str, str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.lab.bucket, Prefix=prefix)
        return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}

    def left(self, name: str) -> dict[str, str]:
        """What lies at the place of a backup."""
        return self.objects(self.prefix(name))

    def bodies(self, name: str) -> dict[str, bytes]:
        """What a backup holds, read without the collection."""
        prefix = f"{self.prefix(name)}binlogs/"

        def read(key: str) -> tuple[str, bytes]:
            body = self.s3.get_object(Bucket=self.lab.bucket, Key=key)["Body"].read()
            return key.removeprefix(prefix), body

        with ThreadPoolExecutor(4) as pool:
            return dict(pool.map(read, self.objects(prefix)))

    def require_whole(self, arguments: Options, *, made_by: ModuleRun) -> None:
        """A committed backup of exactly the right bytes, no lock, no half upload; the next run finds nothing to do."""
        name = arguments["name"]
        assert not made_by.failed, made_by.output
        assert self.bodies(name) == self.reference
        assert f"{self.prefix(name)}control/lock.json" not in self.left(name)
        assert self.uploads(name) == []
        again = run_here("milvus_backup", {**arguments, "verify": "content"})
        assert (again.failed, again.result.get("changed")) == (False, False), again.output

    def uploads(self, name: str) -> list[str]:
        listed = self.s3.list_multipart_uploads(Bucket=self.lab.bucket)
        return [item["Key"] for item in listed.get("Uploads", []) if item["Key"].startswith(self.prefix(name))]

    def abort_uploads(self, key: str) -> None:
        for item in self.s3.list_multipart_uploads(Bucket=self.lab.bucket, Prefix=key).get("Uploads", []):
            self.s3.abort_multipart_upload(Bucket=self.lab.bucket, Key=item["Key"], UploadId=item["UploadId"])

    def require_rows(self, client: Any, name: str) -> None:
        """Counted, then compared row by row with what the keys say."""
        wanted = oracle.expected(ROWS)
        count = oracle.count(client, name)
        problems = oracle.differences(oracle.read_all(client, name), wanted)
        self.tally.add(self.campaign, ROWS_DUPLICATED, max(0, count - len(wanted)))
        self.tally.add(self.campaign, ROWS_LOST, len([item for item in problems if item.startswith("missing")]))
        assert (count, problems) == (len(wanted), [])


@contextmanager
def wire(lab: RunningLab, tally: Tally, campaign: str, *, compared: bool = True) -> Iterator[Wire]:
    """With its collection on milvus_a, and one backup of it that no fault has touched, if bytes are to be compared.

    That flushes; a server allows few flushes, and lets the next one wait.
    """
    side, port = lab.side("milvus_a"), lab.answer["s3"]["port"]
    if not side.client().has_collection(COLLECTION):
        oracle.create_collection(side.client(), COLLECTION, rows=ROWS)
    with HttpProxy(port) as proxy, HttpProxy(port) as source_proxy:
        world = Wire(lab, side, proxy, source_proxy, tally, campaign, lab.s3())
        if compared:
            name = f"reference_{proxy.port}"
            made = run_here("milvus_backup", world.arguments(name, strategy="auto"))
            assert not made.failed, made.output
            world.reference.update(world.bodies(name))
        yield world


def patient(monkeypatch: pytest.MonkeyPatch, **more: float) -> None:
    """For runs in this process."""
    for path, value in {**PATIENCE, **more}.items():
        monkeypatch.setattr(f"{ENGINE}.{path}", value)


def run_apart(module: str, arguments: Options, constants: Mapping[str, float] | None = None) -> ModuleRun:
    """In a process of its own, as one whose lock may stay behind must be."""
    used = dict(PATIENCE if constants is None else constants)
    return run(module, arguments, environment={**os.environ, CONSTANTS_VARIABLE: json.dumps(used)})


@contextmanager
def timed(seconds: float, what: str = "") -> Iterator[None]:
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took < seconds, f"{what} {took:.1f} s"


def require_failure(ended: ModuleRun, *kinds: str, left: bool) -> Mapping[str, Any]:
    """A failure of one of the kinds, with all its parts; C(left): whether something of the run stayed in the bucket."""
    assert ended.kind in kinds, ended.output
    failure: Mapping[str, Any] = ended.result["failure"]
    assert [part for part in PARTS if not str(failure[part]).strip()] == [], failure
    assert "Traceback" not in ended.output
    assert not (left and failure["state_left"] == NOTHING), failure
    return failure
