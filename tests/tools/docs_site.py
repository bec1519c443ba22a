# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the site of the guides and of the reference: .venv/docs/bin/python tests/tools/docs_site.py

The guides are the Markdown files of the repository. Those that docs/README.md links to become pages, and a link to any
other file leads to the repository. The reference is made by antsibull-docs. The result is .cache/docs/html.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from collection_tree import CHECKOUT

SITE = CHECKOUT / ".cache" / "docs"
SETTINGS = CHECKOUT / "tests" / "tools" / "docs_site_files"
INDEX = Path("docs/README.md")
REPOSITORY = "https://github.com/vectorops/milvus/blob/main/"
REFERENCE = "reference"
COLLECTION = "vectorops.milvus"

LINT = ("lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "all")
GENERATE = ("collection", "--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir")

TOCTREE = """
```{{toctree}}
:hidden:
:caption: {title}

{names}
```
"""
LINK = re.compile(r"(!?\[[^\]]*\])\(([^()\s]+)\)")
FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
SECTION = re.compile(r"^## +(.+)$", re.MULTILINE)
PLUGIN = re.compile(r"plugins/(modules|lookup|filter)/(\w+)\.(?:py|yml)")


def main() -> None:
    shutil.rmtree(SITE, ignore_errors=True)
    source = SITE / "source"
    shutil.copytree(SETTINGS, source)
    shutil.copytree(CHECKOUT / "docs" / "images", source / "images")
    pages = site_pages()
    for page, name in pages.items():
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(_as_page(page, pages), encoding="utf-8")
    _make_reference(source / REFERENCE)
    _run("sphinx-build", "-q", "-W", "--keep-going", "-b", "html", str(source), str(SITE / "html"))
    print(f"the site is {SITE / 'html' / 'index.html'}")


def site_pages() -> dict[Path, str]:
    """Every file that becomes a page, with its name there."""
    linked = sorted(path for path in linked_files(INDEX) if path.suffix == ".md")
    roles = sorted(path.relative_to(CHECKOUT) for path in CHECKOUT.glob("roles/*/README.md"))
    return {INDEX: "index.md", **{path: _page_name(path) for path in (*linked, *roles)}}


def linked_files(page: Path) -> set[Path]:
    """The files of the repository that a page links to."""
    targets = (_target(page, link) for _text, link in LINK.findall(_prose(_text_of(page))) if _is_local(link))
    return {path for path, _anchor in targets if path != page}


def broken_links(page: Path, text: str | None = None) -> list[str]:
    """Links to files that do not exist, or to headings that a page does not have."""
    content = _text_of(page) if text is None else text
    problems = []
    for _label, link in LINK.findall(_prose(content)):
        if not _is_local(link):
            continue
        path, anchor = _target(page, link)
        if path.parts[:1] == ("..",) or not (CHECKOUT / path).exists():
            problems.append(f"{link}: there is no such file")
        elif anchor and anchor not in _anchors(content if path == page else _text_of(path)):
            problems.append(f"{link}: there is no such heading")
    return problems


def _as_page(page: Path, pages: Mapping[Path, str]) -> str:
    """The text with links that hold on the site; the index gets the table of contents from its own lists."""
    text = _text_of(page)
    parts = []
    end = 0
    for block in FENCED.finditer(text):
        parts += [_relinked(text[end : block.start()], page, pages), block.group()]
        end = block.end()
    joined = "".join((*parts, _relinked(text[end:], page, pages)))
    return joined + _contents(pages) if page == INDEX else joined


def _relinked(text: str, page: Path, pages: Mapping[Path, str]) -> str:
    def relink(found: re.Match[str]) -> str:
        label, link = found.groups()
        if not _is_local(link) or label.startswith("!"):
            return found.group()
        path, anchor = _target(page, link)
        target = pages.get(path) or _reference_page(path)
        if not target:
            return f"{label}({REPOSITORY}{path.as_posix()})"
        here = Path(pages[page]).parent
        return f"{label}({os.path.relpath(target, here)}{'#' if anchor else ''}{anchor})"

    return LINK.sub(relink, text)


def _contents(pages: Mapping[Path, str]) -> str:
    """A hidden table of contents for each section of the index, the roles, and the reference."""
    blocks = []
    parts = SECTION.split(_text_of(INDEX))[1:]
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        files = [_target(INDEX, link)[0] for _label, link in LINK.findall(body) if _is_local(link)]
        blocks.append((title, [pages[path] for path in files]))
    roles = sorted(name for name in pages.values() if name.startswith("roles/"))
    blocks.append(("Roles", [f"{Path(name).stem} <{name}>" for name in roles]))
    blocks.append(("Reference", [f"Modules and plugins <{REFERENCE}/index.rst>"]))
    return "".join(TOCTREE.format(title=title, names="\n".join(names)) for title, names in blocks)


def _page_name(path: Path) -> str:
    """docs/x.md is x.md, roles/x/README.md is roles/x.md; other files, as SECURITY.md, have a folder of their own."""
    if path.parts[0] == "docs":
        return path.name
    if path.parts[0] == "roles":
        return f"roles/{path.parts[1]}.md"
    return f"project/{path.parent.name if path.name == 'README.md' else path.stem.lower()}.md"


def _reference_page(path: Path) -> str:
    found = PLUGIN.fullmatch(path.as_posix())
    if not found:
        return ""
    kind = "module" if found[1] == "modules" else found[1]
    return f"{REFERENCE}/{found[2]}_{kind}.rst"


def _make_reference(folder: Path) -> None:
    """By a link elsewhere: where a path has two folders called ansible_collections, ansible-doc finds no roles."""
    folder.mkdir()
    with tempfile.TemporaryDirectory() as collections:
        link = Path(collections, "ansible_collections", *COLLECTION.split("."))
        link.parent.mkdir(parents=True)
        link.symlink_to(CHECKOUT, target_is_directory=True)
        environment = {"ANSIBLE_COLLECTIONS_PATH": collections}
        _run("antsibull-docs", *LINT, str(link), environment=environment)
        _run("antsibull-docs", *GENERATE, str(folder), COLLECTION, environment=environment)
    wanted = {f"{path.parent.name}_role.rst" for path in CHECKOUT.glob("roles/*/README.md")}
    if lacking := wanted - {path.name for path in folder.iterdir()}:
        sys.exit(f"antsibull-docs made no page of {', '.join(sorted(lacking))}")


def _run(program: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """A program of the Python that runs this, which finds the others of its environment too."""
    folder = Path(sys.executable).parent
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    subprocess.run(
        [str(folder / program), *arguments], env={**os.environ, "PATH": path, **(environment or {})}, check=True
    )


def _text_of(page: Path) -> str:
    return (CHECKOUT / page).read_text(encoding="utf-8")


def _prose(text: str) -> str:
    return FENCED.sub("", text)


def _is_local(link: str) -> bool:
    return not re.match(r"[a-z]+:", link)


def _target(page: Path, link: str) -> tuple[Path, str]:
    """File and heading of a link."""
    name, _separator, anchor = link.partition("#")
    return (Path(os.path.normpath(page.parent / name)) if name else page), anchor


def _anchors(text: str) -> set[str]:
    """The anchors that headings get, as GitHub makes them."""
    titles = (re.sub(r"[^\w\- ]", "", title).strip().lower() for title in HEADING.findall(_prose(text)))
    return {title.replace(" ", "-") for title in titles}


if __name__ == "__main__":
    main()
