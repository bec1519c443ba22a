# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of all plugins, and the tasks and plays of the pages, run on real servers.

They run as they stand, but for the places that they name: a table says what stands for each, and has no others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import oracle
import pytest
import yaml
from collection_tree import CHECKOUT
from example_stage import BY_MISTAKE, FEW, ROWS, TODAY, Stage, staged
from module_process import run
from played_examples import Results, Scene, entries, places, sources
from typist import User, copy_project, shown, yaml_of

from playbooks import Player

pytestmark = [pytest.mark.playbook, pytest.mark.newest]

MODULES = "plugins/modules/milvus_"
BACKUP, RESTORE = f"{MODULES}backup.py", f"{MODULES}restore.py"
INFO, COLLECTION_INFO, BACKUP_INFO = (f"{MODULES}{name}info.py" for name in ("", "collection_", "backup_"))
PRUNE, ACCESS, ALIASES = (f"{MODULES}{name}.py" for name in ("backup_prune", "write_access", "alias_switch"))
INSTANCE, JOB_HOSTS = "plugins/lookup/instance.py", "plugins/lookup/job_hosts.py"
FILTERS = tuple(
    f"plugins/filter/{name}.yml"
    for name in ("collection_drift", "job_outcome", "job_report", "migrated_pairs", "name_map")
)
ROLES = tuple(f"roles/milvus_{name}/README.md" for name in ("backup", "job", "migrate", "prune", "restore"))
FIRST = (Scene(BACKUP, "milvus_a"),)
SECOND = (
    Scene(INFO, "milvus"),
    Scene(COLLECTION_INFO, "milvus"),
    Scene(BACKUP_INFO, "milvus_a"),
    Scene(PRUNE, "milvus_a"),
    Scene(ALIASES, "milvus_d"),
    Scene(RESTORE, "milvus_b"),
    Scene(ACCESS, "milvus_c"),
    Scene(INSTANCE, ""),
    Scene(JOB_HOSTS, ""),
    Scene("docs/troubleshooting.md", "milvus_c"),
    *(Scene(page, "", {"milvus_backup_collections": "books.novels"} if "_job/" in page else {}) for page in ROLES),
)
"""Those of the second use what the first has made. Plays name their hosts themselves."""

ELSEWHERE = {"docs/backups.md": "test_the_commands_of_each_night types the command of its play"}
OF_THE_HOST = {
    "group/vectorops.milvus.milvus": "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='target') }}"
}
"""The examples of filters leave out how an instance is reached."""

COLLECTIONS = ("films", "posters", "scratch", "novels")
OLDER = "nightly_milvus_a_20261121"

COPIES = (
    "Restore from a bucket of another store",
    "Restore a database under another name, and one collection of it under a name of its own",
    "Refresh a copy from the newest nightly backup, and swap it in when it is complete",
)

Played = dict[str, Results]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(Path(tmp_path_factory.mktemp("examples"))) as made:
        yield made


