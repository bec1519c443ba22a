# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line to a Milvus server refuses, goes silent, or breaks at a call, before or after the server has acted (F5).

A run survives or fails soon with all that it must say; no target is ever there by half; the next run ends the work.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import oracle
import pytest
from labs import RunningLab, Side
from milvus_proxy import AFTER, BEFORE, SILENCE, MilvusProxy
from module_process import ENGINE, ModuleRun, run_here
from tally import HALF_PUBLISHES, INJECTED, RERUNS_NEEDED, SURVIVED, Tally
from wire_world import COLLECTION, ROOT, ROWS, Wire, require_failure, timed, wire

Fresh = Callable[[str], str]
Rounds = Callable[[int, int], int]
Options = dict[str, Any]
CAMPAIGN = "wire faults before Milvus"
SHORT_TIMEOUT = 3
"""Seconds for one call: those that the silent ones take."""

LONGEST_RUN = 90.0
AT_ONCE = 10.0
SPECIAL_MOMENTS = {
    "milvus_backup": [("Flush", AFTER), ("GetPersistentSegmentInfo", BEFORE)],
    "milvus_restore": [("CreateCollection", AFTER), ("Import", AFTER), ("RenameCollection", AFTER)],
}
"""Those of the short form; the full form has every call that a whole run makes."""


@dataclass(frozen=True)
class Lines:
    """A relay before each instance, and a backup that restores can use."""

    world: Wire
    source: MilvusProxy
    target: MilvusProxy
    target_side: Side
    backup: str

    def backup_arguments(self, name: str) -> Options:
        return self.world.arguments(name, port=self.source.port, strategy="auto", timeout=SHORT_TIMEOUT)

    def restore_arguments(self, suffix: str) -> Options:
        return {
            **self.target_side.options,
            "port": self.target.port,
            "timeout": SHORT_TIMEOUT,
            "backup_root_path": ROOT,
            "name": self.backup,
            "collections": [COLLECTION],
            "suffix": suffix,
        }

    def tally(self, column: str, number: int = 1) -> None:
        self.world.tally.add(CAMPAIGN, column, number)

    def has_staging(self) -> bool:
        return any("__restoring_" in name for name in self.target_side.client().list_collections())

    def require_no_half(self, suffix: str) -> None:
        """Under the name of the target lies nothing, or all of it."""
        client, name = self.target_side.client(), COLLECTION + suffix
        half = client.has_collection(name) and oracle.count(client, name) != len(oracle.expected(ROWS))
        self.tally(HALF_PUBLISHES, int(half))
        assert not half


@pytest.fixture(scope="module")
def lines(lab: RunningLab, emptied: Side, tally: Tally) -> Iterator[Lines]:
    with (
        wire(lab, tally, CAMPAIGN) as world,
        MilvusProxy(world.side.port) as source,
        MilvusProxy(emptied.port) as target,
    ):
        made = run_here("milvus_backup", world.arguments("over_lines"))
        assert not made.failed, made.output
        yield Lines(world, source, target, emptied, "over_lines")


@pytest.fixture(autouse=True)
def healed(lines: Lines) -> Iterator[None]:
    yield
    for proxy in (lines.source, lines.target):
        proxy.heal()
        proxy.calls.clear()


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("module", ["milvus_backup", "milvus_restore"])
def test_a_server_that_is_not_there_is_told_within_seconds(
    lines: Lines, fresh: Fresh, module: str, silent: bool
) -> None:
    """Nothing listens, or what listens says nothing: named before anything is written anywhere."""
    backup = module == "milvus_backup"
    proxy = lines.source if backup else lines.target
    if silent:
        proxy.silent = True
    else:
        proxy.refuse()
    arguments = lines.backup_arguments(fresh("never")) if backup else lines.restore_arguments("_never")
    before = lines.world.objects(f"{ROOT}/")
    lines.tally(INJECTED)
    with timed(AT_ONCE):
        refused = run_here(module, arguments)
    failure = require_failure(refused, "timeout" if silent else "unreachable", left=False)
    assert failure["state_left"] == "nothing was written"
    assert failure["retryable"]
    assert lines.world.objects(f"{ROOT}/") == before
    lines.tally(SURVIVED)


def calls_of(run: Callable[[], ModuleRun], proxy: MilvusProxy) -> list[str]:
    """The methods that a run without faults calls."""
    proxy.calls.clear()
    made = run()
    assert not made.failed, made.output
    return list(dict.fromkeys(proxy.calls))


