# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of backups, removals and prunes, at every named point and at random: whole or not there, and always ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import oracle
import pytest
from areas import BackupArea
from crash_points import BEFORE, COMMIT, Point, points_of
from kills import (
    Campaign,
    Case,
    Content,
    Result,
    Task,
    content_of,
    false_backups,
    left_in,
    record,
    record_with_witness,
    restored,
)
from labs import RunningLab, Side
from module_process import run
from pymilvus import DataType, MilvusClient

Fresh = Callable[[str], str]
Campaigns = Callable[[str], Campaign]
ROWS = 60
COLLECTION, WHOLE = "killed_in_backup", "whole"
BACKUPS, COMPLETIONS = "kills of a backup", "kills of the completion of a backup"
REMOVALS, PRUNES = "kills of a removal", "kills of a prune"


@dataclass(frozen=True)
class Ground:
    """A place with one undisturbed backup of a collection that does not change."""

    area: BackupArea
    whole: Content

    def backup(self, name: str, concurrency: int = 1) -> Case:
        """One copy at a time makes the points of two runs the same."""
        options = {**self.area.side.options, "backup_root_path": self.area.root, "collections": [COLLECTION]}
        task = Task("milvus_backup", {**options, "name": name, "copy_concurrency": concurrency})
        return Case(task, lambda: false_backups(self.area, name, complete=self.whole), lambda: self.compared([name]))

    def removal(self, name: str) -> Case:
        self.area.copy(WHOLE, name)
        task = Task("milvus_backup", {**self.area.options, "name": name, "state": "absent"})
        return Case(task, lambda: false_backups(self.area, name, complete=self.whole), lambda: self.only([WHOLE]))

    def prune(self, stem: str) -> Case:
        """Two go, two stay; what a killed prune has half removed goes with the next one."""
        names = [f"{stem}_{day}" for day in (1, 2, 3, 4)]
        self.area.copy(WHOLE, *names)
        for day, name in enumerate(names, 1):
            self.area.date(name, datetime(2024, 5, day))
        unfinished = {"unfinished": True, "unfinished_older_than": "0m"}
        options = {**self.area.options, "name_pattern": f"{stem}_*", "keep_last": 2, **unfinished}
        return Case(
            Task("milvus_backup_prune", options),
            lambda: false_backups(self.area, f"{stem}_*", complete=self.whole),
            lambda: self.only([WHOLE, *names[2:]]),
        )

    def compared(self, names: list[str], whole: Content | None = None) -> Result:
        """What is wrong with backups that must be whole now."""
        results = [content_of(self.area, name).compared_with(whole or self.whole) for name in names]
        left = [key for result in results for key in result.left]
        lost, doubled = sum(item.rows_lost for item in results), sum(item.rows_duplicated for item in results)
        return Result(lost, doubled, (*left, *left_in(self.area.lab, self.area.root)))

    def only(self, names: list[str]) -> Result:
        """As compared, and nothing else may be there. What stays is then removed, for the next round."""
        result = self.compared(names)
        others = sorted(self.area.names() - set(names))
        self.area.delete(*(key for name in self.area.names() - {WHOLE} for key in self.area.objects(name)))
        return Result(result.rows_lost, result.rows_duplicated, (*result.left, *others))


@pytest.fixture(scope="module")
def ground(lab: RunningLab) -> Ground:
    side = lab.side("milvus_a")
    oracle.create_collection(side.client(), COLLECTION, rows=ROWS)
    area = BackupArea(lab, side, "kills")
    made = area.make(WHOLE, COLLECTION)
    assert not made.failed, made.output
    return Ground(area, content_of(area, WHOLE))


