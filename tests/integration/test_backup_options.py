# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of a backup do: strategies, partial backups, roles and users, the pause of garbage collection."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import oracle
import pytest
from fake_milvus import profiles
from labs import RunningLab, Side
from management_stand_in import management
from milvus_proxy import MilvusProxy
from module_process import run
from pymilvus import DataType, MilvusClient

Fresh = Callable[[str], str]
NOT_ON_2_3 = {
    *("FlushAll", "GetFlushAllState", "DescribeDatabase", "AlterDatabase", "BackupRBAC", "RestoreRBAC"),
    *("ListPrivilegeGroups", "CreatePrivilegeGroup", "OperatePrivilegeGroup", "OperatePrivilegeV2"),
}
"""Some of them exist there, and mean something else."""


@pytest.fixture
def client(source: Side) -> MilvusClient:
    return source.client()


def create_half_vectors(client: MilvusClient, name: str) -> None:
    """A collection that this server line can store but not import."""
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT16_VECTOR, dim=4)
    client.create_collection(name, schema=schema)


def full_meta(lab: RunningLab, name: str) -> dict[str, Any]:
    body = lab.s3().get_object(Bucket=lab.bucket, Key=f"backup/{name}/meta/full_meta.json")["Body"].read()
    return dict(json.loads(body))


def test_a_partial_backup_says_so_and_is_completed_later(
    lab: RunningLab, source: Side, target: Side, films: str, client: MilvusClient, fresh: Fresh
) -> None:
    """The next run adds what was missing and touches nothing else; the id, and so what was restored, stays valid."""
    name, odd = fresh("partial"), fresh("odd")
    create_half_vectors(client, odd)
    arguments = {**source.options, "name": name, "collections": [films, odd]}
    refused = run("milvus_backup", arguments)
    assert refused.kind == "version"
    assert odd in refused.result["msg"]
    skipping = {**arguments, "on_collection_error": "skip"}
    partial = run("milvus_backup", skipping)
    assert not partial.failed, partial.output
    assert partial.result["backup"]["state"] == "partial"
    assert list(partial.result["backup"]["skipped_collections"]) == [odd]
    assert f"{odd} was left out" in partial.output
    held = lab.objects(f"backup/{name}/binlogs/")

    still = run("milvus_backup", skipping)
    assert (still.result["changed"], still.result["backup"]["state"]) == (False, "partial")

    client.drop_collection(odd)
    pattern = {**skipping, "name": fresh("by_pattern"), "collections": ["*.*"], "exclude": []}
    create_half_vectors(client, odd)
    assert run("milvus_backup", pattern).result["backup"]["state"] == "partial"
    client.drop_collection(odd)
    gone = run("milvus_backup", pattern)
    assert (gone.result["changed"], gone.result["backup"]["state"]) == (False, "partial"), gone.output
    oracle.create_collection(client, odd, rows=20)
    whole = run("milvus_backup", skipping)
    assert not whole.failed, whole.output
    assert (whole.result["changed"], whole.result["backup"]["state"]) == (True, "complete")
    assert whole.result["backup"]["id"] == partial.result["backup"]["id"]
    assert {item["name"] for item in whole.result["backup"]["collections"]} == {films, odd}
    now = lab.objects(f"backup/{name}/binlogs/")
    assert held.items() <= now.items()
    assert run("milvus_backup", {**skipping, "verify": "content"}).result["changed"] is False
    assert "manifest-next.json" not in str(lab.objects(f"backup/{name}/control/"))

    restored = run("milvus_restore", {**target.options, "name": name, "collections": [odd], "suffix": "_x"})
    assert not restored.failed, restored.output
    assert oracle.count(target.client(), f"{odd}_x") == len(oracle.expected(20))
    target.client().drop_collection(f"{odd}_x")
    client.drop_collection(odd)


def test_a_partial_backup_stays_valid_when_its_completion_dies(
    lab: RunningLab, source: Side, films: str, client: MilvusClient, fresh: Fresh
) -> None:
    """Between the two manifests and the exchange of the commit there is always one valid backup."""
    name, odd = fresh("exchange"), fresh("odd")
    create_half_vectors(client, odd)
    arguments = {**source.options, "name": name, "collections": [films, odd], "on_collection_error": "skip"}
    run("milvus_backup", arguments)
    s3, control, meta = lab.s3(), f"backup/{name}/control/", f"backup/{name}/meta/"
    before = {key: s3.get_object(Bucket=lab.bucket, Key=key)["Body"].read() for key in lab.objects(f"backup/{name}/")}
    client.drop_collection(odd)
    oracle.create_collection(client, odd, rows=20)
    run("milvus_backup", arguments)
    after = {key: s3.get_object(Bucket=lab.bucket, Key=key)["Body"].read() for key in lab.objects(f"backup/{name}/")}

    def put(objects: dict[str, bytes]) -> None:
        for key, body in objects.items():
            s3.put_object(Bucket=lab.bucket, Key=key, Body=body)

    old = {key: body for key, body in before.items() if key.startswith((control, meta))}
    following = {control + "manifest-next.json": after[control + "manifest.json"]}
    commit = {meta + "full_meta.json": after[meta + "full_meta.json"]}
    check = {**source.options, "name": name, "verify": "etag"}
    steps: list[tuple[dict[str, bytes], str]] = [({}, "partial"), (following, "partial"), (commit, "complete")]
    put(old)
    for objects, state in steps:
        put(objects)
        shown = run("milvus_backup_info", check)
        assert not shown.failed, shown.output
        assert shown.result["backups"][0]["state"] == state, shown.output
        assert shown.result["backups"][0]["verified"]["sound"], shown.output
    client.drop_collection(odd)


