# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks one safety rule after another on purpose, in a copy of the checkout, and sees that a test turns red.

    python tests/tools/mutation_check.py [--form short|units|full] [words of a rule ...]

The table is tests/tools/mutants/. The exit code is 1 when a mutant survives, and 2 when the check itself is of no
use: the text to be replaced is not there exactly once, or a test is red, or missing, before anything is broken.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from collection_tree import CHECKOUT
from mutants import MUTANTS, Mutant
from stage import listed_files

SHORT_SECONDS, FULL_SECONDS = 120, 900
RED = 1
"""What pytest exits with when tests fail; everything else above 0 says that they could not be run."""


class Stale(Exception):
    """The check would prove nothing: the table does not fit the code any more."""


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant; C(caught_by) is the first test that failed, '' if none did."""

    mutant: Mutant
    caught_by: str


def check(mutants: Sequence[Mutant]) -> list[Verdict]:
    """Break each rule alone. Raises Stale."""
    for mutant in mutants:
        mutated(mutant, CHECKOUT)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "checkout"
        copy_files(copy)
        _require_green(copy, mutants)
        return [_judge(copy, mutant) for mutant in mutants]


def mutated(mutant: Mutant, checkout: Path) -> str:
    """The text of the file with the rule broken. Raises Stale."""
    text = (checkout / mutant.file).read_text(encoding="utf-8")
    found = text.count(mutant.old)
    if found != 1:
        raise Stale(f"{mutant.rule}: the text to replace is {found} times in {mutant.file}, not once: {mutant.old!r}")
    if mutant.old == mutant.new:
        raise Stale(f"{mutant.rule}: the replacement changes nothing")
    return text.replace(mutant.old, mutant.new)


def copy_files(target: Path) -> None:
    for file in listed_files():
        copy = target / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / file, copy, follow_symlinks=False)


def table(verdicts: Iterable[Verdict]) -> str:
    lines = ["| mutant | caught by |", "|---|---|"]
    lines += [f"| {verdict.mutant.rule} | {verdict.caught_by or 'NOTHING: it survived'} |" for verdict in verdicts]
    return "\n".join(lines)


def _require_green(copy: Path, mutants: Sequence[Mutant]) -> None:
    """Each test that is to catch something exists, and is green without a mutant: else red would mean nothing."""
    tests = list(dict.fromkeys(mutant.test for mutant in mutants))
    done = _pytest(copy, tests)
    if done.returncode:
        raise Stale(f"without any mutant the tests are not green (exit {done.returncode}):\n{done.stdout[-3000:]}")


def _judge(copy: Path, mutant: Mutant) -> Verdict:
    path = copy / mutant.file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutated(mutant, copy), encoding="utf-8")
    try:
        done = _pytest(copy, [mutant.test])
    except subprocess.TimeoutExpired as error:
        raise Stale(f"{mutant.rule}: {mutant.test} hangs; a test must end, also when the rule is broken") from error
    finally:
        path.write_text(original, encoding="utf-8")
    if done.returncode not in (0, RED):
        raise Stale(f"{mutant.rule}: the test could not be run (exit {done.returncode}):\n{done.stdout[-3000:]}")
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    return Verdict(mutant, failed[0] if done.returncode == RED and failed else "")


def _pytest(copy: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """No byte code: that of the file before would be taken for one that was changed within the same second."""
    hidden = ("PYTEST_", "ANSIBLE_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", *tests]
    seconds = FULL_SECONDS if any("/integration/" in test for test in tests) else SHORT_SECONDS
    return subprocess.run(
        command,
        cwd=copy,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "400"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )


def chosen(form: str, words: Sequence[str] = ()) -> list[Mutant]:
    """The mutants of a form of the check: those of make test, all that need no servers, or all."""
    fitting = [item for item in MUTANTS if form == "full" or (item.short if form == "short" else "/unit/" in item.test)]
    return [item for item in fitting if all(word in item.rule for word in words)]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Breaks safety rules on purpose and sees that tests notice.")
    parser.add_argument("--form", choices=("short", "units", "full"), default="units", help="full: with real servers")
    parser.add_argument("words", nargs="*", help="only the rules with these words in their name")
    options = parser.parse_args(arguments)
    mutants = chosen(options.form, options.words)
    if not mutants:
        print("no rule has these words in its name")
        return 2
    try:
        verdicts = check(mutants)
    except Stale as error:
        print(error)
        return 2
    survivors = [verdict for verdict in verdicts if not verdict.caught_by]
    print(table(verdicts))
    print(f"{len(verdicts) - len(survivors)} of {len(verdicts)} mutants were caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
