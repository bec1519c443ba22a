# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safety rules, each with a break of it and the tests that must notice: the table of mutation_check.py."""

from __future__ import annotations

from dataclasses import dataclass

ENGINE = "plugins/module_utils/"
UNIT = "tests/unit/plugins/module_utils/"
LAB = "tests/integration/"


@dataclass(frozen=True)
class Mutant:
    """C(old) stands exactly once in C(file) and is replaced by C(new); C(test) must then be red.

    C(short) are those that make test tries; all that need no servers take two minutes.
    """

    rule: str
    file: str
    old: str
    new: str
    test: str
    short: bool = False


def _engine(rule: str, file: str, old: str, new: str, test: str, *, short: bool = False) -> Mutant:
    return Mutant(rule, ENGINE + file, old, new, test if test.startswith("tests/") else UNIT + test, short)


BACKUP = (
    _engine(
        "full_meta.json, the commit, is written last",
        "backup/commit.py",
        "order = [*level_files, COMMIT_FILE] if",
        "order = [COMMIT_FILE, *level_files] if",
        "backup/test_commit.py",
        short=True,
    ),
    _engine(
        "a partial backup changes hands by its commit alone",
        "backup/commit.py",
        "header_name=HEADER_NAME if previous is None else NEXT_HEADER_NAME",
        "header_name=HEADER_NAME",
        "backup/test_commit.py",
    ),
    _engine(
        "the lock is proven by compare-and-swap before the commit",
        "backup/commit.py",
        "        self.lock.renew()\n",
        "",
        "backup/test_commit.py",
        short=True,
    ),
    _engine(
        "a lock is created once",
        "backup/lock.py",
        "_encode(mine), if_absent=True)",
        "_encode(mine))",
        "backup/test_lock.py",
        short=True,
    ),
    _engine(
        "a lock is stolen only when both clocks call it stale",
        "backup/lock.py",
        "(stale_in_store and stale_by_writer)",
        "(stale_in_store or stale_by_writer)",
        "backup/test_lock.py",
    ),
    _engine(
        "a process on another host is never called dead",
        "backup/lock.py",
        "if not self.boot_id or (self.host, self.boot_id, self.namespace) != "
        "(here.host, here.boot_id, here.namespace):",
        "if False:",
        "backup/test_lock.py",
    ),
    _engine(
        "a lock that cannot be read counts as held",
        "backup/lock.py",
        "    if holder is None:\n        return False\n    stale_in_store",
        "    if holder is None:\n        return True\n    stale_in_store",
        "backup/test_lock.py",
    ),
    _engine(
        "an object that is there counts by size and ETag, not by its name",
        "backup/transfer.py",
        "have.holds_the_same_as(want.size, want.etag)",
        "have.size >= 0",
        "backup/test_transfer.py",
        short=True,
    ),
    _engine(
        "a plan is carried out only when a listing shows just that",
        "backup/transfer.py",
        "            if survey.clean:\n",
        "            if not survey.lacking:\n",
        "backup/test_transfer.py",
    ),
    _engine(
        "the list of objects is checked against its digest",
        "backup/integrity.py",
        "stored is None or digest(stored.body) != sha256",
        "stored is None",
        "backup/test_integrity.py",
    ),
    _engine(
        "a name has no two dots",
        "backup/layout.py",
        ' and ".." not in name',
        "",
        "backup/test_layout.py",
        short=True,
    ),
    _engine(
        "a name is a whole name",
        "backup/layout.py",
        "pattern.fullmatch(name)",
        "pattern.match(name)",
        "backup/test_layout.py",
    ),
    _engine(
        "what another tool wrote is not removed unasked",
        "backup/remove.py",
        "    if not ours and not force_foreign:",
        "    if False:",
        "backup/test_remove.py",
        short=True,
    ),
    _engine(
        "a removal begins with the commit and ends with the plan",
        "backup/remove.py",
        "    yield [key for key in keys if key in commits]\n",
        "",
        "backup/test_remove.py",
        short=True,
    ),
    _engine(
        "a backup that is restored from is not removed",
        "backup/in_use.py",
        "    if restores:\n",
        "    if False:\n",
        "backup/test_remove.py",
    ),
)

STORE = (
    _engine(
        "If-None-Match is sent",
        "store/s3.py",
        'condition["if-none-match"] = "*"',
        "pass",
        "store/test_s3_conditions.py",
        short=True,
    ),
    _engine(
        "If-Match is sent",
        "store/s3.py",
        'condition["if-match"] = f\'"{if_etag}"\'',
        "pass",
        "store/test_s3_conditions.py",
    ),
    _engine(
        "a copy is pinned to the planned ETag",
        "store/s3_parts.py",
        'return {"x-amz-copy-source-if-match": pin.etag} if pin.etag else {}',
        "return {}",
        "store/test_s3_conditions.py",
        short=True,
    ),
    _engine(
        "a key outside the prefixes of a run is refused",
        "store/base.py",
        "if clean and prefix is not None:",
        "if prefix is not None:",
        "store/test_base.py",
        short=True,
    ),
    _engine(
        "a prefix that is no folder permits nothing",
        "store/base.py",
        'if item.endswith("/") and item != "/")',
        "if item)",
        "store/test_base.py",
    ),
    _engine(
        "every deletion passes the guard of prefixes",
        "store/s3.py",
        "            for key in batch:\n                self._scope.require(key)\n",
        "",
        "store/test_s3_conditions.py",
        short=True,
    ),
    _engine(
        "every copy passes the guard of prefixes",
        "store/s3.py",
        "        self._scope.require(key)\n        pin = ",
        "        pin = ",
        "store/test_s3_conditions.py",
    ),
    _engine(
        "two digests that differ are two objects",
        "store/base.py",
        "(not comparable or self.etag == etag)",
        "True",
        "store/test_base.py",
    ),
    _engine(
        "a listing of which a page is missing is no listing",
        "store/s3.py",
        'if page.truncated and not page.token and "max-keys" not in query:',
        "if False:",
        "store/test_s3_service.py",
    ),
)

