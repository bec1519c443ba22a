# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder seen as an object store sees it: keys in order of their bytes, and no way out of the folder.

Every path is opened one element at a time, below the folder and without following links, so that neither a link nor a
folder swapped for one while we work leads anywhere else.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO

from ..errors import MilvusOpsError

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Without O_NONBLOCK, opening a pipe would wait for its other end."""

KEPT_FOLDER = (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY)
"""What removing a folder says when it is not empty, or when something is mounted on it."""


@dataclass(frozen=True)
class Entry:
    """A file below the folder, with what the system says about it."""

    key: str
    status: os.stat_result


@dataclass(frozen=True)
class Tree:
    """The folder C(root), an absolute path without a trailing slash, which may itself be a link."""

    root: str

    def parts(self, path: str) -> list[str]:
        """The elements below the root of a key, or of a folder with its trailing slash."""
        whole = path.removesuffix("/")
        if whole == self.root:
            return []
        parts = whole.removeprefix(f"{self.root}/").split("/")
        clean = all(part not in ("", ".", "..") and "\0" not in part for part in parts)
        if not whole.startswith(f"{self.root}/") or not clean:
            raise FileNotFoundError(errno.ENOENT, "no path below the folder of this store", path)
        return parts

    @contextmanager
    def folder(self, path: str, *, create: bool = False) -> Iterator[int]:
        """A descriptor of a folder. Raises FileNotFoundError where there is none and C(create) is not set."""
        descriptor = os.open(self.root, FOLDER_FLAGS & ~os.O_NOFOLLOW)
        try:
            for part in self.parts(path):
                below = _open_folder(descriptor, part, create)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    def open(self, key: str) -> FileIO:
        """A file to read. Raises FileNotFoundError where there is none."""
        self.parts(key)  # the last element must be a name, too
        parent, _slash, name = key.rpartition("/")
        with self.folder(parent) as folder:
            return FileIO(open_file(folder, name, os.O_RDONLY), "r")

    def walk(self, prefix: str) -> Iterator[Entry]:
        """The files whose keys begin with the prefix, in order of the keys' bytes; one folder at a time in memory."""
        parent, _slash, beginning = prefix.rpartition("/")
        with suppress(FileNotFoundError), self.folder(parent) as folder:
            yield from _walk(folder, f"{parent}/", beginning)

    def folders(self, prefix: str) -> Iterator[str]:
        """The folders directly below the prefix that hold a file, with trailing slash, in order."""
        parent, _slash, beginning = prefix.rpartition("/")
        with suppress(FileNotFoundError), self.folder(parent) as folder:
            for name in _names(folder, parent, beginning):
                if name.endswith("/") and any(True for _entry in self.walk(f"{parent}/{name}")):
                    yield f"{parent}/{name}"

    def prune(self, path: str, last: str) -> None:
        """Remove a folder if it is empty, then the folders above it that became so, up to and with C(last)."""
        while len(path) >= len(last):
            parent, _slash, name = path.rstrip("/").rpartition("/")
            try:
                with self.folder(parent) as folder:
                    os.rmdir(name, dir_fd=folder)
            except FileNotFoundError:
                pass
            except OSError as error:
                if error.errno in KEPT_FOLDER:
                    return
                raise
            path = f"{parent}/"


def _open_folder(above: int, name: str, create: bool) -> int:
    try:
        return os.open(name, FOLDER_FLAGS, dir_fd=above)
    except FileNotFoundError:
        if not create:
            raise
    except OSError as error:
        raise _not_that(error, above, name) from error
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=above)
        os.fsync(above)
    return os.open(name, FOLDER_FLAGS, dir_fd=above)


def open_file(folder: int, name: str, flags: int) -> int:
    try:
        descriptor = os.open(name, flags | FILE_FLAGS, dir_fd=folder)
    except OSError as error:
        raise _not_that(error, folder, name) from error
    os.set_blocking(descriptor, True)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise FileNotFoundError(errno.ENOENT, "a folder, no file", name)
    raise _odd_entry(name, "neither a file nor a folder")


def _not_that(error: OSError, folder: int, name: str) -> Exception:
    """A file where a folder should be, or the other way round, is no object; a link is an error that names it."""
    if error.errno not in (errno.ENOTDIR, errno.ELOOP, errno.EISDIR):
        return error
    if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        return _odd_entry(name, "a symbolic link")
    return FileNotFoundError(errno.ENOENT, error.strerror, name)


def _walk(folder: int, path: str, beginning: str = "") -> Iterator[Entry]:
    for name in _names(folder, path, beginning):
        with suppress(FileNotFoundError):  # removed since the folder was read
            if not name.endswith("/"):
                yield Entry(path + name, os.stat(name, dir_fd=folder, follow_symlinks=False))
                continue
            below = _open_folder(folder, name[:-1], create=False)
            try:
                yield from _walk(below, path + name)
            finally:
                os.close(below)


def _names(folder: int, path: str, beginning: str) -> list[str]:
    """Sorted as parts of keys: a folder counts with its slash, so that C(a-b) comes before what lies in C(a/)."""
    names = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
            if not name.startswith(beginning):
                continue
            if not name.endswith("/") and not entry.is_file(follow_symlinks=False):
                raise _odd_entry(f"{path.rstrip('/')}/{name}", "a symbolic link or no file at all")
            if not name.isascii() and any("\udc80" <= sign <= "\udcff" for sign in name):
                raise _odd_entry(f"{path.rstrip('/')}/{name!a}", "a name that is not UTF-8")
            names.append(name)
    return sorted(names)


def _odd_entry(where: str, what: str) -> MilvusOpsError:
    return MilvusOpsError(
        "usage",
        "looking into the folder",
        where,
        f"this is {what}; links are not followed, and nothing but plain files and folders is read",
        next_step="remove it, mount a folder in place of a link, or set the root path to where the link leads",
    )
