# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The legs of make release-check: what takes too long for make test, or needs tools of its own.

Each has an environment of its own, for the tools want different releases of the same packages.
"""

from __future__ import annotations

from dataclasses import replace

from collection_tree import CHECKOUT
from leg import (
    CORE_PYTHONS,
    OLDEST,
    THREE_AT_ONCE,
    TOOLS,
    Command,
    Leg,
    on_path,
    pytest_leg,
    script,
    tool,
    virtualenv,
)

DIST = CHECKOUT / ".cache" / "dist"
WITH_OLDEST_LIBRARIES = ("backup_and_restore", "config_file", "restore_options", "storage_access", "stores")


def release_legs() -> list[Leg]:
    """Every leg, and the tests with servers last."""
    return [
        _importer_leg(),
        _site_leg(),
        *(_sanity_leg(version) for version in CORE_PYTHONS),
        *(_unit_leg(version) for version in CORE_PYTHONS),
        _oldest_libraries_leg(),
    ]


def _importer_leg() -> Leg:
    """What Galaxy does with an upload."""
    build = tool("ansible-galaxy", "collection", "build", "--force", "--output-path", str(DIST), environment="importer")
    check = tool("python", str(TOOLS / "import_archive.py"), str(DIST), environment="importer")
    return Leg(
        "galaxy-importer",
        (virtualenv("importer", "requirements-importer.txt"), build, check),
        timeout=1200,
        environment={"PATH": on_path("importer")},
    )


def _site_leg() -> Leg:
    """The linter of antsibull-docs, and the site of all guides and plugins, where each warning fails."""
    site = tool("python", str(TOOLS / "docs_site.py"), environment="docs")
    return Leg("site", (virtualenv("docs", "requirements-docs.txt"), site), timeout=1200)


def _sanity_leg(version: str) -> Leg:
    name = f"sanity-{version}"
    sanity = script("sanity.py", name, *tool("python", environment=_environment(version)))
    return Leg(name, (_make_environment(version), sanity), timeout=1800)


def _unit_leg(version: str) -> Leg:
    return _with_tools_of(version, f"unit-{version}", "tests/unit")


def _oldest_libraries_leg() -> Leg:
    """What the lower bounds of requirements.txt can do, beside what the playbook tests of make test show with them."""
    files = [f"tests/integration/test_{name}.py" for name in WITH_OLDEST_LIBRARIES]
    return replace(_with_tools_of(OLDEST, "oldest-libraries", *files, *THREE_AT_ONCE), servers=True)


def _with_tools_of(version: str, name: str, *arguments: str) -> Leg:
    """Tests in an environment with this ansible-core, with the libraries that go with it, and with pytest."""
    tests = pytest_leg(name, *arguments, timeout=1800, environment=_environment(version))
    return replace(tests, commands=(_make_environment(version), *tests.commands))


def _environment(version: str) -> str:
    return f"release-{version}"


def _make_environment(version: str) -> Command:
    name = _environment(version)
    return virtualenv(name, f"requirements-{name}.txt", *CORE_PYTHONS[version])
