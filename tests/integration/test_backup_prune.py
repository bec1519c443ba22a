# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pruning and removing against a real store: the exact set goes, never what is in use, newest, or somebody else's."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

import oracle
import pytest
from areas import BackupArea
from labs import RunningLab, Side

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.lock import BackupLock, acquire
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store

Fresh = Callable[[str], str]

DATES = {
    "d01": "2023-12-31 12:00:00",
    "d02": "2024-01-10 12:00:00",
    "d03": "2024-01-31 23:59:59",
    "d04": "2024-02-01 00:00:00",
    "d05": "2024-02-15 12:00:00",
    "d06": "2024-02-29 12:00:00",
    "d07": "2024-03-01 01:00:00",
    "d08": "2024-03-01 13:00:00",
    "d09": "2024-03-01 23:00:00",
    "d10": "2024-03-04 12:00:00",
    "d11": "2024-03-05 12:00:00",
    "d12": "2024-03-08 12:00:00",
    "d13": "2024-03-10 23:30:00",  # Sunday of W10
    "d14": "2024-03-11 00:30:00",  # Monday of W11
    "d15": "2024-03-12 06:00:00",
    "d16": "2024-03-12 18:00:00",
    "d17": "2024-03-13 06:00:00",
    "d18": "2024-03-13 18:00:00",
    "d19": "2024-03-14 07:00:00",
    "d20": "2024-03-14 08:00:00",
}
POLICY = {"keep_last": 2, "keep_daily": 3, "keep_weekly": 2, "keep_monthly": 3, "keep_within": "14h"}
KEPT = {
    "d20": ["newest", "last 1", "within", "daily 2024-03-14", "weekly 2024-W11", "monthly 2024-03"],
    "d19": ["last 2", "within"],
    "d18": ["within", "daily 2024-03-13"],
    "d16": ["daily 2024-03-12"],
    "d13": ["weekly 2024-W10"],
    "d06": ["monthly 2024-02"],
    "d03": ["monthly 2024-01"],
}
MADE = ("d01", "d19", "d20")
"""Made by the module; the others are copies of d01."""


@pytest.fixture(scope="module")
def small(lab: RunningLab) -> str:
    oracle.create_collection(lab.side("milvus_a").client(), "small_prune", rows=40, partitions=("_default",))
    return "small_prune"


@pytest.fixture
def area(lab: RunningLab, fresh: Fresh) -> BackupArea:
    return BackupArea(lab, lab.side("milvus_a"), fresh("area"))


@pytest.fixture
def three(area: BackupArea, small: str) -> BackupArea:
    """Backups a, b, c of three days, one real and two copies."""
    assert not area.make("a", small).failed
    area.copy("a", "b", "c")
    for day, name in enumerate(("a", "b", "c"), 1):
        area.date(name, datetime(2024, 5, day))
    return area


@contextlib.contextmanager
def held(area: BackupArea, key: str) -> Iterator[BackupLock]:
    """A live lock of this very process, taken by the code that backups and restores take theirs with."""
    store = open_store(backup_store(area.options), WriteScope((f"{key.rsplit('/', 1)[0]}/",)))
    lock = acquire(store, key, "run-of-the-test", wait=0, meanwhile=lambda: None)
    assert isinstance(lock, BackupLock)
    with lock:
        yield lock


def names(entries: list[dict[str, object]]) -> list[object]:
    return [entry["name"] for entry in entries]


def test_twenty_dated_backups_are_pruned_to_the_exact_set(area: BackupArea, small: str) -> None:
    for name in MADE:
        assert not area.make(name, small).failed
    area.copy("d01", *(DATES.keys() - set(MADE)), "neighbour")
    for name, text in DATES.items():
        area.date(name, datetime.fromisoformat(text))
    before = area.objects()

    planned = area.prune(check=True, name_pattern="d??", **POLICY)
    assert area.objects() == before, "check mode has written"
    assert {entry["name"]: entry["rules"] for entry in planned.result["kept"]} == KEPT
    assert names(planned.result["removed"]) == [name for name in DATES if name not in KEPT]
    assert planned.result["changed"] is True

    pruned = area.prune(name_pattern="d??", **POLICY)
    for part in ("kept", "removed", "skipped_backups", "diff"):
        assert pruned.result[part] == planned.result[part], part
    stay = {f"{area.prefix(name)}" for name in (*KEPT, "neighbour")}
    assert area.objects() == {key: etag for key, etag in before.items() if key.startswith(tuple(stay))}

    again = area.prune(name_pattern="d??", **POLICY)
    assert (again.result["changed"], again.result["removed"]) == (False, [])
    assert area.states(verify="etag") == dict.fromkeys((*KEPT, "neighbour"), "complete")