def test_skip_flush_says_what_is_missing(source: Side, client: MilvusClient, fresh: Fresh) -> None:
    name = fresh("unflushed")
    oracle.create_collection(client, name, rows=10)
    oracle.insert(client, name, range(10, 30))
    arguments = {**source.options, "collections": [name]}
    skipped = run("milvus_backup", {**arguments, "name": fresh("skip_flush"), "strategy": "skip_flush"})
    assert skipped.result["backup"]["rows"] == 10
    assert "not flushed" in skipped.output
    flushed = run("milvus_backup", {**arguments, "name": fresh("flush")})
    assert flushed.result["backup"]["rows"] == 30
    client.drop_collection(name)


def test_meta_only_holds_no_rows(lab: RunningLab, source: Side, target: Side, films: str, fresh: Fresh) -> None:
    name = fresh("meta_only")
    made = run("milvus_backup", {**source.options, "name": name, "collections": [films], "strategy": "meta_only"})
    assert (made.result["backup"]["rows"], made.result["backup"]["objects"]) == (0, 0)
    assert lab.objects(f"backup/{name}/binlogs/") == {}
    arguments = {**target.options, "name": name, "collections": [films], "suffix": "_bare"}
    refused = run("milvus_restore", arguments)
    assert (refused.kind, "meta_only" in refused.result["msg"]) == ("usage", True), refused.output
    restored = run("milvus_restore", {**arguments, "meta_only": True})
    assert not restored.failed, restored.output
    client = target.client()
    assert client.list_partitions("films_bare") == list(oracle.PARTITIONS)
    assert client.list_indexes("films_bare") == ["by_vector"]
    assert oracle.count(client, "films_bare") == 0
    client.drop_collection("films_bare")


def test_users_roles_and_grants(guarded: RunningLab, fresh: Fresh) -> None:
    name, films = fresh("rbac"), fresh("films")
    side = guarded.side("milvus_a")
    client = MilvusClient(uri=f"http://127.0.0.1:{side.port}", token="root:Milvus")
    oracle.create_collection(client, films, rows=20)
    client.create_user("reader", "Passw0rd!")
    client.create_role("readers")
    client.grant_role("reader", "readers")
    client.grant_privilege("readers", "Collection", "Query", films)
    arguments = {**side.options, "token": "root:Milvus", "name": name, "collections": [films]}
    made = run("milvus_backup", {**arguments, "rbac": True})
    assert not made.failed, made.output
    assert "passwords of users cannot be read" in made.output
    rbac = full_meta(guarded, name)["rbac_meta"]
    assert {"user": "reader", "roles": [{"name": "readers"}]} in rbac["users"]
    assert {"name": "readers"} in rbac["roles"]
    grant = next(item for item in rbac["grants"] if item["role"]["name"] == "readers")
    assert (grant["object"]["name"], grant["object_name"]) == ("Collection", films)
    assert grant["grantor"]["privilege"]["name"] == "Query"
    assert "Passw0rd" not in json.dumps(rbac)
    assert run("milvus_backup", {**arguments, "rbac": True}).result["changed"] is False
    again = run("milvus_backup", arguments)
    assert again.kind == "name_in_use"
    assert "rbac" in again.result["msg"]


def test_garbage_collection_is_paused_and_resumed(source: Side, films: str, fresh: Fresh) -> None:
    """Before a stand-in for the endpoint of newer servers; the unit tests tell what else may become of it."""
    with management(profiles.V2_6_18) as newer:
        made = run(
            "milvus_backup",
            {**source.options, "management_endpoint": newer.url, "collections": [films], "name": fresh("paused")},
        )
        assert made.result["gc_pause"] == {"paused": True, "reason": ""}
        assert (newer.actions, newer.paused) == (["pause", "resume"], False)


def test_a_server_without_the_pause(lab: RunningLab, source: Side, films: str, fresh: Fresh) -> None:
    """Milvus 2.3.5 has no such call: without asking for it that is a note, with asking for it an error."""
    endpoint = lab.answer["instances"]["milvus_a"]["management_endpoint"]
    arguments = {**source.options, "management_endpoint": endpoint, "collections": [films]}
    made = run("milvus_backup", {**arguments, "name": fresh("unpaused")})
    assert made.result["gc_pause"] == {"paused": False, "reason": "the server has no such call"}
    name = fresh("must_pause")
    assert run("milvus_backup", {**arguments, "name": name, "pause_gc": True}).kind == "version"
    assert not [key for key in lab.objects(f"backup/{name}/") if "/control/" not in key]


def test_a_server_of_2_3_is_asked_only_for_what_it_has(source: Side, target: Side, films: str, fresh: Fresh) -> None:
    """A backup of everything with users and roles, and a replacement: each has calls of its own on newer servers."""
    name = fresh("plain")
    target.client().create_collection(f"{films}_old", dimension=2)
    with MilvusProxy(source.port) as from_source, MilvusProxy(target.port) as to_target:
        asked = {"name": name, "collections": ["*.*"], "rbac": True, "on_collection_error": "skip"}
        made = run("milvus_backup", {**source.options, **asked, "port": from_source.port})
        assert not made.failed, made.output
        wanted = {"name": name, "collections": [films], "suffix": "_old", "if_exists": "replace"}
        done = run("milvus_restore", {**target.options, **wanted, "port": to_target.port})
        assert not done.failed, done.output
    assert {"Flush", "SelectGrant"} < set(from_source.calls)
    assert {"RenameCollection", "DropCollection"} < set(to_target.calls)
    assert NOT_ON_2_3 & {*from_source.calls, *to_target.calls} == set()
    assert "SelectGrant" not in to_target.calls, "grants belong to names there"
