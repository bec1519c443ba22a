# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example inventories: each parses, and every host gets its own place and its own secrets. No server is needed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from collection_tree import CHECKOUT

from playbooks import Inventory, Player

pytestmark = pytest.mark.playbook

FOLDER = CHECKOUT / "examples" / "inventories"
ENVIRONMENT = {
    f"{place}_{half}": f"{place} {half}"
    for place in ("STORE", "FRA", "IAD", "CORP", "VAULT")
    for half in ("KEY", "SECRET")
}
# What each task says of its host and of the source of its job: identity, and the options of instance and backup store.
SHOWN = """{{ {'instance': lookup('vectorops.milvus.instance', inventory_hostname, side='source'),
               'backup': lookup('vectorops.milvus.instance', inventory_hostname, side='source', part='backup'),
               'places': lookup('vectorops.milvus.instance', inventory_hostname, side='source', part='identity'),
               'from': milvus_migrate_source | default('')} | to_json }}"""


def places(milvus: str, data: str, backup: str) -> dict[str, str]:
    return {"milvus": f"{milvus}.example.com:19530", "data": data, "backup": backup}


def one_bucket(number: int) -> dict[str, Any]:
    name, store = f"milvus-0{number}", "minio.example.com:9000/bucket-a"
    return {
        "places": places(name, f"{store}/files/{name}", f"{store}/backup"),
        "secrets": ("STORE SECRET", "STORE SECRET"),
        "from": f"milvus-0{number - 3}" if number > 3 else "",
    }


def region(short: str, bucket: str, what: str) -> dict[str, Any]:
    here = f"aws/{bucket}"
    return {
        "places": places(f"{what}.{short}", f"{here}/{what}", f"{here}/backup"),
        "secrets": (f"{short.upper()} SECRET",) * 2,
        "from": f"{what}_fra" if short == "iad" else "",
    }


EXPECTED: dict[str, dict[str, dict[str, Any]]] = {
    "one_bucket": {f"milvus-0{number}": one_bucket(number) for number in range(1, 7)},
    "two_regions": {
        f"{what}_{short}": region(short, bucket, what)
        for short, bucket in (("fra", "vectors-fra"), ("iad", "vectors-iad"))
        for what in ("orders", "films")
    },
    "different_stores": {
        "milvus_old": {
            "places": places(
                "milvus.corp", "minio.corp.example.com:9000/milvus/files", "vault.example.com:443/backups/milvus"
            ),
            "secrets": ("CORP SECRET", "VAULT SECRET"),
            "from": "",
        },
        "milvus_new": {
            "places": places("milvus.cloud", "aws/corp-vectors/prod", "vault.example.com:443/backups/milvus"),
            "secrets": (None, "VAULT SECRET"),
            "from": "milvus_old",
        },
    },
    "vaulted": {
        f"milvus_{letter}": {
            "places": places(
                f"milvus-{letter}",
                f"minio.example.com:9000/bucket-a/files_{letter.upper()}",
                "minio.example.com:9000/bucket-a/backup",
            ),
            "secrets": ("secret of the store", "secret of the store"),
            "password": f"password of milvus_{letter}",
            "from": "milvus_a" if letter == "b" else "",
        }
        for letter in "ab"
    },
}


def test_every_example_is_expected_here() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_host_gets_its_own(name: str, ansible_playbook: Path, tmp_path: Path) -> None:
    inventory, key = FOLDER / f"{name}.yml", tmp_path / "key"
    key.write_text("example\n")
    opening = ["--vault-password-file", str(key)] if name == "vaulted" else []
    program = ansible_playbook.with_name("ansible-inventory")
    listing = subprocess.run(
        [str(program), "-i", str(inventory), "--list", *opening], capture_output=True, text=True, timeout=60, check=True
    )
    parsed = json.loads(listing.stdout)
    assert set(parsed["_meta"]["hostvars"]) == set(EXPECTED[name])
    jobs = {host for host, expected in EXPECTED[name].items() if expected["from"]}
    assert set(parsed["milvus_migrate_targets"]["hosts"]) == jobs

    write = {"ansible.builtin.copy": {"content": SHOWN, "dest": f"{tmp_path}/{{{{ inventory_hostname }}}}.json"}}
    play = {"hosts": "all", "connection": "local", "gather_facts": False, "tasks": [write]}
    arguments = ["-i", str(inventory), *opening]
    environment = {**ENVIRONMENT, "ANSIBLE_PYTHON_INTERPRETER": str(ansible_playbook.with_name("python"))}
    run = Player(ansible_playbook, tmp_path).run(
        [play], *arguments, inventory=Inventory({}, {}), environment=environment
    )
    assert run.code == 0, run.output
    for host, expected in EXPECTED[name].items():
        found = json.loads((tmp_path / f"{host}.json").read_text())
        secrets = (found["instance"].get("secret_access_key"), found["backup"]["backup_secret_access_key"])
        assert (found["places"], secrets) == (expected["places"], expected["secrets"])
        assert found["instance"].get("password") == expected.get("password")
        assert found["from"] == expected["from"]
