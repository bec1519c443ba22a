# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup.yaml of milvus-backup: its YAML, its two sides and their units, and what is refused."""

from __future__ import annotations

import builtins
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.config_file import (
    MAX_BYTES,
    ConfigFile,
    parse_config,
    read_config_file,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.config_keys import V1, V2
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError

SAMPLES = Path(__file__).parent / "samples"
KEYS = {"access_key_id": "k", "secret_access_key": "s"}


def read(text: str, schema: str = V1) -> ConfigFile:
    return parse_config(("configVersion: v2\n" if schema == V2 else "") + text, "backup.yaml")


def refusal(text: str, schema: str = V1) -> MilvusOpsError:
    with pytest.raises(MilvusOpsError) as caught:
        read(text, schema)
    assert caught.value.kind == "usage"
    assert "backup.yaml" in caught.value.failure.where
    assert caught.value.failure.next_step
    return caught.value


def test_keys_know_no_case_and_may_be_nested_or_dotted() -> None:
    nested = read("MILVUS:\n  Address: a\nminio.BUCKETNAME: b\n")
    assert nested.options == {"address": "a", "bucket_name": "b"}
    assert nested.honoured == ("MILVUS.Address", "minio.BUCKETNAME")


def test_null_and_empty_are_unset() -> None:
    config = read(
        "milvus:\n  address: ~\n  user: ''\n  password:\n  port: null\nminio:\n  region: ''\n  bucketName: b\n"
    )
    assert config.options == {"bucket_name": "b"}
    assert config.honoured == ("milvus.user", "minio.bucketName", "minio.region")


def test_the_first_spelling_counts() -> None:
    text = "minio: {cloudProvider: gcp, storageType: s3}\n"
    assert read(text).options["storage_type"] == "s3"
    assert read(text + "storage: {storageType: aws}\n").options["storage_type"] == "aws"
    assert read("milvus: {tlsCertPath: /old, caCertPath: /new}").options == {"ca_path": "/new"}


@pytest.mark.parametrize(
    ("schema", "root_path", "default"),
    [(V1, "", "files"), (V1, "minio.rootPath: f", "f"), (V1, "minio.rootPath: ''", "backup"), (V2, "", "backup")],
)
def test_where_backups_lie_if_the_file_does_not_say(schema: str, root_path: str, default: str) -> None:
    config = read(f"milvus.user: u\n{root_path}\n", schema)
    assert "backup_root_path" not in config.options
    assert config.defaults["backup_root_path"] == default


def test_the_defaults_are_those_of_milvus_backup() -> None:
    assert read("milvus.user: u").defaults == {
        "address": "localhost",
        "port": 19530,
        "storage_type": "minio",
        "storage_address": "localhost",
        "storage_port": 9000,
        "access_key_id": "minioadmin",
        "secret_access_key": "minioadmin",
        "bucket_name": "a-bucket",
        "root_path": "files",
        "backup_root_path": "files",
    }


STORE = "minio: {address: a, port: 1, accessKeyID: k, secretAccessKey: s, bucketName: b, %s}\n"
OWN = {"storage_address": "a", "storage_port": 1, **KEYS, "bucket_name": "b"}


@pytest.mark.parametrize(
    ("backup_side", "emitted"),
    [
        # the same place, keys and bucket again, with what the tool takes by itself spelled out: all is inherited
        ("backupAddress: A, backupPort: '1', backupStorageType: minio, backupUseSSL: false", {}),
        ("backupAccessKeyID: k, backupSecretAccessKey: s, backupUseIAM: false, backupIamEndpoint: x", {}),
        ("backupBucketName: b", {}),
        # another bucket, or other keys, alone
        ("backupBucketName: c", {"bucket_name": "c"}),
        (
            "backupAccessKeyID: k2, backupSecretAccessKey: s2",
            {"access_key_id": "k2", "secret_access_key": "s2"},
        ),
        # another place comes whole, without the instance's keys
        ("backupAddress: z", {"storage_type": "minio", "storage_address": "z", "storage_port": 1}),
        # with keys of its own, be they the same ones
        (
            "backupPort: 2, backupAccessKeyID: k, backupSecretAccessKey: s",
            {"storage_type": "minio", "storage_address": "a", "storage_port": 2, **KEYS},
        ),
        (
            "backupUseSSL: true, backupUseIAM: true, backupAccessKeyID: unused",
            {
                "storage_type": "minio",
                "storage_address": "a",
                "storage_port": 1,
                "storage_use_ssl": True,
                "use_iam": True,
            },
        ),
    ],
)
def test_the_backup_side_comes_in_units(backup_side: str, emitted: dict[str, Any]) -> None:
    backup = {f"backup_{name}": value for name, value in emitted.items()}
    assert read(STORE % backup_side).options == {**OWN, **backup}


def test_switched_off_iam_is_no_credential() -> None:
    """A use_iam that is off, and an endpoint without use, would end the inheritance of the keys."""
    config = read(STORE % "useIAM: false, iamEndpoint: e, backupUseIAM: false")
    assert config.options == OWN
    assert read(STORE % "useIAM: true").options == {
        **{name: value for name, value in OWN.items() if name not in KEYS},
        "use_iam": True,
    }


def test_leaving_iam_needs_keys() -> None:
    error = refusal("minio: {useIAM: true, backupUseIAM: false}")
    assert "does not use IAM" in error.failure.cause
    kept = read(
        "minio: {useIAM: true, iamEndpoint: e, backupUseIAM: false, backupAccessKeyID: k, backupSecretAccessKey: s}"
    )
    assert kept.options == {"use_iam": True, "iam_endpoint": "e", **{f"backup_{name}": KEYS[name] for name in KEYS}}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("milvus.storage.auth: {type: iam, accessKeyID: k}", "milvus.storage.auth.accessKeyID"),
        ("milvus.storage.auth: {type: default, endpoint: e}", "milvus.storage.auth.endpoint"),
        ("milvus.storage.auth: {endpoint: e}", "milvus.storage.auth.endpoint"),
        ("milvus.storage.auth.type: iam\nbackup.storage.auth.sessionToken: t", "backup.storage.auth.sessionToken"),
    ],
)
def test_a_credential_that_the_auth_type_does_not_use_is_refused(text: str, key: str) -> None:
    assert refusal(text, V2).failure.where == f"backup.yaml: {key}"


