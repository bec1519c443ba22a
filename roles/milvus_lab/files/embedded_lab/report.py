# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every command answers, and where the files of a lab lie."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from . import object_store
from .models import S3, Instance, Lab
from .ports import LOOPBACK
from .processes import is_alive

LOGS = "logs"
SECRET = "secret_access_key"


def log_path(directory: Path, name: str) -> Path:
    return directory / LOGS / f"{name}.log"


def describe(lab: Lab | None, directory: Path, *, changed: bool) -> dict[str, Any]:
    """The one result of every command; an absent lab has neither store nor instances."""
    result: dict[str, Any] = {"changed": changed, "running": False, "directory": str(directory)}
    if lab is None:
        return {**result, "s3": {}, "identities": [], "instances": {}}
    store = _store(lab, directory)
    instances = {name: _instance(instance, lab, directory) for name, instance in lab.instances.items()}
    identities = [{**dataclasses.asdict(identity), "actions": list(identity.actions)} for identity in lab.identities]
    running = all(server["running"] for server in (store, *instances.values()))
    return {**result, "running": running, "s3": store, "identities": identities, "instances": instances}


def without_secrets(result: dict[str, Any]) -> dict[str, Any]:
    """The same result for callers that keep or show it; the keys are in lab.json and in the inventory."""
    identities = [
        {name: value for name, value in identity.items() if name != SECRET} for identity in result["identities"]
    ]
    store = {name: value for name, value in result["s3"].items() if name != SECRET}
    return {**result, "s3": store, "identities": identities}


def _store(lab: Lab, directory: Path) -> dict[str, Any]:
    port = lab.servers[S3].ports[S3]
    return {
        "address": LOOPBACK,
        "port": port,
        "endpoint": f"http://{LOOPBACK}:{port}",
        "region": object_store.REGION,
        "bucket": lab.bucket,
        "access_key_id": lab.admin.access_key_id,
        "secret_access_key": lab.admin.secret_access_key,
        **_process(S3, lab, directory),
    }


def _instance(instance: Instance, lab: Lab, directory: Path) -> dict[str, Any]:
    ports = lab.servers[instance.name].ports
    return {
        "address": LOOPBACK,
        "port": ports["proxy"],
        "root_path": instance.root_path,
        "metrics_port": ports["metrics"],
        "management_endpoint": f"http://{LOOPBACK}:{ports['metrics']}",
        "authorization": instance.authorization,
        "tls_mode": instance.tls_mode,
        "ca_path": instance.ca_path or instance.server_cert_path,
        **_process(instance.name, lab, directory),
    }


def _process(name: str, lab: Lab, directory: Path) -> dict[str, Any]:
    process = lab.servers[name].process
    running = is_alive(process)
    pid = process.pid if process and running else None
    return {"running": running, "pid": pid, "log": str(log_path(directory, name))}
