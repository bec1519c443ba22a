# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which S3 error is which kind of failure, and whether another attempt may succeed: the one table."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import shortened

ONCE, AGAIN = False, True
MOST_OF_A_MESSAGE = 300
SERVER_IS_SLOW = (408, 429)


@dataclass(frozen=True)
class _Row:
    """C(codes) are error codes of S3, names of exceptions, and statuses of answers that carry no code."""

    kind: str
    again: bool
    codes: tuple[str, ...]


_TABLE = (
    _Row(
        "credentials",
        ONCE,
        (
            "AuthorizationHeaderMalformed",
            "CredentialRetrievalError",
            "ExpiredToken",
            "InvalidAccessKeyId",
            "InvalidToken",
            "MetadataRetrievalError",
            "NoCredentialsError",
            "PartialCredentialsError",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
        ),
    ),
    _Row("not_found", ONCE, ("NoSuchBucket",)),
    _Row("permission", ONCE, ("401", "403", "AccessDenied", "AllAccessDisabled", "Forbidden")),
    _Row("storage_full", ONCE, ("507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull")),
    _Row(
        "throttled",
        AGAIN,
        (
            "429",
            "503",
            "BandwidthLimitExceeded",
            "RequestLimitExceeded",
            "RequestThrottled",
            "ServerBusy",
            "ServiceUnavailable",
            "SlowDown",
            "SlowDownRead",
            "SlowDownWrite",
            "Throttling",
            "ThrottlingException",
            "TooManyRequests",
        ),
    ),
    _Row("timeout", AGAIN, ("408", "504", "GatewayTimeout", "ReadTimeoutError", "RequestTimeout")),
    _Row(
        "unreachable",
        AGAIN,
        (
            "404",
            "500",
            "502",
            "BadGateway",
            "BrokenPipeError",
            "ConditionalRequestConflict",
            "ConnectTimeoutError",
            "ConnectionAbortedError",
            "ConnectionClosedError",
            "ConnectionRefusedError",
            "ConnectionResetError",
            "EndpointConnectionError",
            "IncompleteBody",
            "IncompleteReadError",
            "InternalError",
            "NoResult",
            "OSError",
            "OperationAborted",
            "ProtocolError",
            "ProxyConnectionError",
            "SSLError",
        ),
    ),
    _Row("unreachable", ONCE, ("CertificateUnknown",)),
    _Row("corrupt", AGAIN, ("BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch")),
    _Row("version", ONCE, ("405", "501", "MethodNotAllowed", "NotImplemented")),
    _Row(
        "internal",
        ONCE,
        (
            "EntityTooLarge",
            "EntityTooSmall",
            "InvalidArgument",
            "InvalidObjectState",
            "InvalidPart",
            "InvalidPartOrder",
            "InvalidRequest",
            "MalformedXML",
            "NoSuchUpload",
            "NoSuchVersion",
        ),
    ),
    _Row("usage", ONCE, ("301", "307", "InvalidBucketName", "InvalidEndpoint", "InvalidHeader", "PermanentRedirect")),
)

_ADVICE = {
    "corrupt": "see what alters bytes between this host and the service, then run the task again",
    "credentials": "correct access_key_id, secret_access_key or session_token of this side",
    "not_found": "correct bucket_name; the bucket is never created by this collection",
    "permission": "give this key the right to do it on this bucket and prefix",
    "storage_full": "make room in the object storage; the next run continues",
    "throttled": "lower copy_concurrency, or run the task again later",
    "timeout": "run the task again; what was copied is kept",
    "unreachable": "see that storage_address, storage_port and storage_use_ssl are right and the service runs",
    "usage": "correct the storage options of this side",
    "version": "use a service, or a newer release of it, that knows this request; locks need conditional writes",
}

_ADVICE_BY_CODE = {
    "CertificateUnknown": "set storage_ca_path to the CA that signs the service's certificate",
    "PermanentRedirect": "set storage_region to the region of the bucket",
    "RequestTimeTooSkewed": "set the clock of this host: it differs from the service's by more than 15 minutes",
    "SSLError": "see that storage_use_ssl fits the port; set storage_ca_path to the CA that signs the certificate",
}


class Refusal(Exception):
    """An answer that is no success, or a request that could not even be signed."""

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(f"{code}: {shortened(message, MOST_OF_A_MESSAGE)}")
        self.code = code
        self.status = status


def failure_kind(code: str, status: int = 0) -> str:
    """The kind for an S3 error code, the name of an exception or a bare status; C(internal) for all others."""
    row = _row(code, status)
    return row.kind if row else "internal"


def may_succeed_again(code: str, status: int = 0) -> bool:
    """Whether to repeat. What is not known is the server's own fault, which may pass, unless the status denies that.

    In a success, and with no status at all, nothing denies it.
    """
    row = _row(code, status)
    return row.again if row else status >= 500 or status < 300


def next_step_for(kind: str, code: str) -> str:
    return _ADVICE_BY_CODE.get(code) or _ADVICE.get(kind, "see the log of the storage service")


def _row(code: str, status: int) -> _Row | None:
    """An unknown code goes by its status, if that tells of the server and not of the request.

    A refusal for a reason that is not known is not for want of rights because it is a 403.
    """
    return _row_of(code) or (_row_of(str(status)) if status >= 500 or status in SERVER_IS_SLOW else None)


def _row_of(code: str) -> _Row | None:
    return next((row for row in _TABLE if code in row.codes), None)
