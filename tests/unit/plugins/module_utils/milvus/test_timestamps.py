# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments as users write them."""

from __future__ import annotations

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.timestamps import parse_timestamp

NOON = 1_795_348_800_000


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2026-11-22T12:00:00Z", NOON),
        ("2026-11-22T12:00:00z", NOON),
        ("2026-11-22T12:00:00", NOON),
        ("2026-11-22 12:00:00", NOON),
        ("2026-11-22T13:30:00+01:30", NOON),
        ("2026-11-22T12:00:00.250+00:00", NOON + 250),
        (" 2026-11-22T12:00:00Z ", NOON),
    ],
)
def test_dates(text: str, milliseconds: int) -> None:
    assert parse_timestamp(text, "end_ts") == milliseconds << 18


@pytest.mark.parametrize("text", [None, "", "  "])
def test_nothing(text: str | None) -> None:
    assert parse_timestamp(text, "end_ts") is None


def test_a_hybrid_timestamp_is_taken_as_it_is() -> None:
    hybrid = (NOON << 18) + 17
    assert parse_timestamp(str(hybrid), "end_ts") == hybrid


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-13-01T00:00:00",
        str(NOON),
        str(NOON // 1000),
        str(1 << 63),
        "-5",
        "1.5",
        "0",
        "1999-12-31T23:59:59Z",
    ],
)
def test_what_is_no_moment_is_refused_by_the_name_of_its_option(text: str) -> None:
    """Milliseconds and seconds too: taken for a hybrid timestamp they would lie in 1970, and cut everything away."""
    with pytest.raises(MilvusOpsError) as caught:
        parse_timestamp(text, "end_ts")
    assert caught.value.kind == "usage"
    assert caught.value.failure.where == f"end_ts={text!r}"
