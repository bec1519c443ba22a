# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much YAML as the lab needs: Python's standard library has none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, mapping by mapping."""
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        if isinstance(value, Mapping):
            value = merged(below if isinstance(below, Mapping) else {}, value)
        result[key] = value
    return result


class YamlText(str):
    """A scalar that is YAML already, taken over from the template as it stands."""


def parse_template(text: str) -> dict[str, Any]:
    """The settings of the package's config.yaml.template: nested keys with two-space steps and one-line values."""
    root: dict[str, Any] = {}
    open_keys: list[tuple[int, dict[str, Any]]] = [(-1, root)]
    text = re.sub(r"\{\{\s*\w+(?:\(\w+\))?(?::\s*([^}]*?))?\s*\}\}", lambda match: match[1] or '""', text)
    for line in text.splitlines():
        match = re.fullmatch(r"( *)([\w-]+):(?:\s+(.*))?", line)
        if not match:
            continue
        while open_keys[-1][0] >= len(match[1]):
            open_keys.pop()
        value = re.sub(r"(^|\s)#.*", "", match[3] or "").strip()
        parent = open_keys[-1][1]
        if value:
            parent[match[2]] = YamlText(value)
        else:
            parent[match[2]] = {}
            open_keys.append((len(match[1]), parent[match[2]]))
    return root


def to_yaml(tree: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from to_yaml(value, indent + "  ")
        else:
            yield f"{indent}{key}: {value if isinstance(value, YamlText) else json.dumps(value)}"
