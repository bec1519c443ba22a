# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab itself, by its command line and its role, with real servers. It is a lab apart from that of the other tests.

The tests share one lab; each makes sure first that the lab is up, so each can run alone.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError
from collection_tree import CHECKOUT
from pymilvus import MilvusClient

SCRIPT = CHECKOUT / "roles/milvus_lab/files/milvus_lab.py"
READER = {"name": "reader", "access_key_id": "READER", "secret_access_key": "reads", "actions": ["Read:bucket-a"]}


class Lab:
    """The command line, as anybody would call it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def try_to(self, *arguments: str, request: object = None) -> tuple[int, dict[str, Any]]:
        command = [sys.executable, str(SCRIPT), *arguments, "--directory", str(self.directory)]
        if request is not None:
            command += ["--config", "-"]
        # A server that held on to this pipe would keep the call from returning.
        done = subprocess.run(
            command, input=json.dumps(request), capture_output=True, text=True, timeout=240, check=False
        )
        return done.returncode, json.loads(done.stdout)

    def run(self, *arguments: str, request: object = None) -> dict[str, Any]:
        code, answer = self.try_to(*arguments, request=request)
        assert code == 0, answer
        return answer


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("test_lab") / "lab")
    try:
        lab.run("start", request={"identities": [READER]})
        yield lab
    finally:
        lab.run("stop", "--wipe")


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    shared_lab.run("start")
    return shared_lab


def s3(answer: dict[str, Any], user: dict[str, Any] | None = None) -> Any:
    user = user or answer["s3"]
    return boto3.client(
        "s3",
        endpoint_url=answer["s3"]["endpoint"],
        region_name=answer["s3"]["region"],
        aws_access_key_id=user["access_key_id"],
        aws_secret_access_key=user["secret_access_key"],
    )


def milvus(answer: dict[str, Any], name: str, **options: Any) -> MilvusClient:
    instance = answer["instances"][name]
    return MilvusClient(f"http://{instance['address']}:{instance['port']}", timeout=30, **options)


def pids(answer: dict[str, Any]) -> dict[str, int]:
    return {"s3": answer["s3"]["pid"], **{name: server["pid"] for name, server in answer["instances"].items()}}


def ports(answer: dict[str, Any]) -> dict[str, int]:
    return {"s3": answer["s3"]["port"], **{name: server["port"] for name, server in answer["instances"].items()}}


def store_rows(client: MilvusClient, collection: str, rows: int) -> None:
    client.create_collection(collection, dimension=8)
    client.insert(collection, [{"id": number, "vector": [number / rows] * 8} for number in range(rows)])
    client.flush(collection)


def count(client: MilvusClient, collection: str) -> int:
    answer = client.query(collection, filter="", output_fields=["count(*)"], consistency_level="Strong")
    return int(answer[0]["count(*)"])


def processes_below(directory: Path) -> list[int]:
    """Every process whose working directory lies in the lab: the lab's servers and no others."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                folder = Path(os.readlink(entry / "cwd"))
            except OSError:
                continue
            if folder.is_relative_to(directory):
                found.append(int(entry.name))
    return sorted(found)