@pytest.fixture(scope="module")
def played(stage: Stage, ansible_playbook: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """What all of them returned, after a nightly backup of the day before, and one that was never finished."""
    older = {"name": OLDER, "collections": ["films.*", "books.*"], "exclude": ["films.scratch"]}
    made = run("milvus_backup", {**stage.options("milvus_a"), **older})
    assert not made.failed, made.output
    s3, bucket = stage.lab.s3(), stage.lab.bucket
    for key in stage.lab.objects(f"backup/{OLDER}/"):
        if not key.endswith("/full_meta.json"):
            s3.copy_object(Bucket=bucket, Key=key.replace(OLDER, "half"), CopySource={"Bucket": bucket, "Key": key})
    theatre = stage.theatre(Player(ansible_playbook, tmp_path_factory.mktemp("play")))
    played = theatre.play(*FIRST)
    played |= theatre.play(*SECOND)
    return played | theatre.play(*filters(stage, played))


def filters(stage: Stage, played: Played) -> Iterator[Scene]:
    """With what plays have registered when they come to a filter."""
    sides = {"source": ("milvus_a", "coll"), "target": ("milvus_b", "coll_bak")}
    registered = {
        side: run("milvus_collection_info", {**stage.options(host), "collections": [name], "checksum": True}).result
        for side, (host, name) in sides.items()
    }
    restored = played[RESTORE]["Restore one collection under a new name"]["milvus_b"]
    registered |= {
        "my_backup": played[BACKUP]["Back up one collection"]["milvus_a"],
        "my_restore": restored,
        "jobs": [{"job": "milvus_b", "state": "done", "rows": restored["collections"][0]["rows"]}],
        "new_names": "coll=coll_v2",
    }
    yield from (Scene(source, "milvus_b", registered, OF_THE_HOST) for source in FILTERS)


def test_all_that_is_shown_is_played(played: Played) -> None:
    """And every task has succeeded on every host of its play, see Theatre."""
    assert sources() == sorted((*played, *ELSEWHERE))
    assert [source for source, shown in played.items() if not shown] == []


def test_the_table_has_the_places_of_the_examples_and_no_others(stage: Stage) -> None:
    assert {place for source in sources() for place in places(entries(source))} == set(stage.table())


def test_backups_are_where_they_should_be(played: Played, stage: Stage) -> None:
    results = played[BACKUP]
    made = {
        name: {host: value and value["changed"] for host, value in hosts.items()} for name, hosts in results.items()
    }
    assert made == {
        "Back up a fleet": {"milvus_a": None, "milvus_c": None},
        "Back up one collection": {"milvus_a": True},
        "Back up into a bucket of another store": {"milvus_a": True},
        "Back up two databases of each instance, at 50 MiB a second at most": {"milvus_a": True, "milvus_c": True},
        "Show what a backup would copy, and write nothing": {"milvus_a": False},
        "Back up for hours": {"milvus_a": True},
        "Remove a backup": {"milvus_a": True},
    }
    vault = stage.vault.s3().list_objects_v2(Bucket="milvus-backups")["Contents"]
    assert {item["Key"].partition("/binlogs")[0].partition("/meta")[0] for item in vault} >= {"team_a/my_backup"}
    there = {key.split("/")[1] for key in stage.lab.objects("backup/") if key.endswith("/full_meta.json")}
    assert there >= {"my_backup", f"nightly_milvus_a_{TODAY}", f"nightly_milvus_c_{TODAY}"}
    assert not stage.lab.objects("backup/everything")


def test_restored_rows_are_those_of_the_source(played: Played, stage: Stage) -> None:
    all_rows = oracle.expected(ROWS)
    left = {key: row for key, row in all_rows.items() if key not in BY_MISTAKE}
    few = {key: oracle.row(key) for key in range(FEW)}
    wanted = {
        ("milvus_b", "default", "coll_bak"): left,
        ("milvus_b", "default", "coll_before"): all_rows,
        ("milvus_b", "default", "coll_copy"): left,
        ("milvus_b", "films", "posters"): few,
        ("milvus_d", "default", "films"): few,
    }
    for (host, database, name), rows in wanted.items():
        found = oracle.read_all(stage.client(host, database), name)
        assert (name, oracle.differences(found, rows)) == (name, [])
    counted = {
        item["target"]: item["rows"]
        for name in COPIES
        for result in played[RESTORE][name].values()
        for item in result["collections"]
    }
    names = ("films", "films.posters", "films.posters_bak", "films.scratch", "films_copy.posters_2026", "books.novels")
    assert counted == dict.fromkeys(names, FEW)


def test_what_they_show(played: Played) -> None:
    instances = played[INFO]["Show the proof"]
    assert {host: shown["instance.root_path_proof"] for host, shown in instances.items()} == {
        "milvus_a": "proven",
        "milvus_c": "proven",
    }
    described = played[COLLECTION_INFO]
    (coll,) = described["Describe one collection with a checksum over its rows"]["milvus_a"]["collections"]
    assert (coll["rows"], bool(coll["checksum"])) == (len(oracle.expected(ROWS)) - len(deleted()), True)
    assert described["Show them"]["milvus_c"]["msg"] == dict.fromkeys(COLLECTIONS, FEW)
    listed = played[BACKUP_INFO]
    (unsound,) = listed["Show those that cannot be restored"]["milvus_a"]["msg"].items()
    assert (unsound[0], "never finished" in unsound[1]) == ("half", True)
    newest = listed["Fail unless the newest nightly backup is sound and not older than a day"]["milvus_a"]["latest"]
    assert newest["name"] in (f"nightly_milvus_a_{TODAY}", f"nightly_milvus_c_{TODAY}")
    nightly = [item for item in listed["List all backups"]["milvus_a"]["backups"] if "nightly_milvus_a" in item["name"]]
    assert [item["name"] for item in nightly] == [OLDER, f"nightly_milvus_a_{TODAY}"]
    one_day = len({item["created_at"][:10] for item in nightly}) == 1
    pruned = played[PRUNE]
    removed = pruned["Keep a week of days, a month of weeks and a year of months"]["milvus_a"]["removed"]
    assert [item["name"] for item in removed] == ([OLDER] if one_day else [])
    (left_alone,) = pruned["Show what would go"]["milvus_a"]["skipped_backups"]
    assert (left_alone["name"], left_alone["state"]) == ("half", "unfinished")


def deleted() -> set[int]:
    return set(BY_MISTAKE) - oracle.DELETED


def test_a_cut_over_is_closed_and_opened_again(played: Played, stage: Stage) -> None:
    access = {name: hosts["milvus_c"] for name, hosts in played[ACCESS].items()}
    taken = access["Close the source"]
    assert [item["role"] for item in taken["grants"]] == ["loader"]
    assert taken["members"] == [{"user": "importer", "role": "admin"}]
    assert access["Show which rights would go"]["members"] == taken["members"]
    assert access["Open the source again"]["members"] == taken["members"]
    assert stage.client("milvus_c").describe_user("importer")["roles"] == ("admin",)
    aliases = [hosts["milvus_d"]["moved"] for hosts in played[ALIASES].values()]
    assert [[move["after"] for move in moves] for moves in aliases] == [["films_0611", "films_0611"], ["", ""]]


def test_hosts_are_those_of_the_group(played: Played) -> None:
    (hosts,) = played[JOB_HOSTS].values()
    assert sorted(hosts) == ["milvus_a", "milvus_c"]


@pytest.fixture
def user(stage: Stage, ansible_playbook: Path, tmp_path: Path) -> User:
    """In a copy of the example project, with three of the instances and the pairs of the page about fleets."""
    (jobs,) = (value for value in map(yaml.safe_load, yaml_of("docs/fleets.md")) if "milvus_migrate_targets" in value)
    hosts = {
        name: {f"milvus_{option}": value for option, value in stage.options(name).items()}
        for name in ("milvus_a", "milvus_b", "milvus_c")
    }
    project = copy_project(CHECKOUT, tmp_path / "project")
    (project / "inventory" / "hosts.yml").write_text(yaml.safe_dump({"milvus": {"hosts": hosts}, **jobs}))
    return User(project, ansible_playbook, Path(os.environ["ANSIBLE_COLLECTIONS_PATH"]))


def test_the_commands_for_fleets(user: User, stage: Stage) -> None:
    """In their order: all are looked at, backed up, restored; pairs are migrated and compared. Again: no change."""
    *commands, again = shown("docs/fleets.md", "ansible-playbook")
    assert len(commands) > 5
    for text in commands:
        user.done(text)
    made = {"milvus_b": ("films_back", "films_of_a"), "milvus_c": ("films_back", "films_of_a", "films_of_b")}
    found = {host: [oracle.count(stage.client(host), name) for name in names] for host, names in made.items()}
    assert found == {host: [FEW] * len(names) for host, names in made.items()}
    assert {"backup.html", "migration.html", "migration.json"} <= {file.name for file in user.folder.iterdir()}
    assert "Migration, 2 jobs: 2 done" in (repeated := user.done(again))
    assert "changed: [" not in repeated


def test_the_commands_of_each_night(user: User, stage: Stage) -> None:
    page = "docs/backups.md"
    (check,) = yaml_of(page)
    (user.folder / "check_backups.yml").write_text(check)
    backup, prune, look = shown(page, "ansible-playbook")
    user.done(backup)
    assert "Prune, " in user.done(prune)
    user.done(look)
