# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lookup makes of the values of one host; that it reads the right host is tested by real playbooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.lookup.instance import (
    credentials_from_environment,
    host_options,
    select_part,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError

Options = dict[str, Any]

ENVIRONMENT = {
    "MILVUS_SOURCE_USER": "source user",
    "MILVUS_SOURCE_PASSWORD": "source password",
    "MILVUS_SOURCE_ACCESS_KEY_ID": "source key",
    "MILVUS_SOURCE_SECRET_ACCESS_KEY": "source secret",
    "MILVUS_TARGET_TOKEN": "target token",
    "MILVUS_BACKUP_STORE_ACCESS_KEY_ID": "backup key",
    "MILVUS_BACKUP_STORE_SECRET_ACCESS_KEY": "backup secret",
    "MILVUS_BACKUP_STORE_SESSION_TOKEN": "",
}
SOURCE_LOGIN = {"user": "source user", "password": "source password"}
SOURCE_KEYS = {"access_key_id": "source key", "secret_access_key": "source secret"}
BACKUP_KEYS = {"backup_access_key_id": "backup key", "backup_secret_access_key": "backup secret"}


@pytest.mark.parametrize(
    ("options", "side", "added"),
    [
        ({}, "source", {**SOURCE_LOGIN, **SOURCE_KEYS, **BACKUP_KEYS}),
        ({}, "target", {"token": "target token", **BACKUP_KEYS}),
        # one value of a set keeps the environment out of the whole set: never half of one and half of the other
        ({"user": "own"}, "source", {**SOURCE_KEYS, **BACKUP_KEYS}),
        ({"token": "own"}, "source", {**SOURCE_KEYS, **BACKUP_KEYS}),
        ({"password": "no"}, "source", {**SOURCE_KEYS, **BACKUP_KEYS}),
        ({"access_key_id": "own"}, "source", {**SOURCE_LOGIN, **BACKUP_KEYS}),
        ({"session_token": "own"}, "source", {**SOURCE_LOGIN, **BACKUP_KEYS}),
        ({"backup_secret_access_key": "own"}, "source", {**SOURCE_LOGIN, **SOURCE_KEYS}),
        # identity by role instead of keys
        ({"use_iam": True}, "source", {**SOURCE_LOGIN, **BACKUP_KEYS}),
        ({"use_iam": True, "backup_use_iam": True}, "source", SOURCE_LOGIN),
        ({"use_iam": False, "backup_use_iam": False}, "source", {**SOURCE_LOGIN, **SOURCE_KEYS, **BACKUP_KEYS}),
        # what is no credential keeps nothing out
        ({"address": "x", "bucket_name": "b"}, "target", {"token": "target token", **BACKUP_KEYS}),
    ],
)
def test_environment_serves_whole_sets_of_one_side(options: Options, side: str, added: Options) -> None:
    assert credentials_from_environment(options, side, ENVIRONMENT) == added


OWN = {
    "address": "Milvus-A",
    "password": "p",
    "storage_address": "Store",
    "storage_port": 9000,
    "access_key_id": "key",
    "secret_access_key": "secret",
    "bucket_name": "bucket",
    "root_path": "/files_A/",
}
OWN_AS_BACKUP = {
    "backup_storage_address": "Store",
    "backup_storage_port": 9000,
    "backup_access_key_id": "key",
    "backup_secret_access_key": "secret",
    "backup_bucket_name": "bucket",
    "backup_root_path": "backup",
}
ELSEWHERE = {
    "backup_storage_address": "vault",
    "backup_access_key_id": "other key",
    "backup_secret_access_key": "other secret",
}


def test_without_a_part_the_options_are_as_the_host_has_them() -> None:
    options = {**OWN, **ELSEWHERE}
    assert select_part(options, None) == options


def test_the_instance_comes_without_its_backup_side() -> None:
    assert select_part({**OWN, **ELSEWHERE, "backup_root_path": "x"}, "instance") == OWN


@pytest.mark.parametrize(
    ("extra", "resolved"),
    [
        ({}, OWN_AS_BACKUP),
        ({"backup_bucket_name": "archive"}, {**OWN_AS_BACKUP, "backup_bucket_name": "archive"}),
        ({"backup_root_path": "x/y"}, {**OWN_AS_BACKUP, "backup_root_path": "x/y"}),
        (ELSEWHERE, {**ELSEWHERE, "backup_bucket_name": "bucket", "backup_root_path": "backup"}),
    ],
)
def test_the_backup_side_is_resolved_and_complete(extra: Options, resolved: Options) -> None:
    assert select_part({**OWN, **extra}, "backup") == resolved


