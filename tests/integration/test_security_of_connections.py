# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Milvus behind TLS: one instance that shows a certificate, one that also asks for the client's, one without TLS.

Every call of a module is a process of its own, as a channel could outlive the options that it was opened with.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import oracle
import pytest
from certificates import Authority, KeyPair, create_authority
from labs import RunningLab
from milvus_lab import LabConfig, start, stop
from module_process import run
from pymilvus import MilvusClient

ONE_WAY, MUTUAL, PLAIN = "milvus_a", "milvus_b", "milvus_c"
INNER_NAME = "milvus-b.internal"
"""The only name in the certificate of the instance with mutual TLS; its address is not in it."""

SECONDS = 30
"""Enough for a busy machine to start a process and to fail; the time-out of a call would end later."""

Options = dict[str, Any]


@dataclass(frozen=True)
class Secured:
    """The lab, the files of its TLS by name, and the options that work for each instance."""

    lab: RunningLab
    files: Mapping[str, str]

    def options(self, instance: str, **changes: Any) -> Options:
        right: dict[str, Options] = {
            ONE_WAY: {"tls_mode": "server", "ca_path": self.files["ca"]},
            MUTUAL: {
                "tls_mode": "2",
                "ca_path": self.files["ca"],
                "server_name": INNER_NAME,
                "client_cert_path": self.files["client"],
                "client_key_path": self.files["client key"],
            },
            PLAIN: {},
        }
        options = {**self.lab.side(instance).options, "timeout": 60, **right[instance], **changes}
        return {name: value for name, value in options.items() if value is not None}

    def client(self, instance: str) -> MilvusClient:
        uri = f"https://127.0.0.1:{self.lab.side(instance).port}"
        if instance == ONE_WAY:
            return MilvusClient(uri=uri, server_pem_path=self.files["ca"])
        return MilvusClient(
            uri=uri,
            ca_pem_path=self.files["ca"],
            client_pem_path=self.files["client"],
            client_key_path=self.files["client key"],
            server_name=INNER_NAME,
        )


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = Path(tmp_path_factory.mktemp("certificates"))
    ours, other = create_authority("ca", folder), create_authority("other-ca", folder)
    server, inner = ours.issue("server", ["127.0.0.1", "localhost"]), ours.issue("inner", [INNER_NAME])
    client, stranger = ours.issue("client"), other.issue("stranger")
    garbage = folder / "garbage.pem"
    garbage.write_text("this is no certificate\n")
    config = LabConfig(
        directory=Path(tmp_path_factory.mktemp("secured")),
        instances={
            ONE_WAY: {"tls_mode": 1, **_server_files(server, ours)},
            MUTUAL: {"tls_mode": 2, **_server_files(inner, ours)},
            PLAIN: {},
        },
    )
    files = {
        "ca": ours.path,
        "other ca": other.path,
        "client": client.cert_path,
        "client key": client.key_path,
        "stranger": stranger.cert_path,
        "stranger key": stranger.key_path,
        "garbage": str(garbage),
        "nowhere": str(folder / "nowhere.pem"),
    }
    try:
        yield Secured(RunningLab(start(config)), files)
    finally:
        stop(LabConfig(directory=config.directory), wipe=True)


def _server_files(pair: KeyPair, authority: Authority) -> dict[str, str]:
    return {"server_cert_path": pair.cert_path, "server_key_path": pair.key_path, "ca_path": authority.path}


@pytest.fixture(scope="module")
def films(secured: Secured) -> str:
    oracle.create_collection(secured.client(ONE_WAY), "films", rows=400)
    return "films"


def test_a_collection_moves_from_one_way_to_mutual_tls(secured: Secured, films: str) -> None:
    """Preflight, backup and restore, each with the right files; what arrives is what was there."""
    info = run("milvus_info", secured.options(ONE_WAY))
    assert not info.failed, info.output
    assert info.result["root_path_proof"] == "proven"
    made = run("milvus_backup", secured.options(ONE_WAY, name="over_tls", collections=[films]))
    assert not made.failed, made.output
    moved = run("milvus_restore", secured.options(MUTUAL, name="over_tls", collections=[films], suffix="_bak"))
    assert not moved.failed, moved.output
    client = secured.client(MUTUAL)
    assert oracle.differences(oracle.read_all(client, "films_bak"), oracle.expected(400)) == []


