# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the S3 client makes of answers that a real service gives rarely: redirects, half answers, refusals in parts."""

from __future__ import annotations

import base64
import stat
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from scripted_s3 import EMPTY_LIST, EMPTY_LISTING, Script, http, scripted

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store import retry, s3_parts
from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import (
    ConditionFailed,
    Pin,
    TransferBroken,
    WriteScope,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.retry import ATTEMPTS
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3 import S3Store
from ansible_collections.vectorops.milvus.plugins.module_utils.store.s3_errors import Refusal

pytestmark = pytest.mark.usefixtures("alone")

TOLD_REGION = http(
    "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>", "400 Bad Request"
)
SECRET = "the-secret-key"


def store_at(port: int, *scope: str, **changes: Any) -> S3Store:
    options = {
        "storage_address": "127.0.0.1",
        "storage_port": port,
        "access_key_id": "key",
        "secret_access_key": SECRET,
        "bucket_name": "bucket",
    }
    return S3Store(instance_store({**options, **changes}), WriteScope(scope))


def test_the_region_that_the_service_names_is_used_from_then_on() -> None:
    script = Script([TOLD_REGION, EMPTY_LISTING])
    with scripted(script) as port:
        store = store_at(port)
        assert not store.has_objects("a/")
        assert not store.has_objects("b/")
    scopes = [script.header(number, "authorization").split("/")[2] for number in range(3)]
    assert scopes == ["us-east-1", "eu-west-1", "eu-west-1"]


def test_a_region_that_was_set_is_not_replaced() -> None:
    with scripted(Script([TOLD_REGION])) as port, pytest.raises(MilvusOpsError) as caught:
        store_at(port, storage_region="us-east-1").has_objects("a/")
    assert caught.value.kind == "credentials"


def test_a_redirect_is_not_followed() -> None:
    """It could lead a signed request, or the bytes of a backup, to anywhere."""
    elsewhere = Script([EMPTY_LISTING])
    with scripted(elsewhere) as other:
        script = Script([http(status="307 Temporary Redirect", Location=f"http://127.0.0.1:{other}/bucket")])
        with scripted(script) as port, pytest.raises(MilvusOpsError) as caught:
            store_at(port).has_objects("a/")
    assert caught.value.kind == "usage"
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(http(b"0123456789"), id="all of it"),
        pytest.param(http(b"0123", "206 Partial Content", Content_Range="bytes 0-3/10"), id="another range"),
    ],
)
def test_another_range_than_asked_for_is_not_taken(answer: bytes) -> None:
    with scripted(Script([answer])) as port:
        reading = store_at(port).open_range(Pin("key", "", 10), 4, 4)
        with pytest.raises(TransferBroken), reading:
            pytest.fail("these are not the bytes 4 to 7")


def test_a_range_is_read() -> None:
    answer = http(b"4567", "206 Partial Content", Content_Range="bytes 4-7/10")
    with scripted(Script([answer])) as port, store_at(port).open_range(Pin("key", "", 10), 4, 4) as reader:
        assert reader.read(10) == b"4567"


def test_a_page_of_something_on_the_way_is_not_taken_for_a_stored_object() -> None:
    """What was stored has an ETag; a sign-in page, a 200 too, has none, and the object would be missing."""
    script = Script([http("<html>sign in</html>"), http(ETag='"e"')])
    with scripted(script) as port:
        assert store_at(port, "a/").write("a/1", b"x") == "e"
    assert len(script.requests) == 2
    with scripted(Script([http("<html>sign in</html>")])) as port, pytest.raises(MilvusOpsError) as caught:
        store_at(port, "a/").write("a/1", b"x")
    assert caught.value.kind == "unreachable"


NO_PAGE = http("<html>no such page</html>", "404 Not Found")


@pytest.mark.parametrize("bare", [NO_PAGE, http(status="404 Not Found")], ids=["a page", "nothing"])
def test_a_404_of_something_on_the_way_does_not_say_that_an_object_is_missing(bare: bytes) -> None:
    """A manifest would be none, and an object of a plan be gone; a service says NoSuchKey."""
    script = Script([bare, http("x", ETag='"e"')])
    with scripted(script) as port:
        stored = store_at(port).read("key", 10)
    assert stored is not None
    assert len(script.requests) == 2
    with scripted(Script([bare])) as port, pytest.raises(MilvusOpsError) as caught:
        store_at(port).read("key", 10)
    assert caught.value.kind == "unreachable"
    assert "404: no document of the service says why" in caught.value.failure.cause


