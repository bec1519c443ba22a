# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users and keys that may do just what docs/permissions.md says, and what is told where they may not."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import oracle
import pytest
from collection_tree import CHECKOUT
from embedded_lab.models import Identity
from labs import RunningLab
from milvus_lab import LabConfig, start, stop
from module_process import ModuleRun, run
from pymilvus import MilvusClient

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import sdk
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options

Options = dict[str, Any]
Grants = frozenset[str]

DOCUMENT = (CHECKOUT / "docs" / "permissions.md").read_text(encoding="utf-8")
CALLS = {
    call: (privilege, object_type)
    for call, privilege, object_type in re.findall(
        r"^\| `(\w+)` \| `?(\w+)`? \| (?:`(\w+)`)? ?\|$", DOCUMENT, re.MULTILINE
    )
}
NEEDED: dict[str, Grants] = {
    module: frozenset(re.findall(r"`(\w+)`", privileges))
    for module, privileges in re.findall(r"^\| `(milvus_\w+)` \| ((?:`[A-Z]\w+` ?)+)\|$", DOCUMENT, re.MULTILINE)
}
OF_PUBLIC = frozenset({"DescribeCollection", "ShowCollections", "IndexDetail"})
OBJECTS = {privilege: object_type for privilege, object_type in CALLS.values() if privilege != "none"}
PASSWORD = "Long-enough-1"

_numbers = itertools.count(1)


def identity(name: str, *actions: str) -> Identity:
    return Identity(name, f"KEYOF{name.upper()}", f"secret-of-{name}", ("List:bucket-a", *actions))


IDENTITIES = {
    item.name: item
    for item in (
        identity("whole", "Read:bucket-a/files_a/*", "Read:bucket-a/backup/*", "Write:bucket-a/backup/*"),
        identity("source", "Read:bucket-a/files_a/*"),
        identity("target", "Read:bucket-a/files_b/*"),
        identity("vault", "Read:bucket-a/backup/*", "Write:bucket-a/backup/*"),
        identity("vaultreader", "Read:bucket-a/backup/*"),
        identity("vaultwriter", "Read:bucket-a/files_a/*", "Write:bucket-a/backup/*"),
        identity("reader", "Read:bucket-a"),
        identity(
            "team",
            "Read:bucket-a/files_a/*",
            "Read:bucket-a/backup/team_a/*",
            "Write:bucket-a/backup/team_a/*",
        ),
    )
}


def keys(name: str, prefix: str = "") -> Options:
    item = IDENTITIES[name]
    return {prefix + "access_key_id": item.access_key_id, prefix + "secret_access_key": item.secret_access_key}


@dataclass(frozen=True)
class Guarded:
    """Two instances that ask for a login."""

    lab: RunningLab

    def root(self, instance: str = "milvus_a", database: str = "") -> MilvusClient:
        uri = f"http://127.0.0.1:{self.lab.side(instance).port}"
        return MilvusClient(uri=uri, token="root:Milvus", db_name=database)

    def options(self, instance: str = "milvus_a", **changes: Any) -> Options:
        return {**self.lab.side(instance).options, "user": "root", "password": "Milvus", **changes}


@dataclass(frozen=True)
class Users:
    """Makes users; a server has ten roles at most, so each test takes its own away again."""

    guarded: Guarded
    made: list[tuple[str, str, list[tuple[str, str, str, str]]]]

    def add(self, instance: str, privileges: Grants, objects: str = "*", database: str = "default") -> str:
        """A new user whose one role has these privileges only; C(objects) counts for those of collections."""
        client, name = self.guarded.root(instance), f"user_{next(_numbers)}"
        client.create_user(name, PASSWORD)
        client.create_role(role_of(name))
        client.grant_role(name, role_of(name))
        self.made.append((instance, name, []))
        for privilege in sorted(privileges):
            on = objects if OBJECTS[privilege] == "Collection" else "*"
            self.grant(name, privilege, on, database)
        return name

    def grant(self, user: str, privilege: str, on: str = "*", database: str = "default") -> None:
        instance, _unused, grants = next(item for item in self.made if item[1] == user)
        grants.append((OBJECTS[privilege], privilege, on, database))
        self.guarded.root(instance).grant_privilege(role_of(user), OBJECTS[privilege], privilege, on, db_name=database)

    def remove(self) -> None:
        for instance, name, grants in self.made:
            client = self.guarded.root(instance)
            for kind, privilege, on, database in grants:
                client.revoke_privilege(role_of(name), kind, privilege, on, db_name=database)
            client.revoke_role(name, role_of(name))
            client.drop_role(role_of(name))
            client.drop_user(name)


