# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of this host as an object store: keys are absolute paths, and the root path is the store's limit.

An object appears whole or not at all: it is written to a part file directly in the run's own folder (never inside
C(binlogs/)), synchronised, and renamed. The ETag is the file's modification time, size and inode. It changes with
every write, so conditions and pins hold; it is no digest, so it is never compared with that of another object.
"""

from __future__ import annotations

import hashlib
import os
import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from typing import TypeVar

from ..errors import MilvusOpsError
from . import local_files
from .base import (
    ContentDigest,
    ObjectStore,
    Pace,
    Pin,
    SourceMissing,
    StoredBytes,
    StoredObject,
    WriteScope,
    unpaced,
)
from .config import StoreConfig
from .local_files import LocalReader, Part, etag_of, reported
from .local_tree import Tree
from .retry import persist
from .stream import PlannedObject

DELETE_BATCH = 1000
HASH_BYTES = 1 << 20
PART_PREFIX = ".part-"
PART_LIFE_SECONDS = 3600
"""A part file that nothing was written to for so long belongs to a run that was killed."""

FOLDER_ATTEMPTS = 20
"""Another run may remove an empty folder just before something is put into it."""

FOLDER_PAUSE_SECONDS = 0.002
"""Longest pause after the first such loss; it grows with each. Without one, runs on a busy host keep in step."""

T = TypeVar("T")


class LocalStore:
    """One folder. Safe to use from many threads, and from many processes and hosts that share it."""

    lacks_digests = True

    def __init__(self, config: StoreConfig, scope: WriteScope | None = None) -> None:
        self.config = config
        self._scope = scope or WriteScope()
        self._tree = Tree(config.root_path)
        self._swept: set[str] = set()

    @property
    def label(self) -> str:
        return self.config.label

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """Every file below a prefix, in order of key."""
        with reported("listing", self.label, prefix):
            for entry in self._tree.walk(prefix):
                yield StoredObject(entry.key, entry.status.st_size, etag_of(entry.status))

    def list_prefixes(self, prefix: str) -> list[str]:
        """The folders directly below a prefix that hold a file, each with its trailing slash."""
        with reported("listing", self.label, prefix):
            return list(self._tree.folders(prefix))

    def has_objects(self, prefix: str) -> bool:
        with reported("listing", self.label, prefix):
            return any(True for _entry in self._tree.walk(prefix))

    def read(self, key: str, max_bytes: int) -> StoredBytes | None:
        """The whole file, None where there is none; raises C(corrupt) above C(max_bytes)."""
        with reported("reading", self.label, key), suppress(FileNotFoundError), self._tree.open(key) as file:
            status = os.fstat(file.fileno())
            if status.st_size > max_bytes:
                raise MilvusOpsError(
                    "corrupt",
                    "reading",
                    f"{self.label}/{key}",
                    f"the file has {status.st_size} bytes, more than the {max_bytes} that it can need",
                    next_step="see what wrote this file",
                )
            # One clock makes both times on a disk of this host; hosts that share a folder keep theirs synchronised.
            return StoredBytes(file.readall(), etag_of(status), status.st_mtime, time.time())
        return None

    def digest(self, key: str) -> ContentDigest | None:
        """Read a file to its end, a piece at a time, and hash it; None where there is none."""
        with reported("reading", self.label, key), suppress(FileNotFoundError), self._tree.open(key) as file:
            md5, size = hashlib.md5(usedforsecurity=False), 0
            while piece := file.read(HASH_BYTES):
                md5.update(piece)
                size += len(piece)
            return ContentDigest(size, md5.hexdigest(), "")
        return None

    def write(self, key: str, body: bytes, *, if_absent: bool = False, if_etag: str | None = None) -> str:
        """Write one small file and return its ETag. Raises ConditionFailed when the condition does not hold."""
        with reported("writing", self.label, key), self._part(key) as part:
            local_files.write_all(part.file, body)
            if if_absent:
                return self._publish(part, key, local_files.put_where_nothing_is)
            if if_etag is not None:
                return self._publish(part, key, lambda made, at, name: local_files.swap(made, at, name, if_etag))
            return self._publish(part, key, local_files.put)

    def delete(self, keys: Iterable[str]) -> int:
        """Delete enumerated keys and return their number, then the folders that became empty, none above the scope."""
        remaining, deleted = iter(keys), 0
        while batch := list(islice(remaining, DELETE_BATCH)):
            folders = {f"{key.rpartition('/')[0]}/": self._scope.prefix_of(key) for key in batch}
            for key in batch:
                with reported("deleting", self.label, key), suppress(FileNotFoundError):
                    self._unlink(key)
            for path, last in folders.items():
                with reported("deleting", self.label, path):
                    with suppress(FileNotFoundError), self._tree.folder(path) as folder:
                        os.fsync(folder)
                    self._tree.prune(path, last)
            deleted += len(batch)
        return deleted

    def copy_from(
        self, source: ObjectStore, source_key: str, etag: str, size: int, key: str, pace: Pace = unpaced
    ) -> None:
        """Copy into this folder, pinned to the planned ETag: by the system from another folder, else streamed.

        Raises SourceMissing or ConditionFailed when the source is not the planned one any more.
        """
        planned = PlannedObject(source, Pin(source_key, etag, size), pace)

        def attempt() -> None:
            with reported("copying", self.label, key), self._part(key) as part:
                if not (isinstance(source, LocalStore) and _clone(source, planned, part)):
                    local_files.stream(planned, part.file)
                self._publish(part, key, local_files.put)

        persist(attempt, planned.label, still_wanted=lambda: pace(0))

    @contextmanager
    def open_range(self, pin: Pin, offset: int, length: int) -> Iterator[LocalReader]:
        """Raises SourceMissing and ConditionFailed."""
        with reported("reading", self.label, pin.key):
            try:
                file = self._tree.open(pin.key)
            except FileNotFoundError as error:
                raise SourceMissing(pin.key) from error
        with file:
            yield LocalReader(file, self.label, pin, offset, length)

    def _unlink(self, key: str) -> None:
        parent, _slash, name = key.rpartition("/")
        with self._tree.folder(parent) as folder:
            os.unlink(name, dir_fd=folder)

    @contextmanager
    def _part(self, key: str) -> Iterator[Part]:
        """A new file in the run's own folder, removed at the end unless it was published."""
        scope = self._scope.prefix_of(key)
        self._sweep(scope)
        name = PART_PREFIX + secrets.token_hex(8)

        def create(folder: int) -> int:
            return os.open(name, local_files.NEW_FILE_FLAGS, 0o666, dir_fd=folder)

        with ExitStack() as opened:
            folder, file = opened.enter_context(self._settled(scope, create))
            try:
                yield Part(folder, name, file)
            finally:
                os.close(file)
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)

    def _publish(self, part: Part, key: str, put: Callable[[Part, int, str], None]) -> str:
        os.fsync(part.file)
        parent, _slash, name = key.rpartition("/")
        with self._settled(f"{parent}/", lambda folder: put(part, folder, name)) as (folder, _done):
            os.fsync(folder)
        return etag_of(os.fstat(part.file))

    @contextmanager
    def _settled(self, path: str, act: Callable[[int], T]) -> Iterator[tuple[int, T]]:
        """Do something in a folder that is made if need be, and again if it was removed just before."""
        for attempt in range(FOLDER_ATTEMPTS):
            with ExitStack() as opened:
                try:
                    folder = opened.enter_context(self._tree.folder(path, create=True))
                    result = act(folder)
                except FileNotFoundError:
                    if attempt + 1 == FOLDER_ATTEMPTS:
                        raise
                    time.sleep(random.uniform(0, FOLDER_PAUSE_SECONDS * (attempt + 1)))
                    continue
                yield folder, result
                return

    def _sweep(self, scope: str) -> None:
        """Once per folder of ours: remove the part files that killed runs left in it."""
        if scope in self._swept:
            return
        self._swept.add(scope)
        oldest = time.time() - PART_LIFE_SECONDS
        with suppress(FileNotFoundError), self._tree.folder(scope) as folder, os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(PART_PREFIX) and entry.stat(follow_symlinks=False).st_mtime < oldest:
                    os.unlink(entry.name, dir_fd=folder)


def _clone(source: LocalStore, planned: PlannedObject, part: Part) -> bool:
    with source.open_range(planned.pin, 0, planned.size) as reader:
        return local_files.clone(reader, planned.size, planned.pace, part.file)
