# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What milvus_backup_info lists and finds: every state of a backup, and every kind of damage at each level."""

from __future__ import annotations

import json
from collections.abc import Callable

import oracle
import pytest
from areas import BackupArea
from labs import RunningLab

Fresh = Callable[[str], str]
Damage = Callable[[BackupArea, str], None]
KINDS = ("missing", "altered", "unexpected")


@pytest.fixture(scope="module")
def small(lab: RunningLab) -> str:
    oracle.create_collection(lab.side("milvus_a").client(), "small_info", rows=40, partitions=("_default",))
    return "small_info"


@pytest.fixture
def area(lab: RunningLab, fresh: Fresh) -> BackupArea:
    return BackupArea(lab, lab.side("milvus_a"), fresh("area"))


def flip_a_byte(area: BackupArea, name: str) -> None:
    area.alter(area.binlogs(name)[2], lambda body: body[:-1] + bytes([body[-1] ^ 1]))


def truncate(area: BackupArea, name: str) -> None:
    area.alter(area.binlogs(name)[2], lambda body: body[:-7])


def remove_one(area: BackupArea, name: str) -> None:
    area.delete(area.binlogs(name)[2])


def swap_two_of_equal_size(area: BackupArea, name: str) -> None:
    bodies = {key: area.read(key) for key in area.binlogs(name)}
    pairs = ((one, other) for one in bodies for other in bodies if bodies[one] != bodies[other])
    one, other = next(pair for pair in pairs if len(bodies[pair[0]]) == len(bodies[pair[1]]))
    area.write(one, bodies[other])
    area.write(other, bodies[one])


def add_one(area: BackupArea, name: str) -> None:
    area.write(area.binlogs(name)[2].rsplit("/", 1)[0] + "/123456", b"stray")


def upload_other_bytes_in_parts(area: BackupArea, name: str) -> None:
    """Of equal size, but with an ETag of another kind, which cannot be compared."""
    key = area.binlogs(name)[2]
    where = {"Bucket": area.lab.bucket, "Key": key}
    s3, body = area.lab.s3(), area.read(key)
    upload = s3.create_multipart_upload(**where)["UploadId"]
    part = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=bytes([body[0] ^ 1]) + body[1:])
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    assert "-" in s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)["ETag"]


def alter_a_meta_file(area: BackupArea, name: str) -> None:
    area.alter(f"{area.prefix(name)}meta/segment_meta.json", lambda body: body + b" ")


EVERY_LEVEL = ("size", "etag", "content")
BY_ETAG = ("etag", "content")
FOUND: dict[Damage, tuple[tuple[str, ...], dict[str, int]]] = {
    flip_a_byte: (BY_ETAG, {"altered": 1}),
    swap_two_of_equal_size: (BY_ETAG, {"altered": 2}),
    alter_a_meta_file: (BY_ETAG, {"altered": 1}),
    upload_other_bytes_in_parts: (("content",), {"altered": 1}),
    truncate: (EVERY_LEVEL, {"altered": 1}),
    remove_one: (EVERY_LEVEL, {"missing": 1}),
    add_one: (EVERY_LEVEL, {"unexpected": 1}),
}
"""Which levels find which damage. The others find nothing, which is what they promise."""


def test_which_level_finds_what(area: BackupArea, small: str) -> None:
    made = area.make("untouched", small, verify="content")
    assert not made.failed, made.output
    objects = made.result["backup"]["objects"]
    area.copy("untouched", *(damage.__name__ for damage in FOUND))
    for damage in FOUND:
        damage(area, damage.__name__)
    for level in EVERY_LEVEL:
        shown = {item["name"]: item["verified"] for item in area.info(verify=level).result["backups"]}
        assert all(verified["level"] == level for verified in shown.values())
        counts = {name: {word: found[word] for word in KINDS if found[word]} for name, found in shown.items()}
        expected = {damage.__name__: found if level in levels else {} for damage, (levels, found) in FOUND.items()}
        assert counts == {"untouched": {}, **expected}, level
        assert {name for name, found in shown.items() if not found["sound"]} == {
            name for name, found in counts.items() if found
        }
    assert (shown["untouched"]["proven"], shown["untouched"]["unproven"]) == (objects, 0)
    assert shown["flip_a_byte"]["sample"] == {"altered": [area.binlogs("flip_a_byte")[2]]}
    assert area.make("upload_other_bytes_in_parts", small, verify="etag").failed is False
    assert area.make("upload_other_bytes_in_parts", small, verify="content").kind == "corrupt"
    assert area.info(name="flip_a_byte", verify="content", fail_on_damage=True).kind == "corrupt"


def test_what_no_record_can_prove_is_counted(area: BackupArea, small: str) -> None:
    """Another tool records sizes only: its objects are read to the end, and none of them is called proven."""
    area.make("one", small)
    area.make_foreign("one")
    verified = area.info(name="one", verify="content").result["backups"][0]["verified"]
    assert (verified["proven"], verified["unproven"]) == (0, len(area.binlogs("one")))
    assert (verified["sound"], verified["level"]) == (True, "content")
    assert area.info(name="one", verify="etag").result["backups"][0]["verified"]["level"] == "size"


