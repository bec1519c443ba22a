# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a server says that it exported to: under its own name for the service, but in the place that it was given."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.export import (
    Export,
    described_snapshot,
    own_folder,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.inventory import Place
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import CollectionMeta, SnapshotMeta
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.plan import Source
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.catalog import Collection
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.snapshots import ExportJob
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ObjectStore

ANCHORED = "snapshots/7/metadata/8.json"


def described(store: ObjectStore, uri: str) -> SnapshotMeta:
    job = ExportJob(1, "Completed", 100, "", files=3, copied=3, bytes=50, uri=uri)
    return described_snapshot(Place(cast(ObjectStore, store), BackupLayout("back ups", "made")), 7, job)


@pytest.mark.parametrize(
    "uri",
    [
        f"https://minio.cluster:9000/bucket/back%20ups/made/bundle/7/exports/5f/{ANCHORED}",
        f"https://minio.cluster:9000/bucket/back ups/made/bundle/7/exports/5f/{ANCHORED}",
        f"minio://minio.cluster:9000/bucket/back%20ups/made/bundle/7/exports/5f/{ANCHORED}",
        f"s3://bucket/back%20ups/made/bundle/7/exports/5f/{ANCHORED}",
    ],
)
def test_the_place_below_the_backup_is_noted_down(store: ObjectStore, uri: str) -> None:
    assert described(store, uri) == SnapshotMeta(f"bundle/7/exports/5f/{ANCHORED}", 3, 50)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        f"s3://other/back%20ups/made/bundle/7/{ANCHORED}",
        f"s3://bucket/back%20ups/other/bundle/7/{ANCHORED}",
        f"s3://bucket/back%20ups/made/bundle/8/{ANCHORED}",
        f"s3://bucket/back%20ups/made/bundle/7/../7/{ANCHORED}",
        "s3://bucket/back%20ups/made/bundle/7/metadata.json",
    ],
)
def test_another_place_is_refused(store: ObjectStore, uri: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        described(store, uri)
    assert caught.value.kind == "verify_failed"


def test_a_folder_that_the_backup_needs_is_not_exported_to(store: ObjectStore) -> None:
    """An export empties its folder first, and the names do not tell whose it is."""
    held = CollectionMeta("b", 7, 1, "default", "films", {}, 1, 0, (), 0, 0, (), "NotLoad", (), 0, (), (), ())
    held = replace(held, snapshot=SnapshotMeta(f"bundle/7/exports/5f/{ANCHORED}", 3, 50))
    place = Place(store, BackupLayout("backups", "made"))
    export = Export(cast(Source, None), place, "b", lambda: None, (held,))
    found = Collection(CollectionName("default", "films"), 7, 1, {}, 1, 0, (), (), (), (), 0)
    with pytest.raises(MilvusOpsError) as caught:
        own_folder(export, found)
    assert caught.value.kind == "source_changed"
    assert own_folder(export, replace(found, collection_id=70)) == "backups/made/bundle/70/"
