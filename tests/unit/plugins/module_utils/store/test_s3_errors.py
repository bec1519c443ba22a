# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""S3 errors become kinds, each with an advice."""

from __future__ import annotations

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import KINDS
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3_errors import (
    failure_kind,
    may_succeed_again,
    next_step_for,
)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidAccessKeyId", "credentials"),
        ("SignatureDoesNotMatch", "credentials"),
        ("ExpiredToken", "credentials"),
        ("RequestTimeTooSkewed", "credentials"),
        ("AccessDenied", "permission"),
        ("403", "permission"),
        ("NoSuchBucket", "not_found"),
        ("SlowDown", "throttled"),
        ("SlowDownRead", "throttled"),
        ("SlowDownWrite", "throttled"),
        ("ServerBusy", "throttled"),
        ("RequestThrottled", "throttled"),
        ("ThrottlingException", "throttled"),
        ("503", "throttled"),
        ("InsufficientStorage", "storage_full"),
        ("XMinioStorageFull", "storage_full"),
        ("RequestTimeout", "timeout"),
        ("EndpointConnectionError", "unreachable"),
        ("SSLError", "unreachable"),
        ("InvalidBucketName", "usage"),
        ("NotImplemented", "version"),
        ("", "internal"),
        ("SomethingNew", "internal"),
    ],
)
def test_kind_of_a_code(code: str, kind: str) -> None:
    assert failure_kind(code) == kind
    assert next_step_for(kind, code)


@pytest.mark.parametrize(
    ("code", "status", "kind", "again"),
    [
        ("SomethingNew", 503, "throttled", True),
        ("SomethingNew", 429, "throttled", True),
        ("SomethingNew", 504, "timeout", True),
        ("SomethingNew", 507, "storage_full", False),
        ("SomethingNew", 520, "internal", True),
        ("SomethingNew", 403, "internal", False),
        ("SomethingNew", 400, "internal", False),
        ("SomethingNew", 200, "internal", True),
        ("SomethingNew", 0, "internal", True),
        ("AccessDenied", 503, "permission", False),
        ("InvalidRequest", 0, "internal", False),
        ("NoSuchUpload", 200, "internal", False),
        ("NoSuchUpload", 404, "internal", False),
        ("SomethingNew", 404, "internal", False),
    ],
)
def test_a_code_that_is_not_known_goes_by_its_status(code: str, status: int, kind: str, again: bool) -> None:
    """Without one of its own, and in a 200, it is a fault of the service. A 403 is not only said of missing rights."""
    assert (failure_kind(code, status), may_succeed_again(code, status)) == (kind, again)


def test_every_kind_has_an_advice_of_its_own() -> None:
    general = next_step_for("internal", "")
    kinds = {failure_kind(code) for code in ("InvalidToken", "NoSuchBucket", "Forbidden", "507", "429", "SSLError")}
    assert kinds <= KINDS
    assert general not in {next_step_for(kind, "") for kind in kinds}
    assert "clock" in next_step_for("credentials", "RequestTimeTooSkewed")
    assert "storage_ca_path" in next_step_for("unreachable", "SSLError")
