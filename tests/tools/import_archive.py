# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a built collection as Galaxy does when it is uploaded: python tests/tools/import_archive.py <folder with it>.

By the Python of an environment with galaxy-importer. That only notes down what it finds; here a finding is a failure.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FINDING = re.compile(r"(ERROR|WARNING|CRITICAL): .*")
ACCEPTED = (
    # it has no collection beside the one it looks at
    re.compile(r"WARNING: awx/\w+\.yml:.* couldn't resolve module/action 'awx\.awx\.\w+'"),
    # it has no inventory, and the playbooks refuse a pattern that matches no host; the second follows from the first
    re.compile(r"WARNING: playbooks/\w+\.yml:.*'vectorops\.milvus\.job_hosts' failed: no host "),
    re.compile(r"WARNING: ERROR +Failed to find vectorops\.milvus\.\w+ playbook"),
)


def main(folder: Path) -> int:
    (archive,) = folder.glob("*.tar.gz")
    command = [sys.executable, "-m", "galaxy_importer.main", archive.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr, sep="")
    found = [line for line in done.stdout.splitlines() if FINDING.match(line)]
    refused = [line for line in found if not any(pattern.match(line) for pattern in ACCEPTED)]
    print(f"{len(found)} findings, of which {len(refused)} are not accepted:", *refused, sep="\n")
    return done.returncode or bool(refused)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
