# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cut-over has changed and may have to change back: objects below C(<backup root path>/.cutover/<name>/).

It is written before the change that it describes, so that whoever comes after a crash can undo it or go on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ..backup.layout import CUTOVER_FOLDER, new_backup_name
from ..errors import MilvusOpsError
from ..store.base import ConditionFailed, ObjectStore, WriteScope
from ..store.config import StoreConfig
from ..store.open import open_store

MAX_RECORD_BYTES = 16 << 20
VERSION = 1

Record = TypeVar("Record")


@dataclass(frozen=True)
class RecordPlace:
    """One kind of record (C(file)) of the cut-over C(name)."""

    store: ObjectStore
    root_path: str
    name: str
    file: str

    @property
    def folder(self) -> str:
        """That of all cut-overs."""
        return f"{self.root_path}/{CUTOVER_FOLDER}/" if self.root_path else f"{CUTOVER_FOLDER}/"

    @property
    def key(self) -> str:
        return f"{self.folder}{self.name}/{self.file}"

    @property
    def label(self) -> str:
        return f"{self.store.label}/{self.key}"

    def others(self) -> Iterable[RecordPlace]:
        """The same file of other cut-overs."""
        for prefix in self.store.list_prefixes(self.folder):
            name = prefix.removeprefix(self.folder).rstrip("/")
            if name != self.name:
                yield RecordPlace(self.store, self.root_path, name, self.file)


def record_place(config: StoreConfig, name: str, file: str, *, writable: bool) -> RecordPlace:
    place = RecordPlace(open_store(config), config.root_path, new_backup_name(name), file)
    if not writable:
        return place
    scope = WriteScope((place.key.removesuffix(file),))
    return RecordPlace(open_store(config, scope), config.root_path, name, file)


def read_record(place: RecordPlace, parse: Callable[[Mapping[str, Any]], Record]) -> tuple[Record | None, str]:
    """The record and its ETag, or None and ''. Raises C(corrupt) for one that cannot be understood."""
    stored = place.store.read(place.key, MAX_RECORD_BYTES)
    if stored is None:
        return None, ""
    try:
        values = json.loads(stored.body)
        if values["version"] != VERSION:
            raise ValueError(f"its version is {values['version']!r}, this release knows {VERSION}")
        return parse(values), stored.etag
    except (ValueError, KeyError, TypeError) as error:
        raise MilvusOpsError(
            "corrupt",
            "reading the record of the cut-over",
            place.label,
            f"{type(error).__name__}: {error}",
            next_step="another release or hand wrote it: undo what it says by hand, then remove it",
        ) from error


def require_own(place: RecordPlace, side: str, recorded: str, own: str) -> None:
    """Raises C(name_in_use) where the record is that of another source or target."""
    if recorded != own:
        raise MilvusOpsError(
            "name_in_use",
            "reading the record of the cut-over",
            place.label,
            f"it is that of another {side}: {recorded}, and this one is {own}",
            next_step=f"give each {side} a cut-over name of its own",
        )


def write_record(place: RecordPlace, values: Mapping[str, Any], etag: str) -> str:
    """Write it, if nobody else has since it was read; returns the new ETag. Raises C(lock_held) otherwise."""
    body = json.dumps({"version": VERSION, **values}, indent=1, sort_keys=True).encode() + b"\n"
    try:
        return place.store.write(place.key, body, if_absent=not etag, if_etag=etag or None)
    except ConditionFailed as error:
        raise MilvusOpsError(
            "lock_held",
            "writing the record of the cut-over",
            place.label,
            "another run has changed it meanwhile",
            next_step="let one run work on a cut-over at a time; run this task again",
        ) from error
