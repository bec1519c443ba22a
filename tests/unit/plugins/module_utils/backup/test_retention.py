# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups a policy keeps: one table of dates for all rules, and the edges of days, weeks and months."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.retention import (
    NEWEST,
    DatedBackup,
    Policy,
    make_policy,
    parse_duration,
    rules_that_keep,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError

HOUR, DAY = 3600, 86400


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


DATES = {
    "dec": "2023-12-31 12:00:00",  # the Sunday of 2023-W52
    "newyear": "2024-01-01 00:00:00",  # the Monday of 2024-W01
    "jan_end": "2024-01-31 23:59:59",
    "feb": "2024-02-01 00:00:00",
    "leap": "2024-02-29 09:00:00",
    "sunday": "2024-03-10 23:30:00",  # W10
    "monday": "2024-03-11 00:30:00",  # W11
    "tue_1": "2024-03-12 06:00:00",
    "tue_2": "2024-03-12 18:00:00",
    "wed": "2024-03-13 18:00:00",
    "thu": "2024-03-14 08:00:00",
}
BACKUPS = [DatedBackup(name, at(text)) for name, text in DATES.items()]


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        (Policy(last=1), "thu"),
        (Policy(last=3), "tue_2 wed thu"),
        (Policy(last=99), " ".join(DATES)),
        (Policy(daily=1), "thu"),
        (Policy(daily=3), "tue_2 wed thu"),
        (Policy(daily=5), "sunday monday tue_2 wed thu"),
        # days without a backup do not count
        (Policy(daily=6), "leap sunday monday tue_2 wed thu"),
        (Policy(weekly=2), "sunday thu"),
        # W11, W10, W09, W05 (its newest is the first of February, not the last of January), W01, 2023-W52
        (Policy(weekly=6), "dec newyear feb leap sunday thu"),
        (Policy(monthly=1), "thu"),
        (Policy(monthly=3), "jan_end leap thu"),
        (Policy(monthly=12), "dec jan_end leap thu"),
        # exactly 14 hours before the newest is within, a second more is not
        (Policy(within=14 * HOUR), "wed thu"),
        (Policy(within=14 * HOUR - 1), "thu"),
        (Policy(within=4 * DAY), "sunday monday tue_1 tue_2 wed thu"),
        # rules add up
        (Policy(last=2, daily=3, weekly=2, monthly=3), "jan_end leap sunday tue_2 wed thu"),
        # the newest stays without any rule
        (Policy(), "thu"),
    ],
)
def test_policy_table(policy: Policy, kept: str) -> None:
    rules = rules_that_keep(BACKUPS, policy)
    assert {name for name, by in rules.items() if by} == set(kept.split())
    assert rules.keys() == DATES.keys()


def test_every_rule_is_named() -> None:
    rules = rules_that_keep(BACKUPS, Policy(last=2, daily=2, weekly=1, monthly=2, within=DAY))
    assert rules["thu"] == (NEWEST, "last 1", "within", "daily 2024-03-14", "weekly 2024-W11", "monthly 2024-03")
    assert rules["wed"] == ("last 2", "within", "daily 2024-03-13")
    assert rules["leap"] == ("monthly 2024-02",)
    assert rules["dec"] == ()


def test_the_week_has_the_year_of_iso() -> None:
    rules = rules_that_keep([DatedBackup("a", at("2024-12-30 00:00:00"))], Policy(weekly=1))
    assert rules["a"] == (NEWEST, "weekly 2025-W01")


def test_groups_do_not_push_out_each_other() -> None:
    """The older group keeps its own newest, and as many as if it were alone."""
    old = [
        replace(backup, name=f"old_{backup.name}", moment=backup.moment - 400 * DAY, group="b") for backup in BACKUPS
    ]
    together = rules_that_keep([*BACKUPS, *old], Policy(last=2))
    assert {name for name, by in together.items() if by} == {"wed", "thu", "old_wed", "old_thu"}


def test_backups_of_the_same_second_are_kept_by_name() -> None:
    twins = [DatedBackup(name, 1.7e9) for name in ("b", "c", "a")]
    assert [name for name, by in rules_that_keep(twins, Policy(last=2)).items() if by] == ["c", "b"]


def test_order_does_not_matter_and_more_never_keeps_less() -> None:
    generator = random.Random(3)
    for _unused in range(200):
        backups = [
            DatedBackup(f"b{number}", generator.uniform(1.6e9, 1.7e9)) for number in range(generator.randrange(1, 40))
        ]
        counts = [generator.randrange(0, 5) for _unused in range(4)]
        policy = Policy(counts[0], counts[1], counts[2], counts[3], generator.choice([0, DAY, 90 * DAY]))
        kept = {name for name, by in rules_that_keep(backups, policy).items() if by}
        shuffled = generator.sample(backups, len(backups))
        assert {name for name, by in rules_that_keep(shuffled, policy).items() if by} == kept
        assert max(backups, key=lambda backup: backup.moment).name in kept
        more = replace(policy, last=policy.last + 1, monthly=policy.monthly + 1)
        assert kept <= {name for name, by in rules_that_keep(backups, more).items() if by}


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5400), ("12h", 12 * HOUR), ("7d", 7 * DAY), (" 2 w ", 14 * DAY), ("0d", 0)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text, "keep_within") == seconds


@pytest.mark.parametrize("text", ["7", "d", "-1d", "1.5h", "7 days", "1y", "1d12h", "٣d", "9999999999d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(MilvusOpsError, match="no span of time") as caught:
        parse_duration(text, "keep_within")
    assert (caught.value.kind, caught.value.failure.where) == ("usage", "keep_within")


@pytest.mark.parametrize("options", [(None, None, None, None, ""), (0, 0, 0, 0, ""), (None, 0, None, None, "0d")])
def test_a_policy_that_keeps_nothing_is_refused(
    options: tuple[int | None, int | None, int | None, int | None, str],
) -> None:
    with pytest.raises(MilvusOpsError, match="keeps nothing") as caught:
        make_policy(*options)
    assert caught.value.kind == "usage"


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(MilvusOpsError, match="-1 is negative") as caught:
        make_policy(5, -1, None, None, "")
    assert caught.value.failure.where == "keep_daily"
