# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups a policy keeps, and by which of its rules. Dates only: no store, no clock of its own.

Each rule is applied by itself, and a backup stays if any rule keeps it. Days, ISO weeks and months are those of UTC,
and the newest backup of each stands for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timezone

from ..errors import usage_error

NEWEST = "newest"
SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
COUNTED = ("keep_last", "keep_daily", "keep_weekly", "keep_monthly")
"""The rules that count, as the options are called."""


@dataclass(frozen=True)
class Policy:
    """What to keep: so many of the newest backups, days, weeks and months, and all of the last C(within) seconds."""

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    within: int = 0


@dataclass(frozen=True)
class DatedBackup:
    """A backup that counts; C(moment) is Unix seconds. The rules are applied to each C(group) by itself."""

    name: str
    moment: float
    group: str = ""


def make_policy(last: int | None, daily: int | None, weekly: int | None, monthly: int | None, within: str) -> Policy:
    """A policy from options. Raises C(usage) for negative counts and for one that keeps nothing."""
    counts = [count or 0 for count in (last, daily, weekly, monthly)]
    for option, count in zip(COUNTED, counts, strict=True):
        if count < 0:
            raise usage_error("reading the policy", option, f"{count} is negative", f"set {option} to 0 or more")
    within_seconds = parse_duration(within, "keep_within") if within else 0
    policy = Policy(counts[0], counts[1], counts[2], counts[3], within_seconds)
    if policy == Policy():
        raise usage_error(
            "reading the policy",
            ", ".join((*COUNTED, "keep_within")),
            "the policy keeps nothing",
            "set at least one of these options; to remove one backup use milvus_backup with state: absent",
        )
    return policy


def parse_duration(text: str, option: str) -> int:
    """Seconds of C(90m), C(12h), C(7d), C(2w)."""
    match = re.fullmatch(r"\s*(\d{1,9})\s*([mhdw])\s*", text, re.ASCII)
    if match:
        return int(match[1]) * SECONDS[match[2]]
    raise usage_error("reading the policy", option, f"{text!r} is no span of time", "write 90m, 12h, 7d or 2w")


def rules_that_keep(backups: Iterable[DatedBackup], policy: Policy) -> dict[str, tuple[str, ...]]:
    """For each backup by name the rules that keep it; none for what is to go. The newest of a group always stays."""
    groups: dict[str, list[DatedBackup]] = {}
    for backup in backups:
        groups.setdefault(backup.group, []).append(backup)
    kept: dict[str, list[str]] = {}
    for members in groups.values():
        newest_first = sorted(members, key=lambda item: (item.moment, item.name), reverse=True)
        kept.update({item.name: [] for item in newest_first})
        for name, rule in _kept(newest_first, policy):
            kept[name].append(rule)
    return {name: tuple(rules) for name, rules in kept.items()}


def _kept(newest_first: list[DatedBackup], policy: Policy) -> Iterable[tuple[str, str]]:
    newest = newest_first[0]
    yield newest.name, NEWEST
    for number, backup in enumerate(newest_first[: policy.last], 1):
        yield backup.name, f"last {number}"
    for backup in newest_first:
        # From the newest backup, not from now: where the backups have stopped, nothing more is removed.
        if policy.within and newest.moment - backup.moment <= policy.within:
            yield backup.name, "within"
    periods: tuple[tuple[str, int, Callable[[datetime], str]], ...] = (
        ("daily", policy.daily, lambda day: day.strftime("%Y-%m-%d")),
        ("weekly", policy.weekly, lambda day: "{}-W{:02}".format(*day.isocalendar()[:2])),
        ("monthly", policy.monthly, lambda day: day.strftime("%Y-%m")),
    )
    for rule, count, period_of in periods:
        seen: set[str] = set()
        for backup in newest_first:
            period = period_of(datetime.fromtimestamp(backup.moment, timezone.utc))
            if period not in seen and len(seen) < count:
                seen.add(period)
                yield backup.name, f"{rule} {period}"
