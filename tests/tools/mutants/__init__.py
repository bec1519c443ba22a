# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safety rules, each with a break of it and the tests that must notice: the table of mutation_check.py."""

from __future__ import annotations

from .backup import BACKUP
from .model import Mutant
from .restore import RESTORE
from .secrets import SECRETS
from .servers import SERVERS
from .store import STORE

__all__ = ["MUTANTS", "Mutant"]

MUTANTS = (*BACKUP, *STORE, *RESTORE, *SECRETS, *SERVERS)
