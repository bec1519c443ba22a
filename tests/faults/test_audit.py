# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole life of backups asks of the storage and of the servers, and what it never asks (F21, +34).

Each step goes through relays that write down everything: its writes, what it touches outside its prefixes, its reads.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fault_proxy import HttpProxy, Rule, answering
from labs import RunningLab, Side
from milvus_proxy import MilvusProxy
from module_process import ModuleRun, run_here
from s3_requests import Record, outside, writes
from tally import OUTSIDE_REQUESTS, Tally
from wire_world import COLLECTION, PARTS, Wire, wire

Fresh = Callable[[str], str]
Options = dict[str, Any]
CAMPAIGN = "audit of a whole life"
NO_FLUSH = {"strategy": "skip_flush"}
"""A server allows few of them, and lets the next one wait."""

STAGING = "vectorops_staging/"
PAGE = 1000
FEW_READS = 5
META_FILES = 5
"""What the level etag reads to compare it with its digests."""

SOON = 10.0
CHANGES = ("Alter", "Create", "Delete", "Drop", "Flush", "Import", "Insert", "Load", "Release", "Rename", "Upsert")
"""How the names of calls begin that change a server."""


@dataclass(frozen=True)
class Step:
    """One run and what was seen of it."""

    ended: ModuleRun
    log: list[Record]
    calls: list[str]

    @property
    def written(self) -> list[str]:
        return [f"{item.operation} {item.key}" for item in writes(self.log)]

    @property
    def changes(self) -> list[str]:
        return [call for call in self.calls if call.startswith(CHANGES)]

    @property
    def reads(self) -> int:
        return len(self.log) - len(self.written)


@dataclass(frozen=True)
class Audit:
    """A wire before the storage, a line before each instance."""

    world: Wire
    source: MilvusProxy
    target: MilvusProxy
    target_side: Side

    def backup(self, name: str, **changes: Any) -> Options:
        return self.world.arguments(name, port=self.source.port, strategy="auto", **changes)

    def restore(self, name: str, **changes: Any) -> Options:
        return {
            **self.target_side.options,
            "port": self.target.port,
            "storage_port": self.world.proxy.port,
            "backup_root_path": self.root,
            "name": name,
            "collections": [COLLECTION],
            **changes,
        }

    def store(self, **changes: Any) -> Options:
        """Of a module that calls no instance."""
        own = {key: value for key, value in self.world.arguments("").items() if "storage" in key or "key" in key}
        return {**own, "bucket_name": self.world.lab.bucket, "backup_root_path": self.root, **changes}

    @property
    def root(self) -> str:
        return str(self.world.arguments("")["backup_root_path"])

    def step(
        self, module: str, arguments: Options, *, write: tuple[str, ...] = (), read: tuple[str, ...] = (), **how: Any
    ) -> Step:
        """Run it; a request outside of what it may touch is an error. C(read) adds to C(write)."""
        self.world.heal()
        for proxy in (self.source, self.target):
            proxy.calls.clear()
        ended = run_here(module, arguments, **how)
        seen = Step(ended, self.world.log(), [*self.source.calls, *self.target.calls])
        strays = outside(seen.log, read, write)
        self.world.tally.add(CAMPAIGN, OUTSIDE_REQUESTS, len(strays))
        assert strays == [], ended.output
        return seen

    def idle(self, module: str, arguments: Options, *, read: tuple[str, ...], check: bool = False) -> Step:
        """A run that has nothing to do, or may not: no write, no change of a server, no change in the bucket."""
        before = self.world.objects(f"{self.root}/")
        seen = self.step(module, arguments, read=read, check=check)
        assert not seen.ended.failed, seen.ended.output
        assert (seen.written, seen.changes) == ([], [])
        assert self.world.objects(f"{self.root}/") == before
        assert check or not seen.ended.result.get("changed")
        return seen


@pytest.fixture(scope="module")
def audit(lab: RunningLab, emptied: Side, tally: Tally) -> Iterator[Audit]:
    with (
        wire(lab, tally, CAMPAIGN, compared=False) as world,
        MilvusProxy(world.side.port) as source,
        MilvusProxy(emptied.port) as target,
    ):
        yield Audit(world, source, target, emptied)


@pytest.fixture(autouse=True)
def healed(audit: Audit) -> Iterator[None]:
    yield
    audit.world.heal()


