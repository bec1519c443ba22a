# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups as milvus-backup wrote them over the years, made from one of ours: objects copied, metadata rewritten.

No code of the collection is used: keys and JSON are put together here from what the format's history says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from areas import BackupArea

Tree = dict[str, Any]
Groups = Callable[[int, int], int | None]
"""The group of a segment by the positions of its partition and its own: 0 for no group, None as it is."""


@dataclass(frozen=True)
class Writer:
    """One way to write a backup; C(change) alters the content of full_meta.json in place."""

    name: str
    groups: Groups
    change: Callable[[Tree], Tree]
    has_full_meta: bool = True


def write(area: BackupArea, source: str, writer: Writer) -> None:
    """The backup C(source) once more, under the writer's name and in its layout."""
    tree = json.loads(area.read(f"{area.prefix(source)}meta/full_meta.json"))
    renumbered = _regroup(tree, writer.groups)
    _copy_binlogs(area, source, writer.name, renumbered)
    tree = writer.change(tree)
    files = level_files(tree)
    if writer.has_full_meta:
        files["full_meta.json"] = tree
    for name, content in files.items():
        area.write(f"{area.prefix(writer.name)}meta/{name}", json.dumps(content, separators=(",", ":")).encode())


def _regroup(tree: Tree, groups: Groups) -> dict[str, str]:
    """Give every segment its group; the directories of the segments by their numbers."""
    directories = {}
    for collection in tree["collection_backups"]:
        for position, part in enumerate(collection["partition_backups"]):
            for number, segment in enumerate(part.get("segment_backups", [])):
                group = groups(position, number)
                segment["group_id"] = segment["group_id"] if group is None else group
                name = str(segment["segment_id"])
                directories[name] = f"{segment['group_id']}/{name}" if segment["group_id"] else name
    return directories


def _copy_binlogs(area: BackupArea, source: str, target: str, directories: dict[str, str]) -> None:
    """Ours are C(kind/collection/partition/group/segment/...)."""
    prefix, s3 = f"{area.prefix(source)}binlogs/", area.lab.s3()

    def copy(key: str) -> None:
        kind, collection, part, _group, segment, *rest = key.removeprefix(prefix).split("/")
        moved = "/".join((kind, collection, part, directories[segment], *rest))
        s3.copy_object(
            Bucket=area.lab.bucket,
            Key=f"{area.prefix(target)}binlogs/{moved}",
            CopySource={"Bucket": area.lab.bucket, "Key": key},
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(copy, area.binlogs(source)))


def level_files(tree: Tree) -> Tree:
    """What the four other files hold; the keys of the tree may be spelled in any way."""
    header = {key: value for key, value in tree.items() if not isinstance(value, (list, dict))}
    collections = _lists(tree, "collection_backups")
    parts = [part for item in collections for part in _lists(item, "partition_backups")]
    segments = [segment for part in parts for segment in _lists(part, "segment_backups")]
    return {
        "backup_meta.json": header,
        "collection_meta.json": {"infos": [_without(item, "partition_backups", "l0_segments") for item in collections]},
        "partition_meta.json": {"infos": [_without(part, "segment_backups") for part in parts]},
        "segment_meta.json": {"infos": segments},
    }


def _lists(node: Tree, key: str) -> list[Tree]:
    return next((value for own, value in node.items() if own.lower() == key), None) or []


def _without(node: Tree, *keys: str) -> Tree:
    return {key: value for key, value in node.items() if key.lower() not in keys}


def _segments(tree: Tree) -> Iterator[Tree]:
    for collection in tree["collection_backups"]:
        for part in collection["partition_backups"]:
            yield from part.get("segment_backups", [])


def as_today(tree: Tree) -> Tree:
    """0.5.4 and later: no entry of ours; one empty one for a segment without deletes."""
    for segment in _segments(tree):
        segment.setdefault("deltalogs", [{}])
    return tree


def as_before_0_5_4(tree: Tree) -> Tree:
    """No ids of logs, which the keys end with; deletes have an entry for each log, with its id as a field's."""
    for segment in _segments(tree):
        deletes = [log for entry in segment.get("deltalogs", []) for log in entry.get("binlogs", [])]
        segment["deltalogs"] = [{"fieldID": log["log_id"], "binlogs": [log]} for log in deletes] or [{}]
        for entry in (*segment["binlogs"], *segment["deltalogs"]):
            for log in entry.get("binlogs", []):
                del log["log_id"]
        segment["backuped"] = True
    return {**tree, "state_code": 2, "start_time": 1, "end_time": 2, "progress": 100}


def as_before_0_3_1(tree: Tree) -> Tree:
    """Neither databases nor what later versions of the server have; collections have no id of a backup."""
    unknown = (
        *("id", "db_name", "db_id", "properties", "aliases", "created_timestamp"),
        *("virtual_channel_names", "physical_channel_names", "backup_physical_timestamp"),
    )
    tree = as_before_0_5_4(tree)
    collections = [_without(collection, *unknown) for collection in tree["collection_backups"]]
    return {**_without(tree, "database_backups", "size"), "collection_backups": collections, "state_code": 2}


def as_any_reader_takes_it(tree: Tree) -> Tree:
    """Keys in another case, null for whatever is not there, a state of failure: Go reads that, whoever wrote it."""
    absent = {
        *("rbac_meta", "format", "rpc_channel_info", "statslogs", "deltalogs", "l0_segments", "aliases", "v_channel"),
        *("functions", "struct_array_fields", "storage_version", "is_l0", "index_params", "default_value_base64"),
    }

    def odd(value: Any) -> Any:
        if isinstance(value, list):
            return [odd(item) for item in value]
        if not isinstance(value, dict) or "metric_type" in value:
            return value
        nulls = dict.fromkeys(absent - value.keys()) if "key" not in value else {}
        return {key.swapcase(): odd(item) for key, item in {**value, **nulls}.items()}

    return {**odd(tree), "STATE_CODE": 3}


def in_pairs(partition: int, segment: int) -> int:
    """As many segments as fit went into one group, counted from 1 in each partition (0.1.0 to 0.4.3)."""
    return 1 + segment // 2


def without_groups(partition: int, segment: int) -> int:
    """A partition that fitted into one group had none."""
    return 0


def in_the_second_partition(partition: int, segment: int) -> int:
    return in_pairs(partition, segment) if partition else 0


def as_it_is(partition: int, segment: int) -> None:
    return None


CURRENT = Writer("current", as_it_is, as_today)
PACKED = Writer("packed", in_pairs, as_before_0_5_4)
FLAT = Writer("flat", without_groups, as_before_0_5_4)
MIXED = Writer("mixed", in_the_second_partition, as_before_0_5_4)
LEVELS = Writer("levels", in_the_second_partition, as_before_0_3_1, has_full_meta=False)
ODD = Writer("odd", as_it_is, as_any_reader_takes_it)
WRITERS = (CURRENT, PACKED, FLAT, LEVELS, ODD)
