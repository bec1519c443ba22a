# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that the servers read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from embedded_lab import milvus_server, object_store
from embedded_lab.inventory import inventory, write_inventory
from embedded_lab.models import Identity, Instance, Lab, Server
from embedded_lab.report import describe, without_secrets
from embedded_lab.yaml_text import merged, parse_template, to_yaml

TEMPLATE = """
# a comment
etcd:
  endpoints: localhost:{{ etcd_port(int): 2379 }}
  log:
    level: {{ level: info }} # Only supports debug, info
  data:
    dir: {{ data_dir }}

minio:
  useSSL: false # no
  iamEndpoint:
  # region: none
  region: ""
rocksmq:
  compressionTypes: [0, 0, 7]
  build: '{"M": 18,"metric_type": "IP"}'
"""
PORTS = {name: 20000 + number for number, name in enumerate(milvus_server.PORT_NAMES)}
INSTANCE = Instance("milvus_a", "files_a")
LAB = Lab(
    bucket="bucket-a",
    admin=Identity("lab-admin", "KEY", "s3cr3t: #", ("Admin",)),
    identities=(Identity("reader", "K2", "another secret", ("Read:bucket-a",)),),
    instances={"milvus_a": INSTANCE},
    servers={"s3": Server({"s3": 19000}), "milvus_a": Server(PORTS)},
)


def read(tree: dict[str, Any]) -> Any:
    return yaml.safe_load("\n".join(to_yaml(tree)))


def test_the_template_is_read_as_yaml_reads_it() -> None:
    assert read(parse_template(TEMPLATE)) == {
        "etcd": {"endpoints": "localhost:2379", "log": {"level": "info"}, "data": {"dir": ""}},
        "minio": {"useSSL": False, "iamEndpoint": None, "region": ""},
        "rocksmq": {"compressionTypes": [0, 0, 7], "build": '{"M": 18,"metric_type": "IP"}'},
    }


def test_changes_are_laid_over_key_by_key() -> None:
    base = {"a": {"b": 1, "c": 2}, "d": 3, "e": {"f": 4}}
    assert merged(base, {"a": {"b": 9}, "d": {"x": 1}, "e": 5}) == {"a": {"b": 9, "c": 2}, "d": {"x": 1}, "e": 5}
    assert base["a"] == {"b": 1, "c": 2}


@pytest.mark.parametrize("value", ["a: b", "# no comment", "'", '"', "\n", "yes", "1", "{}", "", True, 0, [1, "x"]])
def test_any_value_survives(value: object) -> None:
    assert read({"key": value}) == {"key": value}


def test_every_listener_of_a_server_has_its_own_port(tmp_path: Path) -> None:
    own = milvus_server.settings(INSTANCE, LAB, PORTS, tmp_path)
    numbers = [own[role]["port"] for role in (*milvus_server.ROLES, "proxy", "indexCoord")]
    etcd = milvus_server.etcd_settings(PORTS, tmp_path)
    urls = " ".join(str(value) for value in etcd.values())
    used = {*numbers, own["proxy"]["internalPort"], PORTS["metrics"]}
    used |= {port for port in PORTS.values() if f":{port}" in urls}
    assert used == set(PORTS.values())
    assert own["etcd"]["endpoints"] == f"127.0.0.1:{PORTS['etcd']}"


def test_a_server_stores_below_its_root_path_in_the_bucket(tmp_path: Path) -> None:
    minio = milvus_server.settings(INSTANCE, LAB, PORTS, tmp_path)["minio"]
    assert (minio["bucketName"], minio["rootPath"], minio["port"]) == ("bucket-a", "files_a", 19000)
    assert (minio["accessKeyID"], minio["secretAccessKey"]) == ("KEY", "s3cr3t: #")


def test_the_options_of_an_instance_reach_its_configuration(tmp_path: Path) -> None:
    instance = Instance(
        "milvus_a", "files_a", authorization=True, tls_mode=2, server_cert_path="/c", server_key_path="/k", ca_path="/a"
    )
    own = milvus_server.settings(instance, LAB, PORTS, tmp_path)
    assert own["common"]["security"] == {"authorizationEnabled": True, "tlsMode": 2}
    assert own["tls"] == {"serverPemPath": "/c", "serverKeyPath": "/k", "caPemPath": "/a"}


