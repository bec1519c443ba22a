# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to one bucket: signed, sent over kept connections, repeated where that helps, refused ones told apart.

Everything that reaches an S3 service passes through here: copies, listings, streams, locks, deletions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar
from urllib.parse import urlsplit

from ..errors import NOTHING_WRITTEN, MilvusOpsError, usage_error
from .aws_access import Access
from .base import ConditionFailed, SourceMissing, TransferBroken
from .config import StoreConfig
from .gate import Gate
from .http_wire import Answer, Connection, LineBroken
from .retry import ATTEMPTS, DEADLINE_SECONDS, FIRST_CONTACT_ATTEMPTS, THROTTLED, RetryBudget, persist
from .route import Connections, find_route
from .s3_documents import has_text, is_document, text_of
from .s3_errors import Refusal, failure_kind, may_succeed_again, next_step_for
from .sigv4 import EMPTY_SHA256, UNSIGNED, Signer, quoted_path, quoted_query
from .stream import CheckedReader

READ_SECONDS = 60.0
SLOWEST_BYTES = 10 << 20
"""Bytes a second that a service is expected to move at least: time-outs grow with the size of an object."""

SLICE_BYTES = 1 << 20
MOST_DOCUMENT_BYTES = 64 << 20
UNMET = (304, 412)
"""What says that a condition does not hold; 304 is what older releases of MinIO answer to a write."""

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """What to ask for; without a key it is about the bucket. A success must carry a document with the root C(root), and
    a text in its element C(holds).

    C(moved) are the bytes that the service moves before it answers; C(most) is what an answer may have.
    What is C(urgent) does not wait for its turn while a busy service is asked less: a lock that expires meanwhile, or
    what the places that are taken wait for.
    """

    method: str
    key: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    root: str = ""
    holds: str = ""
    moved: int = 0
    most: int = MOST_DOCUMENT_BYTES
    urgent: bool = False

    @property
    def patience(self) -> float:
        """Seconds after which no answer is expected any more."""
        return READ_SECONDS + self.moved / SLOWEST_BYTES


@dataclass(frozen=True)
class Reply:
    """An answer with its whole body."""

    headers: Mapping[str, str]
    body: bytes


class TooLarge(Exception):
    """The answer has more bytes than asked for; C(size) of them."""

    def __init__(self, size: int) -> None:
        super().__init__(str(size))
        self.size = size


@dataclass(frozen=True)
class Site:
    """Where the bucket lies, and what it takes to ask there. Replaced whole when another region turns out to be right:

    requests that are under way then end with what they began with.
    """

    region: str
    base: str
    signer: Signer
    connections: Connections

    def path(self, key: str) -> str:
        return f"{self.base}/{quoted_path(key)}" if key else self.base or "/"

    def head(self, request: Request, body: bytes | CheckedReader) -> bytes:
        """The signed head of a request. Raises Refusal for values that would break out of their line."""
        route = self.connections.route
        path, query = self.path(request.key), quoted_query(request.query) if request.query else ""
        headers = {"host": route.host, **request.headers}
        self.signer.sign(request.method, path, query, headers, _payload_digest(body))
        target = f"{path}?{query}" if query else path
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if not lines.count("\r") == lines.count("\n") == len(headers):
            raise Refusal("InvalidHeader", "a key id, a token or an ETag has a line break in it")
        text = (
            f"{request.method} {route.request_prefix}{target} HTTP/1.1\r\n{lines}{route.request_headers}"
            f"content-length: {len(body)}\r\n\r\n"
        )
        return text.encode()


@dataclass(frozen=True)
class _Exchange:
    """A request that was answered; its connection goes back to where it came from."""

    site: Site
    connection: Connection
    answer: Answer

    def end(self) -> None:
        if self.connection.is_free(self.answer):
            self.site.connections.give_back(self.connection)
        else:
            self.connection.close()


