# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order a server must be given the fields of a backup, so that each gets the number that it has there.

Imports match binlogs to fields by number, and a server counts for itself: from 100 on the fields of a new collection as
they come, then the hidden one for what is dynamic, then the arrays of structs, each followed by its parts. A field that
is added later gets the next number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

from .schema import field_ids, stored_fields

FIRST_FIELD_ID = 100


@dataclass(frozen=True)
class FieldOrder:
    """A collection is created with C(schema), then each field of C(added) is added to it."""

    schema: Mapping[str, Any]
    added: tuple[Mapping[str, Any], ...] = ()

    @property
    def hidden_id(self) -> int | None:
        """The number that the field for what is dynamic will have."""
        enabled = self.schema.get("enable_dynamic_field")
        return FIRST_FIELD_ID + len(self.schema["fields"]) if enabled else None

    @property
    def given_ids(self) -> dict[str, int]:
        """The number that each field will have, as C(schema.field_ids) says them."""
        created = list(self.schema["fields"])
        numbers = count(FIRST_FIELD_ID + len(created) + (self.hidden_id is not None))
        structs = [_numbered(struct, numbers) for struct in self.schema["struct_array_fields"]]
        added = [{**field, "fieldID": next(numbers)} for field in self.added]
        return field_ids({"fields": [*created, *added], "struct_array_fields": structs})


def field_order(schema: Mapping[str, Any]) -> FieldOrder:
    """The fields up to the first gap in their numbers come with the collection; the hidden one is in the gap."""
    fields = sorted(stored_fields(schema), key=_number)
    places = zip(fields, count(FIRST_FIELD_ID), strict=False)
    first = [field for field, _place in takewhile(_has_its_number, places)]
    structs = [
        {**struct, "fields": sorted(struct.get("fields") or [], key=_number)}
        for struct in sorted(schema.get("struct_array_fields") or [], key=_number)
    ]
    return FieldOrder({**schema, "fields": first, "struct_array_fields": structs}, tuple(fields[len(first) :]))


def _has_its_number(place: tuple[Mapping[str, Any], int]) -> bool:
    field, number = place
    return _number(field) == number


def _number(field: Mapping[str, Any]) -> int:
    return int(field.get("fieldID") or 0)


def _numbered(struct: Mapping[str, Any], numbers: count[int]) -> dict[str, Any]:
    own = next(numbers)
    parts = [{**part, "fieldID": next(numbers)} for part in struct.get("fields") or []]
    return {**struct, "fieldID": own, "fields": parts}
