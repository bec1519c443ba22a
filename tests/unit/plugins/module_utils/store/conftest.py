# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of the S3 store need."""

from __future__ import annotations

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.store import retry


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the host's, and short pauses."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.001)
