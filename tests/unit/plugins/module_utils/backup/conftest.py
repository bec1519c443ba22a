# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of backups of whole servers share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from fake_places import FakePlace


@pytest.fixture
def place() -> Iterator[FakePlace]:
    with ExitStack() as stack:
        yield FakePlace.on(stack)
