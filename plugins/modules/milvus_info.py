#!/usr/bin/python
# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a Milvus instance and its object storage before work on them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: milvus_info
short_description: Check a Milvus instance and its object storage before work on them
version_added: 1.0.0
author:
  - The vectorops.milvus authors (@vectorops)
description:
  - Connects to an instance and to its object storage with the same options as the other modules, and reports what is there.
  - Proves that bucket and root path are those of the server. This is the preflight of a migration. It never writes.
extends_documentation_fragment:
  - vectorops.milvus.connection
  - vectorops.milvus.storage
  - vectorops.milvus.attributes
  - vectorops.milvus.attributes.action_group
  - vectorops.milvus.attributes.info_module
options:
  require_root_path:
    description:
      - Fail when the root path does not match the server, that is when RV(root_path_proof=mismatch).
    type: bool
    default: true
seealso:
  - module: vectorops.milvus.milvus_backup
  - module: vectorops.milvus.milvus_collection_info
"""

EXAMPLES = r"""
# One bucket with a root path for each instance: this one keeps its data in bucket-a/files_a.
- name: Check one instance
  vectorops.milvus.milvus_info:
    address: milvus-a.example.com
    storage_address: minio.example.com
    storage_port: 9000
    access_key_id: "{{ access_key_id }}"
    secret_access_key: "{{ secret_access_key }}"
    bucket_name: bucket-a
    root_path: files_a

- name: Check every instance of the inventory
  vectorops.milvus.milvus_info:
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='source') }}"
  register: instance

- name: Show the proof
  ansible.builtin.debug:
    var: instance.root_path_proof

- name: See which root paths a bucket has, when that of an instance is not known
  vectorops.milvus.milvus_info:
    require_root_path: false
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='source') }}"
  register: looked

- name: Name them
  ansible.builtin.debug:
    var: looked.root_paths_found
"""

RETURN = r"""
version:
  description: Version of the server.
  returned: success
  type: str
  sample: v2.3.5
supported:
  description: Whether this release works with servers of this version.
  returned: success
  type: bool
databases:
  description: Databases of the instance.
  returned: success
  type: list
  elements: str
  sample: [default]
collections:
  description: Collections of the instance.
  returned: success
  type: list
  elements: dict
  contains:
    database:
      description: Database of the collection.
      type: str
      returned: always
      sample: default
    name:
      description: Name of the collection.
      type: str
      returned: always
      sample: coll
    rows:
      description: Rows by the statistics of the server, without rows that are not flushed, and with deleted ones.
      type: int
      returned: always
      sample: 4000
    staging:
      description: Whether it is a staging collection, or one to be dropped, of a restore that is under way or was interrupted.
      type: bool
      returned: always
bucket:
  description: Bucket of the instance.
  returned: success
  type: str
  sample: bucket-a
root_path:
  description: Root path of the instance.
  returned: success
  type: str
  sample: files_a
root_path_proof:
  description:
    - V(proven) if a segment with rows on the server has its objects below the root path.
    - V(mismatch) if it has none there.
    - V(empty_instance) if the server has no stored rows, so that nothing can be proven.
  returned: success
  type: str
  sample: proven
root_paths_found:
  description: Root paths in the bucket that hold Milvus data, searched only when the proof is not V(proven).
  returned: success
  type: list
  elements: str
  sample: []
backup_bucket:
  description: Bucket that backups of this instance lie in.
  returned: success
  type: str
  sample: bucket-a
backup_root_path:
  description: Folder that backups of this instance lie in.
  returned: success
  type: str
  sample: backup
backups:
  description: Names of the folders there.
  returned: success
  type: list
  elements: str
  sample: [my_backup]
