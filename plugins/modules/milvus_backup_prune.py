#!/usr/bin/python
# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove the backups that a policy does not keep."""

from __future__ import annotations

DOCUMENTATION = r"""
module: milvus_backup_prune
short_description: Remove the backups that a policy does not keep
version_added: 1.0.0
author:
  - The vectorops.milvus authors (@vectorops)
description:
  - Applies a policy to the backups below O(backup_root_path) whose names match O(name_pattern), and removes those that no
    rule keeps, oldest first.
  - A backup stays if any rule keeps it. Days, ISO weeks and months are those of UTC, and the newest backup of each stands
    for it. Periods without a backup do not count.
  - The newest good backup of each group is never removed, whatever the policy says. See O(group_by).
  - Rules count complete and readable backups only, and those that they keep are verified first, see O(verify). So a broken,
    damaged or unfinished one never pushes out a good one.
  - Only keys that a listing of the backup's folder names are removed, the commit object first, under the lock of the
    backup. A backup that another run works on, or that is being restored from, is left alone.
  - In check mode it goes the same way, and RV(removed) is exactly what the real run would remove.
  - It needs the storage options only. No instance is called.
extends_documentation_fragment:
  - vectorops.milvus.connection
  - vectorops.milvus.storage
  - vectorops.milvus.attributes
  - vectorops.milvus.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name_pattern:
    description:
      - Glob of the names of the backups that the policy is for, such as C(nightly_*). V(*) is every backup of the place.
      - There is no default on purpose.
    type: str
    required: true
  keep_last:
    description:
      - Keep this many of the newest backups.
    type: int
  keep_daily:
    description:
      - Keep the newest backup of each day, for this many of the last days that have one.
    type: int
  keep_weekly:
    description:
      - Keep the newest backup of each ISO week, for this many of the last weeks that have one.
    type: int
  keep_monthly:
    description:
      - Keep the newest backup of each month, for this many of the last months that have one.
    type: int
  keep_within:
    description:
      - Keep every backup that is older than the newest one by no more than this, such as V(12h), V(7d) or V(2w).
      - It is measured from the newest backup and not from now, so nothing more is removed where backups have stopped.
    type: str
  group_by:
    description:
      - The policy is applied to each group of backups by itself. V(source) makes a group of those of one instance (its
        storage and root path), V(collections) of those of one selection. So instances that share a place do not
        push out each other's backups.
      - With V([]) all backups that match are one group.
    type: list
    elements: str
    choices: [source, collections]
    default: [source, collections]
  verify:
    description:
      - How the backups that a rule keeps are verified before anything is removed, as in
        M(vectorops.milvus.milvus_backup_info). If one is damaged, the rules are applied again without it.
      - V(size) and V(etag) take one listing for each backup that is kept. V(none) trusts the metadata.
    type: str
    choices: [none, size, etag, content]
    default: etag
  unfinished:
    description:
      - Also remove unfinished backups of this collection that no run works on and that are older than
        O(unfinished_older_than). Unfinished ones of other tools are always left alone.
    type: bool
    default: false
  unfinished_older_than:
    description:
      - How long an unfinished backup must have shown no sign of life, such as V(12h) or V(2d).
    type: str
    default: 1d
  force_foreign:
    description:
      - Also count and remove complete backups that another tool wrote. By default they are left alone, and take no
        place in the rules.
    type: bool
    default: false
notes:
  - The age of a backup goes by the clock of the object storage. A date that a backup claims for itself counts only as
    far as it is not later than the store's own, so a forged or future date makes no backup newer than it is.
  - Backups that are partial, broken, damaged or of an unknown format do not count and are never removed, but named in RV(skipped_backups). Use
    M(vectorops.milvus.milvus_backup) with C(state=absent) for them.
  - Nothing is removed if the policy keeps nothing, which is an error.
seealso:
  - module: vectorops.milvus.milvus_backup
  - module: vectorops.milvus.milvus_backup_info
"""

EXAMPLES = r"""
- name: Keep a week of days, a month of weeks and a year of months
  vectorops.milvus.milvus_backup_prune:
    storage_address: minio.example.com
    storage_port: 9000
    access_key_id: "{{ access_key_id }}"
    secret_access_key: "{{ secret_access_key }}"
    bucket_name: bucket-a
    name_pattern: nightly_*
    keep_daily: 7
    keep_weekly: 4
    keep_monthly: 12

# The place of the backups is named in full, so nothing of an instance is needed.
- name: Keep ten backups of each instance and selection, in a bucket of another store
  vectorops.milvus.milvus_backup_prune:
    backup_storage_type: aws
    backup_storage_region: eu-central-1
    backup_access_key_id: "{{ vault_key_id }}"
    backup_secret_access_key: "{{ vault_secret_key }}"
    backup_bucket_name: milvus-backups
    backup_root_path: team_a
    name_pattern: '*'
    keep_last: 10

- name: Show what would go
  vectorops.milvus.milvus_backup_prune:
    name_pattern: '*'
    keep_within: 14d
    keep_last: 3
    unfinished: true
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='source') }}"
  check_mode: true
  diff: true
"""

