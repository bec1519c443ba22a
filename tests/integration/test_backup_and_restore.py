# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup and restore by the modules, against real servers: what they make, and what a second run does."""

from __future__ import annotations

import json
from collections.abc import Callable

import oracle
from labs import RunningLab, Side
from module_process import run

Fresh = Callable[[str], str]


def test_backup_has_the_layout_and_the_meta_files(lab: RunningLab, source: Side, films: str, fresh: Fresh) -> None:
    """Group level, five meta files, ETags of the copies equal to their sources, nothing foreign among the binlogs."""
    name = fresh("layout")
    made = run("milvus_backup", {**source.options, "name": name, "collections": [films]})
    assert not made.failed, made.output
    assert made.result["changed"] is True
    keys = lab.objects(f"backup/{name}/")
    meta = {key.rsplit("/", 1)[1] for key in keys if "/meta/" in key}
    assert meta == {
        "backup_meta.json",
        "collection_meta.json",
        "partition_meta.json",
        "segment_meta.json",
        "full_meta.json",
    }
    full = json.loads(lab.s3().get_object(Bucket=lab.bucket, Key=f"backup/{name}/meta/full_meta.json")["Body"].read())
    collection = full["collection_backups"][0]
    expected = {}
    for partition in collection["partition_backups"]:
        for segment in partition.get("segment_backups", []):
            ids = f"{collection['collection_id']}/{partition['partition_id']}"
            group = f"{segment['group_id']}/{segment['segment_id']}"
            for field in segment["binlogs"]:
                for log in field["binlogs"]:
                    key = f"insert_log/{ids}/{group}/{field.get('fieldID', 0)}/{log['log_id']}"
                    expected[f"backup/{name}/binlogs/{key}"] = log["log_path"]
            for field in segment.get("deltalogs", []):
                for log in field["binlogs"]:
                    expected[f"backup/{name}/binlogs/delta_log/{ids}/{group}/{log['log_id']}"] = log["log_path"]
    assert {key for key in keys if "/binlogs/" in key} == expected.keys()
    sources = lab.objects(f"{source.root_path}/")
    assert all(keys[key] == sources[path] for key, path in expected.items())
    assert [part["partition_name"] for part in collection["partition_backups"]] == ["_default", "news"]
    assert made.result["backup"]["rows"] == 4000
    assert made.result["backup"]["objects"] == len(expected)


def test_backup_twice_changes_nothing(lab: RunningLab, source: Side, films: str, fresh: Fresh) -> None:
    arguments = {**source.options, "name": fresh("twice"), "collections": [films]}
    first = run("milvus_backup", arguments)
    before = lab.objects()
    second = run("milvus_backup", arguments)
    assert (first.result["changed"], second.result["changed"]) == (True, False)
    assert second.result["backup"]["id"] == first.result["backup"]["id"]
    assert second.result["kept_objects"] == first.result["copied"]["objects"]
    assert lab.objects() == before


def test_a_complete_backup_of_another_request_is_never_touched(
    lab: RunningLab, source: Side, target: Side, films: str, fresh: Fresh
) -> None:
    name = fresh("taken")
    run("milvus_backup", {**source.options, "name": name, "collections": [films]})
    before = lab.objects()
    oracle.create_collection(target.client(), "elsewhere", rows=10)
    for arguments in (
        {**source.options, "collections": ["*.*"]},
        {**source.options, "collections": [films], "strategy": "skip_flush"},
        {**target.options, "collections": ["elsewhere"]},
    ):
        again = run("milvus_backup", {**arguments, "name": name})
        assert again.kind == "name_in_use", again.output
    target.client().drop_collection("elsewhere")
    assert {key: etag for key, etag in lab.objects().items() if key.startswith("backup/")} == {
        key: etag for key, etag in before.items() if key.startswith("backup/")
    }


def test_a_damaged_backup_is_neither_kept_nor_restored(
    lab: RunningLab, source: Side, target: Side, films: str, fresh: Fresh
) -> None:
    """Missing, altered, foreign objects and altered metadata: all are found before the server sees them."""
    name = fresh("damaged")
    run("milvus_backup", {**source.options, "name": name, "collections": [films]})
    s3, binlogs = lab.s3(), sorted(lab.objects(f"backup/{name}/binlogs/"))
    key = binlogs[3]
    body = s3.get_object(Bucket=lab.bucket, Key=key)["Body"].read()
    full = f"backup/{name}/meta/full_meta.json"
    meta = s3.get_object(Bucket=lab.bucket, Key=full)["Body"].read()
    damages = {
        "missing": (lambda: s3.delete_object(Bucket=lab.bucket, Key=key), key, body),
        "one bit": (
            lambda: s3.put_object(Bucket=lab.bucket, Key=key, Body=body[:-1] + bytes([body[-1] ^ 1])),
            key,
            body,
        ),
        "truncated": (lambda: s3.put_object(Bucket=lab.bucket, Key=key, Body=body[:-9]), key, body),
        "metadata": (lambda: s3.put_object(Bucket=lab.bucket, Key=full, Body=meta.replace(b"4", b"5", 1)), full, meta),
    }
    for damage, (hurt, hurt_key, heal) in damages.items():
        hurt()
        kept = run("milvus_backup", {**source.options, "name": name, "collections": [films]})
        restored = run("milvus_restore", {**target.options, "name": name, "collections": [films], "suffix": "_x"})
        assert (kept.kind, restored.kind) == ("corrupt", "corrupt"), (damage, kept.output, restored.output)
        s3.put_object(Bucket=lab.bucket, Key=hurt_key, Body=heal)
    stray = binlogs[0].rsplit("/", 1)[0] + "/12345"
    s3.put_object(Bucket=lab.bucket, Key=stray, Body=b"stray")
    restored = run("milvus_restore", {**target.options, "name": name, "collections": [films], "suffix": "_x"})
    assert restored.kind == "corrupt"
    assert "12345" in restored.result["msg"]
    s3.delete_object(Bucket=lab.bucket, Key=stray)
    healed = run("milvus_backup", {**source.options, "name": name, "collections": [films]})
    assert healed.result["changed"] is False
    assert target.client().list_collections() == []


