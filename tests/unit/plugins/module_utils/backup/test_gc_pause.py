# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pause of a server's garbage collection: held while a backup copies, and given back whatever becomes of it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_milvus.profiles import Profile
from fake_places import FakePlace
from fake_worlds import FakeSide
from management_stand_in import MOST_TICKETS, Management, management
from module_process import finish, killed_at, run, run_here, start
from scripted_s3 import http, serving

from ansible_collections.vectorops.milvus.plugins.module_utils.backup import gc_pause
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.gc_pause import GcPause, ManagementEndpoint
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError

PLAN = "backup/made/control/plan.json"
LINES = (Profile((2, 6, 7)), Profile((2, 6, 8)))
BOUND_SECONDS = 900
"""A pause that nobody can give back any more may hold up a server for so long, and not longer."""


@pytest.fixture(params=LINES, ids=lambda profile: profile.text)
def server(request: pytest.FixtureRequest) -> Iterator[Management]:
    with management(request.param) as stand_in:
        yield stand_in


def source(place: FakePlace, server: Management) -> tuple[FakeSide, dict[str, Any]]:
    side = place.side(server.profile)
    side.create("docs")
    side.fill("docs", range(30))
    return side, place.for_backup(side, management_endpoint=server.url)


def eventually(check: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_it_is_held_for_the_copy_and_given_back(place: FakePlace, server: Management) -> None:
    """The plan that lies in the backup before the first copy names the ticket."""
    _side, wanted = source(place, server)
    made = run_here("milvus_backup", wanted)
    assert not made.failed, made.output
    assert made.result["gc_pause"] == {"paused": True, "reason": ""}
    assert (server.actions, server.paused) == (["pause", "resume"], False)
    ticket = json.loads(place.s3.objects[PLAN].body)["gc_ticket"]
    assert ticket == server.calls[1][1].get("ticket", "")
    assert bool(ticket) is server.profile.gives_gc_tickets
    assert int(server.calls[0][1]["pause_seconds"]) <= BOUND_SECONDS


def test_a_run_that_fails_gives_it_back(place: FakePlace, server: Management) -> None:
    """Here its storage credentials expire between the plan and the first copy."""
    _side, wanted = source(place, server)
    assert not run_here("milvus_backup", {**wanted, "name": "other"}).failed
    planned = PLAN.replace("made", "other")
    before = next(number for number, asked in enumerate(place.s3.asked) if asked.wrote and asked.keys == (planned,))
    server.calls.clear()
    place.s3.valid_for = len(place.s3.asked) + before + 1
    failed = run_here("milvus_backup", wanted)
    assert (failed.kind, PLAN in place.s3.objects) == ("credentials", True), failed.output
    assert (server.actions, server.paused) == (["pause", "resume"], False)


def test_a_run_that_is_told_to_stop_gives_it_back(place: FakePlace, server: Management) -> None:
    """Also one that hears that before it knows the ticket."""
    server.slow = 0.5
    _side, wanted = source(place, server)
    process = start("milvus_backup", {**wanted, "copy_concurrency": 1, "max_rate": "64K"})
    assert eventually(lambda: server.paused or process.poll() is not None)
    process.send_signal(signal.SIGTERM)
    finish(process)
    assert (server.actions[-1], server.paused) == ("resume", False)


def test_what_a_killed_run_leaves_the_next_one_gives_back(place: FakePlace, server: Management) -> None:
    _side, wanted = source(place, server)
    assert killed_at("milvus_backup", wanted, "before:copy insert log:1")
    assert server.paused
    done = run("milvus_backup", wanted)
    assert not done.failed, done.output
    assert (server.paused, server.tickets) == (False, {})


def test_what_nobody_gives_back_ends_by_itself(place: FakePlace, server: Management) -> None:
    """Killed before the plan was stored, nobody knows the ticket any more."""
    _side, wanted = source(place, server)
    assert killed_at("milvus_backup", wanted, "before:write plan:1")
    assert server.paused
    server.ahead = BOUND_SECONDS
    assert not server.paused


def test_it_is_renewed_while_a_copy_takes_long(server: Management, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a new ticket, and the old one is given back: a server takes 64 of them."""
    monkeypatch.setattr(gc_pause, "RENEW_SECONDS", 0.02)
    pause = GcPause(ManagementEndpoint(server.url), wanted=True)
    assert pause.begin().paused
    assert eventually(lambda: server.actions.count("pause") > MOST_TICKETS + 2)
    assert server.paused
    assert pause.end() == ""
    assert (server.paused, len(server.tickets)) == (False, 0)
    if server.profile.gives_gc_tickets:
        given = {query["ticket"] for action, query in server.calls if action == "resume"}
        assert len(given) == server.actions.count("pause")


def test_a_renewal_comes_in_time() -> None:
    assert gc_pause.RENEW_SECONDS * 3 <= gc_pause.PAUSE_SECONDS <= BOUND_SECONDS


def test_a_server_that_takes_no_more_pauses(place: FakePlace) -> None:
    with management(LINES[1]) as server:
        server.tickets = {str(number): time.time() + 60 for number in range(MOST_TICKETS)}
        side, wanted = source(place, server)
        made = run_here("milvus_backup", wanted)
        assert (made.failed, made.result["gc_pause"]["paused"]) == (False, False)
        assert "500" in made.result["gc_pause"]["reason"]
        refused = run_here("milvus_backup", {**wanted, "name": "must", "pause_gc": True})
        assert refused.kind == "version"
        assert len(server.tickets) == MOST_TICKETS, "those of others are left alone"
        assert side.world.find("default", "docs")


@pytest.mark.parametrize("body", ["<html>welcome</html>", "[]", '{"msg": "what?"}'])
def test_an_answer_of_something_else_is_no_pause(body: str) -> None:
    with serving(lambda _head, _body: http(body)) as port:
        endpoint = ManagementEndpoint(f"http://127.0.0.1:{port}")
        assert not gc_pause.pause(endpoint).paused
        with pytest.raises(MilvusOpsError) as caught:
            GcPause(endpoint, wanted=True).begin()
        assert caught.value.kind == "version"
        assert gc_pause.resume(endpoint, "t") != ""