def test_the_callers_configuration_wins(tmp_path: Path) -> None:
    instance = Instance(
        "milvus_a", "files_a", config={"dataCoord": {"gc": {"interval": 10}}, "log": {"level": "debug"}}
    )
    own = milvus_server.settings(instance, LAB, PORTS, tmp_path)
    assert own["dataCoord"] == {"ip": "127.0.0.1", "port": PORTS["dataCoord"], "gc": {"interval": 10}}
    assert own["log"]["level"] == "debug"


def test_the_servers_do_not_see_the_callers_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MILVUS_PASSWORD", "AWS_REGION", "MINIO_ADDRESS"):
        monkeypatch.setenv(name, "foreign")
    for environment in (milvus_server.environment(tmp_path, LAB.servers["milvus_a"], tmp_path),):
        assert "foreign" not in environment.values()
    monkeypatch.delenv("MILVUS_PASSWORD")
    monkeypatch.delenv("MINIO_ADDRESS")
    assert "foreign" not in object_store.environment().values()


def test_the_store_binds_loopback_and_reports_to_nobody(tmp_path: Path) -> None:
    ports = {name: 20000 + number for number, name in enumerate(object_store.PORT_NAMES)}
    command = object_store.command(Path("/bin/weed"), tmp_path, ports)
    assert {"-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"} < set(command)
    assert {"-s3.allowDeleteBucketNotEmpty=false", "-s3.autoCreateBucket=false"} < set(command)
    assert all(any(word.endswith(f"={port}") for word in command) for port in ports.values())
    assert not any("SECRET" in word.upper() for word in command)


def test_the_stores_users_are_private(tmp_path: Path) -> None:
    path = tmp_path / "identities.json"
    object_store.write_identities(path, (LAB.admin, *LAB.identities))
    assert path.stat().st_mode & 0o777 == 0o600
    users = yaml.safe_load(path.read_text())["identities"]
    assert [user["name"] for user in users] == ["lab-admin", "reader"]
    assert users[1]["actions"] == ["Read:bucket-a"]


def test_the_inventory_describes_the_lab(tmp_path: Path) -> None:
    result = describe(LAB, tmp_path, changed=True)
    path = tmp_path / "hosts.yml"
    assert write_inventory(path, result)
    assert not write_inventory(path, result)
    assert path.stat().st_mode & 0o777 == 0o600
    group = yaml.safe_load(path.read_text())["milvus"]
    assert group["vars"] == {
        "milvus_address": "127.0.0.1",
        "milvus_storage_address": "127.0.0.1",
        "milvus_storage_port": 19000,
        "milvus_storage_use_ssl": False,
        "milvus_bucket_name": "bucket-a",
        "milvus_access_key_id": "KEY",
        "milvus_secret_access_key": "s3cr3t: #",
    }
    assert group["hosts"]["milvus_a"] == {
        "milvus_port": PORTS["proxy"],
        "milvus_root_path": "files_a",
        "milvus_management_endpoint": f"http://127.0.0.1:{PORTS['metrics']}",
    }


def test_the_inventory_says_how_to_log_in(tmp_path: Path) -> None:
    secured = Instance(
        "milvus_a", "files_a", authorization=True, tls_mode=1, server_cert_path="/c", server_key_path="/k"
    )
    lab = Lab(LAB.bucket, LAB.admin, (), {"milvus_a": secured}, LAB.servers)
    host = inventory(describe(lab, tmp_path, changed=False))["milvus"]["hosts"]["milvus_a"]
    assert host["milvus_authorization_enabled"] is True
    assert (host["milvus_user"], host["milvus_tls_mode"], host["milvus_ca_path"]) == ("root", 1, "/c")


def test_the_answer_without_secrets_has_none(tmp_path: Path) -> None:
    result = describe(LAB, tmp_path, changed=False)
    assert "s3cr3t" in str(result)
    shown = without_secrets(result)
    assert "s3cr3t" not in str(shown)
    assert "another secret" not in str(shown)
    assert shown["s3"]["access_key_id"] == "KEY"
