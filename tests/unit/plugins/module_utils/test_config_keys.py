# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key that a backup.yaml of milvus-backup can have, in both schemas: the options that come of it, or none."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.config_file import parse_config
from ansible_collections.vectorops.milvus.plugins.module_utils.config_keys import NOT_APPLICABLE, OPTIONS, V1, V2

# Every key of the old schema: what to write with it, and the options that come of it; none for what is not applied.
V1_TABLE: list[tuple[str, str, dict[str, Any] | None]] = [
    ("log.level", "debug", None),
    ("log.console", "false", None),
    ("log.file.filename", "x", None),
    ("log.file.rootPath", "x", None),
    ("log.file.maxSize", "1", None),
    ("log.file.maxDays", "1", None),
    ("log.file.maxBackups", "1", None),
    ("http.enabled", "false", None),
    ("http.debugMode", "true", None),
    ("http.debug_mode", "true", None),
    ("http.simpleResponse", "true", None),
    ("http.swaggerBasePath", "x", None),
    ("cloud.address", "https://x", None),
    ("cloud.apikey", "x", None),
    ("milvus.address", "a", {"address": "a"}),
    ("milvus.port", "19531", {"port": 19531}),
    ("milvus.user", "u", {"user": "u"}),
    ("milvus.password", "1e5", {"password": "1e5"}),
    ("milvus.authorizationEnabled", "TRUE", {"authorization_enabled": True}),
    ("milvus.tlsMode", "1", {"tls_mode": "1"}),
    ("milvus.caCertPath", "/ca", {"ca_path": "/ca"}),
    ("milvus.tlsCertPath", "/ca", {"ca_path": "/ca"}),
    ("milvus.serverName", "n", {"server_name": "n"}),
    ("milvus.mtlsCertPath", "/c", {"client_cert_path": "/c"}),
    ("milvus.mtlsKeyPath", "/k", {"client_key_path": "/k"}),
    ("milvus.rpcChannelName", "x", None),
    ("milvus.etcd.endpoints", "a:1,b:2", None),
    ("milvus.etcd.rootPath", "x", None),
    ("storage.storageType", "AWS", {"storage_type": "aws"}),
    ("minio.storageType", "s3", {"storage_type": "s3"}),
    ("minio.cloudProvider", "local", {"storage_type": "local"}),
    ("minio.address", "a", {"storage_address": "a"}),
    ("minio.port", "'9001'", {"storage_port": 9001}),
    ("minio.region", "r", {"storage_region": "r"}),
    ("minio.accessKeyID", "0123", {"access_key_id": "0123"}),
    ("minio.secretAccessKey", "yes", {"secret_access_key": "yes"}),
    ("minio.token", "t", {"session_token": "t"}),
    ("minio.gcpCredentialJSON", "/j", None),
    ("minio.useSSL", "t", {"storage_use_ssl": True}),
    ("minio.bucketName", "b", {"bucket_name": "b"}),
    ("minio.rootPath", "f", {"root_path": "f"}),
    ("minio.useIAM", "1", {"use_iam": True}),
    ("minio.iamEndpoint", "e\nminio.useIAM: true", {"use_iam": True, "iam_endpoint": "e"}),
    ("storage.backupStorageType", "s3", {"backup_storage_type": "s3"}),
    ("minio.backupStorageType", "s3", {"backup_storage_type": "s3"}),
    ("minio.backupAddress", "a", {"backup_storage_address": "a"}),
    ("minio.backupPort", "9001", {"backup_storage_port": 9001}),
    ("minio.backupRegion", "r", {"backup_storage_region": "r"}),
    ("minio.backupAccessKeyID", "k", {"backup_access_key_id": "k"}),
    ("minio.backupSecretAccessKey", "s", {"backup_secret_access_key": "s"}),
    ("minio.backupToken", "t", {"backup_session_token": "t"}),
    ("minio.backupGcpCredentialJSON", "/j", None),
    ("minio.backupUseSSL", "true", {"backup_storage_use_ssl": True}),
    ("minio.backupBucketName", "b", {"backup_bucket_name": "b"}),
    ("minio.backupRootPath", "p", {"backup_root_path": "p"}),
    ("minio.backupUseIAM", "True", {"backup_use_iam": True}),
    (
        "minio.backupIamEndpoint",
        "e\nminio.backupUseIAM: true",
        {"backup_use_iam": True, "backup_iam_endpoint": "e"},
    ),
    ("minio.crossStorage", "true", None),
    ("minio.multipartCopyThresholdMiB", "1", None),
    ("backup.maxSegmentGroupSize", "2G", None),
    ("backup.parallelism.copydata", "1", None),
    ("backup.parallelism.backupCollection", "1", None),
    ("backup.parallelism.backupSegment", "1", None),
    ("backup.parallelism.restoreCollection", "1", None),
    ("backup.parallelism.importJob", "1", None),
    ("backup.keepTempFiles", "true", None),
    ("backup.gcPause.enable", "false", None),
    ("backup.gcPause.seconds", "1", None),
    ("backup.gcPause.address", "http://m:9091", {"management_endpoint": "http://m:9091"}),
]

