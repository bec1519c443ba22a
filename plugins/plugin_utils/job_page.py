# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTML page about jobs, for wide and narrow windows. It needs no script, font or picture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

PALETTE = ("#4c78c8", "#e39c1e", "#3f9e8f", "#d1605e", "#8f6bb8", "#7f9a3a", "#c76fa5", "#5ba3c9", "#a07855", "#8a8f98")
"""Readable on white and on dark grey; each piece also has its name and value as a hint."""

LONG_NAME = 20
"""In characters; shorter ones stay in one line, longer ones as long as there is room."""

STYLE = """
:root { color-scheme: light dark; --text: #1d2329; --dim: #616b75; --line: #dde1e6; --page: #fff; --soft: #f4f6f8;
  --good: #1a7f4b; --bad: #b3261e; --bad-soft: #fdf0ef; font: 15px/1.45 system-ui, "Segoe UI", sans-serif; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e7ea; --dim: #9aa4ae; --line: #363d45; --page: #16191d;
  --soft: #1f242a; --good: #5bc98c; --bad: #ff8a80; --bad-soft: #33201f; } }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 84rem; color: var(--text); background: var(--page); }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
.sum { color: var(--dim); margin: 0 0 1.2rem; } .wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th, td { padding: .4rem .55rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--dim); font-weight: 600; white-space: nowrap; } td { overflow-wrap: break-word; }
th.number, td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.state { white-space: nowrap; font-weight: 600; } .done { color: var(--good); } .failed { color: var(--bad); }
tr.broken > td { border-bottom: 0; } tr.cause > td { padding: 0 .55rem .7rem; }
tr.cause p { width: 0; min-width: 100%; box-sizing: border-box; /* no width of a column comes from it */
  margin: 0; padding: .45rem .7rem; border-left: 3px solid var(--bad); background: var(--bad-soft);
  overflow-wrap: anywhere; }
.legend { color: var(--dim); margin: 0 0 .6rem; font-size: .9rem; }
.legend span { white-space: nowrap; margin-right: 1rem; }
.legend i { display: inline-block; width: .75rem; height: .75rem; margin-right: .35rem; border-radius: 2px; }
.chart { display: grid; grid-template-columns: fit-content(17rem) 1fr auto; gap: .32rem .9rem; align-items: center;
  font-size: .93rem; }
.line { display: contents; }
.name { overflow-wrap: anywhere; }
.value { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.bar { display: flex; height: .95rem; background: var(--soft); border-radius: 2px; overflow: hidden; }
.bar i { min-width: 1px; }
@media (max-width: 70rem) {
  thead { display: none; } tr, td { display: block; } tr { padding: .6rem 0; border-bottom: 1px solid var(--line); }
  tr.broken { padding-bottom: 0; border-bottom: 0; } tr.cause { padding-top: .3rem; }
  td, td.number { display: flex; gap: 1rem; justify-content: space-between; border: 0; padding: .1rem 0;
    text-align: right; white-space: normal; overflow-wrap: anywhere; }
  td::before { content: attr(data-name); color: var(--dim); font-weight: 400; white-space: nowrap; }
  tr:not(.cause) > td:first-child { font-weight: 600; } td.none { display: none; }
  tr.cause > td { padding: 0; text-align: left; } tr.cause > td::before { content: none; }
  .chart { display: block; }
  .line { display: grid; grid-template-columns: 1fr auto; gap: 0 .9rem; padding: .16rem 0; }
  .name { grid-row: 1; } .line .bar { grid-column: 1 / 3; grid-row: 2; }
}
@media print { body { max-width: none; padding: 0; } .bar i, .legend i { print-color-adjust: exact; } }
"""


@dataclass(frozen=True)
class Row:
    """One job of the table: texts by column. A C(cause) gets a line of its own, for it is long."""

    cells: Mapping[str, str]
    state: str
    cause: str = ""


@dataclass(frozen=True)
class Bar:
    """One job of a chart; C(pieces) are shares of the longest bar, each with a colour and a hint."""

    job: str
    text: str
    pieces: Sequence[tuple[float, str, str]]


@dataclass(frozen=True)
class Chart:
    """Bars under a title; C(legend) are names with their colours."""

    title: str
    bars: Sequence[Bar]
    legend: Sequence[tuple[str, str]] = ()


def page(title: str, summary: str, rows: Iterable[Row], numbers: Iterable[str], charts: Iterable[Chart]) -> str:
    """C(numbers) are the columns that stand to the right."""
    lines, right = list(rows), frozenset(numbers)
    names = list(lines[0].cells) if lines else []
    heads = "".join(f"<th{_classes('number' if name in right else '')}>{escape(_spoken(name))}</th>" for name in names)
    body = "".join(_row(row, right) for row in lines)
    table = f"<table><thead><tr>{heads}</tr></thead>\n<tbody>\n{body}</tbody></table>" if lines else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{STYLE}</style></head>\n'
        f'<body><h1>{escape(title)}</h1>\n<p class="sum">{escape(summary)}</p>\n<div class="wide">{table}</div>\n'
        f"{''.join(_chart(chart) for chart in charts if chart.bars)}</body></html>\n"
    )


def _row(row: Row, right: frozenset[str]) -> str:
    def cell(name: str, text: str) -> str:
        words = ("number" if name in right else "", f"state {row.state}" if name == "state" else "", _none(text))
        return f'<td{_classes(*words)} data-name="{escape(_spoken(name))}">{_breakable(text)}</td>'

    cells = "".join(cell(name, text) for name, text in row.cells.items())
    if not row.cause:
        return f"<tr>{cells}</tr>\n"
    cause = f'<tr class="cause"><td colspan="{len(row.cells)}"><p>{escape(row.cause)}</p></td></tr>'
    return f'<tr class="broken">{cells}</tr>\n{cause}\n'


def _none(text: str) -> str:
    return "none" if text in ("", "-") else ""


def _breakable(text: str) -> str:
    """A long name may go on in the next line after a sign that parts it, not in the midst of a word."""
    whole = escape(text)
    return re.sub(r"(?<=\w)([_./:-]+)(?=\w)", r"\1<wbr>", whole) if len(text) > LONG_NAME else whole


def _spoken(name: str) -> str:
    return "time" if name == "seconds" else name.replace("_", " ")


def _classes(*words: str) -> str:
    given = " ".join(word for word in words if word)
    return f' class="{escape(given)}"' if given else ""


def _chart(chart: Chart) -> str:
    names = "".join(
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>\n' for name, colour in chart.legend
    )
    legend = f'<p class="legend">{names}</p>\n' if names else ""
    bars = "".join(_bar(line) for line in chart.bars)
    return f'<h2>{escape(chart.title)}</h2>\n{legend}<div class="chart">\n{bars}</div>\n'


def _bar(line: Bar) -> str:
    pieces = "".join(
        f'<i style="width:{share * 100:.2f}%;background:{colour}" title="{escape(hint)}"></i>'
        for share, colour, hint in line.pieces
    )
    name, value = f'<span class="name">{escape(line.job)}</span>', f'<span class="value">{escape(line.text)}</span>'
    return f'<div class="line">{name}<div class="bar">{pieces}</div>{value}</div>\n'
