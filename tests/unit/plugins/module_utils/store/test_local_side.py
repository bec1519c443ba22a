# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a local side: a folder, and nothing inherited from or lent to a service."""

from __future__ import annotations

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store, instance_store


@pytest.mark.parametrize("root_path", ["", "/", "backup", "./x", "/a/../b", "/a//b", "//a/b", "/a/ b/c", "~/x"])
def test_a_local_root_path_must_be_an_absolute_folder(root_path: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        instance_store({"storage_type": "local", "root_path": root_path})
    assert caught.value.kind == "usage"
    assert caught.value.failure.where == "root_path"


S3_SIDE = {"storage_address": "s3.example", "bucket_name": "b", "access_key_id": "k", "secret_access_key": "s"}
LOCAL_SIDE = {"storage_type": "local", "root_path": "/var/lib/milvus/data/"}


def test_a_local_backup_side_takes_nothing_from_an_s3_instance() -> None:
    side = backup_store({**S3_SIDE, "backup_storage_type": "local", "backup_root_path": "/srv/backups"})
    assert side.is_local
    assert (side.root_path, side.bucket, side.label + "/srv", side.access_key_id) == (
        "/srv/backups",
        "",
        "file://srv",
        None,
    )
    assert not side.same_service(instance_store(S3_SIDE))


def test_the_backup_side_of_a_local_instance_is_local_and_needs_its_own_folder() -> None:
    with pytest.raises(MilvusOpsError, match="backup_root_path"):
        backup_store(LOCAL_SIDE)
    side = backup_store({**LOCAL_SIDE, "backup_root_path": "/srv/backups"})
    assert side.same_service(instance_store(LOCAL_SIDE))
    assert instance_store(LOCAL_SIDE).root_path == "/var/lib/milvus/data"


def test_an_s3_backup_side_of_a_local_instance_needs_all_its_own() -> None:
    s3_backup = {"backup_storage_type": "s3", "backup_storage_address": "s3.example", "backup_bucket_name": "b"}
    with pytest.raises(MilvusOpsError, match="backup_access_key_id"):
        backup_store({**LOCAL_SIDE, **s3_backup})
    keys_too = {"backup_access_key_id": "k", "backup_secret_access_key": "s"}
    side = backup_store({**LOCAL_SIDE, **s3_backup, **keys_too})
    assert (side.is_local, side.bucket, side.root_path) == (False, "b", "backup")