def role_of(user: str) -> str:
    return f"role_of_{user}"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    config = LabConfig(
        directory=Path(tmp_path_factory.mktemp("permissions")),
        instances={"milvus_a": {"authorization": True}, "milvus_b": {"authorization": True}},
        identities=tuple(IDENTITIES.values()),
    )
    try:
        yield Guarded(RunningLab(start(config)))
    finally:
        stop(LabConfig(directory=config.directory), wipe=True)


@pytest.fixture(scope="module")
def films(guarded: Guarded) -> str:
    oracle.create_collection(guarded.root(), "films", rows=400)
    return "films"


@pytest.fixture(scope="module")
def backup(guarded: Guarded, films: str) -> str:
    """Made with one key that may read the data of the instance and write below the folder of backups."""
    made = run("milvus_backup", guarded.options(name="by_whole", collections=[films], **keys("whole")))
    assert not made.failed, made.output
    return "by_whole"


@pytest.fixture
def users(guarded: Guarded) -> Iterator[Users]:
    made = Users(guarded, [])
    yield made
    made.remove()


@pytest.fixture
def fresh() -> Callable[[str], str]:
    return lambda stem: f"{stem}_{next(_numbers)}"


def assert_no_permission(made: ModuleRun, *words: str) -> None:
    assert made.kind == "permission", made.output
    assert [word for word in words if word.lower() not in made.result["msg"].lower()] == []
    assert made.result["failure"]["retryable"] is False
    assert "Traceback" not in made.output


def requests() -> Mapping[str, Any]:
    """Each call, on a collection that does not exist: a right is looked at first, so nothing ever happens."""
    pb, none = sdk.milvus_pb2, "no_such_collection"
    special = {
        "Flush": pb.FlushRequest(collection_names=[none]),
        "GetPersistentSegmentInfo": pb.GetPersistentSegmentInfoRequest(collectionName=none),
        "RenameCollection": pb.RenameCollectionRequest(oldName=none, newName=f"{none}_2"),
        "Query": pb.QueryRequest(collection_name=none, output_fields=["count(*)"]),
        "CreateCollection": pb.CreateCollectionRequest(collection_name=none, schema=b""),
        "CreateDatabase": pb.CreateDatabaseRequest(db_name="no/name"),
        "SelectRole": pb.SelectRoleRequest(),
    }
    plain = {call: getattr(pb, f"{call}Request")() for call in CALLS if call not in special}
    for request in plain.values():
        if "collection_name" in request.DESCRIPTOR.fields_by_name:
            request.collection_name = none
    return {**special, **plain}


def denied(guarded: Guarded, user: str) -> dict[str, str]:
    """The privilege that the server names for each call it refuses to this user."""
    options = guarded.options(user=user, password=PASSWORD)
    found: dict[str, str] = {}
    with Server(connection_options(options)) as server:
        for call, request in requests().items():
            try:
                server.call(call, request)
            except MilvusOpsError as error:
                named = re.match(r"Privilege(\w+): permission deny", error.failure.cause)
                if named:
                    found[call] = named[1] if error.kind == "permission" else error.kind
    return found


def test_the_server_asks_for_the_documented_privileges(guarded: Guarded, users: Users) -> None:
    """A user without any is refused each call by the name in the table; one with all of them, none."""
    assert len(CALLS) > 25
    documented = {
        call: privilege for call, (privilege, _unused) in CALLS.items() if privilege not in {"none", *OF_PUBLIC}
    }
    assert denied(guarded, users.add("milvus_a", frozenset())) == documented
    assert denied(guarded, users.add("milvus_a", frozenset(OBJECTS))) == {}


def test_public_holds_the_rest(guarded: Guarded) -> None:
    held = guarded.root().describe_role("public")["privileges"]
    assert {item["privilege"] for item in held} == OF_PUBLIC
    assert set(OBJECTS) >= OF_PUBLIC


