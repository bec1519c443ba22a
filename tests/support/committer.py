# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that makes and commits a small backup under its lock: `python committer.py JOB`, a JSON object.

C(stop_before) is the number of the write before which it stops itself (SIGSTOP), as a machine that is put to sleep, 0
for never. C(lease) is in seconds, so that a test does not wait for the real one. It tells its end as JSON.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
import threading
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from collection_tree import link_checkout

sys.path.insert(0, str(link_checkout()))

from made_backup import backup_of

from ansible_collections.vectorops.milvus.plugins.module_utils.backup import lock as lock_module
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.commit import Commit
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place, find_complete
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.lock import BackupLock, acquire
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.verify import objects_by_meta
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore, WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store


def main(job: dict[str, Any]) -> dict[str, Any]:
    lock_module.LEASE_SECONDS = job["lease"]
    lock_module.RENEW_SECONDS = job["lease"] / 6
    lock_module.POLL_SECONDS = 0.1
    config, run_id = backup_store(job["options"]), str(uuid.uuid4())
    layout = BackupLayout(config.root_path, job["name"])
    place = Place(open_store(config, WriteScope((layout.directory,))), layout)
    _stop_before(place.store, job["stop_before"])
    try:
        held = acquire(place.store, place.lock_key, run_id, wait=60, meanwhile=lambda: find_complete(place))
        if not isinstance(held, BackupLock):
            return {"run_id": run_id, "committed": False, "kind": "adopted"}
        with held as lock:
            _make(place, lock, run_id)
    except MilvusOpsError as error:
        return {"run_id": run_id, "committed": False, "kind": error.kind, "cause": error.failure.cause}
    return {"run_id": run_id, "committed": True, "kind": None}


def _make(place: Place, lock: BackupLock, run_id: str) -> None:
    """As a backup does it: data, then the commit; the same data for every run, as copies of one source are."""
    meta = replace(backup_of(1000, place.layout.name, "films"), backup_id=run_id)
    chance = random.Random(0)
    for item in objects_by_meta(place.layout, meta):
        lock.require()
        place.store.write(item.key, chance.randbytes(item.size))
    lock.require()
    place.store.write(place.plan_key, b'{"request": {}}')
    stored = list(place.store.list_objects(place.layout.binlogs))
    Commit(place, lock).write(
        meta, stored, request={}, created=1_790_000_000, tool_version="1.0.0", skipped={}, previous=None
    )


def _stop_before(store: ObjectStore, number: int) -> None:
    """Hooked where a write begins that was decided on; the renewals in the background do not count."""
    original, writes = type(store).write, itertools.count(1)

    def write(self: Any, *arguments: Any, **conditions: Any) -> str:
        if threading.current_thread() is threading.main_thread() and next(writes) == number:
            os.kill(os.getpid(), signal.SIGSTOP)
        return original(self, *arguments, **conditions)

    type(store).write = write  # type: ignore[method-assign]


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))), flush=True)
