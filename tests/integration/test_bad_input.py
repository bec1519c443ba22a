# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong arguments and wrong places: a clear error of the right kind, in seconds, before anything is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import oracle
import pytest
from labs import RunningLab, Side
from module_process import ModuleRun, run

PARTS = ("kind", "operation", "where", "cause", "state_left", "next_step", "retryable")
Arguments = dict[str, Any]


@pytest.fixture
def unchanged(lab: RunningLab, target: Side) -> Iterator[None]:
    """No object appears or changes, no collection appears, whatever the test calls."""
    before, collections = lab.objects(), target.client().list_collections()
    yield
    assert lab.objects() == before
    assert target.client().list_collections() == collections


def backup_of(source: Side, collection: str, **changes: Any) -> Arguments:
    return {**source.options, "name": "never_made", "collections": [collection], **changes}


def assert_failure(made: ModuleRun, kind: str, *words: str) -> None:
    assert made.kind == kind, made.output
    failure, text = made.result["failure"], made.result["msg"]
    assert tuple(sorted(failure)) == tuple(sorted(PARTS))
    assert all(failure[part] != "" for part in PARTS), failure
    assert "\n" not in text
    assert "Traceback" not in made.output
    for word in words:
        assert word.lower() in text.lower(), text


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        pytest.param({"port": 9}, "unreachable", ("127.0.0.1:9", "gRPC port"), id="wrong port"),
        pytest.param({"address": ""}, "usage", ("address",), id="no address"),
        pytest.param({"bucket_name": "no-such-bucket"}, "not_found", ("no-such-bucket", "bucket_name"), id="bucket"),
        pytest.param(
            {"root_path": "files_x"}, "root_path", ("files_x/insert_log/", "are: files_a"), id="wrong root path"
        ),
        pytest.param({"root_path": "files_a/../b"}, "usage", ("root_path",), id="odd root path"),
        pytest.param({"access_key_id": "NOBODY"}, "credentials", ("InvalidAccessKeyId",), id="unknown key"),
        pytest.param({"secret_access_key": "wrong-secret"}, "credentials", ("SignatureDoesNotMatch",), id="secret"),
        pytest.param({"secret_access_key": ""}, "usage", ("half a credential",), id="half a credential"),
        pytest.param({"storage_port": 9}, "unreachable", ("storage_port",), id="wrong storage port"),
        pytest.param({"storage_type": "azure"}, "usage", ("azure", "minio"), id="storage type"),
        pytest.param({"backup_storage_address": "other"}, "usage", ("backup_access_key_id",), id="foreign endpoint"),
        pytest.param({"collections": ["nobody"]}, "not_found", ("nobody", "films"), id="collection missing"),
        pytest.param({"collections": ["films; drop"]}, "usage", ("films; drop",), id="odd collection name"),
        pytest.param({"collections": []}, "usage", ("'*.*'",), id="empty selection"),
        pytest.param({"collections": [" ", ""]}, "usage", ("'*.*'",), id="blank selection"),
        pytest.param({"exclude": ["films"]}, "usage", ("excluded",), id="everything excluded"),
        pytest.param({"name": "a/b"}, "bad_name", ("a/b",), id="name with a slash"),
        pytest.param({"name": ".."}, "bad_name", ("..",), id="name that goes up"),
        pytest.param({"name": " "}, "bad_name", ("empty",), id="blank name"),
        pytest.param({"name": ""}, "bad_name", ("empty",), id="empty name"),
        pytest.param({"name": "********"}, "bad_name", ("********",), id="masked name"),
        pytest.param({"tls_mode": "server"}, "unreachable", ("TLS",), id="TLS where there is none"),
        pytest.param({"token": "t", "user": "u", "password": "p"}, "usage", ("token",), id="two logins"),
        pytest.param({"ca_path": "/no/such/file", "tls_mode": "1"}, "usage", ("ca_path",), id="CA file missing"),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_wrong_backup_arguments(
    source: Side, films: str, changes: Arguments, kind: str, words: tuple[str, ...]
) -> None:
    assert_failure(run("milvus_backup", backup_of(source, films, **changes)), kind, *words)


@pytest.mark.parametrize("name", ["", " ", ".", "..", "*", "/", "a/../b", "a//b", "../escape", "a\nb", "x" * 200])
@pytest.mark.usefixtures("unchanged")
def test_no_odd_name_removes_anything(source: Side, name: str) -> None:
    """A name templated to nothing must never become the whole backup folder."""
    removed = run("milvus_backup", {**source.options, "name": name, "state": "absent", "force_foreign": True})
    assert_failure(removed, "bad_name")


