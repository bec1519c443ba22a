# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One error for all collections that failed, and warnings for what was not carried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import BackupMeta
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import Failure
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.bulk_imports import BulkJob
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.loading import Counted
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.outcome import (
    Restored,
    RestoreOutcome,
    failure_of,
    warnings_after,
    warnings_of_plan,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.plan import (
    UNCHANGED,
    CollectionRestore,
    RestorePlan,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.rbac import RbacPlan
from ansible_collections.vectorops.milvus.plugins.module_utils.store.copy import CopyTotals


def item(example: BackupMeta, name: str) -> CollectionRestore:
    target = CollectionName("default", name)
    return CollectionRestore(example.collections[0], target, replace(target, name=f"{name}__x"), "create")


def failed(example: BackupMeta, name: str, *, retryable: bool = False) -> Restored:
    failure = Failure("internal", "importing", name, f"{name} broke", "it was dropped", "see the log", retryable)
    return Restored(item(example, name), failure=failure)


def done(example: BackupMeta, name: str, rows: int = 5) -> Restored:
    return Restored(replace(item(example, name)), Counted(rows, "count"))


def outcome(restored: Sequence[Restored]) -> RestoreOutcome:
    plan = RestorePlan(tuple(one.plan for one in restored), ())
    return RestoreOutcome(plan, tuple(restored), (), RbacPlan(), CopyTotals(0, 0, ()))


def test_nothing_failed(example: BackupMeta) -> None:
    assert failure_of(outcome([done(example, "a")])) is None


def test_the_first_failure_speaks_and_names_the_others(example: BackupMeta) -> None:
    mixed = [done(example, "a"), failed(example, "b", retryable=True), failed(example, "c"), done(example, "d")]
    error = failure_of(outcome(mixed))
    assert error is not None
    assert (error.kind, error.failure.where) == ("internal", "b")
    assert error.failure.cause == "b broke; 1 more failed, see collections: c"
    assert error.failure.state_left == "it was dropped; restored all the same: a, d"
    assert error.failure.retryable is False, "c would fail again"


def test_all_may_succeed_when_run_again(example: BackupMeta) -> None:
    error = failure_of(outcome([failed(example, "b", retryable=True)]))
    assert error is not None
    assert error.failure.cause == "b broke"
    assert error.failure.state_left == "it was dropped"
    assert error.failure.retryable is True


def test_what_is_not_carried_is_a_warning(example: BackupMeta) -> None:
    restored = replace(done(example, "a"), not_carried=("alias x of a: it leads to b",))
    told = list(warnings_after([restored], RbacPlan(not_carried=("users that the server does not have: bob",))))
    assert told == [
        "not restored: alias x of a: it leads to b",
        "not restored: users that the server does not have: bob",
    ]


DATA = BulkJob("", (("backup/b/binlogs/insert_log/1/",),), frozenset({7}))
DELETES = BulkJob("", (("backup/b/binlogs/delta_log/1/",),), frozenset({7}), level_zero=True)


@pytest.mark.parametrize(("version", "told"), [("2.4.5", True), ("2.6.11", True), ("2.6.12", False)])
def test_deletes_of_level_zero_are_named_where_a_defect_of_the_server_may_break_them(
    example: BackupMeta, version: str, told: bool
) -> None:
    plan = RestorePlan((replace(item(example, "a"), bulk=(DELETES,)),), ())
    warned = [text for text in warnings_of_plan(plan, version) if "2.6.12" in text]
    assert bool(warned) is told
    assert not told or warned[0].startswith(f"a has deletes of level zero, and the server is {version}")


def test_a_limit_that_a_server_may_have_is_named_for_what_is_built(example: BackupMeta) -> None:
    built = replace(item(example, "a"), above_defaults=("it has 1025 partitions",))
    kept = replace(built, action=UNCHANGED)
    plan = RestorePlan((built, kept), ())
    assert plan.above_defaults == ("a: it has 1025 partitions",)
    assert list(warnings_of_plan(plan, "2.6.12")) == ["a: it has 1025 partitions"]


@pytest.mark.parametrize(
    ("version", "key", "value", "words"),
    [
        ("2.3.5", "collection.ttl.seconds", "3600", "= 3600 from now on, also those that are older"),
        ("2.4.0", "collection.ttl.seconds", "3600", "are as old as in the backup, and live for"),
        ("3.0.0", "ttl_field", "until", "expire by ttl_field = until"),
    ],
)
def test_what_becomes_of_rows_that_live_for_some_time(
    example: BackupMeta, version: str, key: str, value: str, words: str
) -> None:
    """From 2.4 on an import leaves them as old as they are."""
    source = replace(example.collections[0], properties=({"key": key, "value": value},))
    plan = replace(item(example, "a"), source=source)
    restored, settings = (RestorePlan((one,), ()) for one in (replace(plan, bulk=(DATA,)), plan))
    (told,) = warnings_of_plan(restored, version)
    assert told.startswith("rows of a ")
    assert words in told
    assert list(warnings_of_plan(settings, version)) == [], "nothing is imported"
