# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ssh server on loopback for the user who runs the tests: keys, port and process are its own.

It treats commands as sshd does: each in a session of its own, at a terminal where the client asks for one, and when the
connection is lost it hangs up and lets them be. `python ssh_server.py FOLDER` is that process; M(serving) runs it.
"""

from __future__ import annotations

import asyncio
import fcntl
import getpass
import json
import os
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncssh

CHUNK = 64 * 1024
PROGRESS_FILE = re.compile(r"/tmp/\.milvus-progress-\w+\.json")
Process = asyncssh.SSHServerProcess[bytes]


@dataclass(frozen=True)
class SshServer:
    """A running server; C(far) is the folder where Ansible keeps its files at the far end."""

    folder: Path
    port: int
    process: subprocess.Popen[str]

    @property
    def far(self) -> Path:
        return self.folder / "far"

    @property
    def variables(self) -> dict[str, Any]:
        """Those of a host that is reached through this server: nothing of the user's own ssh settings counts."""
        options = {
            "IdentitiesOnly": "yes",
            "GlobalKnownHostsFile": "none",
            "UserKnownHostsFile": str(self.folder / "known_hosts"),
            "StrictHostKeyChecking": "yes",
        }
        return {
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": str(self.folder / "key"),
            "ansible_ssh_common_args": " ".join(["-F none", *(f"-o {key}={value}" for key, value in options.items())]),
            "ansible_control_path_dir": str(self.folder / "masters"),
            "ansible_remote_tmp": str(self.far / "tmp"),
            "ansible_async_dir": str(self.far / "async"),
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        }

    def cut(self) -> int:
        """Break all connections off, as a network does that fails; how many there were. New ones are accepted."""
        os.kill(self.process.pid, signal.SIGUSR1)
        return int(self._said())

    @property
    def commands(self) -> list[str]:
        """What was run at the far end."""
        log = self.folder / "commands"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    @property
    def progress_files(self) -> list[Path]:
        """Those that were asked for."""
        return [Path(path) for path in sorted(set(PROGRESS_FILE.findall("\n".join(self.commands))))]

    def _said(self) -> str:
        return "" if self.process.stdout is None else self.process.stdout.readline()


@contextmanager
def serving() -> Iterator[SshServer]:
    """In a folder with a short name: that of a socket has a limit of about 100 characters."""
    with TemporaryDirectory(prefix="ssh-") as name:
        folder = Path(name)
        command = [sys.executable, str(Path(__file__)), name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
            try:
                port = process.stdout.readline() if process.stdout else ""
                if not port:
                    raise RuntimeError(f"the ssh server ended with {process.wait(10)}")
                yield SshServer(folder, int(port), process)
            finally:
                process.terminate()


async def serve(folder: Path) -> None:
    host_key, user_key = (asyncssh.generate_private_key("ssh-ed25519") for _unused in range(2))
    (folder / "key").touch(0o600)
    user_key.write_private_key(folder / "key")
    (folder / "far").mkdir()
    connections: list[asyncssh.SSHServerConnection] = []
    ended = asyncio.Event()
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=asyncssh.import_authorized_keys(user_key.export_public_key().decode()),
        acceptor=connections.append,
        process_factory=lambda process: _run(process, folder / "commands"),
        sftp_factory=True,
        encoding=None,
        line_editor=False,
    )

    def cut() -> None:
        alive = [connection for connection in connections if not connection.is_closed()]
        for connection in alive:
            connection.abort()
        print(len(alive), flush=True)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, cut)
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    known = f"[127.0.0.1]:{server.get_port()} {host_key.export_public_key().decode()}"
    (folder / "known_hosts").write_text(known)
    print(server.get_port(), flush=True)
    await ended.wait()


async def _run(process: Process, log: Path) -> None:
    """One command, until its output ends or the connection does."""
    with log.open("a") as file:
        file.write(f"{json.dumps(process.command)}\n")
    write, read, errors, theirs = _at_a_terminal() if process.term_type else _with_pipes()
    child = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        process.command or "exit 0",
        stdin=theirs[0],
        stdout=theirs[1],
        stderr=theirs[2],
        start_new_session=True,
        preexec_fn=_take_the_terminal if process.term_type else None,
    )
    for descriptor in set(theirs):
        os.close(descriptor)
    told = [(read, process.stdout.write)] + ([] if errors is None else [(errors, process.stderr.write)])
    output = [asyncio.create_task(_pass_on(descriptor, to)) for descriptor, to in told]
    feeding = asyncio.create_task(_feed(process.stdin, write, stays_open=bool(process.term_type)))
    lost = asyncio.create_task(process.channel.wait_closed())
    ended = asyncio.gather(*output, return_exceptions=True)
    await asyncio.wait({ended, lost}, return_when=asyncio.FIRST_COMPLETED)
    for task in (*output, feeding):
        task.cancel()
    code = await child.wait()
    if not lost.done():
        process.exit(code if code >= 0 else 128 - code)


def _with_pipes() -> tuple[int, int, int | None, tuple[int, int, int]]:
    """Where to write, where to read output and errors, and the ends of the child."""
    (their_input, write), (read, their_output), (errors, their_errors) = os.pipe(), os.pipe(), os.pipe()
    return write, read, errors, (their_input, their_output, their_errors)


def _at_a_terminal() -> tuple[int, int, int | None, tuple[int, int, int]]:
    """The same; errors come with the output."""
    ours, theirs = os.openpty()
    return ours, ours, None, (theirs, theirs, theirs)


def _take_the_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


async def _pass_on(descriptor: int, write: Callable[[bytes], None]) -> None:
    reader = asyncio.StreamReader()
    pipe = open(descriptor, "rb", buffering=0)  # noqa: SIM115 - the transport closes it
    loop = asyncio.get_running_loop()
    transport, _protocol = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        while data := await reader.read(CHUNK):
            write(data)
    except OSError:  # EIO: the last one at the terminal has left
        return
    finally:
        transport.close()


async def _feed(source: asyncssh.SSHReader[bytes], descriptor: int, *, stays_open: bool) -> None:
    try:
        with suppress(OSError, asyncssh.Error):  # it has ended without reading all, or the connection has
            while data := await source.read(CHUNK):
                await asyncio.to_thread(_write_all, descriptor, data)
    finally:
        if not stays_open:
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
