# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Milvus standalone server: its configuration, its command and its health."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import platform
import re
import shutil
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .locks import write_private
from .models import Instance, Lab, Server
from .ports import LOOPBACK
from .processes import ProcessIdentity
from .yaml_text import merged, parse_template, to_yaml

RUN_DIRECTORY = Path("/tmp/milvus")
ROLES = ("rootCoord", "queryCoord", "queryNode", "indexNode", "dataCoord", "dataNode")
# A server of the lab must not obey what the caller has set for another one.
FOREIGN_SETTINGS = ("AWS_", "ETCD_", "MILVUS", "MINIO_")
NODE_GAUGES = ("milvus_rootcoord_proxy_num", "milvus_querycoord_querynode_num", "milvus_datacoord_datanode_num")
# Seconds (Milvus's default is 30) until the sessions of a killed run expire, and with it most of the time of a restart.
SESSION_TTL = 10
PORT_NAMES = ("proxy", "proxy_internal", *ROLES, "indexCoord", "etcd", "etcd_peer", "metrics")


def settings(instance: Instance, lab: Lab, ports: Mapping[str, int], folder: Path) -> dict[str, Any]:
    """What the lab sets in milvus.yaml; the instance's own `config` wins over it."""
    own: dict[str, Any] = {role: {"ip": LOOPBACK, "port": ports[role]} for role in ROLES}
    own["proxy"] = {"ip": LOOPBACK, "port": ports["proxy"], "internalPort": ports["proxy_internal"]}
    own["indexCoord"] = {"address": f"{LOOPBACK}:{ports['indexCoord']}", "port": ports["indexCoord"]}
    own["etcd"] = {
        "endpoints": f"{LOOPBACK}:{ports['etcd']}",
        "use": {"embed": True},
        "config": {"path": str(folder / "conf" / "etcd.yaml")},
        "data": {"dir": str(folder / "etcd")},
        "log": {"level": "warn"},
    }
    own["localStorage"] = {"path": str(folder / "local")}
    own["rocksmq"] = {"path": str(folder / "rocksmq")}
    own["log"] = {"level": "warn", "stdout": True, "file": {"rootPath": ""}}
    own["minio"] = {
        "address": LOOPBACK,
        "port": lab.servers["s3"].ports["s3"],
        "accessKeyID": lab.admin.access_key_id,
        "secretAccessKey": lab.admin.secret_access_key,
        "useSSL": False,
        "bucketName": lab.bucket,
        "rootPath": instance.root_path,
    }
    security = {"authorizationEnabled": instance.authorization, "tlsMode": instance.tls_mode}
    own["common"] = {"storageType": "minio", "security": security, "session": {"ttl": SESSION_TTL}}
    if instance.tls_mode:
        paths = (instance.server_cert_path, instance.server_key_path, instance.ca_path)
        own["tls"] = dict(zip(("serverPemPath", "serverKeyPath", "caPemPath"), paths, strict=True))
    return merged(own, instance.config)


def etcd_settings(ports: Mapping[str, int], folder: Path) -> dict[str, Any]:
    client, peer = (f"http://{LOOPBACK}:{ports[name]}" for name in ("etcd", "etcd_peer"))
    return {
        "name": "default",
        "data-dir": str(folder / "etcd"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "log-level": "warn",
    }


def write_configuration(package: Path, instance: Instance, lab: Lab, server: Server, folder: Path) -> str:
    """Write the server's configuration folder; returns its text, so that the caller can tell when it changed."""
    template = parse_template((package / "config.yaml.template").read_text(encoding="utf-8"))
    main = "\n".join(to_yaml(merged(template, settings(instance, lab, server.ports, folder)))) + "\n"
    etcd = json.dumps(etcd_settings(server.ports, folder), indent=2) + "\n"
    write_private(folder / "conf" / "milvus.yaml", main)
    write_private(folder / "conf" / "etcd.yaml", etcd)
    shutil.copyfile(package / "glog.conf", folder / "conf" / "glog.conf")
    return main + etcd


def environment(binaries: Path, server: Server, folder: Path) -> dict[str, str]:
    library_path = "DYLD_LIBRARY_PATH" if platform.system() == "Darwin" else "LD_LIBRARY_PATH"
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_SETTINGS)},
        library_path: str(binaries),
        "DEPLOY_MODE": "STANDALONE",
        "METRICS_PORT": str(server.ports["metrics"]),
        "MILVUSCONF": str(folder / "conf"),
    }


def share_run_directory() -> None:
    """Milvus keeps a file per process in /tmp/milvus and does not start where another user owns that folder."""
    with contextlib.suppress(FileExistsError, PermissionError):
        RUN_DIRECTORY.mkdir()
        RUN_DIRECTORY.chmod(0o1777)


def run_files(process: ProcessIdentity | None) -> list[Path]:
    """The file that a server leaves in the shared folder when it ends."""
    return [RUN_DIRECTORY / f"server_id_{process.pid}"] if process else []


def is_ready(server: Server) -> bool:
    """True when every component reports health and exactly this run's nodes are registered.

    After a restart /healthz says OK long before imports, flushes and queries work: until the sessions of the run before
    expire, the coordinators count its nodes, too, and send them work.
    """
    base = f"http://{LOOPBACK}:{server.ports['metrics']}"
    with contextlib.suppress(OSError, http.client.HTTPException):
        with urllib.request.urlopen(f"{base}/healthz", timeout=10) as answer:
            healthy = answer.read().strip() == b"OK"
        with urllib.request.urlopen(f"{base}/metrics", timeout=10) as answer:
            metrics = answer.read().decode("utf-8")
        return healthy and all(re.search(rf"^{gauge} 1$", metrics, re.MULTILINE) for gauge in NODE_GAUGES)
    return False