def test_what_is_locked_or_restored_from_is_kept(three: BackupArea) -> None:
    with held(three, f"{three.prefix('a')}control/lock.json"):
        with held(three, f"{three.prefix('b')}control/restores/0123.json"):
            pruned = three.prune(keep_last=1)
            reasons = {entry["name"]: entry["reason"] for entry in pruned.result["skipped_backups"]}
            assert pruned.result["changed"] is False, pruned.output
            assert reasons.keys() == {"a", "b"}
            assert "run-of-the-test" in reasons["a"]
            assert "restored from by" in reasons["b"]
            for check in (True, False):
                refused = three.absent("b", **({"_ansible_check_mode": True} if check else {}))
                assert refused.kind == "lock_held", refused.output
        assert names(three.prune(keep_last=1).result["removed"]) == ["b"]
    assert names(three.prune(keep_last=1).result["removed"]) == ["a"]
    assert three.names() == {"c"}


def test_a_lock_that_a_dead_restore_left_does_not_count(three: BackupArea) -> None:
    key = f"{three.prefix('a')}control/restores/0123.json"
    with held(three, key):
        body = three.read(key)
    three.write(key, body.replace(f'"pid": {os.getpid()}'.encode(), b'"pid": 999999999'))
    assert names(three.prune(keep_last=2).result["removed"]) == ["a"]
    assert three.objects("a") == {}


def test_no_broken_damaged_or_locked_backup_takes_the_place_of_a_good_one(three: BackupArea) -> None:
    """The newest three are broken, damaged and locked: the newest good one stays, and they are named."""
    three.copy("c", "broken", "damaged", "locked", "begun")
    for day, name in enumerate(("broken", "damaged", "locked", "begun"), 11):
        three.date(name, datetime(2024, 5, day))
    three.alter(f"{three.prefix('broken')}meta/full_meta.json", lambda body: body[:99])
    three.delete(three.binlogs("damaged")[0])
    three.delete(f"{three.prefix('begun')}meta/full_meta.json")
    with held(three, f"{three.prefix('locked')}control/lock.json"):
        pruned = three.prune(keep_last=1)
    assert {entry["name"]: entry["rules"] for entry in pruned.result["kept"]} == {"c": ["newest", "last 1"]}
    assert names(pruned.result["removed"]) == ["a", "b"]
    skipped = {entry["name"]: entry["state"] for entry in pruned.result["skipped_backups"]}
    assert skipped == {"broken": "broken", "damaged": "damaged", "locked": "complete", "begun": "unfinished"}


def test_a_date_in_the_future_is_no_date(three: BackupArea) -> None:
    """It counts as the store's own stamp; so it is the newest only as far as it is really the newest."""
    three.date("a", datetime(2999, 1, 1))
    shown = {item["name"]: item for item in three.info().result["backups"]}
    assert 0 <= shown["a"]["age"] < 600
    assert abs(shown["a"]["created"] - time.time()) < 600
    three.copy("c", "later")
    three.date("later", datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(minutes=1))
    assert three.info().result["latest"]["name"] == "a"
    kept = three.prune(keep_daily=2, check=True).result["kept"]
    assert len({entry["created_at"][:4] for entry in kept} & {"2999"}) == 0


