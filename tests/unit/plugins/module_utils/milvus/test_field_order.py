# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields are given to a server in the order in which it numbers them as the backup has them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.field_order import field_order
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.schema import field_ids

Schema = dict[str, Any]


def schema(*numbers: int, dynamic: bool = False, structs: tuple[tuple[int, ...], ...] = ()) -> Schema:
    """Fields are called by their numbers; of an array of structs the first number is its own."""
    return {
        "name": "docs",
        "enable_dynamic_field": dynamic,
        "fields": [{"fieldID": number, "name": f"f{number}"} for number in numbers],
        "struct_array_fields": [
            {
                "fieldID": own,
                "name": f"s{own}",
                "fields": [{"fieldID": number, "name": f"p{number}"} for number in parts],
            }
            for own, *parts in structs
        ],
    }


@pytest.mark.parametrize(
    ("wanted", "added", "hidden"),
    [
        (schema(100, 101, 102), [], None),
        (schema(102, 100, 101), [], None),
        (schema(100, 101, dynamic=True), [], 102),
        (schema(100, 101, 103, dynamic=True), [103], 102),
        (schema(104, 101, 103, 100, dynamic=True), [103, 104], 102),
        (schema(100, 101, structs=((102, 103, 104),)), [], None),
        (schema(100, 101, structs=((105, 106), (102, 104, 103))), [], None),
        (schema(100, 101, 104, structs=((102, 103),)), [104], None),
        (schema(100, 101, 105, dynamic=True, structs=((103, 104),)), [105], 102),
        ({"fields": None, "struct_array_fields": None}, [], None),
    ],
)
def test_numbers_that_a_server_gives_again(wanted: Schema, added: list[int], hidden: int | None) -> None:
    order = field_order(wanted)
    assert [field["fieldID"] for field in order.added] == added
    assert order.hidden_id == hidden
    assert order.given_ids == field_ids(wanted)
    numbers = [field["fieldID"] for field in order.schema["fields"]]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    "wanted",
    [
        schema(100, 102),
        schema(101, 102),
        schema(100, 100, 102),
        schema(100, 101, 104, dynamic=True),
        schema(100, 101, dynamic=True, structs=((102, 103),)),
        schema(100, 101, structs=((102, 104),)),
        schema(100, 101, 102, structs=((104, 105),)),
        schema(0, 0),
    ],
)
def test_numbers_that_no_server_gives(wanted: Schema) -> None:
    """After a field was dropped, and in metadata that were made up."""
    assert field_order(wanted).given_ids != field_ids(wanted)


def test_the_hidden_field_itself_is_left_to_the_server() -> None:
    wanted = schema(100, 101, dynamic=True)
    wanted["fields"].append({"fieldID": 102, "name": "$meta", "is_dynamic": True})
    order = field_order(wanted)
    assert [field["name"] for field in order.schema["fields"]] == ["f100", "f101"]
    assert order.added == ()
    assert order.hidden_id == 102
