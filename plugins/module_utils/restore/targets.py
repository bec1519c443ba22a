# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which collection of a backup becomes which collection of the target: rename first, suffix for the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import MilvusOpsError, usage_error
from ..milvus.collection_name import DEFAULT_DATABASE, CollectionName
from ..naming import MAX_NAME_LENGTH

OPERATION = "reading the names of the targets"
_PART = r"[A-Za-z_][A-Za-z0-9_]*"
_RULE_SIDE = re.compile(rf"(?:({_PART})\.)?({_PART}|\*)")
_NAME = re.compile(_PART)
"""What a server takes; the name in a backup may be anything."""

_SUFFIX = re.compile(r"[A-Za-z0-9_]*")
ANY = "*"


@dataclass(frozen=True)
class Naming:
    """C(renames) maps C(db.coll) to C(db.coll), or C(db.*) to C(db.*)."""

    renames: Mapping[CollectionName, CollectionName]
    suffix: str

    def target_of(self, source: CollectionName) -> CollectionName:
        """An exact rename wins over one of a whole database, any rename over the suffix."""
        exact = self.renames.get(source)
        if exact is not None:
            return exact
        database = self.renames.get(CollectionName(source.database, ANY))
        if database is not None:
            return CollectionName(database.database, source.name)
        return CollectionName(source.database, source.name + self.suffix)


def read_naming(renames: Mapping[str, str], suffix: str) -> Naming:
    """Read O(rename) and O(suffix). Raises usage errors that show the entry."""
    if not _SUFFIX.fullmatch(suffix):
        raise usage_error(
            OPERATION, f"suffix={suffix!r}", "it has other characters than letters, digits and _", "correct suffix"
        )
    rules: dict[CollectionName, CollectionName] = {}
    for entry, wanted in renames.items():
        old = _side(str(entry))
        if old in rules:
            raise usage_error(OPERATION, f"rename: {entry}", "another entry names the same collection", "keep one")
        rules[old] = _side("" if wanted is None else str(wanted))
    for old, new in rules.items():
        if (old.name == ANY) != (new.name == ANY):
            raise usage_error(
                OPERATION,
                f"rename: {old.database}.{old.name}",
                "one side is a whole database, the other a collection",
                "write db1.*: db2.*",
            )
    return Naming(rules, suffix)


def map_targets(sources: Sequence[CollectionName], naming: Naming) -> dict[CollectionName, CollectionName]:
    """Source to target.

    Raises for two sources to one target, what no server takes as a name, and a rename that matches nothing.
    """
    targets: dict[CollectionName, CollectionName] = {}
    taken: dict[CollectionName, CollectionName] = {}
    for source in sources:
        target = naming.target_of(source)
        if target in taken:
            raise usage_error(
                OPERATION, str(target), f"{taken[target]} and {source} would both become it", "correct rename or suffix"
            )
        if len(target.name) > MAX_NAME_LENGTH:
            raise usage_error(
                OPERATION, str(target), f"the name is longer than {MAX_NAME_LENGTH} characters", "use a shorter name"
            )
        if not (_NAME.fullmatch(target.name) and _NAME.fullmatch(target.database)):
            raise usage_error(
                OPERATION, repr(str(target)), "this cannot be the name of a collection", "leave it out of collections"
            )
        targets[source] = target
        taken[target] = source
    _refuse_idle_rules(sources, naming)
    return targets


def _refuse_idle_rules(sources: Sequence[CollectionName], naming: Naming) -> None:
    for old in naming.renames:
        if not any(old in (source, CollectionName(source.database, ANY)) for source in sources):
            raise MilvusOpsError(
                "not_found",
                OPERATION,
                f"rename: {old}",
                "no selected collection has this name",
                next_step="correct rename or collections",
            )


def _side(text: str) -> CollectionName:
    match = _RULE_SIDE.fullmatch(text.strip())
    if not match or (match[2] == ANY and not match[1]):
        raise usage_error(
            OPERATION, f"rename: {text!r}", "this is not the name of a collection", "write coll, db.coll or db.*"
        )
    return CollectionName(match[1] or DEFAULT_DATABASE, match[2])
