# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names to names: each form in which they come, and what cannot be read is shown."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.vectorops.milvus.plugins.filter.name_map import name_map


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", {}),
        (None, {}),
        ([], {}),
        (" \r\n, ", {}),
        ({"a": "b"}, {"a": "b"}),
        ('{"db.a": "db.b"}', {"db.a": "db.b"}),
        (" {}", {}),
        ("a=b", {"a": "b"}),
        ("db.a=db.b\ndb.c = db.d\n", {"db.a": "db.b", "db.c": "db.d"}),
        ("db1.*=db2.*\r\n,a=b", {"db1.*": "db2.*", "a": "b"}),
        (["a=b", "c=d, e=f"], {"a": "b", "c": "d", "e": "f"}),
    ],
)
def test_each_form_is_read(value: Any, names: dict[str, str]) -> None:
    assert name_map(value, "mine") == names


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a=b\nc:d", "mine has a line that is not 'old=new': c:d"),
        ("a=", "mine has a line that is not 'old=new': a="),
        ("a=b=c", "mine has a line that is not 'old=new': a=b=c"),
        ("a b=c", "mine has a line that is not 'old=new': a b=c"),
        ("a=b, a=c", "mine names a twice"),
        ('{"a": ', "mine begins as JSON does, and is none: Expecting value at line 1, character 7"),
        (7, "mine is neither a dictionary, nor JSON, nor lines 'old=new'"),
        ([{"a": "b"}], "mine is neither a dictionary, nor JSON, nor lines 'old=new'"),
    ],
)
def test_what_cannot_be_read_is_shown(value: Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        name_map(value, "mine")
    assert str(caught.value) == message
