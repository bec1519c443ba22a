# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that stand for those of the examples, with the collections, users and roles that these name."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import oracle
import yaml
from certificates import create_authority
from collection_tree import CHECKOUT
from doc_pages import blocks
from labs import RunningLab
from milvus_lab import LabConfig, start, stop
from played_examples import Place, Theatre
from pymilvus import MilvusClient

from playbooks import Inventory, Player

PLAIN, SECURED = ("milvus_a", "milvus_b"), ("milvus_c", "milvus_d")
SOURCES = ("milvus_a", "milvus_c")
ROWS, FEW = 400, 20
ONE_PARTITION = ("_default",)
BY_MISTAKE = range(100, 200)
PASSWORD = "Long-enough-1"
TODAY = "20261122"
RIGHTS_OF_A_BACKUP = (
    ("Global", "ListDatabases"),
    ("Collection", "ShowPartitions"),
    ("Collection", "Load"),
    ("Collection", "Flush"),
    ("Collection", "GetFlushState"),
)


@dataclass(frozen=True)
class Stage:
    """Two instances without logins, and two behind TLS with logins, on one store; another store for backups."""

    lab: RunningLab
    vault: RunningLab
    authority: str
    moment: str
    """When C(coll) still had the rows that somebody deleted by mistake."""

    def client(self, name: str, database: str = "default") -> MilvusClient:
        if name in PLAIN:
            return self.lab.side(name).client(database)
        uri = f"https://127.0.0.1:{self.lab.side(name).port}"
        return MilvusClient(uri=uri, token="root:Milvus", server_pem_path=self.authority, db_name=database)

    def options(self, name: str) -> dict[str, Any]:
        secured = {"user": "root", "password": "Milvus", "tls_mode": "server", "ca_path": self.authority}
        return {**self.lab.side(name).options, **(secured if name in SECURED else {})}

    def theatre(self, player: Player) -> Theatre:
        hosts = {
            name: {f"milvus_{option}": value for option, value in self.options(name).items()}
            for name in (*PLAIN, *SECURED)
        }
        groups = {
            "milvus_targets": {"milvus_b": hosts["milvus_b"]},
            "spare": {"milvus_d": hosts["milvus_d"]},
            "milvus_migrate_targets": pairs(),
        }
        inventory = Inventory({name: hosts[name] for name in SOURCES}, {}, groups)
        return Theatre(player, inventory, self.table(), self.variables())

    def table(self) -> dict[Place, Mapping[str, Any]]:
        """What stands for each place of the examples; the last ones stand for themselves."""
        instances = {f"milvus-{name[-1]}.example.com": self.lab.side(name).options for name in (*PLAIN, *SECURED)}
        store, vault = self.lab.answer["s3"], self.vault.answer["s3"]
        region = ("backup_storage_region", "eu-central-1")
        table: dict[Place, Mapping[str, Any]] = {
            ("address", address): {"address": options["address"], "port": options["port"]}
            for address, options in instances.items()
        }
        table |= {
            ("storage_address", "minio.example.com"): {"storage_address": store["address"]},
            ("storage_port", 9000): {"storage_port": store["port"]},
            region: {
                **dict([region]),
                "backup_storage_address": vault["address"],
                "backup_storage_port": vault["port"],
            },
            ("tls_mode", "server"): {"tls_mode": "server", "ca_path": self.authority},
            ("end_ts", "2026-11-22T10:00:00Z"): {"end_ts": self.moment},
            ("poll", 15): {"poll": 1},
        }
        return table | {place: dict([place]) for place in AS_THEY_STAND}

    def variables(self) -> dict[str, Any]:
        """What users keep in a vault, or give with the command."""
        store, vault = self.lab.answer["s3"], self.vault.answer["s3"]
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "access_key_id": store["access_key_id"],
            "secret_access_key": store["secret_access_key"],
            "vault_key_id": vault["access_key_id"],
            "vault_secret_key": vault["secret_access_key"],
            "vault_password": PASSWORD,
            "run_label": TODAY,
        }


