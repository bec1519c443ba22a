# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the real awx.awx collection beside the checkout: what awx/ is linted with, and what its tests run.

    python tests/tools/awx_collection.py

The package index has it only inside the package ansible (55 MB, a hundred collections), so that is downloaded, and this
one collection is taken out of it: 1.3 MB, some ten seconds. It needs pip, and no other file of the package.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from collection_tree import CHECKOUT, COLLECTIONS_PATH, link_checkout

REQUIREMENTS = CHECKOUT / "tests" / "requirements-awx.txt"
INSIDE = "ansible_collections/awx/awx/"


def install() -> Path:
    """Where the collection lies; downloaded once, and again when the requirement changes."""
    link_checkout()
    folder, stamp = COLLECTIONS_PATH / INSIDE, COLLECTIONS_PATH / "awx-requirements.txt"
    with (COLLECTIONS_PATH / "awx.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may need it at once
        if stamp.is_file() and stamp.read_bytes() == REQUIREMENTS.read_bytes():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory() as downloads:
            _take_out(_download(downloads), COLLECTIONS_PATH)
        shutil.copyfile(REQUIREMENTS, stamp)
    return folder


def _download(folder: str) -> Path:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
    only_it = ["--no-deps", "--only-binary", ":all:", "--dest", folder, "--requirement", str(REQUIREMENTS)]
    subprocess.run([*pip, *only_it], check=True)
    return next(Path(folder).glob("ansible-*.whl"))


def _take_out(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target, [name for name in archive.namelist() if name.startswith(INSIDE)])


if __name__ == "__main__":
    print(install())
