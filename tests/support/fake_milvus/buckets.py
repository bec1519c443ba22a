# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bucket that a fake reads and writes."""

from __future__ import annotations

from dataclasses import dataclass

from fake_s3 import FakeS3


@dataclass(frozen=True)
class FakeBucket:
    """Straight in the memory of the fake S3."""

    s3: FakeS3

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in list(self.s3.objects) if key.startswith(prefix))

    def get(self, key: str) -> bytes:
        return self.s3.objects[key].body

    def put(self, key: str, body: bytes) -> None:
        self.s3.put(key, body)