AS_THEY_STAND: tuple[Place, ...] = (
    ("user", "backup"),
    ("user", "restore"),
    ("password", "{{ vault_password }}"),
    ("access_key_id", "{{ access_key_id }}"),
    ("secret_access_key", "{{ secret_access_key }}"),
    ("bucket_name", "bucket-a"),
    *(("root_path", f"files_{letter}") for letter in "abcd"),
    ("backup_storage_type", "aws"),
    ("backup_access_key_id", "{{ vault_key_id }}"),
    ("backup_secret_access_key", "{{ vault_secret_key }}"),
    ("backup_bucket_name", "milvus-backups"),
    ("backup_root_path", "team_a"),
)


def pairs() -> dict[str, dict[str, Any]]:
    """The jobs that the README of the role milvus_migrate has in its inventory."""
    page = "roles/milvus_migrate/README.md"
    shown = (yaml.safe_load(block.text) for block in blocks(page, (CHECKOUT / page).read_text(encoding="utf-8")))
    (found,) = (value["milvus_migrate_targets"] for value in shown if "milvus_migrate_targets" in value)
    return dict(found["hosts"])


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    authority = create_authority("ca", folder)
    pair = authority.issue("server", ["127.0.0.1"])
    files = {"server_cert_path": pair.cert_path, "server_key_path": pair.key_path, "ca_path": authority.path}
    secured = {"authorization": True, "tls_mode": 1, **files}
    instances: dict[str, dict[str, Any]] = {name: secured if name in SECURED else {} for name in (*PLAIN, *SECURED)}
    configs = LabConfig(folder / "lab", instances), LabConfig(folder / "vault", {"s3": {}})
    try:
        lab, vault = (RunningLab(start(config)) for config in configs)
        vault.s3().create_bucket(Bucket="milvus-backups")
        stage = Stage(lab, vault, authority.path, "")
        _fill(stage)
        yield Stage(lab, vault, authority.path, _mistake(stage.client("milvus_a")))
    finally:
        for config in configs:
            stop(LabConfig(config.directory), wipe=True)


def _fill(stage: Stage) -> None:
    """At once, as loading is mostly waiting. C(posters) have an index and are not loaded, some others have none."""
    for name in SOURCES:
        for database in ("films", "books"):
            stage.client(name).create_database(database)
    stage.client("milvus_d").create_database("archive")
    with ThreadPoolExecutor() as pool:
        made = [pool.submit(oracle.create_collection, stage.client("milvus_a"), "coll", ROWS, ONE_PARTITION)]
        made += [
            pool.submit(_small, stage.client(name), "films", True) for name in ("milvus_a", "milvus_b", "milvus_c")
        ]
        for name in SOURCES:
            made += [pool.submit(_small, stage.client(name, "films"), each) for each in ("posters", "scratch")]
            made.append(pool.submit(_small, stage.client(name, "books"), "novels"))
        for database in ("default", "archive"):
            client = stage.client("milvus_d", database)
            made.append(pool.submit(oracle.create_empty, client, "films_0611", ONE_PARTITION))
        made.append(pool.submit(_users, stage.client("milvus_c"), stage.client("milvus_d")))
        for each in made:
            each.result()


def _small(client: MilvusClient, name: str, loaded: bool = False) -> None:
    oracle.create_empty(client, name, ONE_PARTITION)
    oracle.insert(client, name, range(FEW), ONE_PARTITION)
    client.flush(name)
    if loaded:
        oracle.index_and_load(client, name)
    elif name == "posters":
        oracle.index(client, name)


def _users(source: MilvusClient, target: MilvusClient) -> None:
    """A login for backups with what these need, one for restores that may everything, and two writers."""
    for role, rights in (("backup", RIGHTS_OF_A_BACKUP), ("loader", (("Collection", "Insert"),))):
        source.create_role(role)
        for kind, privilege in rights:
            source.grant_privilege(role, kind, privilege, "*", db_name="*")
    for client, user, role in (
        (source, "backup", "backup"),
        (source, "importer", "admin"),
        (source, "writer", "loader"),
        (target, "restore", "admin"),
    ):
        client.create_user(user, PASSWORD)
        client.grant_role(user, role)


def _mistake(client: MilvusClient) -> str:
    """Somebody deletes rows; the moment before."""
    time.sleep(1.1)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    client.delete("coll", filter=f"id in {list(BY_MISTAKE)}")
    return moment
