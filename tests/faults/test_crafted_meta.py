# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged and forged metadata (F16, F17, F19, F20, F28): told as what it is, and never a way to what lies elsewhere."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from crafted_meta import Craft, crafts
from empty_milvus import empty_milvus
from fake_s3 import Asked, FakeS3, Stored, running
from made_backup import make_backup
from module_process import ModuleRun, run_here
from tally import INJECTED, OUTSIDE_REQUESTS, SURVIVED, Tally

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place, find_complete
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.jobs import import_jobs
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3 import S3Store

SEED = 16
ROOT, VICTIM, NEIGHBOUR = "backup", "victim", "keep"
PREFIX = f"{ROOT}/{VICTIM}/"
MEMORY_MIB = 256
"""Growth of the whole process, with the service in it."""

RUNS: dict[str, tuple[str, dict[str, Any], bool, frozenset[str | None]]] = {
    "verify": (
        "milvus_backup_info",
        {"name": VICTIM, "verify": "content", "fail_on_damage": True},
        False,
        frozenset({None, "corrupt", "incomplete", "version"}),
    ),
    "list": ("milvus_backup_info", {"name_pattern": "v*", "verify": "etag"}, False, frozenset({None})),
    "restore": (
        "milvus_restore",
        {"name": VICTIM, "collections": ["*.*"], "suffix": "_x"},
        True,
        frozenset({None, "corrupt", "incomplete", "version", "not_found", "usage"}),
    ),
    "removal": (
        "milvus_backup",
        {"name": VICTIM, "state": "absent"},
        False,
        frozenset({None, "name_in_use", "lock_held", "corrupt"}),
    ),
}
"""The module, its options, whether it is a check run, and how it may end."""


@dataclass
class Scene:
    """A bucket with a sound backup and its neighbour, whose metadata are made anew for each craft."""

    fake: FakeS3
    options: Mapping[str, Any]
    sound: dict[str, Stored] = field(default_factory=dict)

    def set_up(self, craft: Craft) -> None:
        kept = {
            key: stored for key, stored in self.sound.items() if not key.startswith((f"{PREFIX}meta", f"{PREFIX}c"))
        }
        self.fake.objects = kept
        for name, body in craft.files.items():
            self.fake.put(PREFIX + name, body)
        self.fake.claimed = {PREFIX + name: size for name, size in craft.claims.items()}

    def run(self, way: str) -> tuple[ModuleRun, list[Asked]]:
        module, options, check, _kinds = RUNS[way]
        before = len(self.fake.asked)
        made = run_here(module, {**self.options, **options}, check=check)
        return made, self.fake.asked[before:]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    fake = FakeS3()
    with running(fake) as storage, empty_milvus() as port:
        store = S3Store(instance_store(storage), WriteScope((f"{ROOT}/",)))
        make_backup(store, ROOT, VICTIM)
        make_backup(store, ROOT, NEIGHBOUR, first_id=2000, collection="secrets")
        fake.put("files_A/insert_log/1/2/3/100/4", b"of the instance")
        options = {**storage, "address": "127.0.0.1", "port": port, "root_path": "files_B"}
        yield Scene(fake, options, dict(fake.objects))


def is_outside(asked: Asked) -> bool:
    names_of_backups = asked.folders_only and asked.keys == (f"{ROOT}/",)
    return not names_of_backups and not all(key.startswith(PREFIX) for key in asked.keys)


def imports_outside(scene: Scene) -> list[str]:
    """The directories that a restore would have the server read, as far as they are not of this backup (F20)."""
    layout = BackupLayout(ROOT, VICTIM)
    backup = find_complete(Place(S3Store(instance_store(scene.options)), layout))
    assert backup is not None
    jobs = [job for collection in backup.meta.collections for job in import_jobs(layout, collection)]
    paths = [path for job in jobs for path in (job.insert_directory, job.delta_directory) if path]
    return [path for path in paths if not path.startswith(layout.binlogs) or ".." in path]


def test_no_metadata_lead_elsewhere(scene: Scene, rounds: Callable[[int, int], int], tally: Tally) -> None:
    """Each craft is verified, listed, restored from (a check run) and removed."""
    files = {key.removeprefix(PREFIX): stored.body for key, stored in scene.sound.items() if key.startswith(PREFIX)}
    metadata = {name: body for name, body in files.items() if not name.startswith("binlogs/")}
    ends, wrong = Counter[tuple[str, str]](), list[tuple[str, str, Any]]()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for craft in crafts(metadata, rounds(90, 500), SEED):
        scene.set_up(craft)
        beside = {key: body for key, body in scene.fake.content().items() if not key.startswith(PREFIX)}
        tally.add("crafted metadata", INJECTED)
        problems = [problem for way in RUNS for problem in problems_of(scene, craft, way, ends, tally)]
        if {key: body for key, body in scene.fake.content().items() if not key.startswith(PREFIX)} != beside:
            problems.append(("removal", "something beside the backup is gone"))
        wrong += [(craft.title, way, problem) for way, problem in problems]
        tally.add("crafted metadata", SURVIVED, int(not problems))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    print(dict(ends), f"grown by {grown:.0f} MiB")
    assert wrong == [], "\n".join(str(item)[:1500] for item in wrong)
    assert ends["verify", "corrupt"] > ends["verify", "None"], ends
    assert grown < MEMORY_MIB


def problems_of(
    scene: Scene, craft: Craft, way: str, ends: Counter[tuple[str, str]], tally: Tally
) -> Iterator[tuple[str, Any]]:
    made, asked = scene.run(way)
    ends[way, str(made.kind)] += 1
    outside = [item for item in asked if is_outside(item)]
    tally.add("crafted metadata", OUTSIDE_REQUESTS, len(outside))
    if outside:
        yield way, outside
    if made.kind not in RUNS[way][3] or "Traceback" in made.output:
        yield way, made.result
    if made.kind == "lock_held" and not craft.locked:
        yield way, "nobody holds a lock"
    if way == "restore" and not made.failed and imports_outside(scene):
        yield way, imports_outside(scene)
    if way == "restore" and not made.failed and [item for item in asked if item.wrote]:
        yield way, "a check run wrote"
