# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the archive that users install: all that they need, and nothing that only developers do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import archive
import pytest
import yaml
from collection_tree import CHECKOUT
from stage import listed_files

ALLOWED = (
    r"(README|CHANGELOG|CODE_OF_CONDUCT|CONTRIBUTING|SECURITY)\.md",
    r"LICENSE|requirements\.txt|MANIFEST\.json|FILES\.json",
    r"changelogs/changelog\.yaml",
    r"meta/(runtime|execution-environment)\.yml",
    r"plugins/(action|doc_fragments|filter|lookup|module_utils|modules|plugin_utils)/[\w/]+\.(py|yml)",
    r"roles/\w+/(README\.md|(defaults|meta|tasks|vars)/\w+\.yml|templates/[\w.]+\.j2|files/[\w/]+\.(py|txt))",
    r"(playbooks|awx|awx/tasks|examples/inventories)/[\w-]+\.yml",
    r"awx/surveys/[\w.]+\.j2",
    r"examples/project/(ansible\.cfg|[\w/]+\.yml(\.example)?)",
    r"docs/[\w-]+\.md|docs/images/[\w-]+\.(svg|png)|docs/docsite/[\w-]+\.yml",
)
LARGEST = 200_000
"""Bytes of a file, far above what any has: no archive, no log, no data of tests gets in unseen."""


GALAXY = Path(sys.executable).with_name("ansible-galaxy")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive.build(GALAXY, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def members(built: Path) -> dict[str, int]:
    """The files of the archive with their sizes."""
    with tarfile.open(built) as opened:
        return {member.name: member.size for member in opened if member.isfile()}


def test_nothing_else_is_in_it(members: dict[str, int]) -> None:
    assert [name for name in members if not any(re.fullmatch(pattern, name) for pattern in ALLOWED)] == []
    assert {name: size for name, size in members.items() if size > LARGEST} == {}


def test_nothing_is_in_it_that_is_not_of_the_project(members: dict[str, int]) -> None:
    made = {"MANIFEST.json", "FILES.json"}
    assert set(members) - made - {path.as_posix() for path in listed_files()} == set()


def test_all_that_users_need_is_in_it(members: dict[str, int]) -> None:
    folders = ("awx", "docs", "examples", "meta", "playbooks", "plugins", "roles")
    ours = {path.as_posix() for path in listed_files() if path.parts[0] in folders}
    assert ours - set(members) == set()
    assert {"README.md", "LICENSE", "CHANGELOG.md", "requirements.txt", "changelogs/changelog.yaml"} <= set(members)


def test_an_installed_archive_is_documented(built: Path, tmp_path: Path) -> None:
    """Every plugin and role of it can be read there, with this collection nowhere else."""
    archive.install(GALAXY, built, tmp_path)
    done = subprocess.run(
        [GALAXY.with_name("ansible-doc"), "--metadata-dump", "vectorops.milvus"],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    documented = {kind: set(plugins) for kind, plugins in json.loads(done.stdout)["all"].items() if plugins}
    for kind, folder in (("module", "modules"), ("lookup", "lookup"), ("filter", "filter")):
        names = {f"vectorops.milvus.{path.stem}" for path in (CHECKOUT / "plugins" / folder).glob("*.py")}
        assert documented[kind] == names
    assert documented["role"] == {f"vectorops.milvus.{path.name}" for path in (CHECKOUT / "roles").iterdir()}


def test_what_galaxy_shows_is_given() -> None:
    about = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text())
    shown = ("repository", "documentation", "homepage", "issues")
    assert [name for name in shown if not about[name].startswith("https://")] == []
    assert about["tags"]
    assert [tag for tag in about["tags"] if not re.fullmatch(r"[a-z][a-z0-9]*", tag)] == []
    assert (CHECKOUT / about["license_file"]).is_file()
    assert re.fullmatch(r"\d+\.\d+\.\d+", about["version"])
