# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds by phase: phases of one name add up, a failed one counts too."""

from __future__ import annotations

import time

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.progress import Progress


def test_phases_of_one_name_add_up() -> None:
    progress = Progress()
    for _unused in range(2):
        with progress.phase("copy"):
            time.sleep(0.02)
    with pytest.raises(KeyError), progress.phase("commit"):
        raise KeyError
    seconds = progress.seconds_by_phase
    assert list(seconds) == ["copy", "commit"]
    assert 0.04 <= seconds["copy"] <= progress.seconds
