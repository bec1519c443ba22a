# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials from the environment, unit by unit: where a task names none of a unit, the environment may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._arguments import BACKUP_PREFIX, CREDENTIAL_OPTIONS

LOGIN_VARIABLES = {"user": "MILVUS_USER", "password": "MILVUS_PASSWORD"}
LOGIN_OPTIONS = ("user", "password", "token")
STORAGE_VARIABLES = {
    "access_key_id": "AUTH_ACCESS_KEY_ID",
    "secret_access_key": "AUTH_SECRET_ACCESS_KEY",
    "session_token": "AUTH_SESSION_TOKEN",
}
STORAGE_SIDES = {"": "MILVUS_STORAGE_", BACKUP_PREFIX: "BACKUP_STORAGE_"}


def with_environment(options: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """The options, with each credential unit that is entirely unset taken from the environment.

    The names are milvus-backup's (reference: milvus-backup 2.4). Never option by option: a user of the task and a
    password of the environment do not belong together.
    """
    merged = dict(options)
    _fill(merged, LOGIN_OPTIONS, LOGIN_VARIABLES, environment)
    for prefix, variable_prefix in STORAGE_SIDES.items():
        unit = tuple(prefix + name for name in CREDENTIAL_OPTIONS)
        variables = {prefix + name: variable_prefix + suffix for name, suffix in STORAGE_VARIABLES.items()}
        _fill(merged, unit, variables, environment)
    return merged


def _fill(
    merged: dict[str, Any], unit: tuple[str, ...], variables: Mapping[str, str], environment: Mapping[str, str]
) -> None:
    if any(merged.get(name) not in (None, "") for name in unit):
        return
    merged.update({name: environment[variable] for name, variable in variables.items() if environment.get(variable)})
