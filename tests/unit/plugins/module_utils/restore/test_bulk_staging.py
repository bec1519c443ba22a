# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling a staging collection by REST on the fake: each job once, whatever becomes of the run, and nothing short.

Some of its seconds are those that a run waits for a job that may come late.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from fake_milvus import profiles
from fake_milvus.imports import LostAnswer
from fake_milvus.profiles import Profile
from fake_worlds import FakeSide, fake_side
from import_bench import LINES, ROWS, Bench, bench_on, made_on
from pymilvus.grpc_gen import schema_pb2

from ansible_collections.vectorops.milvus.plugins.module_utils.restore import bulk_staging
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.bulk_staging import begin_bulk


@pytest.fixture(params=LINES, ids=lambda profile: profile.text)
def bench(request: pytest.FixtureRequest, quick: None) -> Iterator[Bench]:
    with made_on(profiles.V2_4_24) as origin, bench_on(request.param, origin) as found:
        yield found


def test_a_fresh_one_is_filled_once(bench: Bench) -> None:
    imported = bench.run()
    assert (imported.rows, imported.exact, bench.rows) == (ROWS, True, ROWS)
    assert bench.created == len(bench.plan.bulk) == 2
    assert bench.staging.properties["vectorops.backup"] == "the-backup"
    assert (bench.journal, bench.staging.properties["vectorops.imported"]) == ("", str(ROWS))


def test_one_that_was_filled_is_trusted_when_the_server_has_forgotten_its_jobs(bench: Bench) -> None:
    bench.run()
    bench.side.world.clock.ahead = 4 * 3600
    assert bench.run().rows == bench.rows == ROWS
    assert bench.created == 2


def test_a_time_out_leaves_the_jobs_and_the_next_run_adopts_them(bench: Bench) -> None:
    bench.side.fake.imports.hold = "Pending"
    failure = bench.fails(seconds=0.2).failure
    ids = [str(job.number) for job in bench.side.fake.imports.jobs]
    assert failure.kind == "timeout"
    assert all(number in failure.cause for number in ids)
    assert "go on" in failure.state_left
    assert bench.journal == ",".join(ids)
    bench.side.fake.imports.hold = "Completed"
    assert (bench.run().rows, bench.rows, bench.created) == (ROWS, ROWS, 2)


def killed_after_create(bench: Bench, jobs: int) -> None:
    """A run that was killed after its last create, before it had noted the id."""
    bench.side.fake.imports.hold = "Pending"
    bench.fails(seconds=0.2)
    bench.side.fake.imports.jobs = bench.side.fake.imports.jobs[:jobs]
    ids = [str(job.number) for job in bench.side.fake.imports.jobs]
    bench.staging.properties["vectorops.jobs"] = ",".join([*ids[: jobs - 1], "?"])
    bench.side.fake.imports.hold = "Completed"
    bench.side.world.calls.clear()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_job_without_a_noted_id_is_adopted_once_it_shows_what_it_reads(bench: Bench, jobs: int) -> None:
    killed_after_create(bench, jobs)
    number = bench.staging.number
    assert (bench.run().rows, bench.rows) == (ROWS, ROWS)
    assert (bench.staging.number, bench.created) == (number, 2 - jobs)


def test_a_job_that_never_shows_what_it_reads_is_not_trusted(bench: Bench) -> None:
    killed_after_create(bench, 1)
    number = bench.staging.number
    bench.side.fake.imports.hold = "Pending"
    begin_bulk(bench.build, bench.plan)
    assert bench.staging.number != number


def test_a_job_too_many_is_not_trusted(bench: Bench) -> None:
    """Somebody else imports into this collection, or a job was created twice."""
    killed_after_create(bench, 2)
    bench.staging.properties["vectorops.jobs"] = "?"
    number = bench.staging.number
    assert (bench.run().rows, bench.rows, bench.created) == (ROWS, ROWS, 2)
    assert bench.staging.number != number


def test_jobs_that_the_server_has_forgotten_are_not_trusted(bench: Bench) -> None:
    killed_after_create(bench, 2)
    bench.staging.properties["vectorops.jobs"] = ",".join(str(job.number) for job in bench.side.fake.imports.jobs)
    bench.side.fake.imports.jobs = []
    number = bench.staging.number
    assert (bench.run().rows, bench.rows, bench.created) == (ROWS, ROWS, 2)
    assert bench.staging.number != number


@pytest.mark.parametrize("odd", ["failed", "unknown"])
def test_a_complete_journal_is_not_trusted_where_the_server_says_otherwise(bench: Bench, odd: str) -> None:
    bench.side.fake.imports.hold = "Pending"
    bench.fails(seconds=0.2)
    number, jobs = bench.staging.number, bench.side.fake.imports.jobs
    if odd == "failed":
        jobs[0].stage = "Failed"
    else:
        jobs.append(replace(jobs[0], number=7))
    bench.side.fake.imports.hold = "Completed"
    assert (bench.run().rows, bench.rows) == (ROWS, ROWS)
    assert bench.staging.number != number


