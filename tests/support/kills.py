# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Campaigns of kills: a task is killed, what it left is looked at, it is run again, what it made is looked at.

The looking is the tests' own: by listings, by JSON and by the oracle, never by code of the product.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import oracle
from areas import BackupArea
from crash_points import COMMIT, Point
from fault_proxy import HttpProxy
from labs import RunningLab, Side
from module_process import ModuleRun, killed_after, killed_at, recorded, run
from tally import HALF_PUBLISHES, INJECTED, RERUNS_NEEDED, ROWS_DUPLICATED, ROWS_LOST, SURVIVED, Tally

MOST_RERUNS = 2
PASSES = 3
"""So often the full form goes over every point."""

WRITING_METHODS = ("PUT", "POST", "DELETE")
STAGING = "vectorops_staging/"
PARTIAL = "partial"


@dataclass(frozen=True)
class Task:
    """One task of a playbook: a module and its arguments."""

    module: str
    arguments: Mapping[str, Any]

    def run(self) -> ModuleRun:
        return run(self.module, self.arguments)

    def killed_at(self, point: Point) -> bool:
        return killed_at(self.module, self.arguments, str(point))

    def killed_after(self, seconds: float) -> bool:
        return killed_after(self.module, self.arguments, seconds)


@dataclass(frozen=True)
class Result:
    """What is wrong once a task has succeeded; C(left) is what it should have removed."""

    rows_lost: int = 0
    rows_duplicated: int = 0
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """A task, what of it would be a lie after a kill, and what is wrong after its success."""

    task: Task
    lies: Callable[[], list[str]]
    result: Callable[[], Result]


@dataclass(frozen=True)
class Campaign:
    """Kills of one kind of task, one row of the report. Each kill has a case of its own, made for a fresh name."""

    name: str
    tally: Tally
    rounds: Callable[[int, int], int]
    fresh: Callable[[str], str]

    def at_points(self, points: Sequence[Point], short: int, case: Callable[[str], Case]) -> list[str]:
        """The problems with a kill at so many points from all over, in the full form at each of them."""
        problems = []
        for _pass in range(self.rounds(1, PASSES)):
            for point in spread(points, self.rounds(short, len(points))):
                problems += self._at(point, case(self.fresh("killed")))
        return problems

    def at_random(self, seconds: float, numbers: tuple[int, int], case: Callable[[str], Case]) -> list[str]:
        """The problems with kills within so many seconds; C(numbers) are those of the short and of the full form."""
        names = [self.fresh("at_random") for _round in range(self.rounds(*numbers))]
        return [problem for name in names for problem in self._at_random(name, seconds, case(name))]

    def _at(self, point: Point, case: Case) -> list[str]:
        """The point must be reached."""
        if not case.task.killed_at(point):
            return [f"{point} was not reached"]
        return self._after_a_kill(str(point), case)

    def _at_random(self, name: str, most_seconds: float, case: Case) -> list[str]:
        """C(name) decides about the moment, so that the same run can be made again."""
        seconds = random.Random(name).uniform(0, most_seconds)
        if case.task.killed_after(seconds):
            return self._after_a_kill(f"{name}, after {seconds:.2f} s", case)
        result = case.result()  # it was faster this time
        return [] if result == Result() else [f"{name}, not killed: {result}"]

    def _after_a_kill(self, what: str, case: Case) -> list[str]:
        self._count(INJECTED, 1)
        lies = case.lies()
        problems, reruns = self._run_again(case.task)
        result = Result() if problems else case.result()
        self._count(HALF_PUBLISHES, len(lies))
        self._count(RERUNS_NEEDED, reruns)
        self._count(ROWS_LOST, result.rows_lost)
        self._count(ROWS_DUPLICATED, result.rows_duplicated)
        problems = [*lies, *problems, *([str(result)] if result != Result() else [])]
        self._count(SURVIVED, int(not problems))
        return [f"{what}: {problem}" for problem in problems]

    def _run_again(self, task: Task) -> tuple[list[str], int]:
        """Until it succeeds: the problems if it does not, and the runs that it took."""
        made = task.run()
        for number in range(1, MOST_RERUNS):
            if not made.failed:
                return [], number
            made = task.run()
        return ([made.output] if made.failed else []), MOST_RERUNS

    def _count(self, column: str, number: int) -> None:
        self.tally.add(self.name, column, number)


def record(task: Task, path: Path) -> tuple[list[str], float]:
    """The changes of an unkilled run, and its seconds."""
    began = time.monotonic()
    made, changes = recorded(task.module, task.arguments, path)
    assert not made.failed, made.output
    assert [change for change in changes if "/" in change] == [], "an object without a role: see crash_points.py"
    return changes, time.monotonic() - began


