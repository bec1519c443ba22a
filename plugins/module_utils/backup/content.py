# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the bytes of objects are those that were recorded: every object read again and hashed.

What is recorded is an ETag. It proves the bytes where it is their MD5; the others are read to the end, and counted.
On a disk no ETag does, so the MD5 itself is recorded there, of the bytes as they lie there when the backup is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from ..errors import MilvusOpsError
from ..store.base import ContentDigest, ObjectStore, StoredObject
from .packed import Etags

CONCURRENCY = 16
BATCH_OBJECTS = 512
"""Objects that are handed to the threads at once; memory holds no more of them."""

ATTEMPTS = 3
MD5 = re.compile(r"[0-9a-f]{32}")
PROVEN, UNPROVEN, ALTERED, MISSING = "proven", "unproven", "altered", "missing"
Found = TypeVar("Found")


@dataclass(frozen=True)
class ContentReport:
    """Keys that differ, and how many objects of how many bytes were read; C(unproven) ones had no digest recorded."""

    missing: tuple[str, ...]
    altered: tuple[str, ...]
    proven: int
    unproven: int
    bytes: int


def read_again(
    store: ObjectStore,
    expected: Iterable[StoredObject],
    *,
    before_each: Callable[[], None] = lambda: None,
    after_each: Callable[[], None] = lambda: None,
) -> ContentReport:
    """Read and hash every object; C(before_each) may raise to end the work (a lost lock)."""
    keys: dict[str, list[str]] = {MISSING: [], ALTERED: []}
    counts = {PROVEN: 0, UNPROVEN: 0}
    size = 0

    def examine(item: StoredObject) -> str:
        before_each()
        return _verdict(store, item)

    for item, verdict in _each(examine, expected):
        after_each()
        if verdict in keys:
            keys[verdict].append(item.key)
        else:
            counts[verdict] += 1
            size += item.size
    return ContentReport(tuple(keys[MISSING]), tuple(keys[ALTERED]), counts[PROVEN], counts[UNPROVEN], size)


@dataclass(frozen=True)
class Digested:
    """Objects, each with its MD5."""

    stored: Iterable[StoredObject]
    digests: Etags

    def __iter__(self) -> Iterator[StoredObject]:
        for position, item in enumerate(self.stored):
            yield replace(item, md5=self.digests[position])


def with_digests(
    store: ObjectStore,
    stored: Iterable[StoredObject],
    recorded: Mapping[str, StoredObject],
    *,
    before_each: Callable[[], None],
    after_each: Callable[[], None],
) -> Digested:
    """Read every object and note its MD5; those that C(recorded) has one of keep it. Raises C(verify_failed)."""
    digests = Etags()

    def md5_of(item: StoredObject) -> str:
        known = recorded.get(item.key)
        if known is not None and known.md5:
            return known.md5
        before_each()
        found = _digest(store, item.key)
        if found is None or found.size != item.size:
            raise _changed(store, item, found)
        return found.md5

    for _item, md5 in _each(md5_of, stored):
        after_each()
        digests.append(md5)
    return Digested(stored, digests)


def _changed(store: ObjectStore, item: StoredObject, found: ContentDigest | None) -> MilvusOpsError:
    now = "it is gone" if found is None else f"it has {found.size} bytes"
    return MilvusOpsError(
        "verify_failed",
        "reading what was copied",
        f"{store.label}/{item.key}",
        f"{now}, and had {item.size} bytes when it was listed",
        state_left="the backup is not committed; what was copied is kept",
        next_step="see what else writes to or removes from this place, then run the task again",
    )


def _each(
    examine: Callable[[StoredObject], Found], items: Iterable[StoredObject]
) -> Iterator[tuple[StoredObject, Found]]:
    """Many at once, in their order."""
    remaining = iter(items)
    with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="content") as pool:
        while batch := list(islice(remaining, BATCH_OBJECTS)):
            yield from zip(batch, pool.map(examine, batch), strict=True)


def _verdict(store: ObjectStore, item: StoredObject) -> str:
    found = _digest(store, item.key)
    if found is None:
        return MISSING
    if found.size != item.size or (MD5.fullmatch(found.etag) and found.etag != found.md5):
        return ALTERED
    if item.md5:
        return PROVEN if found.md5 == item.md5 else ALTERED
    if not MD5.fullmatch(item.etag):
        return UNPROVEN
    if found.md5 == item.etag:
        return PROVEN
    return ALTERED if found.etag else UNPROVEN


def _digest(store: ObjectStore, key: str) -> ContentDigest | None:
    """A stream that breaks is read again from its beginning: the client library retries requests, not their bodies."""
    for _attempt in range(ATTEMPTS - 1):
        try:
            return store.digest(key)
        except MilvusOpsError as error:
            if not error.failure.retryable:
                raise
    return store.digest(key)
