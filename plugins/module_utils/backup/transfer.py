# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing the objects of a plan to their place: rounds of one listing each, until it shows exactly the plan.

A round walks the plan and the listing side by side, both in order, and copies what is missing while it lists on. So
memory holds the plan and one page of the listing, and the last round, which finds nothing to do, is the verification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from heapq import merge
from operator import attrgetter

from ..errors import MilvusOpsError
from ..progress import BYTES, OBJECTS, Progress, Step
from ..store.base import StoredObject
from ..store.copy import Copy, CopyRun, CopyTotals
from .inventory import Place
from .packed import Etags
from .plan import CollectionPlan, Source, copies_in_order
from .verify import side_by_side

ROUNDS = 4
"""Two are normal, more follow a compaction."""

SHOWN_OBJECTS = 10


@dataclass
class Survey:
    """What one round found: how many objects were right, what was not, and the ETags of all, in the plan's order."""

    found: int = 0
    lacking: int = 0
    sample: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    etags: Etags = field(default_factory=Etags)

    @property
    def clean(self) -> bool:
        return not self.lacking and not self.unexpected

    def note_lacking(self, key: str) -> None:
        self.lacking += 1
        if len(self.sample) < SHOWN_OBJECTS:
            self.sample.append(key)

    def describe(self) -> str:
        lacking, unexpected = (self.lacking, "missing or altered", self.sample), self.unexpected
        parts = (lacking, (len(unexpected), "unexpected", unexpected))
        return "; ".join(f"{count} {what}: {', '.join(keys[:SHOWN_OBJECTS])}" for count, what, keys in parts if count)


@dataclass(frozen=True)
class Brought:
    """What was copied, how many objects were right before, and what lies there now, in order and to be read again."""

    copied: CopyTotals
    kept: int
    stored: Iterable[StoredObject]


@dataclass(frozen=True)
class _Stored:
    """The objects of the plan with the ETags that the last listing showed."""

    expected: Callable[[], Iterator[Copy]]
    etags: Etags

    def __iter__(self) -> Iterator[StoredObject]:
        for position, copy in enumerate(self.expected()):
            yield StoredObject(copy.key, copy.size, self.etags[position])


@dataclass(frozen=True)
class Transfer:
    """C(plans) is asked for in each round; C(kept) are objects of a partial backup that must be there already."""

    source: Source
    place: Place
    plans: Callable[[], Iterable[CollectionPlan]]
    kept: Callable[[], Iterable[StoredObject]]
    plan_again: Callable[[Iterable[Copy]], None]
    require_lock: Callable[[], None]
    concurrency: int
    max_rate: int | None
    progress: Progress

    def run(self) -> Brought:
        """Raises C(verify_failed) when the listing never shows the plan."""
        objects = size = 0
        kept: int | None = None
        for number in range(ROUNDS):
            survey = Survey()
            self.require_lock()
            with self._round(number) as step:
                totals = self._copy(self._lacking(survey, step), step)
            kept = survey.found if kept is None else kept
            if survey.clean:
                return Brought(CopyTotals(objects, size, ()), kept, _Stored(self._expected, survey.etags))
            self.require_lock()
            self.place.store.delete(survey.unexpected)
            objects, size = objects + totals.objects, size + totals.bytes
            self.plan_again(totals.gone)
        raise MilvusOpsError(
            "verify_failed",
            "verifying the copied objects",
            self.place.label,
            f"after {ROUNDS} rounds the backup still differs from its plan: {survey.describe()}",
            state_left="the backup is not committed; what was copied is kept",
            next_step="run the task again; if it stays, something else writes to or removes from this place",
        )

    def _round(self, number: int) -> AbstractContextManager[Step]:
        """The first brings bytes, the others go through the objects again."""
        label = self.place.layout.name
        if number:
            objects = sum(plan.objects for plan in self.plans()) + sum(1 for _item in self.kept())
            return self.progress.phase("check", label, OBJECTS, objects)
        size = sum(plan.bytes for plan in self.plans()) + sum(item.size for item in self.kept())
        return self.progress.phase("copy", label, BYTES, size)

    def _expected(self) -> Iterator[Copy]:
        """All objects in order; one without a source key is of the part that is there already."""
        there = (Copy("", item.etag, item.size, item.key) for item in self.kept())
        last = ""
        for copy in merge(copies_in_order(self.plans()), there, key=attrgetter("key")):
            if copy.key != last:  # the plan's own comes first
                yield copy
            last = copy.key

    def _lacking(self, survey: Survey, step: Step) -> Iterator[Copy]:
        listed = self.place.store.list_objects(self.place.layout.binlogs)
        for want, have in side_by_side(self._expected(), listed):
            if want is None and have is not None:
                survey.unexpected.append(have.key)
            elif want is not None and have is not None and have.holds_the_same_as(want.size, want.etag):
                survey.found += 1
                survey.etags.append(have.etag)
                _count(step, have.size)
            elif want is not None:
                survey.note_lacking(want.key)
                yield self._copied(want)

    def _copied(self, copy: Copy) -> Copy:
        """Raises for an object of the part that a partial backup holds: it cannot be made again."""
        if copy.source_key:
            return copy
        raise MilvusOpsError(
            "corrupt",
            "adding to the partial backup",
            f"{self.place.store.label}/{copy.key}",
            "this object of the collections that it holds already is missing or altered",
            next_step="make a backup under another name",
        )

    def _copy(self, copies: Iterable[Copy], step: Step) -> CopyTotals:
        run = CopyRun(
            self.source.store,
            self.place.store,
            concurrency=self.concurrency,
            before_each=self.require_lock,
            after_each=lambda copy: _count(step, copy.size),
            max_rate=self.max_rate,
        )
        try:
            return run.run(copies)
        except MilvusOpsError as error:
            raise error.with_context(
                state_left="the backup is not committed; what was copied is kept for the next run"
            ) from error


def _count(step: Step, size: int) -> None:
    """An object is done. Both callers hold the lock of the copying threads."""
    step.advance(size if step.unit == BYTES else 1)
