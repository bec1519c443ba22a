# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From names to names, in each form in which an inventory, a command line or a survey can give them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

LINE = re.compile(r"([^=\s]+)\s*=\s*([^=\s]+)")
BETWEEN_LINES = re.compile(r"[,\r\n]+")


def name_map(value: Any, variable: str) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return _from_json(value, variable)
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Iterable) or not all(isinstance(item, str) for item in items):
        raise AnsibleFilterError(f"{variable} is neither a dictionary, nor JSON, nor lines 'old=new'")
    return _from_lines([line.strip() for item in items for line in BETWEEN_LINES.split(item)], variable)


def _from_json(text: str, variable: str) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError as error:
        raise AnsibleFilterError(
            f"{variable} begins as JSON does, and is none: {error.msg} at line {error.lineno}, character {error.colno}"
        ) from None
    return read


def _from_lines(lines: list[str], variable: str) -> dict[str, Any]:
    names: dict[str, str] = {}
    for line in filter(None, lines):
        match = LINE.fullmatch(line)
        if match is None:
            raise AnsibleFilterError(f"{variable} has a line that is not 'old=new': {line}")
        if match[1] in names:
            raise AnsibleFilterError(f"{variable} names {match[1]} twice")
        names[match[1]] = match[2]
    return names


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"name_map": name_map}