def test_mutual_tls_without_a_key_pair_is_one_way_in_the_old_schema() -> None:
    assert read("milvus.tlsMode: 2").options == {"tls_mode": "1"}
    assert read("milvus: {tlsMode: '2', mtlsKeyPath: /k}").options["tls_mode"] == "2"
    assert read("milvus.grpc.tlsMode: mutual", V2).options == {"tls_mode": "mutual"}


BAD_VALUES = [
    (V1, "milvus.port: tcp://10.0.0.1:19530", "milvus.port", "'tcp://10.0.0.1:19530' is not a port"),
    (V1, "minio.port: 0", "minio.port", "'0' is not a port"),
    (V1, "minio.port: 65536", "minio.port", "'65536' is not a port"),
    (V1, "minio.port: 9000.0", "minio.port", "is not a port"),
    (V1, "minio.useSSL: yes", "minio.useSSL", "'yes' is none of its values"),
    (V1, "minio.backupUseIAM: on", "minio.backupUseIAM", "'on' is none of its values"),
    (V1, "milvus.tlsMode: 3", "milvus.tlsMode", "'3' is none of its values"),
    (V1, "milvus.tlsMode: server", "milvus.tlsMode", "is none of its values"),
    (V2, "milvus.grpc.tlsMode: 1", "milvus.grpc.tlsMode", "'1' is none of its values"),
    (V2, "milvus.storage.auth.type: magic", "milvus.storage.auth.type", "'magic' is none of its values"),
    (V1, "milvus.password: [CANARY]", "milvus.password", "a list stands"),
    (V1, "milvus.password: !vault CANARY", "milvus.password", "YAML tag"),
    (V1, "milvus.password: !!python/object/apply:os.getcwd []", "milvus.password", "a list stands"),
    (V1, "minio.token: a\nMinIO.Token: b", "MinIO.Token", "twice"),
    (V1, "minio: {address: a}\nminio.address: a", "minio.address", "twice"),
    (V1, "configVersion: v3", "configVersion", "'v3' is not a version"),
    (V1, "milvus.grpc.address: m", "milvus.grpc.address", "belongs to the schema v2"),
    (V2, "minio.address: m", "minio.address", "belongs to the schema v1"),
]


@pytest.mark.parametrize(("schema", "text", "key", "cause"), BAD_VALUES, ids=[row[1][:40] for row in BAD_VALUES])
def test_a_value_that_is_refused_is_named_with_its_key(schema: str, text: str, key: str, cause: str) -> None:
    error = refusal(text, schema)
    assert error.failure.where == f"backup.yaml: {key}"
    assert cause in error.failure.cause
    assert "CANARY" not in str(error)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "holds no settings"),
        ("# nothing\n", "holds no settings"),
        ("milvus:\n", "holds no settings"),
        ("just text", "not a mapping"),
        ("- a\n- b\n", "not a mapping"),
        ("a: b: CANARY", "not valid YAML in line 1"),
        ("milvus:\n  password: 'CANARY\n", "not valid YAML in line 3"),
        ("milvus:\n  password: *CANARY\n", "not valid YAML in line 2"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("milvus: &m {user: u}\nx:\n  <<: *m\n", "merge keys"),
        ("? [a]\n: b\n", "a key is not plain text"),
        ("a: " + "[" * 4000, "nested too deeply"),
        ("a: &a\n  b: *a\n", "nested too deeply"),
    ],
)
def test_a_file_that_is_none(text: str, cause: str) -> None:
    error = refusal(text)
    assert cause in error.failure.cause
    assert "CANARY" not in str(error)


