# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-test sanity on a fresh copy of the checkout.

python tests/tools/sanity.py <name of the copy> <Python of an environment that has ansible-core>
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from stage import copy_checkout, prepare_home

VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def main(name: str, python: Path) -> None:
    home = prepare_home(name)
    os.chdir(copy_checkout(name))
    # the version is named because ansible-test would also try each shim of a Python that it finds
    version = subprocess.run([python, "-c", VERSION], check=True, capture_output=True, text=True).stdout.strip()
    program = str(python.with_name("ansible-test"))
    command = [program, "sanity", "--local", "--python", version, "--color", "no"]
    environment = {**os.environ, "HOME": str(home)}
    # in a step of its own, so that what pip says does not bury the findings
    subprocess.run([*command, "--prime-venvs"], env=environment, check=True)
    os.execve(program, command, environment)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
