# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the meta files hold of an instance beside its collections (reference: milvus-backup 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DatabaseMeta:
    """A database of which the backup holds a collection; C(properties) from servers that tell them."""

    name: str
    database_id: int
    properties: tuple[Mapping[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        values = {
            "db_name": self.name,
            "db_id": self.database_id,
            "properties": [dict(pair) for pair in self.properties],
        }
        return {key: value for key, value in values.items() if value}


@dataclass(frozen=True)
class FlushAllMeta:
    """One flush of the whole server: its messages by physical channel, in base64, and the channels of the cluster."""

    messages: Mapping[str, str] = field(default_factory=dict)
    control_channel: str = ""
    channels: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "flush_all_msgs_base64": dict(sorted(self.messages.items())),
            "control_channel_name": self.control_channel,
            "physical_channel_names": list(self.channels),
        }


NO_FLUSH_ALL = FlushAllMeta()
