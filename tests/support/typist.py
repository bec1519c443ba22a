# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who types the commands of a page."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from collection_tree import CHECKOUT
from doc_pages import blocks, commands


@dataclass(frozen=True)
class User:
    """Somebody in a folder of their own, who types what a page shows."""

    folder: Path
    program: Path
    collections: Path

    def type(self, text: str) -> subprocess.CompletedProcess[str]:
        paths = {
            "PATH": f"{self.program.parent}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
        }
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", text],
            cwd=self.folder,
            env={**os.environ, **paths, "ANSIBLE_NOCOLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )

    def done(self, text: str) -> str:
        """The output of what has to succeed."""
        typed = self.type(text)
        assert typed.returncode == 0, text + typed.stdout
        return typed.stdout


def copy_project(collection: Path, folder: Path) -> Path:
    """A copy of the example project, with an empty inventory."""
    shutil.copytree(collection / "examples" / "project", folder)
    shutil.rmtree(folder / "inventory")
    (folder / "inventory").mkdir()
    return folder


def shown(page: str, *programs: str) -> list[str]:
    """The blocks of a page all of whose commands call these programs."""
    texts = []
    for block in blocks(page, (CHECKOUT / page).read_text(encoding="utf-8")):
        called = [words[0] for words in commands(block)]
        texts += [block.text] if called and set(called) <= set(programs) else []
    return texts


def yaml_of(page: str) -> list[str]:
    """The blocks of a page that are YAML."""
    return [b.text for b in blocks(page, (CHECKOUT / page).read_text(encoding="utf-8")) if b.language == "yaml"]