def test_killed_backups(ground: Ground, target: Side, campaign: Campaigns, fresh: Fresh, tmp_path: Path) -> None:
    """No half one is ever called complete; the next run completes it; what comes out of it is every row once."""
    changes, seconds = record_with_witness(ground.backup(fresh("recorded")).task, tmp_path / "changes")
    kills, names = campaign(BACKUPS), []

    def case(name: str) -> Case:
        names.append(name)
        return ground.backup(name)

    problems = kills.at_points(points_of(changes), 5, case)
    problems += kills.at_random(seconds, (1, 40), lambda name: ground.backup(name, concurrency=8))
    assert problems == []
    arguments = {**target.options, "backup_root_path": ground.area.root, "collections": [COLLECTION]}
    made = run("milvus_restore", {**arguments, "name": names[-1]})
    assert not made.failed, made.output
    assert restored(target, COLLECTION, ROWS) == Result()


def test_killed_completions(ground: Ground, source: Side, campaign: Campaigns, fresh: Fresh, tmp_path: Path) -> None:
    """A partial backup gets what it lacked: it is whole as a partial one or as a complete one at any moment."""
    area, client, odd = ground.area, source.client(), fresh("odd")
    create_what_cannot_be_backed_up(client, odd)
    options = {**area.side.options, "backup_root_path": area.root, "on_collection_error": "skip", "copy_concurrency": 1}

    def task(name: str) -> Task:
        return Task("milvus_backup", {**options, "name": name, "collections": [COLLECTION, odd]})

    first, recorded = fresh("partial"), fresh("recorded")
    assert task(first).run().result["backup"]["state"] == "partial"
    client.drop_collection(odd)
    oracle.create_collection(client, odd, rows=20)
    area.copy(first, recorded)
    changes, _seconds = record(task(recorded), tmp_path / "changes")
    assert {"write manifest-next.json", f"write {COMMIT}", "delete manifest-next.json"} <= set(changes), changes
    partial, whole = content_of(area, first), content_of(area, recorded)

    def case(name: str) -> Case:
        area.copy(first, name)
        return Case(
            task(name),
            lambda: false_backups(area, name, partial=partial, complete=whole),
            lambda: ground.compared([name], whole),
        )

    assert campaign(COMPLETIONS).at_points(points_of(changes), 2, case) == []


def create_what_cannot_be_backed_up(client: MilvusClient, name: str) -> None:
    """This server line can store half vectors, but not import them."""
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT16_VECTOR, dim=4)
    client.create_collection(name, schema=schema)


def test_killed_removals(ground: Ground, campaign: Campaigns, fresh: Fresh, tmp_path: Path) -> None:
    """The commit goes first: what is half removed is not called complete, and the next run removes the rest."""
    changes, seconds = record_with_witness(ground.removal(fresh("recorded")).task, tmp_path / "changes")
    ground.only([WHOLE])
    kills = campaign(REMOVALS)
    problems = kills.at_points(points_of(changes), 4, ground.removal)
    problems += kills.at_random(seconds, (1, 15), ground.removal)
    assert problems == []


def test_killed_prunes(ground: Ground, campaign: Campaigns, fresh: Fresh, tmp_path: Path) -> None:
    """What the policy keeps is whole throughout."""
    changes, seconds = record_with_witness(ground.prune(fresh("recorded")).task, tmp_path / "changes")
    assert changes.count(f"delete {COMMIT}") == 2, changes
    ground.only([WHOLE])
    kills = campaign(PRUNES)
    problems = kills.at_points(points_of(changes), 2, ground.prune)
    problems += kills.at_random(seconds, (0, 10), ground.prune)
    assert problems == []


@pytest.mark.parametrize("copied", [1, 5, 20])
def test_a_backup_killed_in_mid_copy_is_removed_at_once(ground: Ground, fresh: Fresh, copied: int) -> None:
    """A copy that the store still makes for the dead run may come late: then the removal says so, or the next does."""
    name = fresh("removed")
    assert ground.backup(name, concurrency=8).task.killed_at(Point(BEFORE, "copy insert log", copied))
    absent = Task("milvus_backup", {**ground.area.options, "name": name, "state": "absent"})
    first, second = absent.run(), absent.run()
    assert not first.failed or first.kind == "incomplete", first.output
    assert not second.failed, second.output
    assert ground.area.objects(name) == {}
