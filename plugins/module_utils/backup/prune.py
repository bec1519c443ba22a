# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention in one place: which backups a policy keeps, which go, which are left alone and why.

Rules count only backups that are complete, readable, verified and ours to remove; so a broken, locked or foreign one
never takes the place of a good one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ..errors import MilvusOpsError
from ..progress import Progress
from .inventory import Place
from .listing import COMPLETE, UNFINISHED, FoundBackup, commit_etag, examine, matching_names
from .remove import Removal, ensure_absent
from .retention import DatedBackup, Policy, rules_that_keep
from .verify import find_damage

SOURCE, COLLECTIONS = "source", "collections"
GROUPINGS = (SOURCE, COLLECTIONS)
DAMAGED = "damaged"
NO_BRACKETS = str.maketrans("", "", "[]'")


@dataclass(frozen=True)
class PruneRequest:
    """C(verify) is a level, or None; C(unfinished_age) is seconds, None leaves unfinished backups alone."""

    pattern: str
    policy: Policy
    group_by: tuple[str, ...] = GROUPINGS
    verify: str | None = None
    unfinished_age: int | None = None
    force_foreign: bool = False


@dataclass(frozen=True)
class Candidate:
    """One backup without its metadata, of which a list of many has no need."""

    name: str
    state: str
    moment: float | None
    foreign: bool
    group: str = ""
    commit_etag: str = ""
    restores: tuple[str, ...] = ()


@dataclass(frozen=True)
class PrunePlan:
    """C(kept) with the rules that keep each, C(removed) oldest first, C(skipped) with the reason."""

    kept: tuple[tuple[Candidate, tuple[str, ...]], ...]
    removed: tuple[Candidate, ...]
    skipped: tuple[tuple[Candidate, str], ...]


@dataclass(frozen=True)
class Pruned:
    """What was, or in check mode would be, done. C(removed) holds what each removal found."""

    kept: tuple[tuple[Candidate, tuple[str, ...]], ...]
    removed: tuple[tuple[Candidate, Removal], ...]
    skipped: tuple[tuple[Candidate, str], ...]


@dataclass
class _Sorting:
    """The piles that backups are sorted into."""

    counted: list[Candidate] = field(default_factory=list)
    removed: list[Candidate] = field(default_factory=list)
    skipped: list[tuple[Candidate, str]] = field(default_factory=list)


def plan_prune(root: Place, place_of: Callable[[str], Place], request: PruneRequest) -> PrunePlan:
    """Look at every backup that the pattern means, and decide. Writes nothing."""
    piles = _Sorting()
    for name in matching_names(root, request.pattern):
        found = examine(place_of(name))
        if found is not None:
            _sort(found, request, piles)
    rules = _apply_rules(piles, place_of, request)
    kept = []
    for candidate in piles.counted:
        if rules[candidate.name]:
            kept.append((candidate, rules[candidate.name]))
        elif candidate.restores:
            piles.skipped.append((candidate, f"it is being restored from by {', '.join(candidate.restores)}"))
        else:
            piles.removed.append(candidate)
    return PrunePlan(
        kept=tuple(sorted(kept, key=lambda item: _age_order(item[0]), reverse=True)),
        removed=tuple(sorted(piles.removed, key=_age_order)),
        skipped=tuple(sorted(piles.skipped, key=lambda item: item[0].name)),
    )


def execute_prune(
    plan: PrunePlan, place_of: Callable[[str], Place], *, force_foreign: bool, check_mode: bool
) -> Pruned:
    """Remove what the plan removes, oldest first. What came into use, or changed, since then is skipped.

    So is a backup that lies among other things than backups.
    """
    removed: list[tuple[Candidate, Removal]] = []
    skipped = list(plan.skipped)
    for candidate in plan.removed:
        place = place_of(candidate.name)
        try:
            removal = ensure_absent(
                place,
                str(uuid.uuid4()),
                lock_timeout=0,
                force_foreign=force_foreign,
                check_mode=check_mode,
                progress=Progress(),
                still_wanted=partial(_require_unchanged, place, candidate),
            )
        except MilvusOpsError as error:
            if error.kind not in ("lock_held", "name_in_use", "source_changed"):
                raise _with_removed(error, removed) from error
            skipped.append((candidate, error.failure.cause))
        else:
            if removal.changed:
                removed.append((candidate, removal))
    return Pruned(plan.kept, tuple(removed), tuple(skipped))


