# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The integrity manifest: which objects a backup consists of, and the digest of its own meta files.

C(control/manifest.json) names shards of JSON lines, one object a line, so that neither writing nor reading needs the
whole list in memory. It is written before the commit, and the commit's own digest is in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..errors import MilvusOpsError
from ..store.base import ObjectStore, StoredObject
from .layout import BackupLayout

FORMAT = 1
SHARD_OBJECTS = 20_000
MAX_HEADER_BYTES = 64 << 20
MAX_SHARD_BYTES = 64 << 20
HEADER_NAME = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """C(request) is what the backup was asked for; C(created) Unix seconds; C(meta) file name to SHA-256."""

    backup_id: str
    name: str
    request: Mapping[str, Any]
    created: int
    tool_version: str
    objects: int
    bytes: int
    meta: Mapping[str, str]
    shards: tuple[tuple[str, str], ...]


def write_manifest(
    store: ObjectStore,
    layout: BackupLayout,
    objects: Iterable[StoredObject],
    *,
    backup_id: str,
    request: Mapping[str, Any],
    created: int,
    tool_version: str,
    meta: Mapping[str, bytes],
) -> Manifest:
    """Write shards, then the header, and return it. C(objects) in the order of the listing."""
    shards: list[tuple[str, str]] = []
    count = size = 0
    remaining = iter(objects)
    while batch := list(islice(remaining, SHARD_OBJECTS)):
        count, size = count + len(batch), size + sum(item.size for item in batch)
        lines = (json.dumps([item.key.removeprefix(layout.directory), item.size, item.etag]) for item in batch)
        body = "\n".join(lines).encode()
        name = f"objects-{len(shards):05d}.jsonl"
        store.write(layout.control + name, body)
        shards.append((name, digest(body)))
    manifest = Manifest(
        backup_id=backup_id,
        name=layout.name,
        request=request,
        created=created,
        tool_version=tool_version,
        objects=count,
        bytes=size,
        meta={name: digest(body) for name, body in meta.items()},
        shards=tuple(shards),
    )
    store.write(layout.control + HEADER_NAME, json.dumps({"format": FORMAT, **vars(manifest)}).encode())
    return manifest


def read_manifest(store: ObjectStore, layout: BackupLayout) -> Manifest | None:
    """The manifest, None for a backup that another tool wrote. Raises C(corrupt)."""
    key = layout.control + HEADER_NAME
    stored = store.read(key, MAX_HEADER_BYTES)
    if stored is None:
        return None
    try:
        values = json.loads(stored.body)
        if values.pop("format") != FORMAT:
            raise _corrupt(store, key, "its format is unknown to this release")
        values["shards"] = tuple((str(name), str(sha)) for name, sha in values["shards"])
        return Manifest(**values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _corrupt(store, key, f"it cannot be read: {error}") from error


def manifest_objects(store: ObjectStore, layout: BackupLayout, manifest: Manifest) -> Iterator[StoredObject]:
    """The recorded objects, shard by shard, each shard checked against its digest. Raises C(corrupt)."""
    for name, sha256 in manifest.shards:
        key = layout.control + name
        stored = store.read(key, MAX_SHARD_BYTES)
        if stored is None or digest(stored.body) != sha256:
            raise _corrupt(store, key, "the list of objects is missing" if stored is None else "it was altered")
        for line in stored.body.splitlines():
            relative, size, etag = json.loads(line)
            yield StoredObject(layout.directory + relative, size, etag)


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _corrupt(store: ObjectStore, key: str, cause: str) -> MilvusOpsError:
    return MilvusOpsError(
        "corrupt",
        "reading the integrity manifest",
        f"{store.label}/{key}",
        cause,
        next_step="use another backup; this one was altered after it was made",
    )
