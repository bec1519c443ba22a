# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of several processes that race for locks: told a round on stdin, says on stdout whether it holds that lock."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from collection_tree import link_checkout

sys.path.insert(0, str(link_checkout()))

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.lock import acquire
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store


def main() -> None:
    config = backup_store(json.loads(sys.argv[1]))
    store = open_store(config, WriteScope((f"{config.root_path}/",)))
    held = []  # kept until the end, so that the loser of a round is not merely late
    for _round in range(int(sys.argv[2])):
        place = Place(store, BackupLayout(config.root_path, f"round_{sys.stdin.readline().strip()}"))
        try:
            held.append(acquire(place.store, place.lock_key, str(uuid.uuid4()), wait=0, meanwhile=lambda: None))
            print("held", flush=True)
        except MilvusOpsError as error:
            print(error.kind, flush=True)


if __name__ == "__main__":
    main()
