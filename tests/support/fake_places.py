# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One bucket with fakes of Milvus on it, the modules run against them, and what their tests share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from fake_milvus import profiles
from fake_milvus.profiles import Profile
from fake_s3 import FakeS3
from fake_s3 import running as running_s3
from fake_worlds import BACKUPS, FakeSide, fake_side
from module_process import ModuleRun, run_here
from shapes import SHAPES, read_rows

CHOSEN = ("all_types", "auto_id_text", "deletes", "empty", "partition_key", "three_partitions")
NORMAL_REFUSALS = ("can't find collection", "index not found", "snapshot export job not found", "has active pins")
"""What a caller finds out by asking; a server lets go of a snapshot some moments after its export."""


@dataclass(frozen=True)
class FakePlace:
    """One bucket, and servers of any line on it."""

    s3: FakeS3
    stack: ExitStack
    storage: Mapping[str, Any]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    def on(cls, stack: ExitStack) -> FakePlace:
        s3 = FakeS3()
        return cls(s3, stack, stack.enter_context(running_s3(s3)))

    def side(self, profile: Profile = profiles.V3_0_0, **settings: Any) -> FakeSide:
        """A server with a root path of its own."""
        own = {"root_path": f"files_{next(self.numbers)}", **settings}
        return self.stack.enter_context(fake_side(profile, self.s3, **own))

    def options(self, side: FakeSide) -> dict[str, Any]:
        own = {"address": "127.0.0.1", "port": side.fake.port, "root_path": side.world.root_path}
        return {**self.storage, **own, "backup_root_path": BACKUPS}

    def for_backup(self, side: FakeSide, **more: Any) -> dict[str, Any]:
        return {**self.options(side), "name": "made", "collections": ["*.*"], **more}

    def for_restore(self, side: FakeSide, **more: Any) -> dict[str, Any]:
        return {**self.options(side), "name": "made", "collections": ["*.*"], "suffix": "_bak", **more}

    def backup(self, side: FakeSide, **more: Any) -> ModuleRun:
        return run_here("milvus_backup", self.for_backup(side, **more))

    def restore(self, side: FakeSide, **more: Any) -> ModuleRun:
        return run_here("milvus_restore", self.for_restore(side, **more))

    def keys_of_backup(self) -> set[str]:
        return {key for key in self.s3.objects if key.startswith(f"{BACKUPS}/made/binlogs/")}


def films(place: FakePlace, profile: Profile = profiles.V3_0_0, count: int = 40, **fields: Any) -> FakeSide:
    """A server with one small collection that is loaded."""
    side = place.side(profile)
    side.create("films", **fields)
    side.fill("films", range(count))
    side.load("films")
    return side


def make_chosen(side: FakeSide) -> None:
    """A collection of each of these shapes."""
    for shape in SHAPES:
        if shape.name in CHOSEN:
            shape.make(side.client(), shape.name)


def rows(side: FakeSide, name: str) -> list[dict[str, Any]]:
    return read_rows(side.client(), name)


def odd_refusals(side: FakeSide) -> list[str]:
    """What the fake would not take: the product sent what nobody documents, or what the line does not know."""
    return [text for text in side.world.refused if not any(words in text for words in NORMAL_REFUSALS)]


def require_one_collection_with_each_row_once(target: FakeSide, source: FakeSide) -> None:
    assert [item.name for item in target.world.collections] == ["films_bak"]
    assert len(list(target.world.find("default", "films_bak").visible())) == 40
    assert rows(target, "films_bak") == rows(source, "films")
