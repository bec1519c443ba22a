# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of one play as text, as JSON, as Markdown, or as one HTML page that needs nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .job_page import PALETTE, Bar, Chart, Row, page
from .progress_lines import amount

Job = Mapping[str, Any]

COLUMNS = (
    "job",
    "source",
    "target",
    "version",
    "backup",
    "state",
    "root_path",
    "collections",
    "different",
    "rows",
    "objects",
    "bytes",
    "backups",
    "removed",
    "kept",
    "left_alone",
    "seconds",
    "changed",
    "cause",
)
"""Those of every playbook; a table has the ones that a job of it fills."""
ALWAYS = frozenset({"job", "state", "cause"})
NUMBERS = frozenset(
    {"collections", "different", "rows", "objects", "bytes", "backups", "removed", "kept", "left_alone", "seconds"}
)

REST = "other"
VISIBLE = 0.01
"""As a part of the longest bar."""


def as_json(jobs: Sequence[Job], title: str) -> str:
    """One object with C(title), C(states) (how many jobs of each) and C(jobs), each with its seconds by phase."""
    rows = [{**_row(job), "seconds_by_phase": _phases(job)} for job in jobs]
    return json.dumps({"title": title, "states": _states(jobs), "jobs": rows}, indent=2) + "\n"


def as_text(jobs: Sequence[Job], title: str) -> str:
    """The table of the screen, where a cause is its kind alone: the message has been shown, and may be long."""
    rows = [{**_row(job), "cause": job.get("kind")} for job in jobs]
    names = _filled(rows)
    lines = [names, *([" ".join(_shown(name, row[name]).split()) for name in names] for row in rows)]
    columns = [_in_text(column, column[0] in NUMBERS) for column in zip(*lines, strict=True)]
    table = ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]
    return "".join(f"{line}\n" for line in [*table, f"{title}, {_summary(jobs)}"])


def _in_text(cells: Sequence[str], to_the_right: bool) -> list[str]:
    width = max(map(len, cells))
    return [cell.rjust(width) if to_the_right else cell.ljust(width) for cell in cells]


def as_markdown(jobs: Sequence[Job], title: str) -> str:
    rows = [_row(job) for job in jobs]
    names = _filled(rows)
    lines = [f"# {_in_markdown(title)}", "", _summary(jobs), ""]
    lines += [_markdown_line(names), _markdown_line("---:" if name in NUMBERS else "---" for name in names)]
    lines += [_markdown_line(_in_markdown(_shown(name, row[name])) for name in names) for row in rows]
    return "\n".join(lines) + "\n"


def as_html(jobs: Sequence[Job], title: str) -> str:
    rows = [_row(job) for job in jobs]
    names = [name for name in _filled(rows) if name != "cause"]
    lines = [
        Row({name: _on_page(name, row[name]) for name in names}, str(row["state"]), row["cause"] or "") for row in rows
    ]
    charts = [_phase_chart(jobs), _chart("Rows", "rows", jobs), _chart("Bytes", "bytes", jobs)]
    return page(title, _summary(jobs), lines, NUMBERS, charts)


FORMATS: Mapping[str, Callable[[Sequence[Job], str], str]] = {
    "json": as_json,
    "md": as_markdown,
    "html": as_html,
    "txt": as_text,
}


def _row(job: Job) -> dict[str, Any]:
    """The columns of one job; one that broke has its kind and its message as the cause."""
    broken = ": ".join(str(job[name]) for name in ("kind", "error") if job.get(name))
    row = {name: _number(job.get(name)) if name in NUMBERS else job.get(name) for name in COLUMNS}
    return {**row, "state": job.get("state", "no result"), "cause": broken or None}


def _filled(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns that some job has a value for, so that no table is full of dashes."""
    return [name for name in COLUMNS if name in ALWAYS or any(row[name] not in (None, "") for row in rows)]


def _number(value: Any) -> int | float | None:
    """A fact may hold its numbers as text, and a dash for none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if number.is_integer() else number


def _phases(job: Job) -> dict[str, float]:
    return {str(name): float(seconds) for name, seconds in (job.get("seconds_by_phase") or {}).items()}


def _states(jobs: Iterable[Job]) -> dict[str, int]:
    found: dict[str, int] = {}
    for job in jobs:
        state = str(job.get("state", "no result"))
        found[state] = found.get(state, 0) + 1
    return found


def _summary(jobs: Sequence[Job]) -> str:
    states = ", ".join(f"{count} {state}" for state, count in sorted(_states(jobs).items()))
    return f"{len(jobs)} job{'s' if len(jobs) > 1 else ''}: {states}" if jobs else "no jobs"


def _shown(name: str, value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "bytes":
        return amount(value, "bytes")
    return f"{value:,}" if isinstance(value, int) else str(value)


def _markdown_line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _in_markdown(text: str) -> str:
    """One line that cannot end a cell, begin a link or become a tag. An underline within a word is no markup."""
    flat = " ".join(text.split())
    return "".join(f"\\{character}" if character in "\\|`*[]<>" else character for character in flat)


def _on_page(name: str, value: Any) -> str:
    return _lasting(value) if name == "seconds" and value is not None else _shown(name, value)


def _lasting(seconds: float) -> str:
    """For people: nobody reads 7384.2 seconds."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _chart(title: str, name: str, jobs: Sequence[Job]) -> Chart:
    """A bar for each job that has this number; one alone compares nothing."""
    values = [(str(job.get("job", "")), number) for job in jobs if (number := _number(job.get(name)))]
    if len(values) < 2:
        return Chart(title, ())
    most = max(value for _job, value in values)
    return Chart(title, [Bar(job, _shown(name, value), [(value / most, PALETTE[0], "")]) for job, value in values])


def _phase_chart(jobs: Sequence[Job]) -> Chart:
    """A bar for each job that took time, in pieces for its phases; those that nobody would see are one piece."""
    spent = [(str(job.get("job", "")), phases) for job in jobs if sum((phases := _phases(job)).values())]
    most = max((sum(phases.values()) for _job, phases in spent), default=0.0)
    names = _visible([phases for _job, phases in spent], most)
    colours = dict(zip(names, PALETTE, strict=False))
    bars = []
    for job, phases in spent:
        pieces = {name: phases[name] for name in names if name in phases}
        rest = sum(seconds for name, seconds in phases.items() if name not in pieces)
        if rest:
            pieces[REST] = rest
            colours[REST] = PALETTE[-1]
        hints = [(s / most, colours[name], f"{name} {_lasting(s)}") for name, s in pieces.items()]
        bars.append(Bar(job, _lasting(sum(phases.values())), hints))
    return Chart("Time by phase", bars, list(colours.items()))


def _visible(spent: Sequence[Mapping[str, float]], most: float) -> list[str]:
    """The phases that can be seen beside a bar of C(most) seconds, in their order, fewer than there are colours."""
    longest: dict[str, float] = {}
    for phases in sorted(spent, key=len, reverse=True):
        for name, seconds in phases.items():
            longest[name] = max(longest.get(name, 0.0), seconds)
    kept = sorted(longest, key=lambda name: longest[name], reverse=True)[: len(PALETTE) - 1]
    return [name for name in longest if name in kept and longest[name] >= most * VISIBLE]