def test_instances_and_selections_do_not_push_out_each_other(
    three: BackupArea, lab: RunningLab, target: Side, small: str
) -> None:
    assert not three.make("everything", "*.*").failed
    other = BackupArea(lab, target, three.root)
    oracle.create_collection(target.client(), "small_prune_b", rows=4, partitions=("_default",))
    assert not other.make("other", "small_prune_b").failed
    apart = three.prune(keep_last=1, check=True)
    assert names(apart.result["removed"]) == ["a", "b"]
    assert len({entry["group"] for entry in apart.result["kept"]}) == 3
    one_group = three.prune(keep_last=1, group_by=[], check=True)
    assert names(one_group.result["kept"]) == ["other"]
    by_source = three.prune(keep_last=1, group_by=["source"], check=True)
    assert set(names(by_source.result["kept"])) == {"everything", "other"}


def test_foreign_backups_are_left_alone_and_do_not_count(three: BackupArea) -> None:
    three.copy("c", "theirs")
    three.make_foreign("theirs")
    pruned = three.prune(keep_last=2, check=True)
    assert names(pruned.result["removed"]) == ["a"]
    assert [(entry["name"], "force_foreign" in entry["reason"]) for entry in pruned.result["skipped_backups"]] == [
        ("theirs", True)
    ]
    three.make_foreign("c")
    forced = three.prune(keep_last=1, force_foreign=True, group_by=[])
    assert set(names(forced.result["removed"])) | set(names(forced.result["kept"])) == {"a", "b", "c", "theirs"}
    assert len(forced.result["removed"]) == 3


def test_a_foreign_backup_from_before_full_meta_is_removed_under_our_lock(three: BackupArea) -> None:
    """The lock of the removal does not make an unfinished backup of ours of it."""
    for name in ("a", "b"):
        three.make_foreign(name)
        three.delete(f"{three.prefix(name)}meta/full_meta.json")
    pruned = three.prune(keep_last=1, force_foreign=True)
    assert names(pruned.result["removed"]) == ["a"], pruned.output
    assert pruned.result["skipped_backups"] == []
    assert three.names() == {"b", "c"}


def test_unfinished_ones_go_only_when_asked_old_and_idle(three: BackupArea) -> None:
    for name in ("b", "c"):
        three.delete(f"{three.prefix(name)}meta/full_meta.json")
    three.make_foreign("c")
    for options, words in (({}, "see unfinished"), ({"unfinished": True}, "last sign of life")):
        left = three.prune(keep_last=9, **options).result
        assert left["changed"] is False
        assert words in {entry["name"]: entry["reason"] for entry in left["skipped_backups"]}["b"]
    soon = {"keep_last": 9, "unfinished": True, "unfinished_older_than": "0m"}
    with held(three, f"{three.prefix('b')}control/lock.json"):
        assert three.prune(**soon).result["changed"] is False
    assert names(three.prune(**soon, force_foreign=True).result["removed"]) == ["b"]
    assert three.objects("b") == {}
    assert three.objects("c") != {}, "how old a foreign one is cannot be known"


def test_absent_removes_unfinished_ones_and_foreign_ones_only_by_force(three: BackupArea) -> None:
    three.delete(f"{three.prefix('a')}meta/full_meta.json")
    three.make_foreign("b")
    three.write(f"{three.prefix('b')}control/restores/0123.json", b"left by a restore")
    assert three.absent("a").result["changed"] is True
    refused = three.absent("b")
    assert refused.kind == "name_in_use", refused.output
    assert three.binlogs("b")
    three.delete(f"{three.prefix('b')}control/restores/0123.json")
    assert three.absent("b", force_foreign=True).result["changed"] is True
    assert three.names() == {"c"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "keeps nothing"),
        ({"keep_last": 0, "keep_within": ""}, "keeps nothing"),
        ({"keep_last": -1}, "negative"),
        ({"keep_within": "a week"}, "span of time"),
        ({"keep_last": 1, "unfinished_older_than": "1y"}, "span of time"),
        ({"keep_last": 1, "name_pattern": " "}, "every backup"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(area: BackupArea, options: dict[str, object], words: str) -> None:
    """Before any call: nothing listens where the store should be."""
    refused = area.prune(storage_port=9, **options)
    assert refused.kind == "usage", refused.output
    assert words in refused.result["msg"]
