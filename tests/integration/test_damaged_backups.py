# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores from damaged backups: each damage is told apart, before the server sees an object or anything is created.

What a server would make of them: a lost directory imports as complete with fewer rows, one too many doubles rows, a
flipped byte ends the server. Single objects lost, altered or added in a backup of ours: test_backup_and_restore.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import foreign
import oracle
import pytest
from areas import BackupArea
from labs import RunningLab, Side
from module_process import ModuleRun, run

Damage = Callable[[BackupArea, str], None]
ROWS = 40
OURS, FOREIGN, LEVELS = "ours", "current", "levels"
"""A backup of ours, one of milvus-backup, and one of the time when it wrote no full_meta.json."""


@pytest.fixture(scope="module")
def area(lab: RunningLab) -> BackupArea:
    """The same small backup as each of the three: two partitions of two segments, with deletes in both."""
    side = lab.side("milvus_a")
    oracle.create_collection(side.client(), "fragile", rows=ROWS)
    area = BackupArea(lab, side, "fragile_backups")
    made = area.make(OURS, "fragile")
    assert not made.failed, made.output
    for writer in (foreign.CURRENT, foreign.LEVELS):
        foreign.write(area, OURS, writer)
    return area


def restore(area: BackupArea, target: Side, name: str, *, check: bool = False) -> ModuleRun:
    """Into a database that is not there yet: creating it would be the first thing to do."""
    place = {"backup_root_path": area.root, "name": name, "collections": ["fragile"]}
    arguments = {**target.options, **place, "rename": {"fragile": "museum.fragile"}}
    return run("milvus_restore", arguments, check=check)


def logs(area: BackupArea, name: str, kind: str) -> list[str]:
    return [key for key in area.binlogs(name) if f"/binlogs/{kind}/" in key]


def first_segment(area: BackupArea, name: str) -> tuple[str, list[str]]:
    """The directory of the first segment in the backup, as far as the segment's id, and its inserts."""
    keys = logs(area, name, "insert_log")
    directory = keys[0].rsplit("/", 2)[0] + "/"
    return directory, [key for key in keys if key.startswith(directory)]


def lose_deletes(area: BackupArea, name: str) -> None:
    """Deleted rows would come back."""
    area.delete(logs(area, name, "delta_log")[0])


def lose_a_segment(area: BackupArea, name: str) -> None:
    area.delete(*first_segment(area, name)[1])


def empty_an_object(area: BackupArea, name: str) -> None:
    area.write(logs(area, name, "insert_log")[3], b"")


def cut_deletes(area: BackupArea, name: str) -> None:
    area.alter(logs(area, name, "delta_log")[0], lambda body: body[:-5])


def swap_objects(area: BackupArea, name: str) -> None:
    """Two of one size, both sound in themselves."""
    bodies = {key: area.read(key) for key in logs(area, name, "insert_log")}
    pairs = ((one, other) for one in bodies for other in bodies if bodies[one] != bodies[other])
    one, other = next(pair for pair in pairs if len(bodies[pair[0]]) == len(bodies[pair[1]]))
    area.write(one, bodies[other])
    area.write(other, bodies[one])


def add_a_segment(area: BackupArea, name: str) -> None:
    """Rows that a server would import a second time: sound objects, below a directory that an import job names."""
    directory, keys = first_segment(area, name)
    partition = "/".join(directory.split("/")[:6])
    for key in keys:
        area.write(f"{partition}/77/77/{key.removeprefix(directory)}", area.read(key))


def add_deletes(area: BackupArea, name: str) -> None:
    """Rows that a server would take away."""
    key = logs(area, name, "delta_log")[0]
    area.write(f"{key}9", area.read(key))


def add_an_object_beside_segments(area: BackupArea, name: str) -> None:
    area.write("/".join(first_segment(area, name)[0].split("/")[:6]) + "/note", b"an import ends at this")


def lose(file_name: str) -> Damage:
    return lambda area, name: area.delete(area.prefix(name) + file_name)


