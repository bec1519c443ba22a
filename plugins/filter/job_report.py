# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of a play as a report in the format that the name of a file asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils.job_report import FORMATS


def job_report(jobs: Sequence[Mapping[str, Any]], path: str, title: str = "Milvus jobs") -> str:
    suffix = str(path).rpartition(".")[2].lower()
    if suffix not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise AnsibleFilterError(f"the report {path!r} has a name that says no format; it must end in one of {known}")
    return FORMATS[suffix](jobs, title)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"job_report": job_report}