def call_of(module: str, collection: str, fresh: Callable[[str], str], backup: str) -> tuple[str, Options]:
    """An instance, and arguments by which the module does all of its work."""
    arguments: dict[str, tuple[str, Options]] = {
        "milvus_info": ("milvus_a", {}),
        "milvus_collection_info": ("milvus_a", {"collections": [collection], "checksum": True}),
        "milvus_backup": ("milvus_a", {"collections": [collection], "name": fresh("by_user")}),
        "milvus_restore": ("milvus_b", {"collections": [collection], "name": backup, "suffix": fresh("_by_user")}),
    }
    return arguments[module]


MODULES = ("milvus_info", "milvus_collection_info", "milvus_backup", "milvus_restore")


@pytest.mark.parametrize("module", MODULES)
def test_the_documented_privileges_are_enough(
    guarded: Guarded, users: Users, films: str, backup: str, fresh: Callable[[str], str], module: str
) -> None:
    """Of the collection itself only, except for a restore, whose staging collections have other names."""
    instance, arguments = call_of(module, films, fresh, backup)
    objects = "*" if module == "milvus_restore" else films
    user = users.add(instance, NEEDED[module], objects)
    made = run(module, guarded.options(instance, user=user, password=PASSWORD, **arguments))
    assert not made.failed, made.output


@pytest.mark.parametrize(
    ("module", "privilege"),
    [
        *(("milvus_backup", name) for name in ("Flush", "GetFlushState", "ListDatabases", "Load", "ShowPartitions")),
        *(("milvus_restore", name) for name in ("CreateCollection", "CreateIndex", "Import")),
        ("milvus_info", "GetStatistics"),
        ("milvus_collection_info", "Query"),
    ],
)
def test_a_missing_privilege_is_named(
    guarded: Guarded, users: Users, films: str, backup: str, fresh: Callable[[str], str], module: str, privilege: str
) -> None:
    """With the user that lacks it. What was not allowed has left nothing: no object, no collection."""
    assert privilege in NEEDED[module]
    instance, arguments = call_of(module, films, fresh, backup)
    user = users.add(instance, NEEDED[module] - {privilege})
    before, collections = guarded.lab.objects("backup/"), guarded.root(instance).list_collections()
    refused = run(module, guarded.options(instance, user=user, password=PASSWORD, **arguments))
    assert_no_permission(
        refused, f"Privilege{privilege}", f"grant the privilege {privilege} to a role of the user {user}"
    )
    if module != "milvus_restore":
        assert guarded.lab.objects("backup/") == before
    if privilege in ("CreateIndex", "Import"):
        assert "the staging collection is kept" in refused.result["failure"]["state_left"], refused.output
    visible = [name for name in guarded.root(instance).list_collections() if "__restoring_" not in name]
    assert sorted(visible) == sorted(name for name in collections if "__restoring_" not in name)


def test_a_restore_goes_on_when_the_privilege_is_there(guarded: Guarded, users: Users, films: str, backup: str) -> None:
    """The last step is the one that is not allowed: the staging collection waits, and is published by the next run."""
    user = users.add("milvus_b", NEEDED["milvus_restore"] - {"RenameCollection"})
    login = {"user": user, "password": PASSWORD}
    arguments = guarded.options("milvus_b", name=backup, collections=[films], suffix="_waited", **login)
    refused = run("milvus_restore", arguments)
    assert_no_permission(refused, "PrivilegeRenameCollection", "staging collection")
    client = guarded.root("milvus_b")
    assert "films_waited" not in client.list_collections()
    users.grant(user, "RenameCollection")
    made = run("milvus_restore", arguments)
    assert not made.failed, made.output
    assert oracle.differences(oracle.read_all(client, "films_waited"), oracle.expected(400)) == []


def test_grants_of_every_database(guarded: Guarded, users: Users, fresh: Callable[[str], str]) -> None:
    """Those of one database do not hold in another; those of the database * hold in all."""
    guarded.root().create_database("other_db")
    oracle.create_collection(guarded.root(database="other_db"), "apart", rows=20)
    arguments = guarded.options(collections=["other_db.apart"], name=fresh("apart"), password=PASSWORD)
    of_default = users.add("milvus_a", NEEDED["milvus_backup"])
    assert_no_permission(run("milvus_backup", {**arguments, "user": of_default}), "permission deny")
    of_all = users.add("milvus_a", NEEDED["milvus_backup"], database="*")
    made = run("milvus_backup", {**arguments, "user": of_all})
    assert not made.failed, made.output


