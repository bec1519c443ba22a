# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traps of import jobs, line by line, and what the fake refuses as the servers do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import RemoteDisconnected

import pytest
from fake_milvus import profiles
from fake_milvus.imports import MOST_ENTRIES, RETENTION_SECONDS, LostAnswer
from fake_milvus.profiles import Profile
from fake_worlds import ROOT_PATH, FakeSide, fake_side

KEYS = range(30)
BACKUP = {"backup": "true"}


@pytest.fixture
def made() -> Iterator[Callable[[Profile], FakeSide]]:
    """A server of a line with 30 rows in the collection C(films), and C(again), which is empty like it was."""
    with ExitStack() as stack:

        def build(profile: Profile) -> FakeSide:
            side = stack.enter_context(fake_side(profile))
            for name in ("films", "again"):
                side.create(name)
            side.fill("films", KEYS)
            return side

        yield build


def count(side: FakeSide, name: str) -> int:
    answer = side.raw.call("Query", collection_name=name, output_fields=["count(*)"])
    assert answer.status.code == 0, answer.status
    return int(answer.fields_data[0].scalars.long_data.data[0])


def names_of(side: FakeSide) -> list[str]:
    return [record["jobId"] for record in side.raw.job("list", collectionName="again").data["records"]]


@pytest.mark.parametrize("profile", profiles.PROFILES, ids=lambda profile: profile.text)
def test_a_job_brings_rows_and_shows_its_files_late(made: Callable[[Profile], FakeSide], profile: Profile) -> None:
    """Storage version 2 must be named where the server writes it; details are empty until the import proper."""
    side = made(profile)
    options = {**BACKUP, "storage_version": "2"} if profile.storage_version == 2 else BACKUP
    created = side.submit("again", [side.directory("films")], **options)
    assert created.code == (200 if profile is profiles.V2_4_0 else 0)
    states = []
    for _turn in range(3):
        found = side.raw.job("get_progress", jobId=created.data["jobId"]).data
        states.append((found["state"], len(found["details"]), found["totalRows"]))
    assert states == [("Importing", 0, 0), ("Importing", 1, 30), ("Completed", 1, 30)]
    side.load("again")
    assert count(side, "again") == 30


def test_nothing_is_seen_before_the_end_nor_by_a_load_from_before(made: Callable[[Profile], FakeSide]) -> None:
    side = made(profiles.V2_5_27)
    side.load("again")
    job = side.submit("again", [side.directory("films")], **BACKUP).data["jobId"]
    side.fake.imports.hold = "Importing"
    side.ended(job)
    assert count(side, "again") == 0
    side.fake.imports.hold = "Completed"
    assert side.ended(job)["importedRows"] == 30
    assert count(side, "again") == 0
    side.load("again")
    assert count(side, "again") == 30


def test_a_list_names_no_files_and_the_name_of_the_beginning(made: Callable[[Profile], FakeSide]) -> None:
    side = made(profiles.V2_6_18)
    side.submit("again", [side.directory("films")], **BACKUP, storage_version="2")
    side.raw.status("RenameCollection", db_name="default", oldName="again", newName="other", newDBName="default")
    (record,) = side.raw.job("list", dbName="default", collectionName="other").data["records"]
    assert record.keys() == {"jobId", "collectionName", "state", "progress"}
    assert record["collectionName"] == "again"


def test_jobs_are_forgotten_three_hours_after_their_end(made: Callable[[Profile], FakeSide]) -> None:
    side = made(profiles.V2_5_27)
    job = side.imported("again", [side.directory("films")], **BACKUP)["jobId"]
    side.world.clock.ahead += RETENTION_SECONDS - 60
    assert names_of(side) == [job]
    side.world.clock.ahead += 61
    assert names_of(side) == []
    unknown = side.raw.job("describe", jobId=job)
    assert (unknown.status, unknown.code) == (200, 2100)


def test_the_route_that_old_servers_lack(made: Callable[[Profile], FakeSide]) -> None:
    assert made(profiles.V2_4_10).raw.job("describe", jobId="1").status == 404
    assert made(profiles.V2_4_24).raw.job("describe", jobId="1").code == 2100


def test_the_same_again_doubles_the_rows(made: Callable[[Profile], FakeSide]) -> None:
    side = made(profiles.V2_5_27)
    for _turn in range(2):
        side.imported("again", [side.directory("films")], **BACKUP)
    side.load("again")
    assert count(side, "again") == 60


