# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safety rules of a restore."""

from __future__ import annotations

from .model import engine

RESTORE = (
    engine(
        "a job of a killed run is adopted, not submitted again",
        "restore/staging.py",
        "        if files not in running:\n",
        "        if True:\n",
        "restore/test_staging.py",
        short=True,
    ),
    engine(
        "a staging collection with a job in doubt is built again",
        "restore/staging.py",
        " or len(set(found)) != len(found)",
        "",
        "restore/test_staging.py",
    ),
    engine(
        "a failed job poisons its staging collection",
        "restore/staging.py",
        "any(job.failed for job in jobs) or None in found",
        "None in found",
        "restore/test_staging.py",
    ),
    engine(
        "a staging collection is ours by its markers, not by its name",
        "restore/staging.py",
        "    if staging is None or is_staging(plan.staging.name, staging.property_values):",
        "    if True:",
        "restore/test_staging.py",
        short=True,
    ),
    engine(
        "imported rows are compared with the backup",
        "restore/staging.py",
        "    if not build.request.meta_only:\n        _require_rows(",
        "    if False:\n        _require_rows(",
        "restore/test_staging.py",
        short=True,
    ),
    engine(
        "as many jobs ran as were planned",
        "restore/staging.py",
        "    _require_one_job_each(server, plan, staging)\n    if any",
        "    if any",
        "restore/test_staging.py",
    ),
    engine(
        "what the server wrote proves its root path",
        "restore/staging.py",
        "    if any(job.rows for job in jobs):\n        prove_root_path",
        "    if False:\n        prove_root_path",
        "restore/test_staging.py",
    ),
    engine(
        "a job by REST is noted before it is created",
        "restore/bulk_staging.py",
        "            self.note(journal.begin())\n",
        "",
        "restore/test_bulk_staging.py",
    ),
    engine(
        "a collection that no restore made is not replaced by replace_restored",
        "restore/plan.py",
        "(if_exists == REPLACE_RESTORED and made_by)",
        "if_exists == REPLACE_RESTORED",
        "restore/test_plan.py",
    ),
    engine(
        "a staged copy is not made of keys that a forged list names",
        "restore/staged_copy.py",
        "            if log is None:\n",
        "            if False:\n",
        "restore/test_staged_copy.py",
    ),
    engine(
        "what no restore put among staged copies is not removed",
        "restore/staged_copy.py",
        "        if foreign is not None:\n",
        "        if False:\n",
        "restore/test_staged_copy.py",
    ),
)