def until_done(
    lines: Lines,
    proxy: MilvusProxy,
    run: Callable[[], ModuleRun],
    left: Callable[[], bool],
    breaks: Sequence[tuple[str, str]],
) -> ModuleRun:
    """One run for each break, unless it is survived at once, and one without; the last one."""
    runs = 0
    for method, moment in breaks:
        proxy.heal()
        broken = proxy.break_at(method, moment)
        with timed(LONGEST_RUN, f"{method}, {moment}"):
            ended = run()
        runs += ended.failed
        lines.tally(INJECTED, int(broken.done))
        if ended.failed:
            require_failure(ended, "timeout" if moment == SILENCE else "unreachable", left=left())
        lines.tally(SURVIVED, int(broken.done))
    proxy.heal()
    if ended.failed:
        ended = run()
        assert not ended.failed, ended.output
    lines.tally(RERUNS_NEEDED, int(runs > 0))
    return ended


def test_a_backup_whose_line_breaks_at_a_call(lines: Lines, fresh: Fresh, rounds: Rounds) -> None:
    chosen = [SPECIAL_MOMENTS["milvus_backup"]]
    if rounds(0, 1):
        every = calls_of(lambda: run_here("milvus_backup", lines.backup_arguments(fresh("clean"))), lines.source)
        chosen = [[pair] for pair in itertools.product(every, (BEFORE, AFTER, SILENCE))]
    for breaks in chosen:
        arguments = lines.backup_arguments(fresh("line"))

        def backup(arguments: Options = arguments) -> ModuleRun:
            return run_here("milvus_backup", arguments)

        def left(name: str = arguments["name"]) -> bool:
            return bool(lines.world.left(name))

        made = until_done(lines, lines.source, backup, left, breaks)
        lines.world.require_whole(arguments, made_by=made)


def test_a_restore_whose_line_breaks_at_a_call(
    lines: Lines, fresh: Fresh, rounds: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Create, import and rename have happened and nobody heard of it: nothing is done twice, nothing is left out."""
    for constant in ("imports.IMPORT_CALL_SECONDS", "health.START_SECONDS"):
        monkeypatch.setattr(f"{ENGINE}.milvus.{constant}", SHORT_TIMEOUT)
    chosen = [SPECIAL_MOMENTS["milvus_restore"]]
    if rounds(0, 1):
        every = calls_of(
            lambda: run_here("milvus_restore", lines.restore_arguments(f"_{fresh('clean')}")), lines.target
        )
        chosen += [[pair] for pair in itertools.product(every, (BEFORE, AFTER, SILENCE))]
    for breaks in chosen:
        suffix = f"_{fresh('line')}"

        def restore(suffix: str = suffix) -> ModuleRun:
            ended = run_here("milvus_restore", lines.restore_arguments(suffix))
            lines.require_no_half(suffix)
            return ended

        until_done(lines, lines.target, restore, lines.has_staging, breaks)
        client, name = lines.target_side.client(), COLLECTION + suffix
        lines.world.require_rows(client, name)
        assert [item for item in client.list_collections() if name in item] == [name]
        client.drop_collection(name)


def test_a_restore_whose_line_is_away_for_a_while(lines: Lines, fresh: Fresh, rounds: Rounds) -> None:
    """Cut while the server imports, between two calls, and healed: the same run goes on."""
    suffix = f"_{fresh('away')}"

    def cut() -> None:
        end = time.monotonic() + LONGEST_RUN
        while "GetImportState" not in lines.target.calls and time.monotonic() < end:
            time.sleep(0.02)
        lines.target.refuse_between_calls(rounds(2, 15))

    cutter = threading.Thread(target=cut)
    cutter.start()
    lines.tally(INJECTED)
    with timed(LONGEST_RUN):
        restored = run_here("milvus_restore", lines.restore_arguments(suffix))
    cutter.join()
    assert not restored.failed, restored.output
    lines.world.require_rows(lines.target_side.client(), COLLECTION + suffix)
    lines.tally(SURVIVED)


def test_a_line_that_breaks_after_some_bytes(lines: Lines, fresh: Fresh, rounds: Rounds) -> None:
    for number in range(1, 1 + rounds(1, 20)):
        arguments = lines.backup_arguments(fresh("bytes"))
        lines.source.heal()
        lines.source.after_bytes = 700 * number
        lines.tally(INJECTED)
        ended = run_here("milvus_backup", arguments)
        lines.source.heal()
        if ended.failed:
            require_failure(ended, "unreachable", left=bool(lines.world.left(arguments["name"])))
            ended = run_here("milvus_backup", arguments)
        lines.world.require_whole(arguments, made_by=ended)
        lines.tally(SURVIVED)
