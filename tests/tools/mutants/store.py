# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safety rules of the object storage."""

from __future__ import annotations

from .model import engine

STORE = (
    engine(
        "a success is one only with its result, where one thread has many copies under way too",
        "store/lane.py",
        " and is_result(asked.request, answer, body)",
        "",
        "store/test_lane.py",
    ),
    engine(
        "If-None-Match is sent",
        "store/s3.py",
        'condition["if-none-match"] = "*"',
        "pass",
        "store/test_s3_conditions.py",
        short=True,
    ),
    engine(
        "If-Match is sent",
        "store/s3.py",
        'condition["if-match"] = f\'"{if_etag}"\'',
        "pass",
        "store/test_s3_conditions.py",
    ),
    engine(
        "a copy is pinned to the planned ETag",
        "store/s3_parts.py",
        'return {"x-amz-copy-source-if-match": pin.etag} if pin.etag else {}',
        "return {}",
        "store/test_s3_conditions.py",
        short=True,
    ),
    engine(
        "a key outside the prefixes of a run is refused",
        "store/base.py",
        'if UNCLEAN_PARTS.isdisjoint(key.removeprefix("/").split("/")):',
        "if key:",
        "store/test_base.py",
        short=True,
    ),
    engine(
        "a prefix that is no folder permits nothing",
        "store/base.py",
        'if key.startswith(prefix) and prefix.endswith("/") and prefix != "/":',
        "if key.startswith(prefix):",
        "store/test_base.py",
    ),
    engine(
        "every deletion passes the guard of prefixes",
        "store/s3.py",
        '            for key in batch:\n                self._scope.require(key.removesuffix("/"))\n',
        "",
        "store/test_s3_conditions.py",
        short=True,
    ),
    engine(
        "every copy passes the guard of prefixes",
        "store/s3.py",
        "        self._scope.require(key)\n        pin = ",
        "        pin = ",
        "store/test_s3_conditions.py",
    ),
    engine(
        "two digests that differ are two objects",
        "store/base.py",
        "(not comparable or self.etag == etag)",
        "True",
        "store/test_base.py",
    ),
    engine(
        "a listing of which a page is missing is no listing",
        "store/s3.py",
        'if page.truncated and not page.token and "max-keys" not in query:',
        "if False:",
        "store/test_s3_service.py",
    ),
)