def test_one_empty_directory_among_others_is_dropped_silently(made: Callable[[Profile], FakeSide]) -> None:
    side = made(profiles.V2_5_27)
    ended = side.imported("again", [side.directory("films")], [f"{ROOT_PATH}/nothing/"], **BACKUP)
    assert (ended["state"], len(ended["details"])) == ("Completed", 1)
    refused = side.submit("again", [f"{ROOT_PATH}/nothing/"], **BACKUP)
    assert (refused.status, refused.code) == (200, 2100)
    assert "no binlog to import" in refused.message


@pytest.mark.parametrize("after_asks", [0, 3])
def test_a_job_may_come_after_its_client_has_gone(made: Callable[[Profile], FakeSide], after_asks: int) -> None:
    side = made(profiles.V2_6_18)
    side.fake.imports.lost = LostAnswer(after_asks)
    with pytest.raises(RemoteDisconnected):
        side.submit("again", [side.directory("films")], **BACKUP, storage_version="2")
    seen = [len(names_of(side)) for _turn in range(4)]
    assert seen == [0 if turn < after_asks else 1 for turn in range(1, 5)]


def test_a_request_that_never_arrived(made: Callable[[Profile], FakeSide]) -> None:
    side = made(profiles.V2_6_18)
    side.fake.imports.lost = LostAnswer(None)
    with pytest.raises(RemoteDisconnected):
        side.submit("again", [side.directory("films")], **BACKUP, storage_version="2")
    assert [names_of(side) for _turn in range(5)] == [[]] * 5


@pytest.mark.parametrize(("profile", "stuck"), [(profiles.V2_5_27, False), (profiles.V2_6_2, True)])
def test_objects_removed_under_a_request_stop_the_database(
    made: Callable[[Profile], FakeSide], profile: Profile, stuck: bool
) -> None:
    """From 2.6 on the request is durable: it looks for its objects for ever, and the database waits."""
    side = made(profile)
    side.fake.imports.lost = LostAnswer(2)
    place = side.directory("films")
    with pytest.raises(RemoteDisconnected):
        side.submit("again", [place], **BACKUP, storage_version="2")
    for key in list(side.s3.objects):
        if key.startswith(place):
            del side.s3.objects[key]
    names_of(side), names_of(side)
    assert ("default" in side.fake.imports.stuck) is stuck
    if stuck:
        with pytest.raises(Exception, match="waiting for the lock"):
            side.raw.status("DropCollection", collection_name="again")


def deletes_of(side: FakeSide) -> str:
    side.client().delete("films", filter="id in [1, 2, 3]")
    assert side.raw.status("Flush", collection_names=["films"]).code == 0
    return side.directory("films", "delta_log", -1)


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (profiles.V2_4_0, "unexpected file type"),
        (profiles.V2_4_10, ""),
        (profiles.V2_6_18, ""),
        (profiles.V3_0_0, "l0 import is disabled"),
    ],
    ids=lambda value: getattr(value, "text", value),
)
def test_level_zero(made: Callable[[Profile], FakeSide], profile: Profile, words: str) -> None:
    """Deletes of their own: not at first, then one directory in a job, then several, and off from 3.0 on."""
    side = made(profile)
    version = {"storage_version": "2"} if profile.storage_version == 2 else {}
    side.imported("again", [side.directory("films")], **BACKUP, **version)
    place = deletes_of(side)
    if words:
        refused = side.submit("again", [place], partition="", l0_import="true")
        assert (refused.code, words in refused.message) == (2100, True)
        return
    assert side.imported("again", [place], partition="", l0_import="true")["state"] == "Completed"
    side.load("again")
    assert count(side, "again") == 27
    loaded = side.submit("again", [place], partition="", l0_import="true")
    assert "loaded" in loaded.message


@pytest.mark.parametrize(("profile", "taken"), [(profiles.V2_6_2, False), (profiles.V2_6_18, True)])
def test_several_directories_of_deletes(made: Callable[[Profile], FakeSide], profile: Profile, taken: bool) -> None:
    side = made(profile)
    place = deletes_of(side)
    assert (side.submit("again", [place], [place], partition="", l0_import="true").code == 0) is taken


