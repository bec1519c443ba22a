# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access to a running lab: its instances, its bucket, and the options of the modules for each of its sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import oracle
from botocore.config import Config
from pymilvus import MilvusClient


@dataclass(frozen=True)
class Side:
    """One instance of the lab."""

    name: str
    port: int
    root_path: str
    options: Mapping[str, Any]

    def client(self, database: str = "default") -> MilvusClient:
        return oracle.connect(self.port, database)


@dataclass(frozen=True)
class RunningLab:
    """A started lab; C(answer) is what the lab itself says."""

    answer: Mapping[str, Any]

    @property
    def bucket(self) -> str:
        return str(self.answer["s3"]["bucket"])

    def side(self, name: str) -> Side:
        instance, store = self.answer["instances"][name], self.answer["s3"]
        options = {
            "address": instance["address"],
            "port": instance["port"],
            "storage_address": store["address"],
            "storage_port": store["port"],
            "access_key_id": store["access_key_id"],
            "secret_access_key": store["secret_access_key"],
            "bucket_name": store["bucket"],
            "root_path": instance["root_path"],
        }
        return Side(name, instance["port"], instance["root_path"], options)

    def s3(self) -> Any:
        """A client with all rights, for looking at the bucket and for damaging it."""
        store = self.answer["s3"]
        return boto3.client(
            "s3",
            endpoint_url=store["endpoint"],
            region_name=store["region"],
            aws_access_key_id=store["access_key_id"],
            aws_secret_access_key=store["secret_access_key"],
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 5, "mode": "standard"}),
        )

    def objects(self, prefix: str = "") -> dict[str, str]:
        """Every key below a prefix with its ETag."""
        pages = self.s3().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {item["Key"]: item["ETag"].strip('"') for page in pages for item in page.get("Contents", [])}
