# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client inserts, upserts and deletes while backups are made: each holds one moment between its begin and its end."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from labs import Side
from module_process import run
from pymilvus import DataType, MilvusClient

Fresh = Callable[[str], str]
FIRST_KEYS = 2000
DOOMED = range(FIRST_KEYS // 2)
UPSERTED = range(FIRST_KEYS // 2, FIRST_KEYS)
GONE = -1
"""In place of the version of a row that is not there."""


@dataclass(frozen=True)
class Write:
    """C(version) of one key, written at some moment between two of the monotonic clock."""

    began: float
    answered: float
    version: int


@dataclass
class Writer:
    """Writes without a pause, in a thread, and remembers what and when."""

    client: MilvusClient
    name: str
    writes: dict[int, list[Write]] = field(default_factory=lambda: defaultdict(list))
    ends: threading.Event = field(default_factory=threading.Event)
    errors: list[BaseException] = field(default_factory=list)

    def write(self, act: Callable[..., Any], keys: Iterable[int], version: int) -> None:
        chosen, began = list(keys), time.monotonic()
        act(self.name, [{"id": key, "version": version, "vector": [key % 7, version % 5]} for key in chosen])
        self._note(chosen, began, version)

    def delete(self, keys: Iterable[int]) -> None:
        chosen, began = list(keys), time.monotonic()
        if chosen:
            self.client.delete(self.name, filter=f"id in {chosen}")
            self._note(chosen, began, GONE)

    def run(self) -> None:
        numbers, fresh, doomed = random.Random(1), itertools.count(FIRST_KEYS), iter(DOOMED)
        try:
            for version in itertools.count(1):
                if self.ends.is_set():
                    return
                self.write(self.client.insert, itertools.islice(fresh, 5), version)
                self.write(self.client.upsert, numbers.sample(UPSERTED, 20), version)
                self.delete(itertools.islice(doomed, 2))
        except BaseException as error:
            self.errors.append(error)
            raise

    def _note(self, keys: Iterable[int], began: float, version: int) -> None:
        for key in keys:
            self.writes[key].append(Write(began, time.monotonic(), version))

    def allowed(self, key: int, began: float, ended: float) -> set[int]:
        """What a backup made between these moments may hold of a key."""
        before = [item.version for item in self.writes[key] if item.answered < began]
        return {
            before[-1] if before else GONE,
            *(item.version for item in self.writes[key] if item.answered >= began and item.began < ended),
        }


@contextmanager
def writing(client: MilvusClient, name: str) -> Iterator[Writer]:
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("version", DataType.INT64)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection(name, schema=schema, index_params=index, num_shards=2)
    writer = Writer(client, name)
    writer.write(client.insert, range(FIRST_KEYS), 0)
    thread = threading.Thread(target=writer.run)
    thread.start()
    try:
        yield writer
    finally:
        writer.ends.set()
        thread.join()
    assert writer.errors == []


def versions_of(client: MilvusClient, name: str) -> dict[int, list[int]]:
    """Every version of each key that is there: more than one is a row too many."""
    found: dict[int, list[int]] = defaultdict(list)
    wanted = ["id", "version"]
    iterator = client.query_iterator(name, batch_size=1000, output_fields=wanted, consistency_level="Strong")
    while batch := iterator.next():
        for item in batch:
            found[item["id"]].append(item["version"])
    iterator.close()
    return found


@pytest.mark.usefixtures("lab")
def test_a_backup_is_of_one_moment(source: Side, target: Side, fresh: Fresh) -> None:
    name, moments = fresh("busy"), []
    with writing(source.client(), name) as writer:
        for number in range(2):
            began = time.monotonic()
            made = run("milvus_backup", {**source.options, "name": f"{name}_{number}", "collections": [name]})
            assert not made.failed, made.output
            moments.append((f"{name}_{number}", began, time.monotonic()))
    for backup, began, ended in moments:
        into = {**target.options, "name": backup, "collections": [name], "suffix": "_then", "if_exists": "replace"}
        restored = run("milvus_restore", into)
        assert not restored.failed, restored.output
        found = versions_of(target.client(), f"{name}_then")
        allowed = {key: writer.allowed(key, began, ended) for key in list(writer.writes)}
        assert sum(len(versions) > 1 for versions in allowed.values()) > FIRST_KEYS // 4, "hardly anything was written"
        wrong = {key: found.get(key, [GONE]) for key in allowed if not _is_one_of(found.get(key, [GONE]), allowed[key])}
        assert {key: (seen, allowed[key]) for key, seen in itertools.islice(wrong.items(), 5)} == {}, len(wrong)
        assert found.keys() <= allowed.keys()


def _is_one_of(found: list[int], allowed: set[int]) -> bool:
    return len(found) == 1 and found[0] in allowed
