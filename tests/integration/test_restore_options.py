# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore can be asked for besides all rows under the same name."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

import oracle
import pytest
from labs import RunningLab, Side
from module_process import ModuleRun, run

Fresh = Callable[[str], str]
EARLY, LATE = range(40), range(40, 60)


@pytest.fixture(scope="module")
def moments(lab: RunningLab) -> tuple[str, str]:
    """A backup of C(timed), whose keys from 40 on were inserted, and whose key 5 was deleted, after a moment."""
    side = lab.side("milvus_a")
    client = side.client()
    oracle.create_collection(client, "timed", rows=len(EARLY))
    client.create_alias("timed", "timed_alias")
    time.sleep(1.1)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    oracle.insert(client, "timed", LATE)
    client.delete("timed", filter="id in [5]")
    made = run("milvus_backup", {**side.options, "name": "of_timed_1", "collections": ["timed"]})
    assert not made.failed, made.output
    return "of_timed_1", moment


def restore(side: Side, into: str, *, check: bool = False, **options: Any) -> ModuleRun:
    arguments = {"name": "of_timed_1", "collections": ["timed"], "rename": {"timed": into}, **options}
    given = {key: value for key, value in arguments.items() if value is not None}
    return run("milvus_restore", {**side.options, **given}, check=check)


def read(side: Side, name: str) -> dict[int, dict[str, Any]]:
    found = oracle.read_all(side.client(), name)
    assert len(found) == oracle.count(side.client(), name)
    return found


def test_end_ts_restores_the_rows_of_a_moment(target: Side, moments: tuple[str, str], fresh: Fresh) -> None:
    """Later rows are left out, and what was deleted later is there; the rows of now are something else."""
    name = fresh("then")
    then = restore(target, name, end_ts=moments[1])
    assert not then.failed, then.output
    assert oracle.differences(read(target, name), oracle.expected(len(EARLY))) == []
    assert restore(target, name, end_ts=moments[1]).result["changed"] is False
    now = restore(target, name)
    assert now.kind == "target_exists", "the rows of a moment are not those of the backup"
    swapped = restore(target, name, if_exists="replace_restored")
    assert swapped.result["collections"][0]["state"] == "replaced", swapped.output
    wanted = {key: row for key, row in oracle.expected(60).items() if key != 5}
    assert oracle.differences(read(target, name), wanted) == []


@pytest.mark.parametrize("text", ["yesterday", "1795331549", "1999-01-01T00:00:00Z"])
def test_a_moment_that_is_none_is_refused(target: Side, moments: tuple[str, str], text: str) -> None:
    refused = restore(target, "never", end_ts=text)
    assert (refused.kind, "end_ts" in refused.result["msg"]) == ("usage", True)


def test_a_moment_before_all_rows_is_said(target: Side, moments: tuple[str, str], fresh: Fresh) -> None:
    done = restore(target, fresh("empty"), end_ts="2020-01-01T00:00:00Z", load="never", verify_rows="import")
    assert done.result["collections"][0]["rows"] == 0
    assert any("has no rows" in str(warning) for warning in done.result["warnings"])


def test_meta_only_restores_what_a_collection_is(target: Side, moments: tuple[str, str], fresh: Fresh) -> None:
    """Schema, partitions, indexes and load state without rows; that is not the collection with its rows."""
    name = fresh("bare")
    done = restore(target, name, meta_only=True, shards_num=3)
    assert done.result["collections"][0]["jobs"] == 0, done.output
    client = target.client()
    assert client.describe_collection(name)["num_shards"] == 3
    assert oracle.count(client, name) == 0
    assert sorted(client.list_partitions(name)) == ["_default", "news"]
    assert client.list_indexes(name) == ["by_vector"]
    assert restore(target, name, meta_only=True).result["changed"] is False
    assert restore(target, name).kind == "target_exists"


