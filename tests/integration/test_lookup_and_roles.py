# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup and the guards of roles and playbooks, by real ansible-playbook. No server is needed for these."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from playbooks import Inventory, Player, Run

pytestmark = pytest.mark.playbook

# Nothing listens on the first ports of loopback.
HOSTS: dict[str, Any] = {
    "milvus_a": {"milvus_address": "127.0.0.1", "milvus_port": 1, "milvus_root_path": "files_A"},
    "milvus_b": {"milvus_address": "127.0.0.1", "milvus_port": 2, "milvus_root_path": "files_B"},
    "milvus_c": {"milvus_address": "127.0.0.1", "milvus_port": 3, "milvus_root_path": "files_C"},
}
SHARED = {
    "milvus_storage_address": "127.0.0.1",
    "milvus_storage_port": 4,
    "milvus_access_key_id": "key",
    "milvus_secret_access_key": "CANARY-SECRET-KEY",
    "milvus_bucket_name": "bucket",
    "milvus_timeout": 5,
}
VAULTED_CANARY = "CANARY-VAULTED-PASSWORD"

Play = Callable[..., Run]


@pytest.fixture
def player(ansible_playbook: Path, tmp_path: Path) -> Player:
    return Player(ansible_playbook, tmp_path)


@pytest.fixture
def play(player: Player) -> Play:
    """Runs a playbook over the hosts above, or those given."""

    def run(
        playbook: Any,
        *arguments: str,
        hosts: dict[str, Any] | None = None,
        groups: dict[str, dict[str, Any]] | None = None,
        environment: dict[str, str] | None = None,
    ) -> Run:
        inventory = Inventory(HOSTS if hosts is None else hosts, SHARED, groups or {})
        return player.run(playbook, *arguments, inventory=inventory, environment=environment)

    return run


def instance(host: str, side: str = "source", **options: str) -> str:
    more = "".join(f", {name}='{value}'" for name, value in options.items())
    return f"lookup('vectorops.milvus.instance', '{host}', side='{side}'{more})"


def a_play(*tasks: dict[str, Any], **keywords: Any) -> list[dict[str, Any]]:
    return [{"hosts": "milvus_b", "connection": "local", "gather_facts": False, "tasks": list(tasks), **keywords}]


def assert_task(*conditions: str) -> dict[str, Any]:
    return {"ansible.builtin.assert": {"that": list(conditions)}}


def ask_task(host: str, **keywords: Any) -> dict[str, Any]:
    defaults = {"group/vectorops.milvus.milvus": f"{{{{ {instance(host)} }}}}"}
    interpreter = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    return {"vectorops.milvus.milvus_info": None, "module_defaults": defaults, "vars": interpreter, **keywords}


@pytest.fixture
def vaulted_host(player: Player) -> tuple[dict[str, Any], list[str]]:
    """Hosts of which milvus_a has a vaulted password, and the arguments that open it."""
    cipher, opening = player.encrypt(VAULTED_CANARY)
    return {**HOSTS, "milvus_a": {**HOSTS["milvus_a"], "milvus_user": "root", "milvus_password": cipher}}, opening


def test_another_host_gets_its_own_values_only(play: Play) -> None:
    """The job host has a CA and a user; the other one has neither, and must not be given them."""
    hosts = {**HOSTS, "milvus_b": {**HOSTS["milvus_b"], "milvus_ca_path": "/b.pem", "milvus_user": "b"}}
    other = {**SHARED, **HOSTS["milvus_a"]}
    expected = {name.removeprefix("milvus_"): value for name, value in other.items()}
    run = play(a_play(assert_task(f"{instance('milvus_a')} == {expected!r}")), hosts=hosts)
    assert run.code == 0, run.output


def test_values_come_from_where_the_host_has_them(play: Play) -> None:
    """Templates resolve in their own host, play variables count for the host of the task, empty is unset."""
    changes = {
        "milvus_a": {
            "milvus_root_path": "{{ mine }}",
            "mine": "of_a",
            "milvus_user": "",
            "milvus_ca_path": "{{ no_such | default(omit) }}",
        },
        "milvus_b": {"mine": "of_b", "milvus_password": "  ", "milvus_ca_path": "{{ no_such | default(omit) }}"},
    }
    hosts = {name: {**values, **changes.get(name, {})} for name, values in HOSTS.items()}
    run = play(
        a_play(
            assert_task(
                f"{instance('milvus_a')}.root_path == 'of_a'",
                f"{instance('milvus_b')}.root_path == 'of_the_play'",
                f"{instance('milvus_a')}.user is undefined",
                f"{instance('milvus_b')}.password is undefined",
                f"{instance('milvus_b')}.ca_path is undefined",
            ),
            vars={"milvus_root_path": "of_the_play"},
        ),
        hosts=hosts,
    )
    assert run.code == 0, run.output


