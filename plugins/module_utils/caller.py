# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anybody still waits for the result: a run that nobody sees must not go on for hours."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading

LOOK_SECONDS = 1.0


def stop_when_nobody_listens() -> None:
    """Ask this process to end, as SIGTERM does, once the reader of its output is gone: Ansible, or its connection.

    A job of Ansible's C(async) writes to its wrapper, which stays, so it goes on as Ansible promises. Where the output
    is caught within this process, whoever does so is still there.
    """
    output = sys.__stdout__
    if output is not None and output is sys.stdout:
        threading.Thread(target=_watch, args=(output.fileno(),), name="caller", daemon=True).start()


def _watch(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, 0)  # errors and hang-ups are reported unasked
    while not poll.poll(LOOK_SECONDS * 1000):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
