# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module inside the test's own process, so that a test can break something in it, and catches what it prints."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from ansible.module_utils import basic

__all__ = ["run_here"]

RunHere = Callable[[Callable[[], None], Mapping[str, Any]], str]


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[RunHere]:
    """Everything that a module prints, given its main function and its options. No setting of the host's counts."""
    for name in list(os.environ):
        if name.startswith(("MILVUS_", "BACKUP_STORAGE_", "AWS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def call(main: Callable[[], None], options: Mapping[str, Any]) -> str:
        arguments = {**options, "_ansible_diff": True, "_ansible_verbosity": 4}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit):
            main()
        return "".join(capfd.readouterr())

    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


def result_of(output: str) -> dict[str, Any]:
    """What the module returned, among what it printed."""
    result: dict[str, Any] = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
    return result
