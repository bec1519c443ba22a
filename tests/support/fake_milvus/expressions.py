# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that the tests and the collection use: comparisons of the key, C(in), joined by C(and)."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from .cells import Row
from .refusals import bad_parameter

COMPARE: dict[type, Callable[[Any, Any], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.In: lambda left, right: left in right,
}


def parse(text: str, key_name: str, key_id: int) -> Callable[[Row], bool]:
    """Raises Refused for an expression that the fake does not know, as the server does for one that nobody does."""
    if not text:
        return lambda row: True
    try:
        tree = ast.parse(text.replace("&&", " and "), mode="eval").body
        tests = [_comparison(part, key_name) for part in _parts(tree)]
    except (SyntaxError, ValueError) as error:
        raise bad_parameter(f"failed to create query plan: cannot parse expression: {text}, error: {error}") from error
    return lambda row: all(test(row[key_id]) for test in tests)


def _parts(tree: ast.expr) -> list[ast.expr]:
    return list(tree.values) if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]


def _comparison(tree: ast.expr, key_name: str) -> Callable[[Any], bool]:
    if not isinstance(tree, ast.Compare) or len(tree.ops) != 1 or type(tree.ops[0]) not in COMPARE:
        raise ValueError("not a comparison")
    if not isinstance(tree.left, ast.Name) or tree.left.id != key_name:
        raise ValueError(f"only the key, {key_name}, can be compared here")
    compare, value = COMPARE[type(tree.ops[0])], ast.literal_eval(tree.comparators[0])
    return lambda cell: compare(cell, value)
