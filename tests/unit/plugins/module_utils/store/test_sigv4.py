# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signer against botocore's, and what it keeps to itself."""

from __future__ import annotations

from calendar import timegm
from collections.abc import Mapping
from time import strptime

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from ansible_collections.vectorops.milvus.plugins.module_utils.store.sigv4 import (
    EMPTY_SHA256,
    UNSIGNED,
    Keys,
    Signer,
    quoted_path,
    quoted_query,
)

KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "")
ODD_KEY = "/bucket/a b/ü+(1)*~'!@=&,;:$%25//x"


def signed_by_botocore(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], payload: str, keys: Keys
) -> dict[str, str]:
    url = f"http://store.example:9000{quoted_path(path)}"
    request = AWSRequest(method, url, headers={**headers, "X-Amz-Content-SHA256": payload}, params=dict(query))
    request.context["client_config"] = Config(s3={"payload_signing_enabled": payload != UNSIGNED})
    S3SigV4Auth(Credentials(keys.key_id, keys.secret, keys.token or None), "s3", "eu-west-1").add_auth(request)
    return {name.lower(): str(value) for name, value in request.headers.items()}


@pytest.mark.parametrize("token", ["", "a/session+token=="])
@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "payload"),
    [
        pytest.param("GET", "/bucket", {"list-type": "2", "prefix": "a b/ü+&=", "delimiter": "/"}, {}, EMPTY_SHA256),
        pytest.param("PUT", ODD_KEY, {}, {"x-amz-copy-source": quoted_path(ODD_KEY)}, EMPTY_SHA256),
        pytest.param("PUT", "/bucket/key", {"uploadId": "a~b/c==", "partNumber": "7"}, {}, UNSIGNED),
        pytest.param("POST", "/bucket/key", {"uploads": ""}, {"x-amz-copy-source-if-match": "ab-2"}, EMPTY_SHA256),
        pytest.param("GET", "/bucket/key", {}, {"range": "bytes=0-9", "if-match": "ab"}, EMPTY_SHA256),
    ],
)
def test_signs_as_botocore_does(
    method: str, path: str, query: dict[str, str], headers: dict[str, str], payload: str, token: str
) -> None:
    keys = Keys(KEYS.key_id, KEYS.secret, token)
    theirs = signed_by_botocore(method, path, query, headers, payload, keys)
    moment = timegm(strptime(theirs["x-amz-date"], "%Y%m%dT%H%M%SZ"))
    ours = {"host": "store.example:9000", **headers}
    signer = Signer(lambda: keys, "eu-west-1", clock=lambda: moment)
    signer.sign(method, quoted_path(path), quoted_query(query), ours, payload)
    assert ours["authorization"] == theirs["authorization"]
    assert ours.get("x-amz-security-token", "") == token


def test_a_new_day_and_new_keys_are_signed_anew() -> None:
    now, keys = [1_700_000_000.0], [KEYS]
    signer = Signer(lambda: keys[0], "eu-west-1", clock=lambda: now[0])

    def authorization() -> str:
        headers = {"host": "h"}
        signer.sign("GET", "/b", "", headers)
        return headers["authorization"]

    seen = [authorization()]
    now[0] += 1
    seen.append(authorization())
    now[0] += 86_400
    seen.append(authorization())
    keys[0] = Keys("AKIDOTHER", "another secret")
    seen.append(authorization())
    assert len({text.rpartition("=")[2] for text in seen}) == 4
    assert ["/20231114/" in text for text in seen] == [True, True, False, False]
    assert "AKIDOTHER" in seen[-1]


def test_the_secret_is_shown_nowhere() -> None:
    keys = Keys("AKIDEXAMPLE", "the-secret", "the-token")
    headers = {"host": "h"}
    Signer(lambda: keys, "eu-west-1").sign("GET", "/b", "", headers)
    assert "the-secret" not in f"{keys!r} {headers}"
    assert "the-token" not in repr(keys)
