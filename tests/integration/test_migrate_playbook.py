# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example project against real servers: ansible-playbook migrate.yml and verify.yml, judged from outside."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oracle
import pytest
from collection_tree import CHECKOUT
from labs import RunningLab, Side
from pymilvus import DataType, MilvusClient

from playbooks import Inventory, Player, Run

pytestmark = pytest.mark.playbook

Fresh = Callable[[str], str]
LOOK_AWAY = ("id", "collection_id", "collection_name", "created_timestamp", "update_timestamp", "properties", "aliases")


@pytest.fixture
def player(ansible_playbook: Path, tmp_path: Path) -> Player:
    return Player(ansible_playbook, tmp_path, CHECKOUT / "examples" / "project")


def variables(side: Side) -> dict[str, Any]:
    return {f"milvus_{option}": value for option, value in side.options.items()}


def inventory(*sides: Side, jobs: dict[str, dict[str, Any]] | None = None) -> Inventory:
    groups = {"milvus_migrate_targets": jobs} if jobs else {}
    return Inventory({side.name: variables(side) for side in sides}, {}, groups)


def job(collection: str, backup: str, suffix: str) -> list[str]:
    """The arguments of the README: the job of milvus_b."""
    settings = {
        "source": "milvus_a",
        "target": "milvus_b",
        "collections": collection,
        "backup_name": backup,
        "suffix": suffix,
    }
    return [word for name, value in settings.items() for word in ("-e", f"milvus_migrate_{name}={value}")]


def recap(run: Run, host: str) -> dict[str, int]:
    line = next(line for line in run.output.splitlines() if re.match(rf"{host} +: ok=", line))
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", line)}


def definition(client: MilvusClient, name: str) -> dict[str, Any]:
    """Schema, partitions, indexes and load state, by the client of the server's makers."""
    described = client.describe_collection(name)
    indexes = [client.describe_index(name, index) for index in client.list_indexes(name)]
    return {
        "schema": {key: value for key, value in described.items() if key not in LOOK_AWAY},
        "partitions": sorted(client.list_partitions(name)),
        "indexes": [{key: it[key] for key in ("field_name", "index_type", "metric_type", "nlist")} for it in indexes],
        "load_state": str(client.get_load_state(name)["state"]),
    }


def test_a_collection_moves(
    player: Player, lab: RunningLab, source: Side, target: Side, films: str, fresh: Fresh
) -> None:
    """The command of the README: what it leaves in the bucket and on both servers; again: nothing changes."""
    backup, suffix = fresh("my_backup"), fresh("_bak")
    restored, here, there = films + suffix, source.client(), target.client()
    before = lab.objects(f"{source.root_path}/insert_log/")
    hosts, arguments = inventory(source, target), job(films, backup, suffix)

    first = player.run("migrate.yml", *arguments, "-vvv", inventory=hosts)
    assert first.code == 0, first.output
    assert recap(first, "milvus_b")["changed"] == 2
    secret = str(source.options["secret_access_key"])
    for text in (secret, base64.b64encode(secret.encode()).decode()):
        assert text not in first.output
    assert f"{films} -> {restored}, restored, {len(oracle.expected())} rows" in first.output
    summary = first.after("PLAY [Sum up")
    assert re.search(rf"milvus_b milvus_a milvus_b {backup} done 1 {len(oracle.expected()):,} \d+ .*yes", summary)

    saved = lab.objects(f"backup/{backup}/")
    assert f"backup/{backup}/meta/full_meta.json" in saved
    assert any(key.startswith(f"backup/{backup}/binlogs/insert_log/") for key in saved)
    assert oracle.differences(oracle.read_all(there, restored), oracle.expected()) == []
    assert definition(there, restored) == definition(here, films)
    assert definition(there, restored)["load_state"] == "Loaded"
    collection_id = there.describe_collection(restored)["collection_id"]
    assert lab.objects(f"{target.root_path}/insert_log/{collection_id}/")
    assert oracle.differences(oracle.read_all(here, films), oracle.expected()) == []
    assert lab.objects(f"{source.root_path}/insert_log/") == before

    second = player.run("migrate.yml", *arguments, inventory=hosts)
    assert second.code == 0, second.output
    assert recap(second, "milvus_b")["changed"] == 0
    assert "changed: [" not in second.output
    assert there.describe_collection(restored)["collection_id"] == collection_id

    compared = player.run("verify.yml", *arguments, inventory=hosts)
    assert compared.code == 0, compared.output
    assert f"milvus_a {films} and milvus_b {restored} are equal in {len(oracle.expected())} rows" in compared.output

    there.delete(restored, ids=[1])
    drifted = player.run("verify.yml", *arguments, inventory=hosts)
    assert drifted.code == 2
    rows = len(oracle.expected())
    assert f"differ in rows: {rows} and {rows - 1}; checksum of the rows" in drifted.flat
    assert "This is drift, not damage" in drifted.flat
    assert re.search(r'"milvus_b milvus_a milvus_b failed 1 1 [\d,]+ drift"', drifted.flat)

    there.release_collection(restored)
    idle = player.run("verify.yml", *arguments, inventory=hosts)
    assert idle.code == 2
    assert "is not loaded on the target: load it there and compare again" in idle.flat
    assert re.search(r'"milvus_b milvus_a milvus_b failed 1 1 [\d,]+ not_loaded"', idle.flat)