def test_parts(play: Play) -> None:
    hosts = {**HOSTS, "milvus_a": {**HOSTS["milvus_a"], "milvus_backup_root_path": "saved"}}
    backup = {
        "backup_storage_address": "127.0.0.1",
        "backup_storage_port": 4,
        "backup_access_key_id": "key",
        "backup_secret_access_key": "CANARY-SECRET-KEY",
        "backup_bucket_name": "bucket",
        "backup_root_path": "saved",
    }
    identity = {"milvus": "127.0.0.1:1", "data": "127.0.0.1:4/bucket/files_A", "backup": "127.0.0.1:4/bucket/saved"}
    run = play(
        a_play(
            assert_task(
                f"{instance('milvus_a', part='backup')} == {backup!r}",
                f"{instance('milvus_a', part='identity')} == {identity!r}",
                f"{instance('milvus_a', part='instance')}.backup_root_path is undefined",
            )
        ),
        hosts=hosts,
    )
    assert run.code == 0, run.output


def test_environment_reaches_the_right_side(play: Play) -> None:
    environment = {
        "MILVUS_SOURCE_USER": "of the source",
        "MILVUS_SOURCE_PASSWORD": "p",
        "MILVUS_TARGET_TOKEN": "of the target",
        "MILVUS_SOURCE_ACCESS_KEY_ID": "not used: the host has keys",
        "MILVUS_BACKUP_STORE_ACCESS_KEY_ID": "of the backup",
        "MILVUS_BACKUP_STORE_SECRET_ACCESS_KEY": "s",
    }
    run = play(
        a_play(
            assert_task(
                f"{instance('milvus_a', 'source')}.user == 'of the source'",
                f"{instance('milvus_a', 'source')}.token is undefined",
                f"{instance('milvus_a', 'source')}.access_key_id == 'key'",
                f"{instance('milvus_b', 'target')}.user is undefined",
                f"{instance('milvus_b', 'target')}.token == 'of the target'",
                f"{instance('milvus_a', 'source', part='backup')}.backup_access_key_id == 'of the backup'",
            )
        ),
        environment=environment,
    )
    assert run.code == 0, run.output


REFUSED = {
    instance(
        "typo"
    ): "host 'typo' is not in the inventory; the hosts in it are: milvus_a, milvus_b, milvus_broken, milvus_c",
    instance(""): "needs the name of exactly one host",
    instance("milvus_a", "middle"): "middle",
    instance("milvus_a", parts="backup"): "does not know parts; it takes side and part",
    "lookup('vectorops.milvus.instance', 'milvus_a')": "side",
    instance("milvus_broken"): "the variable milvus_address has no value: 'no_such' is undefined",
    instance("milvus_half", part="backup"): "Set backup_secret_access_key too",
}


def test_what_the_lookup_refuses(play: Play) -> None:
    hosts = {
        **HOSTS,
        "milvus_broken": {"milvus_address": "{{ no_such }}"},
        "milvus_half": {"milvus_backup_access_key_id": "x"},
    }
    tasks = [
        {"name": f"case {number}.", "ansible.builtin.debug": {"msg": f"{{{{ {expression} }}}}"}, "ignore_errors": True}
        for number, expression in enumerate(REFUSED)
    ]
    run = play(a_play(*tasks), hosts=hosts)
    assert "ignored=7" in run.flat, run.output
    for number, message in enumerate(REFUSED.values()):
        assert message in run.after(f"TASK [case {number}.").partition("TASK [case")[0]


def test_a_broken_secret_is_named_and_not_shown(play: Play) -> None:
    passwords = {"name": "CANARY-{{ no_such }}", "open": "CANARY-{{", "statement": "{% CANARY"}
    hosts = {name: {**HOSTS["milvus_a"], "milvus_password": password} for name, password in passwords.items()}
    run = play(a_play(*(ask_task(name, ignore_errors=True) for name in passwords)), "-vvv", hosts={**HOSTS, **hosts})
    assert "ignored=3" in run.flat
    for name in passwords:
        assert f"host {name}: the variable milvus_password has no value" in run.flat
    assert "CANARY" not in run.output


def test_secrets_do_not_show_when_a_module_fails(play: Play, vaulted_host: tuple[dict[str, Any], list[str]]) -> None:
    """A module of the collection gets the vaulted password of another host, fails, and is shown at -vvv."""
    hosts, arguments = vaulted_host
    run = play(a_play(ask_task("milvus_a", delegate_to="milvus_a")), "-vvv", *arguments, hosts=hosts)
    assert run.code == 2
    assert '"kind": "unreachable"' in run.output, run.output
    assert "127.0.0.1:1)" in run.output, "the module did not get the options of the other host"
    assert "CANARY" not in run.output


