# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which S3 error is which kind of failure: the one table."""

from __future__ import annotations

_KINDS = {
    "credentials": (
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "NoCredentialsError",
        "PartialCredentialsError",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    ),
    "not_found": ("NoSuchBucket",),
    "permission": ("403", "AccessDenied", "AllAccessDisabled", "Forbidden"),
    "storage_full": ("507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"),
    "throttled": ("429", "503", "SlowDown", "ServiceUnavailable", "TooManyRequests"),
    "timeout": ("ReadTimeoutError", "RequestTimeout"),
    "unreachable": (
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "ConnectionError",
        "ConnectionRefusedError",
        "ConnectionResetError",
        "EndpointConnectionError",
        "HTTPClientError",
        "IncompleteReadError",
        "ProtocolError",
        "ProxyConnectionError",
        "ResponseStreamingError",
        "SSLError",
    ),
    "usage": ("InvalidBucketName", "InvalidEndpoint", "ParamValidationError", "PermanentRedirect"),
}

_ADVICE = {
    "credentials": "correct access_key_id, secret_access_key or session_token of this side",
    "not_found": "correct bucket_name; the bucket is never created by this collection",
    "permission": "give this key the right to do it on this bucket and prefix",
    "storage_full": "make room in the object storage; the next run continues",
    "throttled": "lower copy_concurrency, or run the task again later",
    "timeout": "run the task again; what was copied is kept",
    "unreachable": "see that storage_address, storage_port and storage_use_ssl are right and the service runs",
    "usage": "correct the storage options of this side",
}

_ADVICE_BY_CODE = {
    "RequestTimeTooSkewed": "set the clock of this host: it differs from the service's by more than 15 minutes",
    "SSLError": "set storage_ca_path to the CA that signs the service's certificate",
}


def failure_kind(code: str) -> str:
    """The kind for an S3 error code or the name of a botocore exception; C(internal) for all others."""
    return next((kind for kind, codes in _KINDS.items() if code in codes), "internal")


def next_step_for(kind: str, code: str) -> str:
    return _ADVICE_BY_CODE.get(code) or _ADVICE.get(kind, "see the log of the storage service")
