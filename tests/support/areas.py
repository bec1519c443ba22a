# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of many dates and states, made from few real ones: objects copied inside the store, dates moved.

A backup's own date is C(created) in its integrity manifest. Nothing else of a backup depends on its name or date.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from labs import RunningLab, Side
from module_process import ModuleRun, run

INSTANCE_OPTIONS = ("address", "port", "root_path")


@dataclass(frozen=True)
class BackupArea:
    """A folder of the bucket for the backups of one test; C(side) is the instance they come from."""

    lab: RunningLab
    side: Side
    root: str

    @property
    def options(self) -> Mapping[str, Any]:
        """Where the backups are, and nothing about an instance: neither listing nor pruning calls one."""
        own = {key: value for key, value in self.side.options.items() if key not in INSTANCE_OPTIONS}
        return {**own, "backup_root_path": self.root}

    def make(self, name: str, collection: str, **options: Any) -> ModuleRun:
        """A real backup of a real collection."""
        arguments = {**self.side.options, "backup_root_path": self.root, "name": name, "collections": [collection]}
        return run("milvus_backup", {**arguments, **options})

    def info(self, **options: Any) -> ModuleRun:
        return run("milvus_backup_info", {**self.options, **options})

    def states(self, **options: Any) -> dict[str, str]:
        return {item["name"]: item["state"] for item in self.info(**options).result["backups"]}

    def prune(self, *, check: bool = False, **options: Any) -> ModuleRun:
        return run("milvus_backup_prune", {**self.options, "name_pattern": "*", **options}, check=check)

    def absent(self, name: str, **options: Any) -> ModuleRun:
        return run("milvus_backup", {**self.options, "name": name, "state": "absent", **options})

    def prefix(self, name: str) -> str:
        return f"{self.root}/{name}/"

    def objects(self, name: str = "") -> dict[str, str]:
        return self.lab.objects(self.prefix(name) if name else f"{self.root}/")

    def names(self) -> set[str]:
        return {key.split("/")[1] for key in self.objects()}

    def binlogs(self, name: str) -> list[str]:
        return sorted(self.lab.objects(f"{self.prefix(name)}binlogs/"))

    def read(self, key: str) -> bytes:
        return bytes(self.lab.s3().get_object(Bucket=self.lab.bucket, Key=key)["Body"].read())

    def write(self, key: str, body: bytes) -> None:
        self.lab.s3().put_object(Bucket=self.lab.bucket, Key=key, Body=body)

    def delete(self, *keys: str) -> None:
        for key in keys:
            self.lab.s3().delete_object(Bucket=self.lab.bucket, Key=key)

    def alter(self, key: str, change: Callable[[bytes], bytes]) -> None:
        self.write(key, change(self.read(key)))

    def copy(self, source: str, *names: str) -> None:
        """The same backup under other names, object by object, inside the store."""
        s3, keys = self.lab.s3(), list(self.objects(source))

        def copy_one(key: str, name: str) -> None:
            target = self.prefix(name) + key.removeprefix(self.prefix(source))
            s3.copy_object(Bucket=self.lab.bucket, Key=target, CopySource={"Bucket": self.lab.bucket, "Key": key})

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda pair: copy_one(*pair), [(key, name) for name in names for key in keys]))

    def date(self, name: str, moment: datetime) -> None:
        """Give a backup another date."""

        def change(body: bytes) -> bytes:
            created = int(moment.replace(tzinfo=timezone.utc).timestamp())
            header = {**json.loads(body), "name": name, "created": created}
            header.pop("sha256", None)
            return json.dumps(header).encode()

        self.alter(f"{self.prefix(name)}control/manifest.json", change)

    def make_foreign(self, name: str) -> None:
        """What milvus-backup would have left: the same without the objects that only this collection writes."""
        self.delete(*(key for key in self.objects(name) if key.startswith(f"{self.prefix(name)}control/")))