def test_the_newest_complete_backup_of_a_pattern(
    lab: RunningLab, source: Side, target: Side, moments: tuple[str, str], fresh: Fresh
) -> None:
    """Unfinished ones are passed over; in check mode one that is only planned is the newest."""
    stem = fresh("dated")
    for number in (2, 1):
        made = run("milvus_backup", {**source.options, "name": f"{stem}_{number}", "collections": ["timed"]})
        assert not made.failed, made.output
        time.sleep(1.1)
    lab.s3().put_object(Bucket=lab.bucket, Key=f"backup/{stem}_3/control/plan.json", Body=b"{}")
    pattern = {"name": None, "name_pattern": f"{stem}_*"}
    planned = run("milvus_backup", {**source.options, "name": f"{stem}_9", "collections": ["timed"]}, check=True)
    ahead = restore(target, fresh("dated"), check=True, planned_backup=planned.result["backup"], **pattern)
    assert not ahead.failed, ahead.output
    assert (ahead.result["backup"]["name"], ahead.result["backup"]["exists"]) == (f"{stem}_9", False)
    done = restore(target, fresh("dated"), check=True, **pattern)
    assert done.result["backup"]["name"] == f"{stem}_1", done.output
    nothing = restore(target, "x", name=None, name_pattern=f"{stem}_x*")
    assert (nothing.kind, "no backup matches" in nothing.result["failure"]["cause"]) == ("not_found", True), (
        nothing.output
    )
    unfinished = restore(target, "x", name=None, name_pattern=f"{stem}_3*")
    assert (unfinished.kind, "is complete" in unfinished.result["failure"]["cause"]) == ("not_found", True), (
        unfinished.output
    )
    assert restore(target, "x", name=None).failed, "one of name and name_pattern is required"


def test_aliases_are_set_where_they_are_free(target: Side, moments: tuple[str, str], fresh: Fresh) -> None:
    """One that leads to another collection stays there, and the result says so; one that leads nowhere is taken."""
    first, second, third = fresh("aliased"), fresh("aliased"), fresh("aliased")
    client = target.client()
    client.drop_alias("timed_alias")  # another test's collection may have it
    quick = {"index": "none", "load": "never", "verify_rows": "import"}
    done = restore(target, first, **quick)
    assert client.describe_alias("timed_alias")["collection_name"] == first, done.output
    taken = restore(target, second, **quick)
    assert taken.result["collections"][0]["not_carried"] == [f"alias timed_alias of {second}: it leads to {first}"]
    assert any("it leads to" in str(warning) for warning in taken.result["warnings"])
    assert client.describe_alias("timed_alias")["collection_name"] == first
    client.drop_collection(first)
    assert restore(target, second, **quick).result["changed"] is True
    assert client.describe_alias("timed_alias")["collection_name"] == second
    without = restore(target, third, aliases=False, **quick)
    assert without.result["collections"][0]["not_carried"] == []
    client.drop_alias("timed_alias")


def test_one_collection_that_fails_does_not_undo_the_others(
    lab: RunningLab, source: Side, target: Side, fresh: Fresh
) -> None:
    """Each collection says what became of it; the next run does only what is missing."""
    names = [fresh("several") for _unused in range(3)]
    for name in names:
        oracle.create_collection(source.client(), name, rows=20)
    backup = fresh("of_several")
    made = run("milvus_backup", {**source.options, "name": backup, "collections": names})
    assert not made.failed, made.output
    suffix = fresh("_of")
    client = target.client()
    arguments = {**target.options, "name": backup, "collections": names, "suffix": suffix}
    staging = run("milvus_restore", arguments, check=True)
    assert not staging.failed
    digest = hashlib.sha256(made.result["backup"]["id"].encode()).hexdigest()[:8]
    blocked = f"{names[1]}{suffix}__restoring_{digest}"
    oracle.create_collection(client, blocked, rows=1)
    failed = run("milvus_restore", arguments)
    assert failed.kind == "target_exists", failed.output
    assert {item["source"]: item["state"] for item in failed.result["collections"]} == {
        names[0]: "restored",
        names[1]: "failed",
        names[2]: "restored",
    }
    assert f"{names[0]}{suffix}" in failed.result["failure"]["state_left"]
    client.drop_collection(blocked)
    done = run("milvus_restore", arguments)
    assert [item["state"] for item in done.result["collections"]] == ["unchanged", "restored", "unchanged"]
    for name in names:
        assert oracle.differences(read(target, f"{name}{suffix}"), oracle.expected(20)) == []
