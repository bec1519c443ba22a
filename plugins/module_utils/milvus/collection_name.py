# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name of a collection. Nothing of pymilvus: filters on the control node use it in each of their processes."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_DATABASE = "default"


@dataclass(frozen=True, order=True)
class CollectionName:
    """A collection with its database; shown as C(db.coll), and as C(coll) in the default database."""

    database: str
    name: str

    def __str__(self) -> str:
        return self.name if self.database == DEFAULT_DATABASE else f"{self.database}.{self.name}"