def test_a_vaulted_value_arrives(play: Play, vaulted_host: tuple[dict[str, Any], list[str]]) -> None:
    hosts, arguments = vaulted_host
    run = play(a_play(assert_task(f"{instance('milvus_a')}.password == '{VAULTED_CANARY}'")), *arguments, hosts=hosts)
    assert run.code == 0, run.output


JOB = ["-e", "milvus_migrate_source=milvus_a", "-e", "milvus_migrate_collections=coll"]
TO_B = ["-e", "milvus_migrate_target=milvus_b"]
MIGRATE = "vectorops.milvus.migrate"
RESTORE = ["-e", "milvus_restore_name=x", "-e", "milvus_restore_collections=coll"]


TYPO = "no host or group of the inventory is called typo, see"


@pytest.mark.parametrize(
    ("playbook", "arguments", "message"),
    [
        (MIGRATE, [*JOB, "-e", "milvus_migrate_target=typo"], f"{TYPO} milvus_migrate_target"),
        (MIGRATE, [*JOB, *TO_B, "--limit", "@only_c"], "no host is left: milvus_migrate_target, or the limit"),
        ("vectorops.milvus.verify", [*JOB, *TO_B, "--limit", "milvus_b,typo"], f"{TYPO} the limit"),
        ("vectorops.milvus.backup", ["-e", "milvus_backup_hosts=typo"], f"{TYPO} milvus_backup_hosts"),
        ("vectorops.milvus.preflight", ["-e", "milvus_preflight_hosts=typo"], f"{TYPO} milvus_preflight_hosts"),
        (
            "vectorops.milvus.prune",
            ["-e", "milvus_prune_hosts=milvus:!typo"],
            "is called !typo, see milvus_prune_hosts",
        ),
        ("vectorops.milvus.delete", ["-e", "milvus_delete_name=x"], "no host is left: set milvus_delete_hosts, or"),
        ("vectorops.milvus.restore", RESTORE, "no host is left: set milvus_restore_hosts, or a limit"),
    ],
)
def test_a_pattern_or_limit_without_a_host_fails(
    play: Play, tmp_path: Path, playbook: str, arguments: list[str], message: str
) -> None:
    (tmp_path / "only_c").write_text("milvus_c\n")
    run = play(playbook, *arguments)
    assert run.code not in (0, 2)
    assert message in run.flat


GOOD_JOB = {"milvus_migrate_source": "milvus_a", "milvus_migrate_collections": "coll"}
BAD_JOBS: dict[str, tuple[dict[str, Any], str]] = {
    "empty": ({"milvus_migrate_collections": ""}, "milvus_migrate_collections selects nothing"),
    "blanks": ({"milvus_migrate_collections": [" ", ",\n"]}, "milvus_migrate_collections selects nothing"),
    "typo": ({"milvus_migrate_source": "milvus_x"}, "usage: host 'milvus_x' is not in the inventory"),
    "same": ({"milvus_migrate_target_host": "milvus_a"}, "milvus_a and milvus_a are the same instance"),
    "folder": ({"milvus_migrate_target_host": "milvus_twin"}, "give 127.0.0.1:4/bucket/files_A for both"),
    "line": ({"milvus_migrate_rename": "a=b\nc:d"}, "has a line that is not 'old=new'"),
    "twice": ({"milvus_migrate_rename": "a=b, a=c"}, "milvus_migrate_rename names a twice"),
    "json": ({"milvus_migrate_rename": '{"a": '}, "milvus_migrate_rename begins as JSON does, and is none"),
    "type": ({"milvus_migrate_lock_timeout": "soon"}, "Nothing was done. Correct the variable, or leave it out"),
    "nowhere_from": ({"milvus_migrate_source": ""}, "usage: milvus_migrate_source is empty; name the host"),
    "report": ({"milvus_migrate_report_file": "jobs.html, jobs.pdf"}, "jobs.pdf; the name of a report must end in"),
    "nowhere": ({"milvus_migrate_report_file": "no/such/jobs.html"}, "no/such; the name of a report must end in"),
}


def test_migrate_refuses_bad_jobs_before_any_call(play: Play) -> None:
    """Each breaks its own job only, with its cause in the summary, and the run fails."""
    jobs = {
        name: {"milvus_migrate_target_host": "milvus_b", **GOOD_JOB, **change}
        for name, (change, _unused) in BAD_JOBS.items()
    }
    hosts = {**HOSTS, "milvus_twin": {**HOSTS["milvus_b"], "milvus_root_path": "/files_A/"}}
    run = play(MIGRATE, hosts=hosts, groups={"milvus_migrate_targets": jobs})
    assert run.code == 2
    assert "Ask the source" not in run.output
    failed = run.output.partition("TASK [vectorops.milvus.milvus_job : Fail the broken jobs]")[2]
    for name, (_unused, message) in BAD_JOBS.items():
        line = next(line for line in failed.splitlines() if line.startswith(f"fatal: [{name}]"))
        assert '"msg": "' in line
        assert "usage: " in line
        assert message in line


