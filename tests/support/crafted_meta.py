# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged and forged metadata of a backup; the same ones for the same seed.

Half of the damage hits the bytes of a file, half a value in it. A forger knows the format, so what was changed may be
sealed again, or the control objects be left out, as if another tool had written the backup.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

META = tuple(f"meta/{name}_meta.json" for name in ("backup", "collection", "partition", "segment", "full"))
SHARD, HEADER, PLAN = "control/objects-00000.jsonl", "control/manifest.json", "control/plan.json"
LOCKS = ("control/lock.json", "control/restores/0123456789abcdef.json")
FILES = (*META, "meta/full_meta.json", "meta/full_meta.json", SHARD, HEADER, PLAN, *LOCKS)
AS_IT_IS, SEALED, FOREIGN = "as it is", "sealed", "foreign"

Files = dict[str, bytes]
Path = tuple[Any, ...]

WHOLES = (
    *(b"", b" ", b"null", b"[]", b"{}", b"1", b"-1", b'"x"', b"true", b"NaN", b"[NaN]", b"{", b"}", b"\xff\xfe"),
    *(b"\x00" * 64, b"[" * 200_000, b'{"a":' * 100_000, b"9" * 10_000, b'{"infos":[{}]}', b'{"infos":{}}'),
    *(b'{"format":2}', b'{"format":1}', b'{"format":"parquet"}', b"<html>", b"[" + b"0," * 500_000 + b"0]"),
)
VALUES: tuple[Any, ...] = (
    *(None, [], {}, "", "x", -1, 0, 1, 2**31, 2**63, 2**64, 10**30, -(2**63) - 1, 1.5, 1e308, True, False, "1"),
    *(float("nan"), float("inf"), "../../keep", "../keep/binlogs", "1/../2", "/etc/passwd", "..\\keep", "%2e%2e%2f"),
    *("\x00", "\ud800", "9" * 400, "\u202e", [[]], [None], [{}], {"a": {}}, "A" * 100_000, [0] * 10_000),
    *(2000, 2010, 2011, "2000", "backup/keep/binlogs/insert_log/2000/2010/2011/2011/100/20112", "files_A/insert_log"),
    *("files_A/insert_log/1/2/3/100/4", "binlogs/../../keep/meta/full_meta.json", "v99.0.0", "v2.3.5", "not a version"),
)
"""With the ids of the neighbour's collection, partition and segment, and its keys."""


@dataclass(frozen=True)
class Craft:
    """One set of files; C(claims) are sizes that the service announces for some of them."""

    title: str
    files: Files
    claims: dict[str, int]
    locked: bool


def crafts(files: Files, number: int, seed: int) -> Iterator[Craft]:
    chance = random.Random(seed)
    for index in range(number):
        kind = (_damaged, _forged, _forged, _damaged, _lines, _claimed)[index % 6 if index % 12 else 1]
        yield kind(dict(files), chance)


def _damaged(files: Files, chance: random.Random) -> Craft:
    """The bytes of one file."""
    name = chance.choice(FILES)
    body = files.get(name, b"{}")
    place = chance.randrange(len(body))
    ways: dict[str, Callable[[], bytes | None]] = {
        "gone": lambda: None,
        "cut": lambda: body[:place],
        "begun later": lambda: body[place:],
        "a bit flipped": lambda: body[:place] + bytes([body[place] ^ 1 << chance.randrange(8)]) + body[place + 1 :],
        "not UTF-8": lambda: body[:place] + b"\xff\xfe\xc0" + body[place:],
        "UTF-16": lambda: body.decode().encode("utf-16"),
        "a mark before it": lambda: b"\xef\xbb\xbf" + body,
        "twice": lambda: body + body,
        "a key twice": lambda: b'{"collection_backups":[],"infos":[],"meta":{},"id":"x",' + body[1:],
        "another whole": lambda: chance.choice(WHOLES),
        "NUL inside": lambda: body[:place] + b"\x00" + body[place:],
    }
    way = chance.choice(list(ways))
    _set(files, name, ways[way]())
    return _sealed(f"{name}: {way}", files, chance)


