# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server's complaint means: its messages name a symptom that is often two layers away from what is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import NOTHING_WRITTEN, MilvusOpsError, shortened
from .status_codes import STATUS_CODES

MOST_OF_A_MESSAGE = 500
NO_RIGHT = r"permission deny|PrivilegeNotPermitted|Privilege\w+: "


@dataclass(frozen=True)
class Complaint:
    """A message by a pattern, the kind of failure that it is, why it comes, and what helps."""

    pattern: str
    kind: str
    cause: str
    remedy: str


DENIED = Complaint(
    r"force deny|deny writing|denied? to (write|ddl)|access has been disabled",
    "quota",
    "the server, or the properties of the database, refuse writes",
    "see the quota states of the server and the properties database.force.deny.* of the database",
)
"""Servers wrap it in the words of an exceeded quota, so it is looked for first."""

COMPLAINTS = (
    DENIED,
    Complaint(
        NO_RIGHT,
        "permission",
        "the user of this connection lacks a privilege",
        "grant the privilege that the message names to a role of this user; see the guide on permissions",
    ),
    Complaint(
        r"no binlog to import|no insert/delete binlogs",
        "root_path",
        "the server found nothing where it was told to import from: it keeps its data in another bucket than the one "
        "that this run was given, or the directory is empty",
        "set the storage options of the target to the bucket that its server uses; then run the task again",
    ),
    Complaint(
        r"misaligned binlog count",
        "corrupt",
        "the fields of a segment have different numbers of binlogs: the backup was taken from a listing that held logs "
        "of a repeated upload (servers before 2.5.9 leave them behind)",
        "make the backup again once the source has compacted this collection, or from a server from 2.5.9 on",
    ),
    Complaint(
        r'parsing \\?"meta\\?": invalid syntax|too many input paths',
        "version",
        "a compaction of deletes in the target broke the import, a defect of servers before 2.6.12",
        "let nobody delete in the target during the restore, or upgrade the server to 2.6.12; then run the task again",
    ),
    Complaint(
        r"import job does not exist",
        "ambiguous_import",
        "the server has forgotten the import job, or never had it; it forgets finished ones after some hours",
        "run the task again: it trusts nothing that it does not know, and builds the collection again if in doubt",
    ),
    Complaint(
        r"disk quota exceeded|quota exceeded",
        "quota",
        "the rows to import exceed the server's quota of disk",
        "make room or raise the quota of the server, or set skip_disk_quota",
    ),
    Complaint(
        r"l0 import is disabled",
        "version",
        "the backup has deletes in level-zero segments, and this server does not import them",
        "fold them into the backup with l0compact of milvus-backup, or set dataCoord.import.enableL0Import of the "
        "server",
    ),
    Complaint(
        r"no binlog for field",
        "version",
        "a segment lacks the binlogs of a field: the field was added after the segment was written, or the server read "
        "segments of storage version 2 as if they were of version 1",
        "see docs/compatibility for the storage versions of each server; a compaction of the source mends the first",
    ),
    Complaint(
        r"not allow to set partition name|target partition must be only one",
        "version",
        "this server cannot import into the partitions of a collection with a partition key",
        "restore this collection into a newer server",
    ),
    Complaint(
        r"Missing field when appending row",
        "version",
        "the server cannot import deletes together with the output of a function (such as BM25)",
        "restore this collection into a newer server, or fold its deletes into the backup",
    ),
    Complaint(
        r"Wrong rows type",
        "version",
        "the server cannot import vectors of this type",
        "restore this collection into a newer server",
    ),
    Complaint(
        r"element data type None is not valid",
        "corrupt",
        "the schema in the backup has lost the type of an array's elements",
        "make the backup again with a current release",
    ),
    Complaint(
        r"is reserved for internal use",
        "version",
        "the collection is backed by external files, which no backup holds",
        "leave it out of collections",
    ),
    Complaint(
        r"number of jobs has reached the limit",
        "throttled",
        "the server has as many unfinished import jobs as it takes",
        "run the task again when they have ended",
    ),
    Complaint(
        r"import files?\b.*(exceed|limit)|exceeds? the maximum (file )?size",
        "quota",
        "one import asks for more files, or a larger one, than this server is set to take",
        "raise dataCoord.import.maxImportFileNumPerReq or dataNode.import.maxImportFileSizeInGB of the server",
    ),
    Complaint(
        r"import task was cancell?ed",
        "timeout",
        "the server ended the import after its own fixed time, as servers of the first lines do",
        "restore when the server has less to do, or into a newer one",
    ),
    Complaint(
        r"replicat\w+.*(cluster|mode|not allowed|not supported)|ErrNotPrimary",
        "version",
        "the cluster takes part in a replication, which refuses imports",
        "restore into a cluster that does not replicate, or end the replication first",
    ),
    Complaint(
        r"(collection|database) not found|can't find (collection|database)|collection .*dropped",
        "not_found",
        "the collection is not there any more",
        "see who drops collections while a restore runs, then run the task again",
    ),
    Complaint(
        r"rate limit exceeded|request is rejected by limiter",
        "throttled",
        "the server takes no more such calls for the moment",
        "run the task again later",
    ),
    Complaint(
        r"channel not found|into an dead end",
        "internal",
        "the message queue of the server is not healthy",
        "see the log of the server; restarting it has helped others",
    ),
    Complaint(
        r"x509|certificate (signed by|verify)|failed to verify certificate",
        "unreachable",
        "the server, or what it calls, does not trust a certificate",
        "give the server the authority that signed the certificate of its object storage",
    ),
    Complaint(
        r"access ?denied|SignatureDoesNotMatch|InvalidAccessKeyId",
        "credentials",
        "the key that the server itself has for its object storage may not read these objects",
        "let the key of the server read the place of the backups, and see docs/permissions",
    ),
    Complaint(
        r"timeout awaiting response headers|context deadline exceeded",
        "timeout",
        "the server waited too long for its object storage, or for a part of itself",
        "see the health of the object storage, or set a smaller copy_concurrency; then run the task again",
    ),
    Complaint(
        r"already exists?\b|duplicate(d new)? collection",
        "target_exists",
        "something of this name is there already",
        "choose another name with suffix or rename, or see if_exists",
    ),
    Complaint(
        r"index not found|index doesn't exist",
        "not_found",
        "there is no such index",
        "build it, or restore with index: as_backup",
    ),
    Complaint(
        r"unknown method|Unimplemented",
        "version",
        "this server does not have the call",
        "see docs/compatibility, or use a newer server",
    ),
    Complaint(
        r"cross-bucket copy is unsupported",
        "version",
        "the server cannot copy between its object storage and the place of the backup",
        "let both be one service by one address, or make a backup of binlogs",
    ),
    Complaint(
        r"NoSuchKey|no such key|key not found",
        "source_changed",
        "objects went away while the server read them",
        "see what else writes to this bucket, then run the task again",
    ),
)
"""The first that fits counts."""


def complaint_of(message: str) -> Complaint | None:
    return next((item for item in COMPLAINTS if re.search(item.pattern, message, re.IGNORECASE)), None)


def complained(
    operation: str,
    where: str,
    message: str,
    *,
    code: int | None = None,
    by_code: bool = False,
    state_left: str = NOTHING_WRITTEN,
    retryable: bool | None = None,
) -> MilvusOpsError:
    """The error for a message of a server, which stays in it word for word.

    C(by_code) explains unknown words by the code: not for REST, where some kinds mean that nobody knows what was done.
    """
    said = shortened(message, MOST_OF_A_MESSAGE) or "no reason"
    known = complaint_of(message) or (STATUS_CODES.get(code or 0) if by_code else None)
    numbered = f" (code {code})" if code else ""
    return MilvusOpsError(
        known.kind if known else "internal",
        operation,
        where,
        f"{known.cause}; the server says: {said}{numbered}" if known else f"{said}{numbered}",
        state_left=state_left,
        next_step=known.remedy if known else "see the log of the server",
        retryable=retryable,
    )
