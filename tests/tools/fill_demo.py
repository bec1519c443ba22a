# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills the collection that make demo migrates, on milvus_a of the inventory that is given."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import oracle

NAME = "coll"


def main() -> None:
    inventory = yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))
    client = oracle.connect(inventory["milvus"]["hosts"]["milvus_a"]["milvus_port"])
    if client.has_collection(NAME):
        client.drop_collection(NAME)
    oracle.create_collection(client, NAME)
    rows = oracle.count(client, NAME)
    print(f"{NAME} has {rows} rows in {len(oracle.PARTITIONS)} partitions, {len(oracle.DELETED)} deleted, loaded")


if __name__ == "__main__":
    main()
