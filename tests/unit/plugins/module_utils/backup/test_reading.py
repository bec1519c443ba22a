# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading meta files: what was written comes back, what is damaged is refused with its place, nothing else happens."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import BackupLayout
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import BackupMeta, MetaFiles
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.reading import parse_full_meta
from ansible_collections.vectorops.milvus.plugins.module_utils.backup.verify import objects_by_meta
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.schema import schema_from_json
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.jobs import import_jobs

KEY = "http://store:9000/bucket/backup/nightly_01/meta/full_meta.json"
MUTATIONS = 500
WRONG: list[Any] = [
    None,
    "\ud800",
    True,
    False,
    0,
    -1,
    1.5,
    2**70,
    "",
    "text",
    "1",
    [],
    [1],
    [None],
    [[]],
    {},
    {"a": 1},
]

Tree = dict[str, Any]
Place = tuple[Any, Any]


def full_meta(backup: BackupMeta) -> bytes:
    return MetaFiles(backup)["full_meta.json"]


def read(body: bytes | Tree) -> BackupMeta:
    return parse_full_meta(body if isinstance(body, bytes) else json.dumps(body).encode(), KEY)


def refusal(body: bytes | Tree) -> MilvusOpsError:
    with pytest.raises(MilvusOpsError) as caught:
        read(body)
    assert caught.value.kind == "corrupt"
    assert caught.value.failure.where == KEY
    return caught.value


def outcome(tree: Tree) -> BackupMeta | str:
    """What is read, or why not, without the place: ids that are part of others cannot be left out."""
    try:
        return read(tree)
    except MilvusOpsError as error:
        return error.failure.cause


def places(tree: Any) -> Iterator[Place]:
    """Every container of a tree with each of its keys or positions."""
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree))) if isinstance(tree, list) else []
    for key in keys:
        yield tree, key
        yield from places(tree[key])


def use(backup: BackupMeta) -> None:
    """What a restore does with a backup before it calls any server."""
    layout = BackupLayout("backup", "nightly_01")
    dict(MetaFiles(backup))
    objects_by_meta(layout, backup)
    for collection in backup.collections:
        import_jobs(layout, collection)
        schema_from_json(collection.schema, collection.name)


def test_what_was_written_is_read_back(example: BackupMeta) -> None:
    assert read(full_meta(example)) == example
    empty = BackupMeta("", "", "", (), ())
    assert read(full_meta(empty)) == empty


def test_unknown_keys_are_ignored(example: BackupMeta) -> None:
    tree = json.loads(full_meta(example))
    for container, _key in list(places(tree)):
        if isinstance(container, dict) and "key" not in container and "M" not in container and "name" not in container:
            container["x_new"] = {"deep": [1, None, "x"]}
    tree["x_new"] = [float("1e300")]
    assert read(tree) == example


def test_null_and_absent_are_the_same_for_every_key(example: BackupMeta) -> None:
    body = full_meta(example)
    tree, tried = json.loads(body), 0
    for number, (container, _key) in enumerate(places(tree)):
        if not isinstance(container, dict):
            continue
        null, absent = json.loads(body), json.loads(body)
        (null_place, key), (absent_place, _unused) = list(places(null))[number], list(places(absent))[number]
        if _is_free_text(null_place):
            continue
        null_place[key] = None
        del absent_place[key]
        assert outcome(null) == outcome(absent), key
        tried += 1
    assert tried > 60


def _is_free_text(container: Tree) -> bool:
    """Objects that are kept as they are: the schema, key-value pairs, parameters of an index."""
    return bool({"fields", "fieldID", "key", "metric_type"} & set(container)) and "binlogs" not in container


def test_the_schema_may_hold_nulls_too(example: BackupMeta) -> None:
    tree = json.loads(full_meta(example))
    schema = tree["collection_backups"][0]["schema"]
    schema.update(functions=None, properties=None, struct_array_fields=None, autoID=None)
    for field in schema["fields"]:
        field.update(type_params=None, index_params=None, description=None, is_partition_key=None)
    use(read(tree))