config_file:
  description: What was read of O(config_file), by the names of its keys. Values are never shown.
  returned: when O(config_file) is given
  type: dict
  contains:
    path:
      description: Its path.
      type: str
      returned: always
      sample: /etc/milvus-backup/backup.yaml
    schema:
      description: V(v1) for the old schema, V(v2) for the new one.
      type: str
      returned: always
      sample: v2
    honoured:
      description: Keys that stand for an option. An option that is given wins over them.
      type: list
      elements: str
      returned: always
      sample: [milvus.grpc.address, milvus.storage.rootPath]
    not_applicable:
      description: Keys that concern milvus-backup itself.
      type: list
      elements: str
      returned: always
      sample: [log.level]
    unknown:
      description: Keys that milvus-backup does not know either.
      type: list
      elements: str
      returned: always
      sample: []
failure:
  description: What went wrong, for programs. The text for people is in RV(ignore:msg).
  returned: failure
  type: dict
  contains:
    kind:
      description: The kind of failure, such as V(usage), V(root_path), V(name_in_use), V(credentials) or V(lock_held).
      type: str
      returned: always
      sample: root_path
    operation:
      description: What was attempted.
      type: str
      returned: always
      sample: proving the root path
    where:
      description: The object, collection, option or host it is about.
      type: str
      returned: always
      sample: http://127.0.0.1:9000/bucket-a/files_x/insert_log/1/2/3/
    cause:
      description: Why it failed.
      type: str
      returned: always
      sample: the server has rows in a segment whose prefix is empty here
    state_left:
      description: What is left behind.
      type: str
      returned: always
      sample: nothing was written
    next_step:
      description: What to do.
      type: str
      returned: always
      sample: set root_path and bucket_name to minio.rootPath and minio.bucketName of this server
    retryable:
      description: Whether the same task may succeed when it is run again without a change.
      type: bool
      returned: always
"""

from typing import Any

from ..module_utils._module import Call, run_module
from ..module_utils.backup.inventory import Place, backup_names
from ..module_utils.backup.layout import BackupLayout, InstanceLayout
from ..module_utils.backup.root_path import MISMATCH, PROVEN, prove_root_path, root_path_error, root_paths_in
from ..module_utils.milvus import catalog
from ..module_utils.milvus.collection_name import CollectionName
from ..module_utils.milvus.features import defects, is_supported
from ..module_utils.milvus.server import Server, connection_options
from ..module_utils.naming import is_in_passing
from ..module_utils.store.config import backup_store, instance_store
from ..module_utils.store.open import open_store

SPEC: dict[str, dict[str, Any]] = {"require_root_path": {"type": "bool", "default": True}}


def info_action(call: Call) -> dict[str, Any]:
    options = call.options
    connection, instance, config = connection_options(options), instance_store(options), backup_store(options)
    store, layout = open_store(instance), InstanceLayout(instance.root_path)
    place = Place(open_store(config), BackupLayout(config.root_path, ""))
    with Server(connection) as server:
        databases = catalog.list_databases(server)
        names = [name for database in databases for name in catalog.list_collections(server, database)]
        proof, prefix = prove_root_path(server, store, layout, names)
        if proof == MISMATCH and options["require_root_path"]:
            raise root_path_error(store, layout, prefix)
        return {
            "changed": False,
            "version": server.version,
            "supported": is_supported(server.version),
            "databases": databases,
            "collections": [_collection(server, name) for name in names],
            "bucket": instance.bucket,
            "root_path": instance.root_path,
            "root_path_proof": proof,
            "root_paths_found": [] if proof == PROVEN else root_paths_in(store),
            "backup_bucket": config.bucket,
            "backup_root_path": config.root_path,
            "backups": backup_names(place),
            "warnings": defects(server.version),
        }


def _collection(server: Server, name: CollectionName) -> dict[str, Any]:
    described = catalog.describe_collection(server, name)
    return {
        "database": name.database,
        "name": name.name,
        "rows": catalog.statistics_rows(server, name),
        "staging": is_in_passing(name.name, described.property_values),
    }


def main() -> None:
    run_module(SPEC, info_action)


if __name__ == "__main__":
    main()