def _sort(found: FoundBackup, request: PruneRequest, piles: _Sorting) -> None:
    candidate = Candidate(
        name=found.name,
        state=found.state,
        moment=found.moment,
        foreign=found.foreign,
        group=_group(found, request.group_by),
        commit_etag=found.commit_etag,
        restores=found.restores,
    )
    reason = _reason_to_skip(found, request)
    if reason:
        piles.skipped.append((candidate, reason))
    elif found.state == COMPLETE:
        piles.counted.append(candidate)
    else:
        piles.removed.append(candidate)


def _reason_to_skip(found: FoundBackup, request: PruneRequest) -> str:
    if found.state not in (COMPLETE, UNFINISHED):
        return found.reason
    if found.holder:
        return f"{found.holder} is at work on it"
    if found.state == COMPLETE:
        return "" if request.force_foreign or not found.foreign else "another tool wrote it; see force_foreign"
    if request.unfinished_age is None:
        return f"{found.reason}; see unfinished"
    if found.foreign or found.age is None:
        return "another tool began it, so how long ago it was left is not known"
    if found.age < request.unfinished_age:
        return f"it is unfinished, and its last sign of life is only {found.age:.0f} seconds old"
    return f"it is being restored from by {', '.join(found.restores)}" if found.restores else ""


def _apply_rules(
    piles: _Sorting, place_of: Callable[[str], Place], request: PruneRequest
) -> dict[str, tuple[str, ...]]:
    """The rules that keep each counted backup. What is kept is verified; without the damaged it is decided anew."""
    verified: set[str] = set()
    while True:
        rules = rules_that_keep(_dated(piles.counted), request.policy)
        unseen = [item for item in piles.counted if rules[item.name] and item.name not in verified]
        if request.verify is None or not unseen:
            return rules
        for candidate in unseen:
            verified.add(candidate.name)
            damage = _damage(place_of(candidate.name), request.verify)
            if damage:
                piles.counted.remove(candidate)
                piles.skipped.append((replace(candidate, state=DAMAGED), damage))


def _dated(candidates: Iterable[Candidate]) -> list[DatedBackup]:
    return [DatedBackup(item.name, item.moment or 0.0, item.group) for item in candidates]


def _damage(place: Place, level: str) -> str:
    """What is wrong with a complete backup, '' if nothing is."""
    found = examine(place)
    if found is None or found.complete is None:
        return found.reason if found else "it vanished meanwhile"
    backup = found.complete
    return find_damage(place.store, place.layout, backup.meta, backup.manifest, level).damage


def _require_unchanged(place: Place, candidate: Candidate) -> None:
    """Between decision and lock an unfinished backup may have been completed, or a name been given anew."""
    if candidate.state == COMPLETE:
        same = commit_etag(place) == candidate.commit_etag
    else:
        found = examine(place)
        same = found is not None and (found.state, found.commit_etag) == (candidate.state, candidate.commit_etag)
    if same:
        return
    raise MilvusOpsError("source_changed", "removing the backup", place.label, "it changed since it was looked at")


def _group(found: FoundBackup, group_by: Sequence[str]) -> str:
    """What backups are kept and removed among themselves, in words: those of one source and one selection."""
    if found.complete is None:
        return ""
    manifest = found.complete.manifest
    if manifest is None:
        names = sorted(item.qualified_name for item in found.complete.meta.collections)
        parts = {SOURCE: "another tool", COLLECTIONS: ", ".join(names)}
    else:
        asked = manifest.request
        selection = f"{asked.get('collections')} without {asked.get('exclude')}".translate(NO_BRACKETS)
        parts = {SOURCE: str(asked.get("source")), COLLECTIONS: selection.removesuffix(" without ")}
    return "; ".join(parts[key] for key in GROUPINGS if key in group_by)


def _age_order(candidate: Candidate) -> tuple[float, str]:
    return candidate.moment or 0.0, candidate.name


def _with_removed(error: MilvusOpsError, removed: Sequence[tuple[Candidate, Removal]]) -> MilvusOpsError:
    names = ", ".join(candidate.name for candidate, _removal in removed) or "none"
    return error.with_context(state_left=f"{error.failure.state_left}; backups removed before: {names}")
