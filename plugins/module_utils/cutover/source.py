# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a cut-over is, as its source knows it: closed for writes, verified, done, opening, or open again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import MilvusOpsError, usage_error
from ..milvus import rbac_changes
from ..milvus.rbac import Grant, Membership
from ..milvus.server import Server
from . import rights
from .record import RecordPlace, read_record, require_own, write_record
from .rights import NO_RIGHTS, Rights, Writers

RECORD_FILE = "source.json"
NONE, CLOSED, VERIFIED, DONE, OPENING, OPEN = "none", "closed", "verified", "done", "opening", "open"
FORWARD = (CLOSED, VERIFIED, DONE)
STATES = (*FORWARD, OPEN)
PHASES = (*STATES, OPENING)
"""C(opening) is written before the first right is given back: from then on nothing that was verified holds any more."""


@dataclass(frozen=True)
class SourceRecord:
    """C(source) is where the data of the instance lie; C(taken) what users and roles have lost."""

    source: str
    phase: str
    taken: Rights = NO_RIGHTS

    def to_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "phase": self.phase,
            "grants": [grant.to_json() for grant in sorted(self.taken.grants)],
            "members": [[member.user, member.role] for member in sorted(self.taken.members)],
        }


@dataclass(frozen=True)
class SourceChange:
    """What one run does: C(now) are the rights that it takes away, or gives back."""

    before: SourceRecord
    after: SourceRecord
    now: Rights = NO_RIGHTS
    can_still_write: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.now) or self.before != self.after


def parse_source(values: Mapping[str, Any]) -> SourceRecord:
    phase = str(values["phase"])
    if phase not in PHASES:
        raise ValueError(f"there is no phase {phase!r}")
    grants = frozenset(
        Grant(
            role=item["role"]["name"],
            object_type=item["object"]["name"],
            object_name=item["object_name"],
            privilege=item["grantor"]["privilege"]["name"],
            database=item["db_name"],
        )
        for item in values["grants"]
    )
    members = frozenset(Membership(user, role) for user, role in values["members"])
    return SourceRecord(str(values["source"]), phase, Rights(grants, members))


class SourceSide:
    """The source of one cut-over; C(source) says where its data lie, which is what tells two sources apart."""

    def __init__(self, server: Server, place: RecordPlace, source: str) -> None:
        self._server = server
        self._place = place
        found, self._etag = read_record(place, parse_source)
        self._recorded = found is not None
        self.record = found or SourceRecord(source, NONE)
        require_own(place, "source", self.record.source, source)

    def plan(self, state: str, writers: Writers) -> SourceChange:
        """What to do for a state. Raises before anything is changed where it cannot be reached."""
        if state == OPEN:
            return self._plan_open()
        self._require_not_reopened()
        if state == CLOSED:
            return self._plan_closed(writers)
        if self.record.phase == NONE:
            raise usage_error(
                f"noting that the cut-over is {state}", self._place.label, "it has not begun", "run state: closed first"
            )
        phase = max(self.record.phase, state, key=FORWARD.index)
        return SourceChange(self.record, replace(self.record, phase=phase))

    def execute(self, change: SourceChange) -> None:
        """The record is written before rights change, and once more when all are given back."""
        if change.before.phase != change.after.phase == OPEN:
            self._write(replace(change.after, phase=OPENING))
            rights.give_back(self._server, change.now)
        if change.before != change.after:
            self._write(change.after)
        if change.after.phase != OPEN:
            rights.take_away(self._server, change.now)

    def _write(self, record: SourceRecord) -> None:
        self._etag = write_record(self._place, record.to_json(), self._etag)

    def _plan_open(self) -> SourceChange:
        if self.record.phase in (NONE, OPEN):
            return SourceChange(self.record, self.record)
        back = rights.missing(self._server, self.record.taken) if self.record.taken else NO_RIGHTS
        self._require_right_to_change(back)
        return SourceChange(self.record, replace(self.record, phase=OPEN), back)

    def _plan_closed(self, writers: Writers) -> SourceChange:
        self._require_no_other()
        phase = self.record.phase if self.record.phase in FORWARD else CLOSED
        if not writers.users and not writers.roles:
            return SourceChange(self.record, replace(self.record, phase=phase))
        rights.require_authorization(self._server.options)
        access = rights.read_access(self._server, writers.privileges)
        now = rights.rights_to_take(access, writers, rights.login_of(self._server.options))
        self._require_right_to_change(now)
        if now and phase == VERIFIED:  # somebody gave rights again, and may have written since
            phase = CLOSED
        after = replace(self.record, phase=phase, taken=self.record.taken | now)
        return SourceChange(self.record, after, now, tuple(rights.still_writing(access, now)))

    def _require_right_to_change(self, now: Rights) -> None:
        needed = {rbac_changes.CHANGE_GRANTS: now.grants, rbac_changes.CHANGE_MEMBERS: now.members}
        rbac_changes.require_right_to(self._server, [method for method, items in needed.items() if items])

    def _require_not_reopened(self) -> None:
        if self.record.phase in (OPENING, OPEN):
            raise MilvusOpsError(
                "name_in_use",
                "continuing the cut-over",
                self._place.label,
                "it is being rolled back, or was: its source takes writes again, and its backup is from before them",
                next_step="see that the roll-back is complete (state: open), then begin another one with a fresh name",
            )

    def _require_no_other(self) -> None:
        """Another cut-over that has closed this source holds what it lost, and this one would not know of it."""
        for place in self._place.others():
            other, _etag = read_record(place, parse_source)
            if other is not None and other.source == self.record.source and other.phase != OPEN:
                raise MilvusOpsError(
                    "name_in_use",
                    "beginning the cut-over",
                    place.label,
                    f"the cut-over {place.name} of this source is {other.phase}",
                    next_step=f"go on with that one, or roll it back (state: open, name: {place.name})",
                )