@pytest.fixture(scope="module")
def backup(lab: RunningLab, films: str) -> str:
    made = run("milvus_backup", {**lab.side("milvus_a").options, "name": "for_bad_input", "collections": [films]})
    assert not made.failed, made.output
    return "for_bad_input"


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        pytest.param({"name": "nowhere"}, "not_found", ("nowhere", "backups here: "), id="no such backup"),
        pytest.param({"name": "a/b"}, "bad_name", ("a/b",), id="odd name"),
        pytest.param({"collections": ["nobody"]}, "not_found", ("nobody", "films"), id="collection not in it"),
        pytest.param({"collections": []}, "usage", ("'*.*'",), id="empty selection"),
        pytest.param({"rename": {"nobody": "x"}}, "not_found", ("nobody",), id="rename of nothing"),
        pytest.param({"rename": {"default.*": "x"}}, "usage", ("default.*",), id="half a rename"),
        pytest.param({"suffix": "-x"}, "usage", ("-x",), id="odd suffix"),
        pytest.param({"suffix": "x" * 260}, "usage", ("255",), id="target name too long"),
        pytest.param({"backup_bucket_name": "elsewhere"}, "not_found", ("bucket",), id="no such bucket"),
        *(
            pytest.param({"planned_backup": planned}, "usage", ("database, name, rows",), id=text)
            for text, planned in (
                ("planned without collections", {"name": "x"}),
                ("planned in words", {"collections": ["films"]}),
                ("planned without rows", {"collections": [{"database": "default", "name": "films"}]}),
            )
        ),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_wrong_restore_arguments(
    target: Side, films: str, backup: str, changes: Arguments, kind: str, words: tuple[str, ...]
) -> None:
    arguments = {**target.options, "name": backup, "collections": [films], "suffix": "_never", **changes}
    assert_failure(run("milvus_restore", arguments, check="planned_backup" in changes), kind, *words)


def test_a_wrong_root_path_of_an_empty_target_is_found_by_its_first_import(
    lab: RunningLab, target: Side, films: str, backup: str
) -> None:
    """Nothing can prove it beforehand. The staging collection is gone again, and no key is written below that path."""
    arguments = {**target.options, "root_path": "files_x", "name": backup, "collections": [films], "suffix": "_never"}
    assert_failure(run("milvus_restore", arguments), "root_path", "files_x", "the target is untouched")
    assert target.client().list_collections() == []
    assert lab.objects("files_x") == {}


def test_a_target_that_exists_is_left_alone(target: Side, films: str, backup: str) -> None:
    """It fails before anything is created; with skip it warns; an alias counts as existing."""
    client = target.client()
    oracle.create_collection(client, "mine", rows=10)
    client.create_alias("mine", "films_alias")
    arguments = {**target.options, "name": backup, "collections": [films]}
    try:
        for rename in ({"films": "mine"}, {"films": "films_alias"}):
            assert_failure(run("milvus_restore", {**arguments, "rename": rename}), "target_exists", rename["films"])
            skipped = run("milvus_restore", {**arguments, "rename": rename, "if_exists": "skip"})
            assert (skipped.result["changed"], skipped.result["collections"][0]["state"]) == (False, "skipped")
            assert "left alone" in skipped.output
        assert client.list_collections() == ["mine"]
        assert oracle.count(client, "mine") == len(oracle.expected(10))
    finally:
        client.drop_alias("films_alias")
        client.drop_collection("mine")


def test_logins(guarded: RunningLab) -> None:
    """The right login works by user and by token; every wrong one is a matter of credentials, and is not shown."""
    options = {**guarded.side("milvus_a").options}
    for login in ({"user": "root", "password": "Milvus"}, {"token": "root:Milvus"}):
        info = run("milvus_info", {**options, **login})
        assert not info.failed, info.output
        assert info.result["databases"] == ["default"]
    wrong: list[dict[str, Any]] = [
        {"user": "root", "password": "wrong-password"},
        {"user": "nobody", "password": "wrong-password"},
        {"token": "root:wrong-password"},
        {},
        {"user": "root", "password": "wrong-password", "authorization_enabled": False},
    ]
    for login in wrong:
        refused = run("milvus_info", {**options, **login})
        assert_failure(refused, "credentials", "login")
        assert "wrong-password" not in refused.output
    by_environment = run(
        "milvus_info", options, environment={**os.environ, "MILVUS_USER": "root", "MILVUS_PASSWORD": "Milvus"}
    )
    assert not by_environment.failed, by_environment.output
