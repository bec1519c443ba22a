# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safety rules of servers and their lines."""

from __future__ import annotations

from .model import LAB, engine

IMPORT_PHASE = '        with progress.phase("import", label, unit, total) as step:\n'
INDEX_PHASE = '        with progress.phase("index", label, ROWS, (imported.rows or 0) * len(indexes)) as step:\n'
BUILD = "        build_indexes(server, item.staging, wanted_indexes(item.source, request.index), patience, '')\n"
LOAD = "        ddl.load(server, item.staging)\n"

SERVERS = (
    engine(
        "fields get the numbers that imports go by",
        "restore/rules.py",
        "    if order.given_ids != wanted or dropped:",
        "    if False:",
        "restore/test_rules.py",
        short=True,
    ),
    engine(
        "a staging collection without a field that came later is built again",
        "restore/staging.py",
        "        and _has_its_fields(build, plan, staging)\n",
        "",
        "restore/test_bulk_staging.py::test_a_collection_that_lacks_a_field_is_built_again",
    ),
    engine(
        "deletes of level zero reach every segment that they are for",
        "restore/folding.py",
        "            same_place = source.partition_id in (ALL_PARTITIONS, target.partition_id)",
        "            same_place = source.partition_id == target.partition_id",
        "restore/test_folding.py",
        short=True,
    ),
    engine(
        "deletes of level zero take nothing from other partitions",
        "restore/folding.py",
        "            same_place = source.partition_id in (ALL_PARTITIONS, target.partition_id)",
        "            same_place = True",
        "restore/test_folding.py",
    ),
    engine(
        "rows do not expire before they are counted",
        "restore/staging.py",
        "        if key not in TTL_PROPERTIES and is_carried(key)",
        "        if is_carried(key)",
        "restore/test_bulk_properties.py::test_nothing_expires_before_it_is_counted",
    ),
    engine(
        "rows that have expired since an earlier run counted them are not missing",
        "restore/staging.py",
        "    return any(staging.property_values.get(key) for key in TTL_PROPERTIES)",
        "    return False",
        "restore/test_expiry.py",
    ),
    engine(
        "indexes are created after the import",
        "restore/run.py",
        IMPORT_PHASE,
        BUILD + IMPORT_PHASE,
        "restore/test_order_of_steps.py",
    ),
    engine(
        "a collection is loaded after its import",
        "restore/run.py",
        IMPORT_PHASE,
        BUILD + LOAD + IMPORT_PHASE,
        "restore/test_order_of_steps.py",
    ),
    engine(
        "a collection is loaded after its indexes are built",
        "restore/run.py",
        INDEX_PHASE,
        LOAD + INDEX_PHASE,
        "restore/test_order_of_steps.py",
    ),
    engine(
        "a backup is verified before a server sees it",
        "restore/run.py",
        "        verify_backup(place.store,",
        "        lambda: (place.store,",
        LAB + "test_damaged_backups.py",
    ),
    engine(
        "the collection that is renamed away is the one that was planned",
        "restore/replacement.py",
        "    if current is None or current.collection_id != old.collection_id:\n        raise",
        "    if False:\n        raise",
        LAB + "test_restore_existing.py::test_a_target_that_changes_while_its_replacement_is_built_is_not_touched",
    ),
    engine(
        "a source that was compacted away is planned again",
        "backup/run.py",
        "                self._plan(name, None)\n",
        "                pass\n",
        LAB + "test_compaction.py",
    ),
    engine(
        "a snapshot is restored by one job only",
        "restore/snapshot_staging.py",
        "        if len(jobs) <= 1 and",
        "        if True or",
        LAB + "test_snapshots.py::test_a_request_that_arrived_twice_never_doubles_a_row",
    ),
    engine(
        "a create that the server stopped waiting for may have made a job",
        "milvus/rest.py",
        "        if status == BUSY_STATUS:\n",
        "        if status in (BUSY_STATUS, LATE_STATUS):\n",
        "restore/test_bulk_staging.py::test_a_create_without_an_answer_is_found_again",
    ),
    engine(
        "no grant is made of a privilege group that gives other rights here",
        "restore/rbac.py",
        "sorted(wanted - by_other_group)",
        "sorted(wanted)",
        "restore/test_rbac_at_once.py::test_nothing_that_is_there_is_changed",
    ),
    engine(
        "what a snapshot became is taken over for the same collection only",
        "restore/snapshot_staging.py",
        "        if not self._markers().items() <= have.items() or (",
        "        if (",
        LAB + "test_snapshots.py::test_what_a_killed_run_left_is_not_taken_for_another_collection",
    ),
    engine(
        "nobody writes below a backup of snapshots when an export begins",
        "backup/export.py",
        "    if not snapshots.has_snapshot(export.source.server, name, export.snapshot):\n",
        "    if True:\n",
        LAB + "test_snapshots_made.py::test_a_backup_of_snapshots_that_was_killed_is_made_by_the_next_run",
    ),
    engine(
        "what a partial backup holds is not backed up over itself under a new name",
        "backup/source_rules.py",
        "if item.collection_id == collection_id and known != name:",
        "if False:",
        LAB + "test_snapshots_made.py::test_a_collection_that_was_renamed_since_is_not_taken_for_a_missing_one",
    ),
    engine(
        "a complete backup of another request is left alone",
        "backup/create.py",
        "            require_same_request(existing, request, source, place)\n            if not existing.is_partial:",
        "            if not existing.is_partial:",
        LAB + "test_backup_and_restore.py::test_a_complete_backup_of_another_request_is_never_touched",
    ),
    engine(
        "the grants of a replaced collection are made again before it is dropped",
        "restore/replacement.py",
        "    pass_grants_on(server, retired.name, target)\n",
        "",
        "restore/test_grants.py",
    ),
    engine(
        "a rename that comes late is waited for",
        "restore/renaming.py",
        "is_there, seconds)",
        "is_there, 0.0)",
        "restore/test_late_renames.py",
    ),
    engine(
        "a replaced collection is dropped only for the one that was built in its place",
        "restore/replacement.py",
        "    if found.name == target and made_by == wanted:\n",
        "    if True:\n",
        "restore/test_replacement.py",
    ),
    engine(
        "no right of 2.6.12 is asked for on servers whose grants belong to names",
        "restore/grants.py",
        "    if not has(server.version, GRANTS_FOLLOW_RENAME):\n        return ()\n",
        "",
        "restore/test_grants.py",
    ),
    engine(
        "a privilege group that exists is not overwritten",
        "restore/rbac.py",
        "sorted(saved.groups.keys() - now.groups)",
        "sorted(saved.groups.keys())",
        "restore/test_rbac_at_once.py",
    ),
    engine(
        "a flush of everything is waited for",
        "milvus/flush_all.py",
        "    while not server.call(",
        "    while False and server.call(",
        "backup/test_flush_all.py",
    ),
    engine(
        "a call of 2.6.11 is not made where it means something else",
        "milvus/flush_all.py",
        "has(server.version, FLUSH_ALL) and ",
        "",
        "backup/test_flush_all.py",
    ),
    engine(
        "a pause of the garbage collection is given back by a run that fails",
        "backup/run.py",
        "            gc_warning = gc.end()\n",
        "            gc_warning = ''\n",
        "backup/test_gc_pause.py",
    ),
    engine(
        "a database that refuses changes is named before anything is written",
        "restore/databases.py",
        "    require_open(databases.values(), (*CHANGES, READING) if counts else CHANGES, OPERATION)\n",
        "",
        "restore/test_databases.py",
    ),
)
