# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a secret may come to light while something runs: what it prints, its files, and the arguments of processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from canaries import hits, hits_below

LOOK_SECONDS = 0.05


@dataclass
class Watch:
    """A home folder for what is run; C(found) is where secrets came to light."""

    home: Path
    found: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        temporary = str(self.home / "tmp")
        return {"HOME": str(self.home), "TMPDIR": temporary, "TEMP": temporary, "PYTHONWARNINGS": "always"}

    def note(self, where: str, text: str) -> None:
        self.found += [f"{where}: {hit}" for hit in hits(text)]


@contextmanager
def watching(home: Path) -> Iterator[Watch]:
    """Look at the arguments of all processes of that home meanwhile, and at all its files in the end."""
    (home / "tmp").mkdir(parents=True)
    watch, ended = Watch(home), threading.Event()
    looking = threading.Thread(target=_look, args=(watch, ended), daemon=True)
    looking.start()
    try:
        yield watch
    finally:
        ended.set()
        looking.join()
    watch.found += hits_below(home)


def _look(watch: Watch, ended: threading.Event) -> None:
    """A process of another home is none of this test: other tests run beside it."""
    home = f"HOME={watch.home}".encode()
    while not ended.wait(LOOK_SECONDS):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                arguments = path.read_bytes().decode("utf-8", "replace")
                ours = home in path.with_name("environ").read_bytes().split(b"\0")
            except OSError:  # it has ended meanwhile, or is another user's
                continue
            if ours and "CANARY" in arguments:
                watch.note("arguments of a process", arguments)
