# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request and the recorded lab to the lab that is wanted; touches nothing but port probes."""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
import re
import secrets
from collections.abc import Iterable

from . import milvus_server, object_store
from .errors import usage
from .models import (
    DEFAULT_BUCKET,
    DEFAULT_INSTANCES,
    S3,
    Identity,
    Instance,
    Lab,
    LabConfig,
    Server,
    configure_instance,
)
from .ports import LOOPBACK, check_number, pick_block


def check_request(config: LabConfig) -> None:
    """What can be said about a request without knowing the lab."""
    try:
        loopback = config.address == "localhost" or ipaddress.ip_address(config.address) == ipaddress.ip_address(
            LOOPBACK
        )
    except ValueError:
        loopback = False
    if not loopback:
        raise usage("address", f"{config.address!r}: the lab serves only loopback", f"use {LOOPBACK}")
    if config.bucket is not None and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", config.bucket):
        cause = f"{config.bucket!r} is no S3 bucket name"
        raise usage("bucket", cause, "use 3 to 63 small letters, digits, dots and hyphens")
    for name in ("access_key_id", "secret_access_key"):
        value = getattr(config, name)
        if value is not None and not (isinstance(value, str) and re.fullmatch(r"[!-~]{3,128}", value)):
            raise usage(name, "it is not a string of 3 to 128 printable characters without blanks", "choose another")
    check_number("s3_port", config.s3_port)


def wanted_lab(config: LabConfig, recorded: Lab | None) -> Lab:
    """The recorded lab, or a new one, with the request laid over it; new servers have no ports yet."""
    base = recorded or new_lab()
    if recorded and config.bucket not in (None, recorded.bucket):
        cause = f"its data lie in bucket {recorded.bucket!r}, not {config.bucket!r}"
        raise usage(f"the lab in {config.directory}", cause, "stop the lab with --wipe first, or keep the bucket")
    instances = dict(base.instances)
    for name, options in (config.instances or {name: {} for name in instances or DEFAULT_INSTANCES}).items():
        if name != S3:
            instances[name] = configure_instance(name, options, instances.get(name))
    check_root_paths(instances.values())
    lab = Lab(
        bucket=config.bucket or base.bucket,
        admin=dataclasses.replace(
            base.admin,
            access_key_id=config.access_key_id or base.admin.access_key_id,
            secret_access_key=config.secret_access_key or base.admin.secret_access_key,
        ),
        identities=base.identities if config.identities is None else config.identities,
        instances=instances,
        servers=base.servers,
    )
    for name, (main, port) in requested_ports(lab, config).items():
        if port and name in lab.servers:
            server = lab.servers[name]
            lab = lab.with_server(name, dataclasses.replace(server, ports={**server.ports, main: port}))
    return lab


def new_lab() -> Lab:
    admin = Identity("lab-admin", f"LAB{secrets.token_hex(8).upper()}", secrets.token_hex(20), ("Admin",))
    return Lab(DEFAULT_BUCKET, admin, (), {}, {})


def check_root_paths(instances: Iterable[Instance]) -> None:
    """Two servers under one root path destroy each other's data; so do nested ones."""
    paths = sorted((f"{instance.root_path}/", instance.name) for instance in instances)
    for (path, name), (below, other) in itertools.pairwise(paths):
        if below.startswith(path):
            cause = f"its root path {below!r} lies in that of {name}, {path!r}"
            raise usage(f"instance {other}", cause, "give each instance its own root path")


def requested_ports(lab: Lab, config: LabConfig) -> dict[str, tuple[str, int | None]]:
    """For each server the name of the port that its clients use, and the number asked for."""
    instances = {name: ("proxy", instance.port) for name, instance in lab.instances.items()}
    return {S3: (S3, config.s3_port), **instances}


def lacks_ports(lab: Lab) -> bool:
    return set(lab.servers) != {S3, *lab.instances}


def with_ports(lab: Lab, config: LabConfig) -> Lab:
    """Give a block of ports to every server that has none yet."""
    requested = requested_ports(lab, config)
    for name, (main, port) in requested.items():
        if name in lab.servers:
            continue
        names = object_store.PORT_NAMES if name == S3 else milvus_server.PORT_NAMES
        avoid = {used for server in lab.servers.values() for used in server.ports.values()}
        ports = pick_block(names, avoid | {number for _unused, number in requested.values() if number})
        lab = lab.with_server(name, Server({**ports, main: port or ports[main]}))
    return lab
