# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides: every link leads somewhere, every page is found, and what is listed is all that there is."""

from __future__ import annotations

import re
from pathlib import Path

import docs_site
import pytest
import variables_page
from collection_tree import CHECKOUT
from stage import listed_files

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import KINDS

PAGES = sorted(path for path in listed_files() if path.suffix == ".md")
GUIDES = CHECKOUT / "docs"
VARIABLE_OF_A_PLAY = re.compile(rf"(?<![.\w])milvus_(?:{'|'.join(variables_page.PLAYBOOKS)})_[a-z_]+")
PARTS_OF_A_KIND = ("Cause", "Look at", "Next step")
MOST_LINES_OF_THE_README = 150


def text_of(path: Path) -> str:
    return (CHECKOUT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_to_a_file_and_a_heading_of_it(page: Path) -> None:
    assert docs_site.broken_links(page) == []


@pytest.mark.parametrize("link", ["nowhere.md", "README.md#no-such-heading", "../../outside.md", "#no-such-heading"])
def test_a_broken_link_is_found(link: str) -> None:
    assert docs_site.broken_links(Path("docs/README.md"), f"# A page\n\n[text]({link})\n")


def test_every_guide_is_listed() -> None:
    listed = docs_site.linked_files(Path("docs/README.md"))
    assert {path.relative_to(CHECKOUT) for path in GUIDES.glob("*.md")} - {Path("docs/README.md")} <= listed


def test_every_page_of_the_site_has_a_name_of_its_own() -> None:
    names = [name.lower() for name in docs_site.site_pages().values()]
    assert sorted(names) == sorted(set(names))


def test_the_readme_is_short() -> None:
    assert len(text_of(Path("README.md")).splitlines()) < MOST_LINES_OF_THE_README


def test_every_kind_of_failure_is_explained() -> None:
    parts = re.split(r"^## ", text_of(Path("docs/troubleshooting.md")), flags=re.MULTILINE)[1:]
    sections = {title: body for title, _newline, body in (part.partition("\n") for part in parts) if " " not in title}
    assert set(sections) == KINDS
    for kind, body in sections.items():
        assert re.findall(r"^- \*\*([^*]+):\*\*", body, re.MULTILINE) == list(PARTS_OF_A_KIND), kind


def test_the_variables_page_is_current() -> None:
    assert variables_page.page() == variables_page.PAGE.read_text(encoding="utf-8"), "run: make docs"


def test_the_variables_page_has_what_the_playbooks_read() -> None:
    """Reports are asked for by a name that is put together, so they are in no playbook's text."""
    of_roles = {name for role in variables_page.ROLES for name in variables_page.role_options(role)}
    books = {path.stem: path.read_text(encoding="utf-8") for path in (CHECKOUT / "playbooks").glob("*.yml")}
    assert set(books) == set(variables_page.PLAYBOOKS)
    for name, text in books.items():
        code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
        used = set(VARIABLE_OF_A_PLAY.findall(code)) - of_roles - {"milvus_migrate_targets"}
        described = {variable for variable in variables_page.PLAYBOOKS[name] if not variable.endswith("_report_file")}
        assert used == described, name


def test_no_variable_is_described_twice() -> None:
    names = re.findall(r"^\| `(milvus_\w+)` \|", variables_page.page(), re.MULTILINE)
    assert len(names) > 100
    assert sorted(names) == sorted(set(names))
