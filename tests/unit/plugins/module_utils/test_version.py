# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version that is written into backups is that of the collection."""

from __future__ import annotations

import yaml
from collection_tree import CHECKOUT

from ansible_collections.vectorops.milvus.plugins.module_utils.version import COLLECTION_VERSION


def test_the_version_is_that_of_galaxy_yml() -> None:
    galaxy = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))
    assert galaxy["version"] == COLLECTION_VERSION
