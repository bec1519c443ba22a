# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which collections a task means: C(coll), C(db.coll), C(db.*), and C(*.*) for everything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import MilvusOpsError, usage_error
from .collection_name import DEFAULT_DATABASE, CollectionName

ANY = "*"
_PART = r"[A-Za-z_][A-Za-z0-9_]*"
_PATTERN = re.compile(rf"(?:({_PART}|\*)\.)?({_PART}|\*)")


@dataclass(frozen=True)
class Pattern:
    """One entry of a selection; C(*) stands for all databases or all collections of one."""

    database: str
    name: str

    def __str__(self) -> str:
        return f"{self.database}.{self.name}"

    def matches(self, name: CollectionName) -> bool:
        return self.database in (ANY, name.database) and self.name in (ANY, name.name)


def parse_patterns(entries: Sequence[str], option: str) -> tuple[Pattern, ...]:
    """Read a selection. Raises usage errors for an empty one: nothing must never mean everything."""
    given = [entry.strip() for entry in entries if entry and entry.strip()]
    if not given:
        raise usage_error(
            "reading the selection",
            option,
            "no collection is selected",
            f"name the collections in {option}; everything is spelled '*.*'",
        )
    return tuple(_parse(entry, option) for entry in given)


def parse_exclusions(entries: Sequence[str], option: str) -> tuple[Pattern, ...]:
    """As C(parse_patterns), but an empty list excludes nothing."""
    return tuple(_parse(entry.strip(), option) for entry in entries if entry and entry.strip())


def matching(
    names: Iterable[CollectionName], patterns: Sequence[Pattern], exclude: Sequence[Pattern]
) -> list[CollectionName]:
    """The names that a selection means, each once, in order. Raises not_found for a pattern that matches nothing."""
    everything = sorted(set(names))
    for pattern in patterns:
        if not any(pattern.matches(name) for name in everything):
            raise _nothing_matches(pattern, everything)
    chosen = [
        name
        for name in everything
        if any(pattern.matches(name) for pattern in patterns) and not any(pattern.matches(name) for pattern in exclude)
    ]
    if not chosen:
        raise usage_error(
            "reading the selection", "exclude", "everything that was selected is excluded", "correct exclude"
        )
    return chosen


def _parse(entry: str, option: str) -> Pattern:
    match = _PATTERN.fullmatch(entry)
    if not match or (match[1] is None and match[2] == ANY) or (match[1] == ANY and match[2] != ANY):
        raise usage_error(
            "reading the selection",
            f"{option}: {entry!r}",
            "this is not the name of a collection",
            "write coll, db.coll, db.* for one database, or '*.*' for everything",
        )
    return Pattern(match[1] or DEFAULT_DATABASE, match[2])


def _nothing_matches(pattern: Pattern, names: Sequence[CollectionName]) -> MilvusOpsError:
    shown = ", ".join(str(name) for name in names[:10]) or "none"
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return MilvusOpsError(
        "not_found",
        "selecting collections",
        str(pattern),
        f"no collection matches; there are: {shown}{more}",
        next_step="correct the name of the collection or of its database",
    )
