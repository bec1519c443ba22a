# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users get it: built into an archive, and installed from that, offline, into an empty folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from collection_tree import CHECKOUT


def build(galaxy: Path, folder: Path) -> Path:
    """The archive, by this ansible-galaxy."""
    _run(galaxy, "build", "--output-path", folder, CHECKOUT)
    (archive,) = folder.glob("*.tar.gz")
    return archive


def install(galaxy: Path, archive: Path, collections: Path) -> Path:
    """The folder of the installed collection below C(collections)."""
    # the path is named twice, for one that is found elsewhere would not be installed again
    settings = {"ANSIBLE_COLLECTIONS_PATH": str(collections)}
    _run(galaxy, "install", "--offline", "--collections-path", collections, archive, **settings)
    return collections / "ansible_collections" / "vectorops" / "milvus"


def _run(galaxy: Path, *arguments: str | Path, **settings: str) -> None:
    command = [galaxy, "collection", *arguments]
    subprocess.run(command, env={**os.environ, **settings}, check=True, stdout=subprocess.DEVNULL, timeout=120)
