# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a lock, and whether that process is known to be dead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from local_folders import store_at

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.lock import (
    LEASE_SECONDS,
    MAX_LOCK_BYTES,
    BackupLock,
    Holder,
    acquire,
    live_holder,
    release_dead,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore

KEY = "backup/nightly_01/control/lock.json"

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells when a process started")


def stored_holder(store: ObjectStore) -> Holder:
    stored = store.read(KEY, 65536)
    assert stored is not None
    return Holder(**json.loads(stored.body))


def take(store: ObjectStore, run_id: str = "mine") -> BackupLock:
    lock = acquire(store, KEY, run_id, wait=0, meanwhile=lambda: None)
    assert isinstance(lock, BackupLock)
    return lock


@pytest.fixture
def me(store: ObjectStore) -> Holder:
    """This process as it writes itself into a lock."""
    with take(store):
        return stored_holder(store)


@pytest.fixture
def other_process() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    if process.stdin:
        process.stdin.close()


def of_process(me: Holder, pid: int) -> Holder:
    start = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    return replace(me, pid=pid, process_start=start)


def test_a_living_process_is_not_dead(me: Holder, other_process: subprocess.Popen[bytes]) -> None:
    assert me.pid == os.getpid()
    assert not me.is_dead_here()
    assert not of_process(me, other_process.pid).is_dead_here()


def test_a_process_that_has_ended_is_dead(me: Holder, other_process: subprocess.Popen[bytes]) -> None:
    holder = of_process(me, other_process.pid)
    other_process.kill()
    os.waitid(os.P_PID, other_process.pid, os.WEXITED | os.WNOWAIT)
    assert holder.is_dead_here(), "killed, and not yet collected by its parent"
    other_process.wait()
    assert holder.is_dead_here()


def test_a_process_id_may_be_used_again(me: Holder) -> None:
    assert replace(me, process_start=f"{int(me.process_start) - 1}").is_dead_here()


@pytest.mark.parametrize(
    "changes", [{"host": "elsewhere"}, {"boot_id": "another"}, {"boot_id": ""}, {"namespace": "pid:[1]"}]
)
@pytest.mark.parametrize("process_start", ["", "1"])
def test_elsewhere_nobody_is_known_to_be_dead(me: Holder, changes: dict[str, Any], process_start: str) -> None:
    assert not replace(me, **changes, process_start=process_start).is_dead_here()


def test_a_name_that_looks_like_the_end_of_its_entry(me: Holder, tmp_path: Path) -> None:
    """The kernel puts the program's name in brackets into the line that holds the start time, as it is."""
    program = tmp_path / "a) Z 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as process:
        try:
            assert not of_process(me, process.pid).is_dead_here()
        finally:
            process.kill()


def test_the_holder_is_described_without_secrets(me: Holder) -> None:
    assert me.describe() == f"process {os.getpid()} of {me.user} on {me.host}, run mine"
    assert set(asdict(me)) == {
        "run_id",
        "epoch",
        "host",
        "boot_id",
        "namespace",
        "pid",
        "process_start",
        "user",
        "written_at",
    }


def test_a_held_lock_is_refused_and_left_alone(store: ObjectStore) -> None:
    with take(store):
        before = store.read(KEY, 65536)
        with pytest.raises(MilvusOpsError) as caught:
            take(store, "theirs")
        assert caught.value.kind == "lock_held"
        assert f"process {os.getpid()} of" in caught.value.failure.cause
        after = store.read(KEY, 65536)
        assert before is not None
        assert after is not None
        assert after.body == before.body
    assert store.read(KEY, 65536) is None, "released"


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"null", b"[]", b'"x"', b"1", b"\xff", b'{"run_id":"x"}', b'{"unknown":1}'],
)
def test_an_unreadable_lock_counts_as_held(store: ObjectStore, body: bytes) -> None:
    store.write(KEY, body)
    with pytest.raises(MilvusOpsError) as caught:
        take(store)
    assert caught.value.kind == "lock_held"
    assert "an unreadable lock object" in caught.value.failure.cause
    stored = store.read(KEY, 65536)
    assert stored is not None
    assert stored.body == body


