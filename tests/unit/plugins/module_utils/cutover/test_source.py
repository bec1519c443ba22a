# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rights a cut-over takes away and gives back, also after a crash, and when it refuses to begin or to go on.

The server is a stand-in at the other end of a real connection; the integration tests have the real one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rbac_stand_in import RbacStandIn
from stand_ins import connected

from ansible_collections.vectorops.milvus.plugins.module_utils.cutover.record import record_place
from ansible_collections.vectorops.milvus.plugins.module_utils.cutover.rights import WRITING, Writers
from ansible_collections.vectorops.milvus.plugins.module_utils.cutover.source import (
    RECORD_FILE,
    SourceChange,
    SourceSide,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.rbac import Grant
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import backup_store

Bring = Callable[..., SourceChange]
State = tuple[set[Grant], dict[str, set[str]]]

INSERT = Grant("loader", "Collection", "*", "Insert", "default")
INSERT_ARCHIVE = Grant("loader", "Collection", "films", "Insert", "archive")
QUERY = Grant("loader", "Collection", "*", "Query", "default")
OTHER = Grant("editor", "Collection", "films", "Insert", "*")
EVERYTHING = Grant("keeper", "Collection", "*", "*", "*")


@pytest.fixture
def there() -> RbacStandIn:
    """Three roles that may write; a login of its own for the cut-over."""
    return RbacStandIn(
        users={
            "root": {"admin"},
            "chief": {"admin"},
            "ann": {"loader"},
            "bob": {"loader", "editor"},
            "cut": {"keeper"},
        },
        roles={"admin", "public", "loader", "editor", "keeper"},
        grants={INSERT, INSERT_ARCHIVE, QUERY, OTHER, EVERYTHING},
        databases=("archive", "default"),
        guarded=True,
    )


@pytest.fixture
def server(there: RbacStandIn) -> Iterator[Server]:
    with connected(there, user="cut", password="secret") as opened:
        yield opened


@pytest.fixture
def bring(server: Server, tmp_path: Path) -> Bring:
    """One run of the module: bring a cut-over to a state."""
    config = backup_store({"backup_storage_type": "local", "backup_root_path": str(tmp_path)})

    def run(
        state: str, *roles: str, users: tuple[str, ...] = (), name: str = "first", source: str = "bucket/files_a"
    ) -> SourceChange:
        side = SourceSide(server, record_place(config, name, RECORD_FILE, writable=True), source)
        change = side.plan(state, Writers(frozenset(users), frozenset(roles), frozenset(WRITING)))
        side.execute(change)
        return change

    return run


def state_of(there: RbacStandIn) -> State:
    return set(there.grants), {user: set(roles) for user, roles in there.users.items()}


def failure_of(bring: Bring, *arguments: str, **more: object) -> MilvusOpsError:
    with pytest.raises(MilvusOpsError) as caught:
        bring(*arguments, **more)
    return caught.value


def test_roles_lose_what_writes_and_get_it_back(there: RbacStandIn, bring: Bring) -> None:
    before = state_of(there)
    closed = bring("closed", "loader", users=("bob", "chief"))
    assert there.grants == {QUERY, OTHER, EVERYTHING}
    assert there.users == {**before[1], "bob": {"loader"}, "chief": set()}
    assert closed.can_still_write == ("cut",)
    assert not bring("closed", "loader", users=("bob", "chief")).changed
    assert bring("verified").after.phase == "verified"
    assert bring("open").changed
    assert state_of(there) == before
    assert not bring("open").changed


def test_the_phase_only_goes_forward(bring: Bring) -> None:
    phases = [bring(state).after.phase for state in ("closed", "done", "verified", "closed")]
    assert phases == ["closed", "done", "done", "done"]


def test_a_run_that_ends_in_the_middle_is_undone_by_the_next(there: RbacStandIn, bring: Bring) -> None:
    """The server is away after the first of two changes, first of a closing, then of an opening."""
    before = state_of(there)
    there.most_calls = 1
    assert "1 of 2 grants" in str(failure_of(bring, "closed", "loader"))
    assert state_of(there) != before
    there.most_calls = 1000
    bring("closed", "loader")
    there.most_calls = len(there.calls) + 1
    assert "1 of 2 grants" in str(failure_of(bring, "open"))
    there.most_calls = 1000
    assert "being rolled back" in str(failure_of(bring, "closed", "loader"))
    assert bring("open").after.phase == "open"
    assert state_of(there) == before


def test_a_role_that_is_gone_keeps_nobody_from_getting_back_what_was_taken(there: RbacStandIn, bring: Bring) -> None:
    before = state_of(there)
    bring("closed", "loader", "editor", users=("chief",))
    there.roles.remove("editor")
    error = failure_of(bring, "open")
    assert (str(OTHER) in error.failure.operation, "3 of 4 grants" in str(error)) == (True, True), error
    assert state_of(there) == (before[0] - {OTHER}, before[1])
    there.roles.add("editor")
    assert bring("open").after.phase == "open"
    assert state_of(there) == before


def test_what_was_granted_again_is_taken_and_compared_again(there: RbacStandIn, bring: Bring) -> None:
    bring("closed", "loader")
    bring("verified")
    there.grants.add(INSERT)
    assert bring("closed", "loader").after.phase == "closed"
    assert INSERT not in there.grants


def test_a_name_is_spent_by_a_roll_back(there: RbacStandIn, bring: Bring) -> None:
    bring("closed", "loader")
    bring("open")
    before = state_of(there)
    refused = failure_of(bring, "closed", "loader")
    assert refused.kind == "name_in_use"
    assert "fresh name" in refused.failure.next_step
    assert state_of(there) == before


def test_another_cut_over_of_the_source_is_refused(bring: Bring) -> None:
    """What the first one took, the second would not know of. Another source is none of its business."""
    bring("closed", "loader")
    assert "first of this source is closed" in str(failure_of(bring, "closed", "editor", name="second"))
    assert failure_of(bring, "closed", source="bucket/files_b").kind == "name_in_use"
    bring("closed", name="elsewhere", source="bucket/files_b")
    bring("open")
    bring("closed", "editor", name="second")


@pytest.mark.parametrize(
    ("roles", "users", "words"),
    [
        (("nobody",), (), "the server has no nobody"),
        ((), ("nobody",), "the server has no nobody"),
        ((), ("root",), "nobody can take the rights of root away"),
        ((), ("cut",), "the login of this run"),
        (("keeper",), (), "the login of this run"),
        (("admin",), (), "the rights of admin are no grants"),
    ],
)
def test_what_cannot_be_closed_is_refused(
    there: RbacStandIn, bring: Bring, roles: tuple[str, ...], users: tuple[str, ...], words: str
) -> None:
    assert words in failure_of(bring, "closed", *roles, users=users).failure.cause
    assert there.calls == []


def test_a_server_without_authorization_is_refused(there: RbacStandIn, bring: Bring) -> None:
    there.guarded = False
    assert "answers without a login" in str(failure_of(bring, "closed", "loader"))
    assert bring("closed").after.phase == "closed", "a hook may close it"


def test_nothing_is_written_without_the_right_to_revoke(there: RbacStandIn, bring: Bring, tmp_path: Path) -> None:
    there.denied = frozenset({"ManageOwnership"})
    assert failure_of(bring, "closed", "loader").kind == "permission"
    assert not list(tmp_path.rglob("*.json"))


def test_a_record_that_is_none_is_left_alone(there: RbacStandIn, bring: Bring, tmp_path: Path) -> None:
    bring("closed", "loader")
    record = next(tmp_path.rglob(RECORD_FILE))
    for text in ("", "[]", '{"version": 2}', record.read_text().replace('"closed"', '"ajar"')):
        record.write_text(text)
        assert failure_of(bring, "open").kind == "corrupt"
    assert QUERY in there.grants
