# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The meta files, byte by byte as milvus-backup's encoder would write them."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import META_FILES
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import (
    BackupMeta,
    FieldLogs,
    IndexMeta,
    Log,
    MetaFiles,
    PartitionMeta,
    SegmentMeta,
    encode,
)

# Field id 0 has no key, partition -1 no group; ids and timestamps are whole numbers beyond 2**53.
BINLOGS = (
    '"binlogs":['
    '{"binlogs":[{"log_path":"files/insert_log/449577000000000010/449577000000000011/449577000000000020/0/1",'
    '"log_size":5100,"log_id":1}]},'
    '{"fieldID":1,"binlogs":[{"log_path":"files/insert_log/449577000000000010/449577000000000011/449577000000000020/1/2",'
    '"log_size":5100,"log_id":2}]},'
    '{"fieldID":100,"binlogs":[{"log_path":"files/insert_log/449577000000000010/449577000000000011/449577000000000020'
    '/100/3","log_size":8600,"log_id":3}]},'
    '{"fieldID":101,"binlogs":[{"log_path":"files/insert_log/449577000000000010/449577000000000011/449577000000000020'
    '/101/4","log_size":8700,"log_id":4}]},'
    '{"fieldID":102,"binlogs":[{"log_path":"files/insert_log/449577000000000010/449577000000000011/449577000000000020'
    '/102/5","log_size":33000,"log_id":5}]},'
    '{"fieldID":103,"binlogs":[{"log_path":"files/insert_log/449577000000000010/449577000000000011/449577000000000020'
    '/103/6","log_size":2100,"log_id":6}]}],'
)
SEGMENT = (
    '{"segment_id":449577000000000020,"collection_id":449577000000000010,"partition_id":449577000000000011,'
    '"num_of_rows":1000,' + BINLOGS + '"deltalogs":[{"binlogs":[{"log_path":"files/delta_log/449577000000000010/'
    '449577000000000011/449577000000000020/7","log_size":900,"log_id":7}]}],"size":63500,'
    '"group_id":449577000000000020,"v_channel":"by-dev-rootcoord-dml_0_449577000000000010v0"}'
)
PARTITION_HEAD = '{"partition_id":449577000000000011,"partition_name":"_default","collection_id":449577000000000010,'
PARTITION_TAIL = '"size":63500,"load_state":"Loaded"}'
EMPTY_PARTITION = (
    '{"partition_id":449577000000000012,"partition_name":"empty \\u0026 \\u003cbare\\u003e",'
    '"collection_id":449577000000000010,"size":0,"load_state":"Loaded"}'
)
COLLECTION_HEAD = (
    '{"id":"0b8f6a9e-6a1c-4a7f-9d55-0c8f6b1f2a10","collection_id":449577000000000010,"db_name":"default",'
    '"collection_name":"docs","schema":{"name":"docs","description":"demo","fields":['
    '{"fieldID":100,"name":"pk","is_primary_key":true,"data_type":5},'
    '{"fieldID":101,"name":"rank","nullable":true,"data_type":5,"default_value_base64":"GAc="},'
    '{"fieldID":102,"name":"vec","data_type":101,"type_params":[{"key":"dim","value":"8"}]}],'
    '"enable_dynamic_field":true},"shards_num":1,"consistency_level":2,"partition_backups":['
)
COLLECTION_MIDDLE = (
    '],"backup_timestamp":458500000000000001,"size":64400,"has_index":true,'
    '"index_infos":[{"field_name":"vec","index_name":"vec","index_type":"HNSW",'
    '"params":{"M":"16","index_type":"HNSW","metric_type":"L2"},"index_id":30}],'
    '"load_state":"Loaded","backup_physical_timestamp":1749040222,'
)
L0_SEGMENTS = (
    '"l0_segments":[{"segment_id":449577000000000021,"collection_id":449577000000000010,"partition_id":-1,'
    '"num_of_rows":40,"deltalogs":[{"binlogs":[{"log_path":"files/delta_log/449577000000000010/-1/449577000000000021/8",'
    '"log_size":900,"log_id":8}]}],"size":900,"is_l0":true,'
    '"v_channel":"by-dev-rootcoord-dml_0_449577000000000010v0"}],'
)
COLLECTION_TAIL = (
    '"properties":[{"key":"collection.ttl.seconds","value":"60"},{"key":"empty"}],"db_id":1,'
    '"created_timestamp":458400000000000001,'
    '"virtual_channel_names":["by-dev-rootcoord-dml_0_449577000000000010v0"],'
    '"physical_channel_names":["by-dev-rootcoord-dml_0"],"aliases":["papers"]}'
)
HEADER = '{"id":"0b8f6a9e-6a1c-4a7f-9d55-0c8f6b1f2a10","state_code":0,"name":"nightly_01",'

