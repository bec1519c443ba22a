# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options, then config_file, then the environment: each fills whole credential units that nothing before it touches."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.config_file import parse_config
from ansible_collections.vectorops.milvus.plugins.module_utils.credentials import (
    effective_options,
    with_config_file,
    with_environment,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store, instance_store

LOGIN = {"MILVUS_USER": "env user", "MILVUS_PASSWORD": "env password"}
INSTANCE = {
    "MILVUS_STORAGE_AUTH_ACCESS_KEY_ID": "env key",
    "MILVUS_STORAGE_AUTH_SECRET_ACCESS_KEY": "env secret",
    "MILVUS_STORAGE_AUTH_SESSION_TOKEN": "env session",
}
BACKUP = {
    "BACKUP_STORAGE_AUTH_ACCESS_KEY_ID": "env backup key",
    "BACKUP_STORAGE_AUTH_SECRET_ACCESS_KEY": "env backup secret",
}
ENVIRONMENT = {**LOGIN, **INSTANCE, **BACKUP, "PATH": "/bin"}

FROM_LOGIN = {"user": "env user", "password": "env password"}
FROM_INSTANCE = {"access_key_id": "env key", "secret_access_key": "env secret", "session_token": "env session"}
FROM_BACKUP = {"backup_access_key_id": "env backup key", "backup_secret_access_key": "env backup secret"}


@pytest.mark.parametrize(
    ("options", "added"),
    [
        ({}, {**FROM_LOGIN, **FROM_INSTANCE, **FROM_BACKUP}),
        ({"user": None, "access_key_id": ""}, {**FROM_LOGIN, **FROM_INSTANCE, **FROM_BACKUP}),
        ({"user": "own"}, {**FROM_INSTANCE, **FROM_BACKUP}),
        ({"password": "own"}, {**FROM_INSTANCE, **FROM_BACKUP}),
        ({"token": "own"}, {**FROM_INSTANCE, **FROM_BACKUP}),
        ({"access_key_id": "own"}, {**FROM_LOGIN, **FROM_BACKUP}),
        ({"secret_access_key": "own"}, {**FROM_LOGIN, **FROM_BACKUP}),
        ({"session_token": "own"}, {**FROM_LOGIN, **FROM_BACKUP}),
        ({"use_iam": True}, {**FROM_LOGIN, **FROM_BACKUP}),
        ({"iam_endpoint": "own"}, {**FROM_LOGIN, **FROM_BACKUP}),
        ({"backup_access_key_id": "own"}, {**FROM_LOGIN, **FROM_INSTANCE}),
        ({"backup_use_iam": True}, {**FROM_LOGIN, **FROM_INSTANCE}),
        # what is no credential keeps nothing out
        ({"address": "a", "bucket_name": "b"}, {**FROM_LOGIN, **FROM_INSTANCE, **FROM_BACKUP}),
    ],
)
def test_units_are_never_mixed(options: dict[str, Any], added: dict[str, str]) -> None:
    assert with_environment(options, ENVIRONMENT) == {**options, **added}


def test_the_options_themselves_are_not_changed() -> None:
    options: dict[str, Any] = {}
    with_environment(options, ENVIRONMENT)
    assert options == {}


def test_an_empty_or_absent_variable_adds_nothing() -> None:
    assert with_environment({}, {"MILVUS_USER": "", "MILVUS_PASSWORD": "p"}) == {"password": "p"}
    assert with_environment({"address": "a"}, {}) == {"address": "a"}


def test_no_iam_is_no_credential() -> None:
    assert with_environment({"use_iam": False}, INSTANCE) == {"use_iam": False, **FROM_INSTANCE}


FILE = """
milvus: {address: file-milvus, port: 1, user: file user, password: file password, authorizationEnabled: true}
minio: {address: file-store, port: 2, accessKeyID: file key, secretAccessKey: file secret, bucketName: b, rootPath: f}
"""
BACKUP_PLACE = """
minio.backupAddress: vault
minio.backupAccessKeyID: vault key
minio.backupSecretAccessKey: vault secret
"""
EMPTY_FILE = "log.level: info"


def effective(options: dict[str, Any], text: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    return effective_options(options, parse_config(text, "backup.yaml"), environment or {})


def test_an_option_wins_over_the_file_one_by_one() -> None:
    merged = effective({"address": "own", "storage_address": "tunnel", "port": None, "storage_use_ssl": False}, FILE)
    assert {name: merged[name] for name in ("address", "port", "storage_address", "storage_port")} == {
        "address": "own",
        "port": 1,
        "storage_address": "tunnel",
        "storage_port": 2,
    }
    assert effective({"storage_use_ssl": False}, "minio.useSSL: true")["storage_use_ssl"] is False


@pytest.mark.parametrize(
    ("options", "text", "environment", "expected"),
    [
        # the file before the environment
        ({}, FILE, ENVIRONMENT, ("file user", "file password", "file key", "file secret")),
        # an option ends the file's unit and the environment's, and only that unit's
        ({"user": "u", "password": "p"}, FILE, ENVIRONMENT, ("u", "p", "file key", "file secret")),
        ({"token": "t"}, FILE, ENVIRONMENT, (None, None, "file key", "file secret")),
        (
            {"access_key_id": "k", "secret_access_key": "s"},
            FILE,
            ENVIRONMENT,
            ("file user", "file password", "k", "s"),
        ),
        # the environment before what milvus-backup takes by itself
        ({}, EMPTY_FILE, ENVIRONMENT, ("env user", "env password", "env key", "env secret")),
        ({}, EMPTY_FILE, {}, (None, None, "minioadmin", "minioadmin")),
        ({"use_iam": True}, EMPTY_FILE, {}, (None, None, None, None)),
        ({}, "minio.useIAM: true", ENVIRONMENT, ("env user", "env password", None, None)),
        # half an option is never completed
        ({"access_key_id": "k"}, FILE, ENVIRONMENT, ("file user", "file password", "k", None)),
        ({"password": "p"}, FILE, ENVIRONMENT, (None, "p", "file key", "file secret")),
    ],
)
def test_credentials_come_whole_from_one_source(
    options: dict[str, Any], text: str, environment: dict[str, str], expected: tuple[str | None, ...]
) -> None:
    merged = effective(options, text, environment)
    assert tuple(merged.get(name) for name in ("user", "password", "access_key_id", "secret_access_key")) == expected


def test_a_login_is_not_switched_off_by_the_file() -> None:
    text = "milvus.authorizationEnabled: false"
    assert effective({}, text)["authorization_enabled"] is False
    assert "authorization_enabled" not in effective({"user": "u", "password": "p"}, text)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("milvus.user: u", "milvus.user"),
        ("minio.secretAccessKey: s", "minio.secretAccessKey"),
        ("minio.backupAccessKeyID: k", "minio.backupAccessKeyID"),
    ],
)
def test_half_a_credential_of_the_file_is_refused_by_its_key(text: str, key: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        effective({}, text, ENVIRONMENT)
    assert (caught.value.kind, caught.value.failure.where) == ("usage", f"backup.yaml: {key}")
    whole = {"user": "u", "password": "p", "access_key_id": "k", "secret_access_key": "s"}
    effective({**whole, "backup_access_key_id": "k", "backup_secret_access_key": "s"}, text)


def test_the_backup_side_of_the_file() -> None:
    side = backup_store(effective({}, FILE + BACKUP_PLACE))
    assert (side.endpoint_url, side.access_key_id, side.bucket, side.root_path) == (
        "http://vault:2",
        "vault key",
        "b",
        "f",
    )


@pytest.mark.parametrize("again", ["", "minio.backupAddress: file-store\nminio.backupPort: '2'\n"])
def test_the_same_place_twice_in_the_file_is_one_place(again: str) -> None:
    """Also where an option moves it: the address inside of a network, and the one that leads there from outside."""
    merged = effective({"storage_address": "tunnel"}, FILE + again)
    own, backup = instance_store(merged), backup_store(merged)
    assert own.endpoint_url == backup.endpoint_url == "http://tunnel:2"
    assert own.same_credentials(backup)


def test_another_endpoint_in_the_file_without_keys_is_refused() -> None:
    with pytest.raises(MilvusOpsError) as caught:
        backup_store(effective({}, FILE + "minio.backupAddress: vault"))
    assert "never sent to another service" in caught.value.failure.cause


def test_another_place_by_option_ends_the_files_place_and_keys() -> None:
    with pytest.raises(MilvusOpsError) as caught:
        backup_store(effective({"backup_storage_address": "elsewhere"}, FILE + BACKUP_PLACE))
    assert "never sent to another service" in caught.value.failure.cause
    keys = {"backup_access_key_id": "k", "backup_secret_access_key": "s"}
    side = backup_store(effective({"backup_storage_address": "elsewhere", **keys}, FILE + BACKUP_PLACE))
    assert (side.endpoint_url, side.access_key_id) == ("http://elsewhere", "k")


def test_the_files_place_spelled_out_or_completed_stays_its_place() -> None:
    options = {"backup_storage_address": "Vault", "backup_storage_ca_path": "/ca"}
    side = backup_store(effective(options, FILE + BACKUP_PLACE))
    assert (side.endpoint_url, side.access_key_id, side.ca_path) == ("http://Vault:2", "vault key", "/ca")


def test_a_place_with_keys_is_not_completed_by_the_file() -> None:
    """As it is handed from another host: there the service has no port, or the one of its scheme."""
    handed = {"backup_storage_address": "Vault", "backup_access_key_id": "k", "backup_secret_access_key": "s"}
    side = backup_store(effective(handed, FILE + BACKUP_PLACE))
    assert (side.endpoint_url, side.access_key_id, side.region) == ("http://Vault", "k", None)
    whole = {**handed, "backup_storage_port": 2, "backup_storage_type": "minio", "backup_storage_use_ssl": False}
    side = backup_store(effective(whole, FILE + BACKUP_PLACE))
    assert (side.endpoint_url, side.access_key_id) == ("http://Vault:2", "k")


def test_without_a_file_only_the_environment_is_asked() -> None:
    assert effective_options({"address": "a"}, None, ENVIRONMENT) == with_environment({"address": "a"}, ENVIRONMENT)
    options: dict[str, Any] = {}
    with_config_file(options, parse_config(FILE, "x"))
    assert options == {}
