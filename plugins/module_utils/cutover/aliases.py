# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aliases that a cut-over lets lead to other collections, and back to where they led."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError, leaving
from ..milvus import catalog, ddl
from ..milvus.collection_name import CollectionName
from ..milvus.server import Server
from ..restore.aliases import set_alias
from .record import RecordPlace, read_record, require_own, write_record
from .rights import NO_SERVER

RECORD_FILE = "aliases.json"
SWITCHED, BACK = "switched", "back"
STATES = (SWITCHED, BACK)


@dataclass(frozen=True, order=True)
class AliasMove:
    """An alias of C(database): it led to the collection C(before) ('' for nowhere), and is to lead to C(after)."""

    database: str
    alias: str
    before: str
    after: str

    def line(self, leads_to: str) -> str:
        return f"{CollectionName(self.database, self.alias)} -> {leads_to or 'nowhere'}"


@dataclass(frozen=True)
class AliasRecord:
    """C(target) is where the data of the instance lie."""

    target: str
    moves: tuple[AliasMove, ...] = ()

    def to_json(self) -> dict[str, Any]:
        moves = [[move.database, move.alias, move.before, move.after] for move in self.moves]
        return {"target": self.target, "moves": moves}


@dataclass(frozen=True)
class AliasPlan:
    """C(now) are the moves to make, by where each alias leads now; C(left) says which are left alone, and why."""

    record: AliasRecord
    now: tuple[tuple[AliasMove, str], ...] = ()
    left: tuple[str, ...] = ()


def parse_aliases(values: Mapping[str, Any]) -> AliasRecord:
    moves = tuple(AliasMove(*(str(part) for part in move)) for move in values["moves"])
    return AliasRecord(str(values["target"]), moves)


class AliasSide:
    """The aliases of the target of one cut-over."""

    def __init__(self, server: Server, place: RecordPlace, target: str) -> None:
        self._server = server
        self._place = place
        found, self._etag = read_record(place, parse_aliases)
        self._record = found or AliasRecord(target)
        require_own(place, "target", self._record.target, target)

    def plan_switch(self, wanted: Iterable[tuple[str, CollectionName]]) -> AliasPlan:
        """Raises C(not_found) and C(target_exists) before anything is changed."""
        known = {(move.database, move.alias): move for move in self._record.moves}
        now = []
        for alias, collection in wanted:
            self._require_collection(collection)
            owner = self._owner(collection.database, alias)
            recorded = known.get((collection.database, alias))
            before = recorded.before if recorded else owner
            move = AliasMove(collection.database, alias, before, collection.name)
            if owner != collection.name:
                now.append((move, owner))
                known[(move.database, move.alias)] = move
        return AliasPlan(AliasRecord(self._record.target, tuple(sorted(known.values()))), tuple(now))

    def plan_back(self) -> AliasPlan:
        """One that somebody has moved since is left alone."""
        now, left = [], []
        for move in self._record.moves:
            owner = self._owner(move.database, move.alias)
            if owner == move.after:
                now.append((move, owner))
            elif owner != move.before:
                left.append(
                    f"alias {move.line(owner)}: the cut-over let it lead to {move.after}, somebody moved it since"
                )
        return AliasPlan(self._record, tuple(now), tuple(left))

    def switch(self, plan: AliasPlan) -> None:
        if plan.record != self._record:
            self._etag = write_record(self._place, plan.record.to_json(), self._etag)
        for number, (move, owner) in enumerate(plan.now):
            let_lead = ddl.move_alias if owner else set_alias
            with leaving(_left(number, plan)):
                let_lead(self._server, CollectionName(move.database, move.after), move.alias)

    def bring_back(self, plan: AliasPlan) -> None:
        """Raises the first failure at the end: a collection that is gone keeps no other alias from coming back."""
        done = 0
        first: MilvusOpsError | None = None
        for move, _owner in plan.now:
            try:
                self._bring_back(move)
                done += 1
            except MilvusOpsError as error:
                first = first or error
                if error.kind in NO_SERVER:
                    break
        if first is not None:
            with leaving(_left(done, plan)):
                raise first

    def _bring_back(self, move: AliasMove) -> None:
        if move.before:
            ddl.move_alias(self._server, CollectionName(move.database, move.before), move.alias)
        else:
            ddl.drop_alias(self._server, move.database, move.alias)

    def _owner(self, database: str, alias: str) -> str:
        """The collection that an alias leads to, '' for none."""
        found = catalog.find_collection(self._server, CollectionName(database, alias))
        if found is not None and found.name.name == alias:
            raise MilvusOpsError(
                "target_exists",
                "looking at an alias",
                str(CollectionName(database, alias)),
                "a collection has this name",
                next_step="choose another alias, or rename the collection",
            )
        return found.name.name if found else ""

    def _require_collection(self, name: CollectionName) -> None:
        found = catalog.find_collection(self._server, name)
        if found is None or found.name != name:
            raise MilvusOpsError(
                "not_found",
                "looking at the collection of an alias",
                str(name),
                "there is no such collection" if found is None else f"it is an alias itself, of {found.name}",
                next_step="name the collection that the alias is to lead to",
            )


def _left(number: int, plan: AliasPlan) -> str:
    return f"{number} of {len(plan.now)} aliases lead elsewhere now; the next run goes on, or leads them back"