@pytest.mark.parametrize(
    ("instance", "changes"),
    [
        pytest.param(ONE_WAY, {"address": "localhost"}, id="another name of the certificate"),
        pytest.param(ONE_WAY, {"tls_mode": "1", "server_name": "localhost"}, id="expected name"),
        pytest.param(
            ONE_WAY,
            {"tls_mode": "mutual", "client_cert_path": "client", "client_key_path": "client key"},
            id="client certificate that nobody asks for",
        ),
    ],
)
def test_more_that_works(secured: Secured, films: str, instance: str, changes: Options) -> None:
    info = run("milvus_info", secured.options(instance, **_with_paths(secured, changes)))
    assert not info.failed, info.output


CASES = [
    pytest.param(
        ONE_WAY, {"ca_path": "other ca"}, "unreachable", ("CERTIFICATE_VERIFY_FAILED", "set ca_path"), id="wrong CA"
    ),
    pytest.param(
        ONE_WAY, {"ca_path": None}, "unreachable", ("CERTIFICATE_VERIFY_FAILED", "set ca_path"), id="no CA named"
    ),
    pytest.param(ONE_WAY, {"ca_path": "nowhere"}, "usage", ("ca_path=", "No such file"), id="CA file missing"),
    pytest.param(ONE_WAY, {"ca_path": "garbage"}, "usage", ("garbage.pem", "PEM"), id="CA file is none"),
    pytest.param(
        ONE_WAY, {"server_name": "other.internal"}, "unreachable", ("Hostname", "set server_name"), id="wrong name"
    ),
    pytest.param(MUTUAL, {"server_name": None}, "unreachable", ("Hostname", "set server_name"), id="name left out"),
    pytest.param(ONE_WAY, {"tls_mode": None}, "unreachable", ("needs tls_mode",), id="plain to one-way TLS"),
    pytest.param(MUTUAL, {"tls_mode": "0"}, "unreachable", ("needs tls_mode",), id="plain to mutual TLS"),
    pytest.param(
        PLAIN, {"tls_mode": "server", "ca_path": "ca"}, "unreachable", ("tls_mode: disabled",), id="TLS to plain"
    ),
    pytest.param(
        MUTUAL,
        {"tls_mode": "server"},
        "unreachable",
        ("tls_mode: mutual", "client_cert_path"),
        id="no client certificate",
    ),
    pytest.param(
        MUTUAL,
        {"client_cert_path": "stranger", "client_key_path": "stranger key"},
        "unreachable",
        ("client certificate that it trusts",),
        id="client certificate of another CA",
    ),
    pytest.param(MUTUAL, {"client_key_path": None}, "usage", ("client_key_path",), id="no client key"),
    pytest.param(MUTUAL, {"client_key_path": "stranger key"}, "usage", ("does not belong",), id="key of another"),
    pytest.param(MUTUAL, {"client_cert_path": "nowhere"}, "usage", ("client_cert_path=",), id="certificate missing"),
]


@pytest.mark.parametrize(("instance", "changes", "kind", "words"), CASES)
def test_a_wrong_tls_option_is_told_within_seconds(
    secured: Secured, instance: str, changes: Options, kind: str, words: tuple[str, ...]
) -> None:
    """The words are those of the cause and of the advice that ends this trouble, and of no other."""
    started = time.monotonic()
    refused = run("milvus_info", secured.options(instance, **_with_paths(secured, changes)))
    assert refused.kind == kind, refused.output
    assert time.monotonic() - started < SECONDS
    failure, text = refused.result["failure"], refused.result["msg"]
    assert [word for word in words if word.lower() not in text.lower()] == []
    assert failure["retryable"] is (kind == "unreachable")
    assert "Traceback" not in refused.output


def test_nothing_is_written_where_the_instance_is_not_trusted(secured: Secured, films: str) -> None:
    before = secured.lab.objects()
    changes = {"ca_path": secured.files["other ca"], "name": "never_made", "collections": [films]}
    refused = run("milvus_backup", secured.options(ONE_WAY, **changes))
    assert refused.kind == "unreachable", refused.output
    assert refused.result["failure"]["state_left"] == "nothing was written"
    assert secured.lab.objects() == before


def _with_paths(secured: Secured, changes: Options) -> Options:
    """Options of files are given by the name of the file among those of the lab."""
    return {
        name: secured.files.get(value, value) if name.endswith("_path") else value for name, value in changes.items()
    }