RESTORE = (
    _engine(
        "a job of a killed run is adopted, not submitted again",
        "restore/staging.py",
        "        if files not in running:\n",
        "        if True:\n",
        "restore/test_staging.py",
        short=True,
    ),
    _engine(
        "a staging collection with a job in doubt is built again",
        "restore/staging.py",
        " or len(set(found)) != len(found)",
        "",
        "restore/test_staging.py",
    ),
    _engine(
        "a failed job poisons its staging collection",
        "restore/staging.py",
        "any(job.failed for job in jobs) or None in found",
        "None in found",
        "restore/test_staging.py",
    ),
    _engine(
        "a staging collection is ours by its markers, not by its name",
        "restore/staging.py",
        "    if not is_staging(plan.staging.name, staging.property_values):",
        "    if False:",
        "restore/test_staging.py",
        short=True,
    ),
    _engine(
        "imported rows are compared with the backup",
        "restore/staging.py",
        "    if not build.request.meta_only:\n        _require_rows(",
        "    if False:\n        _require_rows(",
        "restore/test_staging.py",
        short=True,
    ),
    _engine(
        "as many jobs ran as were planned",
        "restore/staging.py",
        "    _require_one_job_each(server, plan, staging)\n    _prove",
        "    _prove",
        "restore/test_staging.py",
    ),
    _engine(
        "what the server wrote proves its root path",
        "restore/staging.py",
        "    _prove_root_path(build.destination, plan, staging, jobs)\n    return",
        "    return",
        "restore/test_staging.py",
    ),
    _engine(
        "a collection that no restore made is not replaced by replace_restored",
        "restore/plan.py",
        "(if_exists == REPLACE_RESTORED and made_by)",
        "if_exists == REPLACE_RESTORED",
        "restore/test_plan.py",
    ),
    _engine(
        "a staged copy is not made of keys that a forged list names",
        "restore/staged_copy.py",
        "            if log is None:\n",
        "            if False:\n",
        "restore/test_staged_copy.py",
    ),
    _engine(
        "what no restore put among staged copies is not removed",
        "restore/staged_copy.py",
        "        if foreign is not None:\n",
        "        if False:\n",
        "restore/test_staged_copy.py",
    ),
)

SECRETS = (
    _engine(
        "an unexpected exception does not leave as it is",
        "_module.py",
        "        _fail(module, _unexpected(error))\n",
        "        raise\n",
        "test_module.py",
        short=True,
    ),
    _engine(
        "encoded secrets are masked",
        "_module.py",
        '        urllib.parse.quote(secret, safe=""),\n',
        "",
        "test_module.py",
    ),
    _engine(
        "warnings are scrubbed",
        "_module.py",
        "module.warn(str(remove_values(warning, module.no_log_values)))",
        "module.warn(str(warning))",
        "test_module.py",
        short=True,
    ),
    _engine(
        "a secret option says no_log",
        "_arguments.py",
        '"token": {"type": "str", "no_log": True}',
        '"token": {"type": "str", "no_log": False}',
        "tests/unit/plugins/modules/test_argument_specs.py",
        short=True,
    ),
    _engine(
        "a secret is not part of what a configuration looks like",
        "store/config.py",
        "secret_access_key: str | None = field(repr=False)",
        "secret_access_key: str | None = field(repr=True)",
        "store/test_config.py",
    ),
    _engine(
        "the keys of one service are not sent to another",
        "store/config.py",
        "if elsewhere and needs_credentials and not credentials:",
        "if False:",
        "store/test_config.py",
    ),
)

SERVERS = (
    _engine(
        "a backup is verified before a server sees it",
        "restore/run.py",
        "        verify_backup(place.store,",
        "        lambda: (place.store,",
        LAB + "test_damaged_backups.py",
    ),
    _engine(
        "the collection that is renamed away is the one that was planned",
        "restore/replacement.py",
        "    if current is None or current.collection_id != old.collection_id:\n        raise",
        "    if False:\n        raise",
        LAB + "test_restore_existing.py::test_a_target_that_changes_while_its_replacement_is_built_is_not_touched",
    ),
    _engine(
        "a source that was compacted away is planned again",
        "backup/run.py",
        "                self._plan(name, None)\n",
        "                pass\n",
        LAB + "test_compaction.py",
    ),
    _engine(
        "a complete backup of another request is left alone",
        "backup/create.py",
        "            require_same_request(existing, request, source, place)\n            if not existing.is_partial:",
        "            if not existing.is_partial:",
        LAB + "test_backup_and_restore.py::test_a_complete_backup_of_another_request_is_never_touched",
    ),
)

MUTANTS = (*BACKUP, *STORE, *RESTORE, *SECRETS, *SERVERS)
