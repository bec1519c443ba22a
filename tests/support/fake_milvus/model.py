# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server holds, in memory: databases, collections, their segments, and the moment it is."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pymilvus.grpc_gen import schema_pb2
from rbac_stand_in import RbacStandIn

from .cells import ROW_ID, TIMESTAMP, Row
from .profiles import Profile
from .refusals import Denied, Refused, Unanswered, no_collection, no_database, no_partition

DEFAULT = "default"
ALL_PARTITIONS = -1
LOGICAL_BITS = 18
DATA_KINDS = ("writing", "reading")


class Objects(Protocol):
    """The bucket of the server: every key in it with its content."""

    def keys(self, prefix: str) -> list[str]:
        """Those that begin with the prefix."""

    def get(self, key: str) -> bytes:
        """The whole object."""

    def put(self, key: str, body: bytes) -> None:
        """Store it, in place of one that was there."""


@dataclass
class Segment:
    """Rows, or deletes, that became files at a flush or came by an import. C(logs) are log ids by field or group."""

    number: int
    partition: int
    channel: str
    rows: list[Row] = field(default_factory=list)
    deletes: list[tuple[Any, int]] = field(default_factory=list)
    level: str = "L1"
    state: str = "Flushed"
    storage_version: int = 0
    logs: dict[int, list[int]] = field(default_factory=dict)
    delta_logs: list[int] = field(default_factory=list)
    job: int = 0
    """The job that brings it, while nobody may see it."""


@dataclass
class Index:
    name: str
    number: int
    field_name: str
    params: Mapping[str, str]


@dataclass
class Collection:
    """C(loaded) are the segments that queries see; C(pending) are rows and deletes that no flush has stored yet."""

    number: int
    database: str
    name: str
    schema: Any
    shards: int
    consistency: int
    properties: dict[str, str]
    created: int
    partitions: dict[str, int]
    has_partition_key: bool
    segments: list[Segment] = field(default_factory=list)
    pending: list[Segment] = field(default_factory=list)
    indexes: dict[str, Index] = field(default_factory=dict)
    loaded: bool = False
    unseen: set[int] = field(default_factory=set)
    """Segments that came while the collection was loaded: queries see them after the next load."""

    flushed_at: float = float("-inf")
    renamed: bool = False

    @property
    def channels(self) -> list[str]:
        return [f"by-dev-rootcoord-dml_{place}_{self.number}v{place}" for place in range(self.shards)]

    @property
    def physical_channels(self) -> list[str]:
        return [name.rpartition("_")[0] for name in self.channels]

    @property
    def key(self) -> Any:
        return next(item for item in self.schema.fields if item.is_primary_key)

    @property
    def last_field(self) -> int:
        """The highest number of a field."""
        structs = self.schema.struct_array_fields
        inside = [part.fieldID for item in structs for part in (item, *item.fields)]
        return max([*(item.fieldID for item in self.schema.fields), *inside])

    def partition_id(self, name: str) -> int:
        if name not in self.partitions:
            raise no_partition(name)
        return self.partitions[name]

    def visible(self) -> Iterator[Row]:
        """The rows that are there: a delete takes older rows of its key, wherever it may act."""
        segments = [item for item in (*self.segments, *self.pending) if not item.job and item.number not in self.unseen]
        wide: dict[tuple[int, Any], int] = {}
        for segment in segments:
            if segment.level == "L0":
                for key, moment in segment.deletes:
                    place = (segment.partition, key)
                    wide[place] = max(moment, wide.get(place, 0))
        key_id = self.key.fieldID
        for segment in segments:
            own: dict[Any, int] = {}
            for key, moment in segment.deletes if segment.level != "L0" else ():
                own[key] = max(moment, own.get(key, 0))
            for row in segment.rows:
                key = row[key_id]
                ends = (own.get(key, 0), wide.get((segment.partition, key), 0), wide.get((ALL_PARTITIONS, key), 0))
                if row[TIMESTAMP] >= max(ends):
                    yield row


@dataclass
class Clock:
    """The time of the server; tests move it."""

    ahead: float = 0.0

    def now(self) -> float:
        return time.time() + self.ahead