V2_TABLE: list[tuple[str, str, dict[str, Any] | None]] = [
    ("log.level", "debug", None),
    ("log.console", "false", None),
    ("log.file.path", "x", None),
    ("log.file.maxSizeMiB", "1", None),
    ("log.file.maxDays", "1", None),
    ("log.file.maxBackups", "1", None),
    ("server.debugMode", "true", None),
    ("server.swaggerBasePath", "x", None),
    ("milvus.user", "u", {"user": "u"}),
    ("milvus.password", "p", {"password": "p"}),
    ("milvus.grpc.address", "a", {"address": "a"}),
    ("milvus.grpc.port", "'443'", {"port": 443}),
    ("milvus.grpc.tlsMode", "server", {"tls_mode": "server"}),
    ("milvus.grpc.caCertPath", "/ca", {"ca_path": "/ca"}),
    ("milvus.grpc.serverName", "n", {"server_name": "n"}),
    ("milvus.grpc.mtlsCertPath", "/c", {"client_cert_path": "/c"}),
    ("milvus.grpc.mtlsKeyPath", "/k", {"client_key_path": "/k"}),
    ("milvus.rest.endpoint", "https://m", {"rest_endpoint": "https://m"}),
    ("milvus.management.endpoint", "http://m", {"management_endpoint": "http://m"}),
    ("milvus.replicate.rpcChannelName", "x", None),
    ("milvus.etcd.endpoints", "[a:1, b:2]", None),
    ("milvus.etcd.rootPath", "x", None),
    ("milvus.storage.provider", "S3", {"storage_type": "s3"}),
    ("milvus.storage.address", "a", {"storage_address": "a"}),
    ("milvus.storage.port", "9001", {"storage_port": 9001}),
    ("milvus.storage.region", "r", {"storage_region": "r"}),
    ("milvus.storage.useSSL", "'F'", {"storage_use_ssl": False}),
    ("milvus.storage.accountName", "x", None),
    ("milvus.storage.sourceSASToken", "x", None),
    ("milvus.storage.bucketName", "b", {"bucket_name": "b"}),
    ("milvus.storage.rootPath", "''", {"root_path": "/"}),
    ("milvus.storage.localPath", "x", None),
    ("milvus.storage.milvusAddress", "x", None),
    ("milvus.storage.milvusPort", "1", None),
    ("milvus.storage.auth.type", "default", {"use_iam": True}),
    ("milvus.storage.auth.accessKeyID", "k", {"access_key_id": "k"}),
    ("milvus.storage.auth.secretAccessKey", "s", {"secret_access_key": "s"}),
    ("milvus.storage.auth.sessionToken", "t", {"session_token": "t"}),
    ("milvus.storage.auth.accountKey", "x", None),
    ("milvus.storage.auth.credentialsFile", "x", None),
    (
        "milvus.storage.auth.endpoint",
        "e\nmilvus.storage.auth.type: iam",
        {"use_iam": True, "iam_endpoint": "e"},
    ),
    ("backup.storage.provider", "s3", {"backup_storage_type": "s3"}),
    ("backup.storage.address", "a", {"backup_storage_address": "a"}),
    ("backup.storage.port", "9001", {"backup_storage_port": 9001}),
    ("backup.storage.region", "r", {"backup_storage_region": "r"}),
    ("backup.storage.useSSL", "true", {"backup_storage_use_ssl": True}),
    ("backup.storage.accountName", "x", None),
    ("backup.storage.sourceSASToken", "x", None),
    ("backup.storage.bucketName", "b", {"backup_bucket_name": "b"}),
    ("backup.storage.rootPath", "p", {"backup_root_path": "p"}),
    ("backup.storage.localPath", "x", None),
    ("backup.storage.milvusAddress", "x", None),
    ("backup.storage.milvusPort", "1", None),
    ("backup.storage.auth.type", "iam", {"backup_use_iam": True}),
    ("backup.storage.auth.accessKeyID", "k", {"backup_access_key_id": "k"}),
    ("backup.storage.auth.secretAccessKey", "s", {"backup_secret_access_key": "s"}),
    ("backup.storage.auth.sessionToken", "t", {"backup_session_token": "t"}),
    ("backup.storage.auth.accountKey", "x", None),
    ("backup.storage.auth.credentialsFile", "x", None),
    (
        "backup.storage.auth.endpoint",
        "e\nbackup.storage.auth.type: iam",
        {"backup_use_iam": True, "backup_iam_endpoint": "e"},
    ),
    ("backup.concurrency.collections", "1", None),
    ("backup.concurrency.segments", "1", None),
    ("backup.pauseGC", "false", None),
    ("restore.concurrency.collections", "1", None),
    ("restore.concurrency.importJobs", "1", None),
    ("restore.maxSegmentsPerImportJob", "1", None),
    ("restore.keepTempFiles", "true", None),
    ("transfer.mode", "direct", None),
    ("transfer.concurrency", "1", None),
    ("transfer.multipartCopyThresholdMiB", "1", None),
    ("zillizCloud.endpoint", "https://x", None),
    ("zillizCloud.apiKey", "x", None),
]
TABLES = {V1: V1_TABLE, V2: V2_TABLE}
ROWS = [(schema, *row) for schema, table in TABLES.items() for row in table]


@pytest.mark.parametrize("schema", [V1, V2])
def test_the_tables_are_whole(schema: str) -> None:
    keys = [key.lower() for key, _unused, _unused in TABLES[schema]]
    assert len(keys) == len(set(keys))
    assert {key.lower() for key, _unused, options in TABLES[schema] if options is not None} == set(OPTIONS[schema])
    assert {key.lower() for key, _unused, options in TABLES[schema] if options is None} == NOT_APPLICABLE[schema]


@pytest.mark.parametrize(("schema", "key", "value", "options"), ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS])
def test_a_key(schema: str, key: str, value: str, options: dict[str, Any] | None) -> None:
    """It is named as it is written, and gives its options; a place that differs in one thing comes with the rest."""
    first = "configVersion: v2\n" if schema == V2 else ""
    config = parse_config(f"{first}{key}: {value}\n", "backup.yaml")
    assert config.schema == schema
    assert config.unknown == ()
    if options is None:
        assert (config.not_applicable, config.honoured, config.options) == ((key,), (), {})
        return
    assert key in config.honoured
    assert config.not_applicable == ()
    extra = {name for name in config.options.keys() - options.keys() if not name.startswith("backup_storage_")}
    assert extra == set()
    assert {name: config.options[name] for name in options} == options
