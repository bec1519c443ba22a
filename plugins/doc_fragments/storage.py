# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say where an instance keeps its data, and where backups lie."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  storage_type:
    description:
      - Kind of object storage of the instance. This release implements V(minio), V(s3) and V(aws), which are all
        S3 services, and V(local), a folder; V(minio) if unset. Any other value is refused by name.
      - V(local) is for a server with C(common.storageType) V(local). The module must see its folder under the same path
        as the server does, so run it there. Address, credentials and bucket of this side are then ignored.
    type: str
  storage_address:
    description:
      - Host name or IP address of the object storage service. Can be left out for Amazon S3 only.
      - Amazon's buckets are asked for by host name (C(bucket.s3.region.amazonaws.com)), those of other services by path
        (C(host/bucket)), as the server itself does.
    type: str
  storage_port:
    description:
      - Port of the object storage service. If unset, the port of the scheme.
    type: int
  storage_region:
    description:
      - Region of the bucket.
    type: str
  storage_use_ssl:
    description:
      - Whether the service is reached by HTTPS. V(false) if unset, as in Milvus.
    type: bool
  storage_ca_path:
    description:
      - File with the certificate authority that signs the service's certificate.
    type: path
  access_key_id:
    description:
      - Key id for the object storage of the instance.
      - If the whole credential unit is unset, the environment variables E(MILVUS_STORAGE_AUTH_ACCESS_KEY_ID),
        E(MILVUS_STORAGE_AUTH_SECRET_ACCESS_KEY) and E(MILVUS_STORAGE_AUTH_SESSION_TOKEN) are used where the module runs.
    type: str
  secret_access_key:
    description:
      - Secret that goes with O(access_key_id).
    type: str
  session_token:
    description:
      - Session token, where O(access_key_id) is a temporary one.
    type: str
  use_iam:
    description:
      - Take the credentials from the chain of boto3 (instance role, web identity, profile) instead of options.
    type: bool
  iam_endpoint:
    description:
      - Endpoint of the IAM service. Accepted so that the settings of an instance can be given as they are;
        boto3 finds its endpoint itself.
    type: str
  bucket_name:
    description:
      - Bucket of the instance (C(minio.bucketName) of Milvus). It is never created by this collection.
    type: str
  root_path:
    description:
      - Root path of the instance in its bucket (C(minio.rootPath) of Milvus). It is proven against the server before
        anything is written.
      - With O(storage_type=local), the absolute path of its folder (C(localStorage.path) of Milvus).
    type: str
  backup_storage_type:
    description:
      - Kind of object storage that backups lie in. The place (type, address, port, region, use of SSL, CA) is inherited
        from the instance as a whole. If any of these options differs from the instance's, none is inherited, and the
        instance's credentials are not sent there.
      - Together with credentials for it, a place that has an address, or is Amazon's, is complete as it is. What it leaves out,
        such as the port, has its default, and not the value of the instance.
      - V(local) is a folder of the host where the module runs, whatever the kind of the instance's own storage.
    type: str
  backup_storage_address:
    description:
      - Host name or IP address of the object storage service. Can be left out for Amazon S3 only.
    type: str
  backup_storage_port:
    description:
      - Port of the object storage service. If unset, the port of the scheme.
    type: int
  backup_storage_region:
    description:
      - Region of the bucket.
    type: str
  backup_storage_use_ssl:
    description:
      - Whether the service is reached by HTTPS. V(false) if unset, as in Milvus.
    type: bool
  backup_storage_ca_path:
    description:
      - File with the certificate authority that signs the service's certificate.
    type: path
  backup_access_key_id:
    description:
      - Key id for the object storage of backups. The credentials are inherited from the instance as a whole. Giving one
        of these options ends it for all of them.
      - If the whole credential unit is unset, the environment variables E(BACKUP_STORAGE_AUTH_ACCESS_KEY_ID),
        E(BACKUP_STORAGE_AUTH_SECRET_ACCESS_KEY) and E(BACKUP_STORAGE_AUTH_SESSION_TOKEN) are used where the module runs.
    type: str
  backup_secret_access_key:
    description:
      - Secret that goes with O(backup_access_key_id).
    type: str
  backup_session_token:
    description:
      - Session token, where O(backup_access_key_id) is a temporary one.
    type: str
  backup_use_iam:
    description:
      - Take the credentials from the chain of boto3 (instance role, web identity, profile) instead of options.
    type: bool
  backup_iam_endpoint:
    description:
      - Endpoint of the IAM service. Accepted so that the settings of an instance can be given as they are;
        boto3 finds its endpoint itself.
    type: str
  backup_bucket_name:
    description:
      - Bucket that backups lie in. If unset, the bucket of the instance.
    type: str
  backup_root_path:
    description:
      - Folder of the bucket that backups lie in. V(backup) if unset.
      - With O(backup_storage_type=local), also if that is inherited, it is required. It is the absolute path of a folder
        that exists where the module runs. It is never created, so that a disk that is not mounted is not mistaken for it.
        Links are not followed below it, and its file system must have hard links.
    type: str
"""