def test_a_null_parameter_of_an_index_is_empty(example: BackupMeta) -> None:
    tree = json.loads(full_meta(example))
    tree["collection_backups"][0]["index_infos"][0]["params"] = {"M": None}
    assert read(tree).collections[0].indexes[0].params in ({}, {"M": ""})


@pytest.mark.parametrize("change", [str.upper, str.capitalize, str.swapcase, str.lower])
def test_keys_are_read_in_any_case(example: BackupMeta, change: Callable[[str], str]) -> None:
    """As Go does; but not the names of an index's parameters, which are keys of a map."""
    tree = json.loads(full_meta(example))

    def changed(value: Any) -> Any:
        if isinstance(value, list):
            return [changed(item) for item in value]
        if not isinstance(value, dict) or "metric_type" in value:
            return value
        return {change(key): changed(item) for key, item in value.items()}

    assert changed(tree) != tree
    assert read(changed(tree)) == example


def test_the_spelling_that_is_written_wins() -> None:
    assert read({"NAME": "other", "name": "this", "Name": "other"}).name == "this"
    assert read({"name": None, "NAME": "other"}).name == ""


def test_a_log_without_an_id_is_named_by_its_path(example: BackupMeta) -> None:
    """Before milvus-backup 0.5.4 no log_id was written, and the key of the copy ends as that of the source."""
    tree = json.loads(full_meta(example))
    logs = [item for container, key in places(tree) if key == "log_id" for item in [container]]
    assert len(logs) == 8
    for log in logs:
        del log["log_id"]
    assert read(tree) == example
    for path in (None, "", "files/insert_log/1/2/3/x7", "files/7/", "7\u0663", "0"):
        logs[3]["log_path"] = path
        assert "has no log_id, and its log_path does not end with one" in refusal(tree).failure.cause


@pytest.mark.parametrize(
    ("place", "key", "parent"),
    [
        (("partition_backups", 0), "collection_id", 449577000000000010),
        (("partition_backups", 0, "segment_backups", 0), "collection_id", 449577000000000010),
        (("partition_backups", 0, "segment_backups", 0), "partition_id", 449577000000000011),
        (("l0_segments", 0), "collection_id", 449577000000000010),
        (("l0_segments", 0), "partition_id", -1),
    ],
)
def test_a_part_has_the_ids_of_its_whole(example: BackupMeta, place: tuple[Any, ...], key: str, parent: int) -> None:
    """Else objects would be verified in one place and imported from another. Left out they are taken from it."""
    tree = json.loads(full_meta(example))
    node = tree["collection_backups"][0]
    for step in place:
        node = node[step]
    node[key] = 5
    assert f".{key} is 5, but it is part of {parent}" in refusal(tree).failure.cause
    del node[key]
    assert read(tree) == example


def test_empty_entries_are_no_logs(example: BackupMeta) -> None:
    tree = json.loads(full_meta(example))
    segment = tree["collection_backups"][0]["partition_backups"][0]["segment_backups"][0]
    segment["binlogs"] += [{}, {"fieldID": 104, "binlogs": None}]
    assert read(tree) == example


def test_the_number_of_replicas_is_written_only_where_it_is_not_one(example: BackupMeta) -> None:
    assert b"replica_number" not in full_meta(example)
    assert read(full_meta(example)).collections[0].replicas == 1
    collection = dataclasses.replace(example.collections[0], replicas=3)
    backup = dataclasses.replace(example, collections=(collection,))
    assert b'"replica_number":3' in full_meta(backup)
    assert read(full_meta(backup)) == backup


def test_an_empty_object_is_an_empty_backup() -> None:
    assert read(b"{}") == BackupMeta("", "", "", (), ())
    assert read(b' \n{"collection_backups":null,"format":""}') == BackupMeta("", "", "", (), ())


def test_a_collection_without_a_database_is_one_of_the_default(example: BackupMeta) -> None:
    for name in ("", None):
        (collection,) = read({"collection_backups": [{"collection_name": "docs", "db_name": name}]}).collections
        assert (collection.database, collection.qualified_name) == ("default", "default.docs")


