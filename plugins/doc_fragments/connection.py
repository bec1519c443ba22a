# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say how to reach one Milvus instance."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  config_file:
    description:
      - Path of a C(backup.yaml) of milvus-backup, on the host where the module runs. The connection and storage options
        that are not given are taken from it. Needs PyYAML there.
      - Both schemas are read, the old one and the one that begins with C(configVersion=v2). Keys know no upper and lower
        case, null is unset, and so is an empty text, except for a root path.
      - An option that is given wins over the file, and credentials are taken as a whole from one source. Their order is
        options, this file, the environment.
      - What the file leaves out is what milvus-backup takes for it, so C(localhost) and C(19530) for the instance,
        C(localhost) and C(9000) for its storage, C(minioadmin) for both keys, C(a-bucket) and C(files). Backups lie below
        C(backup) in the new schema. In the old one they lie below the root path of the instance, unless
        C(minio.backupRootPath) says otherwise.
      - The backup side inherits in the units that O(backup_storage_type) and O(backup_access_key_id) describe. What the
        file says of it counts as inherited where it is the same as what it says of the instance. Where options name
        another place for backups than the file, the place and the keys for backups in the file are not used.
      - Keys that tune or serve milvus-backup itself are not applied. The result names them all in C(config_file), as
        C(honoured), C(not_applicable) and C(unknown), and the last ones cause a warning.
    type: path
  address:
    description:
      - Host name or IP address of the Milvus instance (in C(backup.yaml) of milvus-backup, C(milvus.address)).
      - Required wherever an instance is called, unless O(config_file) is given. There is no default on purpose.
    type: str
  port:
    description:
      - Port of the instance's gRPC endpoint. V(19530) if unset.
    type: int
  user:
    description:
      - User to log in with. Goes with O(password).
      - If O(user), O(password) and O(token) are all unset, the environment variables E(MILVUS_USER) and
        E(MILVUS_PASSWORD) are used where the module runs.
    type: str
  password:
    description:
      - Password of O(user).
    type: str
  token:
    description:
      - Token to log in with, instead of O(user) and O(password).
    type: str
  authorization_enabled:
    description:
      - Whether the instance asks for a login. If unset, a login is sent when one is given.
      - V(false) sends none, even if one is given. V(true) without a login is an error.
    type: bool
  tls_mode:
    description:
      - V(disabled) or V(0) for plain connections, V(server) or V(1) to verify the server's certificate,
        V(mutual) or V(2) to present O(client_cert_path) too. V(disabled) if unset.
    type: str
    choices: ['0', '1', '2', disabled, server, mutual]
  ca_path:
    description:
      - File with the certificate authority that signs the server's certificate. If unset, gRPC's own list is used.
    type: path
  server_name:
    description:
      - Name to expect in the server's certificate, where it differs from O(address).
    type: str
  client_cert_path:
    description:
      - File with the client certificate for mutual TLS.
    type: path
  client_key_path:
    description:
      - File with the private key of O(client_cert_path).
    type: path
  rest_endpoint:
    description:
      - URL of the REST endpoint, such as V(https://milvus-a.example.com:19530). Imports into servers from 2.4 on go there.
        If unset, it is O(address) and O(port), where a server answers gRPC and REST alike.
      - A certificate is verified with O(ca_path), the login is that of gRPC, and O(client_cert_path) is presented
        with O(tls_mode=mutual).
    type: str
  management_endpoint:
    description:
      - URL of the management endpoint, such as V(http://milvus-a.example.com:9091). It is used to pause the garbage
        collection of the server during a backup, and ignored otherwise.
    type: str
  timeout:
    description:
      - Seconds to wait for the answer to one call. Long operations, such as an import, have limits of their own.
    type: int
    default: 30
"""
