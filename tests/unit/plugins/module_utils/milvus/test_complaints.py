# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which failure a message of a server is."""

from __future__ import annotations

import re

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.complaints import (
    COMPLAINTS,
    complained,
    complaint_of,
)


@pytest.mark.parametrize(
    ("message", "kind", "remedy"),
    [
        ('no binlog to import, input=[paths:"b/insert_log/1/" paths:""]: importing data failed', "root_path", "bucket"),
        ("STREAMING_CODE_UNKNOWN, cause: no binlog to import: importing data failed", "root_path", "bucket"),
        ("misaligned binlog count, field103:86, field0:85: importing data failed", "corrupt", "2.5.9"),
        ('strconv.ParseInt: parsing "meta": invalid syntax', "version", "2.6.12"),
        ("too many input paths for binlog import. Valid paths length should be one or two", "version", "2.6.12"),
        ("import job does not exist, jobID=451, dbID=1", "ambiguous_import", "run the task again"),
        ("quota exceeded[reason=disk quota exceeded, please allocate more resources]", "quota", "skip_disk_quota"),
        ("l0 import is disabled", "version", "enableL0Import"),
        ("no binlog for field:104: importing data failed", "version", "docs/compatibility"),
        ("The number of jobs has reached the limit, please try again later", "throttled", "run the task again"),
        ("not allow to set partition name for collection with partition key", "version", "newer"),
        ("failed to append row, err=Missing field when appending row, got 103", "version", "newer"),
        ("Wrong rows type: invalid parameter[expected=SparseFloatVectorFieldData]", "version", "newer"),
        ("element data type None is not valid", "corrupt", "again"),
        ('field name "__virtual_pk__" is reserved for internal use', "version", "leave it out"),
        ("PrivilegeImport: permission deny to reader in the `default` database", "permission", "grant"),
        ("rate limit exceeded[rate=0.1]", "throttled", "later"),
        ("can't find collection[database=default][collection=docs]", "not_found", "drops"),
        ("fail or timeout to bulk insert, info: import task was canceled", "timeout", "newer"),
        ("target partition must be only one", "version", "newer"),
        ("no insert/delete binlogs for segment", "root_path", "bucket"),
        ("Import job has failed: collection 451 dropped", "not_found", "drops"),
        ("net/http: timeout awaiting response headers", "timeout", "object storage"),
        ("duplicated new collection name default:docs with other collection name or alias", "target_exists", "suffix"),
        ("error code: 700, reason: index not found", "not_found", "as_backup"),
        ("server-side cross-bucket copy is unsupported for this provider/endpoint pair", "version", "binlogs"),
        ("rpc error: unknown method ExportSnapshot", "version", "newer"),
        ("Access Denied.", "credentials", "docs/permissions"),
        (
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "unreachable",
            "authority",
        ),
        ("client: check flush: into an dead end, should not reach here", "internal", "log"),
        ("channel not found[channel=by-dev-rootcoord-dml_0]", "internal", "log"),
        ("quota exceeded[reason=access has been disabled by the administrator]", "quota", "database.force.deny"),
        ("deny writing: the quota center says so", "quota", "database.force.deny"),
        ("The max number of import files should not exceed 1024, but got 2000", "quota", "maxImportFileNumPerReq"),
        ("ErrNotPrimary: this cluster is a replica", "version", "replication"),
        ("NoSuchKey: The specified key does not exist.", "source_changed", "bucket"),
        ("PrivilegeNotPermitted: CreateCollection", "permission", "grant"),
    ],
)
def test_known_messages(message: str, kind: str, remedy: str) -> None:
    failure = complained("importing", "docs", message, code=2100).failure
    assert (failure.kind, failure.operation, failure.where) == (kind, "importing", "docs")
    assert message in failure.cause
    assert "(code 2100)" in failure.cause
    assert remedy in failure.next_step


def test_an_unknown_message_is_passed_on() -> None:
    failure = complained("importing", "docs", "the moon is full", state_left="all is well").failure
    assert (failure.kind, failure.cause, failure.state_left) == ("internal", "the moon is full", "all is well")
    assert complained("importing", "docs", "").failure.cause == "no reason"


def test_every_pattern_is_one_and_matches_no_empty_message() -> None:
    assert complaint_of("") is None
    for item in COMPLAINTS:
        assert re.compile(item.pattern)
        assert item.cause
        assert item.remedy
