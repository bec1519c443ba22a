# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of several processes that race for locks: `python lock_racer.py OPTIONS` reads a race a line, and tells its end.

A race is JSON: the C(name) of the backup, C(at) the monotonic time of its start, C(skew) of this process's clock.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from collection_tree import link_checkout

sys.path.insert(0, str(link_checkout()))

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.lock import BackupLock, acquire
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore, WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store


def main() -> None:
    config = backup_store(json.loads(sys.argv[1]))
    store, clock = open_store(config, WriteScope((f"{config.root_path}/",))), time.time
    held: list[BackupLock] = []  # kept until the end, so that the loser of a race is not merely late
    for line in sys.stdin:
        race = json.loads(line)
        time.time = lambda skew=race["skew"]: clock() + skew  # type: ignore[misc]
        print(json.dumps(_run(race, store, config.root_path, held)), flush=True)


def _run(race: dict[str, Any], store: ObjectStore, root: str, held: list[BackupLock]) -> dict[str, Any]:
    place, run_id = Place(store, BackupLayout(root, race["name"])), str(uuid.uuid4())
    time.sleep(max(0.0, race["at"] - time.monotonic()))
    try:
        held.append(acquire(place.store, place.lock_key, run_id, wait=0, meanwhile=lambda: None))
    except MilvusOpsError as error:
        return {"run_id": run_id, "kind": error.kind, "cause": error.failure.cause}
    return {"run_id": run_id, "kind": None, "cause": ""}


if __name__ == "__main__":
    main()