def test_an_object_that_is_missing_is_not_asked_for_again() -> None:
    script = Script([http("<Error><Code>NoSuchKey</Code></Error>", "404 Not Found")])
    with scripted(script) as port:
        assert store_at(port).read("key", 10) is None
    assert len(script.requests) == 1


@pytest.mark.parametrize("beginnings", [1, 2])
def test_an_upload_that_nobody_ends_is_taken_back(monkeypatch: pytest.MonkeyPatch, beginnings: int) -> None:
    """An earlier run left it, or the answer to its beginning was lost: it costs money, and no listing shows it."""
    monkeypatch.setattr(s3_parts, "SINGLE_BYTES", 10)
    begun = "<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>"
    uploads = (("a/1", "first"), ("a/1", "second"), ("a/10", "another's"))
    items = "".join(f"<Upload><Key>{key}</Key><UploadId>{number}</UploadId></Upload>" for key, number in uploads)
    script = Script(
        [
            *[http(begun.format("first")[:-9])] * (beginnings - 1),
            http(begun.format("second")),
            http(f"<ListMultipartUploadsResult>{items}</ListMultipartUploadsResult>"),
            http(status="204 No Content"),
            http("<CopyPartResult><ETag>e</ETag></CopyPartResult>"),
            http("<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"),
        ]
    )
    with scripted(script) as port:
        store = store_at(port, "a/")
        store.copy_from(store, "b/1", "", 10, "a/1")
    asked = [head.split(" HTTP")[0].removesuffix("=") for head in script.requests]
    listed, *others = asked[beginnings:]
    assert [listed, others[0]] == ["GET /bucket?prefix=a%2F1&uploads", "DELETE /bucket/a/1?uploadId=first"]
    assert [line for line in asked if line.startswith("DELETE")] == others[:1]
    assert "uploadId=second" in asked[-1]


@pytest.mark.parametrize("code", ["SlowDown", "SlowDownWrite", "SomethingNew"])
def test_a_key_that_the_service_could_not_delete_now_is_deleted_later(code: str) -> None:
    busy = f"<DeleteResult><Error><Key>a/1</Key><Code>{code}</Code><Message>later</Message></Error></DeleteResult>"
    script = Script([http(busy), http("<DeleteResult></DeleteResult>")])
    with scripted(script) as port:
        assert store_at(port, "a/").delete(["a/1", "a/2"]) == 2
    assert len(script.requests) == 2


@pytest.mark.parametrize(("code", "kind"), [("AccessDenied", "permission"), ("InvalidRequest", "internal")])
def test_a_key_that_may_not_be_deleted_is_named(code: str, kind: str) -> None:
    """As MinIO says C(InvalidRequest) of one that is locked."""
    denied = f"<DeleteResult><Error><Key>a/1</Key><Code>{code}</Code><Message>no</Message></Error></DeleteResult>"
    script = Script([http(denied)])
    with scripted(script) as port, pytest.raises(MilvusOpsError) as caught:
        store_at(port, "a/").delete(["a/1"])
    assert (caught.value.kind, len(script.requests)) == (kind, 1)
    assert caught.value.failure.where.endswith("/a/1")


@pytest.mark.parametrize("code", ["InternalError", "SlowDownWrite", "SomethingNew"])
def test_an_error_in_a_success_is_a_fault_of_the_service_that_may_pass(code: str) -> None:
    copied = '<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>'
    script = Script([http(f"<Error><Code>{code}</Code><Message>odd</Message></Error>"), http(copied)])
    with scripted(script) as port:
        store = store_at(port, "a/")
        store.copy_from(store, "b/1", "", 1, "a/1")
    assert len(script.requests) == 2


