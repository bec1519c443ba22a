# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment, by the real ansible-builder.

No image is built: that takes a container engine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from collection_tree import CHECKOUT, COLLECTIONS_PATH

OURS = "  # from collection vectorops.milvus"
DEFINITION = CHECKOUT / "awx" / "execution-environment.yml"


def builder(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("ansible-builder")
    # it looks for ansible-galaxy and the like where it lies itself
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [str(program), *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_collection_names_what_its_modules_need() -> None:
    """What a build finds in the installed collection: the libraries of requirements.txt, and nothing of the system."""
    done = builder("introspect", str(COLLECTIONS_PATH))
    assert done.returncode == 0, done.stderr
    found = {
        kind: [line for line in lines or [] if OURS in line] for kind, lines in yaml.safe_load(done.stdout).items()
    }
    wanted = [line for line in (CHECKOUT / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    assert found["python"] == [line + OURS for line in wanted]
    assert not found.get("system")


def test_the_definition_makes_a_build_context(tmp_path: Path) -> None:
    context = tmp_path / "context"
    done = builder("create", "-f", str(DEFINITION), "-c", str(context), "--output-filename", "Containerfile")
    assert done.returncode == 0, done.stdout + done.stderr
    container = (context / "Containerfile").read_text()
    assert "ansible-core>=2.19,<2.20" in container
    galaxy = yaml.safe_load((context / "_build" / "requirements.yml").read_text())
    assert [item["name"] for item in galaxy["collections"]] == ["vectorops.milvus", "awx.awx"]
    pinned = yaml.safe_load((CHECKOUT / "awx" / "requirements.yml").read_text())["collections"]
    assert pinned == galaxy["collections"][1:], "setup and refresh use one version"


@pytest.mark.parametrize("broken", [{"version": 9}, {"dependencies": {"python": "missing.txt"}}, {"colour": "red"}])
def test_the_builder_refuses_a_definition_that_is_wrong(tmp_path: Path, broken: dict[str, object]) -> None:
    """So that its silence about ours means something."""
    file = tmp_path / "execution-environment.yml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(DEFINITION.read_text()), **broken}))
    assert builder("create", "-f", str(file), "-c", str(tmp_path / "context")).returncode != 0