def test_two_keys_make_a_backup_together(guarded: Guarded, films: str, fresh: Callable[[str], str]) -> None:
    """One reads the data of the instance and cannot write anywhere, the other cannot read it."""
    both = {**keys("source"), **keys("vault", "backup_")}
    made = run("milvus_backup", guarded.options(name=fresh("two_keys"), collections=[films], **both))
    assert not made.failed, made.output
    assert made.result["backup"]["exists"]


def test_reading_is_not_enough_for_a_backup(guarded: Guarded, fresh: Callable[[str], str]) -> None:
    """It is found out before the instance is asked to flush, so that nothing there has changed either."""
    client, name = guarded.root(), fresh("unflushed")
    oracle.create_collection(client, name, rows=40)
    oracle.insert(client, name, range(1000, 1040))
    before, objects = client.get_collection_stats(name), guarded.lab.objects()
    arguments = guarded.options(name=fresh("read_only"), collections=[name])
    for key in ("reader", "source"):
        refused = run("milvus_backup", {**arguments, **keys(key)})
        assert_no_permission(refused, "AccessDenied", "give this key the right")
        assert refused.result["failure"]["state_left"] == "nothing was written"
        assert refused.result["failure"]["operation"]
    assert client.get_collection_stats(name) == before
    assert guarded.lab.objects() == objects
    made = run("milvus_backup", {**arguments, **keys("whole")})
    assert not made.failed, made.output
    assert client.get_collection_stats(name) != before, "a flush shows here, so its absence did too"


def test_writing_without_reading_is_refused(guarded: Guarded, films: str, fresh: Callable[[str], str]) -> None:
    arguments = guarded.options(name=fresh("unread"), collections=[films], **keys("vaultwriter"))
    assert_no_permission(run("milvus_backup", arguments), "AccessDenied", arguments["name"])
    assert guarded.lab.objects(f"backup/{arguments['name']}/") == {}


def test_a_key_of_one_team_stays_in_its_folder(guarded: Guarded, films: str, fresh: Callable[[str], str]) -> None:
    """It works in its own, and can neither make, read nor remove a backup in that of another team."""
    name = fresh("of_team")
    own, other = {"backup_root_path": "backup/team_a"}, {"backup_root_path": "backup/team_b"}
    for place, key in ((own, keys("team")), (other, keys("whole"))):
        made = run("milvus_backup", guarded.options(name=name, collections=[films], **place, **key))
        assert not made.failed, made.output
    before = guarded.lab.objects("backup/team_b/")
    calls: list[tuple[str, Options]] = [
        ("milvus_backup", {"name": fresh("intruder"), "collections": [films]}),
        ("milvus_backup", {"name": name, "state": "absent"}),
        ("milvus_backup", {"name": name, "state": "absent", "force_foreign": True}),
        ("milvus_restore", {"name": name, "collections": [films], "suffix": "_never"}),
    ]
    for module, arguments in calls:
        assert_no_permission(run(module, guarded.options(**arguments, **other, **keys("team"))), "backup/team_b/")
    assert guarded.lab.objects("backup/team_b/") == before
    removed = run("milvus_backup", guarded.options(name=name, state="absent", **own, **keys("team")))
    assert not removed.failed, removed.output
    assert guarded.lab.objects("backup/team_a/") == {}


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(keys("reader"), id="one key"),
        pytest.param({**keys("target"), **keys("vaultreader", "backup_")}, id="two"),
    ],
)
def test_a_restore_needs_to_read_only(
    guarded: Guarded, films: str, backup: str, fresh: Callable[[str], str], key: Options
) -> None:
    """It says that nothing guards the backup meanwhile; not an object below the backup is written."""
    before, suffix = guarded.lab.objects("backup/"), fresh("_read_only")
    arguments = guarded.options("milvus_b", name=backup, collections=[films], suffix=suffix, **key)
    made = run("milvus_restore", arguments)
    assert not made.failed, made.output
    assert "nothing keeps it from being removed meanwhile" in made.output
    assert guarded.lab.objects("backup/") == before
    client = guarded.root("milvus_b")
    assert oracle.differences(oracle.read_all(client, f"films{suffix}"), oracle.expected(400)) == []


@pytest.mark.parametrize(
    ("module", "changes"),
    [("milvus_info", {}), ("milvus_backup_info", {"name": "by_whole", "verify": "etag"})],
)
def test_reading_is_enough_to_look(guarded: Guarded, backup: str, module: str, changes: Options) -> None:
    looked = run(module, guarded.options(**changes, **keys("reader")))
    assert not looked.failed, looked.output