@pytest.mark.parametrize("code", ["SlowDownRead", "SomethingNew"])
def test_a_busy_service_is_asked_again_for_longer_whatever_it_calls_that(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More often than a broken connection is tried again: it is alive."""
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 0.01)
    script = Script([http(f"<Error><Code>{code}</Code></Error>", "503 Busy")] * (ATTEMPTS + 2) + [http("x")])
    with scripted(script) as port:
        store = store_at(port)
        assert store.read("key", 10) is not None
    assert len(script.requests) == ATTEMPTS + 3


def test_reading_an_object_again_survives_a_break() -> None:
    script = Script([http(b"0123", Connection="close").replace(b"Length: 4", b"Length: 9"), http(b"012345678")])
    with scripted(script) as port:
        digest = store_at(port).digest("key")
    assert digest is not None
    assert digest.size == 9


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(http(EMPTY_LIST[:-10]), id="no end"),
        pytest.param(http(f"<!DOCTYPE x [<!ENTITY a 'b'>]>{EMPTY_LIST}"), id="a document type"),
        pytest.param(b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n", id="no status"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n", id="no length"),
        pytest.param(http("<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>"), id="no size"),
    ],
)
def test_half_an_answer_is_no_empty_listing(answer: bytes) -> None:
    with scripted(Script([answer])) as port, pytest.raises(MilvusOpsError) as caught:
        list(store_at(port).list_objects("a/"))
    assert caught.value.kind == "unreachable"


def test_a_page_without_the_place_of_the_next_one_is_not_the_last() -> None:
    """What is not listed would be taken for missing, or for gone."""
    page = "<Contents><Key>a/1</Key><Size>1</Size></Contents><IsTruncated>true</IsTruncated>"
    script = Script([http(f"<ListBucketResult>{page}</ListBucketResult>")])
    with scripted(script) as port, pytest.raises(MilvusOpsError) as caught:
        list(islice(store_at(port).list_objects("a/"), 10))
    assert "a page of the listing is missing" in str(caught.value)


def test_chunked_answers_are_read() -> None:
    body = EMPTY_LIST.encode()
    chunks = b"".join(b"%x;a=b\r\n%s\r\n" % (len(piece), piece) for piece in (body[:7], body[7:]))
    head = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    script = Script([head + chunks + b"0\r\nTrailer: x\r\n\r\n", EMPTY_LISTING])
    with scripted(script) as port:
        store = store_at(port)
        assert not store.has_objects("a/")
        assert not store.has_objects("a/")
        assert store.service.site.connections.opened == 1


@pytest.mark.parametrize("name", ["access_key_id", "session_token"])
def test_a_line_break_does_not_become_a_header(name: str) -> None:
    script = Script([EMPTY_LISTING])
    with scripted(script) as port, pytest.raises(MilvusOpsError) as caught:
        store_at(port, **{name: "x\r\nx-amz-acl: public-read"}).has_objects("a/")
    assert caught.value.kind == "usage"
    assert script.requests == []


def test_an_etag_with_a_line_break_does_not_become_a_header() -> None:
    script = Script([EMPTY_LISTING])
    with scripted(script) as port:
        store = store_at(port, "b/")
        with pytest.raises(MilvusOpsError):
            store.copy_from(store, "a/1", 'x"\r\nx-amz-acl: public-read', 5, "b/1")
    assert script.requests == []


def test_a_failure_names_the_cause_and_no_secret() -> None:
    refused = http("<Error><Code>SignatureDoesNotMatch</Code><Message>no &amp; no</Message></Error>", "403 Forbidden")
    with scripted(Script([refused])) as port, pytest.raises(MilvusOpsError) as caught:
        store_at(port).has_objects("a/")
    assert caught.value.kind == "credentials"
    assert caught.value.failure.cause == "SignatureDoesNotMatch: no & no"
    assert SECRET not in repr(caught.value.failure)


def test_a_proxy_of_the_environment_is_used_with_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script([EMPTY_LISTING])
    with scripted(script) as port:
        monkeypatch.setenv("http_proxy", f"http://me:p%40ss@127.0.0.1:{port}")
        assert not store_at(9000, storage_address="store.invalid").has_objects("a/")
        login = base64.b64encode(b"me:p@ss").decode()
        assert script.requests[0].startswith("GET http://store.invalid:9000/bucket?")
        assert script.header(0, "proxy-authorization") == f"Basic {login}"
        assert "proxy-authorization" not in script.header(0, "authorization")


def test_a_service_named_in_no_proxy_is_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with scripted(Script([EMPTY_LISTING])) as port:
        assert not store_at(port).has_objects("a/")


def test_a_proxy_that_refuses_a_tunnel_gets_nothing_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script([http(status="403 Forbidden")])
    with scripted(script) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        with pytest.raises(MilvusOpsError) as caught:
            store_at(9000, storage_address="store.invalid", storage_use_ssl=True).has_objects("a/")
    assert caught.value.kind == "unreachable"
    assert "403" in caught.value.failure.cause
    assert {request.split("\r\n")[0] for request in script.requests} == {"CONNECT store.invalid:9000 HTTP/1.1"}
    assert not any("AWS4" in request for request in script.requests)


def test_a_proxy_of_another_kind_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://me:hidden@127.0.0.1:1")
    with pytest.raises(MilvusOpsError) as caught:
        store_at(9000, storage_address="store.invalid")
    assert caught.value.kind == "usage"
    assert "hidden" not in repr(caught.value.failure)


def test_credentials_of_the_chain_are_renewed_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that expire soon are asked for again before they do: here by every request."""
    program = tmp_path / "keys.py"
    program.write_text(
        f"#!{sys.executable}\n"
        "import datetime, json, pathlib\n"
        f"count = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "number = len(count.read_text()) if count.exists() else 0\n"
        "count.write_text('x' * (number + 1))\n"
        "soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=60)\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'KEY{number}', 'SecretAccessKey': 's',\n"
        "                  'SessionToken': f'T{number}', 'Expiration': soon.isoformat()}))\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    script = Script([EMPTY_LISTING])
    with scripted(script) as port:
        store = store_at(port, access_key_id=None, secret_access_key=None, use_iam=True)
        for prefix in ("a/", "b/"):
            store.has_objects(prefix)
    tokens = [int(script.header(number, "x-amz-security-token")[1:]) for number in range(2)]
    assert tokens[0] < tokens[1]
    assert f"Credential=KEY{tokens[1]}/" in script.header(1, "authorization")


def test_an_unknown_code_is_repeated_only_for_a_fault_of_the_service() -> None:
    script = Script([http("<Error><Code>Odd</Code></Error>", "520 Odd"), EMPTY_LISTING])
    with scripted(script) as port:
        assert not store_at(port).has_objects("a/")
    refused = Script([http("<Error><Code>Odd</Code></Error>", "418 Odd")])
    with scripted(refused) as port, pytest.raises(MilvusOpsError) as caught:
        store_at(port).has_objects("a/")
    assert isinstance(caught.value.__cause__, Refusal)


@pytest.mark.parametrize(
    ("date", "seconds"),
    [("Sun, 06 Nov 1994 08:49:37 GMT", 784111777), ("06 Nov 1994", None), ("Sun, 06 Foo 1994 08:49:37 GMT", None)],
)
def test_the_clock_of_the_service_is_read(date: str, seconds: int | None) -> None:
    """A date that is none leaves this host's clock."""
    began = time.time()
    with scripted(Script([http("x", Date=date, Last_Modified=date)])) as port:
        stored = store_at(port).read("key", 10)
    assert stored is not None
    assert stored.store_now == stored.modified
    assert stored.store_now == seconds if seconds else stored.store_now >= began


def test_an_unmet_condition_may_be_told_by_a_304_that_has_no_body() -> None:
    """As older releases of MinIO do; a client that waits for a body waits for the end of the connection."""
    script = Script([b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n"])
    with scripted(script) as port, pytest.raises(ConditionFailed):
        store_at(port, "a/").write("a/b", b"x", if_absent=True)
    assert len(script.requests) == 1


def test_what_a_service_does_not_have_is_not_asked_for_again() -> None:
    answer = http("<Error><Code>NotImplemented</Code><Message>no such header</Message></Error>", "501 Not Implemented")
    script = Script([answer])
    with scripted(script) as port, pytest.raises(MilvusOpsError) as caught:
        store_at(port, "a/").write("a/b", b"x", if_absent=True)
    assert (caught.value.kind, len(script.requests)) == ("version", 1)
    assert "conditional writes" in caught.value.failure.next_step
