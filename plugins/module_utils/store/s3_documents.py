# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The XML documents of S3: those that it answers with, and the few that it is sent."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from .base import StoredObject
from .http_wire import LineBroken
from .s3_errors import Refusal, may_succeed_again

NAMESPACE = re.compile(rb"""\sxmlns=("[^"]*"|'[^']*')""")
NOT_XML = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
"""With the carriage return, which a reader takes for a line feed."""

BEGIN = rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>)?\s*"
"""Blanks of any number: services send them to keep the line alive while they work."""


@dataclass(frozen=True)
class Page:
    """One page of a listing; C(token) asks for the next one, '' at the end."""

    objects: list[StoredObject]
    prefixes: list[str]
    truncated: bool
    token: str


def parse_page(body: bytes) -> Page:
    """Raises LineBroken for a document that is damaged or no listing: half a listing must not look like a whole one."""
    root = _parse(body)
    if root.tag != "ListBucketResult":
        raise LineBroken("ProtocolError", f"the answer to a listing is a document {root.tag[:60]!r}")
    decode = unquote_plus if root.findtext("EncodingType") == "url" else str
    objects, prefixes = [], []
    for item in root:
        if item.tag == "Contents":
            values = {field.tag: field.text or "" for field in item}
            objects.append(_stored(values, decode(values.get("Key", ""))))
        elif item.tag == "CommonPrefixes":
            prefixes.append(decode(item.findtext("Prefix") or ""))
    truncated = root.findtext("IsTruncated") == "true"
    return Page(objects, prefixes, truncated, root.findtext("NextContinuationToken") or "")


def parse_delete_errors(body: bytes) -> list[tuple[str, str, str]]:
    """Key, code and message of what was not deleted for good.

    Raises LineBroken with the code of one that may be deleted by another attempt; a deletion can be repeated as it is.
    """
    root = _parse(body)
    if root.tag != "DeleteResult":
        raise LineBroken("ProtocolError", f"the answer to a deletion is a document {root.tag[:60]!r}")
    names = ("Key", "Code", "Message")
    errors = [tuple(item.findtext(name) or "" for name in names) for item in root.iter("Error")]
    for _key, code, message in errors:
        if may_succeed_again(code):
            raise LineBroken(code, str(Refusal(code, message)))
    return errors  # type: ignore[return-value]


def parse_uploads(body: bytes) -> list[tuple[str, str]]:
    """Key and id of each upload in parts that is neither complete nor aborted. Raises LineBroken for a damaged one."""
    return [(item.findtext("Key") or "", item.findtext("UploadId") or "") for item in _parse(body).iter("Upload")]


def text_of(body: bytes, name: str) -> str:
    """The text of the first element of that name, '' where there is none."""
    found = _element(name).search(body)
    return html.unescape(found[1].decode("utf-8", "replace")) if found else ""


def has_text(body: bytes, name: str) -> bool:
    """Whether the first element of that name is not empty."""
    found = _element(name).search(body)
    return found is not None and bool(found[1])


def is_document(body: bytes, root: str) -> bool:
    """Whether this is a whole document with that root, an empty one too. A 200 may carry an error, or break off."""
    begin = _beginning(root).match(body)
    if begin is None:
        return False
    rest = body[begin.end() :].rstrip()
    return not rest if begin[2] else rest.endswith(b"</%s>" % root.encode())


def can_be_written(key: str) -> bool:
    """XML cannot hold every character that a key can."""
    return not NOT_XML.search(key)


def deletion(keys: Iterable[str]) -> bytes:
    items = "".join(f"<Object><Key>{html.escape(key)}</Key></Object>" for key in keys)
    return f"<Delete><Quiet>true</Quiet>{items}</Delete>".encode()


def completion(etags: Mapping[int, str]) -> bytes:
    """The parts of an upload by number."""
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{html.escape(etag)}</ETag></Part>"
        for number, etag in etags.items()
    )
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


@cache
def _element(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"<%s>([^<]*)</%s>" % (name.encode(), name.encode()))


@cache
def _beginning(root: str) -> re.Pattern[bytes]:
    return re.compile(BEGIN + rb"<%s(\s[^<>]*?)?(/?)>" % root.encode())


def _stored(values: Mapping[str, str], key: str) -> StoredObject:
    size = values.get("Size", "")
    if not key or not size.isdecimal():
        raise LineBroken("ProtocolError", f"a listing has the key {key[:60]!r} with the size {size[:20]!r}")
    return StoredObject(key, int(size), values.get("ETag", "").strip('"'))


def _parse(body: bytes) -> ElementTree.Element:
    """An S3 document has no document type: what could make a parser do more than parse is refused."""
    if b"<!DOCTYPE" in body:
        raise LineBroken("ProtocolError", "the answer has a document type declaration, which S3 never sends")
    try:
        return ElementTree.fromstring(NAMESPACE.sub(b"", body, count=1))
    except ElementTree.ParseError as error:
        raise LineBroken("ProtocolError", f"the answer is no whole document: {error}") from error
