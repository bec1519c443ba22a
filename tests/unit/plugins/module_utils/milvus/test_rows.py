# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cells as bytes that are equal exactly when the values are, and the filter that turns the page."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import rows, sdk

Cells = list[bytes]


def column(name: str = "a", valid: tuple[bool, ...] = (), **data: Any) -> Any:
    """A column of a query's answer: C(long_data=[1, 2]) for scalars, C(float_vector=...) with C(dim) for vectors."""
    if "dim" in data:
        return sdk.schema_pb2.FieldData(field_name=name, vectors=data, valid_data=valid)
    kind = next(iter(data))
    return scalar_column(kind, data[kind], name, valid)


def scalar_column(kind: str, values: list[Any], name: str = "a", valid: tuple[bool, ...] = ()) -> Any:
    return sdk.schema_pb2.FieldData(field_name=name, scalars={kind: {"data": values}}, valid_data=valid)


def cells(column: Any) -> Cells:
    return rows._encoded_cells(column)


def array_column(*arrays: dict[str, list[Any]]) -> Any:
    return column(array_data=[{kind: {"data": values}} for array in arrays for kind, values in array.items()])


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bool_data", [False, True]),
        ("int_data", [-128, 0, 1, 2**31 - 1]),
        ("long_data", [-(2**63), -1, 0, 2**63 - 1]),
        ("float_data", [0.0, -0.0, 0.5, float("inf"), -1e-38]),
        ("double_data", [0.0, -0.0, 0.1, 1e300]),
        ("string_data", ["", " ", "a", "A", "é", "e\u0301", "\x00"]),
        ("bytes_data", [b"", b"\x00", b"\xff"]),
        ("json_data", [b"0", b"null", b'""', b"{}", b"[]", b"[1,2]", b"[2,1]", b'{"a":1}', b'{"a":"1"}', b"false"]),
    ],
)
def test_different_values_are_different_cells(kind: str, values: list[Any]) -> None:
    encoded = cells(scalar_column(kind, values))
    assert len(encoded) == len(set(encoded)) == len(values)
    assert encoded == cells(scalar_column(kind, values))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b'{"a":1,"b":2}', b'{"b": 2, "a": 1}'),
        (b'{"x":{"b":[1,{"d":4,"c":3}],"a":0}}', b' {"x":{"a":0,"b":[1,{"c":3,"d":4}]}}\n'),
        (b'"\\u00e9"', '"é"'.encode()),
    ],
)
def test_equal_json_is_an_equal_cell(first: bytes, second: bytes) -> None:
    one, other = cells(column(json_data=[first, second]))
    assert one == other


def test_json_with_half_a_surrogate_pair_is_a_cell_too() -> None:
    one, other = cells(column(json_data=[b'"\\ud83d"', b'"\\ud83e"']))
    assert one != other


@pytest.mark.parametrize(
    ("data", "width"),
    [
        ({"dim": 2, "float_vector": {"data": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}}, 8),
        ({"dim": 16, "binary_vector": b"abcdef"}, 2),
        ({"dim": 2, "float16_vector": b"abcdefghijkl"}, 4),
        ({"dim": 2, "bfloat16_vector": b"abcdefghijkl"}, 4),
        ({"dim": 2, "int8_vector": b"abcdef"}, 2),
    ],
)
def test_vectors_are_cut_row_by_row(data: dict[str, Any], width: int) -> None:
    encoded = cells(column(**data))
    assert [len(cell) for cell in encoded] == [width] * 3
    assert len(set(encoded)) == 3


def test_float_and_sparse_vectors() -> None:
    assert cells(column(dim=2, float_vector={"data": [1.0, 2.0]})) == [struct.pack("<2f", 1, 2)]
    assert cells(column(dim=9, sparse_float_vector={"contents": [b"ab", b""]})) == [b"ab", b""]


def test_arrays_that_are_split_differently_differ() -> None:
    encoded = cells(
        array_column(
            {"string_data": ["ab", "c"]},
            {"string_data": ["a", "bc"]},
            {"string_data": ["abc"]},
            {"string_data": ["abc", ""]},
            {"string_data": [""]},
            {"string_data": []},
            {"long_data": [1, 2]},
            {"long_data": [2, 1]},
            {"int_data": [1]},
        )
    )
    assert len(set(encoded)) == len(encoded) == 9