def _forged(files: Files, chance: random.Random) -> Craft:
    """One value in one file, or a few."""
    name = chance.choice((*META, "meta/full_meta.json", "meta/full_meta.json", HEADER, PLAN))
    tree = json.loads(files[name])
    changes = [_change(tree, chance) for _each in range(chance.choice((1, 1, 1, 3)))]
    files[name] = json.dumps(tree).encode()
    return _sealed(f"{name}: {'; '.join(changes)}", files, chance)


def _change(tree: Any, chance: random.Random) -> str:
    path = chance.choice(list(_paths(tree)))
    holder = tree
    for step in path[:-1]:
        holder = holder[step]
    last, old = path[-1], holder[path[-1]]
    way = chance.choice(("value", "value", "value", "value", "drop", "repeat", "nest", "spell"))
    if way == "drop":
        del holder[last]
    elif way == "repeat" and isinstance(holder, list):
        holder.extend(copy.deepcopy(old) for _each in range(chance.choice((1, 500))))
    elif way == "nest":
        holder[last] = [old]
    elif way == "spell" and isinstance(last, str):
        holder[last.upper()] = holder.pop(last)
    else:
        holder[last] = chance.choice(VALUES)
    return f"{'.'.join(map(str, path))} {way} {str(holder)[:60]}"


def _paths(tree: Any, path: Path = ()) -> Iterator[Path]:
    steps = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for step, value in steps:
        yield (*path, step)
        yield from _paths(value, (*path, step))


def _lines(files: Files, chance: random.Random) -> Craft:
    """Lines in the list of objects."""
    lines = [json.loads(line) for line in files[SHARD].splitlines()]
    number = chance.randrange(len(lines))
    key = chance.choice([value for value in VALUES if isinstance(value, str)])
    changed = chance.choice(
        (
            [key, *lines[number][1:]],
            [lines[number][0], chance.choice(VALUES), lines[number][2]],
            [lines[number][0], lines[number][1], chance.choice(VALUES)],
            chance.choice(VALUES),
            lines[number - 1],
        )
    )
    lines[number] = changed
    if chance.random() < 0.3:
        chance.shuffle(lines)
    files[SHARD] = b"\n".join(json.dumps(line).encode() for line in lines)
    return _sealed(f"{SHARD}: {str(changed)[:80]}", files, chance)


def _claimed(files: Files, chance: random.Random) -> Craft:
    """A size that nobody can hold in memory, announced by the service."""
    name = chance.choice(("meta/full_meta.json", HEADER, SHARD, LOCKS[0]))
    files.setdefault(name, b"{}")
    size = chance.choice((1 << 31, 1 << 40, 10**18)) if name.startswith("meta/") else 300_000_000
    return Craft(f"{name}: {size} bytes claimed", files, {name: size}, name in LOCKS)


def _set(files: Files, name: str, body: bytes | None) -> None:
    files.pop(name, None)
    if body is not None:
        files[name] = body


def _sealed(title: str, files: Files, chance: random.Random) -> Craft:
    mode = chance.choice((AS_IT_IS, SEALED, SEALED, FOREIGN))
    if mode == FOREIGN:
        files = {name: body for name, body in files.items() if not name.startswith("control/")}
    if mode == SEALED:
        _seal(files)
    return Craft(f"{title} ({mode})", files, {}, any(name in files for name in LOCKS))


def _seal(files: Files) -> None:
    """Digests as they would be if all had been written like this."""
    try:
        header = json.loads(files[HEADER])
        header["meta"] = {name.removeprefix("meta/"): _sha256(files[name]) for name in META if name in files}
        header["shards"] = [[SHARD.removeprefix("control/"), _sha256(files[SHARD])]] if SHARD in files else []
        header.pop("sha256", None)
        files[HEADER] = json.dumps(header).encode()
    except (KeyError, ValueError, TypeError, RecursionError):
        return  # the header itself is what was damaged


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