RETURN = r"""
kept:
  description: The backups that the policy keeps, newest first.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: always
      sample: nightly_20261122
    state:
      description: Its state, as in M(vectorops.milvus.milvus_backup_info).
      type: str
      returned: always
      sample: complete
    foreign:
      description: Whether another tool wrote it.
      type: bool
      returned: always
    created:
      description: When it was completed, in Unix seconds.
      type: int
      returned: always
      sample: 1795352740
    created_at:
      description: The same as text, in UTC.
      type: str
      returned: always
      sample: '2026-11-22T13:05:40Z'
    group:
      description: What it is kept and removed together with, by O(group_by).
      type: str
      returned: always
      sample: http://127.0.0.1:9000/bucket-a/files_a; coll
    rules:
      description: Every rule that keeps it.
      type: list
      elements: str
      returned: always
      sample: [newest, daily 2026-11-22, weekly 2026-W47]
removed:
  description:
    - The backups that were removed, or would be in check mode, oldest first. Each with C(name), C(state), C(foreign),
      C(created), C(created_at) and C(group) as in RV(kept), and the following.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: always
      sample: nightly_20261001
    objects:
      description: Number of its objects, control objects included.
      type: int
      returned: always
      sample: 23
    bytes:
      description: Their size.
      type: int
      returned: always
      sample: 361007
skipped_backups:
  description:
    - The other backups that match, which were left alone. Each with the values of RV(kept) but C(rules), and the reason.
      The state C(damaged) means that it is complete and O(verify) found a fault with it.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: always
      sample: nightly_20261003
    state:
      description: Its state.
      type: str
      returned: always
      sample: unfinished
    reason:
      description: Why it was left alone.
      type: str
      returned: always
      sample: "it was begun and never finished: it has no meta/full_meta.json; see unfinished"
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
      sample: permission
    operation:
      description: What was attempted.
      type: str
      returned: always
      sample: deleting in the object storage
    where:
      description: The object, collection, option or host it is about.
      type: str
      returned: always
      sample: http://127.0.0.1:9000/bucket-a/backup/nightly_20261001/meta/full_meta.json
    cause:
      description: Why it failed.
      type: str
      returned: always
      sample: "AccessDenied: Access Denied."
    state_left:
      description: What is left behind.
      type: str
      returned: always
      sample: "nothing was written; backups removed before: none"
    next_step:
      description: What to do.
      type: str
      returned: always
      sample: give this key the right to do it on this bucket and prefix
    retryable:
      description: Whether the same task may succeed when it is run again without a change.
      type: bool
      returned: always
"""

from typing import Any

from ..module_utils._module import Call, run_module, text_diff
from ..module_utils.backup.inventory import Place
from ..module_utils.backup.layout import BackupLayout
from ..module_utils.backup.listing_report import prune_result, prune_text
from ..module_utils.backup.prune import GROUPINGS, PruneRequest, execute_prune, plan_prune
from ..module_utils.backup.retention import make_policy, parse_duration
from ..module_utils.backup.verify import LEVELS
from ..module_utils.errors import usage_error
from ..module_utils.store.base import WriteScope
from ..module_utils.store.config import backup_store
from ..module_utils.store.open import open_store

NONE = "none"

SPEC: dict[str, dict[str, Any]] = {
    "name_pattern": {"type": "str", "required": True},
    "keep_last": {"type": "int"},
    "keep_daily": {"type": "int"},
    "keep_weekly": {"type": "int"},
    "keep_monthly": {"type": "int"},
    "keep_within": {"type": "str"},
    "group_by": {"type": "list", "elements": "str", "choices": list(GROUPINGS), "default": list(GROUPINGS)},
    "verify": {"type": "str", "choices": [NONE, *LEVELS], "default": "etag"},
    "unfinished": {"type": "bool", "default": False},
    "unfinished_older_than": {"type": "str", "default": "1d"},
    "force_foreign": {"type": "bool", "default": False},
}


def prune_action(call: Call) -> dict[str, Any]:
    request = _request(call)
    config = backup_store(call.options)
    reader = open_store(config)

    def layout_of(name: str) -> BackupLayout:
        return BackupLayout(config.root_path, name)

    def to_remove(name: str) -> Place:
        layout = layout_of(name)
        return Place(open_store(config, WriteScope((layout.directory,))), layout)

    plan = plan_prune(Place(reader, layout_of("")), lambda name: Place(reader, layout_of(name)), request)
    pruned = execute_prune(plan, to_remove, force_foreign=request.force_foreign, check_mode=call.check_mode)
    before, after = prune_text(pruned, removed=False), prune_text(pruned, removed=True)
    return {
        "changed": bool(pruned.removed),
        **prune_result(pruned),
        "diff": text_diff(before, after, f"backups in {reader.label}/{config.root_path}"),
    }


def _request(call: Call) -> PruneRequest:
    options = call.options
    pattern = options["name_pattern"].strip()
    if not pattern:
        raise usage_error("reading the policy", "name_pattern", "it is empty", "name a glob; '*' is every backup")
    policy = make_policy(
        options["keep_last"],
        options["keep_daily"],
        options["keep_weekly"],
        options["keep_monthly"],
        options["keep_within"] or "",
    )
    age = parse_duration(options["unfinished_older_than"], "unfinished_older_than")
    return PruneRequest(
        pattern=pattern,
        policy=policy,
        group_by=tuple(options["group_by"]),
        verify=None if options["verify"] == NONE else options["verify"],
        unfinished_age=age if options["unfinished"] else None,
        force_foreign=options["force_foreign"],
    )


def main() -> None:
    run_module(SPEC, prune_action)


if __name__ == "__main__":
    main()
