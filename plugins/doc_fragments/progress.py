# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that long modules share for their live progress."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  progress_interval:
    description:
      - Seconds between two lines about the progress, which appear on stderr while the task runs. V(0) shows none.
      - If unset, the variable C(milvus_progress_interval) holds. Without it a line comes every 5 seconds in the first
        minute, every 15 seconds until 10 minutes are over, and then every 30 seconds.
      - Tasks with C(no_log), with C(async) or in check mode show no lines.
    type: int
  progress_file:
    description:
      - A file on the host where the module runs that says how far it is, as JSON, replaced about once a second. Its
        folder must exist. It stays after the run, for those who look from outside. Lines are not shown then.
      - Where the file cannot be written, the run goes on without it and warns in the end.
      - With C(async), where Ansible shows nothing while the job runs, this file can be read by other tasks.
    type: path
"""
