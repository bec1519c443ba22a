# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safety rules of a backup."""

from __future__ import annotations

from .model import engine

BACKUP = (
    engine(
        "full_meta.json, the commit, is written last",
        "backup/commit.py",
        "order = [*level_files, COMMIT_FILE] if",
        "order = [COMMIT_FILE, *level_files] if",
        "backup/test_commit.py",
        short=True,
    ),
    engine(
        "a partial backup changes hands by its commit alone",
        "backup/commit.py",
        "header_name=HEADER_NAME if previous is None else NEXT_HEADER_NAME",
        "header_name=HEADER_NAME",
        "backup/test_commit.py",
    ),
    engine(
        "the lock is proven by compare-and-swap before the commit",
        "backup/commit.py",
        "        self.lock.renew()\n",
        "",
        "backup/test_commit.py",
        short=True,
    ),
    engine(
        "a lock is created once",
        "backup/lock.py",
        "_encode(mine), if_absent=True)",
        "_encode(mine))",
        "backup/test_lock.py",
        short=True,
    ),
    engine(
        "a service that ignores conditions is found by creating the lock twice",
        "backup/lock.py",
        "body, if_absent=True)",
        "body)",
        "tests/faults/test_without_conditions.py",
    ),
    engine(
        "the digest of an object on a disk is compared",
        "backup/content.py",
        "return PROVEN if found.md5 == item.md5 else ALTERED",
        "return PROVEN",
        "backup/test_content.py",
    ),
    engine(
        "what a partial backup holds keeps its digest when it grows",
        "backup/content.py",
        "if known is not None and known.md5:",
        "if False:",
        "backup/test_content.py",
    ),
    engine(
        "a lock is stolen only when both clocks call it stale",
        "backup/lock.py",
        "(stale_in_store and stale_by_writer)",
        "(stale_in_store or stale_by_writer)",
        "backup/test_lock.py",
    ),
    engine(
        "a process on another host is never called dead",
        "backup/lock.py",
        "if not self.boot_id or (self.host, self.boot_id, self.namespace) != "
        "(here.host, here.boot_id, here.namespace):",
        "if False:",
        "backup/test_lock.py",
    ),
    engine(
        "a lock that cannot be read counts as held",
        "backup/lock.py",
        "    if holder is None:\n        return False\n    stale_in_store",
        "    if holder is None:\n        return True\n    stale_in_store",
        "backup/test_lock.py",
    ),
    engine(
        "an object that is there counts by size and ETag, not by its name",
        "backup/transfer.py",
        "have.holds_the_same_as(want.size, want.etag)",
        "have.size >= 0",
        "backup/test_transfer.py",
        short=True,
    ),
    engine(
        "a plan is carried out only when a listing shows just that",
        "backup/transfer.py",
        "            if survey.clean:\n",
        "            if not survey.lacking:\n",
        "backup/test_transfer.py",
    ),
    engine(
        "the list of objects is checked against its digest",
        "backup/integrity.py",
        "stored is None or digest(stored.body) != sha256",
        "stored is None",
        "backup/test_integrity.py",
    ),
    engine(
        "a name has no two dots",
        "backup/layout.py",
        ' and ".." not in name',
        "",
        "backup/test_layout.py",
        short=True,
    ),
    engine(
        "a name is a whole name",
        "backup/layout.py",
        "pattern.fullmatch(name)",
        "pattern.match(name)",
        "backup/test_layout.py",
    ),
    engine(
        "what another tool wrote is not removed unasked",
        "backup/remove.py",
        "    if not ours and not force_foreign:",
        "    if False:",
        "backup/test_remove.py",
        short=True,
    ),
    engine(
        "a removal begins with the commit and ends with the plan",
        "backup/remove.py",
        "    yield [key for key in keys if key in commits]\n",
        "",
        "backup/test_remove.py",
        short=True,
    ),
    engine(
        "a backup that is restored from is not removed",
        "backup/in_use.py",
        "    if restores:\n",
        "    if False:\n",
        "backup/test_remove.py",
    ),
)