def test_check_shows_both_plans_and_writes_nothing(
    player: Player, lab: RunningLab, source: Side, target: Side, films: str, fresh: Fresh
) -> None:
    backup, suffix = fresh("planned"), fresh("_planned")
    before, collections = lab.objects(), sorted(target.client().list_collections())
    run = player.run(
        "migrate.yml", *job(films, backup, suffix), "--check", "--diff", inventory=inventory(source, target)
    )
    assert run.code == 0, run.output
    assert re.search(rf"\+.*{films}: 4000 rows, \d+ segments, \d+ objects", run.output)
    assert f"+{films}{suffix}: restored from {films}: 4000 rows" in run.output
    assert f"{films} -> {films}{suffix}, planned" in run.output
    assert lab.objects() == before
    assert sorted(target.client().list_collections()) == collections


@pytest.mark.newest
def test_a_broken_job_leaves_the_others_alone(
    player: Player, source: Side, target: Side, films: str, fresh: Fresh, tmp_path: Path
) -> None:
    """With serial 1 and the broken job first, the good one still runs; summary and report have both; the run fails."""
    dead = Side("milvus_dead", 1, "files_dead", {**source.options, "port": 1, "root_path": "files_dead"})
    pair = {"milvus_migrate_target_host": "milvus_b", "milvus_migrate_collections": [films]}
    suffix = fresh("_good")
    jobs = {
        "a_broken": {**pair, "milvus_migrate_source": "milvus_dead"},
        "b_good": {**pair, "milvus_migrate_source": "milvus_a", "milvus_migrate_suffix": suffix},
    }
    reports = [tmp_path / f"report.{kind}" for kind in ("json", "md", "html")]
    arguments = ["-e", "milvus_migrate_serial=1", "-e", f"milvus_migrate_run={fresh('run')}"]
    arguments += ["-e", f"milvus_migrate_report_file={','.join(map(str, reports))}"]
    run = player.run("migrate.yml", *arguments, inventory=inventory(source, target, dead, jobs=jobs))
    assert run.code == 2
    summary = run.after("PLAY [Sum up")
    assert "a_broken milvus_dead milvus_b - failed - - - - - - unreachable" in summary
    assert re.search(r"b_good milvus_a milvus_b \w+ done 1 [\d,]+", summary)
    assert recap(run, "a_broken")["failed"] == 1
    assert recap(run, "b_good")["failed"] == 0
    assert oracle.count(target.client(), films + suffix) == len(oracle.expected())
    report = json.loads(reports[0].read_text())
    assert [(it["job"], it["state"]) for it in report["jobs"]] == [("a_broken", "failed"), ("b_good", "done")]
    assert report["jobs"][0]["cause"].startswith("unreachable: ")
    assert report["jobs"][1]["rows"] == len(oracle.expected())
    assert {"backup copy", "restore import"} <= set(report["jobs"][1]["seconds_by_phase"])
    for written in reports[1:]:
        assert "b_good" in written.read_text()


@pytest.mark.newest
def test_a_part_moves_only_where_that_is_accepted(
    player: Player, source: Side, target: Side, films: str, fresh: Fresh
) -> None:
    """One of two collections cannot be backed up: the job fails before it restores, or restores the other one."""
    suffix, odd, here = fresh("_part"), fresh("odd"), source.client()
    schema = here.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT16_VECTOR, dim=4)  # which this server line cannot import
    here.create_collection(odd, schema=schema)
    arguments = [*job(f"{films},{odd}", fresh("part"), suffix), "-e", "milvus_migrate_on_collection_error=skip"]
    refused = player.run("migrate.yml", *arguments, inventory=inventory(source, target))
    assert refused.code == 2, refused.output
    assert f"lacks {odd}, and nothing was restored" in refused.flat
    assert not target.client().has_collection(films + suffix)
    accepted = player.run(
        "migrate.yml", *arguments, "-e", "milvus_migrate_allow_partial=yes", inventory=inventory(source, target)
    )
    here.drop_collection(odd)
    assert accepted.code == 0, accepted.output
    assert "Migration, 1 job: 1 partial" in accepted.flat
    assert oracle.count(target.client(), films + suffix) == len(oracle.expected())
