# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that milvus-backup itself wrote, kept as test data, with the rows that the server then held.

Made by tests/tools/golden_archive.py; docs/compatibility.md names the versions.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "data"
ARCHIVES = {"v0.5.16": DATA / "milvus_backup_0_5_16_on_2_3_5.zip"}
BACKUP = "golden"
OBJECTS = "objects/"
ROWS = "rows.json"
COLLECTIONS = (
    ("default", "all_types"),
    ("default", "auto_id_text"),
    ("default", "empty"),
    ("default", "deletes"),
    ("other", "binary_vector"),
    ("other", "partition_key"),
    ("other", "several_indexes"),
    ("other", "three_partitions"),
)
"""Database and shape of each collection in an archive."""


def objects(archive: Path, root: str, name: str = BACKUP) -> Iterator[tuple[str, bytes]]:
    """Key and content of every object of the backup, as it would lie below a backup root path."""
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.namelist():
            if entry.startswith(OBJECTS):
                yield f"{root}/{name}/{entry.removeprefix(OBJECTS)}", opened.read(entry)


def rows(archive: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of each C(database.collection) in order of the key, every value as its C(repr)."""
    with zipfile.ZipFile(archive) as opened:
        found: dict[str, list[dict[str, Any]]] = json.loads(opened.read(ROWS))
    return found
