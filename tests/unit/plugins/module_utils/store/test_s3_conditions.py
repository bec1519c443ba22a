# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes writes safe is in the requests themselves: conditions, pinned sources, and no key outside the scope."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scripted_s3 import Script, http, scripted

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import ConditionFailed, WriteScope
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3 import S3Store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3_parts import SINGLE_BYTES

ETAG = "0cc175b9c0f1b6a831c399e269772661"
COPIED = http(f'<CopyObjectResult><ETag>"{ETAG}"</ETag></CopyObjectResult>')
WRITTEN = http(ETag=f'"{ETAG}"')
CHANGED = http("<Error><Code>PreconditionFailed</Code></Error>", "412 Precondition Failed")


def store_at(port: int) -> S3Store:
    options = {
        "storage_address": "127.0.0.1",
        "storage_port": port,
        "storage_region": "us-east-1",
        "access_key_id": "key",
        "secret_access_key": "the-secret-key",
        "bucket_name": "bucket",
    }
    return S3Store(instance_store(options), WriteScope(("to/",)))


def test_a_lock_is_made_once_and_renewed_by_its_etag() -> None:
    script = Script([WRITTEN])
    with scripted(script) as port:
        store = store_at(port)
        store.write("to/lock", b"x", if_absent=True)
        store.write("to/lock", b"x", if_etag=ETAG)
        store.write("to/plan", b"x")
    conditions = [(script.header(item, "if-none-match"), script.header(item, "if-match")) for item in range(3)]
    assert conditions == [("*", ""), ("", f'"{ETAG}"'), ("", "")]


def test_who_is_second_learns_it() -> None:
    with scripted(Script([CHANGED])) as port, pytest.raises(ConditionFailed):
        store_at(port).write("to/lock", b"x", if_absent=True)


def test_a_copy_is_of_the_object_that_was_planned() -> None:
    script = Script([COPIED])
    with scripted(script) as port:
        store = store_at(port)
        store.copy_from(store, "from/a", ETAG, 1, "to/a")
    assert script.header(0, "x-amz-copy-source-if-match") == ETAG


def test_every_part_of_a_large_copy_is_of_the_object_that_was_planned() -> None:
    begun = http("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
    script = Script([begun, http("<ListMultipartUploadsResult/>"), CHANGED])
    with scripted(script) as port:
        store = store_at(port)
        with pytest.raises(ConditionFailed):
            store.copy_from(store, "from/a", ETAG, SINGLE_BYTES, "to/a")
    parts = [number for number, head in enumerate(script.requests) if "partNumber=" in head.split("\r\n", 1)[0]]
    assert parts
    assert {script.header(number, "x-amz-copy-source-if-match") for number in parts} == {ETAG}


OUTSIDE: list[Callable[[S3Store, str], object]] = [
    lambda store, key: store.write(key, b"x"),
    lambda store, key: store.delete(["to/inside", key]),
    lambda store, key: store.copy_from(store, "from/a", ETAG, 1, key),
    lambda store, key: store.copy_from(store, "from/a", ETAG, SINGLE_BYTES, key),
]


@pytest.mark.parametrize("change", OUTSIDE, ids=["write", "delete", "copy", "copy in parts"])
@pytest.mark.parametrize("key", ["from/a", "to", "top/a", "to/../from/a", "to//a", "/to/a", ""])
def test_a_key_outside_the_scope_is_never_asked_for(change: Callable[[S3Store, str], object], key: str) -> None:
    script = Script([WRITTEN])
    with scripted(script) as port, pytest.raises(MilvusOpsError) as caught:
        change(store_at(port), key)
    assert (caught.value.kind, script.requests) == ("internal", [])
