# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A strict stand-in for the management endpoint of servers from 2.4 on, which cannot run here: its pauses of the
garbage collection.

Up to 2.6.7 there is one pause for all, which any resume ends. From 2.6.8 on every pause has a ticket, there may be 64
at a time, and a resume without a ticket is an error. A pause always ends by itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from fake_milvus.profiles import Profile
from scripted_s3 import http, serving

ROOT = "/management/datacoord/garbage_collection/"
MOST_TICKETS = 64
WORDS = {"pause": {"pause_seconds", "collection_id"}, "resume": {"ticket"}}


@dataclass
class Management:
    """C(calls) are actions with their queries, C(tickets) the ends of pauses; C(ahead) moves the clock.

    A pause is answered C(slow) seconds after it was noted down.
    """

    profile: Profile
    url: str = ""
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    tickets: dict[str, float] = field(default_factory=dict)
    ahead: float = 0.0
    slow: float = 0.0

    @property
    def paused(self) -> bool:
        now = time.time() + self.ahead
        return any(end > now for end in self.tickets.values())

    @property
    def actions(self) -> list[str]:
        return [action for action, _query in self.calls]

    def answer(self, head: str, _body: bytes) -> bytes:
        method, target = head.split(" ", 2)[:2]
        parts = urlsplit(target)
        action, query = parts.path.removeprefix(ROOT), dict(parse_qsl(parts.query))
        self.calls.append((action, query))
        if method != "GET" or action not in WORDS:
            return http("404 page not found", "404 Not Found")
        if set(query) - WORDS[action]:
            return _failed(f"unknown parameters: {sorted(query)}")
        if action == "resume":
            return self._resume(query)
        answer = self._pause(query)
        time.sleep(self.slow)
        return answer

    def _pause(self, query: dict[str, str]) -> bytes:
        if not query.get("pause_seconds", "").isdigit():
            return _failed('strconv.ParseInt: parsing "": invalid syntax')
        now = time.time() + self.ahead
        end = now + int(query["pause_seconds"])
        if not self.profile.gives_gc_tickets:
            self.tickets[""] = max(end, self.tickets.get("", 0.0))
            return http(json.dumps({"msg": "OK"}))
        self.tickets = {ticket: until for ticket, until in self.tickets.items() if until > now}
        if len(self.tickets) >= MOST_TICKETS:
            return _failed("too many pause records")
        ticket = f"ticket-{len(self.calls)}"
        self.tickets[ticket] = end
        return http(json.dumps({"msg": "OK", "ticket": ticket}))

    def _resume(self, query: dict[str, str]) -> bytes:
        """Another ticket than one that is held is no error, and ends nothing."""
        if not self.profile.gives_gc_tickets:
            self.tickets.clear()
        elif not query.get("ticket"):
            return _failed('strconv.ParseInt: parsing "": invalid syntax')
        else:
            self.tickets.pop(query["ticket"], None)
        return http(json.dumps({"msg": "OK"}))


def _failed(reason: str) -> bytes:
    body = json.dumps({"msg": f"failed to pause garbage collection, {reason}"})
    return http(body, "500 Internal Server Error")


@contextmanager
def management(profile: Profile) -> Iterator[Management]:
    stand_in = Management(profile)
    with serving(stand_in.answer) as port:
        stand_in.url = f"http://127.0.0.1:{port}"
        yield stand_in
