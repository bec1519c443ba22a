# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unpacked server: whole or not at all, once for all labs, and a clear word where there is none."""

from __future__ import annotations

import lzma
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from embedded_lab.errors import LabError
from embedded_lab.packages import MILVUS_VERSION, check_platform, default_cache, unpack_milvus


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    (folder / "bin").mkdir(parents=True)
    for name in ("milvus", "libone.so.1", "libtwo.so"):
        (folder / "bin" / f"{name}.lzma").write_bytes(lzma.compress(name.encode() * 1000))
    return folder


def test_the_server_is_unpacked_once(package: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    folder = unpack_milvus(package, cache, timeout=10)
    assert folder == cache / f"milvus-{MILVUS_VERSION}"
    assert sorted(path.name for path in folder.iterdir()) == ["libone.so.1", "libtwo.so", "milvus"]
    assert (folder / "milvus").read_bytes() == b"milvus" * 1000
    assert (folder / "milvus").stat().st_mode & 0o111
    (folder / "milvus").write_bytes(b"as it was")
    assert unpack_milvus(package, cache, timeout=10) == folder
    assert (folder / "milvus").read_bytes() == b"as it was"


def test_labs_that_start_at_once_do_not_disturb_each_other(package: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: unpack_milvus(package, tmp_path / "cache", timeout=10), range(8)))
    assert len(folders) == 1
    assert len(list(folders.pop().iterdir())) == 3
    assert not list((tmp_path / "cache").glob("unpacking-*"))


def test_a_broken_archive_leaves_nothing_behind(package: Path, tmp_path: Path) -> None:
    (package / "bin" / "libtwo.so.lzma").write_bytes(b"not an archive")
    with pytest.raises(lzma.LZMAError):
        unpack_milvus(package, tmp_path / "cache", timeout=10)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["unpack.lock"]


def test_the_cache_follows_the_users_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/some/cache")
    assert default_cache() == Path("/some/cache/vectorops_milvus_lab")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == Path.home() / ".cache/vectorops_milvus_lab"


@pytest.mark.parametrize(("system", "machine"), [("Linux", "aarch64"), ("Windows", "AMD64"), ("Darwin", "x86_64")])
def test_a_platform_without_wheels_is_named(monkeypatch: pytest.MonkeyPatch, system: str, machine: str) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(LabError) as caught:
        check_platform()
    assert f"no wheels for {system} {machine}" in str(caught.value)
    assert caught.value.failure["kind"] == "requirements"