def test_aliases_inside_aliases_end() -> None:
    lines = ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}}}" for n in range(1, 30)]
    assert "more than 5000 values" in refusal("\n".join(lines)).failure.cause


def test_an_unknown_key_is_named() -> None:
    config = read("milvus: {adress: m, user: u}\nother: [1]\n")
    assert config.unknown == ("milvus.adress", "other")
    assert config.options == {"user": "u"}


def test_the_sample_of_the_old_schema() -> None:
    config = read_config_file(str(SAMPLES / "backup-v1.yaml"))
    assert config.schema == V1
    assert config.options == {
        "address": "milvus",
        "port": 19530,
        "authorization_enabled": True,
        "tls_mode": "0",
        "user": "operator",
        "password": "0123",
        "storage_type": "minio",
        "storage_address": "minio",
        "storage_port": 9000,
        "storage_use_ssl": False,
        "access_key_id": "the-key",
        "secret_access_key": "the-secret",
        "bucket_name": "bucket-a",
        "root_path": "files_a",
        "backup_root_path": "backup",
        "management_endpoint": "http://milvus:9091",
    }
    assert config.unknown == ()
    assert "minio.crossStorage" in config.not_applicable


def test_the_sample_of_the_new_schema() -> None:
    config = read_config_file(str(SAMPLES / "backup-v2.yaml"))
    assert config.schema == V2
    assert config.options == {
        "address": "milvus.example.com",
        "port": 443,
        "user": "operator",
        "password": "null",
        "tls_mode": "mutual",
        "ca_path": "/etc/milvus/ca.pem",
        "server_name": "milvus",
        "client_cert_path": "/etc/milvus/client.pem",
        "client_key_path": "/etc/milvus/client.key",
        "rest_endpoint": "https://milvus.example.com",
        "management_endpoint": "http://milvus.example.com:9091",
        "storage_type": "aws",
        "storage_address": "s3.eu-central-1.amazonaws.com",
        "storage_port": 443,
        "storage_region": "eu-central-1",
        "storage_use_ssl": True,
        "use_iam": True,
        "bucket_name": "data",
        "root_path": "files_a",
        "backup_storage_type": "minio",
        "backup_storage_address": "vault.example.com",
        "backup_storage_port": 9000,
        "backup_storage_region": "eu-central-1",  # null is unset, and an unset region is the instance's
        "backup_storage_use_ssl": False,
        "backup_access_key_id": "archive-key",
        "backup_secret_access_key": "archive-secret",
        "backup_bucket_name": "archive",
    }
    assert config.unknown == ()


def test_the_report_names_keys_and_no_value() -> None:
    report = read_config_file(str(SAMPLES / "backup-v1.yaml")).report()
    assert set(report) == {"path", "schema", "honoured", "not_applicable", "unknown"}
    assert "minio.secretAccessKey" in report["honoured"]
    assert "the-secret" not in str(report)
    assert "the-secret" not in repr(read_config_file(str(SAMPLES / "backup-v1.yaml")))


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"x" * (MAX_BYTES + 1), "larger than 256 KiB"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n6162\n", "ansible-vault"),
        (b"milvus: \xff", "not UTF-8 text at byte 8"),
    ],
)
def test_a_file_that_cannot_be_one(tmp_path: Path, content: bytes, cause: str) -> None:
    path = tmp_path / "backup.yaml"
    path.write_bytes(content)
    with pytest.raises(MilvusOpsError) as caught:
        read_config_file(str(path))
    assert caught.value.kind == "usage"
    assert cause in caught.value.failure.cause


def test_a_byte_order_mark_is_no_part_of_a_key(tmp_path: Path) -> None:
    path = tmp_path / "backup.yaml"
    path.write_bytes(b"\xef\xbb\xbfconfigVersion: v2\nmilvus.user: u\n")
    assert read_config_file(str(path)).options == {"user": "u"}


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, cause in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(MilvusOpsError) as caught:
            read_config_file(str(path))
        assert (caught.value.kind, caught.value.failure.where) == ("usage", f"config_file={path}")
        assert cause in caught.value.failure.cause


def test_a_device_is_not_read() -> None:
    with pytest.raises(MilvusOpsError) as caught:
        read_config_file(os.devnull)
    assert "not a regular file" in caught.value.failure.cause


def test_without_pyyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_yaml(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name == "yaml":
            raise ModuleNotFoundError("No module named 'yaml'")
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_yaml)
    with pytest.raises(MilvusOpsError) as caught:
        read("milvus.user: u")
    assert (caught.value.kind, caught.value.failure.where) == ("requirements", "PyYAML")