def require_success(seen: Step, *, changed: bool) -> Step:
    assert not seen.ended.failed, seen.ended.output
    assert seen.ended.result["changed"] is changed
    return seen


def test_a_whole_life_touches_only_what_it_may(audit: Audit, fresh: Fresh) -> None:
    first, second = fresh("life"), fresh("life")
    source, target = f"{audit.world.side.root_path}/", f"{audit.target_side.root_path}/"
    folders = {name: f"{audit.root}/{name}/" for name in (first, second)}
    everywhere = (f"{audit.root}/",)

    audit.idle("milvus_backup", audit.backup(first), read=(source, folders[first]), check=True)
    made = audit.step("milvus_backup", audit.backup(first), write=(folders[first],), read=(source,))
    require_success(made, changed=True)
    assert set(made.changes) == {"Flush"}

    pages = math.ceil(made.ended.result["backup"]["objects"] / PAGE)
    for level, more in (("size", 0), ("etag", META_FILES)):
        again = audit.idle("milvus_backup", audit.backup(first, verify=level), read=(source, folders[first]))
        assert again.reads <= FEW_READS + pages + more, again.log
    audit.idle("milvus_backup", audit.backup(first), read=(source, folders[first]), check=True)

    verified = {"name_pattern": first, "verify": "content"}
    audit.idle("milvus_backup_info", audit.store(**verified), read=everywhere)

    arguments, looked = audit.restore(first, suffix="_life"), (target, folders[first], STAGING)
    audit.idle("milvus_restore", arguments, read=looked, check=True)
    locks = f"{folders[first]}control/restores/"
    restored = audit.step("milvus_restore", arguments, write=(locks,), read=looked)
    require_success(restored, changed=True)
    audit.world.require_rows(audit.target_side.client(), f"{COLLECTION}_life")
    audit.idle("milvus_restore", arguments, read=looked)
    audit.idle("milvus_restore", arguments, read=looked, check=True)

    time.sleep(1.1)  # a backup's date has seconds
    more = audit.backup(second) | NO_FLUSH
    made = audit.step("milvus_backup", more, write=(folders[second],), read=(source,))
    require_success(made, changed=True)
    rule = audit.store(name_pattern="life_*", keep_last=1)
    audit.idle("milvus_backup_prune", rule, read=everywhere, check=True)
    pruned = audit.step("milvus_backup_prune", rule, write=(folders[first],), read=everywhere)
    require_success(pruned, changed=True)
    assert audit.world.objects(folders[first]) == {}

    gone = audit.store(name=second, state="absent")
    audit.idle("milvus_backup", gone, read=(folders[second],), check=True)
    require_success(audit.step("milvus_backup", gone, write=(folders[second],)), changed=True)
    assert audit.world.objects(folders[second]) == {}
    audit.idle("milvus_backup", gone, read=(folders[second],))


def test_a_staged_restore_writes_its_copy_only_and_takes_it_away(audit: Audit, fresh: Fresh) -> None:
    name = fresh("staged")
    folder, target = f"{audit.root}/{name}/", f"{audit.target_side.root_path}/"
    arguments, source = audit.backup(name) | NO_FLUSH, f"{audit.world.side.root_path}/"
    require_success(audit.step("milvus_backup", arguments, write=(folder,), read=(source,)), changed=True)
    store = audit.world.lab.answer["s3"]
    elsewhere = {
        "backup_storage_address": store["address"],
        "backup_storage_port": audit.world.source_proxy.port,
        "backup_access_key_id": store["access_key_id"],
        "backup_secret_access_key": store["secret_access_key"],
    }
    arguments = audit.restore(name, suffix="_staged", **elsewhere)
    before = audit.world.objects(f"{audit.root}/")
    restored = audit.step(
        "milvus_restore", arguments, write=(STAGING, f"{folder}control/restores/"), read=(folder, target)
    )
    require_success(restored, changed=True)
    assert [item for item in audit.world.source_proxy.log if item.key.startswith(STAGING)] == []
    assert audit.world.objects(STAGING) == {}
    assert audit.world.objects(f"{audit.root}/") == before


def nobody_listens() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