def test_an_extra_var_that_makes_both_sides_one_is_refused(play: Play) -> None:
    run = play(MIGRATE, *JOB, *TO_B, "-e", "milvus_address=x", "-e", "milvus_port=9")
    assert run.code == 2
    assert "milvus_address and milvus_port give x:9 for both" in run.after("PLAY [Sum up")
    assert "Ask the source" not in run.output


def test_migrate_needs_a_selection_and_a_source(play: Play) -> None:
    run = play(MIGRATE, *TO_B)
    assert run.code == 2
    assert "milvus_migrate_collections, milvus_migrate_source" in run.after("PLAY [Sum up")


@pytest.mark.newest
def test_one_name_for_two_sources_in_one_place_is_refused(play: Play) -> None:
    hosts = {
        **HOSTS,
        "milvus_b": {**HOSTS["milvus_b"], "milvus_migrate_source": "milvus_a"},
        "milvus_c": {**HOSTS["milvus_c"], "milvus_migrate_source": "milvus_b"},
    }
    arguments = ["-e", "milvus_migrate_target=milvus_b,milvus_c", "-e", "milvus_migrate_collections=coll"]
    same_name = [*arguments, "-e", "milvus_migrate_backup_name=mine"]
    run = play(MIGRATE, *same_name, hosts=hosts)
    assert run.code == 2
    assert "the backup name mine is given for milvus_a and for milvus_b" in run.flat
    assert "the backup name mine is given for milvus_b and for milvus_a" in run.flat
    assert "Ask the source" not in run.output

    elsewhere = {**hosts, "milvus_a": {**hosts["milvus_a"], "milvus_backup_root_path": "other"}}
    for accepted in (play(MIGRATE, *same_name, hosts=elsewhere), play(MIGRATE, *arguments, hosts=hosts)):
        assert "is given for" not in accepted.output
        assert "Ask the source" in accepted.output


def test_a_broken_job_stops_no_other_and_fails_the_run(play: Play) -> None:
    """One job has no source, the other a source that is down (and outside the limit): each has its own kind."""
    hosts = {**HOSTS, "milvus_c": {**HOSTS["milvus_c"], "milvus_migrate_source": "milvus_a"}}
    run = play(
        MIGRATE,
        "-e",
        "milvus_migrate_collections=coll",
        "--limit",
        "milvus_b,milvus_c",
        hosts=hosts,
        groups={"milvus_migrate_targets": {"milvus_b": {}, "milvus_c": {}}},
    )
    summary = run.after("PLAY [Sum up")
    assert run.code == 2
    assert "milvus_c milvus_a milvus_c failed unreachable" in summary
    assert "milvus_b - milvus_b failed usage" in summary
    assert "unreachable: " in summary.partition("Fail the broken jobs")[2]
    assert "milvus_b : ok=" in summary
    assert summary.count("failed=1") == 2


@pytest.mark.parametrize("tags", ["preflight", "restore"])
def test_a_part_of_the_job_fails_the_run_too(play: Play, tags: str) -> None:
    """Rescued by a task without a tag, a failed job would end with success. Other parts are left out."""
    run = play(MIGRATE, *JOB, *TO_B, "--tags", tags)
    assert run.code == 2
    assert ("Ask the source" in run.output) == (tags == "preflight")
    assert ("Restore the collections on the target" in run.output) == (tags == "restore")
    assert "unreachable: " in run.after("Fail the broken jobs")


def test_a_cause_says_which_variable_is_wrong(play: Play) -> None:
    """Also where a module, which knows its options only, is what refuses it."""
    changes = {
        "milvus_a": {"milvus_restore_name": "x", "milvus_restore_load": "allways"},
        "milvus_b": {"milvus_restore_name": ""},
        "milvus_c": {"milvus_restore_name": "x", "milvus_restore_name_pattern": "y*"},
    }
    hosts = {name: {**HOSTS[name], **change} for name, change in changes.items()}
    select = ["-e", "milvus_restore_hosts=milvus", "-e", "milvus_restore_collections=coll"]
    run = play("vectorops.milvus.restore", *select, hosts=hosts)
    assert run.code == 2
    failed = run.after("TASK [vectorops.milvus.milvus_job : Fail the broken jobs]").replace('\\"', '"')
    assert "usage: value of load must be one of: as_backup, always, never, got: allways" in failed
    assert (
        '(Task "Restore the collections": its options are the variables milvus_restore_<option> of the role and'
        in failed
    )
    assert "usage: no backup is named: set milvus_restore_name" in failed
    assert "usage: both are set, x and y*: set milvus_restore_name" in failed
