# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each safety rule, broken on purpose, turns a test red: the tests can fail, and for the right reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from collection_tree import CHECKOUT
from mutants import MUTANTS
from mutation_check import Stale, check, chosen, mutated, table
from tally import INJECTED, SURVIVED, Tally

CAMPAIGN = "safety rules broken on purpose"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.rule)
def test_the_table_fits_the_code(mutant) -> None:  # type: ignore[no-untyped-def]
    assert mutated(mutant, CHECKOUT)


def test_a_rule_is_named_once() -> None:
    assert len({mutant.rule for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("change", [{"old": "no such text"}, {"old": "import"}, {"new": "", "old": ""}])
def test_a_stale_row_is_told(change: dict[str, str]) -> None:
    """A mutant that changes nothing, or something else, would prove nothing."""
    with pytest.raises(Stale):
        mutated(replace(MUTANTS[0], **change), CHECKOUT)


def test_a_mutant_that_no_test_notices_is_a_survivor() -> None:
    harmless = replace(MUTANTS[0], old="order = [*level_files", new="order = [ *level_files")
    assert [verdict.caught_by for verdict in check([harmless])] == [""]


def test_every_mutant_is_caught(rounds: Callable[[int, int], int], tally: Tally) -> None:
    verdicts = check(chosen("full" if rounds(0, 1) else "short"))
    survivors = [verdict for verdict in verdicts if not verdict.caught_by]
    tally.add(CAMPAIGN, INJECTED, len(verdicts))
    tally.add(CAMPAIGN, SURVIVED, len(verdicts) - len(survivors))
    print(table(verdicts))
    assert len(verdicts) >= 12
    assert [verdict.mutant.rule for verdict in survivors] == []
