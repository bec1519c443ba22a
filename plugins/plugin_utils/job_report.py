# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of one play as JSON, as Markdown, or as one HTML page that needs nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from .progress_lines import amount

Job = Mapping[str, Any]

COLUMNS = (
    "job",
    "source",
    "target",
    "backup",
    "state",
    "collections",
    "rows",
    "objects",
    "bytes",
    "seconds",
    "changed",
    "cause",
)
NUMBERS = frozenset({"collections", "rows", "objects", "bytes", "seconds"})
PALETTE = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0")

STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .35rem .6rem; text-align: left; border-bottom: 1px solid #8884; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.failed { color: #c22; font-weight: 600; } .done { color: #2a7; }
.bar { display: flex; height: 1.1rem; } .bar span { height: 100%; min-width: 1px; }
.legend span { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 1rem; }
"""


def as_json(jobs: Sequence[Job], title: str) -> str:
    """One object with C(title), C(states) (how many jobs of each) and C(jobs), each with its seconds by phase."""
    rows = [{**_row(job), "seconds_by_phase": _phases(job)} for job in jobs]
    return json.dumps({"title": title, "states": _states(jobs), "jobs": rows}, indent=2) + "\n"


def as_markdown(jobs: Sequence[Job], title: str) -> str:
    lines = [f"# {_in_markdown(title)}", "", _summary(jobs), ""]
    lines += [_markdown_line(COLUMNS), _markdown_line("---:" if name in NUMBERS else "---" for name in COLUMNS)]
    lines += [_markdown_line(_in_markdown(_shown(name, row[name])) for name in COLUMNS) for row in map(_row, jobs)]
    return "\n".join(lines) + "\n"


def as_html(jobs: Sequence[Job], title: str) -> str:
    heads = "".join(f"<th{_class_of(name)}>{name}</th>" for name in COLUMNS)
    body = "".join(_html_row(_row(job)) for job in jobs)
    charts = [
        _phase_chart(jobs),
        _chart("Rows", "rows", jobs),
        _chart("Bytes", "bytes", jobs),
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n<p>{escape(_summary(jobs))}</p>\n"
        f"<table><thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table>\n{''.join(charts)}</body></html>\n"
    )


FORMATS: Mapping[str, Callable[[Sequence[Job], str], str]] = {"json": as_json, "md": as_markdown, "html": as_html}


def _row(job: Job) -> dict[str, Any]:
    """The columns of one job; one that broke has its kind and its message as the cause."""
    broken = ": ".join(str(job[name]) for name in ("kind", "error") if job.get(name))
    row = {name: _number(job.get(name)) if name in NUMBERS else job.get(name) for name in COLUMNS}
    return {**row, "state": job.get("state", "no result"), "cause": broken or None}


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
    return f"{len(jobs)} jobs: {states}" if jobs else "no jobs"


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


def _class_of(name: str, more: str = "") -> str:
    words = " ".join(word for word in ("number" if name in NUMBERS else "", more) if word)
    return f' class="{words}"' if words else ""


def _html_row(row: Mapping[str, Any]) -> str:
    state = {"done": "done", "failed": "failed"}.get(str(row["state"]), "")
    cells = (
        f"<td{_class_of(name, state if name == 'state' else '')}>{escape(_shown(name, row[name]))}</td>"
        for name in COLUMNS
    )
    return f"<tr>{''.join(cells)}</tr>\n"


def _chart(title: str, name: str, jobs: Sequence[Job]) -> str:
    """A bar for each job, by one number of it."""
    values = [(str(job.get("job", "")), _number(job.get(name)) or 0) for job in jobs]
    most = max((value for _job, value in values), default=0)
    if not most:
        return ""
    lines = [_bar_line(job, _shown(name, value), [(value / most, PALETTE[0], "")]) for job, value in values]
    return _chart_table(title, lines)


def _phase_chart(jobs: Sequence[Job]) -> str:
    """A bar for each job, in pieces for its phases."""
    spent = [(str(job.get("job", "")), _phases(job)) for job in jobs]
    names = list(dict.fromkeys(name for _job, phases in spent for name in phases))
    most = max((sum(phases.values()) for _job, phases in spent), default=0.0)
    if not most:
        return ""
    colours = {name: PALETTE[number % len(PALETTE)] for number, name in enumerate(names)}
    lines = [
        _bar_line(
            job,
            f"{sum(phases.values()):.1f} s",
            [(seconds / most, colours[name], f"{name} {seconds:.1f} s") for name, seconds in phases.items()],
        )
        for job, phases in spent
    ]
    legend = "".join(f'<span style="background:{colours[name]}"></span>{escape(name)}' for name in names)
    return _chart_table("Seconds by phase", lines, f'<p class="legend">{legend}</p>\n')


def _bar_line(job: str, text: str, pieces: Iterable[tuple[float, str, str]]) -> str:
    spans = "".join(
        f'<span style="width:{share * 100:.2f}%;background:{colour}" title="{escape(hint)}"></span>'
        for share, colour, hint in pieces
    )
    drawn = f'<td style="width:70%"><div class="bar">{spans}</div></td>'
    return f'<tr><td>{escape(job)}</td>{drawn}<td class="number">{escape(text)}</td></tr>\n'


def _chart_table(title: str, lines: Iterable[str], legend: str = "") -> str:
    return f"<h2>{escape(title)}</h2>\n{legend}<table>{''.join(lines)}</table>\n"
