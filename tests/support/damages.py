# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can happen to the objects of a backup; the same damages for the same seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Files = Mapping[str, bytes]
Changes = dict[str, bytes | None]
"""New bodies by key, None for what is gone. Keys are those below the backup's folder."""

INSERTS, DELETES, META, CONTROL = "binlogs/insert_log/", "binlogs/delta_log/", "meta/", "control/"
OUR_RECORDS = ("control/manifest.json", "control/objects-00000.jsonl")
CLASSES = (INSERTS, DELETES, META, CONTROL)


@dataclass(frozen=True)
class Damage:
    """C(title) is its kind and C(where) the kind of object; C(below) if the store does not know of it."""

    title: str
    where: str
    changes: Changes
    below: bool = False


def damages(files: Files, number: int, seed: int, *, rot: bool) -> Iterator[Damage]:
    """Every kind in turn, each on every kind of object in turn where it can happen."""
    chance = random.Random(seed)
    kinds = [name for name in KINDS if rot or name != ROT]
    for index in range(number):
        title = kinds[index % len(kinds)]
        classes = [item for item in CLASSES if item in ONLY.get(title, CLASSES)]
        where = classes[index // len(kinds) % len(classes)]
        keys = [key for key in sorted(files) if key.startswith(where) and (where != CONTROL or key in OUR_RECORDS)]
        changes = KINDS[title](files, keys, chance)
        yield Damage(title, where, changes, below=title == ROT)


def _flip(files: Files, keys: list[str], chance: random.Random) -> Changes:
    key = chance.choice(keys)
    body = bytearray(files[key])
    body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    return {key: bytes(body)}


def _cut(files: Files, keys: list[str], chance: random.Random) -> Changes:
    key = chance.choice(keys)
    return {key: files[key][: chance.randrange(len(files[key]))]}


def _grow(files: Files, keys: list[str], chance: random.Random) -> Changes:
    key = chance.choice(keys)
    return {key: files[key] + chance.randbytes(chance.randint(1, 20))}


def _zeros(files: Files, keys: list[str], chance: random.Random) -> Changes:
    """What a file system may leave after a crash: the right size, and nothing in it."""
    key = chance.choice(keys)
    return {key: bytes(len(files[key]))}


def _lose(files: Files, keys: list[str], chance: random.Random) -> Changes:
    return dict.fromkeys(chance.sample(keys, chance.randint(1, min(3, len(keys)))))


def _add(files: Files, keys: list[str], chance: random.Random) -> Changes:
    key = chance.choice(keys)
    folder, _separator, name = key.rpartition("/")
    return {chance.choice((f"{folder}/{name}9", f"{folder}/note", f"{folder}/7/{name}")): files[key]}


def _swap(files: Files, keys: list[str], chance: random.Random) -> Changes:
    one, other = chance.choice(
        [(one, other) for one in keys for other in keys if one < other and len(files[one]) == len(files[other])]
    )
    return {one: files[other], other: files[one]}


def _wrong_segment(files: Files, keys: list[str], chance: random.Random) -> Changes:
    """The logs of one segment under the names of another's: each sound in itself, and of the right size."""
    segments = sorted({key.rsplit("/", 2)[0] for key in keys})
    one, other = chance.sample(segments, 2)
    ours = [key for key in keys if key.startswith(f"{one}/")]
    theirs = [key for key in keys if key.startswith(f"{other}/")]
    return {key: files[wrong] for key, wrong in zip(ours, theirs, strict=True)}


def _edit(files: Files, keys: list[str], chance: random.Random) -> Changes:
    """A number in the metadata: still JSON, still of the right types."""
    key = chance.choice([key for key in keys if b"_id" in files[key] or b"size" in files[key]])
    tree = json.loads(files[key])
    holder, name, number = chance.choice(list(_numbers(tree)))
    holder[name] = number + 1
    return {key: json.dumps(tree).encode()}


def _numbers(tree: Any) -> Iterator[tuple[dict[str, Any], str, int]]:
    """Each number, with the object that holds it and its name there."""
    for name, value in tree.items() if isinstance(tree, dict) else ():
        if isinstance(value, int) and not isinstance(value, bool):
            yield tree, name, value
    for value in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _numbers(value)


ROT = "bits rot below the store"
KINDS: dict[str, Callable[[Files, list[str], random.Random], Changes]] = {
    "bit flipped": _flip,
    "truncated": _cut,
    "grown": _grow,
    "zeros": _zeros,
    "missing": _lose,
    "one too many": _add,
    "two swapped": _swap,
    "another segment's": _wrong_segment,
    "metadata edited": _edit,
    ROT: _flip,
}
ONLY = {
    "one too many": (INSERTS, DELETES),
    "two swapped": (INSERTS, DELETES),
    "another segment's": (INSERTS,),
    "metadata edited": (META,),
    ROT: (INSERTS, DELETES),
}
"""Where a damage can happen, if not everywhere."""
