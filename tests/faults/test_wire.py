# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every request that goes to the object storage, and everything that a wire can do to it (F5 to F8, F23).

A run survives, with exactly the right bytes, or it fails soon, says five things, and the next run ends the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fault_proxy import (
    Action,
    Exchange,
    Rule,
    answering,
    breaking,
    delaying,
    refusing,
    replacing,
    reset_after,
    reset_before,
)
from labs import RunningLab, Side
from module_process import run_here
from s3_requests import (
    ABORT_UPLOAD,
    COMPLETE_UPLOAD,
    COPY,
    COPY_PART,
    CREATE_UPLOAD,
    DELETE,
    DELETE_MANY,
    GET,
    LIST,
    PUT,
    PUT_IF_ABSENT,
    PUT_IF_MATCH,
    PUT_STREAM,
    UPLOAD_PART,
)
from tally import Tally
from wire_world import (
    CONCURRENCY,
    IN_PARTS,
    LONGEST_RUN,
    PATIENCE,
    ROOT,
    Wire,
    patient,
    require_failure,
    run_apart,
    timed,
    wire,
)

Fresh = Callable[[str], str]
Rounds = Callable[[int, int], int]

PASSING: dict[str, Action] = {
    "503": answering(503, "SlowDown"),
    "500": answering(500, "InternalError"),
    "429": answering(429, "TooManyRequests"),
    "reset before": reset_before,
    "lost answer": reset_after,
    "stall": breaking(stall=True),
    "truncated": breaking(),
    "error in a 200": answering(200, "InternalError"),
    "late": delaying(0.2),
    "refused": refusing(0.2),
}
EXPIRED = answering(400, "ExpiredToken")
OF_A_BACKUP = (
    LIST,
    PUT_IF_ABSENT,
    PUT,
    COPY,
    CREATE_UPLOAD,
    COPY_PART,
    COMPLETE_UPLOAD,
    PUT_IF_MATCH,
    GET,
    DELETE_MANY,
)
SECOND = (("refused", LIST), ("refused", GET))
OF_A_STREAM = (PUT_STREAM, CREATE_UPLOAD, UPLOAD_PART, COMPLETE_UPLOAD, GET)
OF_A_REMOVAL = (LIST, PUT_IF_ABSENT, DELETE_MANY, DELETE)
OF_A_RESTORE = (LIST, GET, PUT_IF_ABSENT, DELETE_MANY)
STAGING = "vectorops_staging/"
ODD_KEY = "binlogs/a\rb"
"""XML cannot hold it, so that it is deleted by a request of its own."""


@pytest.fixture(scope="module")
def world(lab: RunningLab, tally: Tally) -> Iterator[Wire]:
    with wire(lab, tally, "wire faults before S3") as running:
        yield running


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    patient(monkeypatch, **IN_PARTS)


def hurt(fault: str, operations: tuple[str, ...], rounds: Rounds) -> Iterator[list[Rule]]:
    """The first call of each operation is hit: of all in one run, or in the full form of one in each run.

    An error in a 200 is no answer to a C(GET): there the body is the object. A service that refuses the very first
    request is taken for a wrong address, so the second one is hit.
    """
    chosen = [item for item in operations if not (fault == "error in a 200" and item == GET)]
    at_once = rounds(len(chosen), 1)
    for begin in range(0, len(chosen), at_once):
        yield [
            Rule(PASSING[fault], item, first=2 if (fault, item) in SECOND else 1, times=1, name=item)
            for item in chosen[begin : begin + at_once]
        ]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("fault", PASSING)
def test_a_backup_and_its_removal_survive(world: Wire, fresh: Fresh, rounds: Rounds, fault: str) -> None:
    """Each removal has a backup of its own: one of those made before."""
    there = []
    for rules in hurt(fault, OF_A_BACKUP, rounds):
        arguments = world.arguments(fresh("survived"))
        with timed(LONGEST_RUN), world.broken(rules, [world.prefix(arguments["name"])]):
            made = run_here("milvus_backup", arguments)
        world.require_whole(arguments, made_by=made)
        world.survived(rules)
        there.append(arguments)
    for rules, arguments in zip(hurt(fault, OF_A_REMOVAL, rounds), there, strict=False):
        world.s3.put_object(Bucket=world.lab.bucket, Key=world.prefix(arguments["name"]) + ODD_KEY, Body=b"x")
        with timed(LONGEST_RUN), world.broken(rules, [world.prefix(arguments["name"])]):
            removed = run_here("milvus_backup", {**arguments, "state": "absent"})
        if fault == "error in a 200" and any(rule.operation == DELETE for rule in rules):  # found by the last listing
            require_failure(removed, "incomplete", left=True)
            removed = run_here("milvus_backup", {**arguments, "state": "absent"})
        assert not removed.failed, removed.output
        assert world.left(arguments["name"]) == {}
        world.survived(rules)


