# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has noted down about the import jobs of a staging collection, on that collection itself.

From 2.4 on no server tells what a job reads before it works on it, and finished jobs are forgotten after some hours. So
each create is noted down before it is sent, and its id with the next note. A run that finds a create without an id
knows that there may be one job more than it has ids for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..naming import IMPORTED_PROPERTY, JOBS_PROPERTY

BEGUN = "?"


@dataclass(frozen=True)
class Journal:
    """C(job_ids) in the order of the plan; C(begun) if the create of the next one was sent, as far as is known.

    C(imported) are the rows once all jobs have ended and were counted; after that nothing else counts.
    """

    job_ids: tuple[str, ...] = ()
    begun: bool = False
    imported: int | None = None

    @classmethod
    def read(cls, properties: Mapping[str, str]) -> Journal:
        words = [word for word in properties.get(JOBS_PROPERTY, "").split(",") if word]
        rows = properties.get(IMPORTED_PROPERTY, "")
        begun = words[-1:] == [BEGUN]
        return cls(tuple(words[: len(words) - begun]), begun, int(rows) if rows.isdecimal() else None)

    def begin(self) -> Journal:
        return replace(self, begun=True)

    def created(self, job_id: str) -> Journal:
        return replace(self, job_ids=(*self.job_ids, job_id), begun=False)

    def refused(self) -> Journal:
        """The create of the last job is known to have made none."""
        return replace(self, begun=False)

    def finished(self, rows: int) -> Journal:
        """The ids are of no use any more: the server forgets them."""
        return Journal(imported=rows)

    @property
    def properties(self) -> dict[str, str]:
        words = (*self.job_ids, BEGUN) if self.begun else self.job_ids
        rows = {} if self.imported is None else {IMPORTED_PROPERTY: str(self.imported)}
        return {JOBS_PROPERTY: ",".join(words), **rows}
