# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, stop, kill and describe a lab. Each command holds the lab's lock and leaves a true lab.json behind."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from . import milvus_server, object_store, packages
from .errors import LabError, usage
from .locks import exclusive
from .models import LAB_FILE, S3, Lab, LabConfig, Server, load_lab, save_lab
from .planning import check_request, lacks_ports, wanted_lab, with_ports
from .ports import check_free
from .processes import end, is_alive, log_excerpt, signals_held_back, spawn
from .report import LOGS, describe, log_path

LOCK_FILE = "lab.lock"
# Asked to end, SeaweedFS waits 15 s for its own subscriptions. It goes last: without clients a kill costs it nothing.
STORE_GRACE = 0.5


@dataclasses.dataclass(frozen=True)
class Launch:
    """How one server is started, and the digest of everything that its behaviour depends on."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    fingerprint: str


def start(config: LabConfig) -> dict[str, Any]:
    """Make the chosen servers run with the wanted configuration (all servers when none is chosen)."""
    check_request(config)
    package, weed = packages.milvus_package(), packages.weed_binary()
    cache = config.cache or packages.default_cache()
    binaries = packages.unpack_milvus(package, cache, config.timeout)
    directory = config.directory.absolute()
    with exclusive(directory / LOCK_FILE, config.timeout), contextlib.ExitStack() as held:
        lab = wanted_lab(config, load_lab(directory))
        if lacks_ports(lab):
            # From the choice of ports until servers hold them, no other lab may choose.
            held.enter_context(exclusive(cache / "ports.lock", config.timeout))
            lab = with_ports(lab, config)
        chosen = [name for name in config.instances or lab.instances if name != S3]
        store = _launch_store(lab, directory / S3, weed)
        servers = [_launch_milvus(name, lab, directory / name, package, binaries) for name in chosen]
        return _bring_up(lab, store, servers, directory, config)


def _launch_store(lab: Lab, folder: Path, weed: Path) -> Launch:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = object_store.write_identities(folder / "identities.json", (lab.admin, *lab.identities))
    command = object_store.command(weed, folder, lab.servers[S3].ports)
    return Launch(S3, tuple(command), object_store.environment(), folder, _digest([*command, text]))


def _launch_milvus(name: str, lab: Lab, folder: Path, package: Path, binaries: Path) -> Launch:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = lab.servers[name]
    text = milvus_server.write_configuration(package, lab.instances[name], lab, server, folder)
    command = (str(binaries / "milvus"), "run", "standalone")
    environment = milvus_server.environment(binaries, server, folder)
    return Launch(name, command, environment, folder, _digest([*command, text]))


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _bring_up(lab: Lab, store: Launch, servers: Sequence[Launch], directory: Path, config: LabConfig) -> dict[str, Any]:
    """Start what does not run as wanted, wait for everything chosen; a failure stops what this call has started."""
    due = [launch for launch in (store, *servers) if not _runs_as(launch, lab.servers[launch.name])]
    _end_servers(lab, [launch.name for launch in due], config.stop_grace)
    for launch in due:
        check_free(launch.name, lab.servers[launch.name].ports, str(directory / LAB_FILE))
    milvus_server.share_run_directory()
    save_lab(directory, lab)  # before the first process: a start that is cut short leaves nothing that stop cannot name
    started: list[str] = []
    try:
        # The store first: a Milvus that does not find it backs off for seconds, which costs more than the wait.
        for stage in ([store], servers):
            written = {launch.name: _size(log_path(directory, launch.name)) for launch in stage}
            for launch in stage:
                if launch in due:
                    with signals_held_back():
                        lab = _spawned(launch, lab, directory)
                        started.append(launch.name)
                        save_lab(directory, lab)
            _await_ready(lab, written, directory, config.timeout)
    except BaseException:
        _end_servers(lab, started, config.stop_grace)
        raise
    save_lab(directory, lab)
    return describe(lab, directory, changed=bool(due))


def _runs_as(launch: Launch, server: Server) -> bool:
    return server.fingerprint == launch.fingerprint and is_alive(server.process)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _spawned(launch: Launch, lab: Lab, directory: Path) -> Lab:
    process = spawn(launch.command, launch.environment, launch.folder, log_path(directory, launch.name))
    return lab.with_server(launch.name, Server(lab.servers[launch.name].ports, process, launch.fingerprint))


def _await_ready(lab: Lab, written: Mapping[str, int], directory: Path, timeout: float) -> None:
    """Poll servers until each is usable, dead, or out of time. `written` holds where in its log each one begins."""
    began, told = time.monotonic(), 0.0
    checks: dict[str, Callable[[], bool]] = {
        name: partial(object_store.is_ready, lab) if name == S3 else partial(milvus_server.is_ready, lab.servers[name])
        for name in written
    }
    while checks:
        waited = time.monotonic() - began
        for name, is_ready in list(checks.items()):
            log = log_path(directory, name)
            if not is_alive(lab.servers[name].process):
                raise _broken("internal", name, log, written[name], "it ended while it was starting")
            if is_ready():
                _tell(f"{name} is ready after {waited:.1f} s")
                del checks[name]
            elif waited > timeout:
                raise _broken("timeout", name, log, written[name], f"it was not ready within {timeout:.0f} s")
        if checks and waited - told >= 5:
            told = waited
            _tell(f"waiting for {', '.join(checks)} ({waited:.0f} of at most {timeout:.0f} s)")
        time.sleep(0.05 if checks else 0)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _broken(kind: str, name: str, log: Path, written: int, cause: str) -> LabError:
    return LabError(
        kind,
        operation="start",
        where=name,
        cause=f"{cause}; the last lines of {log}:\n{log_excerpt(log, written)}",
        state_left="the servers that this command started were stopped; data and logs are kept",
        next_step=f"read {log}, correct the configuration, start again",
        retryable=kind == "timeout",
    )


def stop(config: LabConfig, *, wipe: bool = False) -> dict[str, Any]:
    """End the chosen servers, or all of them; the store goes with the last one that is named.

    `wipe` also forgets them and removes their files; their objects go with the store only.
    """
    if wipe and S3 in config.instances:
        raise usage("--wipe", "the store cannot go without the lab", "name only Milvus servers, or nothing")
    return _stop(config, config.stop_grace, wipe=wipe, crash=False)


def kill(config: LabConfig) -> dict[str, Any]:
    """End the chosen servers as a crash would, with no chance to clean up."""
    if not config.instances:
        raise usage("kill", "it needs at least one instance, or s3", "name them")
    return _stop(config, 0.0, wipe=False, crash=True)


def _stop(config: LabConfig, grace: float, *, wipe: bool, crash: bool) -> dict[str, Any]:
    directory = config.directory.absolute()
    if not directory.joinpath(LAB_FILE).exists():
        return describe(None, directory, changed=False)
    with exclusive(directory / LOCK_FILE, config.timeout):
        lab = load_lab(directory)
        if lab is None:
            return describe(None, directory, changed=False)
        unknown = sorted(set(config.instances) - set(lab.servers))
        if unknown:
            known = ", ".join(sorted(lab.servers))
            raise usage(f"instance {', '.join(unknown)}", f"the lab has only {known}", "name one of those")
        everything = not crash and set(lab.instances) <= set(config.instances)
        chosen = list(lab.servers if everything or not config.instances else config.instances)
        found = _end_servers(lab, chosen, grace)
        for name in chosen:
            lab = lab.with_server(name, dataclasses.replace(lab.servers[name], process=None))
        if wipe and S3 in chosen:
            _wipe(directory, lab)
            return describe(None, directory, changed=True)
        if wipe:
            lab = lab.without(chosen)
            for name in chosen:
                _remove(name, directory)
        save_lab(directory, lab)
        return describe(lab, directory, changed=found or wipe)


def _end_servers(lab: Lab, names: Sequence[str], grace: float) -> bool:
    """End servers, the store last, so that the others can still write to it; returns whether any was alive."""
    found = False
    for stage, patience in (
        ([name for name in names if name != S3], grace),
        ([name for name in names if name == S3], min(grace, STORE_GRACE)),
    ):
        found |= end([process for name in stage if (process := lab.servers[name].process)], patience)
    for name in names:
        server = lab.servers[name]
        leftovers = object_store.sockets(server.ports) if name == S3 else milvus_server.run_files(server.process)
        for path in leftovers:
            with contextlib.suppress(OSError):
                path.unlink()
    return found


def _wipe(directory: Path, lab: Lab) -> None:
    """Remove exactly what the lab made; a folder that holds other things stays."""
    for name in lab.servers:
        _remove(name, directory)
    for name in (LAB_FILE, LOCK_FILE):
        (directory / name).unlink(missing_ok=True)
    for folder in (directory / LOGS, directory):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _remove(name: str, directory: Path) -> None:
    shutil.rmtree(directory / name, ignore_errors=True)
    log_path(directory, name).unlink(missing_ok=True)


def status(config: LabConfig) -> dict[str, Any]:
    directory = config.directory.absolute()
    return describe(load_lab(directory), directory, changed=False)
