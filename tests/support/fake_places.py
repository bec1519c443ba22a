# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One bucket with fakes of Milvus on it, and the modules run against them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from fake_milvus.profiles import Profile
from fake_s3 import FakeS3
from fake_s3 import running as running_s3
from fake_worlds import FakeSide, fake_side
from module_process import ModuleRun, run_here


@dataclass(frozen=True)
class FakePlace:
    """One bucket for every server."""

    s3: FakeS3
    stack: ExitStack
    storage: Mapping[str, Any]

    @staticmethod
    def on(stack: ExitStack) -> FakePlace:
        s3 = FakeS3()
        return FakePlace(s3, stack, stack.enter_context(running_s3(s3)))

    def side(self, profile: Profile, root_path: str, **settings: Any) -> FakeSide:
        return self.stack.enter_context(fake_side(profile, self.s3, root_path, **settings))

    def options(self, side: FakeSide) -> dict[str, Any]:
        own = {"address": "127.0.0.1", "port": side.fake.port, "root_path": side.world.root_path}
        return {"name": "made", "collections": ["*.*"], **self.storage, **own, "backup_root_path": "backup"}

    def backup(self, side: FakeSide, **more: Any) -> ModuleRun:
        return run_here("milvus_backup", {**self.options(side), **more})

    def restore(self, side: FakeSide, **more: Any) -> ModuleRun:
        return run_here("milvus_restore", {**self.options(side), "suffix": "_bak", **more})

    def keys_of_backup(self) -> set[str]:
        return {key for key in self.s3.objects if key.startswith("backup/made/binlogs/")}
