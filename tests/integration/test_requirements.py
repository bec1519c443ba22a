# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The most frequent first error: the Python that runs the modules does not have the libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

OPTIONS = "address=127.0.0.1 port=1 storage_address=127.0.0.1 storage_port=1 access_key_id=k bucket_name=b"


@pytest.mark.playbook
def test_libraries_missing_where_the_module_runs(ansible_playbook: Path, tmp_path: Path) -> None:
    """The error names the host's interpreter and the line that mends it."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True, timeout=120)
    interpreter = bare / "bin" / "python"
    command = [
        str(ansible_playbook.with_name("ansible")),
        "localhost",
        "-c",
        "local",
        "-e",
        f"ansible_python_interpreter={interpreter}",
        "-m",
        "vectorops.milvus.milvus_info",
        "-a",
        f"{OPTIONS} secret_access_key=CANARY-SECRET",
    ]
    done = subprocess.run(
        command, env={**os.environ, "COLUMNS": "10000"}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode != 0
    assert '"kind": "requirements"' in done.stdout, done.stdout + done.stderr
    assert f"{interpreter} -m pip install --upgrade" in done.stdout
    assert "pymilvus>=2.6" in done.stdout
    assert "ansible_python_interpreter" in done.stdout
    assert "Traceback" not in done.stdout