def record_with_witness(task: Task, path: Path) -> tuple[list[str], float]:
    """As M(record), and a relay counts along: no write goes by unrecorded."""
    with HttpProxy(int(task.arguments["storage_port"])) as relay:
        changes, seconds = record(replace(task, arguments={**task.arguments, "storage_port": relay.port}), path)
    seen = [item for item in relay.log if item.method in WRITING_METHODS]
    writes = [change for change in changes if " " in change]  # calls to Milvus are one word
    assert len(writes) == len(seen) > 0, (writes, seen)
    return changes, seconds


def spread(points: Sequence[Point], count: int) -> list[Point]:
    """So many of the points, from all over."""
    count = min(count, len(points))
    return [points[(2 * number + 1) * len(points) // (2 * count)] for number in range(count)]


@dataclass(frozen=True)
class Content:
    """What a backup holds, as its objects and its commit say."""

    logs: Mapping[str, str]
    segments: Sequence[tuple[int, int]]
    """Their ids and rows."""

    def compared_with(self, whole: Content) -> Result:
        """Against a backup of the same collection that nobody disturbed; a segment without all of its logs is lost."""
        times = Counter(segment for segment, _rows in self.segments)
        altered = {key for key, etag in whole.logs.items() if self.logs.get(key) != etag}
        damaged = {part for key in altered for part in key.split("/")}
        lost = sum(rows for segment, rows in whole.segments if not times[segment] or str(segment) in damaged)
        once = Counter(segment for segment, _rows in whole.segments)
        doubled = sum(rows for segment, rows in dict(self.segments).items() if times[segment] > once[segment])
        return Result(lost, doubled, tuple(sorted(self.logs.keys() - whole.logs.keys())))


def content_of(area: BackupArea, name: str) -> Content:
    """Without a commit it holds nothing."""
    objects, prefix = area.objects(name), area.prefix(name)
    logs = {key.removeprefix(prefix): etag for key, etag in objects.items() if key.startswith(f"{prefix}binlogs/")}
    commit = f"{prefix}meta/{COMMIT}"
    meta = json.loads(area.read(commit)) if commit in objects else {"collection_backups": []}
    segments = [
        (segment["segment_id"], segment["num_of_rows"])
        for collection in meta["collection_backups"]
        for partition in collection["partition_backups"]
        for segment in partition["segment_backups"]
    ]
    return Content(logs, segments)


def false_backups(area: BackupArea, pattern: str, **contents: Content) -> list[str]:
    """The backups that are not what they are listed as; C(contents) says what the states stand for.

    A partial one may have logs of what it is going to hold.
    """
    listed = {name: state for name, state in area.states(name_pattern=pattern).items() if state in contents}
    false = []
    for name, state in listed.items():
        found = content_of(area, name).compared_with(contents[state])
        if found != Result(left=found.left if state == PARTIAL else ()):
            false.append(f"{name} is listed as {state}: {found}")
    return false


def left_in(lab: RunningLab, root: str) -> tuple[str, ...]:
    """Locks, staged copies and uploads that no run should leave."""
    locks = [key for key in lab.objects(f"{root}/") if "/control/lock.json" in key or "/control/restores/" in key]
    uploads = lab.s3().list_multipart_uploads(Bucket=lab.bucket).get("Uploads", [])
    return (*locks, *lab.objects(STAGING), *(f"upload of {upload['Key']}" for upload in uploads))


def is_whole(side: Side, name: str, rows: int) -> bool:
    """Whether a collection holds exactly these rows, each once. It is as much loaded afterwards as before."""
    client, wanted = side.client(), oracle.expected(rows)
    loaded = "Loaded" in str(client.get_load_state(name)["state"])
    if not loaded:
        client.load_collection(name)
    count, found = oracle.count(client, name), oracle.read_all(client, name)
    if not loaded:
        client.release_collection(name)
    return count == len(wanted) and oracle.differences(found, wanted) == []


def restored(side: Side, name: str, rows: int, left: tuple[str, ...] = ()) -> Result:
    """What the oracle says about a restored collection."""
    client, wanted = side.client(), oracle.expected(rows)
    if not client.has_collection(name):
        return Result(len(wanted), 0, left)
    client.load_collection(name)
    found = oracle.read_all(client, name)
    wrong = [key for key in wanted if oracle.differences({key: found.get(key, {})}, {key: wanted[key]})]
    too_many = oracle.count(client, name) - len(found) + len(found.keys() - wanted.keys())
    passing = tuple(item for item in client.list_collections() if item.startswith(f"{name}__"))
    return Result(len(wrong), too_many, (*passing, *left))
