# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server cannot take is refused before anything is written to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import (
    BackupMeta,
    CollectionMeta,
    FieldLogs,
    Log,
    SegmentMeta,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server
from ansible_collections.vectorops.milvus.plugins.module_utils.restore import rules
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.request import RestoreRequest
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.rules import (
    above_defaults,
    require_restorable,
    require_whole_segments,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.targets import Naming

LOGS = (FieldLogs(0, (Log(1, "", 1),)),)
EVERYWHERE = SegmentMeta(40, 1, -1, 0, (), LOGS, 0, is_l0=True)


@dataclass(frozen=True)
class Version:
    """All that the rules ask of a server."""

    version: str


def plain(example: BackupMeta) -> CollectionMeta:
    return replace(example.collections[0], l0_segments=())


def with_storage(example: BackupMeta, version: int) -> CollectionMeta:
    source = plain(example)
    first = source.partitions[0]
    segments = tuple(replace(item, storage_version=version) for item in first.segments)
    return replace(source, partitions=(replace(first, segments=segments), *source.partitions[1:]))


def with_vectors(example: BackupMeta, number: int) -> CollectionMeta:
    fields = [{"name": f"v{count}", "fieldID": 100 + count, "data_type": 101} for count in range(number)]
    return replace(plain(example), schema={**example.collections[0].schema, "fields": fields})


def refusal(version: str, source: CollectionMeta, **wanted: Any) -> MilvusOpsError | None:
    request = RestoreRequest((), Naming({}, "_bak"), **wanted)
    server = cast(Server, Version(version))
    by_rest = not version.startswith("2.3")
    try:
        require_restorable(server, source, request, by_rest=by_rest)
    except MilvusOpsError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("version", "refused"), [("2.5.13", False), ("2.5.14", True), ("v2.5.14-dev", True), ("2.5.15", False)]
)
def test_the_release_that_loses_renamed_collections(example: BackupMeta, version: str, refused: bool) -> None:
    for wanted in ({}, {"meta_only": True}):
        error = refusal(version, plain(example), **wanted)
        assert (error is not None) is refused
        if error is not None:
            assert error.kind == "version"
            assert "2.5.15" in error.failure.next_step
            assert error.failure.state_left == "nothing was written"


@pytest.mark.parametrize(
    ("version", "storage", "refused"),
    [
        ("2.3.5", 0, False),
        ("2.3.5", 2, True),
        ("2.5.27", 1, False),
        ("2.5.27", 2, True),
        ("2.6.0", 2, False),
        ("2.6.18", 3, True),
        ("3.0.0", 2, False),
        ("3.0.0", 3, True),
    ],
)
def test_storage_versions(example: BackupMeta, version: str, storage: int, refused: bool) -> None:
    source = with_storage(example, storage)
    assert (refusal(version, source) is not None) is refused
    assert refusal(version, source, meta_only=True) is None


@pytest.mark.parametrize(
    ("version", "most", "advice"),
    [("2.3.5", 9, "newer"), ("2.4.4", 9, ""), ("2.6.18", 0, ""), ("3.0.0", 9, ""), ("3.0.0", 0, "l0compact")],
)
def test_deletes_of_level_zero(
    example: BackupMeta, monkeypatch: pytest.MonkeyPatch, version: str, most: int, advice: str
) -> None:
    """Where they are not imported they are copied to each segment, unless those are too many."""
    monkeypatch.setattr(rules, "MOST_COPIES", most)
    error = refusal(version, replace(plain(example), l0_segments=(EVERYWHERE,)))
    assert (error is not None) is bool(advice)
    if error is not None:
        assert advice in error.failure.next_step


def test_float16_vectors_are_for_newer_lines(example: BackupMeta) -> None:
    schema = example.collections[0].schema
    half = [{**field, "data_type": 102} for field in schema["fields"]]
    source = replace(plain(example), schema={**schema, "fields": half})
    assert refusal("2.3.5", source) is not None
    assert refusal("2.4.0", source) is None


def doubts(version: str, source: CollectionMeta, shards: int | None = None) -> tuple[str, ...]:
    return tuple(above_defaults(version, source, RestoreRequest((), Naming({}, "_bak"), shards=shards)))


@pytest.mark.parametrize(
    ("version", "number", "told"),
    [("2.5.27", 4, False), ("2.5.27", 5, True), ("2.5.27", 10, True), ("2.6.0", 10, False)],
)
def test_vector_fields_that_an_operator_may_have_allowed(
    example: BackupMeta, version: str, number: int, told: bool
) -> None:
    source = with_vectors(example, number)
    assert (refusal(version, source), bool(doubts(version, source))) == (None, told)
    assert all("proxy.maxVectorFieldNum" in text for text in doubts(version, source))


@pytest.mark.parametrize("version", ["2.4.0", "2.6.18"])
def test_vector_fields_that_nobody_can_allow(example: BackupMeta, version: str) -> None:
    """A server does not even start with a higher number in its settings."""
    error = refusal(version, with_vectors(example, 11))
    assert error is not None
    assert "at most 10" in error.failure.cause