@pytest.mark.parametrize("changes", [{"written_at": "soon"}, {"pid": None}, {"epoch": "1"}, {"host": 1}])
def test_a_lock_with_wrong_types_counts_as_held(store: ObjectStore, me: Holder, changes: dict[str, Any]) -> None:
    values = {**asdict(me), "process_start": "1", **changes}
    store.write(KEY, json.dumps(values).encode())
    with pytest.raises(MilvusOpsError, match="unreadable lock object"):
        take(store)


def test_the_lock_of_a_dead_process_is_taken_over(store: ObjectStore, me: Holder) -> None:
    store.write(KEY, json.dumps(asdict(replace(me, run_id="dead", epoch=3, process_start="1"))).encode())
    with take(store):
        holder = stored_holder(store)
        assert (holder.run_id, holder.epoch, holder.pid) == ("mine", 4, os.getpid())


def test_the_lock_of_a_dead_process_is_removed_and_no_other(store: ObjectStore, me: Holder) -> None:
    release_dead(store, KEY)  # there is none
    for holder, stays in ((replace(me, run_id="dead", process_start="1"), False), (replace(me, host="other"), True)):
        store.write(KEY, json.dumps(asdict(holder)).encode())
        release_dead(store, KEY)
        assert store.has_objects(KEY) is stays
    store.delete([KEY])
    with take(store):
        release_dead(store, KEY)
        assert stored_holder(store).run_id == "mine"


def test_the_lock_of_an_unknown_process_is_kept_while_the_store_saw_it_lately(store: ObjectStore, me: Holder) -> None:
    """The writer's clock alone is no proof: it may be slow."""
    long_ago = time.time() - 10 * LEASE_SECONDS
    there = replace(me, run_id="theirs", host="elsewhere", written_at=long_ago)
    store.write(KEY, json.dumps(asdict(there)).encode())
    with pytest.raises(MilvusOpsError) as caught:
        take(store)
    assert caught.value.kind == "lock_held"
    assert stored_holder(store) == there


def test_a_lock_that_was_taken_away_is_noticed(store: ObjectStore, me: Holder) -> None:
    for thief in (replace(me, run_id="thief"), None):
        with take(store) as lock:
            store.delete([KEY])
            if thief:
                store.write(KEY, json.dumps(asdict(thief)).encode())
            with pytest.raises(MilvusOpsError) as caught:
                lock.renew()
            assert caught.value.kind == "lock_held"
            assert ("run thief took it" if thief else "it was removed") in caught.value.failure.cause
            with pytest.raises(MilvusOpsError):
                lock.require()
        assert store.delete([KEY]) == 1 or thief is None, "the lock of the thief is left alone"


def test_what_others_finished_meanwhile_ends_the_wait(store: ObjectStore) -> None:
    assert acquire(store, KEY, "mine", wait=0, meanwhile=lambda: "finished") == "finished"
    answers = iter([None, "finished"])
    assert acquire(store, KEY, "mine", wait=0, meanwhile=lambda: next(answers)) == "finished"
    assert store.read(KEY, 65536) is None


def test_a_question_that_fails_leaves_no_lock(store: ObjectStore, changes: list[str]) -> None:
    """The run has ended then, and elsewhere nobody may take its lock over for a while."""

    def fail_once_it_is_held() -> None:
        if store.has_objects(KEY):
            raise MilvusOpsError("unreachable", "reading", KEY, "no answer")

    with pytest.raises(MilvusOpsError) as caught:
        acquire(store, KEY, "mine", wait=0, meanwhile=fail_once_it_is_held)
    assert (caught.value.kind, changes) == ("unreachable", [f"+{KEY}", f"-{KEY}"])


def test_what_is_too_large_for_a_lock_counts_as_held(tmp_path: Path) -> None:
    """By a store that refuses to read it, as real ones do."""
    store = store_at(tmp_path, "backup/")
    key = f"{tmp_path}/{KEY}"
    store.write(key, b"{}" + b" " * MAX_LOCK_BYTES)
    with pytest.raises(MilvusOpsError) as caught:
        acquire(store, key, "mine", wait=0, meanwhile=lambda: None)
    assert caught.value.kind == "lock_held"
    assert "an unreadable lock object" in caught.value.failure.cause
    assert live_holder(store, key) == "somebody, by an unreadable lock object"
