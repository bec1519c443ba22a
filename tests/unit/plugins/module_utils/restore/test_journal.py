# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run notes down about its import jobs, and what the next one reads from it."""

from __future__ import annotations

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.restore.journal import Journal


def test_a_run_from_its_first_job_to_the_end() -> None:
    journal = Journal()
    noted = []
    for job_id in ("451", "452"):
        journal = journal.begin()
        noted.append(journal.properties)
        journal = journal.created(job_id)
    noted += [journal.properties, journal.finished(7000).properties]
    assert noted == [
        {"vectorops.jobs": "?"},
        {"vectorops.jobs": "451,?"},
        {"vectorops.jobs": "451,452"},
        {"vectorops.jobs": "", "vectorops.imported": "7000"},
    ]


@pytest.mark.parametrize(
    ("properties", "journal"),
    [
        ({}, Journal()),
        ({"vectorops.jobs": ""}, Journal()),
        ({"vectorops.jobs": "?"}, Journal(begun=True)),
        ({"vectorops.jobs": "451"}, Journal(("451",))),
        ({"vectorops.jobs": "451,452,?"}, Journal(("451", "452"), begun=True)),
        ({"vectorops.jobs": "", "vectorops.imported": "0"}, Journal(imported=0)),
        ({"vectorops.jobs": "451", "vectorops.imported": "many"}, Journal(("451",))),
    ],
)
def test_reading(properties: dict[str, str], journal: Journal) -> None:
    assert Journal.read(properties) == journal


def test_a_refused_job_leaves_no_doubt() -> None:
    assert Journal(("451",)).begin().refused() == Journal(("451",))


@pytest.mark.parametrize("journal", [Journal(), Journal(begun=True), Journal(("1", "2"), True), Journal(imported=3)])
def test_what_is_noted_is_read_again(journal: Journal) -> None:
    assert Journal.read(journal.properties) == journal