def error_of(call: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def test_the_default_lab_is_two_servers_in_one_bucket(lab: Lab) -> None:
    answer = lab.run("status")
    assert answer["running"] is True
    assert {name: server["root_path"] for name, server in answer["instances"].items()} == {
        "milvus_a": "files_a",
        "milvus_b": "files_b",
    }
    for name in answer["instances"]:
        client = milvus(answer, name)
        store_rows(client, "usable", 10)
        assert count(client, "usable") == 10
        client.drop_collection("usable")
    keys = [item["Key"] for item in s3(answer).list_objects_v2(Bucket="bucket-a")["Contents"]]
    assert {key.split("/")[0] for key in keys} == {"files_a", "files_b"}


def test_the_store_is_as_strict_as_others(lab: Lab) -> None:
    answer = lab.run("status")
    admin, reader = s3(answer), s3(answer, READER)
    admin.put_object(Bucket="bucket-a", Key="strict", Body=b"x")
    assert error_of(lambda: admin.delete_bucket(Bucket="bucket-a")) == "BucketNotEmpty"
    assert error_of(lambda: admin.put_object(Bucket="no-such-bucket", Key="x", Body=b"x")) == "NoSuchBucket"
    assert reader.get_object(Bucket="bucket-a", Key="strict")["Body"].read() == b"x"
    assert error_of(lambda: reader.put_object(Bucket="bucket-a", Key="strict", Body=b"y")) == "AccessDenied"
    admin.delete_object(Bucket="bucket-a", Key="strict")


def test_a_second_start_changes_nothing(lab: Lab) -> None:
    before = lab.run("status")
    state = (lab.directory / "lab.json").read_bytes()
    again = lab.run("start")
    assert again == before
    assert again["changed"] is False
    assert (lab.directory / "lab.json").read_bytes() == state


def test_what_the_lab_keeps_is_private(lab: Lab) -> None:
    secret = lab.run("status")["s3"]["secret_access_key"].encode()
    holders = [path for path in lab.directory.rglob("*") if path.suffix in (".json", ".yaml") and path.is_file()]
    holders = [path for path in holders if secret in path.read_bytes()]
    assert len(holders) == 4  # lab.json, identities.json, two milvus.yaml
    assert {path.stat().st_mode & 0o777 for path in holders} == {0o600}
    assert lab.directory.stat().st_mode & 0o777 == 0o700
    for pid in processes_below(lab.directory):
        assert secret not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert "secret_access_key" not in json.dumps(lab.run("status", "--no-secrets"))


def test_a_killed_server_comes_back_with_its_data_and_alone(lab: Lab) -> None:
    before = lab.run("status")
    client = milvus(before, "milvus_a")
    store_rows(client, "survivor", 500)
    client.close()
    dead = lab.run("kill", "--instance", "milvus_a")
    assert (dead["changed"], dead["running"]) == (True, False)
    assert pids(dead) == {**pids(before), "milvus_a": None}
    back = lab.run("start", "--instance", "milvus_a")
    assert back["changed"] is True
    assert pids(back)["milvus_a"] not in (None, pids(before)["milvus_a"])
    assert {**pids(back), "milvus_a": None} == pids(dead)
    assert ports(back) == ports(before)
    client = milvus(back, "milvus_a")
    client.flush("survivor")  # right away: this is what a server that is merely up cannot do
    client.load_collection("survivor")
    assert count(client, "survivor") == 500
    client.drop_collection("survivor")


def test_a_crashed_server_is_found_and_started_again(lab: Lab) -> None:
    before = lab.run("status")
    os.kill(pids(before)["s3"], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while lab.run("status")["s3"]["running"]:
        assert time.monotonic() < deadline
    after = lab.run("start")
    assert after["changed"] is True
    assert pids(after)["s3"] != pids(before)["s3"]
    assert {**pids(after), "s3": 0} == {**pids(before), "s3": 0}
    s3(after).put_object(Bucket="bucket-a", Key="again", Body=b"x")
    s3(after).delete_object(Bucket="bucket-a", Key="again")


def test_a_changed_option_restarts_only_its_server(lab: Lab) -> None:
    before = lab.run("status")
    secured = lab.run("start", request={"instances": {"milvus_b": {"authorization": True}}})
    assert secured["instances"]["milvus_b"]["authorization"] is True
    assert {name for name, pid in pids(secured).items() if pid != pids(before)[name]} == {"milvus_b"}
    assert milvus(secured, "milvus_b", user="root", password="Milvus").list_collections() == []
    with pytest.raises(Exception, match="illegal connection params"):
        milvus(secured, "milvus_b", user="root", password="wrong").list_collections()
    assert lab.run("start")["changed"] is False, "an option that is left out keeps its value"
    opened = lab.run("start", "--instance", "milvus_b:authorization=false")
    assert opened["instances"]["milvus_b"]["authorization"] is False
    assert milvus(opened, "milvus_b").list_collections() == []


def test_a_taken_port_is_named(lab: Lab) -> None:
    lab.run("stop", "--instance", "milvus_b")
    before = lab.run("status")
    port = ports(before)["milvus_b"]
    with socket.create_server(("127.0.0.1", port)):
        code, answer = lab.try_to("start")
    assert (code, answer["failed"], answer["failure"]["kind"]) == (1, True, "usage")
    assert f"{port} (proxy)" in answer["msg"]
    assert "milvus_b" in answer["failure"]["where"]
    assert pids(lab.run("status")) == pids(before)
    assert lab.run("start")["running"] is True


def test_a_server_that_dies_shows_its_last_words(lab: Lab) -> None:
    before = lab.run("status")
    broken = {"milvus_c": {"config": {"common": {"storageType": "no-such-store"}}}}
    code, answer = lab.try_to("start", request={"instances": broken})
    assert (code, answer["failed"]) == (1, True)
    assert answer["failure"]["where"] == "milvus_c"
    assert "no chunk manager implemented with engine: no-such-store" in answer["msg"]
    assert "goroutine" not in answer["msg"]
    assert str(lab.directory / "logs" / "milvus_c.log") in answer["msg"]
    after = lab.run("status")
    assert after["instances"].pop("milvus_c")["running"] is False
    assert pids(after) == pids(before)
    assert "milvus_c" not in lab.run("stop", "--instance", "milvus_c", "--wipe")["instances"]
    assert not (lab.directory / "milvus_c").exists()
    assert lab.run("start")["running"] is True


def test_a_server_that_is_never_ready_is_given_up_and_ended(lab: Lab) -> None:
    before = processes_below(lab.directory)
    stuck = {"milvus_c": {"config": {"minio": {"secretAccessKey": "wrong"}}}}
    code, answer = lab.try_to("start", "--timeout", "8", request={"instances": stuck})
    assert (code, answer["failure"]["kind"], answer["failure"]["where"]) == (1, "timeout", "milvus_c")
    assert answer["failure"]["retryable"] is True
    assert processes_below(lab.directory) == before
    lab.run("stop", "--instance", "milvus_c", "--wipe")


def test_a_start_that_is_cut_short_ends_what_it_has_started(lab: Lab) -> None:
    before = processes_below(lab.directory)
    command = [sys.executable, str(SCRIPT), "start", "--directory", str(lab.directory), "--instance", "milvus_c"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as start:
        deadline = time.monotonic() + 30
        while processes_below(lab.directory) == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        start.terminate()
        assert start.wait(timeout=30) != 0
    assert processes_below(lab.directory) == before
    lab.run("stop", "--instance", "milvus_c", "--wipe")


def test_stop_ends_exactly_what_it_started(lab: Lab, tmp_path: Path) -> None:
    other = Lab(tmp_path / "other")
    try:
        neighbour = other.run("start", "--instance", "milvus_a")
        before = lab.run("status")
        assert processes_below(lab.directory) == sorted(pids(before).values())
        assert set(ports(before).values()).isdisjoint(ports(neighbour).values())
        stopped = lab.run("stop")
        assert (stopped["changed"], stopped["running"]) == (True, False)
        assert processes_below(lab.directory) == []
        assert processes_below(other.directory) == sorted(pids(neighbour).values())
        assert other.run("status")["running"] is True
    finally:
        wiped = other.run("stop", "--wipe")
    assert (wiped["changed"], wiped["instances"]) == (True, {})
    assert processes_below(other.directory) == []
    assert not other.directory.exists()


def test_a_stopped_lab_comes_back_as_it_was(lab: Lab) -> None:
    before = lab.run("status")
    client = milvus(before, "milvus_b")
    store_rows(client, "kept", 100)
    client.close()
    s3(before).put_object(Bucket="bucket-a", Key="kept", Body=b"kept")
    assert lab.run("stop")["changed"] is True
    assert lab.run("stop")["changed"] is False
    back = lab.run("start")
    assert ports(back) == ports(before)
    assert back["s3"]["secret_access_key"] == before["s3"]["secret_access_key"]
    assert s3(back).get_object(Bucket="bucket-a", Key="kept")["Body"].read() == b"kept"
    client = milvus(back, "milvus_b")
    client.load_collection("kept")
    assert count(client, "kept") == 100
    client.drop_collection("kept")
    s3(back).delete_object(Bucket="bucket-a", Key="kept")


def test_wipe_removes_all_that_the_lab_made_and_nothing_else(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    lab.directory.mkdir()
    (lab.directory / "mine.txt").write_text("kept")
    try:
        lab.run("start", "--instance", "milvus_a")
        assert lab.run("kill", "--instance", "milvus_a")["s3"]["running"] is True
        lab.run("stop", "--instance", "milvus_a", "--wipe")  # the only one, so the store goes, too
        assert processes_below(lab.directory) == []
    finally:
        lab.run("stop", "--wipe")
    assert [path.name for path in lab.directory.iterdir()] == ["mine.txt"]
    assert lab.run("stop", "--wipe")["changed"] is False


@pytest.mark.playbook
@pytest.mark.newest
def test_the_playbook_starts_describes_and_stops_the_lab(ansible_playbook: Path, tmp_path: Path) -> None:
    lab, inventory = Lab(tmp_path / "lab"), tmp_path / "lab.yml"

    def play(state: str, *options: str) -> tuple[int, str]:
        variables = {
            "milvus_lab_state": state,
            "milvus_lab_directory": str(lab.directory),
            "milvus_lab_inventory_path": str(inventory),
        }
        command = [str(ansible_playbook), "vectorops.milvus.lab", "-e", json.dumps(variables), "-vvvv", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        changed = re.search(r"changed=(\d+)", done.stdout)
        assert changed
        return int(changed[1]), done.stdout

    try:
        assert play("start", "--check")[0] == 1
        assert not lab.directory.exists()
        changed, _unused = play("start")
        assert changed == 1
        answer = lab.run("status")
        assert answer["running"] is True
        assert play("started")[0] == 0
        changed, text = play("status")
        assert changed == 0
        assert f"milvus_a 127.0.0.1:{ports(answer)['milvus_a']} root path files_a" in text
        assert answer["s3"]["secret_access_key"] not in text
        group = yaml.safe_load(inventory.read_text())["milvus"]
        assert group["vars"]["milvus_secret_access_key"] == answer["s3"]["secret_access_key"]
        assert inventory.stat().st_mode & 0o777 == 0o600
        assert play("stop", "--check")[0] == 1
        assert lab.run("status")["running"] is True
        assert play("stop", "-e", "milvus_lab_wipe=true")[0] == 1
        assert not lab.directory.exists()
        assert play("stopped")[0] == 0
    finally:
        lab.run("stop", "--wipe")


@pytest.mark.playbook
def test_the_playbook_says_what_is_wrong(ansible_playbook: Path, tmp_path: Path) -> None:
    variables = {"milvus_lab_directory": str(tmp_path / "lab"), "milvus_lab_instances": {"milvus_a": {"tls_mode": 1}}}
    command = [str(ansible_playbook), "vectorops.milvus.lab", "-e", json.dumps(variables)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "tls_mode 1 needs server_cert_path" in done.stdout + done.stderr
    assert "Next step: set server_cert_path" in done.stdout + done.stderr
