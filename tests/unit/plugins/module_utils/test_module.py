# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What leaves a module: no secret in any form, whatever is raised or returned, and wherever the secret came from."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest
from canaries import CANARIES, ENVIRONMENT, USER, all_forms, forms, hits, is_setting
from module_process import ModuleRun, run_main

from ansible_collections.vectorops.milvus.plugins.module_utils._module import Call, run_module
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import KINDS, MilvusOpsError

Options = dict[str, Any]
Action = Callable[[Call], Mapping[str, Any]]
Run = Callable[[Action, Options], ModuleRun]

S3_KEY = {"access_key_id": "the-key-id", "secret_access_key": CANARIES["secret_access_key"]}
BACKUP_KEY = {"backup_access_key_id": "other", "backup_secret_access_key": CANARIES["backup_secret_access_key"]}
TOKENS = {name: CANARIES[name] for name in ("session_token", "backup_session_token")}
LOGIN = {"user": USER, "password": CANARIES["password"], "token": CANARIES["token"]}
OPTIONS: Options = {**S3_KEY, **BACKUP_KEY, **TOKENS, **LOGIN}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of a module with this action and these options. No setting of the host's counts."""
    for name in filter(is_setting, list(os.environ)):
        monkeypatch.delenv(name)
    return lambda action, options: run_main(lambda: run_module({}, action), {**options, "_ansible_verbosity": 4})


def raising(error: BaseException) -> Action:
    def action(call: Call) -> NoReturn:
        raise error

    return action


def test_an_unexpected_exception_leaves_its_class_and_place_only(run: Run) -> None:
    """Its text may be a request with all its headers, and so may the values of variables in a traceback."""
    made = run(raising(RuntimeError(all_forms())), OPTIONS)
    assert hits(made.output) == []
    assert made.kind == "internal"
    assert "RuntimeError" in made.result["msg"]
    assert "test_module.py:" in made.result["failure"]["where"]
    assert "Traceback" not in made.output


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_failure_of_any_kind_is_scrubbed(run: Run, kind: str) -> None:
    error = MilvusOpsError(kind, all_forms(), all_forms(), all_forms(), state_left=all_forms(), next_step=all_forms())
    made = run(raising(error.with_results({"plan": [all_forms()], "warnings": [all_forms()]})), OPTIONS)
    assert hits(made.output) == []
    assert made.kind == kind


def test_a_result_is_scrubbed(run: Run) -> None:
    text = all_forms()
    made = run(lambda call: {"changed": True, "diff": {"after": text}, "plan": [text], "warnings": [text]}, OPTIONS)
    assert hits(made.output) == []
    assert made.result["changed"] is True


def test_secrets_of_the_environment_are_scrubbed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    known = [secret for option, secret in CANARIES.items() if option != "token"]
    assert hits(run(raising(RuntimeError(all_forms(known))), {}).output) == []


CONFIG_FILE = """
milvus:
  address: 127.0.0.1
  user: {user}
  password: {password}
minio:
  address: 127.0.0.1
  accessKeyID: the-key-id
  secretAccessKey: {secret}
  backupAccessKeyID: other
  backupSecretAccessKey: {backup_secret}
"""


@pytest.mark.parametrize("used", [True, False])
def test_secrets_of_a_config_file_are_scrubbed(run: Run, tmp_path: Path, used: bool) -> None:
    """Those too that are not used, because options are given."""
    names = {"password": "password", "secret": "secret_access_key", "backup_secret": "backup_secret_access_key"}
    values = {key: json.dumps(CANARIES[option]) for key, option in names.items()}
    path = tmp_path / "backup.yaml"
    path.write_text(CONFIG_FILE.format(user=USER, **values))
    own = {**S3_KEY, **BACKUP_KEY, "user": USER, "password": "another-password"}
    others = {
        name: f"other-{value[:3]}" if name.endswith("secret_access_key") else value for name, value in own.items()
    }
    known = [CANARIES[option] for option in names.values()]
    options = {"config_file": str(path), **({} if used else others)}
    assert hits(run(raising(RuntimeError(all_forms(known))), options).output) == []


def test_secrets_that_the_s3_libraries_find_are_scrubbed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With use_iam these are looked for by the libraries alone; a proxy has its login in its address."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARIES["secret_access_key"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", CANARIES["session_token"])
    monkeypatch.setenv("HTTPS_PROXY", f"http://{USER}:{forms(CANARIES['password'])['URL']}@127.0.0.1:1")
    known = [CANARIES[option] for option in ("secret_access_key", "session_token", "password")]
    assert hits(run(raising(RuntimeError(all_forms(known))), {"use_iam": True}).output) == []


def test_a_short_secret_is_no_reason_to_garble_results(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILVUS_USER", USER)
    monkeypatch.setenv("MILVUS_PASSWORD", "ab")
    made = run(lambda call: {"changed": False, "path": "backup/ab_1"}, {})
    assert made.result["path"] == "backup/ab_1"


def test_a_second_signal_does_not_break_off_the_tidying_up(run: Run) -> None:
    """The watcher tells the module to stop, and so does the module itself when it sees that its caller is gone."""
    tidied = []

    def stopped(call: Call) -> Mapping[str, Any]:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            for number in (signal.SIGTERM, signal.SIGHUP):
                os.kill(os.getpid(), number)
            tidied.append(True)
        return {"changed": False}

    assert run(stopped, OPTIONS).kind == "cancelled"
    assert tidied == [True]


def test_a_run_that_is_told_to_stop_says_so(run: Run) -> None:
    def stopped(call: Call) -> Mapping[str, Any]:
        os.kill(os.getpid(), signal.SIGTERM)
        return {"changed": False}

    made = run(stopped, OPTIONS)
    assert made.kind == "cancelled"
    assert hits(made.output) == []
