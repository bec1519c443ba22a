# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time per backup: a create-once object with a lease, renewed while the run lives.

A lock is stolen only when its holder is known to be dead (same host, same boot, same process namespace, process gone)
or when the lease has run out by the store's own clock and by the writer's. The holder proves itself again, by
compare-and-swap, before the commit: a run that slept through its lease cannot commit.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from ..errors import MilvusOpsError
from ..store.base import ConditionFailed, ObjectStore, StoredBytes

LEASE_SECONDS = 900
RENEW_SECONDS = 60
POLL_SECONDS = 1.0
MAX_LOCK_BYTES = 65536
FIELD_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (float, int)}
T = TypeVar("T")


@dataclass(frozen=True)
class Holder:
    """Who holds a lock. C(written_at) is Unix seconds by the writer's clock; C(epoch) counts the steals."""

    run_id: str
    epoch: int
    host: str
    boot_id: str
    namespace: str
    pid: int
    process_start: str
    user: str
    written_at: float

    def describe(self) -> str:
        return f"process {self.pid} of {self.user} on {self.host}, run {self.run_id}"

    def is_dead_here(self) -> bool:
        """Known to be dead: only a process of this very host, boot and namespace can be judged."""
        here = _this_process(self.run_id)
        if not self.boot_id or (self.host, self.boot_id, self.namespace) != (here.host, here.boot_id, here.namespace):
            return False
        return _process_start(self.pid) != self.process_start and not _is_hidden(self.pid)


class BackupLock:
    """A held lock; a context manager that releases it. Renews itself in the background."""

    def __init__(self, store: ObjectStore, key: str, holder: Holder, etag: str) -> None:
        self._store = store
        self._key = key
        self._holder = holder
        self._etag = etag
        self._lost: str | None = None
        self._deadline = time.monotonic() + LEASE_SECONDS * 2 / 3
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._renewer = threading.Thread(target=self._renew_forever, name="lock-renewal", daemon=True)
        self._renewer.start()

    def __enter__(self) -> BackupLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._renewer.join()
        try:
            if self._lost is None:
                self._give_back()
        except (MilvusOpsError, ConditionFailed):
            # A lock that stays is found dead by the next run; an error here must not hide the run's own.
            return

    def require(self) -> None:
        """Raise when the lock is lost, or could not be renewed for two thirds of its lease. Call before each write."""
        if self._lost is None and time.monotonic() > self._deadline:
            self._lost = "it could not be renewed in time"
        if self._lost is not None:
            raise MilvusOpsError(
                "lock_held",
                "holding the lock of the backup",
                f"{self._store.label}/{self._key}",
                f"the lock was lost: {self._lost}",
                state_left="the backup is not committed; what was copied is kept",
                next_step="run the task again: it continues, or adopts what the other run finished",
            )

    def renew(self) -> None:
        """Prove by compare-and-swap that the lock is still held."""
        with self._guard:
            try:
                fresh = replace(self._holder, written_at=time.time())
                self._etag = self._store.write(self._key, _encode(fresh), if_etag=self._etag)
                self._deadline = time.monotonic() + LEASE_SECONDS * 2 / 3
            except ConditionFailed:
                current = _read_lock(self._store, self._key)
                holder = None if current is None else _decode(current.body)
                if holder is not None and current is not None and holder.run_id == self._holder.run_id:
                    self._etag = current.etag  # the answer to an earlier renewal was lost on the way
                    self._deadline = time.monotonic() + LEASE_SECONDS * 2 / 3
                else:
                    self._lost = "it was removed" if holder is None else f"{holder.describe()} took it"
        self.require()

    def keeps_others_out(self) -> bool:
        """Whether the store honours conditions: it refuses to create what is there. One that ignores them says nothing.

        Raises if the lock was lost.
        """
        self.require()
        with self._guard:
            try:
                body = _encode(replace(self._holder, written_at=time.time()))
                self._etag = self._store.write(self._key, body, if_absent=True)
            except ConditionFailed:
                return True
        return False

    def _renew_forever(self) -> None:
        while not self._stop.wait(RENEW_SECONDS):
            try:
                self.renew()
            except MilvusOpsError:
                continue  # require() tells the run, once the lease gets short or the lock is lost

    def _give_back(self) -> None:
        current = _read_lock(self._store, self._key)
        holder = None if current is None else _decode(current.body)
        if holder is not None and holder.run_id == self._holder.run_id:
            self._store.delete([self._key])


def acquire(
    store: ObjectStore, key: str, run_id: str, *, wait: float, meanwhile: Callable[[], T | None]
) -> BackupLock | T:
    """Take the lock, waiting up to C(wait) seconds for its holder.

    C(meanwhile) is asked before every attempt; what it returns ends the wait (the finished backup of another run).
    Raises C(lock_held), naming the holder, without having written anything.
    """
    end = time.monotonic() + wait
    while True:
        found = meanwhile()
        if found is not None:
            return found
        lock = _try_acquire(store, key, run_id)
        if isinstance(lock, BackupLock):
            # The holder before us may have finished between the question and the lock.
            with ExitStack() as unless_kept:
                unless_kept.push(lock)
                found = meanwhile()
                if found is None:
                    unless_kept.pop_all()
                    return lock
            return found
        if time.monotonic() > end:
            raise _held_error(store, key, lock, wait)
        time.sleep(POLL_SECONDS)


