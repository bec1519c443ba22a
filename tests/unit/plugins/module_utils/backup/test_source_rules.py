# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections that could be copied and not be restored are refused by what they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import BackupMeta
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.source_rules import doubts_of, require_backupable
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import sdk
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.catalog import Collection
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.schema import schema_to_json

NAME = CollectionName("default", "docs")


def collection(properties: dict[str, str] | None = None, **schema: Any) -> Collection:
    """As a server tells it."""
    message = sdk.schema_pb2.CollectionSchema(name="docs", **schema)
    pairs = tuple({"key": key, "value": value} for key, value in (properties or {}).items())
    return Collection(NAME, 1, 1, schema_to_json(message), 1, 2, pairs, (), (), (), 0)


def field(data_type: int) -> Any:
    return sdk.schema_pb2.FieldSchema(fieldID=100, name="x", data_type=data_type)


@pytest.mark.parametrize(
    ("version", "found", "words"),
    [
        ("2.3.5", collection(fields=[field(102)]), "float16"),
        ("3.0.0", collection(fields=[field(25)]), "files of their own"),
        ("2.6.18", collection({"cipher.ezID": "7"}), "encrypted"),
    ],
)
def test_what_no_backup_can_hold(version: str, found: Collection, words: str) -> None:
    with pytest.raises(MilvusOpsError, match=words) as caught:
        require_backupable(version, found)
    assert (caught.value.kind, "exclude" in caught.value.failure.next_step) == ("version", True)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("external_source", "s3://other/place", "external"), ("enable_namespace", True, "namespaces")],
)
def test_what_newer_libraries_read(name: str, value: Any, words: str) -> None:
    if name not in sdk.schema_pb2.CollectionSchema.DESCRIPTOR.fields_by_name:
        pytest.skip("this pymilvus is older than the field, and does not read it")
    with pytest.raises(MilvusOpsError, match=words):
        require_backupable("3.0.0", collection(**{name: value}))


@pytest.mark.parametrize("found", [collection(fields=[field(102)]), collection({"mmap.enabled": "true"})])
def test_what_a_backup_can_hold(found: Collection) -> None:
    require_backupable("2.4.0", found)


@pytest.mark.parametrize(
    ("version", "key", "told"),
    [
        ("2.4.0", "is_clustering_key", True),
        ("v2.4.24", "is_clustering_key", True),
        ("2.4.24", "is_partition_key", False),
        ("2.5.0", "is_clustering_key", False),
        ("2.3.5", "is_clustering_key", False),
    ],
)
def test_rows_that_a_server_may_list_twice(example: BackupMeta, version: str, key: str, told: bool) -> None:
    """2.5 mends it. Where there are no rows there are none to be there twice."""
    first = example.collections[0]
    fields = [{**field, key: True} for field in first.schema["fields"]]
    clustered = replace(first, schema={**first.schema, "fields": fields})
    empty = replace(clustered, partitions=(), l0_segments=())
    doubts = list(doubts_of(version, [first, clustered, empty]))
    assert len(doubts) == told
    assert all(text.startswith(first.qualified_name) and "2.5.0" in text for text in doubts)