def test_partitions_and_channels_that_an_operator_may_have_allowed(example: BackupMeta) -> None:
    source = plain(example)
    many = replace(source, partitions=source.partitions[:1] * 1025)
    wide = replace(source, partitions=source.partitions[:1] * 1024, shards=65)
    for found, name in ((many, "rootCoord.maxPartitionNum"), (wide, "rootCoord.maxGeneralCapacity")):
        (told,) = doubts("2.6.0", found)
        assert (refusal("2.6.0", found), name in told) == (None, True)
    assert doubts("2.6.0", wide, shards=64) == ()


def with_fields(example: BackupMeta, *numbers: int, **more: Any) -> CollectionMeta:
    fields = [{"name": f"f{number}", "fieldID": number, "data_type": 5} for number in numbers]
    return replace(plain(example), schema={"name": "docs", "fields": fields, **more})


@pytest.mark.parametrize(
    ("version", "words"),
    [("2.6.0", ""), ("3.0.0", ""), ("2.5.27", "added after it was created"), ("2.3.5", "added after it was created")],
)
def test_fields_that_were_added_later(example: BackupMeta, version: str, words: str) -> None:
    """The example has data of the fields 100 to 103."""
    error = refusal(version, with_fields(example, 100, 101, 103, enable_dynamic_field=True))
    assert (error is not None) is bool(words)
    if error is not None:
        assert words in error.failure.cause


@pytest.mark.parametrize("numbers", [(100, 102, 103), (100, 101, 102)])
def test_a_field_that_was_dropped(example: BackupMeta, numbers: tuple[int, ...]) -> None:
    """Its number is missing, or there are data of a number that no field has."""
    source = with_fields(example, *numbers)
    error = refusal("3.0.0", source)
    assert error is not None
    assert "dropped" in error.failure.cause
    assert refusal("3.0.0", source, meta_only=True) is None


def test_a_hidden_field_with_a_number_of_its_own(example: BackupMeta) -> None:
    """Some backups name it: from the metadata of the server."""
    source = with_fields(example, 100, 101, 102, enable_dynamic_field=True)
    for number, refused in ((103, False), (104, True)):
        hidden = {"name": "$meta", "fieldID": number, "data_type": 23, "is_dynamic": True}
        found = refusal(
            "3.0.0", replace(source, schema={**source.schema, "fields": [*source.schema["fields"], hidden]})
        )
        assert (found is not None) is refused


@pytest.mark.parametrize(
    ("made_on", "lost", "refused"),
    [("v2.5.14", 101, True), ("2.3.5", 103, True), ("v2.5.14", 104, False), ("2.6.0", 101, False), ("", 103, False)],
)
def test_a_segment_without_data_of_a_field(example: BackupMeta, made_on: str, lost: int, refused: bool) -> None:
    """Field 101 may be null and 103 is the hidden one: from 2.6 on a server fills both, and says nothing."""
    source = plain(example)
    first = source.partitions[0]
    segments = tuple(
        replace(item, binlogs=tuple(logs for logs in item.binlogs if logs.field_id != lost)) for item in first.segments
    )
    found = replace(source, partitions=(replace(first, segments=segments), *source.partitions[1:]))
    require_whole_segments(made_on, source)
    if not refused:
        require_whole_segments(made_on, found)
        return
    with pytest.raises(MilvusOpsError) as caught:
        require_whole_segments(made_on, found)
    assert (caught.value.kind, str([lost]) in caught.value.failure.cause) == ("corrupt", True)


def test_a_function_on_a_field_that_was_added(example: BackupMeta) -> None:
    functions = [{"name": "bm25", "input_field_names": ["f100"], "output_field_names": ["f103"]}]
    source = with_fields(example, 100, 101, 103, enable_dynamic_field=True, functions=functions)
    error = refusal("3.0.0", source)
    assert error is not None
    assert "f103" in error.failure.cause


@pytest.mark.parametrize("made_on", ["2.3.5", "2.6.18"])
def test_rows_that_are_only_counted_are_not_taken_for_none(example: BackupMeta, made_on: str) -> None:
    """Such a collection would come back empty, and the restore say that all went well."""
    source = example.collections[0]
    first = source.partitions[0]

    def with_segment(**changes: Any) -> CollectionMeta:
        segments = (*first.segments, replace(first.segments[0], segment_id=9, binlogs=(), deltalogs=(), **changes))
        return replace(source, partitions=(replace(first, segments=segments), *source.partitions[1:]))

    require_whole_segments(made_on, with_segment(rows=0))
    require_whole_segments(made_on, with_segment(rows=4, is_l0=True))
    with pytest.raises(MilvusOpsError) as caught:
        require_whole_segments(made_on, with_segment(rows=4))
    assert (caught.value.kind, "meta_only" in caught.value.failure.next_step) == ("corrupt", True)
