# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In what two collections differ, as milvus_collection_info describes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..module_utils.milvus.collection_name import CollectionName

Collection = Mapping[str, Any]


def collection_drift(
    pairs: Sequence[Mapping[str, str]], source: Sequence[Collection], target: Sequence[Collection]
) -> list[dict[str, Any]]:
    sources, targets = _by_name(source), _by_name(target)
    return [_compare(pair, sources.get(pair["source"]), targets.get(pair["target"])) for pair in pairs]


def _compare(pair: Mapping[str, str], source: Collection | None, target: Collection | None) -> dict[str, Any]:
    if source is None or target is None:
        side = "source" if source is None else "target"
        return {**pair, "rows": None, "idle": [], "differences": [f"it is not on the {side}"]}
    idle = [side for side, it in (("source", source), ("target", target)) if it["count_method"] != "count"]
    data = _not_compared(idle) if idle else _data(source, target)
    return {**pair, "rows": source["rows"], "idle": idle, "differences": [*data, *_definition(source, target)]}


def _not_compared(idle: Sequence[str]) -> list[str]:
    where = " and on the ".join(idle)
    return [f"rows were not compared, the collection is not loaded on the {where}: load it there and compare again"]


def _data(source: Collection, target: Collection) -> list[str]:
    found = []
    if source["rows"] != target["rows"]:
        found.append(f"rows: {source['rows']} and {target['rows']}")
    if source["checksum"] is None or target["checksum"] is None:
        found.append("checksums were not compared, there are none")
    elif source["checksum"] != target["checksum"]:
        found.append("checksum of the rows")
    return found


def _definition(source: Collection, target: Collection) -> list[str]:
    found = []
    if source["schema"] != target["schema"]:
        found.append("schema")
    if _indexes(source) != _indexes(target):
        found.append("indexes")
    here, there = set(source["partitions"]), set(target["partitions"])
    if here != there:
        found.append(f"partitions: {', '.join(sorted(here ^ there))} only on one side")
    if source["load_state"] != target["load_state"]:
        found.append(f"load state: {source['load_state']} and {target['load_state']}")
    return found


def _indexes(collection: Collection) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """The indexes without the state of their build."""
    return sorted(
        (
            str(index["field"]),
            str(index["name"]),
            sorted((str(key), str(value)) for key, value in index["params"].items()),
        )
        for index in collection["indexes"]
    )


def _by_name(collections: Sequence[Collection]) -> dict[str, Collection]:
    return {str(CollectionName(it["database"], it["name"])): it for it in collections}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"collection_drift": collection_drift}
