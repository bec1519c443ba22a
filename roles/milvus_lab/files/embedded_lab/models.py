# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a caller asks for, and what the lab remembers, as plain values that turn into JSON and back."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import LabError, usage
from .locks import write_private
from .ports import LOOPBACK, check_number
from .processes import ProcessIdentity

S3 = "s3"
DEFAULT_BUCKET = "bucket-a"
DEFAULT_INSTANCES = ("milvus_a", "milvus_b")
ADDRESS_KEYS = ("ip", "address", "endpoints", "endpoint")
LOOPBACK_ADDRESS = re.compile(r"(https?://)?(127(\.\d+){3}|localhost)(:\d+)?/?")
LAB_FILE = "lab.json"
LAB_FILE_VERSION = 1


@dataclass(frozen=True)
class Identity:
    """One S3 user. Actions are SeaweedFS's: Admin, Read, Write, List, Tagging, each also as `Read:bucket/prefix/*`."""

    name: str
    access_key_id: str
    secret_access_key: str
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Instance:
    """One Milvus server. `config` is merged into its milvus.yaml; certificates are files of the caller's."""

    name: str
    root_path: str
    port: int | None = None
    authorization: bool = False
    tls_mode: int = 0
    server_cert_path: str = ""
    server_key_path: str = ""
    ca_path: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LabConfig:
    """A request. `instances` maps a name to the options that it sets; everything left out keeps its recorded value."""

    directory: Path
    instances: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    bucket: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    identities: tuple[Identity, ...] | None = None
    address: str = LOOPBACK
    s3_port: int | None = None
    cache: Path | None = None
    timeout: float = 180.0
    stop_grace: float = 3.0


@dataclass(frozen=True)
class Server:
    """A server of the lab: its ports, and the process and configuration that were last started."""

    ports: Mapping[str, int]
    process: ProcessIdentity | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class Lab:
    """Everything the lab remembers about itself between two commands."""

    bucket: str
    admin: Identity
    identities: tuple[Identity, ...]
    instances: Mapping[str, Instance]
    servers: Mapping[str, Server]

    def with_server(self, name: str, server: Server) -> Lab:
        return dataclasses.replace(self, servers={**self.servers, name: server})

    def without(self, names: Collection[str]) -> Lab:
        return dataclasses.replace(
            self,
            instances={name: instance for name, instance in self.instances.items() if name not in names},
            servers={name: server for name, server in self.servers.items() if name not in names},
        )


def save_lab(directory: Path, lab: Lab) -> None:
    record = {"version": LAB_FILE_VERSION, **dataclasses.asdict(lab)}
    write_private(directory / LAB_FILE, json.dumps(record, indent=2) + "\n")


def load_lab(directory: Path) -> Lab | None:
    path = directory / LAB_FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record.pop("version") != LAB_FILE_VERSION:
            raise ValueError("it was written by another release of the lab")
        return Lab(
            bucket=record["bucket"],
            admin=identity_from(record["admin"], "admin"),
            identities=tuple(identity_from(item, "identities") for item in record["identities"]),
            instances={name: Instance(**item) for name, item in record["instances"].items()},
            servers={name: _server_from(item) for name, item in record["servers"].items()},
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabError(
            "corrupt",
            operation="read",
            where=str(path),
            cause=f"it is not a lab of this release ({type(error).__name__}: {error})",
            next_step="use another directory; servers that this lab may still run are named in the file",
        ) from error


def _server_from(item: Mapping[str, Any]) -> Server:
    process = item["process"]
    return Server(item["ports"], ProcessIdentity(**process) if process else None, item["fingerprint"])


def identity_from(item: Mapping[str, Any], where: str) -> Identity:
    names = [entry.name for entry in dataclasses.fields(Identity)]
    if not isinstance(item, Mapping) or sorted(item) != sorted(names):
        raise usage(where, f"an identity needs exactly {', '.join(names)}", "correct the list of identities")
    return Identity(**{**item, "actions": tuple(item["actions"])})


def configure_instance(name: str, options: Mapping[str, Any], recorded: Instance | None) -> Instance:
    """An instance from its recorded or default values and the options given now."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", name) or name in (S3, "logs"):
        cause = "a name is a small letter, then up to 31 small letters, digits, _ and -, and neither s3 nor logs"
        raise usage(f"instance {name!r}", cause, "choose another name")
    known = [entry.name for entry in dataclasses.fields(Instance) if entry.name != "name"]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise usage(f"instance {name}", f"unknown options: {', '.join(unknown)}", f"use {', '.join(known)}")
    base = recorded or Instance(name, root_path=f"files_{name.rpartition('_')[2]}")
    instance = dataclasses.replace(base, **{key: value for key, value in options.items() if value is not None})
    _check_instance(instance)
    if recorded and recorded.root_path != instance.root_path:
        cause = f"its data lie under {recorded.root_path!r}, not {instance.root_path!r}"
        raise usage(f"instance {name}", cause, "stop the lab with --wipe first, or keep the root path")
    return instance


def _check_instance(instance: Instance) -> None:
    where = f"instance {instance.name}"
    if not re.fullmatch(r"[A-Za-z0-9_-][\w.-]*(/[A-Za-z0-9_-][\w.-]*)*", str(instance.root_path), re.ASCII):
        cause = f"root_path {instance.root_path!r} is not a plain object prefix"
        raise usage(where, cause, "use letters, digits, _ - and inner . and /")
    check_number(f"{where}, port", instance.port)
    if instance.tls_mode not in (0, 1, 2) or isinstance(instance.tls_mode, bool):
        cause = f"tls_mode {instance.tls_mode!r} is not 0, 1 or 2"
        raise usage(where, cause, "choose 0 (off), 1 (server) or 2 (mutual)")
    needed = ("server_cert_path", "server_key_path", "ca_path")[: (0, 2, 3)[instance.tls_mode]]
    for option in needed:
        if not Path(getattr(instance, option)).is_file():
            raise usage(where, f"tls_mode {instance.tls_mode} needs {option}, an existing file", f"set {option}")
    if not isinstance(instance.authorization, bool):
        raise usage(where, f"authorization {instance.authorization!r} is not a boolean", "use true or false")
    if not isinstance(instance.config, Mapping):
        raise usage(where, "config is not a nested mapping of milvus.yaml keys", "give a mapping")
    check_loopback(instance.config, where)


def check_loopback(options: Mapping[str, Any], where: str) -> None:
    """Servers with recorded keys and no patches must not be offered to a network."""
    for key, value in options.items():
        if isinstance(value, Mapping):
            check_loopback(value, f"{where}, {key}")
        elif key in ADDRESS_KEYS and value and not LOOPBACK_ADDRESS.fullmatch(str(value)):
            cause = f"{value} is not a loopback address, and the lab serves only loopback"
            raise usage(f"{where}, {key}", cause, f"use {LOOPBACK}")
