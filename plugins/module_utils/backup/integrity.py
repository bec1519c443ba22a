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
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..errors import MilvusOpsError
from ..store.base import ObjectStore, StoredObject
from .layout import BackupLayout

FORMAT = 1
SHARD_OBJECTS = 20_000
MAX_HEADER_BYTES = 64 << 20
MAX_SHARD_BYTES = 64 << 20
MAX_META_BYTES = 1 << 30
HEADER_NAME = "manifest.json"
SHARD_NAME = re.compile(r"objects-[0-9]{5,9}\.jsonl")
SEAL = b', "sha256": "%s"}'
SEALED = re.compile(rb', "sha256": "([0-9a-f]{64})"}')
NEXT_HEADER_NAME = "manifest-next.json"
"""Beside the first one while the commit of a partial backup is being replaced."""


@dataclass(frozen=True)
class Manifest:
    """C(request) is what the backup was asked for; C(created) Unix seconds; C(meta) file name to SHA-256.

    C(skipped) maps a collection that could not be backed up to the cause. C(superseded) are the digests of the level
    files before the last exchange: they may still be in place if a run died during it.
    """

    backup_id: str
    name: str
    request: Mapping[str, Any]
    created: int
    tool_version: str
    objects: int
    bytes: int
    meta: Mapping[str, str]
    shards: tuple[tuple[str, str], ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    superseded: Mapping[str, str] = field(default_factory=dict)


def encode_manifest(manifest: Manifest) -> bytes:
    """With a digest of its own at the end: everything else of a backup has its digest in here."""
    body = json.dumps({"format": FORMAT, **vars(manifest)}).encode()
    return body[:-1] + SEAL % digest(body).encode()


def _unsealed(body: bytes) -> bytes:
    """The header as it was before its digest was added. Raises ValueError if it is not as it was written.

    One without a digest is taken as it is; a damaged digest is not: it is a value that the header cannot have.
    """
    end = len(body) - len(SEAL % bytes(64))
    written = body[: max(0, end)] + b"}"
    found = SEALED.fullmatch(body[max(0, end) :])
    if found is not None and found[1].decode() != digest(written):
        raise ValueError("it is not as it was written")
    return body if found is None else written


def knows(manifest: Manifest, name: str, body: bytes) -> bool:
    """Whether a meta file is as it was written, or as it was before the last exchange."""
    return digest(body) in (manifest.meta.get(name), manifest.superseded.get(name))


def write_manifest(
    put: Callable[[str, bytes], object],
    layout: BackupLayout,
    objects: Iterable[StoredObject],
    *,
    header_name: str,
    backup_id: str,
    request: Mapping[str, Any],
    created: int,
    tool_version: str,
    meta: Mapping[str, bytes],
    skipped: Mapping[str, str],
    previous: Manifest | None,
) -> Manifest:
    """Write shards, then the header, by C(put), and return it. C(objects) in the order of the listing.

    The shards of C(previous) are left as they are: it holds until the commit is replaced.
    """
    first_shard = 1 + max((_shard_number(name) for name, _sha in previous.shards), default=-1) if previous else 0
    shards: list[tuple[str, str]] = []
    count = size = 0
    remaining = iter(objects)
    while batch := list(islice(remaining, SHARD_OBJECTS)):
        count, size = count + len(batch), size + sum(item.size for item in batch)
        body = "\n".join(_line(layout, item) for item in batch).encode()
        name = f"objects-{first_shard + len(shards):05d}.jsonl"
        put(layout.control + name, body)
        shards.append((name, digest(body)))
    manifest = Manifest(
        backup_id=backup_id,
        name=layout.name,
        request=request,
        created=created,
        tool_version=tool_version,
        objects=count,
        bytes=size,
        meta={name: digest(meta[name]) for name in meta},  # one of them in memory at a time
        shards=tuple(shards),
        skipped=skipped,
        superseded={name: sha for name, sha in previous.meta.items() if name != "full_meta.json"} if previous else {},
    )
    put(layout.control + header_name, encode_manifest(manifest))
    return manifest


def read_manifest(store: ObjectStore, layout: BackupLayout, full_meta: bytes) -> Manifest | None:
    """The manifest that belongs to a commit object, None for a backup that another tool wrote. Raises C(corrupt)."""
    manifest = _read_header(store, layout.control + HEADER_NAME)
    if manifest is None or knows(manifest, "full_meta.json", full_meta):
        return manifest
    following = _read_header(store, layout.control + NEXT_HEADER_NAME)
    return following if following is not None and knows(following, "full_meta.json", full_meta) else manifest


def _read_header(store: ObjectStore, key: str) -> Manifest | None:
    stored = store.read(key, MAX_HEADER_BYTES)
    if stored is None:
        return None
    try:
        values = json.loads(_unsealed(stored.body))
        if values.pop("format") != FORMAT:
            raise _corrupt(store, key, "its format is unknown to this release")
        values["shards"] = tuple((str(name), str(sha)) for name, sha in values["shards"])
        manifest = Manifest(**values)
        _require_types(manifest)
        return manifest
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _corrupt(store, key, f"it cannot be read: {error}") from error


def manifest_objects(store: ObjectStore, layout: BackupLayout, manifest: Manifest) -> Iterator[StoredObject]:
    """The recorded objects, shard by shard, each shard checked against its digest. Raises C(corrupt)."""
    for name, sha256 in manifest.shards:
        key = layout.control + name
        stored = store.read(key, MAX_SHARD_BYTES)
        if stored is None or digest(stored.body) != sha256:
            raise _corrupt(store, key, "the list of objects is missing" if stored is None else "it was altered")
        for line in stored.body.splitlines():
            yield _recorded(store, layout, key, line)


def _shard_number(name: str) -> int:
    return int(name.removeprefix("objects-").removesuffix(".jsonl"))


def _require_types(manifest: Manifest) -> None:
    """Raise TypeError for a value that is not of the type that it is used as."""
    for name, _sha in manifest.shards:
        if not SHARD_NAME.fullmatch(name):
            raise TypeError(f"a shard is named {name!r:.80}")
    for name in ("created", "objects", "bytes"):
        number = getattr(manifest, name)
        if not isinstance(number, int) or isinstance(number, bool):
            raise TypeError(f"{name} is {number!r:.80}")
    for name in ("request", "meta", "skipped", "superseded"):
        if not isinstance(getattr(manifest, name), dict):
            raise TypeError(f"{name} is {getattr(manifest, name)!r:.80}")


def _line(layout: BackupLayout, item: StoredObject) -> str:
    """Key, size and ETag; the MD5 too where no ETag is one."""
    values = [item.key.removeprefix(layout.directory), item.size, item.etag]
    return json.dumps([*values, item.md5] if item.md5 else values)


def _recorded(store: ObjectStore, layout: BackupLayout, key: str, line: bytes) -> StoredObject:
    try:
        relative, size, etag, *md5 = json.loads(line)
        return StoredObject(layout.directory + relative, int(size), str(etag), *map(str, md5))
    except (ValueError, TypeError) as error:
        raise _corrupt(store, key, f"a line of it cannot be read: {error}") from error


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