def cut(file_name: str) -> Damage:
    return lambda area, name: area.alter(area.prefix(name) + file_name, lambda body: body[: len(body) // 2])


def damage_every_level_file(area: BackupArea, name: str) -> None:
    lose("meta/backup_meta.json")(area, name)
    cut("meta/collection_meta.json")(area, name)
    area.alter(f"{area.prefix(name)}meta/partition_meta.json", lambda body: body + b" ")
    area.write(f"{area.prefix(name)}meta/segment_meta.json", b"")


def forge_the_list(area: BackupArea, name: str) -> None:
    """Somebody hides a loss: the object is gone from the list too."""
    area.delete(logs(area, name, "delta_log")[0])
    area.alter(f"{area.prefix(name)}control/objects-00000.jsonl", lambda body: body.partition(b"\n")[2])


def name_another_partition(area: BackupArea, name: str) -> None:
    """Objects of one place would be verified, those of another be imported."""

    def change(body: bytes) -> bytes:
        tree = json.loads(body)
        one, other = tree["collection_backups"][0]["partition_backups"]
        one["segment_backups"][0]["partition_id"] = other["partition_id"]
        return json.dumps(tree).encode()

    area.alter(f"{area.prefix(name)}meta/full_meta.json", change)


LIST = "control/objects-00000.jsonl"
LEVEL_FILES = tuple(f"meta/{part}_meta.json" for part in ("collection", "segment"))
DAMAGES: list[tuple[str, str, Damage, str, str, str]] = [
    (OURS, "deletes lost", lose_deletes, "corrupt", "", "1 missing: "),
    (OURS, "segment lost", lose_a_segment, "corrupt", "", "9 missing: "),
    (OURS, "object empty", empty_an_object, "corrupt", "", "1 altered: "),
    (OURS, "objects swapped", swap_objects, "corrupt", "", "2 altered: "),
    (OURS, "segment added", add_a_segment, "corrupt", "", "9 unexpected: "),
    (OURS, "deletes added", add_deletes, "corrupt", "", "1 unexpected: "),
    (OURS, "object added", add_an_object_beside_segments, "corrupt", "", "1 unexpected: "),
    (OURS, "full_meta lost", lose("meta/full_meta.json"), "incomplete", "", "it has no meta/full_meta.json"),
    (OURS, "full_meta cut", cut("meta/full_meta.json"), "corrupt", "meta/full_meta.json", "not what was written"),
    (OURS, "level files", damage_every_level_file, "corrupt", "", "1 missing: META/backup_meta.json; 3 altered: META/"),
    (OURS, "manifest lost", lose("control/manifest.json"), "corrupt", "control/manifest.json", "manifest is gone"),
    (OURS, "manifest cut", cut("control/manifest.json"), "corrupt", "control/manifest.json", "it cannot be read"),
    (OURS, "list lost", lose(LIST), "corrupt", LIST, "the list of objects is missing"),
    (OURS, "list forged", forge_the_list, "corrupt", LIST, "it was altered"),
    (FOREIGN, "deletes cut", cut_deletes, "corrupt", "", "1 altered: "),
    (FOREIGN, "segment added", add_a_segment, "corrupt", "", "9 unexpected: "),
    (FOREIGN, "full_meta cut", cut("meta/full_meta.json"), "corrupt", "meta/full_meta.json", "it is not JSON"),
    (FOREIGN, "full_meta at odds", name_another_partition, "corrupt", "meta/full_meta.json", "but it is part of"),
    *((LEVELS, f"{file} cut", cut(file), "corrupt", file, "it is not JSON") for file in LEVEL_FILES),
]
"""The backup, the damage, and the failure: its kind, the end of its place, what its cause begins with or says."""


@pytest.mark.parametrize(
    ("backup", "damage", "kind", "where", "cause"),
    [(backup, *expected) for backup, _title, *expected in DAMAGES],
    ids=[f"{backup}: {title}" for backup, title, *_expected in DAMAGES],
)
def test_a_damage_is_named_and_nothing_is_created(
    area: BackupArea,
    target: Side,
    fresh: Callable[[str], str],
    backup: str,
    damage: Damage,
    kind: str,
    where: str,
    cause: str,
) -> None:
    name = fresh("damaged")
    area.copy(backup, name)
    damage(area, name)
    before = area.objects(name)
    refused = restore(area, target, name)
    assert refused.failed, refused.output
    failure: dict[str, Any] = refused.result["failure"]
    assert (failure["kind"], failure["state_left"], failure["retryable"]) == (kind, "nothing was written", False)
    assert failure["where"].endswith(area.prefix(name) + where), failure
    assert cause.replace("META/", f"{area.prefix(name)}meta/") in failure["cause"], failure
    assert failure["next_step"]
    assert failure["cause"][1:] in refused.result["msg"], "it begins a sentence there"
    assert "\n" not in refused.result["msg"]
    assert area.objects(name) == before
    require_nothing_created(target)


def require_nothing_created(target: Side) -> None:
    client = target.client()
    assert client.list_databases() == ["default"]
    assert client.list_collections() == []


def test_a_check_run_refuses_it_too(area: BackupArea, target: Side) -> None:
    area.copy(OURS, "to_check")
    add_a_segment(area, "to_check")
    assert restore(area, target, "to_check", check=True).kind == "corrupt"
    require_nothing_created(target)


def test_the_same_restore_succeeds_without_damage(area: BackupArea, target: Side) -> None:
    """Objects that are lost and put back leave no trace."""
    kept = {key: area.read(key) for key in logs(area, OURS, "delta_log")}
    area.delete(*kept)
    assert restore(area, target, OURS).kind == "corrupt"
    for key, body in kept.items():
        area.write(key, body)
    restored = restore(area, target, OURS)
    assert not restored.failed, restored.output
    client = target.client(database="museum")
    assert oracle.count(client, "fragile") == len(oracle.expected(ROWS))
    assert oracle.differences(oracle.read_all(client, "fragile"), oracle.expected(ROWS)) == []
    client.drop_collection("fragile")
    target.client().drop_database("museum")
