# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many logs in little memory: a plan of a million objects is held as numbers, and spelled out one segment at a time."""

from __future__ import annotations

import re
from array import array
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import overload

from ..store.base import StoredObject
from .layout import LogKey
from .manifest import FieldLogs, Log

MD5 = re.compile(r"[0-9a-f]{32}")
DIGEST_BYTES = 16


class Etags:
    """ETags in order: the bytes of those that are an MD5, the text of others."""

    __slots__ = ("_digests", "_others")

    def __init__(self) -> None:
        self._digests = bytearray()
        self._others: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._digests) // DIGEST_BYTES

    def __getitem__(self, position: int) -> str:
        other = self._others.get(position)
        if other is not None:
            return other
        return self._digests[position * DIGEST_BYTES : (position + 1) * DIGEST_BYTES].hex()

    def append(self, etag: str) -> None:
        if MD5.fullmatch(etag):
            self._digests += bytes.fromhex(etag)
        else:
            self._others[len(self)] = etag
            self._digests += bytes(DIGEST_BYTES)


class PackedLogs(Sequence[FieldLogs]):
    """The insert logs or the delete logs of one segment, by field and id; C(folder) is where they lie at the source."""

    __slots__ = ("_etags", "_fields", "_folder", "_ids", "_sizes")

    def __init__(self, folder: str, logs: Iterable[tuple[LogKey, StoredObject]]) -> None:
        ordered = sorted(logs, key=lambda log: (log[0].field_id or 0, log[0].log_id))
        self._folder = folder
        self._fields = array("Q", (key.field_id for key, _stored in ordered if key.field_id is not None))
        self._ids = array("Q", (key.log_id for key, _stored in ordered))
        self._sizes = array("Q", (stored.size for _key, stored in ordered))
        self._etags = Etags()
        for _key, stored in ordered:
            self._etags.append(stored.etag)

    def only(self, wanted: Container[tuple[int, int]]) -> PackedLogs:
        """Those of these fields and ids; a delete log has the field 0."""
        logs = (
            (LogKey(0, 0, 0, self._fields[number] if self._fields else None, self._ids[number]), stored)
            for number, stored in enumerate(self._stored(number) for number in range(self.objects))
            if (self._field_of(number), self._ids[number]) in wanted
        )
        return PackedLogs(self._folder, logs)

    @property
    def objects(self) -> int:
        return len(self._ids)

    @property
    def bytes(self) -> int:
        return sum(self._sizes)

    def __len__(self) -> int:
        return len(set(self._fields)) or bool(self._ids)

    @overload
    def __getitem__(self, index: int) -> FieldLogs:
        """One field."""

    @overload
    def __getitem__(self, index: slice) -> Sequence[FieldLogs]:
        """Several."""

    def __getitem__(self, index: int | slice) -> FieldLogs | Sequence[FieldLogs]:
        return tuple(self)[index]

    def __iter__(self) -> Iterator[FieldLogs]:
        for field_id, numbers in groupby(range(self.objects), key=self._field_of):
            yield FieldLogs(field_id, tuple(self._log(number) for number in numbers))

    def by_name(self) -> list[tuple[str, StoredObject]]:
        """What follows the folder in the key of each log, and the stored object; in the order of a listing."""
        named = ((self._name(number), self._stored(number)) for number in range(self.objects))
        return sorted(named, key=itemgetter(0))

    def _stored(self, number: int) -> StoredObject:
        return StoredObject(self._folder + self._name(number), self._sizes[number], self._etags[number])

    def _field_of(self, number: int) -> int:
        """Delete logs have no field; the format gives them 0."""
        return self._fields[number] if self._fields else 0

    def _log(self, number: int) -> Log:
        return Log(self._ids[number], self._folder + self._name(number), self._sizes[number])

    def _name(self, number: int) -> str:
        return f"{self._fields[number]}/{self._ids[number]}" if self._fields else str(self._ids[number])


@dataclass(frozen=True, slots=True)
class SegmentLogs:
    """All logs of one segment."""

    inserts: PackedLogs
    deletes: PackedLogs
