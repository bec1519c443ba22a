# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holding the server's garbage collection while a copy runs, where the server can (management endpoint).

Servers of the 2.3 line have no such call (404), so a backup never relies on it: a vanished object is planned again.
From 2.6.8 on they answer with a ticket, and only that ends the pause; before, there is one pause for everybody. It is
for all collections: a pause for one of them does not keep its orphaned files, and a server takes 64 tickets at a time.

A pause that is lost, with a run that was killed before the ticket was stored or after it was renewed, ends by itself
after C(PAUSE_SECONDS).
"""

from __future__ import annotations

import json
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError, usage_error

PATH = "/management/datacoord/garbage_collection/"
PAUSE_SECONDS = 900
RENEW_SECONDS = 240
CALL_SECONDS = 15
MAX_ANSWER_BYTES = 65536
NO_MILVUS = "the answer is none of a Milvus server"


@dataclass(frozen=True)
class GcState:
    """Whether the collection is paused; C(ticket) is empty where the server gives none, C(reason) says why not."""

    paused: bool
    ticket: str = ""
    reason: str = ""


@dataclass(frozen=True)
class ManagementEndpoint:
    """URL of the management endpoint, and the CA to verify it with."""

    url: str
    ca_path: str | None = None

    def get(self, path: str, **query: str) -> bytes:
        address = f"{self.url.rstrip('/')}{path}?{urllib.parse.urlencode(query)}"
        context = ssl.create_default_context(cafile=self.ca_path) if self.url.startswith("https://") else None
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), *([urllib.request.HTTPSHandler(context=context)] if context else [])
        )
        with opener.open(address, timeout=CALL_SECONDS) as answer:
            return bytes(answer.read(MAX_ANSWER_BYTES))


def management_endpoint(url: str | None, ca_path: str | None) -> ManagementEndpoint | None:
    """Check the option. Raises usage errors for anything but a plain http or https URL."""
    if not url:
        return None
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise usage_error(
            "reading the connection options",
            "management_endpoint",
            "this is not the URL of a management endpoint",
            "write http://host:9091",
        )
    return ManagementEndpoint(url, ca_path)


def pause(endpoint: ManagementEndpoint | None) -> GcState:
    """Pause for a while. A server without the call, or out of reach, is a state with its reason, not an error."""
    if endpoint is None:
        return GcState(False, reason="no management_endpoint is given")
    try:
        answer = endpoint.get(PATH + "pause", pause_seconds=str(PAUSE_SECONDS), collection_id="0")
    except urllib.error.HTTPError as error:
        known = "the server has no such call" if error.code == 404 else f"the server answered {error.code}"
        return GcState(False, reason=known)
    except (urllib.error.URLError, OSError) as error:
        return GcState(False, reason=f"the management endpoint does not answer: {getattr(error, 'reason', error)}")
    values = _understood(answer)
    if values is None:
        return GcState(False, reason=NO_MILVUS)
    return GcState(True, ticket=str(values.get("ticket") or ""))


def resume(endpoint: ManagementEndpoint | None, ticket: str) -> str:
    """Give the pause back; returns why that failed, or ''. The pause then ends by itself."""
    if endpoint is None:
        return "no management_endpoint is given"
    try:
        answer = endpoint.get(PATH + "resume", **({"ticket": ticket} if ticket else {}))
    except (urllib.error.URLError, OSError) as error:
        return str(getattr(error, "reason", error))
    return NO_MILVUS if _understood(answer) is None else ""


class GcPause:
    """A pause that is renewed from M(begin) to M(end). C(wanted) None pauses where the server can, True requires it.

    A thread asks for it, so that a run that is told to stop meanwhile still learns the ticket, and gives it back.
    """

    def __init__(self, endpoint: ManagementEndpoint | None, *, wanted: bool | None) -> None:
        self._endpoint = endpoint
        self._wanted = wanted
        self._stop = threading.Event()
        self._asked = threading.Event()
        self._holder = threading.Thread(target=self._hold, name="gc-pause", daemon=True)
        self._state = GcState(False, reason="it was not asked for")

    def begin(self) -> GcState:
        """Raises C(version) where the pause is required and cannot be had."""
        if self._wanted is False or (self._wanted is None and self._endpoint is None):
            return self._state
        self._holder.start()
        self._asked.wait()
        if self._wanted and not self._state.paused:
            raise MilvusOpsError(
                "version",
                "pausing the garbage collection of the server",
                self._endpoint.url if self._endpoint else "management_endpoint",
                self._state.reason,
                next_step="leave pause_gc unset: it is then used where the server has it, and a backup is safe without",
            )
        return self._state

    def end(self) -> str:
        """Resume the garbage collection; returns a warning, or ''."""
        self._stop.set()
        if self._holder.ident is None:
            return ""
        self._holder.join()
        problem = resume(self._endpoint, self._state.ticket) if self._state.paused else ""
        return (
            f"the garbage collection of the server was not resumed ({problem}); it resumes by itself "
            f"after {PAUSE_SECONDS} seconds"
            if problem
            else ""
        )

    def _hold(self) -> None:
        try:
            self._state = pause(self._endpoint)
        finally:
            self._asked.set()
        while self._state.paused and not self._stop.wait(RENEW_SECONDS):
            renewed = pause(self._endpoint)
            if renewed.paused:
                old, self._state = self._state, renewed
                if old.ticket and old.ticket != renewed.ticket:
                    resume(self._endpoint, old.ticket)


def _understood(answer: bytes) -> dict[str, Any] | None:
    """What a server says that has done it; None for the page of another service."""
    try:
        values = json.loads(answer)
    except ValueError:
        return None
    return values if isinstance(values, dict) and values.get("msg") == "OK" else None
