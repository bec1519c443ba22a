# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection and storage options that every module of the action group takes (fragments C(connection), C(storage)).

No defaults live here for the storage side: an unset option must stay unset, so that the backup side can inherit it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

DEFAULT_PORT = 19530
"""No default of the option: a port that is not given may come from config_file."""

TLS_MODES = ["0", "1", "2", "disabled", "server", "mutual"]

_HOST = re.compile(r"[^\s/\\@?#]+")

PLACE_OPTIONS = (
    "storage_type",
    "storage_address",
    "storage_port",
    "storage_region",
    "storage_use_ssl",
    "storage_ca_path",
)
CREDENTIAL_OPTIONS = ("access_key_id", "secret_access_key", "session_token", "use_iam", "iam_endpoint")
BACKUP_PREFIX = "backup_"

CONNECTION_SPEC: dict[str, dict[str, Any]] = {
    "config_file": {"type": "path"},
    "address": {"type": "str"},
    "port": {"type": "int"},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "token": {"type": "str", "no_log": True},
    "authorization_enabled": {"type": "bool"},
    "tls_mode": {"type": "str", "choices": TLS_MODES},
    "ca_path": {"type": "path"},
    "server_name": {"type": "str"},
    "client_cert_path": {"type": "path"},
    "client_key_path": {"type": "path"},
    "rest_endpoint": {"type": "str"},
    "management_endpoint": {"type": "str"},
    "timeout": {"type": "int", "default": 30},
}


def _storage_side(prefix: str) -> dict[str, dict[str, Any]]:
    return {
        f"{prefix}storage_type": {"type": "str"},
        f"{prefix}storage_address": {"type": "str"},
        f"{prefix}storage_port": {"type": "int"},
        f"{prefix}storage_region": {"type": "str"},
        f"{prefix}storage_use_ssl": {"type": "bool"},
        f"{prefix}storage_ca_path": {"type": "path"},
        f"{prefix}access_key_id": {"type": "str", "no_log": False},
        f"{prefix}secret_access_key": {"type": "str", "no_log": True},
        f"{prefix}session_token": {"type": "str", "no_log": True},
        f"{prefix}use_iam": {"type": "bool"},
        f"{prefix}iam_endpoint": {"type": "str"},
        f"{prefix}bucket_name": {"type": "str"},
        f"{prefix}root_path": {"type": "str"},
    }


STORAGE_SPEC: dict[str, dict[str, Any]] = {**_storage_side(""), **_storage_side(BACKUP_PREFIX)}

SECRET_OPTIONS = tuple(
    name for spec in (CONNECTION_SPEC, STORAGE_SPEC) for name, option in spec.items() if option.get("no_log") is True
)


def group_spec() -> dict[str, dict[str, Any]]:
    """Both fragments in full: every module of the action group takes them, so that group defaults always fit."""
    return {**CONNECTION_SPEC, **STORAGE_SPEC}


def is_host(address: str) -> bool:
    """Whether an address is a name or number alone. Parts of a URL may be a login, and an address is shown."""
    return _HOST.fullmatch(address) is not None


def is_complete_place(place: Mapping[str, object], has_credentials: bool) -> bool:
    """Whether a place of backups can be reached by what is given alone: an address, or that it is Amazon's, and keys.

    The names are those of the instance's side. What a complete place leaves out has its default.
    """
    amazon = str(place.get("storage_type") or "minio").strip().lower() != "minio"
    return has_credentials and bool(amazon or place.get("storage_address"))