def left_out(body: bytes) -> bytes:
    """A manifest of a backup that lacks a collection; without its digest, as those of before have none."""
    values = {**json.loads(body), "skipped": {"default.other": "float16 vectors"}}
    del values["sha256"]
    return json.dumps(values).encode()


def test_every_state_is_named_and_none_hides_the_others(area: BackupArea, small: str) -> None:
    area.make("good", small)
    broken = (
        "cut",
        "no_manifest",
        "odd_manifest",
        "odd_lock",
        "tape",
        "begun",
        "foreign",
        "old",
        "half_old",
        "lacking",
    )
    area.copy("good", *broken, "good-copy")
    full = f"{area.prefix('cut')}meta/full_meta.json"
    area.alter(full, lambda body: body[: len(body) // 2])
    area.delete(f"{area.prefix('no_manifest')}control/manifest.json")
    area.write(f"{area.prefix('odd_manifest')}control/manifest.json", b"[" * 100_000)
    area.write(f"{area.prefix('odd_lock')}control/lock.json", b'{"pid": null}')
    area.delete(f"{area.prefix('begun')}meta/full_meta.json")
    for name in ("tape", "foreign", "old", "half_old"):
        area.make_foreign(name)
    area.alter(f"{area.prefix('tape')}meta/full_meta.json", lambda body: b'{"format":"tape",' + body[1:])
    for name in ("old", "half_old"):
        area.delete(f"{area.prefix(name)}meta/full_meta.json")
    area.delete(f"{area.prefix('half_old')}meta/segment_meta.json")
    area.alter(f"{area.prefix('lacking')}control/manifest.json", left_out)
    area.write(f"{area.root}/sp ace/meta/full_meta.json", b"{}")
    area.write(f"{area.root}/pictures/cat.png", b"no backup")

    before = area.objects()
    listed = area.info(verify="etag")
    assert not listed.failed, listed.output
    shown = {item["name"]: item for item in listed.result["backups"]}
    assert {name: (item["state"], item["foreign"]) for name, item in shown.items()} == {
        "good": ("complete", False),
        "good-copy": ("complete", False),
        "cut": ("broken", False),
        "no_manifest": ("broken", False),
        "odd_manifest": ("broken", False),
        "odd_lock": ("complete", False),
        "tape": ("unsupported", True),
        "begun": ("unfinished", False),
        "lacking": ("partial", False),
        "foreign": ("complete", True),
        "old": ("complete", True),
        "half_old": ("unfinished", True),
        "sp ace": ("broken", True),
    }
    for name, words in {
        "cut": "full_meta.json",
        "no_manifest": "manifest is gone",
        "odd_manifest": "cannot be read",
        "tape": "tape",
        "begun": "never finished",
        "lacking": "missing: default.other",
        "half_old": "segment_meta.json",
        "sp ace": "cannot be the name",
    }.items():
        assert words in shown[name]["reason"], shown[name]
    assert listed.result["other_folders"] == ["pictures"]
    for name in ("good", "foreign", "old"):
        assert shown[name]["rows"] == 40
        assert shown[name]["collections"] == ["default.small_info"]
        assert shown[name]["verified"]["sound"] is True
        assert 0 <= shown[name]["age"] < 600
    assert shown["odd_lock"]["in_use_by"], "a lock that cannot be read counts as held"
    # the copies have the date of the original, the foreign ones that of their copy
    assert listed.result["latest"]["name"] in ("foreign", "old")
    assert area.info(name_pattern="good*").result["latest"]["name"] == "good-copy"
    assert area.info(fail_on_damage=True).kind == "corrupt"
    for name, kind in {"cut": "corrupt", "begun": "incomplete", "tape": "version", "none": "not_found"}.items():
        assert area.info(name=name, fail_on_damage=True).kind == kind
    assert area.info(name="old", verify="size", fail_on_damage=True).result["backups"][0]["details"][0]["rows"] == 40
    assert area.info(name="none").result["backups"] == []
    assert area.objects() == before, "looking has written"


def test_a_damaged_backup_is_not_the_latest(area: BackupArea, small: str) -> None:
    area.make("a_first", small)
    area.make("b_second", small)
    assert area.info(verify="etag").result["latest"]["name"] == "b_second"
    flip_a_byte(area, "b_second")
    assert area.info(verify="size").result["latest"]["name"] == "b_second"
    assert area.info(verify="etag").result["latest"]["name"] == "a_first"


def test_a_fresh_backup_is_read_again_before_it_is_committed(area: BackupArea, small: str) -> None:
    made = area.make("one", small, verify="content")
    assert made.result["changed"] is True
    assert "verify" in made.result["seconds_by_phase"]
    assert "verify" not in area.make("two", small).result["seconds_by_phase"]