def test_delta_logs_without_a_log_are_no_delta_logs() -> None:
    """The listing mode of milvus-backup writes one empty entry for a segment without deletes."""
    segment = {"segment_id": 1, "deltalogs": [{}]}
    tree = {"collection_backups": [{"partition_backups": [{"segment_backups": [segment]}]}]}
    assert read(tree).collections[0].partitions[0].segments[0].deltalogs == ()


def test_another_format_is_refused_by_name() -> None:
    with pytest.raises(MilvusOpsError) as caught:
        read({"name": "n", "format": "tape"})
    assert caught.value.kind == "version"
    assert "'tape'" in caught.value.failure.cause


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ({"id": 1}, "$.id is not a text"),
        ({"collection_backups": {}}, "$.collection_backups is not a list"),
        ({"collection_backups": [[]]}, "$.collection_backups[0] is not an object"),
        ({"collection_backups": [None]}, "$.collection_backups[0] is not an object"),
        ({"collection_backups": [{}, {"schema": []}]}, "$.collection_backups[1].schema is not an object"),
        ({"collection_backups": [{"db_id": "1"}]}, "$.collection_backups[0].db_id is not a whole number"),
        ({"collection_backups": [{"db_id": True}]}, "$.collection_backups[0].db_id is not a whole number"),
        ({"collection_backups": [{"db_id": 1.0}]}, "$.collection_backups[0].db_id is not a whole number"),
        ({"collection_backups": [{"aliases": [1]}]}, "$.collection_backups[0].aliases is not a list of texts"),
        ({"collection_backups": [{"l0_segments": [{"is_l0": 1}]}]}, ".l0_segments[0].is_l0 is neither true nor false"),
        ({"database_backups": [{"db_name": []}]}, "$.database_backups[0].db_name is not a text"),
    ],
)
def test_a_wrong_type_is_named_with_its_place(tree: Tree, path: str) -> None:
    assert path in refusal(tree).failure.cause


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"null",
        b"[]",
        b"1",
        b'"text"',
        b"{}x",
        b'{"id":"a\nb"}',
        b"\xff\xfe",
        b'{"id":"\xff"}',
        b'{"id":NaN}',
        b'{"database_backups":[{"db_id":NaN}]}',
        b'{"database_backups":[{"db_id":1e400}]}',
        b'{"database_backups":[{"db_id":' + b"1" * 5000 + b"}]}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\x00" * 10,
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_no_meta_file_is_refused(body: bytes) -> None:
    refusal(body)


def test_a_cut_file_is_refused_wherever_it_is_cut(example: BackupMeta) -> None:
    body = full_meta(example)
    for length in range(0, len(body), 37):
        refusal(body[:length])


def test_damage_of_single_bytes_is_refused_or_harmless(example: BackupMeta) -> None:
    generator = random.Random(6)
    intact, refused = full_meta(example), 0
    for _unused in range(MUTATIONS):
        body = bytearray(intact)
        for _change in range(generator.randrange(1, 4)):
            body[generator.randrange(len(body))] = generator.randrange(256)
        refused += _is_refused(bytes(body))
    assert 50 < refused < MUTATIONS


def test_wrong_values_anywhere_are_refused_or_harmless(example: BackupMeta) -> None:
    generator = random.Random(7)
    intact, refused = full_meta(example), 0
    for _unused in range(MUTATIONS):
        refused += _is_refused(_with_a_wrong_value(intact, generator))
    assert 50 < refused < MUTATIONS


def test_what_is_accepted_can_be_used(example: BackupMeta) -> None:
    """A damaged schema is found while reading, not in the middle of a restore."""
    generator = random.Random(8)
    intact = full_meta(example)
    for _unused in range(MUTATIONS):
        body = _with_a_wrong_value(intact, generator)
        if not _is_refused(body):
            use(read(body))


def _with_a_wrong_value(body: bytes, generator: random.Random) -> bytes:
    tree = json.loads(body)
    container, key = generator.choice(list(places(tree)))
    container[key] = generator.choice([*WRONG, copy.deepcopy(container)])
    return json.dumps(tree).encode()


def _is_refused(body: bytes) -> bool:
    try:
        read(body)
    except MilvusOpsError as error:
        failure = error.failure
    else:
        return False
    assert (failure.kind, failure.where) == ("corrupt", KEY)
    return True
