# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an import reads: the segments below the directories that it is given, and the rows in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .binlogs import Damaged, read_binlog, read_deletes, read_group
from .cells import ROW_ID, TIMESTAMP, VECTORS, Cell, Row, filler, from_arrow
from .model import Objects, stored_fields
from .storing import SHORT_COLUMNS


class Unreadable(Exception):
    """Why a job fails."""


@dataclass(frozen=True)
class Source:
    """One segment: where its columns lie, and its deletes where it has any."""

    paths: tuple[str, ...]

    @property
    def file_name(self) -> str:
        return f"[{' '.join(self.paths)}]"


@dataclass(frozen=True)
class Reading:
    """How to read: C(until) leaves out what is later, C(fills) makes nulls of fields without a log."""

    storage_version: int
    until: int
    fills: bool


def expand(objects: Objects, entries: Sequence[Sequence[str]]) -> list[Source]:
    """Every child of the first path of an entry is a segment; an entry without any is silently left out."""
    found = []
    for entry in entries:
        deltas = {_base(path): path for path in _children(objects, entry[1])} if len(entry) > 1 else {}
        for path in _children(objects, entry[0]):
            delta = deltas.get(_base(path))
            found.append(Source((path, delta) if delta else (path,)))
    return found


def expand_deletes(objects: Objects, entries: Sequence[Sequence[str]]) -> list[Source]:
    """Directories of deletes are read to their bottom; an empty one is left out as above."""
    return [Source((path,)) for entry in entries for path in entry if objects.keys(path)]


def _children(objects: Objects, prefix: str) -> list[str]:
    """As a listing by folders shows them: without a slash at its end the prefix itself is one, with its namesakes."""
    names: dict[str, None] = {}
    for key in objects.keys(prefix) if prefix else ():
        name, slash, _rest = key.removeprefix(prefix).partition("/")
        names[f"{prefix}{name}{slash}"] = None
    return sorted(names)


def _base(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def read_rows(objects: Objects, source: Source, schema: Any, how: Reading) -> list[Row]:
    """The rows of one segment that its own deletes leave."""
    logs = _logs_by_directory(objects, source.paths[0])
    read = _groups if how.storage_version == 2 else _columns
    try:
        rows = [row for batch in read(objects, logs, schema, how) for row in batch]
        deleted = _deletes(objects, source.paths[1:], how.until)
    except (Damaged, ValueError) as error:
        raise Unreadable(str(error)) from error
    key_id = next(item.fieldID for item in schema.fields if item.is_primary_key)
    return [row for row in rows if row[TIMESTAMP] <= how.until and row[TIMESTAMP] >= deleted.get(row[key_id], 0)]


def read_all_deletes(objects: Objects, source: Source, until: int) -> list[tuple[Any, int]]:
    try:
        return list(_deletes(objects, source.paths, until).items())
    except Damaged as error:
        raise Unreadable(str(error)) from error


def _deletes(objects: Objects, paths: Sequence[str], until: int) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for path in paths:
        for key in objects.keys(path):
            for deleted, moment in read_deletes(objects.get(key)):
                if moment <= until:
                    found[deleted] = max(moment, found.get(deleted, 0))
    return found


def _logs_by_directory(objects: Objects, path: str) -> dict[int, list[str]]:
    """The logs of each field or group, in order; as many of each as of any other."""
    logs: dict[int, list[str]] = {}
    for key in objects.keys(path):
        parts = key.removeprefix(path).split("/")
        if len(parts) != 2 or not parts[0].isdigit() or not parts[1].isdigit():
            raise Unreadable(f"failed to parse field id from log path: {key}")
        logs.setdefault(int(parts[0]), []).append(key)
    if len({len(keys) for keys in logs.values()}) > 1:
        raise Unreadable(f"misaligned binlog count, path: {path}")
    return {number: sorted(keys, key=lambda key: int(_base(key))) for number, keys in logs.items()}


def _columns(objects: Objects, logs: dict[int, list[str]], schema: Any, how: Reading) -> Iterator[list[Row]]:
    fields = {item.fieldID: item for item in stored_fields(schema)}
    for number, item in fields.items():
        if number not in logs and not (how.fills and _can_be_filled(item)):
            raise Unreadable(f"no binlog for field:{item.name}")
    if unknown := logs.keys() - fields.keys():
        raise Unreadable(f"the field ID {min(unknown)} doesn't exist in collection schema")
    for place in range(len(logs[ROW_ID])):
        cells = {
            number: from_arrow(fields[number], read_binlog(objects.get(keys[place]))) for number, keys in logs.items()
        }
        yield _as_rows(fields, cells)


def _groups(objects: Objects, logs: dict[int, list[str]], schema: Any, how: Reading) -> Iterator[list[Row]]:
    """Only the group of the short columns and those of vectors must be there."""
    fields = {item.fieldID: item for item in stored_fields(schema)}
    wanted = {SHORT_COLUMNS, *(number for number, item in fields.items() if item.data_type in VECTORS)}
    if missing := wanted - logs.keys():
        raise Unreadable(f"no binlog for field group:{min(missing)}")
    for place in range(len(logs[SHORT_COLUMNS])):
        cells: dict[int, list[Cell]] = {}
        for keys in logs.values():
            for number, values in read_group(objects.get(keys[place])).items():
                if number not in fields:
                    raise Unreadable(f"column {number} of {keys[place]} is no field of the schema")
                cells[number] = from_arrow(fields[number], values)
        yield _as_rows(fields, cells)


def _can_be_filled(field: Any) -> bool:
    return bool(field.nullable or field.is_dynamic or field.HasField("default_value"))


def _as_rows(fields: dict[int, Any], cells: dict[int, list[Cell]]) -> list[Row]:
    lengths = {len(values) for values in cells.values()}
    if len(lengths) != 1:
        raise Unreadable(f"columns of one log have different numbers of rows: {sorted(lengths)}")
    fillers = {number: filler(item) for number, item in fields.items() if number not in cells}
    return [
        {**fillers, **{number: values[place] for number, values in cells.items()}} for place in range(lengths.pop())
    ]
