# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say how to reach one Milvus instance."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  address:
    description:
      - Host name or IP address of the Milvus instance (in C(backup.yaml) of milvus-backup, C(milvus.address)).
      - Required wherever an instance is called. There is no default on purpose.
    type: str
  port:
    description:
      - Port of the instance's gRPC endpoint.
    type: int
    default: 19530
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
        V(mutual) or V(2) to present O(client_cert_path) too.
    type: str
    choices: ['0', '1', '2', disabled, server, mutual]
    default: disabled
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
      - URL of the REST endpoint. Reserved for servers from 2.4 on; ignored by this release.
    type: str
  management_endpoint:
    description:
      - URL of the management endpoint. Reserved for servers from 2.4 on; ignored by this release.
    type: str
  timeout:
    description:
      - Seconds to wait for the answer to one call. Long operations, such as an import, have limits of their own.
    type: int
    default: 30
"""