@pytest.mark.parametrize("extra", [{"backup_storage_address": "vault"}, {"backup_access_key_id": "half"}])
def test_a_backup_side_that_cannot_be_resolved_is_refused(extra: Options) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        select_part({**OWN, **extra}, "backup")
    assert caught.value.kind == "usage"
    assert "secret" not in str(caught.value).replace("secret_access_key", "")


@pytest.mark.parametrize(
    ("options", "identity"),
    [
        (OWN, ("milvus-a:19530", "store:9000/bucket/files_A", "store:9000/bucket/backup")),
        (
            {**OWN, "address": "MILVUS-A", "port": "19531"},
            ("milvus-a:19531", "store:9000/bucket/files_A", "store:9000/bucket/backup"),
        ),
        ({**OWN, "root_path": "files_A"}, ("milvus-a:19530", "store:9000/bucket/files_A", "store:9000/bucket/backup")),
        ({**OWN, **ELSEWHERE}, ("milvus-a:19530", "store:9000/bucket/files_A", "vault/bucket/backup")),
        # one bucket name in two services is two places
        (
            {**OWN, "storage_address": "Other"},
            ("milvus-a:19530", "other:9000/bucket/files_A", "other:9000/bucket/backup"),
        ),
        ({"storage_type": "aws", "bucket_name": "b"}, ("", "aws/b", "aws/b/backup")),
        # the backup side of a target is not used, so what is wrong with it is not said here
        ({**OWN, "backup_storage_address": "vault"}, ("milvus-a:19530", "store:9000/bucket/files_A", "")),
        ({}, ("", "", "")),
    ],
)
def test_identity_is_comparable_and_without_secrets(options: Options, identity: tuple[str, str, str]) -> None:
    assert select_part(options, "identity") == dict(zip(("milvus", "data", "backup"), identity, strict=True))


CONFIG = """
milvus: {address: Milvus-A, user: u, password: p}
minio: {address: store, port: 9000, accessKeyID: key, secretAccessKey: secret, bucketName: bucket, rootPath: files_A}
"""


@pytest.fixture
def config_file(tmp_path: Path) -> str:
    path = tmp_path / "backup.yaml"
    path.write_text(CONFIG)
    return str(path)


def test_a_config_file_is_handed_to_the_module(config_file: str) -> None:
    """Its credentials keep the environment out of their units, and of no other."""
    options = {"config_file": config_file, "backup_root_path": "x"}
    assert host_options(options, "source", None, ENVIRONMENT) == {**options, **BACKUP_KEYS}
    assert host_options(options, "source", "instance", ENVIRONMENT) == {"config_file": config_file}


def test_the_backup_side_is_made_from_a_config_file(config_file: str) -> None:
    resolved = host_options({"config_file": config_file, "storage_address": "tunnel"}, "source", "backup", {})
    assert resolved == {
        "backup_storage_type": "minio",
        "backup_storage_address": "tunnel",
        "backup_storage_port": 9000,
        "backup_access_key_id": "key",
        "backup_secret_access_key": "secret",
        "backup_bucket_name": "bucket",
        "backup_root_path": "files_A",
    }


def test_the_identity_is_made_from_a_config_file(config_file: str) -> None:
    assert host_options({"config_file": config_file}, "target", "identity", {}) == {
        "milvus": "milvus-a:19530",
        "data": "store:9000/bucket/files_A",
        "backup": "store:9000/bucket/files_A",
    }


def test_a_config_file_of_another_machine(tmp_path: Path) -> None:
    """Where the backup side depends on it, it is needed here; elsewhere the module will read it, or refuse it."""
    options = {"config_file": str(tmp_path / "none"), "address": "a"}
    assert host_options(options, "source", None, ENVIRONMENT) == {
        **options,
        **SOURCE_LOGIN,
        **SOURCE_KEYS,
        **BACKUP_KEYS,
    }
    assert host_options(options, "source", "identity", {}) == {"milvus": "a:19530", "data": "", "backup": ""}
    with pytest.raises(MilvusOpsError) as caught:
        host_options(options, "source", "backup", {})
    assert caught.value.failure.where == f"config_file={tmp_path / 'none'}"


def test_what_the_modules_take_from_the_environment_counts_for_the_backup_side() -> None:
    environment = {"BACKUP_STORAGE_AUTH_ACCESS_KEY_ID": "k", "BACKUP_STORAGE_AUTH_SECRET_ACCESS_KEY": "s"}
    found = host_options({**OWN, "backup_storage_address": "vault"}, "source", "backup", environment)
    assert (found["backup_storage_address"], found["backup_access_key_id"]) == ("vault", "k")
