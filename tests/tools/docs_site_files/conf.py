# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of Sphinx for the site; tests/tools/docs_site.py copies this folder."""

from __future__ import annotations

from typing import Any

project = "vectorops.milvus"
author = "The vectorops.milvus authors"
project_copyright = "2026, The vectorops.milvus authors"
title = html_title = html_short_title = "vectorops.milvus"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
myst_heading_anchors = 3
highlight_language = "text"
pygments_style = "ansible"
# The reference names three pages of Ansible's own documentation, which a build without network cannot know.
suppress_warnings = ["ref.ref"]

html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_theme_options = {
    "display_version": False,
    "show_extranav": False,
    "topbar_links": {},
    "vcs_pageview_mode": "blob",
}


def setup(app: Any) -> None:
    app.connect("html-page-context", _lead_home)


def _lead_home(_app: Any, _page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """The theme's link to the first page is one text for all folders, so it would be dead in every folder but one."""
    context["theme_documentation_home_url"] = context["pathto"]("index")