def live_holder(store: ObjectStore, key: str) -> str | None:
    """Who holds a lock, in words; None if nobody does, or only one whose lock the next run may take. Writes nothing."""
    current = _read_lock(store, key)
    if current is None:
        return None
    holder = _decode(current.body)
    if _may_be_stolen(holder, current):
        return None
    return holder.describe() if holder else "somebody, by an unreadable lock object"


def release_dead(store: ObjectStore, key: str) -> None:
    """Remove the lock of a dead run, which had finished all but that; the lock of a living one stays."""
    try:
        current = _read_lock(store, key)
        if current is None or not _may_be_stolen(_decode(current.body), current):
            return
        lock = _try_acquire(store, key, str(uuid.uuid4()))
    except MilvusOpsError as error:
        if error.kind != "permission":  # whoever may only read leaves it to others
            raise
        return
    if isinstance(lock, BackupLock):
        lock.__exit__(None, None, None)


def _try_acquire(store: ObjectStore, key: str, run_id: str) -> BackupLock | tuple[Holder | None, float]:
    """The lock, or its holder (None if unreadable) and the seconds since it was last renewed."""
    mine = _this_process(run_id)
    try:
        return BackupLock(store, key, mine, store.write(key, _encode(mine), if_absent=True))
    except ConditionFailed:
        current = _read_lock(store, key)
    if current is None:
        return None, 0.0
    holder = _decode(current.body)
    age = current.store_now - current.modified
    if holder is not None and holder.run_id == run_id:
        return BackupLock(store, key, holder, current.etag)
    if not _may_be_stolen(holder, current):
        return holder, age
    stolen = replace(mine, epoch=1 + (holder.epoch if holder else 0))
    try:
        return BackupLock(store, key, stolen, store.write(key, _encode(stolen), if_etag=current.etag))
    except ConditionFailed:
        return holder, age


def _read_lock(store: ObjectStore, key: str) -> StoredBytes | None:
    """None where there is no lock. What is too large to be one counts as a lock that cannot be read."""
    try:
        return store.read(key, MAX_LOCK_BYTES)
    except MilvusOpsError as error:
        if error.kind != "corrupt":
            raise
        return StoredBytes(b"", "", time.time(), time.time())


def _may_be_stolen(holder: Holder | None, current: StoredBytes) -> bool:
    if holder is None:
        return False
    stale_in_store = current.store_now - current.modified > LEASE_SECONDS
    stale_by_writer = time.time() - holder.written_at > LEASE_SECONDS
    return holder.is_dead_here() or (stale_in_store and stale_by_writer)


def _held_error(store: ObjectStore, key: str, seen: tuple[Holder | None, float], wait: float) -> MilvusOpsError:
    holder, age = seen
    who = holder.describe() if holder else "an unreadable lock object"
    return MilvusOpsError(
        "lock_held",
        "taking the lock of the backup",
        f"{store.label}/{key}",
        f"{who} holds it, last renewed {age:.0f} seconds ago; waited {wait:g} seconds",
        state_left="this run wrote nothing",
        next_step="wait for that run, or set lock_timeout; the lock of a dead run on another host "
        f"is taken over {LEASE_SECONDS} seconds after its last renewal",
    )


def _this_process(run_id: str) -> Holder:
    pid = os.getpid()
    return Holder(
        run_id=run_id,
        epoch=0,
        host=socket.gethostname(),
        boot_id=_read_text("/proc/sys/kernel/random/boot_id"),
        namespace=_read_link("/proc/self/ns/pid"),
        pid=pid,
        process_start=_process_start(pid),
        user=_user_name(),
        written_at=time.time(),
    )


def _process_start(pid: int) -> str:
    """Start time of a process in clock ticks since boot; '' when there is no such process or no /proc."""
    fields = _read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] != "Z" else ""


def _is_hidden(pid: int) -> bool:
    """Whether a process lives that /proc does not show to this user (hidepid)."""
    if _read_text(f"/proc/{pid}/stat"):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _read_text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _read_link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _encode(holder: Holder) -> bytes:
    return json.dumps(asdict(holder)).encode()


def _decode(body: bytes) -> Holder | None:
    """None for a lock that cannot be read: it counts as held, by nobody knows whom."""
    try:
        holder = Holder(**json.loads(body))
    except (ValueError, TypeError, RecursionError):
        return None
    right = all(isinstance(getattr(holder, field.name), FIELD_TYPES[str(field.type)]) for field in fields(holder))
    return holder if right else None
