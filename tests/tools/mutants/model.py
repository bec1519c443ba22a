# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mutant is."""

from __future__ import annotations

from dataclasses import dataclass

ENGINE = "plugins/module_utils/"
UNIT = "tests/unit/plugins/module_utils/"
LAB = "tests/integration/"


@dataclass(frozen=True)
class Mutant:
    """C(old) stands exactly once in C(file) and is replaced by C(new); C(test) must then be red.

    C(short) are those that make test tries; all that need no servers take two minutes.
    """

    rule: str
    file: str
    old: str
    new: str
    test: str
    short: bool = False


def engine(rule: str, file: str, old: str, new: str, test: str, *, short: bool = False) -> Mutant:
    return Mutant(rule, ENGINE + file, old, new, test if test.startswith("tests/") else UNIT + test, short)
