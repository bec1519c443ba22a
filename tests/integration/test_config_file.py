# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup.yaml of milvus-backup in place of the options: both schemas against real servers, and through the lookup."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from labs import RunningLab, Side
from module_process import run

from playbooks import Inventory, Player

BACKUP_ROOT = "by_config_file"


def old_schema(lab: RunningLab, side: Side) -> dict[str, Any]:
    """As the tool's own sample has it: everything written out, ports as text, the backup side the same place again."""
    store = lab.answer["s3"]
    keys = {"AccessKeyID": store["access_key_id"], "SecretAccessKey": store["secret_access_key"]}
    own = {"Address": store["address"], "Port": str(store["port"]), **keys, "UseSSL": "false", "BucketName": lab.bucket}
    backup = {f"backup{name}": value for name, value in own.items()}
    return {
        "milvus": {"address": side.options["address"], "port": str(side.port), "tlsMode": 0, "user": None},
        "minio": {**own, "rootPath": side.root_path, **backup, "backupRootPath": BACKUP_ROOT, "crossStorage": False},
        "backup": {"parallelism": {"copydata": 128}},
    }


def new_schema(lab: RunningLab, side: Side) -> dict[str, Any]:
    store = lab.answer["s3"]
    auth = {"accessKeyID": store["access_key_id"], "secretAccessKey": store["secret_access_key"]}
    own = {"address": store["address"], "port": store["port"], "bucketName": lab.bucket, "auth": auth}
    return {
        "configVersion": "v2",
        "milvus": {
            "grpc": {"address": side.options["address"], "port": side.port},
            "storage": {**own, "rootPath": side.root_path},
        },
        "backup": {"storage": {"rootPath": BACKUP_ROOT}, "pauseGC": True},
        "transfer": {"mode": "auto"},
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, Any]], str]:
    def write(content: dict[str, Any]) -> str:
        path = tmp_path / "backup.yaml"
        path.write_text(yaml.safe_dump(content))
        return str(path)

    return write


@pytest.mark.parametrize(
    ("schema", "content", "idle"),
    [
        ("v1", old_schema, ["backup.parallelism.copydata", "minio.crossStorage"]),
        ("v2", new_schema, ["backup.pauseGC", "transfer.mode"]),
    ],
)
def test_a_config_file_is_enough(
    lab: RunningLab,
    source: Side,
    films: str,
    fresh: Callable[[str], str],
    write: Callable[[dict[str, Any]], str],
    schema: str,
    content: Callable[[RunningLab, Side], dict[str, Any]],
    idle: list[str],
) -> None:
    """The backup lies where the file says, the report names keys only, and no secret of the file is printed."""
    path, name = write(content(lab, source)), fresh("by_file")
    info = run("milvus_info", {"config_file": path})
    assert not info.failed, info.output
    assert (info.result["root_path"], info.result["root_path_proof"]) == (source.root_path, "proven")
    assert info.result["backup_root_path"] == BACKUP_ROOT
    made = run("milvus_backup", {"config_file": path, "name": name, "collections": [films]})
    assert not made.failed, made.output
    assert f"{BACKUP_ROOT}/{name}/meta/full_meta.json" in lab.objects(f"{BACKUP_ROOT}/{name}/")
    for result in (info, made):
        report = result.result["config_file"]
        assert (report["path"], report["schema"], report["unknown"]) == (path, schema, [])
        assert report["not_applicable"] == idle
        assert lab.answer["s3"]["secret_access_key"] not in json.dumps(result.result)
        # the arguments of a run are repeated in its result, and there the file is only named
        assert lab.answer["s3"]["secret_access_key"] not in result.output


def test_without_a_config_file_nothing_is_reported(source: Side) -> None:
    assert "config_file" not in run("milvus_info", source.options).result


def test_options_complete_and_correct_a_config_file(
    lab: RunningLab, source: Side, write: Callable[[dict[str, Any]], str]
) -> None:
    """The addresses of the file are those inside of some network; the backup side follows the one that is given."""
    content = old_schema(lab, source)
    content["milvus"]["address"] = content["minio"]["Address"] = content["minio"]["backupAddress"] = "inner.invalid"
    arguments = {"config_file": write(content), "address": "127.0.0.1", "storage_address": "127.0.0.1"}
    info = run("milvus_info", {**arguments, "timeout": 10})
    assert not info.failed, info.output
    assert info.result["root_path_proof"] == "proven"


def test_a_misspelled_key_is_told(lab: RunningLab, source: Side, write: Callable[[dict[str, Any]], str]) -> None:
    content = new_schema(lab, source)
    content["milvus"]["grpc"]["adress"] = "x"
    info = run("milvus_info", {"config_file": write(content)})
    assert info.result["config_file"]["unknown"] == ["milvus.grpc.adress"]
    assert "milvus.grpc.adress" in info.output


def test_a_wrong_secret_in_a_config_file_is_not_shown(
    lab: RunningLab, source: Side, write: Callable[[dict[str, Any]], str]
) -> None:
    content = new_schema(lab, source)
    content["milvus"]["storage"]["auth"]["secretAccessKey"] = "CANARY-SECRET"
    refused = run("milvus_info", {"config_file": write(content)})
    assert refused.kind == "credentials"
    assert "CANARY" not in refused.output


def test_a_config_file_comes_before_the_environment(
    lab: RunningLab, source: Side, write: Callable[[dict[str, Any]], str]
) -> None:
    wrong = {
        "MILVUS_STORAGE_AUTH_ACCESS_KEY_ID": "NOBODY",
        "MILVUS_STORAGE_AUTH_SECRET_ACCESS_KEY": "wrong-secret",
    }
    arguments = {"config_file": write(new_schema(lab, source))}
    info = run("milvus_info", arguments, environment={**os.environ, **wrong})
    assert not info.failed, info.output


@pytest.mark.playbook
def test_a_config_file_of_a_host(
    lab: RunningLab,
    source: Side,
    target: Side,
    films: str,
    fresh: Callable[[str], str],
    write: Callable[[dict[str, Any]], str],
    ansible_playbook: Path,
    tmp_path: Path,
) -> None:
    """The source of a migration is described by its file alone; the target finds its backup by the lookup."""
    name, suffix = fresh("by_lookup"), fresh("_by_lookup")
    keys = ("address", "port", "root_path", "storage_address", "storage_port")
    keys = (*keys, "access_key_id", "secret_access_key", "bucket_name")
    hosts = {
        "milvus_a": {"milvus_config_file": write(new_schema(lab, source))},
        "milvus_b": {f"milvus_{option}": target.options[option] for option in keys},
    }
    whole = "{{ lookup('vectorops.milvus.instance', 'milvus_a', side='source') }}"
    pair = (
        "{{ lookup('vectorops.milvus.instance', 'milvus_b', side='target', part='instance')"
        " | combine(lookup('vectorops.milvus.instance', 'milvus_a', side='source', part='backup')) }}"
    )
    tasks = [
        {
            "vectorops.milvus.milvus_backup": {"name": name, "collections": [films]},
            "module_defaults": {"group/vectorops.milvus.milvus": whole},
        },
        {
            "vectorops.milvus.milvus_restore": {"name": name, "collections": [films], "suffix": suffix},
            "module_defaults": {"group/vectorops.milvus.milvus": pair},
        },
    ]
    play = {
        "hosts": "milvus_b",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": tasks,
    }
    done = Player(ansible_playbook, tmp_path).run([play], inventory=Inventory(hosts, {}))
    assert done.code == 0, done.output
    client = target.client()
    assert f"{films}{suffix}" in client.list_collections()
    client.drop_collection(f"{films}{suffix}")
