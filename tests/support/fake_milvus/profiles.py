# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server line does, and does wrong: one profile for each release that the tests stand before."""

from __future__ import annotations

from dataclasses import dataclass

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Profile:
    """One release. Everything else follows from its version, and from whether it is an C(early) build of it."""

    version: Version
    early: bool = False

    @property
    def text(self) -> str:
        """As GetVersion says it: 2.6 dropped the letter."""
        number = ".".join(str(part) for part in self.version)
        return f"v{number}" if self.version < (2, 6, 0) else number

    @property
    def line(self) -> tuple[int, int]:
        return self.version[:2]

    def since(self, *floors: Version) -> bool:
        """Whether this release has what came in these ones, each for its line; the last goes for all lines after it."""
        own = [floor for floor in floors if floor[:2] == self.line]
        return self.version >= (own[0] if own else floors[-1])

    # the REST routes
    @property
    def success_code(self) -> int:
        return 0 if self.since((2, 4, 6)) else 200

    @property
    def describes_jobs(self) -> bool:
        return self.since((2, 4, 14))

    @property
    def describes_segments(self) -> bool:
        return self.since((2, 5, 8))

    # collections
    @property
    def loses_renamed(self) -> bool:
        """A rename inside of a database removes what the next start would read."""
        return self.version == (2, 5, 14)

    @property
    def grants_follow_names(self) -> bool:
        return self.since((2, 6, 12))

    @property
    def gives_gc_tickets(self) -> bool:
        return self.since((2, 6, 8))

    @property
    def backs_up_rights(self) -> bool:
        return self.since((2, 4, 10))

    @property
    def has_privilege_groups(self) -> bool:
        return self.since((2, 5, 0))

    @property
    def deletes_properties(self) -> bool:
        return self.since((2, 4, 18))

    @property
    def keeps_aliased(self) -> bool:
        """A drop is refused while an alias leads to the collection."""
        return self.since((2, 4, 23), (2, 5, 5))

    @property
    def loses_isolation(self) -> bool:
        """A change of properties without the partition key's isolation reads as ending it."""
        return not self.since((2, 6, 13))

    @property
    def describes_databases(self) -> bool:
        return self.since((2, 4, 3))

    @property
    def runtime_check_can_be_off(self) -> bool:
        return self.since((2, 6, 8))

    @property
    def adds_fields(self) -> bool:
        return self.since((2, 6, 0))

    @property
    def adds_vectors(self) -> bool:
        return self.since((2, 6, 18))

    @property
    def most_vector_fields(self) -> int:
        return 10 if self.since((2, 6, 0)) else 4

    # segments
    @property
    def storage_version(self) -> int:
        """In which the server writes."""
        return 2 if self.since((2, 6, 0)) else 0

    @property
    def tells_sorted(self) -> bool:
        return self.since((2, 5, 0))

    # imports
    @property
    def l0_import(self) -> str:
        """C(no), C(one) directory in a job, C(several), or C(off) by the server's settings."""
        if self.since((3, 0, 0)):
            return "off"
        if not self.since((2, 4, 5)):
            return "no"
        return "several" if self.since((2, 6, 5)) else "one"

    @property
    def end_ts_in_milliseconds(self) -> bool:
        return not self.since((2, 4, 24), (2, 5, 6))

    @property
    def checks_end_ts(self) -> bool:
        return self.since((2, 6, 0))

    @property
    def fills_missing_fields(self) -> bool:
        return self.since((2, 6, 0))

    @property
    def reads_storage_v2(self) -> bool:
        return self.since((2, 6, 0))

    @property
    def lists_only_permitted_jobs(self) -> bool:
        return self.since((2, 6, 0))

    # snapshots
    @property
    def takes_snapshots(self) -> bool:
        return self.since((3, 0, 0))

    @property
    def exports_snapshots(self) -> bool:
        """To object storage, and back from there."""
        return self.since((3, 0, 0)) and not self.early

    @property
    def flushes_all(self) -> bool:
        """Every collection of every database; before, a call of this name is for one database."""
        return self.since((2, 6, 11))


V2_4_0 = Profile((2, 4, 0))
V2_4_10 = Profile((2, 4, 10))
V2_4_24 = Profile((2, 4, 24))
V2_5_4 = Profile((2, 5, 4))
V2_5_14 = Profile((2, 5, 14))
V2_5_27 = Profile((2, 5, 27))
V2_6_2 = Profile((2, 6, 2))
V2_6_18 = Profile((2, 6, 18))
V3_0_0 = Profile((3, 0, 0))
V3_0_EARLY = Profile((3, 0, 0), early=True)
"""Of the time before August 2026."""

PROFILES = (V2_4_0, V2_4_10, V2_4_24, V2_5_4, V2_5_14, V2_5_27, V2_6_2, V2_6_18, V3_0_0)
