# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an option is not given: from config_file, and credentials, unit by unit, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ._arguments import BACKUP_PREFIX, CREDENTIAL_OPTIONS, SECRET_OPTIONS, is_complete_place
from .config_file import PLACE, ConfigFile
from .errors import usage_error

LOGIN_VARIABLES = {"user": "MILVUS_USER", "password": "MILVUS_PASSWORD"}
LOGIN_OPTIONS = ("user", "password", "token")
STORAGE_VARIABLES = {
    "access_key_id": "AUTH_ACCESS_KEY_ID",
    "secret_access_key": "AUTH_SECRET_ACCESS_KEY",
    "session_token": "AUTH_SESSION_TOKEN",
}
STORAGE_SIDES = {"": "MILVUS_STORAGE_", BACKUP_PREFIX: "BACKUP_STORAGE_"}
LIBRARY_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
"""What the S3 library reads on its own account, where use_iam lets it look for keys."""

ADDRESSES = (
    "address",
    "rest_endpoint",
    "management_endpoint",
    "storage_address",
    "backup_storage_address",
    "iam_endpoint",
)

BACKUP_CREDENTIALS = tuple(BACKUP_PREFIX + name for name in CREDENTIAL_OPTIONS)
PAIRS = (
    ("user", "password"),
    ("access_key_id", "secret_access_key"),
    ("backup_access_key_id", "backup_secret_access_key"),
)


def effective_options(
    options: Mapping[str, Any], config: ConfigFile | None, environment: Mapping[str, str]
) -> dict[str, Any]:
    """The options, completed in this order: config_file, the environment, what milvus-backup takes without either."""
    if config is None:
        return with_environment(options, environment)
    return with_tool_defaults(with_environment(with_config_file(options, config), environment), config)


def with_config_file(options: Mapping[str, Any], config: ConfigFile) -> dict[str, Any]:
    """The options, completed by what the file says; never one half of a credential by the other half of another.

    Options that name another place for backups than the file does end what the file says about that place, its
    credentials included.
    """
    login = (*LOGIN_OPTIONS, "authorization_enabled")
    closed = [unit for unit in (LOGIN_OPTIONS, CREDENTIAL_OPTIONS, BACKUP_CREDENTIALS) if _touched(options, unit)]
    if LOGIN_OPTIONS in closed:
        closed.append(login)
    place = tuple(BACKUP_PREFIX + name for name in PLACE)
    named = {name: options[BACKUP_PREFIX + name] for name in PLACE if _is_given(options.get(BACKUP_PREFIX + name))}
    compared = PLACE if is_complete_place(named, BACKUP_CREDENTIALS in closed) else tuple(named)
    if any(str(named.get(it) or "").lower() != str(config.backup_place[it] or "").lower() for it in compared):
        closed += [place, BACKUP_CREDENTIALS]
    merged = _filled(options, config.options, closed)
    _refuse_half(options, merged, config)
    return merged


def with_tool_defaults(options: Mapping[str, Any], config: ConfigFile) -> dict[str, Any]:
    """The options, completed by what milvus-backup takes for what its file leaves out."""
    return _filled(options, config.defaults, [CREDENTIAL_OPTIONS] if _touched(options, CREDENTIAL_OPTIONS) else [])


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


def secrets_of(options: Mapping[str, Any], environment: Mapping[str, str]) -> set[str]:
    """Every secret that this run may use: of its options, and what libraries take from the environment."""
    secrets = {str(options[name]) for name in SECRET_OPTIONS if options.get(name)}
    if options.get("user") and options.get("password"):
        secrets.add(f"{options['user']}:{options['password']}")  # what is sent, in base64
    if options.get("use_iam") or options.get("backup_use_iam"):
        secrets |= {environment[name] for name in LIBRARY_SECRETS if environment.get(name)}
    for proxy in (name for name in environment if name.lower().endswith("_proxy")):
        secrets |= _login(environment[proxy])
    for address in (options.get(name) for name in ADDRESSES):
        secrets |= _login(str(address or ""))  # it is refused, but Ansible shows what a module was called with
    return secrets


def _login(address: str) -> set[str]:
    """The login in an address, and its password alone."""
    login = address.rpartition("://")[2].partition("/")[0].rpartition("@")[0]
    password = login.partition(":")[2]
    return {login, unquote(login), password, unquote(password)} if password else set()


def _fill(
    merged: dict[str, Any], unit: tuple[str, ...], variables: Mapping[str, str], environment: Mapping[str, str]
) -> None:
    if _touched(merged, unit):
        return
    merged.update({name: environment[variable] for name, variable in variables.items() if environment.get(variable)})


def _filled(options: Mapping[str, Any], values: Mapping[str, Any], closed: list[tuple[str, ...]]) -> dict[str, Any]:
    """The options with values for those that are not given; nothing is added to a unit that is closed."""
    kept_out = {name for unit in closed for name in unit}
    added = {name: value for name, value in values.items() if name not in kept_out and not _is_given(options.get(name))}
    return {**options, **added}


def _refuse_half(options: Mapping[str, Any], merged: Mapping[str, Any], config: ConfigFile) -> None:
    for pair in PAIRS:
        halves = [name for name in pair if _is_given(merged.get(name))]
        if len(halves) == 1 and not _is_given(options.get(halves[0])):
            raise usage_error(
                "reading config_file",
                f"{config.path}: {config.keys[halves[0]]}",
                "half a credential is given",
                "write the other half into the file too, or give both as options: " + " and ".join(pair),
            )


def _touched(options: Mapping[str, Any], unit: tuple[str, ...]) -> bool:
    """Whether anything of a credential is given; a use_iam that is off is none."""
    return any(_is_given(options.get(name)) and options[name] is not False for name in unit)


def _is_given(value: Any) -> bool:
    return value not in (None, "")