EXPECTED = {
    "backup_meta.json": HEADER + '"size":64400,"milvus_version":"v2.5.14"}',
    "collection_meta.json": '{"infos":['
    + COLLECTION_HEAD
    + PARTITION_HEAD
    + PARTITION_TAIL
    + ","
    + EMPTY_PARTITION
    + COLLECTION_MIDDLE
    + COLLECTION_TAIL
    + "]}",
    "partition_meta.json": '{"infos":[' + PARTITION_HEAD + PARTITION_TAIL + "," + EMPTY_PARTITION + "]}",
    "segment_meta.json": '{"infos":[' + SEGMENT + "]}",
    "full_meta.json": HEADER
    + '"collection_backups":['
    + COLLECTION_HEAD
    + PARTITION_HEAD
    + '"segment_backups":['
    + SEGMENT
    + "],"
    + PARTITION_TAIL
    + ","
    + EMPTY_PARTITION
    + COLLECTION_MIDDLE
    + L0_SEGMENTS
    + COLLECTION_TAIL
    + '],"size":64400,"milvus_version":"v2.5.14","database_backups":[{"db_name":"default","db_id":1}]}',
}


@pytest.mark.parametrize("name", META_FILES)
def test_the_example_is_written_as_milvus_backup_would(example: BackupMeta, name: str) -> None:
    assert MetaFiles(example)[name].decode() == EXPECTED[name]


def test_the_commit_is_written_last(example: BackupMeta) -> None:
    assert tuple(MetaFiles(example)) == META_FILES
    assert META_FILES[-1] == "full_meta.json"


def test_an_empty_backup() -> None:
    bodies = MetaFiles(BackupMeta("id", "none", "", (), ()))
    assert bodies["full_meta.json"] == b'{"id":"id","state_code":0,"name":"none","size":0}'
    assert bodies["backup_meta.json"] == bodies["full_meta.json"]
    assert {bodies[name] for name in META_FILES[1:4]} == {b"{}"}


def test_zero_values_are_left_out_but_for_those_that_go_always_writes(example: BackupMeta) -> None:
    (collection,) = example.collections
    bare = dataclasses.replace(
        collection,
        consistency_level=0,
        indexes=(),
        timestamp=0,
        partitions=(),
        l0_segments=(),
        aliases=(),
        database_id=0,
    ).to_json()
    assert (bare["size"], bare["has_index"]) == (0, False)
    assert not {"consistency_level", "index_infos", "backup_timestamp", "partition_backups", "l0_segments"} & set(bare)
    assert not {"aliases", "db_id"} & set(bare)
    assert Log(0, "", 0).to_json() == {"log_size": 0}
    assert FieldLogs(0, ()).to_json() == {}
    assert SegmentMeta(0, 0, 0, 0, (), (), 0).to_json() == {"size": 0}
    assert PartitionMeta(0, "", 0, (), "").to_json() == {"size": 0}
    assert IndexMeta("", "", "", {}, 0).to_json() == {}


def test_sizes_and_counts_are_sums(example: BackupMeta) -> None:
    (collection,) = example.collections
    (segment, deletes) = collection.segments
    assert (segment.size, segment.objects, deletes.size, deletes.objects) == (63500, 7, 900, 1)
    assert (example.size, example.objects, example.rows) == (64400, 8, 1000)
    assert collection.has_deletes
    assert [field for field, _log in segment.logs] == [0, 1, 100, 101, 102, 103, None]
    bare = dataclasses.replace(segment, deltalogs=())
    partition = dataclasses.replace(collection.partitions[0], segments=(bare,))
    assert not dataclasses.replace(collection, partitions=(partition,), l0_segments=()).has_deletes


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<a> & b", r"\u003ca\u003e \u0026 b"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("é 漢 \U0001f600", "é 漢 \U0001f600"),
        ('"\\/', r"\"\\/"),
        ("\n\r\t", r"\n\r\t"),
        ("\x00\x1f", r"\u0000\u001f"),
        ("\x7f", "\x7f"),
        (r"\u003c", r"\\u003c"),
    ],
)
def test_texts_are_escaped_as_by_go(text: str, written: str) -> None:
    body = encode({text: text})
    assert body.decode() == f'{{"{written}":"{written}"}}'
    assert json.loads(body) == {text: text}


def test_every_file_is_one_line(example: BackupMeta) -> None:
    for body in MetaFiles(example).values():
        assert b"\n" not in body
        assert not body.endswith(b"\n")
        assert _numbers_are_exact(json.loads(body))


def _numbers_are_exact(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_numbers_are_exact(item) for item in value.values())
    if isinstance(value, list):
        return all(_numbers_are_exact(item) for item in value)
    return not isinstance(value, float)