@dataclass
class LateRename:
    """The rename of this number from now on has no answer in time: it waits for other work in its database.

    The server carries it out all the same, when it was called so often again; with None it does not.
    """

    number: int
    after_calls: int | None
    waiting: Callable[[], None] | None = None


@dataclass
class World:
    """One server. C(flush_seconds) is what must lie between two flushes of a collection; C(calls) names every call."""

    profile: Profile
    objects: Objects
    root_path: str
    login: str = ""
    flush_seconds: float = 10.0
    databases: dict[str, dict[str, str]] = field(default_factory=lambda: {DEFAULT: {}})
    collections: list[Collection] = field(default_factory=list)
    aliases: dict[tuple[str, str], Collection] = field(default_factory=dict)
    rights: RbacStandIn = field(default_factory=RbacStandIn)
    clock: Clock = field(default_factory=Clock)
    calls: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    to_flush: list[Collection] = field(default_factory=list)
    """What a flush of all has sealed and not stored yet: it is stored when somebody has asked once how far it is."""

    late: LateRename | None = None
    sealed_at: int = 0
    """The moment of the last flush of all."""

    guard: threading.RLock = field(default_factory=threading.RLock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(455_000_000_000_000_000, 7))
    _last: int = 0

    def next_number(self) -> int:
        return next(self.numbers)

    def moment(self) -> int:
        """A hybrid timestamp that no other has."""
        self._last = max(self._last + 1, int(self.clock.now() * 1000) << LOGICAL_BITS)
        return self._last

    def database(self, name: str) -> str:
        name = name or DEFAULT
        if name not in self.databases:
            raise no_database(name)
        return name

    def named(self, database: str, name: str) -> Collection | None:
        """Without regard to aliases."""
        return next((item for item in self.collections if (item.database, item.name) == (database, name)), None)

    def find(self, database: str, name: str) -> Collection:
        database = self.database(database)
        found = self.named(database, name) or self.aliases.get((database, name))
        if found is None:
            raise no_collection(database, name)
        return found

    def aliases_of(self, collection: Collection) -> list[str]:
        return sorted(alias for (_database, alias), held in self.aliases.items() if held is collection)

    def by_number(self, number: int) -> Collection | None:
        return next((item for item in self.collections if item.number == number), None)

    def require_right(self, privilege: str) -> None:
        if privilege in self.rights.denied:
            raise Denied(privilege)

    def require_open(self, database: str, kind: str) -> None:
        """C(kind) is writing, reading, collectionDDL, partitionDDL, index or flush; a property may forbid it."""
        properties = self.databases[database]
        names = (f"database.force.deny.{kind}", "" if kind in DATA_KINDS else "database.force.deny.ddl")
        if any(properties.get(name, "").lower() == "true" for name in names):
            raise Refused(9, "quota exceeded[reason=access has been disabled by the administrator]")

    def rename(self, do: Callable[[], None]) -> None:
        """Raises Unanswered for the one that comes late."""
        if self.late is not None:
            self.late.number -= 1
            if self.late.number == 0:
                self.late.waiting = do
                raise Unanswered
        do()

    def go_on(self) -> None:
        """Somebody calls: the rename that waits may have its turn."""
        late = self.late
        if late is None or late.waiting is None or late.after_calls is None:
            return
        late.after_calls -= 1
        if late.after_calls <= 0:
            self.late = None
            late.waiting()

    def restart(self) -> None:
        """Kill and start: what is only in memory is gone, and so is what 2.5.14 takes from a renamed collection."""
        with self.guard:
            if self.profile.loses_renamed:
                gone = [item for item in self.collections if item.renamed]
                self.collections = [item for item in self.collections if item not in gone]
                self.aliases = {key: held for key, held in self.aliases.items() if held not in gone}
            for collection in self.collections:
                collection.flushed_at = float("-inf")


def stored_fields(schema: Any) -> list[Any]:
    """Every field that has binlogs, the two of the system among them."""
    system = [
        schema_pb2.FieldSchema(fieldID=ROW_ID, name="RowID", data_type=schema_pb2.Int64),
        schema_pb2.FieldSchema(fieldID=TIMESTAMP, name="Timestamp", data_type=schema_pb2.Int64),
    ]
    inside = [part for item in schema.struct_array_fields for part in item.fields]
    return [*system, *schema.fields, *inside]
