# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small file that says how far a run is, replaced about once a second, for whoever watches from outside.

Trouble with it never fails the run: it only ends the reports.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .progress import Progress

WRITE_SECONDS = 1.0
OWN_PREFIX = ".milvus-progress-"
"""How the action plugins name their files; those are removed at the end, one that a user named stays."""

RUNNING, ENDED = "running", "ended"

PROGRESS_SPEC: dict[str, dict[str, Any]] = {
    "progress_interval": {"type": "int"},
    "progress_file": {"type": "path"},
}
"""The options of a module that shows its progress; the interval is for its action plugin alone."""


@contextmanager
def reported(progress: Progress, path: str | None, check_mode: bool) -> Iterator[None]:
    """While the block runs, keep the file at C(path) current; without a path, or in check mode, nothing is written."""
    if not path or check_mode:
        yield
        return
    report = _Report(progress, path)
    writer = threading.Thread(target=report.write_on, name="progress", daemon=True)
    writer.start()
    try:
        yield
    finally:
        report.stop.set()
        writer.join()
        report.end()


class _Report:
    def __init__(self, progress: Progress, path: str) -> None:
        self.stop = threading.Event()
        self._progress = progress
        self._path = path
        self._part = f"{path}.part"
        self._number = 0
        self._written: dict[str, Any] = {}

    def write_on(self) -> None:
        try:
            while True:
                self._write(RUNNING)
                if self.stop.wait(WRITE_SECONDS):
                    return
        except OSError:
            return

    def end(self) -> None:
        with suppress(OSError):
            if os.path.basename(self._path).startswith(OWN_PREFIX):
                os.unlink(self._path)
            else:
                self._write(ENDED)

    def _write(self, state: str) -> None:
        """C(seq) grows with each change, so that a reader needs no clock to see whether anything moves."""
        now = {"state": state, **self._progress.snapshot()}
        if now == self._written:
            return
        self._number += 1
        self._written = now
        body = json.dumps({"version": 1, "pid": os.getpid(), "seq": self._number, **now}).encode()
        with suppress(FileNotFoundError):
            os.unlink(self._part)
        # The folder may be everybody's: never through a link, never into a file of another user.
        file = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            os.write(file, body)
        finally:
            os.close(file)
        os.replace(self._part, self._path)
