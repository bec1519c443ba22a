# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report of jobs: every number and state in each format, and nothing in a name becomes markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.vectorops.milvus.plugins.filter.job_report import job_report

DONE = {
    "job": "milvus_b",
    "source": "milvus_a",
    "target": "milvus_b",
    "backup": "migrate_milvus_a",
    "state": "done",
    "collections": "3",
    "rows": "1234567",
    "objects": "4000",
    "bytes": str(3 << 30),
    "seconds": "61.5",
    "changed": True,
    "seconds_by_phase": {"backup copy": 20.5, "restore import": 41.0},
}
BROKEN = {
    "job": "<b>bad</b>|host",
    "target": "milvus_c",
    "state": "failed",
    "kind": "unreachable",
    "error": "no <script>alert(1)</script> answer\nat all",
}
JOBS = [DONE, BROKEN, {"job": "milvus_d", "target": "milvus_d"}]


class Page(HTMLParser):
    """Tags, and the text of all cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.cells: list[str] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag == "td":
            self.cells.append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells[-1] += data


def test_json_has_numbers_and_states() -> None:
    report: dict[str, Any] = json.loads(job_report(JOBS, "/tmp/x/report.JSON", "Fleet"))
    assert (report["title"], report["states"]) == ("Fleet", {"done": 1, "failed": 1, "no result": 1})
    done, broken, absent = report["jobs"]
    assert (done["rows"], done["bytes"], done["seconds"]) == (1234567, 3 << 30, 61.5)
    assert done["seconds_by_phase"] == DONE["seconds_by_phase"]
    assert (broken["cause"], broken["rows"]) == (f"unreachable: {BROKEN['error']}", None)
    assert absent["state"] == "no result"


def test_markdown_keeps_its_cells() -> None:
    text = job_report(JOBS, "report.md", "Fleet *1*")
    lines = text.splitlines()
    assert lines[:3] == ["# Fleet \\*1\\*", "", "3 jobs: 1 done, 1 failed, 1 no result"]
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + len(JOBS)
    assert {line.replace("\\|", "").count("|") for line in table} == {13}
    assert "1,234,567" in table[2]
    assert "3.0 GiB" in table[2]
    assert "<" not in text.replace("\\<", "")


def test_the_page_needs_nothing_and_runs_nothing() -> None:
    text = job_report([*JOBS, {**DONE, "job": "milvus_e"}], "report.html", "Fleet <1>")
    page = Page(text)
    assert page.links == []
    assert not {"script", "b", "img", "link"} & set(page.tags)
    assert "url(" not in text
    for cell in ("milvus_a", "1,234,567", "3.0 GiB", "<b>bad</b>|host", f"unreachable: {BROKEN['error']}", "no result"):
        assert cell in page.cells
    assert text.count("<h2>") == 3, "charts of phases, rows and bytes"
    assert 'title="restore import 41.0 s"' in text


MANY = {f"phase {number}": 10.0 + number for number in range(20)}
SHORT = {"look": 0.04, "commit": 0.06, "copy": 30.0}


@pytest.mark.parametrize(("phases", "shown", "rest"), [(MANY, 9, "2 min 45 s"), (SHORT, 1, "0.1 s")])
def test_phases_that_nobody_could_see_are_one_piece(phases: dict[str, float], shown: int, rest: str) -> None:
    """No two of a page have one colour, however many there are."""
    text = job_report([{"job": "m", "state": "done", "seconds_by_phase": phases}], "report.html")
    legend = re.findall(r'<i style="background:(#\w+)"></i>([\w ]+)</span>', text)
    assert len({colour for colour, _name in legend}) == len(legend) == shown + 1
    assert legend[-1][1] == "other"
    assert f'title="other {rest}"' in text


def test_one_job_is_compared_with_no_other() -> None:
    text = job_report([DONE], "report.html")
    assert text.count("<h2>") == 1, "the chart of its phases"
    assert "1 min 02 s" in Page(text).cells, "times are for people here, and seconds in the other formats"


def test_jobs_without_numbers_have_no_charts() -> None:
    assert "<h2>" not in job_report([BROKEN], "report.html")
    assert "no jobs" in job_report([], "report.html")


def test_text_is_a_table_of_what_there_is() -> None:
    """The columns that some job fills, numbers to the right, a cause as its kind, and one line of sums."""
    pruned = {"job": "m_1", "state": "done", "removed": 12, "kept": 3, "bytes": 0, "changed": True}
    left = {"job": "m_2", "state": "skipped", "kind": "pruned by m_1"}
    broken = {"job": "m_10", "state": "failed", "kind": "permission", "error": "a long\nmessage"}
    assert job_report([pruned, left, broken], ".txt", "Prune").splitlines() == [
        "job   state    bytes  removed  kept  changed  cause",
        "m_1   done       0 B       12     3  yes      -",
        "m_2   skipped      -        -     -  -        pruned by m_1",
        "m_10  failed       -        -     -  -        permission",
        "Prune, 3 jobs: 1 done, 1 failed, 1 skipped",
    ]


@pytest.mark.parametrize("path", ["report", "report.pdf", ""])
def test_a_name_without_a_known_format_is_refused(path: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"must end in one of \.json, \.md, \.html, \.txt"):
        job_report(JOBS, path)
