# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the bytes of objects are those that were recorded: every object read again and hashed.

What is recorded is an ETag. It proves the bytes where it is their MD5; the others are read to the end, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from ..errors import MilvusOpsError
from ..store.base import ContentDigest, ObjectStore, StoredObject

CONCURRENCY = 16
BATCH_OBJECTS = 512
"""Objects that are handed to the threads at once; memory holds no more of them."""

ATTEMPTS = 3
MD5 = re.compile(r"[0-9a-f]{32}")
PROVEN, UNPROVEN, ALTERED, MISSING = "proven", "unproven", "altered", "missing"


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
    concurrency: int = CONCURRENCY,
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

    remaining = iter(expected)
    with ThreadPoolExecutor(max(1, concurrency), thread_name_prefix="content") as pool:
        while batch := list(islice(remaining, BATCH_OBJECTS)):
            for item, verdict in zip(batch, pool.map(examine, batch), strict=True):
                after_each()
                if verdict in keys:
                    keys[verdict].append(item.key)
                else:
                    counts[verdict] += 1
                    size += item.size
    return ContentReport(tuple(keys[MISSING]), tuple(keys[ALTERED]), counts[PROVEN], counts[UNPROVEN], size)


def _verdict(store: ObjectStore, item: StoredObject) -> str:
    found = _digest(store, item.key)
    if found is None:
        return MISSING
    if found.size != item.size or (MD5.fullmatch(found.etag) and found.etag != found.md5):
        return ALTERED
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