@pytest.mark.parametrize("fault", PASSING)
def test_a_streamed_backup_survives(
    world: Wire, fresh: Fresh, rounds: Rounds, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Bytes that go through this process: broken where they are read, and where they are written."""
    patient(monkeypatch, **IN_PARTS)
    for rules in hurt(fault, OF_A_STREAM, rounds):
        arguments = world.streamed(fresh("streamed"))
        with timed(LONGEST_RUN), world.broken(rules, [world.prefix(arguments["name"])]):
            made = run_here("milvus_backup", arguments)
        world.require_whole(arguments, made_by=made)
        world.survived(rules)


@pytest.mark.usefixtures("quick")
def test_a_restore_survives(world: Wire, target: Side, fresh: Fresh, rounds: Rounds) -> None:
    """A lost answer to each request; in the full form every fault."""
    name = fresh("restored")
    made = run_here("milvus_backup", world.arguments(name))
    assert not made.failed, made.output
    faults = list(PASSING) if rounds(0, 1) else ["lost answer"]
    for fault in faults:
        suffix = f"_{fresh('wire')}"
        arguments = {**target.options, "storage_port": world.proxy.port, "backup_root_path": ROOT, "name": name}
        rules = next(hurt(fault, OF_A_RESTORE, lambda short, _many: short))
        locks = f"{world.prefix(name)}control/restores/"
        with world.broken(rules, [locks], [world.prefix(name), f"{target.root_path}/", STAGING]):
            restored = run_here("milvus_restore", {**arguments, "collections": ["wired"], "suffix": suffix})
        assert not restored.failed, restored.output
        world.require_rows(target.client(), f"wired{suffix}")
        world.survived(rules)


@pytest.mark.usefixtures("quick")
def test_an_upload_that_cannot_be_ended_or_undone(world: Wire, fresh: Fresh, rounds: Rounds) -> None:
    """Each part of each object is refused, then the request that takes the upload back is hit too, once."""
    for fault in list(PASSING)[: rounds(2, len(PASSING))]:
        arguments = world.arguments(fresh("undone"))
        rules = [Rule(PASSING["500"], COPY_PART), Rule(PASSING[fault], ABORT_UPLOAD, times=1)]
        with timed(LONGEST_RUN), world.broken(rules, [world.prefix(arguments["name"])]):
            failed = run_here("milvus_backup", arguments)
        require_failure(failed, "unreachable", left=bool(world.left(arguments["name"])))
        made = run_here("milvus_backup", arguments)
        if fault == "error in a 200":  # taken for the answer of a service that has aborted it
            for key in world.uploads(arguments["name"]):
                world.abort_uploads(key)
        world.require_whole(arguments, made_by=made)
        world.survived(rules)


def expired_from_now_on(seen: list[str]) -> Action:
    """The token of the run has expired: from this request on, each one is refused."""

    async def act(exchange: Exchange) -> None:
        seen.append(exchange.record.operation)
        exchange.proxy.rules.insert(0, Rule(EXPIRED, name="expired"))
        await EXPIRED(exchange)

    return act


def test_an_expired_token_ends_the_run_at_once(world: Wire, fresh: Fresh, rounds: Rounds) -> None:
    """F23: no request is repeated, the kind is that of credentials, and the run with a new token goes on."""
    for operation in OF_A_BACKUP if rounds(0, 1) else (COPY,):
        arguments = world.arguments(fresh("expired"))
        first: list[str] = []
        rules = [Rule(expired_from_now_on(first), operation, first=2 if operation == COPY else 1)]
        with timed(LONGEST_RUN), world.broken(rules, [world.prefix(arguments["name"])]):
            failed = run_apart("milvus_backup", arguments, {**PATIENCE, **IN_PARTS})
            refused = [item for item in world.proxy.log if item.fault]
        assert len(refused) == len({item.line for item in refused}) <= CONCURRENCY + 2, refused
        left = world.left(arguments["name"])
        if operation != DELETE_MANY:  # the lock of a finished backup, which the next run finds dead
            require_failure(failed, "credentials", left=bool(left))
        again = run_apart("milvus_backup", arguments, {**PATIENCE, **IN_PARTS})
        if operation in (COPY, PUT_IF_MATCH):
            assert again.result["resumed"], again.output
        world.require_whole(arguments, made_by=again)
        world.survived(rules)


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_a_storm_of_refusals_is_survived(
    world: Wire, fresh: Fresh, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """F6: of all requests one in five, then four of five; the requests that this takes are bounded."""
    longer = {f"store.{module}.DEADLINE_SECONDS": 30.0 for module in ("retry", "s3_service")}
    patient(monkeypatch, **longer, **{"store.retry.LONGEST_PAUSE": 0.05})
    arguments = world.arguments(fresh("storm"), copy_concurrency=16)
    rules = [Rule(PASSING["503"], share=share)]
    with world.broken(rules, [world.prefix(arguments["name"])]):
        made = run_here("milvus_backup", arguments)
        asked, hit = len(world.proxy.log), world.proxy.done
    world.require_whole(arguments, made_by=made)
    world.survived(rules)
    assert 0 < hit < asked < 100 / (1 - share) * 2


@pytest.mark.parametrize("fault", ["503", "500"])
def test_a_storm_without_end_ends_the_run(
    world: Wire, fresh: Fresh, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """F6: each copy is refused. The run ends when the time for one request is over, and has not asked without bound."""
    patient(monkeypatch)
    arguments = world.arguments(fresh("refused"))
    rules = [Rule(PASSING[fault], COPY, first=3)]
    with timed(LONGEST_RUN), world.broken(rules, [world.prefix(arguments["name"])]):
        failed = run_here("milvus_backup", arguments)
        asked = len(world.proxy.log)
    failure = require_failure(failed, "unreachable" if fault == "500" else "throttled", left=True)
    assert failure["retryable"]
    assert asked < 500
    resumed = run_here("milvus_backup", arguments)
    assert resumed.result["resumed"], resumed.output
    assert resumed.result["kept_objects"] >= 1
    world.require_whole(arguments, made_by=resumed)
    world.survived(rules)


def test_a_cut_of_seconds_is_survived(world: Wire, fresh: Fresh, rounds: Rounds) -> None:
    """F5: with the patience that users have."""
    arguments = world.arguments(fresh("cut"))
    rules = [Rule(refusing(rounds(2, 10)), COPY, first=3, times=1)]
    with timed(60), world.broken(rules, [world.prefix(arguments["name"])]):
        made = run_here("milvus_backup", arguments)
    world.require_whole(arguments, made_by=made)
    world.survived(rules)


def test_a_cut_that_lasts_ends_the_run(world: Wire, fresh: Fresh) -> None:
    """F5: its lock stays behind; the next run finds its holder dead."""
    arguments = world.arguments(fresh("cut"))
    rules = [Rule(refusing(0), COPY, first=3, times=1)]
    with timed(LONGEST_RUN), world.broken(rules, [world.prefix(arguments["name"])]):
        failed = run_apart("milvus_backup", arguments)
    require_failure(failed, "unreachable", left=True)
    world.require_whole(arguments, made_by=run_here("milvus_backup", arguments))
    world.survived(rules)


DAMAGED = {
    "cut": lambda body: body[: len(body) // 2],
    "no next page": lambda body: body.replace(b"<IsTruncated>false", b"<IsTruncated>true"),
    "not XML": lambda body: b"<html>busy</html>",
    "another document": lambda body: b"<ListBucketResult></ListBucketResult>"[:-1],
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_listing_that_is_not_whole_decides_nothing(world: Wire, fresh: Fresh, damage: str) -> None:
    """F7: neither what to skip nor what to delete; nothing is written or removed by what it says."""
    arguments = world.arguments(fresh("listed"))
    made = run_here("milvus_backup", arguments)
    before = world.left(arguments["name"])
    rules = [Rule(replacing(DAMAGED[damage]), LIST)]
    with timed(LONGEST_RUN), world.broken(rules, [world.prefix(arguments["name"])]):
        failed = run_here("milvus_backup", {**arguments, "state": "absent"})
        touched = [item for item in world.proxy.log if item.is_write]
    require_failure(failed, "unreachable", "internal", left=False)
    assert touched == []
    assert world.left(arguments["name"]) == before
    world.require_whole(arguments, made_by=made)
    world.survived(rules)