REFUSED = {
    "no partition": ({"partition": ""}, "partition not specified"),
    "unknown partition": ({"partition": "none"}, "partition not found"),
    "no backup": ({"backup": "false"}, "unexpected file type"),
    "unknown option": ({"colour": "red"}, "nobody knows"),
    "odd end": ({"end_ts": "soon"}, "not a valid"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_odd_requests_are_refused(made: Callable[[Profile], FakeSide], case: str) -> None:
    side = made(profiles.V2_5_27)
    changes, words = REFUSED[case]
    refused = side.submit("again", [side.directory("films")], **{**BACKUP, **changes})
    assert words in refused.message, refused
    assert refused.code != 0
    assert names_of(side) == []


def test_odd_files_are_refused(made: Callable[[Profile], FakeSide]) -> None:
    side, place = made(profiles.V2_5_27), "files_x/a/"
    assert "too many input paths" in side.submit("again", [place, place, place], **BACKUP).message
    assert "should not exceed" in side.submit("again", *[[place]] * (MOST_ENTRIES + 1), **BACKUP).message
    for body in (
        {"collectionName": "again", "files": [place], "options": BACKUP},
        {"collectionName": "again", "files": [[place]], "options": {"backup": True}},
        {"collectionName": "again", "files": [[place]], "surprise": 1},
        {"collection_name": "again", "files": [[place]]},
        {"files": [[place]]},
    ):
        assert side.raw.job("create", **body).code in (1801, 1802), body
    assert side.raw.rest("/v2/vectordb/jobs/import/create", "no json").code == 1801


def test_without_a_slash_at_its_end_a_directory_is_a_segment(made: Callable[[Profile], FakeSide]) -> None:
    side = made(profiles.V2_5_27)
    ended = side.imported("again", [side.directory("films").rstrip("/")], **BACKUP)
    assert (ended["state"], ended["totalRows"]) == ("Failed", 0)


def test_rights(made: Callable[[Profile], FakeSide]) -> None:
    """A list may be short for want of rights; the other calls say 403."""
    new, old = made(profiles.V2_6_18), made(profiles.V2_5_27)
    job = new.submit("again", [new.directory("films")], **BACKUP, storage_version="2").data["jobId"]
    for side in (new, old):
        side.world.rights.denied = frozenset({"Import", "ListImport"})
        assert side.submit("again", [side.directory("films")], **BACKUP).status == 403
    assert names_of(new) == []
    assert new.raw.job("describe", jobId=job).status == 403
    assert old.raw.job("list", collectionName="again").status == 403


def test_a_login_is_asked_for() -> None:
    with fake_side(profiles.V2_5_27, login="root:Milvus") as side:
        assert side.raw.job("list", collectionName="x").status == 401
        answer = side.raw.rest("/v2/vectordb/jobs/import/list", {}, {"Authorization": "Bearer root:Milvus"})
        assert answer.code == 0
        with pytest.raises(Exception, match="auth check failure"):
            side.raw.call("GetVersion")


def test_a_restart_begins_jobs_again_and_a_drop_ends_them(made: Callable[[Profile], FakeSide]) -> None:
    side = made(profiles.V2_5_27)
    side.fake.imports.hold = "Importing"
    job = side.submit("again", [side.directory("films")], **BACKUP).data["jobId"]
    assert side.ended(job)["totalRows"] == 30
    side.fake.restart()
    assert side.raw.job("describe", jobId=job).data["totalRows"] == 0
    side.fake.imports.hold = "Completed"
    assert side.ended(job)["importedRows"] == 30
    other = side.submit("again", [side.directory("films")], **BACKUP).data["jobId"]
    assert side.raw.status("DropCollection", collection_name="again").code == 0
    ended = side.ended(other)
    assert (ended["state"], "does not exist" in ended["reason"]) == ("Failed", True)


@pytest.mark.parametrize(("profile", "skipped"), [(profiles.V2_4_0, False), (profiles.V2_4_10, True)])
def test_the_quota_of_the_disk(made: Callable[[Profile], FakeSide], profile: Profile, skipped: bool) -> None:
    side = made(profile)
    side.fake.imports.disk_quota = 10
    place = side.directory("films")
    assert "quota exceeded" in side.submit("again", [place], **BACKUP).message
    answer = side.submit("again", [place], **BACKUP, skip_disk_quota_check="true")
    assert (answer.code == profile.success_code) is skipped
