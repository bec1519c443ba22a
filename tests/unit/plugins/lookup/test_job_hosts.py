# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play by pattern and limit: what is taken, what is an error. Real playbooks show that it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar

GROUPS = {"all": ["m_1", "m_2", "m_3", "m_4"], "milvus": ["m_1", "m_2", "m_3"], "eu": ["m_2", "m_4"], "down": []}
UNKNOWN = "no host or group of the inventory is called"


def hosts(pattern: Any, limit: str | None = None, batches: Any = None, **options: str) -> list[str]:
    loader = DataLoader()
    variables = {"groups": GROUPS, "ansible_limit": limit, "mine": pattern, "my_serial": batches}
    plugin = lookup_loader.get("vectorops.milvus.job_hosts", loader=loader, templar=Templar(loader=loader))
    found: list[str] = plugin.run(["mine"], variables, **options)
    return found


@pytest.mark.parametrize(
    ("pattern", "limit", "found"),
    [
        ("", None, ["m_1", "m_2", "m_3"]),
        (None, "eu", ["m_2"]),
        (" , ", "m_3,m_1", ["m_1", "m_3"]),
        ("m_4, m_1", None, ["m_4", "m_1"]),
        (["m_4", "eu"], None, ["m_4", "m_2"]),
        ("milvus:&eu", None, ["m_2"]),
        ("milvus:!eu", "~m_[13]", ["m_1", "m_3"]),
        ("milvus[0:1]", None, ["m_1", "m_2"]),
        ("m_*:!down", "all:!m_1", ["m_2", "m_3", "m_4"]),
        ("milvus", "m_1,down", ["m_1"]),
    ],
)
def test_what_is_taken(pattern: Any, limit: str | None, found: list[str]) -> None:
    assert hosts(pattern, limit, default="milvus") == found


@pytest.mark.parametrize(
    ("pattern", "limit", "message"),
    [
        ("typo", None, f"{UNKNOWN} typo, see mine"),
        ("m_1,typo,no", None, f"{UNKNOWN} typo, no, see mine"),
        ("milvus:!typo", None, f"{UNKNOWN} !typo, see mine"),
        ("milvus:&typo", None, f"{UNKNOWN} &typo, see mine"),
        ("milvus[7]", None, rf"{UNKNOWN} milvus\[7\], see mine"),
        ("milvus", "m_1,typo", f"{UNKNOWN} typo, see the limit"),
        ("milvus", "m_4", "no host is left: mine, or the limit, matches none"),
        ("milvus:!milvus", None, "no host is left: mine, or the limit, matches none"),
        ("down", None, "no host is left: mine, or the limit, matches none"),
        ("", None, "no host is left: set mine, or a limit, to hosts of the inventory"),
        (" , ", None, "no host is left: set mine, or a limit, to hosts of the inventory"),
    ],
)
def test_what_is_refused(pattern: str, limit: str | None, message: str) -> None:
    with pytest.raises(AnsibleLookupError, match=message):
        hosts(pattern, limit)


@pytest.mark.parametrize("batches", [None, "", 2, "2", "25%", [1, "100%"], [], ["1", ""]])
def test_batches_that_ansible_can_make(batches: Any) -> None:
    assert hosts("m_1", batches=batches, serial="my_serial") == ["m_1"]


@pytest.mark.parametrize("batches", ["two", "0", "-1", "2.5", "%", "1,2", [1, "all"], {"a": 1}])
def test_batches_that_it_cannot_make_are_refused(batches: Any) -> None:
    with pytest.raises(AnsibleLookupError, match=r"my_serial is .*; set it to a number of hosts or a percentage"):
        hosts("m_1", batches=batches, serial="my_serial")


def test_a_limit_from_a_file(tmp_path: Path) -> None:
    """It may list hosts of other plays, and hosts that are gone; it has to leave one."""
    (tmp_path / "limit").write_text("m_4\nm_2\ngone\n\n")
    assert hosts("milvus", f"@{tmp_path}/limit") == ["m_2"]
    assert hosts("", f"@{tmp_path}/limit") == ["m_2", "m_4"]
    (tmp_path / "limit").write_text("m_4\n")
    with pytest.raises(AnsibleLookupError, match="no host is left"):
        hosts("milvus", f"@{tmp_path}/limit")
    (tmp_path / "limit").write_text("\n")
    with pytest.raises(AnsibleLookupError, match="limit is an empty file"):
        hosts("milvus", f"@{tmp_path}/limit")


def test_one_variable_is_needed() -> None:
    plugin = lookup_loader.get("vectorops.milvus.job_hosts", loader=DataLoader(), templar=Templar(loader=DataLoader()))
    with pytest.raises(AnsibleLookupError, match="exactly one variable"):
        plugin.run(["a", "b"], {"groups": GROUPS})
