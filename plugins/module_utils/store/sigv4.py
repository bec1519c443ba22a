# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs requests to S3: Signature Version 4, in one header.

Own code, for speed: a key for signing is derived once a day, a date is written once a second, and the order of headers
costs one small sort. botocore's signer does the same for many more cases in ten times the time (docs/performance.md);
the unit tests compare the two, header by header.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import quote

UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = sha256(b"").hexdigest()
UNRESERVED = "-_.~"


@dataclass(frozen=True)
class Keys:
    """What proves who asks; C(token) is '' for keys that do not expire."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def quoted_path(path: str) -> str:
    """A path as it is sent and signed: S3 encodes it once, and leaves its slashes."""
    return quote(path, safe="/" + UNRESERVED)


def quoted_query(parameters: Mapping[str, str]) -> str:
    """Parameters as they are sent and signed: sorted, each encoded."""
    pairs = ((quote(name, safe=UNRESERVED), quote(value, safe=UNRESERVED)) for name, value in parameters.items())
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


class Signer:
    """Safe to use from many threads: what it remembers is replaced whole."""

    def __init__(self, keys: Callable[[], Keys], region: str, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._region = region
        self._clock = clock
        self._stamp: tuple[int, str] = (0, "")
        self._signing: tuple[str, str, bytes] = ("", "", b"")

    def sign(
        self, method: str, path: str, query: str, headers: dict[str, str], payload_sha256: str = EMPTY_SHA256
    ) -> None:
        """Add the headers that prove this request; C(headers) are in lower case, C(host) among them."""
        keys = self._keys()
        stamp = self._now()
        headers["x-amz-date"] = stamp
        headers["x-amz-content-sha256"] = payload_sha256
        if keys.token:
            headers["x-amz-security-token"] = keys.token
        names = sorted(headers)
        signed_names = ";".join(names)
        lines = "".join([f"{name}:{headers[name]}\n" for name in names])
        request = f"{method}\n{path}\n{query}\n{lines}\n{signed_names}\n{payload_sha256}"
        scope = f"{stamp[:8]}/{self._region}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._signing_key(keys.secret, stamp[:8]), text.encode(), "sha256").hex()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={keys.key_id}/{scope}, SignedHeaders={signed_names}, Signature={signature}"
        )

    def _now(self) -> str:
        second = int(self._clock())
        known, stamp = self._stamp
        if known != second:
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
            self._stamp = (second, stamp)
        return stamp

    def _signing_key(self, secret: str, day: str) -> bytes:
        known_secret, known_day, key = self._signing
        if (known_secret, known_day) != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, "s3", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._signing = (secret, day, key)
        return key
