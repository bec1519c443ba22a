# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a file of a local store comes into being, is read while pinned, and which system error is which failure."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO

from ..errors import MilvusOpsError
from .base import ConditionFailed, Pace, Pin, TransferBroken
from .local_tree import open_file
from .stream import PlannedObject

NEW_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
CLONE_BYTES = 8 << 20
CANNOT_CLONE = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ETXTBSY, errno.EPERM)
NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)

_KINDS = {
    "not_found": (errno.ENOENT,),
    "permission": (errno.EACCES, errno.EPERM, errno.EROFS),
    "storage_full": (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    "unreachable": (errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENETUNREACH),
    "usage": (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EILSEQ),
}
_ADVICE = {
    "not_found": "create the folder of the root path on the host where this module runs, or mount it there",
    "permission": "give the user that runs this module the right to do it",
    "storage_full": "make room on this disk; the next run continues",
    "unreachable": "see that the file server runs, then run the task again",
    "usage": "correct the root path",
}


@dataclass(frozen=True)
class Part:
    """A file in the making: its descriptor, and its name in an open folder."""

    folder: int
    name: str
    file: int


class LocalReader:
    """A range of a file. When the last byte is read the file must still be the pinned one."""

    def __init__(self, file: FileIO, label: str, pin: Pin, offset: int, length: int) -> None:
        self._file = file
        self._label = label
        self._pin = pin
        self._etag = pin.etag or etag_of(os.fstat(file.fileno()))
        self._missing = length
        self._confirm()
        file.seek(offset)

    @property
    def md5(self) -> str:
        return ""

    def read(self, size: int) -> bytes:
        with reported("reading", self._label, self._pin.key):
            piece = self._file.read(min(size, self._missing)) or b""
        self._took(len(piece))
        return piece

    def clone_to(self, destination: int, size: int) -> int:
        """Let the system copy the next bytes; their number, 0 at the end."""
        copied = os.copy_file_range(self._file.fileno(), destination, min(size, self._missing))
        self._took(copied)
        return copied

    def _took(self, size: int) -> None:
        self._missing -= size
        if not self._missing:
            self._confirm()

    def _confirm(self) -> None:
        status = os.fstat(self._file.fileno())
        if etag_of(status) != self._etag or status.st_size != self._pin.size:
            raise ConditionFailed(self._pin.key)


def etag_of(status: os.stat_result) -> str:
    """Another one after every write. Its dashes say that it is no digest of the content."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"


def write_all(file: int, body: bytes) -> None:
    rest = memoryview(body)
    while rest:
        rest = rest[os.write(file, rest) :]


def stream(planned: PlannedObject, file: int) -> None:
    """Write the source's bytes, which come through this process."""
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    with planned.open(0, planned.size) as checked:
        for piece in checked.pieces():
            write_all(file, piece)


def clone(reader: LocalReader, size: int, pace: Pace, file: int) -> bool:
    """Let the system copy a whole file; False where it cannot between these two."""
    missing = size
    while missing:
        wanted = min(CLONE_BYTES, missing)
        pace(wanted)
        try:
            copied = reader.clone_to(file, wanted)
        except OSError as error:
            if error.errno in CANNOT_CLONE:
                return False
            raise
        if not copied:
            raise TransferBroken("unreachable", f"the source ended {missing} bytes too early")
        missing -= copied
    return True


def put(part: Part, folder: int, name: str) -> None:
    os.rename(part.name, name, src_dir_fd=part.folder, dst_dir_fd=folder)


def put_where_nothing_is(part: Part, folder: int, name: str) -> None:
    """Raises ConditionFailed where there is something; of many at once, on any number of hosts, one succeeds."""
    try:
        os.link(part.name, name, src_dir_fd=part.folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError as error:
        raise ConditionFailed(name) from error
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        raise MilvusOpsError(
            "usage",
            "writing to the folder",
            name,
            "its file system has no hard links, so that two runs at once could not be kept apart",
            next_step="use a folder on a file system that has them",
        ) from error


def swap(part: Part, folder: int, name: str, etag: str) -> None:
    """Replace exactly the file with this ETag, or raise ConditionFailed; its own lock keeps others away meanwhile."""
    try:
        current = open_file(folder, name, os.O_RDWR)
    except FileNotFoundError as error:
        raise ConditionFailed(name) from error
    try:
        fcntl.flock(current, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if etag_of(status) != etag or etag_of(os.fstat(current)) != etag:
            raise ConditionFailed(name)
        made = os.fstat(part.file)
        if made.st_mtime_ns <= status.st_mtime_ns:
            # Clocks of file systems stand still for milliseconds: no ETag of this file may ever come back.
            os.utime(part.file, ns=(made.st_atime_ns, status.st_mtime_ns + 1))
        put(part, folder, name)
    except (BlockingIOError, FileNotFoundError) as error:
        raise ConditionFailed(name) from error
    finally:
        os.close(current)


@contextmanager
def reported(action: str, label: str, key: str) -> Iterator[None]:
    """Errors of the system leave as MilvusOpsError."""
    try:
        yield
    except OSError as error:
        kind = next((kind for kind, numbers in _KINDS.items() if error.errno in numbers), "internal")
        code = errno.errorcode.get(error.errno or 0, type(error).__name__)
        raise MilvusOpsError(
            kind,
            f"{action} on the disk of {socket.gethostname()}",
            f"{label}/{key}",
            f"{code}: {error.strerror or error}",
            next_step=_ADVICE.get(kind, "see the log of this host"),
        ) from error
