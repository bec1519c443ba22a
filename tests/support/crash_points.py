# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names for the moments at which a run of a module may die: around each request that changes something.

The hooks are where requests leave the process and their answers arrive, in the test's own process only. So the product
has no hook, and every write has a point, a new one too: one to a key of an unknown role is named by its path.

A point is C(before:write lock:1), C(after:copy insert log:7) or C(after:Import:2): the moment, what happens, and the
number of times that it has happened by then. Requests that are sent again count again.
"""

from __future__ import annotations

import http.client
import importlib
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

KILL_VARIABLE = "MODULE_PROCESS_KILL_AT"
RECORD_VARIABLE = "MODULE_PROCESS_RECORD_TO"
BEFORE, AFTER = "before", "after"
WIRE = "ansible_collections.vectorops.milvus.plugins.module_utils.store.http_wire"

ROLES = (
    (r"/vectorops_staging/.*/control/lock\.json", "staged lock"),
    (r"/vectorops_staging/.*/binlogs/.*", "staged log"),
    (r"/control/lock\.json", "lock"),
    (r"/control/restores/[0-9a-f]+\.json", "restore lock"),
    (r"/control/plan\.json", "plan"),
    (r"/control/objects-[0-9]+\.jsonl", "list of objects"),
    (r"/control/(manifest|manifest-next)\.json", ""),
    (r"/meta/[a-z_]+_meta\.json", ""),
    (r"/binlogs/insert_log/.*", "insert log"),
    (r"/binlogs/delta_log/.*", "delta log"),
    (r"/bundle/.*", "exported object"),
)
"""What the end of a path says an object is; '' where the name of the file says it best."""

COMMIT = "full_meta.json"
READING_CALLS = (
    "BackupRBAC",
    "Check",
    "Connect",
    "Describe",
    "Get",
    "Has",
    "List",
    "Query",
    "Search",
    "Select",
    "Show",
)
READING_METHODS = ("GET", "HEAD")
REST_ROOT = "/v2/vectordb/"
REST_CHANGES = ("/jobs/import/create",)


@dataclass(frozen=True)
class Point:
    moment: str
    event: str
    number: int

    def __str__(self) -> str:
        return f"{self.moment}:{self.event}:{self.number}"


def parse(text: str) -> Point:
    moment, _separator, rest = text.partition(":")
    event, _separator, number = rest.rpartition(":")
    if moment not in (BEFORE, AFTER) or not event or not number.isdecimal():
        raise ValueError(f"{text!r} is no point such as before:write lock:1")
    return Point(moment, event, int(number))


def points_of(recorded: Sequence[str]) -> list[Point]:
    """Before and after the first, the middle and the last of each kind of change, in the order of the recording."""
    counts = Counter(recorded)
    chosen = {event: sorted({1, (count + 1) // 2, count}) for event, count in counts.items()}
    return [Point(moment, event, number) for event in chosen for number in chosen[event] for moment in (BEFORE, AFTER)]


def name_of_write(head: bytes, body: bytes = b"") -> str:
    """What a request to the object storage changes, in words; '' if it changes nothing."""
    request_line, _separator, rest = head.decode().partition("\r\n")
    method, target, _version = request_line.split(" ")
    if method in READING_METHODS:
        return ""
    path, _separator, query = target.partition("?")
    if method == "POST" and query.startswith("delete"):
        return f"delete {_most_telling(_deleted_keys(body))}"
    verb = "delete" if method == "DELETE" else "copy" if "x-amz-copy-source:" in rest.lower() else "write"
    if "uploadId=" in query and method != "PUT":
        verb = "abort upload of" if method == "DELETE" else "complete upload of"
    elif "partNumber=" in query:
        verb = f"{verb} part of"
    elif query.startswith("uploads"):
        verb = "begin upload of"
    return f"{verb} {role_of(path)}"


def role_of(path: str) -> str:
    for pattern, role in ROLES:
        if re.search(f"{pattern}$", path):
            return role or path.rpartition("/")[2]
    return path


def changes(method: str) -> bool:
    """Whether a call to Milvus changes something; one that nobody knows counts as one that does."""
    return not method.startswith(READING_CALLS)


def arm() -> None:
    """Kill this process at a point, or record all changes, as the environment of the process says."""
    kill_at, record_to = os.environ.get(KILL_VARIABLE), os.environ.get(RECORD_VARIABLE)
    if not kill_at and not record_to:
        return
    watch = _Watch(parse(kill_at) if kill_at else None, Path(record_to) if record_to else None)
    _watch_writes(watch)
    _watch_calls_to_milvus(watch)
    _watch_rest_calls(watch)


def read_record(path: Path) -> list[str]:
    """The changes of a recorded run, in their order."""
    return path.read_text().splitlines() if path.exists() else []


class _Watch:
    """Is told of each change just before it, and ends this process around the one that is its point."""

    def __init__(self, point: Point | None, record: Path | None) -> None:
        self._point = point
        self._record = record
        self._counts: Counter[str] = Counter()
        self._guard = threading.Lock()

    def around(self, event: str, call: Callable[[], Any]) -> Any:
        number = self.begun(event)
        answer = call()
        self.ended(event, number)
        return answer

    def begun(self, event: str) -> int:
        with self._guard:
            self._counts[event] += 1
            number = self._counts[event]
            if self._record is not None:
                with self._record.open("a") as file:
                    file.write(f"{event}\n")
        if self._point == Point(BEFORE, event, number):
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    def ended(self, event: str, number: int) -> None:
        if self._point == Point(AFTER, event, number):
            os.kill(os.getpid(), signal.SIGKILL)


def _watch_writes(watch: _Watch) -> None:
    wire = importlib.import_module(WIRE)
    exchange = wire.Connection.exchange

    def hooked(connection: Any, head: bytes, body: Iterable[bytes | memoryview], timeout: float) -> Any:
        if head.startswith(b"POST "):  # a document, and small
            body = list(body)
            event = name_of_write(head, b"".join(body))
        else:
            event = name_of_write(head)
        if not event:
            return exchange(connection, head, body, timeout)
        return watch.around(event, lambda: exchange(connection, head, body, timeout))

    wire.Connection.exchange = hooked
    _watch_copies(watch, wire)


def _watch_copies(watch: _Watch, wire: Any) -> None:
    """Many of them are under way at once: sent here, and answered there."""
    begin, hear = wire.Connection.begin, wire.Connection.hear
    under_way: dict[Any, tuple[str, int]] = {}

    def begin_hooked(connection: Any, head: bytes) -> None:
        event = name_of_write(head)
        under_way[connection] = (event, watch.begun(event))
        begin(connection, head)

    def hear_hooked(connection: Any) -> Any:
        heard = hear(connection)
        if heard is not None and connection in under_way:
            watch.ended(*under_way.pop(connection))
        return heard

    wire.Connection.begin, wire.Connection.hear = begin_hooked, hear_hooked


def _watch_calls_to_milvus(watch: _Watch) -> None:
    from grpc import _channel

    original = _channel._UnaryUnaryMultiCallable.__call__

    def hooked(callable_: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        path = callable_._method.decode() if isinstance(callable_._method, bytes) else callable_._method
        method = path.rsplit("/", 1)[1]
        if not changes(method):
            return original(callable_, request, *arguments, **options)
        return watch.around(method, lambda: original(callable_, request, *arguments, **options))

    _channel._UnaryUnaryMultiCallable.__call__ = hooked


def _watch_rest_calls(watch: _Watch) -> None:
    """A request is over for this process when it is sent: the server acts whether or not anybody hears the answer."""
    original = http.client.HTTPConnection.request

    def hooked(connection: Any, method: str, url: str, *arguments: Any, **options: Any) -> Any:
        if not url.endswith(REST_CHANGES):
            return original(connection, method, url, *arguments, **options)
        return watch.around(
            url.removeprefix(REST_ROOT), lambda: original(connection, method, url, *arguments, **options)
        )

    http.client.HTTPConnection.request = hooked  # type: ignore[method-assign]


def _deleted_keys(body: bytes) -> list[str]:
    return [f"/{element.text}" for element in ElementTree.fromstring(body).iter() if element.tag.endswith("Key")]


def _most_telling(keys: Sequence[str]) -> str:
    """One request may delete many objects: it is named by the commit if that is among them, else by the first."""
    roles = [role_of(key) for key in keys]
    return COMMIT if COMMIT in roles else roles[0]
