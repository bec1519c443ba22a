# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes one virtual environment from a requirements file, and makes it again only when the requirements change.

    python tests/tools/virtualenv.py .venv/test tests/requirements.txt [--python-version 3.13 --python-version 3.12]

The environment gets the Python that runs this file, or the first of the named versions that works on this machine.
Exit code 77: none of them does.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from interpreters import find_python

NO_PYTHON = 77  # no other program of make test ends with this code


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("requirements", type=Path)
    parser.add_argument("--python-version", action="append", default=[])
    options = parser.parse_args()
    folder = options.folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two make commands may need the same environment at once
        return _ensure(folder, options.requirements.resolve(), options.python_version)


def _ensure(folder: Path, requirements: Path, versions: list[str]) -> int:
    python = find_python(versions) if versions else Path(sys.executable)
    if python is None:
        print(f"no working Python {' or '.join(versions)} on this machine")
        return NO_PYTHON
    stamp = folder / "requirements.sha256"
    digest = _digest(folder, python, requirements)
    if stamp.is_file() and stamp.read_text() == digest:
        return 0
    print(f"making {folder} with {python} from {requirements.name} (some minutes the first time)", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", folder], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    # Compiling all files takes half of the time, and most of them are never imported.
    subprocess.run([*pip, "install", "--quiet", "--no-compile", "--requirement", str(requirements)], check=True)
    stamp.write_text(digest)
    return 0


def _digest(folder: Path, python: Path, requirements: Path) -> str:
    digest = hashlib.sha256(f"{folder}\n{python}\n".encode())
    for file in _requirement_files(requirements):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _requirement_files(file: Path) -> Iterator[Path]:
    """The file, and those that it names by -r or -c."""
    yield file
    for line in file.read_text().splitlines():
        if line.startswith(("-r ", "-c ")):
            yield from _requirement_files((file.parent / line[3:].strip()).resolve())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"making the virtual environment failed: {error}")