@pytest.mark.parametrize(("asks", "timed_out"), [(0, False), (3, False), (0, True), (3, True)])
def test_a_create_without_an_answer_is_found_again(bench: Bench, asks: int, timed_out: bool) -> None:
    """Some servers queue it: the job is there later."""
    bench.side.fake.imports.lost = LostAnswer(asks, timed_out)
    assert (bench.run().rows, bench.rows, bench.created) == (ROWS, ROWS, 2)


def test_a_create_that_was_lost_is_never_sent_again_into_the_same_collection(bench: Bench) -> None:
    bench.side.fake.imports.lost = LostAnswer(None)
    error = bench.fails()
    number = bench.staging.number
    assert error.kind in ("unreachable", "timeout")
    assert (bench.journal, bench.created) == ("?", 1)
    assert (bench.run().rows, bench.rows, bench.created) == (ROWS, ROWS, 3)
    assert bench.staging.number != number


def test_a_refused_create_leaves_no_doubt(bench: Bench) -> None:
    bench.side.fake.imports.disk_quota = 1
    failure = bench.fails().failure
    assert (failure.kind, bench.journal) == ("quota", "")
    number = bench.staging.number
    bench.side.fake.imports.disk_quota = None
    assert (bench.run().rows, bench.staging.number) == (ROWS, number)


def test_a_server_with_as_many_jobs_as_it_takes_is_asked_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it made none, so nothing is in doubt."""
    monkeypatch.setattr(bulk_staging, "FULL_QUEUE_SECONDS", 0.02)
    bench.side.fake.imports.most = 1
    assert (bench.run().rows, bench.rows, len(bench.side.fake.imports.jobs)) == (ROWS, ROWS, 2)
    assert bench.created > 2


def test_one_that_takes_no_more_leaves_the_rest_to_the_next_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_staging, "FULL_QUEUE_SECONDS", 0.02)
    bench.side.fake.imports.most, bench.side.fake.imports.hold = 1, "Importing"
    failure = bench.fails(seconds=0.3).failure
    (job,) = bench.side.fake.imports.jobs
    assert (failure.kind, bench.journal) == ("throttled", str(job.number))
    number, bench.side.fake.imports.hold = bench.staging.number, "Completed"
    assert (bench.run().rows, bench.rows, bench.staging.number) == (ROWS, ROWS, number)
    assert len(bench.side.fake.imports.jobs) == 2


@pytest.mark.parametrize(
    ("profile", "kind"), [(profiles.V2_4_0, "quota"), (profiles.V2_4_10, ""), (profiles.V2_6_18, "")]
)
def test_the_quota_of_the_disk_can_be_passed_over(profile: Profile, kind: str) -> None:
    """From 2.4.7 on; older servers do not know the option."""
    with made_on(profiles.V2_4_24) as origin, bench_on(profile, origin, skip_disk_quota=True) as bench:
        bench.side.fake.imports.disk_quota = 1
        if kind:
            assert bench.fails().kind == kind
        else:
            assert bench.run().rows == ROWS


def remove(bench: Bench, part: str) -> None:
    for key in [key for key in bench.side.s3.objects if part in key]:
        del bench.side.s3.objects[key]


def test_a_segment_that_the_server_leaves_out_ends_the_restore(bench: Bench) -> None:
    """One empty directory among others is passed over, and the job completes."""
    lost = min(bench.plan.bulk[0].segments)
    remove(bench, f"/{lost}/")
    failure = bench.fails().failure
    assert (failure.kind, bench.staging) == ("verify_failed", None)
    assert str(lost) in failure.cause


def test_nothing_to_import_means_another_bucket(bench: Bench) -> None:
    for number in bench.plan.bulk[0].segments:
        remove(bench, f"/{number}/")
    failure = bench.fails().failure
    assert failure.kind == "root_path"
    assert "no binlog to import" in failure.cause


def test_a_failed_job_ends_the_restore_and_takes_the_staging_collection_with_it(bench: Bench) -> None:
    remove(bench, f"/{min(bench.plan.bulk[0].segments)}/1/")
    failure = bench.fails().failure
    assert (failure.kind, failure.retryable, bench.staging) == ("version", True, None)
    assert "no binlog for field" in failure.cause
    assert "dropped" in failure.state_left


def test_a_job_that_failed_by_a_time_out_of_the_server_has_failed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reason reads like that of a question without an answer, which is asked again."""
    imports = bench.side.fake.imports
    fail = imports._fail
    monkeypatch.setattr(imports, "_fail", lambda job, _reason: fail(job, "context deadline exceeded"))
    remove(bench, f"/{min(bench.plan.bulk[0].segments)}/1/")
    assert bench.fails(seconds=2).kind == "timeout"
    assert bench.side.world.calls.count("DropCollection") == 1


def test_rows_that_are_missing_end_the_restore(bench: Bench) -> None:
    partition = bench.plan.source.partitions[0]
    more = replace(partition, segments=tuple(replace(item, rows=item.rows + 1) for item in partition.segments))
    source = replace(bench.plan.source, partitions=(more, *bench.plan.source.partitions[1:]))
    failure = replace(bench, plan=replace(bench.plan, source=source)).fails().failure
    assert (failure.kind, bench.staging) == ("verify_failed", None)
    assert f"imported {ROWS} rows" in failure.cause


