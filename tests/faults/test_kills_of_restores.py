# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of restores at every named point and at random: the target is absent, old and whole, or new and whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import oracle
import pytest
from areas import BackupArea
from crash_points import points_of
from kills import Campaign, Case, Task, is_whole, left_in, record_with_witness, restored
from labs import RunningLab, Side

Fresh = Callable[[str], str]
Campaigns = Callable[[str], Campaign]
ROOT, OTHER_BUCKET = "kills", "kills-other"
FEW, MANY = "killed_40", "killed_60"
ROWS = {FEW: 40, MANY: 60}
ALIAS = "alias_of_the_replaced"
BUILDS, REPLACEMENTS, STAGED = "kills of a restore", "kills of a replacing restore", "kills of a staged restore"


@dataclass(frozen=True)
class Stage:
    """Two backups of different rows, and the server to restore them into. C(place) is where the backups lie."""

    lab: RunningLab
    target: Side
    place: dict[str, Any]

    def task(self, backup: str, name: str, **options: Any) -> Task:
        named = {"name": backup, "collections": [backup], "rename": {backup: name}}
        return Task("milvus_restore", {**self.target.options, **self.place, **named, **options})

    def build(self, name: str) -> Case:
        """A restore to a name that is free; another one for each case."""

        def lies() -> list[str]:
            exists = self.target.client().has_collection(name)
            return [f"{name} exists, half"] if exists and not is_whole(self.target, name, ROWS[MANY]) else []

        def result() -> Any:
            found = restored(self.target, name, ROWS[MANY], left_in(self.lab, ROOT))
            self.drop(name)
            return found

        return Case(self.task(MANY, name), lies, result)

    def drop(self, name: str) -> None:
        client = self.target.client()
        for alias in client.list_aliases(name)["aliases"]:
            client.drop_alias(alias)
        client.drop_collection(name)


@dataclass
class Replaced:
    """A collection that each restore replaces by the other backup. It is not loaded, so queries need no wait."""

    stage: Stage
    name: str
    current: str = FEW

    @property
    def client(self) -> Any:
        return self.stage.target.client()

    def case(self) -> Case:
        old, new = self.current, MANY if self.current == FEW else FEW
        self.client.release_collection(self.name)

        def lies() -> list[str]:
            """The alias answers all the time; the name is missing only between the two renames."""
            names = [ALIAS, *([self.name] if self.client.has_collection(self.name) else [])]
            return [f"{name} is neither old nor new" for name in names if not self.is_one_of(name, old, new)]

        def result() -> Any:
            self.current = new
            found = restored(self.stage.target, self.name, ROWS[new], left_in(self.stage.lab, ROOT))
            through_alias = restored(self.stage.target, ALIAS, ROWS[new])
            return found if through_alias.rows_lost == through_alias.rows_duplicated == 0 else through_alias

        return Case(self.stage.task(new, self.name, if_exists="replace", aliases=False), lies, result)

    def is_one_of(self, name: str, *backups: str) -> bool:
        return any(is_whole(self.stage.target, name, ROWS[backup]) for backup in backups)


@pytest.fixture(scope="module")
def stage(lab: RunningLab, emptied: Side) -> Stage:
    side = lab.side("milvus_a")
    for name, rows in ROWS.items():
        oracle.create_collection(side.client(), name, rows=rows)
        side.client().create_alias(name, f"alias_of_{name}")
        made = BackupArea(lab, side, ROOT).make(name, name)
        assert not made.failed, made.output
    return Stage(lab, emptied, {"backup_root_path": ROOT})


@contextmanager
def replaced(stage: Stage, name: str) -> Iterator[Replaced]:
    client = stage.target.client()
    oracle.create_collection(client, name, rows=ROWS[FEW])
    client.create_alias(name, ALIAS)
    yield Replaced(stage, name)
    stage.drop(name)


def test_killed_restores(stage: Stage, campaign: Campaigns, fresh: Fresh, tmp_path: Path) -> None:
    """The target is there when it is whole and not before; what was begun is taken over, and no row comes twice."""
    name = fresh("recorded")
    changes, seconds = record_with_witness(stage.build(name).task, tmp_path / "changes")
    stage.drop(name)
    assert {"CreateCollection", "Import", "CreateIndex", "LoadCollection", "RenameCollection"} <= set(changes)
    kills = campaign(BUILDS)
    problems = kills.at_points(points_of(changes), 3, stage.build)
    problems += kills.at_random(seconds, (1, 20), stage.build)
    assert problems == []


def test_killed_replacements(stage: Stage, campaign: Campaigns, fresh: Fresh, tmp_path: Path) -> None:
    """The old collection or the new one answers, whole, at any moment; in the end it is the new one alone."""
    with replaced(stage, fresh("replaced")) as collection:
        first = collection.case()
        changes, seconds = record_with_witness(first.task, tmp_path / "changes")
        first.result()
        assert {"AlterCollection", "RenameCollection", "AlterAlias", "DropCollection"} <= set(changes)
        kills = campaign(REPLACEMENTS)
        problems = kills.at_points(points_of(changes), 2, lambda _name: collection.case())
        problems += kills.at_random(seconds, (0, 15), lambda _name: collection.case())
    assert problems == []


def test_killed_staged_restores(stage: Stage, campaign: Campaigns, fresh: Fresh, tmp_path: Path) -> None:
    """From another bucket: the staged copy is continued, and removed in the end."""
    stage.lab.s3().create_bucket(Bucket=OTHER_BUCKET)
    elsewhere = replace(stage, place={"backup_root_path": ROOT, "backup_bucket_name": OTHER_BUCKET})
    for key in stage.lab.objects(f"{ROOT}/{MANY}/"):
        source = {"Bucket": stage.lab.bucket, "Key": key}
        stage.lab.s3().copy_object(Bucket=OTHER_BUCKET, Key=key, CopySource=source)
    name = fresh("recorded")
    task = elsewhere.build(name).task
    single = {"copy_concurrency": 1}
    changes, _seconds = record_with_witness(replace(task, arguments={**task.arguments, **single}), tmp_path / "changes")
    stage.drop(name)
    assert {"write staged lock", "copy staged log", "delete staged log", "delete staged lock"} <= set(changes)
    points = [point for point in points_of(changes) if "staged" in point.event]
    assert campaign(STAGED).at_points(points, 1, elsewhere.build) == []
