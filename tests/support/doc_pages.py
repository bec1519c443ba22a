# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages of the documentation show: their blocks of code, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r"(?P<indent> *)```(?P<language>\w*)[^`]*")
INDENTED = re.compile(r" {4,}\S")
LIST_ITEM = re.compile(r" *([*-]|\d+\.) ")
HERE_DOCUMENT = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
SUBSTITUTION = re.compile(r"\$\([^()]*\)")
SHELL = ("bash", "console", "sh", "shell")
OPERATORS = frozenset({"&&", "||", ";", "|", "&"})


@dataclass(frozen=True)
class Block:
    """A block of code; of an indented one C(language) is empty."""

    page: str
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str, text: str) -> Iterator[Block]:
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        fence = FENCE.fullmatch(lines[number])
        if fence:
            end = next((i for i in range(number + 1, len(lines)) if lines[i].strip() == "```"), len(lines))
            yield Block(page, number + 1, fence["language"], _without_indent(lines[number + 1 : end]))
        elif INDENTED.match(lines[number]) and not LIST_ITEM.match(lines[number]) and not lines[number - 1].strip():
            end = next(
                (i for i in range(number, len(lines)) if lines[i].strip() and not INDENTED.match(lines[i])), len(lines)
            )
            yield Block(page, number + 1, "", _without_indent(lines[number:end]))
            end -= 1
        else:
            end = number
        number = end + 1


def _without_indent(lines: list[str]) -> str:
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "".join(f"{line[indent:]}\n" for line in lines)


def commands(block: Block) -> Iterator[list[str]]:
    """The words of each command of a shell block, and of the lines of an indented one that call ansible or make."""
    if block.language and block.language not in SHELL:
        return
    text = SUBSTITUTION.sub("value", re.sub(r"\\\n\s*", " ", block.text))
    prompted = block.language == "console"
    lines = iter(text.splitlines())
    for line in lines:
        if prompted and not line.startswith("$ "):
            continue
        line = line.removeprefix("$ ")
        here = HERE_DOCUMENT.search(line)
        if here:
            _skip_to(lines, here[2])
        if block.language or re.match(r"(ansible|make)\b", line):
            yield from _split(line)


def _skip_to(lines: Iterator[str], end: str) -> None:
    for line in lines:
        if line.strip() == end:
            return


def _split(line: str) -> Iterator[list[str]]:
    reader = shlex.shlex(line, posix=True, punctuation_chars="&|;")
    reader.whitespace_split = True
    words: list[str] = []
    for word in reader:
        if word in OPERATORS:
            yield words
            words = []
        else:
            words.append(word)
    yield words
