# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies the checkout to where ansible-test can work on it, and prepares a home for ansible-test.

ansible-test needs a path that ends with ansible_collections/vectorops/milvus, follows no link, and takes the files
that git lists: the copy lies in an ignored folder, so it gets an (empty) repository of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from collection_tree import CHECKOUT

# ansible-test downloads one fixed get-pip per version of its own, from a host that only its project's CI needs;
# a file of that name in its cache is used instead. ensurepip and the package index do the same work.
GET_PIP_VERSIONS = ("23_1_2", "24_2", "25_2")
# (ensurepip has a process of its own because it switches off pip's settings in the environment it runs in.)
GET_PIP = """\
import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "ensurepip"])
arguments = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *arguments]))
"""


def listed_files() -> list[Path]:
    """What belongs to the project: tracked, or new and not ignored; relative to the checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted({Path(name) for name in names if name and (CHECKOUT / name).is_file()})


def copy_checkout(name: str) -> Path:
    """Those who work at the same time have a copy each, by its name."""
    stage = CHECKOUT / ".cache" / "stage" / name / "ansible_collections" / "vectorops" / "milvus"
    shutil.rmtree(stage, ignore_errors=True)
    for file in listed_files():
        copy = stage / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / file, copy, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet", stage], check=True)
    return stage


def prepare_home(name: str) -> Path:
    """A home folder in which ansible-test keeps its environments; the user's pip settings stay in force."""
    home = CHECKOUT / ".cache" / "home" / name
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in GET_PIP_VERSIONS:
        (cache / f"get_pip_{version}.py").write_text(GET_PIP)
    for settings in (Path(".config") / "pip", Path(".pip")):
        own, users = home / settings, Path(os.path.expanduser("~")) / settings
        if users.is_dir() and not own.exists():
            own.parent.mkdir(parents=True, exist_ok=True)
            own.symlink_to(users, target_is_directory=True)
    return home
