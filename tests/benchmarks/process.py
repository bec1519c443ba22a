# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one process costs: C(python -I -S process.py RESULT COMMAND...), or M(cost_of) from another program.

The process is started by a small one of its own: the system counts the memory of whoever starts a process as its peak.
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> None:
    result, command = sys.argv[1], sys.argv[2:]
    began = time.monotonic()
    child = os.posix_spawn(command[0], command, dict(os.environ))
    _pid, status, usage = os.wait4(child, 0)
    cost = {
        "wall": time.monotonic() - began,
        "cpu": usage.ru_utime + usage.ru_stime,
        "mib": usage.ru_maxrss / 1024,
        "code": os.waitstatus_to_exitcode(status),
    }
    with open(result, "w", encoding="utf-8") as file:
        json.dump(cost, file)


def cost_of(command: list[str], job: str, environment: dict[str, str]) -> tuple[dict[str, float], str]:
    """Seconds of the clock and the processor, peak MiB; and what the process printed. Raises when it fails."""
    import subprocess
    import tempfile

    with tempfile.NamedTemporaryFile() as result:
        launcher = [sys.executable, "-I", "-S", __file__, result.name]
        done = subprocess.run(
            [*launcher, *command], input=job, capture_output=True, text=True, env=environment, check=False
        )
        cost = json.load(result)
    if cost.pop("code"):
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return cost, done.stdout


if __name__ == "__main__":
    main()
