# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which collection of a source becomes which collection of a target, by the rules of milvus_restore."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.errors import MilvusOpsError
from ..module_utils.milvus.collection_name import CollectionName
from ..module_utils.milvus.selection import parse_exclusions
from ..module_utils.restore.targets import map_targets, read_naming


def migrated_pairs(
    collections: Sequence[Mapping[str, Any]],
    suffix: str = "",
    rename: Mapping[str, str] | None = None,
    exclude: Sequence[str] = (),
) -> list[dict[str, str]]:
    names = [CollectionName(str(item["database"]), str(item["name"])) for item in collections]
    try:
        excluded = parse_exclusions(exclude, "exclude")
        kept = [name for name in names if not any(pattern.matches(name) for pattern in excluded)]
        targets = map_targets(kept, read_naming(rename or {}, suffix))
    except MilvusOpsError as error:
        raise AnsibleFilterError(str(error)) from None
    return [{"source": str(source), "target": str(target)} for source, target in targets.items()]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"migrated_pairs": migrated_pairs}