class Service:
    """One bucket as seen with one set of keys. Safe to use from many threads."""

    def __init__(self, config: StoreConfig, concurrency: int) -> None:
        self._config = config
        self._access = Access(config)
        self._concurrency = concurrency
        self.gate = Gate(concurrency)
        self._budget = RetryBudget()
        self._contacted = False
        try:
            self._site = self._site_in(self._access.region())
        except (ValueError, OSError) as error:
            raise usage_error(
                "opening the object storage", config.label, str(error), "correct the storage options of this side"
            ) from error

    @property
    def site(self) -> Site:
        return self._site

    def note_success(self) -> None:
        self._contacted = True
        self._budget.refill()

    def ask(self, action: str, request: Request, still_wanted: Callable[[], None] = lambda: None) -> Reply:
        """The answer, after as many attempts as it takes. Raises SourceMissing, ConditionFailed, MilvusOpsError."""
        return self._repeat(action, request, lambda fresh: self._ask_once(action, request, fresh), still_wanted)

    def parsed(
        self,
        action: str,
        request: Request,
        parse: Callable[[bytes], T],
        still_wanted: Callable[[], None] = lambda: None,
    ) -> T:
        """As M(ask), for a document; one that cannot be parsed is asked for again."""

        def attempt(fresh: bool) -> T:
            try:
                return parse(self._ask_once(action, request, fresh).body)
            except LineBroken as error:
                raise TransferBroken(failure_kind(error.name), str(error)) from error

        return self._repeat(action, request, attempt, still_wanted)

    @contextmanager
    def open(self, action: str, request: Request) -> Iterator[Answer]:
        """An answer whose body the caller reads: what breaks there leaves as LineBroken."""

        def attempt(fresh: bool) -> _Exchange:
            with self._admitted(request):
                return self._send(action, request, request.body, fresh)

        exchange = self._repeat(action, request, attempt)
        try:
            yield exchange.answer
        finally:
            exchange.end()

    def send_once(self, action: str, request: Request, body: CheckedReader) -> Reply:
        """Upload a body that can be read once only. Raises TransferBroken where another attempt may succeed."""
        with self._admitted(request):
            return self._receive(action, request, self._send(action, request, body, fresh=False))

    def persist(
        self,
        attempt: Callable[[], T],
        what: str,
        *,
        operation: str = "streaming an object",
        still_wanted: Callable[[], None] = lambda: None,
        moved: int = 0,
    ) -> T:
        """Repeat what moves bytes through this process, C(moved) if that is known, as requests are repeated."""
        seconds = DEADLINE_SECONDS + moved / SLOWEST_BYTES
        return persist(
            attempt, what, operation=operation, budget=self._budget, seconds=seconds, still_wanted=still_wanted
        )

    def place(self, key: str) -> str:
        return f"{self._config.label}/{key}"

    def failure(self, action: str, key: str, refusal: Refusal) -> MilvusOpsError:
        """A refusal that no other attempt changes."""
        kind = failure_kind(refusal.code, refusal.status)
        return MilvusOpsError(
            kind,
            f"{action} in the object storage",
            self.place(key),
            str(refusal),
            next_step=next_step_for(kind, refusal.code),
        )

    def _repeat(
        self,
        action: str,
        request: Request,
        attempt: Callable[[bool], T],
        still_wanted: Callable[[], None] = lambda: None,
    ) -> T:
        """Call C(attempt) until it succeeds: with True after a broken connection, to use no kept one again."""
        broke = False

        def once() -> T:
            nonlocal broke
            try:
                return attempt(broke)
            except TransferBroken as error:
                broke = isinstance(error.__cause__, LineBroken)
                raise

        return persist(
            once,
            self.place(request.key),
            operation=f"{action} in the object storage",
            attempts=lambda: ATTEMPTS if self._contacted else FIRST_CONTACT_ATTEMPTS,
            budget=self._budget,
            seconds=DEADLINE_SECONDS + request.moved / SLOWEST_BYTES,
            still_wanted=still_wanted,
            state_left=NOTHING_WRITTEN,
        )

    def _ask_once(self, action: str, request: Request, fresh: bool) -> Reply:
        with self._admitted(request):
            return self._receive(action, request, self._send(action, request, request.body, fresh))

    @contextmanager
    def _admitted(self, request: Request) -> Iterator[None]:
        if request.urgent:
            yield
            return
        entered, broken = self.gate.enter(), ""
        try:
            yield
        except TransferBroken as error:
            broken = error.kind
            raise
        finally:
            if broken in ("", THROTTLED):
                self.gate.leave(entered, busy=bool(broken))
            else:
                self.gate.withdraw()

    def _send(self, action: str, request: Request, body: bytes | CheckedReader, fresh: bool) -> _Exchange:
        """The head of a success; everything else is raised."""
        pieces = body.pieces() if isinstance(body, CheckedReader) else _slices(body) if body else ()
        site = self._site
        try:
            head = site.head(request, body)
            connection = site.connections.take(fresh=fresh)
            answer = connection.exchange(head, pieces, request.patience)
            exchange = _Exchange(site, connection, answer)
            self._contacted = True
            if answer.status < 300:
                return exchange
            document = answer.read_all(MOST_DOCUMENT_BYTES, time.monotonic() + READ_SECONDS)
        except LineBroken as error:
            raise self._meaning_of(Refusal(error.name, str(error)), action, request) from error
        except Refusal as error:
            raise self._meaning_of(error, action, request) from error
        exchange.end()
        self._learn_region(exchange, document)
        code, message = text_of(document, "Code"), text_of(document, "Message")
        why = message if code else "no document of the service says why"
        refusal = Refusal(code or str(answer.status), why, answer.status)
        raise self._meaning_of(refusal, action, request) from refusal

    def _receive(self, action: str, request: Request, exchange: _Exchange) -> Reply:
        """The rest of a success. A 200 is one only with the document that belongs to it."""
        answer = exchange.answer
        length = int(answer.headers.get("content-length", 0))
        if length > request.most:
            exchange.connection.close()
            raise TooLarge(length)
        try:
            body = answer.read_all(request.most, time.monotonic() + request.patience)
        except LineBroken as error:
            raise self._meaning_of(Refusal(error.name, str(error)), action, request) from error
        finally:
            exchange.end()
        if not is_result(request, answer, body):
            refusal = Refusal(text_of(body, "Code") or "NoResult", text_of(body, "Message") or "a 200 without a result")
            raise self._meaning_of(refusal, action, request) from refusal
        return Reply(answer.headers, body)

    def _meaning_of(self, refusal: Refusal, action: str, request: Request) -> Exception:
        """What a refused or broken request is to the caller: another object, a reason to try again, or the end."""
        code = refusal.code
        if refusal.status in UNMET or code == "PreconditionFailed":
            return ConditionFailed(request.key)
        if code == "NoSuchKey":
            return SourceMissing(request.key)
        kind = failure_kind(code, refusal.status)
        if may_succeed_again(code, refusal.status):
            kind = "unreachable" if kind == "internal" else kind
            return TransferBroken(kind, str(refusal), next_step_for(kind, code))
        return self.failure(action, request.key, refusal)

    def _learn_region(self, exchange: _Exchange, document: bytes) -> None:
        """A bucket of Amazon's may lie in another region than asked: the answer says which. Raises TransferBroken."""
        answer = exchange.answer
        region = answer.headers.get("x-amz-bucket-region") or text_of(document, "Region")
        if region and region != exchange.site.region and answer.status in (301, 307, 400) and not self._config.region:
            if region != self._site.region:  # else another request has learnt it meanwhile
                self._site = self._site_in(region)
            raise TransferBroken("unreachable", f"the bucket lies in {region}")

    def _site_in(self, region: str) -> Site:
        url = self._access.bucket_url(region)
        connections = Connections(find_route(url, self._access.tls_context), self._concurrency)
        return Site(region, quoted_path(urlsplit(url).path), Signer(self._access.keys(), region), connections)


def _slices(body: bytes) -> Iterator[memoryview]:
    """A large document goes out in slices: a time-out is for each, and says nothing about how slow a line may be."""
    whole = memoryview(body)
    return (whole[first : first + SLICE_BYTES] for first in range(0, len(body), SLICE_BYTES))


def is_result(request: Request, answer: Answer, body: bytes) -> bool:
    """Whether a success is one: something on the way may answer with a page of its own. What was stored has an ETag."""
    if not request.root:
        return request.method != "PUT" or bool(answer.headers.get("etag"))
    return is_document(body, request.root) and (not request.holds or has_text(body, request.holds))


def is_busy(status: int, body: bytes) -> bool:
    """Whether an answer asks for fewer requests."""
    code = text_of(body, "Code") or str(status)
    return failure_kind(code, status) == THROTTLED


def _payload_digest(body: bytes | CheckedReader) -> str:
    """What is signed of a body. One that is streamed is not known yet: its MD5 is compared afterwards."""
    if isinstance(body, CheckedReader):
        return UNSIGNED
    return sha256(body).hexdigest() if body else EMPTY_SHA256
