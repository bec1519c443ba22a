# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upserts while a collection is planned: a delete whose new row lies in a segment of later would lose that row."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import InstanceLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.plan import Source, stored_logs
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.catalog import Collection
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore, StoredObject

INSERTS, DELETES = "files/insert_log/1/2/3/", "files/delta_log/1/2/3/"


def test_a_long_listing_of_rows_lets_no_later_deletes_in(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to 2.3 each flush, of whichever client, writes the deletes of a segment beside those that it has."""
    for key in (f"{INSERTS}0/10", f"{INSERTS}1/11", f"{INSERTS}100/12", f"{DELETES}20"):
        store.write(key, b"x")
    listed = store.list_objects

    def list_while_somebody_upserts(prefix: str) -> Iterator[StoredObject]:
        yield from listed(prefix)
        if prefix.startswith("files/insert_log/"):
            store.write(f"{DELETES}21", b"the old row")
            store.write("files/insert_log/1/2/4/100/22", b"the new row")

    monkeypatch.setattr(store, "list_objects", list_while_somebody_upserts)
    source = Source(cast(Any, None), store, InstanceLayout("files"))
    logs = stored_logs(source, cast(Collection, SimpleNamespace(collection_id=1)), {3})
    assert [log.log_id for item in logs[3].deletes for log in item.logs] == [20]
    assert {item.field_id for item in logs[3].inserts} == {0, 1, 100}
