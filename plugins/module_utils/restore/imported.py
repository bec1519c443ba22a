# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an import has brought into a staging collection."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Imported:
    """A filled staging collection: its id, and the rows that the server says it imported.

    Without C(exact) there may be fewer: the server has counted rows that are deleted, or they have expired since then.
    Of a snapshot it says no number.
    """

    collection_id: int
    rows: int | None
    exact: bool = True
