# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged backups (F30): which level of verification finds which damage, and no restore of what the default level sees.

How a restore words each of them, against a real server: tests/integration/test_damaged_backups.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from damages import CONTROL, META, ROT, Damage, damages
from empty_milvus import empty_milvus
from fake_s3 import FakeS3, running
from labs import RunningLab
from made_backup import make_backup
from milvus_lab import LabConfig, start, stop
from module_process import run_here
from tally import INJECTED, SURVIVED, Tally

from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store

SEED, NAME = 30, "sound"
LEVELS = ("size", "etag", "content")
DAMAGED = frozenset({"corrupt", "incomplete", "version"})
SAME_SIZE = frozenset({"bit flipped", "zeros", "two swapped", "another segment's", ROT})


@dataclass(frozen=True)
class Shelf:
    """Where a backup lies; C(put) gives an object a body, or takes it away, below the store's back if asked to."""

    options: Mapping[str, Any]
    put: Callable[[str, bytes | None, bool], None]
    rots: bool
    etags: bool
    """Whether they are digests."""


@contextmanager
def on_s3_that_rots(folder: Path) -> Iterator[Shelf]:
    fake = FakeS3()

    def put(key: str, body: bytes | None, below: bool) -> None:
        if body is None:
            del fake.objects[key]
        elif below:
            fake.rot(key, body)
        else:
            fake.put(key, body)

    with running(fake) as storage:
        yield Shelf({**storage, "backup_root_path": "backup"}, put, rots=True, etags=True)
    assert fake.unknown == []


@contextmanager
def on_s3(folder: Path) -> Iterator[Shelf]:
    try:
        lab = RunningLab(start(LabConfig(directory=folder, instances={"s3": {}})))
        s3, store = lab.s3(), lab.answer["s3"]

        def put(key: str, body: bytes | None, below: bool) -> None:
            if body is None:
                s3.delete_object(Bucket=lab.bucket, Key=key)
            else:
                s3.put_object(Bucket=lab.bucket, Key=key, Body=body)

        where = {"storage_address": store["address"], "storage_port": store["port"], "bucket_name": store["bucket"]}
        keys = {name: store[name] for name in ("access_key_id", "secret_access_key")}
        yield Shelf({**where, **keys, "backup_root_path": "backup"}, put, rots=False, etags=True)
    finally:
        stop(LabConfig(directory=folder), wipe=True)


@contextmanager
def on_a_disk(folder: Path) -> Iterator[Shelf]:
    def put(key: str, body: bytes | None, below: bool) -> None:
        path = Path(key)
        if body is None:
            path.unlink()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    place = {"backup_storage_type": "local", "backup_root_path": str(folder)}
    yield Shelf({**place, "storage_type": "local", "root_path": str(folder / "milvus")}, put, rots=False, etags=False)


SHELVES = {"S3 that rots": on_s3_that_rots, "S3": on_s3, "a disk": on_a_disk}


@pytest.mark.parametrize("kind", SHELVES)
def test_damage_is_found(tmp_path: Path, rounds: Callable[[int, int], int], tally: Tally, kind: str) -> None:
    """All of it at the level content. On a disk the level etag sees only what changes a size."""
    wrong = []
    with SHELVES[kind](tmp_path) as shelf, empty_milvus() as port:
        config = backup_store(shelf.options)
        prefix = f"{config.root_path}/{NAME}/"
        store = open_store(config, WriteScope((prefix,)))
        make_backup(store, config.root_path, NAME)
        listed = [item.key for item in store.list_objects(prefix)]
        sound = {key.removeprefix(prefix): stored.body for key in listed if (stored := store.read(key, 1 << 20))}
        options = {**shelf.options, "address": "127.0.0.1", "port": port, "name": NAME}
        options.setdefault("root_path", "files_B")
        assert found_at(options) == set()
        assert not restore(options), "the sound one can be restored"
        for damage in damages(sound, rounds(30, 500), SEED, rot=shelf.rots):
            for key, body in damage.changes.items():
                shelf.put(prefix + key, body, damage.below)
            found = found_at(options)
            refused = restore(options)
            expected = expected_at(damage, sound, etags=shelf.etags)
            count(tally, f"damage on {kind}: {damage.title}", found, refused)
            if found != expected or refused != ("etag" in found):
                wrong.append((damage.title, list(damage.changes), sorted(found), sorted(expected), refused))
            for key in damage.changes:
                shelf.put(prefix + key, sound.get(key), False)
    assert wrong == [], "\n".join(map(str, wrong))


def found_at(options: Mapping[str, Any]) -> set[str]:
    """The levels that see that something is wrong."""
    found = set()
    for level in LEVELS:
        storage = {key: value for key, value in options.items() if key not in ("address", "port", "root_path")}
        made = run_here("milvus_backup_info", {**storage, "verify": level, "fail_on_damage": True})
        assert made.kind in (*DAMAGED, None), made.output
        if made.kind:
            found.add(level)
    return found


def restore(options: Mapping[str, Any]) -> bool:
    """Whether a restore at the default level refuses, before a server sees an object."""
    made = run_here("milvus_restore", {**options, "collections": ["*.*"], "suffix": "_x"}, check=True)
    assert made.kind in (*DAMAGED, None), made.output
    return made.failed


def count(tally: Tally, campaign: str, found: set[str], refused: bool) -> None:
    tally.add(campaign, INJECTED)
    for level in LEVELS:
        tally.add(campaign, f"found at {level}", int(level in found))
    tally.add(campaign, SURVIVED, int(refused == ("etag" in found)))


def expected_at(damage: Damage, sound: Mapping[str, bytes], *, etags: bool) -> set[str]:
    """The levels that must see it, by what each promises."""
    seen = {key for key, body in damage.changes.items() if body != sound.get(key)}
    if not seen:
        return set()  # two objects that are the same were swapped
    if damage.where == CONTROL or any(key.endswith("full_meta.json") for key in seen):
        return set(LEVELS)  # read and compared with each other before anything else
    if damage.where == META:
        return {"etag", "content"}
    if damage.title not in SAME_SIZE:
        return set(LEVELS)
    return {"content"} if damage.below or not etags else {"etag", "content"}