def test_a_server_that_restarts_goes_on(bench: Bench) -> None:
    bench.side.fake.imports.hold = "Importing"
    bench.fails(seconds=0.2)
    bench.side.fake.restart()
    bench.side.fake.imports.hold = "Completed"
    assert (bench.run().rows, bench.rows, bench.created) == (ROWS, ROWS, 2)


@pytest.mark.parametrize(
    "profile", [profiles.V2_4_10, profiles.V2_5_27, profiles.V2_6_2, profiles.V2_6_18], ids=lambda profile: profile.text
)
@pytest.mark.usefixtures("quick")
def test_deletes_of_level_zero_are_imported_after_the_rows(profile: Profile) -> None:
    """Those of one partition take nothing from another, those of all take from each."""
    with made_on(profiles.V2_4_24) as origin:
        client = origin.client()
        client.delete("docs", ids=[1, 41, 85], partition_name="_default")
        client.delete("docs", ids=[2, 86])
        assert origin.raw.status("Flush", collection_names=["docs"]).code == 0
        left = sorted(row[100] for row in origin.world.find("default", "docs").visible())
        assert left == sorted(set(range(ROWS)) - {1, 41, 2, 86})
        with bench_on(profile, origin) as bench:
            bench.side.fake.imports.hold = "Importing"
            bench.fails(seconds=0.2)
            assert not any("l0_import" in job.options for job in bench.side.fake.imports.jobs)
            bench.side.fake.imports.hold = "Completed"
            imported = bench.run()
            assert (imported.rows, imported.exact) == (ROWS, False)
            assert sorted(row[100] for row in bench.staging.visible()) == left
            kinds = [job.options.get("l0_import", "rows") for job in bench.side.fake.imports.jobs]
            assert kinds == sorted(kinds)
            assert kinds[-1] == "true"


@pytest.mark.usefixtures("quick")
def test_segments_of_storage_version_2_say_so() -> None:
    with made_on(profiles.V2_6_18) as origin, bench_on(profiles.V2_6_18, origin) as bench:
        assert (bench.run().rows, bench.rows) == (ROWS, ROWS)
        assert {job.options["storage_version"] for job in bench.side.fake.imports.jobs} == {"2"}


@pytest.mark.parametrize("profile", [*LINES, profiles.V3_0_0], ids=lambda profile: profile.text)
@pytest.mark.usefixtures("quick")
def test_rows_up_to_a_moment(profile: Profile) -> None:
    with made_on(profiles.V2_4_24) as origin:
        moment = origin.world.moment()
        origin.world.clock.ahead += 60
        origin.fill("docs", range(ROWS, ROWS + 20))
        with bench_on(profile, origin, end_ts=moment) as bench:
            assert (bench.run().rows, bench.rows) == (ROWS, ROWS)
            assert {row[100] for row in bench.staging.visible()} == set(range(ROWS))


@contextmanager
def with_added_field() -> Iterator[FakeSide]:
    """A collection with a hidden field, and one that was added after the first rows."""
    with fake_side(profiles.V2_6_2, root_path="files_a") as side:
        side.create("docs", enable_dynamic_field=True)
        side.fill("docs", range(40))
        year = schema_pb2.FieldSchema(name="year", data_type=5, nullable=True, default_value={"long_data": 1999})
        added = side.raw.status("AddCollectionField", collection_name="docs", schema=year.SerializeToString())
        assert added.code == 0
        rows = [{"id": key, "vector": [1.0, 0.5], "year": key, "more": str(key)} for key in range(40, ROWS)]
        side.client().insert("docs", rows)
        assert side.raw.status("Flush", collection_names=["docs"]).code == 0
        yield side


@pytest.mark.usefixtures("quick")
def test_a_field_that_was_added_later_has_its_number_again() -> None:
    """The hidden field is numbered before it. Rows that came before it have its default."""
    with with_added_field() as origin, bench_on(profiles.V2_6_18, origin) as bench:
        assert bench.run().rows == ROWS
        numbers = {item.name: item.fieldID for item in bench.staging.schema.fields}
        assert numbers == {"id": 100, "vector": 101, "$meta": 102, "year": 103}
        restored = {row[100]: row for row in bench.staging.visible()}
        assert restored == {row[100]: {103: 1999, **row} for row in origin.world.find("default", "docs").visible()}


@pytest.mark.usefixtures("quick")
def test_a_collection_that_lacks_a_field_is_built_again() -> None:
    """The run that created it was killed before it had added the last one."""
    with with_added_field() as origin, bench_on(profiles.V2_6_18, origin) as bench:
        number = begin_bulk(bench.build, bench.plan).collection.collection_id
        del bench.staging.schema.fields[-1]
        assert (bench.run().rows, bench.rows) == (ROWS, ROWS)
        assert bench.staging.number != number