def test_null_is_not_the_zero_value() -> None:
    zero, null, empty_text, null_text = (
        *cells(column(valid=(True, False), long_data=[0, 0])),
        *cells(column(valid=(True, False), string_data=["", ""])),
    )
    assert len({zero, null}) == len({empty_text, null_text}) == 2
    assert null == null_text, "a null has no value"


def test_nulls_may_be_sent_dense_or_sparse() -> None:
    dense = cells(column(valid=(True, False, True), long_data=[1, 0, 2]))
    assert dense == cells(column(valid=(True, False, True), long_data=[1, 2]))
    assert dense == cells(column(valid=(True, False, True), long_data=[1, 99, 2])), "what stands under a null is noise"
    assert cells(column(valid=(False, False), long_data=[])) == [b"n", b"n"]


def test_a_column_without_data_is_refused() -> None:
    with pytest.raises(ValueError, match="'odd'"):
        cells(sdk.schema_pb2.FieldData(field_name="odd"))


def test_the_hash_of_a_row_tells_columns_apart() -> None:
    hashes = [
        rows._hash_row(row)
        for row in (
            {"a": b"1", "b": b"2"},
            {"a": b"2", "b": b"1"},
            {"a": b"12", "b": b""},
            {"a": b"", "b": b"12"},
            {"a": b"1"},
            {"ab": b"1"},
            {"a": b"1", "b": b""},
            {},
        )
    ]
    assert len(set(hashes)) == len(hashes)
    assert rows._hash_row({"b": b"2", "a": b"1"}) == hashes[0], "the order of columns does not count"
    assert all(0 <= row_hash < 2 ** (8 * rows.CHECKSUM_BYTES) for row_hash in hashes)


def test_the_hash_is_the_one_that_other_releases_see() -> None:
    row = {
        field.field_name: cells(field)[0]
        for field in (column("pk", long_data=[7]), column("vec", dim=2, float_vector={"data": [0.5, -1.0]}))
    }
    assert f"{rows._hash_row(row):032x}" == "58fb79a7268b791e8acda75f80a4dc73"


@pytest.mark.parametrize(
    ("after", "expression"),
    [
        (None, ""),
        (-(2**63), "pk > -9223372036854775808"),
        (7, "pk > 7"),
    ],
)
def test_the_page_after_a_number(after: int | None, expression: str) -> None:
    assert rows._key_filter("pk", False, after) == expression


@pytest.mark.parametrize(
    "after", ["", "a", "it's", 'say "so"', "back\\slash", "é 漢", "a\nb", "1 or true", '" or 1 > 0']
)
def test_the_page_after_a_text(after: str) -> None:
    """The key is one literal: nothing of it is read as a part of the expression."""
    expression = rows._key_filter("pk", True, after)
    assert expression.startswith("pk > ")
    assert json.loads(expression.removeprefix("pk > ")) == after
    assert "\n" not in expression
    assert rows._key_filter("pk", True, None) == ""


def test_unicode_is_sent_as_it_is() -> None:
    assert rows._key_filter("pk", True, "é") == 'pk > "é"'


@pytest.mark.parametrize(
    ("fields", "page"),
    [
        ([{"name": "pk"}], rows.MAX_PAGE_ROWS),
        ([{"name": "v", "type_params": [{"key": "dim", "value": "32768"}]}], 127),
        ([{"name": "t", "type_params": [{"key": "max_length", "value": "65535"}]}], 255),
        ([{"name": "v", "type_params": [{"key": "dim", "value": "99999999"}]}], 1),
        ([{"name": "v", "type_params": None}, {"name": "$meta", "is_dynamic": True}], rows.MAX_PAGE_ROWS),
        ([], rows.MAX_PAGE_ROWS),
    ],
)
def test_a_page_of_the_largest_rows_stays_small(fields: list[dict[str, Any]], page: int) -> None:
    assert rows._rows_per_page({"fields": fields}) == page


def test_arrays_count_with_all_their_elements() -> None:
    sizes = {"max_length": "1000", "max_capacity": "4096"}
    params = [{"key": key, "value": value} for key, value in sizes.items()]
    array = {"name": "tags", "data_type": 22, "element_type": 21, "type_params": params}
    assert rows._rows_per_page({"fields": [array]}) <= 4
