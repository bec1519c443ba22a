# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-test sanity on a fresh copy of the checkout: python tests/tools/sanity.py <path of ansible-test>."""

from __future__ import annotations

import os
import subprocess
import sys

from stage import copy_checkout, prepare_home

if __name__ == "__main__":
    home = prepare_home()
    os.chdir(copy_checkout())
    # the version is named because ansible-test would also try each shim of a Python that it finds
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [sys.argv[1], "sanity", "--local", "--python", version, "--color", "no"]
    environment = {**os.environ, "HOME": str(home)}
    # in a step of its own, so that what pip says does not bury the findings
    subprocess.run([*command, "--prime-venvs"], env=environment, check=True)
    os.execve(command[0], command, environment)