def test_round_trip_is_equal_row_by_row(lab: RunningLab, source: Side, target: Side, films: str, fresh: Fresh) -> None:
    """Rows by an independent reader, per partition; schema, indexes and load state by the info module; ids fresh."""
    name = fresh("round_trip")
    run("milvus_backup", {**source.options, "name": name, "collections": [films]})
    untouched = lab.objects(f"{source.root_path}/")
    arguments = {**target.options, "name": name, "collections": [films], "suffix": "_bak"}
    restored = run("milvus_restore", arguments)
    assert not restored.failed, restored.output
    result = restored.result["collections"][0]
    assert (result["state"], result["target"], result["count_method"]) == ("restored", "films_bak", "count")
    assert result["rows"] == len(oracle.expected())
    client = target.client()
    assert client.list_collections() == ["films_bak"]
    assert oracle.count(client, "films_bak") == len(oracle.expected())
    assert oracle.differences(oracle.read_all(client, "films_bak"), oracle.expected()) == []
    for remainder, partition in enumerate(oracle.PARTITIONS):
        wanted = {key: row for key, row in oracle.expected().items() if key % 2 == remainder}
        assert oracle.differences(oracle.read_all(client, "films_bak", partition), wanted) == []

    infos = []
    for side, collection in ((source, films), (target, "films_bak")):
        info = run("milvus_collection_info", {**side.options, "collections": [collection], "checksum": True})
        infos.append(info.result["collections"][0])
    same = ("schema", "partitions", "indexes", "load_state", "shards", "consistency_level", "rows", "checksum")
    assert {key: infos[0][key] for key in same} == {key: infos[1][key] for key in same}
    assert infos[1]["load_state"] == "Loaded"
    assert infos[1]["id"] != infos[0]["id"]
    assert lab.objects(f"{target.root_path}/insert_log/{infos[1]['id']}/")
    assert lab.objects(f"{source.root_path}/") == untouched

    again = run("milvus_restore", arguments)
    assert again.result["changed"] is False
    assert again.result["collections"][0]["state"] == "unchanged"
    client.drop_collection("films_bak")


def test_check_mode_writes_nothing(lab: RunningLab, source: Side, target: Side, films: str, fresh: Fresh) -> None:
    """Both plans of a migration whose backup does not exist yet; not one object and no collection more."""
    name, before = fresh("checked"), lab.objects()
    planned = run("milvus_backup", {**source.options, "name": name, "collections": [films]}, check=True)
    assert planned.result["changed"] is True
    assert planned.result["backup"]["exists"] is False
    assert planned.result["backup"]["rows"] == 4000
    arguments = {**target.options, "name": name, "collections": [films], "suffix": "_bak"}
    missing = run("milvus_restore", arguments, check=True)
    assert missing.kind == "not_found"
    ahead = run("milvus_restore", {**arguments, "planned_backup": planned.result["backup"]}, check=True)
    assert ahead.result["changed"] is True
    assert ahead.result["collections"][0]["target"] == "films_bak"
    assert "films_bak: restored from films: 4000 rows" in ahead.result["diff"]["after"]
    assert lab.objects() == before
    assert target.client().list_collections() == []


def test_absent_leaves_nothing_and_touches_nothing_else(
    lab: RunningLab, source: Side, films: str, fresh: Fresh
) -> None:
    """A neighbour whose name begins with the same letters stays."""
    name = fresh("gone")
    neighbour = name + "_too"
    for each in (name, neighbour):
        run("milvus_backup", {**source.options, "name": each, "collections": [films]})
    others = {key for key in lab.objects() if not key.startswith(f"backup/{name}/")}
    absent = {**source.options, "name": name, "state": "absent"}
    planned = run("milvus_backup", absent, check=True)
    assert planned.result["changed"] is True
    assert lab.objects(f"backup/{name}/")
    removed = run("milvus_backup", absent)
    assert removed.result["removed"]["objects"] == planned.result["removed"]["objects"]
    assert set(lab.objects()) == others
    assert run("milvus_backup", absent).result["changed"] is False
