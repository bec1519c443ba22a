#!/usr/bin/python
# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Describe collections of a Milvus instance, down to a checksum over their rows."""

from __future__ import annotations

DOCUMENTATION = r"""
module: milvus_collection_info
short_description: Describe collections of a Milvus instance, down to a checksum over their rows
version_added: 1.0.0
author:
  - The vectorops.milvus authors (@vectorops)
description:
  - Reports schema, partitions, indexes, load state, properties and aliases of collections in a form that is equal for equal
    collections, whatever instance they are on.
  - Counts rows exactly where a collection is loaded, and on request reads every row for a checksum that does not depend on
    their order or on segments. This is what the playbook C(vectorops.milvus.verify) compares. It never writes.
notes:
  - The storage options are ignored by this module.
extends_documentation_fragment:
  - vectorops.milvus.connection
  - vectorops.milvus.storage
  - vectorops.milvus.attributes
  - vectorops.milvus.attributes.action_group
  - vectorops.milvus.attributes.info_module
options:
  collections:
    description:
      - Which collections to describe. C(coll) means a collection of the database C(default), C(db.coll) one of another database,
        C(db.*) all of one database, and C(*.*) everything.
    type: list
    elements: str
    required: true
  checksum:
    description:
      - Read every row and add up a checksum. Takes time and bandwidth in proportion to the data, and needs loaded collections.
    type: bool
    default: false
seealso:
  - module: vectorops.milvus.milvus_info
"""

EXAMPLES = r"""
- name: Describe one collection with a checksum over its rows
  vectorops.milvus.milvus_collection_info:
    address: milvus-a.example.com
    collections: [coll]
    checksum: true

- name: Count the rows of all collections of each instance of the inventory
  vectorops.milvus.milvus_collection_info:
    collections: ['*.*']
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='source') }}"
  register: found

- name: Show them
  ansible.builtin.debug:
    msg: "{{ dict(found.collections | map(attribute='name') | zip(found.collections | map(attribute='rows'))) }}"
"""

RETURN = r"""
collections:
  description: The collections, in order of database and name.
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
    id:
      description: Its id on this server.
      type: int
      returned: always
      sample: 449577000000000010
    schema:
      description: Its schema without its name, as the meta files of a backup write it.
      type: dict
      returned: always
    partitions:
      description: Names of its partitions.
      type: list
      elements: str
      returned: always
      sample: [_default]
    indexes:
      description: Its indexes.
      type: list
      elements: dict
      returned: always
      contains:
        field:
          description: Field that is indexed.
          type: str
          returned: always
          sample: vec
        name:
          description: Name of the index.
          type: str
          returned: always
          sample: vec
        params:
          description: Type, metric and parameters.
          type: dict
          returned: always
          sample: {index_type: IVF_FLAT, metric_type: L2, nlist: '16'}
        state:
          description: State of its build.
          type: str
          returned: always
          sample: Finished
    load_state:
      description: V(Loaded), V(Loading) or V(NotLoad).
      type: str
      returned: always
      sample: Loaded
    shards:
      description: Number of shards.
      type: int
      returned: always
      sample: 1
    consistency_level:
      description: Number of the consistency level, 0 for strong.
      type: int
      returned: always
      sample: 2
    properties:
      description: Properties, without the markers of this collection.
      type: dict
      returned: always
      sample: {collection.ttl.seconds: '864000'}
    aliases:
      description: Aliases.
      type: list
      elements: str
      returned: always
      sample: []
    restored_from:
      description: Id of the backup that it was restored from. Empty if it was not.
      type: str
      returned: always
      sample: ''
    rows:
      description: Number of rows.
      type: int
      returned: always
      sample: 3995
    count_method:
      description:
        - V(count) if the rows are exact. V(statistics) for a collection that is not loaded, which may count deleted rows
          and leaves out rows that are not flushed.
      type: str
      returned: always
      sample: count
    checksum:
      description: Checksum over all rows, or null if it was not asked for or the collection is not loaded.
      type: str
      returned: always
      sample: 90efcdd8f6852575f4ac7ec8a0b7cfed
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
from ..module_utils.milvus import catalog, rows
from ..module_utils.milvus.collection_name import CollectionName
from ..module_utils.milvus.selection import parse_patterns
from ..module_utils.milvus.server import Server, connection_options
from ..module_utils.naming import BACKUP_PROPERTY, is_own_property

SPEC: dict[str, dict[str, Any]] = {
    "collections": {"type": "list", "elements": "str", "required": True},
    "checksum": {"type": "bool", "default": False},
}


def collection_info_action(call: Call) -> dict[str, Any]:
    patterns = parse_patterns(call.options["collections"], "collections")
    with Server(connection_options(call.options)) as server:
        names = catalog.select_on_server(server, patterns)
        return {
            "changed": False,
            "collections": [_describe(server, name, call.options["checksum"]) for name in names],
        }


def _describe(server: Server, name: CollectionName, checksum: bool) -> dict[str, Any]:
    found = catalog.describe_collection(server, name)
    state = catalog.load_state(server, name)
    loaded = state == "Loaded"
    digest = rows.digest(server, name, found.schema) if checksum and loaded else None
    return {
        "database": name.database,
        "name": name.name,
        "id": found.collection_id,
        "schema": {key: value for key, value in found.schema.items() if key != "name"},
        "partitions": [partition.name for partition in catalog.list_partitions(server, name)],
        "indexes": [
            {"field": index.field_name, "name": index.name, "params": dict(index.params), "state": index.state}
            for index in catalog.list_indexes(server, name)
        ],
        "load_state": state,
        "shards": found.shards,
        "consistency_level": found.consistency_level,
        "properties": {key: value for key, value in sorted(found.property_values.items()) if not is_own_property(key)},
        "aliases": list(found.aliases),
        "restored_from": found.property_values.get(BACKUP_PROPERTY, ""),
        "rows": rows.count(server, name) if loaded else catalog.statistics_rows(server, name),
        "count_method": "count" if loaded else "statistics",
        "checksum": digest.checksum if digest else None,
    }


def main() -> None:
    run_module(SPEC, collection_info_action)


if __name__ == "__main__":
    main()
