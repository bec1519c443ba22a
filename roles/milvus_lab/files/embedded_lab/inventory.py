# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Ansible inventory that describes a lab to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .locks import write_private
from .yaml_text import to_yaml

HEADER = "---\n# Written by the role vectorops.milvus.milvus_lab; it is written anew at each start.\n"
# What a fresh Milvus with authorization accepts.
DEFAULT_USER, DEFAULT_PASSWORD = "root", "Milvus"


def write_inventory(path: Path, result: Mapping[str, Any]) -> bool:
    """Write the inventory; returns whether the file changed."""
    return write_private(path, HEADER + "\n".join(to_yaml(inventory(result))) + "\n")


def inventory(result: Mapping[str, Any]) -> dict[str, Any]:
    store = result["s3"]
    shared = {
        "milvus_address": store["address"],
        "milvus_storage_address": store["address"],
        "milvus_storage_port": store["port"],
        "milvus_storage_use_ssl": False,
        "milvus_bucket_name": store["bucket"],
        "milvus_access_key_id": store["access_key_id"],
        "milvus_secret_access_key": store["secret_access_key"],
    }
    hosts = {name: host_variables(instance) for name, instance in result["instances"].items()}
    return {"milvus": {"hosts": hosts, "vars": shared}}


def host_variables(instance: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        "milvus_port": instance["port"],
        "milvus_root_path": instance["root_path"],
        "milvus_management_endpoint": instance["management_endpoint"],
    }
    if instance["authorization"]:
        values["milvus_authorization_enabled"] = True
        values |= {"milvus_user": DEFAULT_USER, "milvus_password": DEFAULT_PASSWORD}
    if instance["tls_mode"]:
        values |= {"milvus_tls_mode": instance["tls_mode"], "milvus_ca_path": instance["ca_path"]}
    return values
