# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key that a C(backup.yaml) of milvus-backup can have, and the option it stands for, if any.

Keys are dotted and in lower case. Where several keys stand for one option, the first of them that a file has counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ._arguments import BACKUP_PREFIX

V1, V2 = "v1", "v2"
VERSION_KEY = "configversion"
AUTH_TYPE = "auth_type"
"""No option of a module: how a side of a v2 file logs in, from which use_iam follows."""

DEFAULTS = {
    "address": "localhost",
    "port": 19530,
    "storage_type": "minio",
    "storage_address": "localhost",
    "storage_port": 9000,
    "access_key_id": "minioadmin",
    "secret_access_key": "minioadmin",
    "bucket_name": "a-bucket",
    "root_path": "files",
}
"""What milvus-backup takes for what a file leaves out, in both schemas. Its management endpoint is not among them:
another server than the one that the file names could listen there."""

BACKUP_ROOT_PATH = "backup"
EMPTY_ROOT_PATH = "/"


def _v1_backup_root_path(root_path: str | None) -> str:
    """In the old schema backups lie below the root path of the instance; only an empty one leads elsewhere."""
    if root_path == EMPTY_ROOT_PATH:
        return BACKUP_ROOT_PATH
    return str(root_path or DEFAULTS["root_path"])


DEFAULTS_OF_THE_BACKUP_SIDE: Mapping[str, Callable[[str | None], str]] = {
    V1: _v1_backup_root_path,
    V2: lambda _root_path: BACKUP_ROOT_PATH,
}

_V1_STORAGE = {
    "StorageType": "storage_type",
    "Address": "storage_address",
    "Port": "storage_port",
    "Region": "storage_region",
    "UseSSL": "storage_use_ssl",
    "AccessKeyID": "access_key_id",
    "SecretAccessKey": "secret_access_key",
    "Token": "session_token",
    "UseIAM": "use_iam",
    "IamEndpoint": "iam_endpoint",
    "BucketName": "bucket_name",
    "RootPath": "root_path",
}

_V1_OPTIONS = {
    "milvus.address": "address",
    "milvus.port": "port",
    "milvus.user": "user",
    "milvus.password": "password",
    "milvus.authorizationEnabled": "authorization_enabled",
    "milvus.tlsMode": "tls_mode",
    "milvus.caCertPath": "ca_path",
    "milvus.tlsCertPath": "ca_path",
    "milvus.serverName": "server_name",
    "milvus.mtlsCertPath": "client_cert_path",
    "milvus.mtlsKeyPath": "client_key_path",
    "backup.gcPause.address": "management_endpoint",
    "storage.storageType": "storage_type",
    "storage.backupStorageType": "backup_storage_type",
    **{f"minio.{name}": option for name, option in _V1_STORAGE.items()},
    **{f"minio.backup{name}": BACKUP_PREFIX + option for name, option in _V1_STORAGE.items()},
    "minio.cloudProvider": "storage_type",
}

_V1_NOT_APPLICABLE = (
    "log.level",
    "log.console",
    "log.file.filename",
    "log.file.rootPath",
    "log.file.maxSize",
    "log.file.maxDays",
    "log.file.maxBackups",
    "http.enabled",
    "http.debugMode",
    "http.debug_mode",
    "http.simpleResponse",
    "http.swaggerBasePath",
    "cloud.address",
    "cloud.apikey",
    "milvus.rpcChannelName",
    "milvus.etcd.endpoints",
    "milvus.etcd.rootPath",
    "minio.gcpCredentialJSON",
    "minio.backupGcpCredentialJSON",
    "minio.crossStorage",
    "minio.multipartCopyThresholdMiB",
    "backup.maxSegmentGroupSize",
    "backup.parallelism.copydata",
    "backup.parallelism.backupCollection",
    "backup.parallelism.backupSegment",
    "backup.parallelism.restoreCollection",
    "backup.parallelism.importJob",
    "backup.keepTempFiles",
    "backup.gcPause.enable",
    "backup.gcPause.seconds",
)

_V2_STORAGE = {
    "provider": "storage_type",
    "address": "storage_address",
    "port": "storage_port",
    "region": "storage_region",
    "useSSL": "storage_use_ssl",
    "bucketName": "bucket_name",
    "rootPath": "root_path",
    "auth.type": AUTH_TYPE,
    "auth.accessKeyID": "access_key_id",
    "auth.secretAccessKey": "secret_access_key",
    "auth.sessionToken": "session_token",
    "auth.endpoint": "iam_endpoint",
}
_V2_STORAGE_NOT_APPLICABLE = (
    "accountName",
    "sourceSASToken",
    "localPath",
    "milvusAddress",
    "milvusPort",
    "auth.accountKey",
    "auth.credentialsFile",
)

_V2_OPTIONS = {
    "milvus.user": "user",
    "milvus.password": "password",
    "milvus.grpc.address": "address",
    "milvus.grpc.port": "port",
    "milvus.grpc.tlsMode": "tls_mode",
    "milvus.grpc.caCertPath": "ca_path",
    "milvus.grpc.serverName": "server_name",
    "milvus.grpc.mtlsCertPath": "client_cert_path",
    "milvus.grpc.mtlsKeyPath": "client_key_path",
    "milvus.rest.endpoint": "rest_endpoint",
    "milvus.management.endpoint": "management_endpoint",
    **{f"milvus.storage.{name}": option for name, option in _V2_STORAGE.items()},
    **{f"backup.storage.{name}": BACKUP_PREFIX + option for name, option in _V2_STORAGE.items()},
}

_V2_NOT_APPLICABLE = (
    "log.level",
    "log.console",
    "log.file.path",
    "log.file.maxSizeMiB",
    "log.file.maxDays",
    "log.file.maxBackups",
    "server.debugMode",
    "server.swaggerBasePath",
    "milvus.replicate.rpcChannelName",
    "milvus.etcd.endpoints",
    "milvus.etcd.rootPath",
    "backup.concurrency.collections",
    "backup.concurrency.segments",
    "backup.pauseGC",
    "restore.concurrency.collections",
    "restore.concurrency.importJobs",
    "restore.maxSegmentsPerImportJob",
    "restore.keepTempFiles",
    "transfer.mode",
    "transfer.concurrency",
    "transfer.multipartCopyThresholdMiB",
    "zillizCloud.endpoint",
    "zillizCloud.apiKey",
    *(f"{side}.storage.{name}" for side in ("milvus", "backup") for name in _V2_STORAGE_NOT_APPLICABLE),
)


def _lower(options: Mapping[str, str]) -> dict[str, str]:
    return {key.lower(): option for key, option in options.items()}


OPTIONS: Mapping[str, Mapping[str, str]] = {V1: _lower(_V1_OPTIONS), V2: _lower(_V2_OPTIONS)}
NOT_APPLICABLE: Mapping[str, frozenset[str]] = {
    V1: frozenset(key.lower() for key in _V1_NOT_APPLICABLE),
    V2: frozenset(key.lower() for key in _V2_NOT_APPLICABLE),
}
