# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers export from snapshots: below one folder a metadata file, a manifest for each segment, and all else.

The folder may be moved as a whole: the server finds it by the C(snapshots/) in the path of the metadata file. What the
manifests name is in a form of the server's own, so that numbers are all there is to see whether something is missing.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import MilvusOpsError
from ..store.base import ObjectStore, StoredObject
from .layout import BackupLayout

if TYPE_CHECKING:
    from .manifest import BackupMeta, CollectionMeta

MAX_METADATA_BYTES = 1 << 30
UNPUBLISHED = "_staging/"
"""Below the folder: what the server keeps of the metadata file until it is in its place, and removes when it can."""

_PART = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"
_METADATA = re.compile(rf"(bundle/(?:{_PART}/)*)snapshots/([0-9]{{1,19}})/metadata/([0-9]{{1,19}})\.json")
_MANIFEST = re.compile(r"(?:.*/)?(snapshots/[0-9]{1,19}/manifests/[0-9]{1,19}/[0-9]{1,19}\.avro)")


@dataclass(frozen=True)
class BundleFinding:
    """What is missing of the bundles of a backup, by key or in words; C(objects) is all that lies there."""

    objects: tuple[StoredObject, ...]
    missing: tuple[str, ...]
    lacking: tuple[str, ...]


def is_metadata_path(path: str) -> bool:
    return _METADATA.fullmatch(path) is not None


def bundle_root(path: str) -> str:
    """The folder, below the directory of the backup, that holds all of the snapshot whose metadata file this is."""
    match = _METADATA.fullmatch(path)
    if match is None:
        raise ValueError(f"{path!r} is no metadata file of a bundle")
    return match[1]


def published(layout: BackupLayout, listed: Iterable[StoredObject]) -> Iterator[StoredObject]:
    """Without what the server has not published yet, or not removed yet."""
    return (item for item in listed if f"/{UNPUBLISHED}" not in item.key.removeprefix(layout.directory))


def examine_bundles(store: ObjectStore, layout: BackupLayout, backup: BackupMeta) -> BundleFinding:
    """Compare what lies there with what the metadata say. Raises C(corrupt) for a metadata file that cannot be read."""
    found: dict[str, StoredObject] = {}
    missing: list[str] = []
    lacking: list[str] = []
    for root, collections in _by_root(backup).items():
        listed = {item.key: item for item in published(layout, store.list_objects(layout.directory + root))}
        for collection in collections:
            missing += [key for key in _named(store, layout, root, collection) if key not in listed]
        lacking += _shortfall(layout.directory + root, collections, listed.values())
        found.update(listed)
    return BundleFinding(tuple(found[key] for key in sorted(found)), tuple(missing), tuple(lacking))


def _by_root(backup: BackupMeta) -> dict[str, list[CollectionMeta]]:
    """Several collections may lie below one folder, where the server was given one for all."""
    held: dict[str, list[CollectionMeta]] = defaultdict(list)
    for collection in backup.collections:
        if collection.snapshot is not None:
            held[bundle_root(collection.snapshot.path)].append(collection)
    return held


def _shortfall(place: str, collections: list[CollectionMeta], listed: Collection[StoredObject]) -> Iterator[str]:
    """The server counts what it exported; more may lie there, of an export that it had begun before."""
    wanted = [collection.snapshot for collection in collections if collection.snapshot is not None]
    files, size = sum(item.files for item in wanted), sum(item.bytes for item in wanted)
    have = sum(item.size for item in listed)
    if len(listed) < files:
        yield f"{place} holds {len(listed)} objects, and {files} were exported"
    if have < size:
        yield f"{place} holds {have} bytes, and {size} were exported"


def _named(store: ObjectStore, layout: BackupLayout, root: str, collection: CollectionMeta) -> Iterator[str]:
    """The keys that are known: the metadata file, and the manifests of the segments that it lists."""
    if collection.snapshot is None:
        return
    key = layout.directory + collection.snapshot.path
    yield key
    stored = store.read(key, MAX_METADATA_BYTES)
    if stored is None:
        return
    values = _parsed(f"{store.label}/{key}", stored.body)
    own = _metadata_of(values, "snapshot_info")
    match = _METADATA.fullmatch(collection.snapshot.path)
    for name, wanted in (("collection_id", collection.collection_id), ("id", int(match[3]) if match else 0)):
        if str(own.get(name, wanted)) != str(wanted):
            raise _damaged(f"{store.label}/{key}", f"its {name} is {own[name]!r:.80}, and {wanted} was exported")
    for path in values.get("manifest_list") or ():
        manifest = _MANIFEST.fullmatch(str(path))
        if manifest is None:
            raise _damaged(f"{store.label}/{key}", f"it lists {path!r:.200}, which is no manifest of a segment")
        yield f"{layout.directory}{root}{manifest[1]}"


def _parsed(where: str, body: bytes) -> Mapping[str, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _damaged(where, f"it is not JSON: {error}") from error
    if not isinstance(values, dict) or not isinstance(values.get("manifest_list") or [], list):
        raise _damaged(where, "it is not the metadata of a snapshot")
    return values


def _metadata_of(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    own = values.get(name)
    return own if isinstance(own, dict) else {}


def _damaged(where: str, cause: str) -> MilvusOpsError:
    return MilvusOpsError(
        "corrupt",
        "verifying the snapshot",
        where,
        cause,
        next_step="restore this object from another copy, or use another backup",
    )
