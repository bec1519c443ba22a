# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module milvus_backup and shows its progress."""

from __future__ import annotations

from ..plugin_utils.watched_module import WatchedModule


class ActionModule(WatchedModule):
    pass
