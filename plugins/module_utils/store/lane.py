# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many small requests under way at once, from one thread, as long as they go well.

A thread for each request costs more than the request: threads of Python take turns, and wake each other in vain
(docs/performance.md). So requests go out on connections that are open already, and answers are read when they are
there. Whatever is not a plain success is given back to the caller, who asks again in the patient way, with its pauses,
its budget and its causes. So only requests may go this way that can be sent twice.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .http_wire import Connection, Dry, Heard, LineBroken
from .s3_errors import Refusal
from .s3_service import Request, Service, Site, is_busy, is_result

LOOK_SECONDS = 1.0
"""How often requests are looked for whose answer does not come."""

T = TypeVar("T")


@dataclass(frozen=True)
class Ended(Generic[T]):
    """C(well) says whether the answer was a success, which came after so many seconds; else it is as if never asked."""

    item: T
    well: bool
    seconds: float


@dataclass
class _UnderWay(Generic[T]):
    item: T
    request: Request
    entered: int
    began: float
    heard: bytes = b""

    @property
    def is_late(self) -> bool:
        return time.monotonic() - self.began > self.request.patience


class Lane(Generic[T]):
    """To be used by one thread. C(make_request) turns an item into its request, None if it is not one for this way.

    C(is_of_use) says whether any item still may be one.
    """

    def __init__(
        self, service: Service, make_request: Callable[[T], Request | None], is_of_use: Callable[[], bool]
    ) -> None:
        self.is_of_use = is_of_use
        self._service = service
        self._make_request = make_request
        self._site: Site = service.site
        self._selector = selectors.DefaultSelector()
        self._under_way: dict[Connection, _UnderWay[T]] = {}
        self._free: list[Connection] = []
        self._look_at = time.monotonic() + LOOK_SECONDS

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    def begin(self, item: T) -> bool:
        """Send the request of an item. False where none was sent: no connection is free, or the service is busy."""
        request = self._make_request(item)
        entered = self._service.gate.enter_at_once() if request else None
        if request is None or entered is None:
            return False
        connection = self._take()
        if connection is not None:
            try:
                connection.begin(self._site.head(request, b""))
            except LineBroken:
                self._drop(connection)
            except Refusal:
                self._free.append(connection)
            else:
                self._under_way[connection] = _UnderWay(item, request, entered, time.monotonic())
                return True
        self._service.gate.withdraw()
        return False

    def ended(self, seconds: float) -> list[Ended[T]]:
        """What has ended, after a wait of at most so long for the first."""
        if not self._selector.get_map():
            time.sleep(seconds)
            return []
        ended = []
        for key, _events in self._selector.select(seconds):
            done = self._hear(key.data)
            if done is not None:
                ended.append(done)
        if time.monotonic() > self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            late = [connection for connection, asked in self._under_way.items() if asked.is_late]
            ended += [self._give_up(connection) for connection in late]
        return ended

    def close(self) -> None:
        """Give the connections back, but for those whose request is still under way: these are closed."""
        for connection in list(self._under_way):
            self._give_up(connection)
        for connection in self._free:
            self._selector.unregister(connection)
            self._site.connections.give_back(connection)
        self._free.clear()
        self._selector.close()

    def _take(self) -> Connection | None:
        """An open connection that nobody uses. Making one takes time, so that is left to the patient way."""
        if self._site is not self._service.site:
            for kept in list(self._free):
                self._drop(kept)
            self._site = self._service.site
        if self._free:
            return self._free.pop()
        connection = self._site.connections.take_kept()
        if connection is not None:
            self._selector.register(connection, selectors.EVENT_READ, connection)
        return connection

    def _drop(self, connection: Connection) -> None:
        if connection in self._free:
            self._free.remove(connection)
        self._selector.unregister(connection)
        connection.close()

    def _hear(self, connection: Connection) -> Ended[T] | None:
        """Read what has arrived; None while it is not the whole answer."""
        asked = self._under_way.get(connection)
        try:
            heard = connection.hear()
            if heard is None:
                return None
            if asked is None:  # closed by the service, or it speaks without being asked
                self._drop(connection)
                return None
            asked.heard += heard
            return self._judge(connection, asked, ended=not heard)
        except LineBroken:
            if asked is not None:
                return self._give_up(connection)
            self._drop(connection)
            return None

    def _judge(self, connection: Connection, asked: _UnderWay[T], *, ended: bool) -> Ended[T] | None:
        """What has arrived so far, read from its beginning: answers are small, and nearly all come in one piece."""
        line = Connection(Heard(asked.heard, ended=ended))
        try:
            answer = line.final_answer()
            body = answer.read_all(asked.request.most, time.monotonic() + asked.request.patience)
        except Dry:
            return None
        well = 200 <= answer.status < 300 and is_result(asked.request, answer, body)
        del self._under_way[connection]
        self._service.gate.leave(asked.entered, busy=not well and is_busy(answer.status, body))
        if line.is_free(answer):
            self._free.append(connection)
        else:
            self._drop(connection)
        if well:
            self._service.note_success()
        return Ended(asked.item, well, time.monotonic() - asked.began)

    def _give_up(self, connection: Connection) -> Ended[T]:
        asked = self._under_way.pop(connection)
        self._service.gate.withdraw()
        self._drop(connection)
        return Ended(asked.item, False, time.monotonic() - asked.began)
