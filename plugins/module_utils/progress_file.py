# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small file that says how far a run is, replaced about once a second, for whoever watches from outside.

Trouble with it never fails the run: it is tried again with the next state, and told in the end if it lasts.
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
def reported(
    progress: Progress, path: str | None, check_mode: bool, interval: int | None = None
) -> Iterator[list[str]]:
    """While the block runs, keep the file at C(path) current; without a path, or in check mode, nothing is written.

    It yields the warnings, which are known once the block has ended. An C(interval) of 0 says that nobody wants lines:
    then the file of the action plugin only says which process this is, and nothing is missed without it.
    """
    warnings: list[str] = []
    if not path or check_mode:
        yield warnings
        return
    report = _Report(progress, path)
    writer = threading.Thread(target=report.write_on, name="progress", daemon=True)
    writer.start()
    try:
        yield warnings
    finally:
        report.stop.set()
        writer.join()
        report.end()
        if interval != 0 or not report.is_ours:
            warnings += report.warnings


class _Report:
    def __init__(self, progress: Progress, path: str) -> None:
        self.stop = threading.Event()
        self._progress = progress
        self._path = path
        self.is_ours = os.path.basename(path).startswith(OWN_PREFIX)
        self._part = f"{path}.part"
        self._number = 0
        self._written: dict[str, Any] = {}
        self._trouble: OSError | None = None

    def write_on(self) -> None:
        while True:
            self._try(RUNNING)
            if self.stop.wait(WRITE_SECONDS):
                return

    def end(self) -> None:
        if self.is_ours:
            with suppress(OSError):
                os.unlink(self._path)
        else:
            self._try(ENDED)

    @property
    def warnings(self) -> list[str]:
        if self._trouble is None:
            return []
        cause = self._trouble.strerror or self._trouble
        next_step = "set progress_interval to 0 where none can be" if self.is_ours else "choose another progress_file"
        return [
            f"the progress of this run was not told, for {self._path} cannot be written: {cause}. "
            f"The run itself went on; {next_step}"
        ]

    def _try(self, state: str) -> None:
        """A disk that was full may have room a second later."""
        try:
            self._write(state)
            self._trouble = None
        except OSError as error:
            self._trouble = error

    def _write(self, state: str) -> None:
        """C(seq) grows with each change, so that a reader needs no clock to see whether anything moves."""
        now = {"state": state, **self._progress.snapshot()}
        if now == self._written:
            return
        body = json.dumps({"version": 1, "pid": os.getpid(), "seq": self._number + 1, **now}).encode()
        with suppress(FileNotFoundError):
            os.unlink(self._part)
        # The folder may be everybody's: never through a link, never into a file of another user.
        file = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with open(file, "wb") as part:
                part.write(body)
            os.replace(self._part, self._path)
        except OSError:
            with suppress(OSError):
                os.unlink(self._part)
            raise
        self._number += 1
        self._written = now