MISTAKES: dict[str, tuple[Options, str, str]] = {
    "secret key": ({"secret_access_key": "not-the-right-one"}, "credentials", "secret_access_key"),
    "key id": ({"access_key_id": "NOBODYSKEY"}, "credentials", "access_key_id"),
    "session token": ({"session_token": "no-such-session"}, "credentials", "session_token"),
    "bucket": ({"bucket_name": "no-such-bucket"}, "not_found", "bucket_name"),
    "root path": ({"root_path": "files_x"}, "root_path", "root_path"),
    "TLS to a plain storage": ({"storage_use_ssl": True, "storage_port": "real"}, "unreachable", "storage_use_ssl"),
    "port of the storage": ({"storage_port": "nobody's"}, "unreachable", "storage_port"),
    "port of the server": ({"port": "nobody's"}, "unreachable", "port"),
    "TLS to a plain server": ({"tls_mode": "server"}, "unreachable", "tls_mode"),
    "collection": ({"collections": ["no_such_collection"]}, "not_found", "name of the collection"),
    "name": ({"name": "../files_a"}, "bad_name", "letters"),
    "half a credential": ({"secret_access_key": ""}, "usage", "secret_access_key"),
}
"""What is given, the kind of the failure, and what its next step names."""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_before_the_first_flush_or_write(audit: Audit, fresh: Fresh, mistake: str) -> None:
    """F21: within seconds, with what to correct."""
    changes, kind, option = MISTAKES[mistake]
    ports = {"real": audit.world.lab.answer["s3"]["port"], "nobody's": nobody_listens()}
    given = {name: ports.get(str(value), value) for name, value in changes.items()}
    require_refusal(audit, audit.backup(fresh("mistaken")) | given, kind, option)


@pytest.mark.parametrize("line", ["^PUT ", "^GET .*list-type", "^GET /bucket-a/"])
def test_a_missing_right_is_named_before_the_first_flush_or_write(audit: Audit, fresh: Fresh, line: str) -> None:
    """F22: keys that may not write, not list, or not read."""
    audit.world.heal()
    refuse = Rule(answering(403, "AccessDenied"), line=line)
    require_refusal(audit, audit.backup(fresh("forbidden")), "permission", "right", refuse)


def require_refusal(audit: Audit, arguments: Options, kind: str, advice: str, *rules: Rule) -> None:
    audit.world.heal()
    audit.source.calls.clear()
    audit.world.proxy.rules = list(rules)
    began = time.monotonic()
    refused = run_here("milvus_backup", arguments)
    took = time.monotonic() - began
    done = [item for item in writes(audit.world.log()) if 200 <= item.status < 300]
    audit.world.tally.add(CAMPAIGN, OUTSIDE_REQUESTS, len(done))
    assert refused.kind == kind, refused.output
    failure = refused.result["failure"]
    assert [part for part in PARTS if not str(failure[part]).strip()] == [], failure
    assert advice in failure["next_step"], failure
    assert failure["state_left"] == "nothing was written"
    assert (done, [call for call in audit.source.calls if call.startswith(CHANGES)]) == ([], [])
    assert took < SOON
    assert audit.world.left(arguments["name"]) == {}


def test_what_is_written_down_is_what_was_asked(audit: Audit) -> None:
    """A relay that missed requests would prove nothing: those of another client are all seen, and told apart."""
    store, port = audit.world.lab.answer["s3"], audit.world.lab.answer["s3"]["port"]
    with HttpProxy(port) as proxy:
        lab = RunningLab({**audit.world.lab.answer, "s3": {**store, "endpoint": f"http://127.0.0.1:{proxy.port}"}})
        s3 = lab.s3()
        s3.put_object(Bucket=lab.bucket, Key="seen/a", Body=b"x")
        s3.copy_object(Bucket=lab.bucket, Key="seen/b", CopySource={"Bucket": lab.bucket, "Key": "seen/a"})
        s3.list_objects_v2(Bucket=lab.bucket, Prefix="seen/")
        s3.delete_objects(Bucket=lab.bucket, Delete={"Objects": [{"Key": "seen/a"}, {"Key": "seen/b"}]})
        seen = [(item.operation, item.key, item.keys, item.status) for item in proxy.log]
    assert seen == [
        ("put", "seen/a", ("seen/a",), 200),
        ("copy", "seen/b", ("seen/b",), 200),
        ("list", "seen/", (), 200),
        ("delete many", "", ("seen/a", "seen/b"), 200),
    ]
    assert [item.key for item in outside(proxy.log, ("seen/",), ("seen/b",))] == ["seen/a", ""]
