# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fake reads what a real server wrote: binlogs of Milvus 2.3.5 in a backup by milvus-backup, row for row."""

from __future__ import annotations

import json
from collections.abc import Iterator

import golden
import pytest
from fake_milvus import profiles
from fake_milvus.binlogs import (
    DESCRIPTOR,
    EVENT_HEADER,
    Damaged,
    origin_of,
    read_binlog,
    read_deletes,
    write_binlog,
)
from fake_milvus.profiles import Profile
from fake_worlds import BACKUPS, FakeSide, create_as, fake_side, put_golden
from shapes import read_rows

ARCHIVE = golden.ARCHIVES["v0.5.16"]
OBJECTS = dict(golden.objects(ARCHIVE, BACKUPS))
META = json.loads(OBJECTS[f"{BACKUPS}/{golden.BACKUP}/meta/full_meta.json"])
BINLOGS = f"{BACKUPS}/{golden.BACKUP}/binlogs"
SOME_LOG = next(key for key in OBJECTS if "/insert_log/" in key and key.split("/")[-2] == "100")


@pytest.fixture(params=(profiles.V2_4_0, profiles.V2_5_27, profiles.V2_6_18), ids=lambda profile: profile.text)
def side(request: pytest.FixtureRequest) -> Iterator[FakeSide]:
    profile: Profile = request.param
    with fake_side(profile) as side:
        put_golden(side.s3, ARCHIVE)
        yield side


def test_an_import_brings_the_rows_that_the_real_server_had(side: FakeSide) -> None:
    """Deletes are applied, and a query by key answers what the real one answered."""
    for collection in META["collection_backups"]:
        name = collection["collection_name"]
        create_as(side, collection, name)
        for part in collection["partition_backups"]:
            jobs = [entry(collection, part, segment) for segment in part.get("segment_backups", [])]
            if jobs:
                ended = side.imported(name, *jobs, partition=part["partition_name"], backup="true")
                assert ended["state"] == "Completed", ended
                assert len(ended["details"]) == len(jobs)
    found = {}
    for database, name in golden.COLLECTIONS:
        side.load(name, "HAMMING" if name == "binary_vector" else "L2")
        found[f"{database}.{name}"] = read_rows(side.client(), name)
    assert found == golden.rows(ARCHIVE)


def entry(collection: dict[str, object], part: dict[str, object], segment: dict[str, object]) -> list[str]:
    place = f"{collection['collection_id']}/{part['partition_id']}/{segment['group_id']}/"
    deltas = f"{BINLOGS}/delta_log/{place}"
    return [f"{BINLOGS}/insert_log/{place}", *([deltas] if any(key.startswith(deltas) for key in OBJECTS) else [])]


def test_the_archive_has_deletes_in_files_of_their_own() -> None:
    deletes = [read_deletes(body) for key, body in OBJECTS.items() if "/delta_log/" in key]
    assert sum(len(found) for found in deletes) >= 22
    assert all(isinstance(key, int) and moment > 1 << 58 for found in deletes for key, moment in found)


def test_what_the_fake_writes_is_what_the_real_server_writes() -> None:
    """The envelope around the same values: read, written and read again, to the origin and the values."""
    real = OBJECTS[SOME_LOG]
    values, origin = read_binlog(real), origin_of(real)
    assert str(origin.segment) == SOME_LOG.split("/")[-3]
    again = write_binlog(origin, 5, values, (1, 2))
    assert (origin_of(again), read_binlog(again)) == (origin, values)
    assert real[:4] == again[:4]
    assert lengths_of_events(again) == lengths_of_events(real)


def lengths_of_events(log: bytes) -> bytes:
    """What stands between the origin and the words about the payload, but for the length of those words."""
    begin = 4 + EVENT_HEADER.size + DESCRIPTOR.size
    return log[begin : log.index(b"{") - 4]


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "flipped length"])
def test_a_damaged_log_is_none(damage: str) -> None:
    real = OBJECTS[SOME_LOG]
    broken = {
        "cut": real[: len(real) // 2],
        "garbage": b"garbage" * 20,
        "empty": b"",
        "flipped length": real[:13] + bytes([real[13] ^ 0x40]) + real[14:],
    }[damage]
    with pytest.raises(Damaged):
        read_binlog(broken)
