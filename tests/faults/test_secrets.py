# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Six secrets in eight forms, looked for wherever a failure may show them: in no place and in no form.

The services of these tests repeat the secrets in the failures that they answer with, as a careless proxy might.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import pytest
from canaries import CANARIES, ENVIRONMENT, USER, all_forms, forms, hits, is_setting
from echoing import Echo, echoing_s3, garbled_s3
from module_process import finish, run_main, start
from stand_ins import listening
from tally import INJECTED, SECRET_HITS, SURVIVED, Tally
from watching import watching

Options = dict[str, Any]
PLUGINS = "ansible_collections.vectorops.milvus.plugins"
CLOSED = 1
"""Nothing listens on this port of loopback."""

S3: Options = {
    "storage_address": "127.0.0.1",
    "storage_port": CLOSED,
    "storage_region": "us-east-1",
    "bucket_name": "bucket",
    "access_key_id": "the-key-id",
    "secret_access_key": CANARIES["secret_access_key"],
    "session_token": CANARIES["session_token"],
    "backup_access_key_id": "other",
    "backup_secret_access_key": CANARIES["backup_secret_access_key"],
    "backup_session_token": CANARIES["backup_session_token"],
}
LOGIN: Options = {"user": USER, "password": CANARIES["password"]}
TOKEN: Options = {"token": CANARIES["token"]}
MILVUS: Options = {"address": "127.0.0.1", "port": CLOSED, "timeout": 2, "collections": ["*.*"]}
KEYLESS = {name: value for name, value in S3.items() if name.endswith(("address", "port", "region", "name"))}


def told_by(*options: str) -> str:
    """What a service repeats of these secrets."""
    return all_forms(CANARIES[option] for option in options)


def judge(tally: Tally, campaign: str, found: list[str]) -> None:
    tally.add(campaign, INJECTED)
    tally.add(campaign, SECRET_HITS, len(found))
    tally.add(campaign, SURVIVED, not found)
    assert found == []


def fails(
    tally: Tally, folder: Path, module: str, options: Options, environment: Mapping[str, str] | None = None
) -> str | None:
    """Run a module in its own process, see that nothing came to light, and return the kind of its failure."""
    clean = {name: value for name, value in os.environ.items() if not is_setting(name)}
    with watching(folder / "home") as watch:
        made = finish(start(module, options, environment={**clean, **watch.environment, **(environment or {})}))
        watch.note("output", made.output)
    judge(tally, "secrets in failures of a module", watch.found)
    assert "Traceback" not in made.output
    return made.kind


@pytest.mark.parametrize("inside", [True, False])
def test_the_watch_sees_arguments(tmp_path: Path, inside: bool) -> None:
    """Those of a process of its home, for other tests run beside it."""
    with watching(tmp_path / "home") as watch:
        environment = {**os.environ, **(watch.environment if inside else {})}
        command = [sys.executable, "-c", "import time; time.sleep(1)", CANARIES["token"]]
        subprocess.run(command, env=environment, check=True)
    assert bool(watch.found) is inside


REFUSALS = [
    ("credentials", "SignatureDoesNotMatch", "403 Forbidden", "secret_access_key"),
    ("permission", "AccessDenied", "403 Forbidden", "session_token"),
    ("not_found", "NoSuchBucket", "404 Not Found", "backup_secret_access_key"),
    ("storage_full", "QuotaExceeded", "403 Forbidden", "backup_session_token"),
    ("usage", "InvalidBucketName", "400 Bad Request", "secret_access_key"),
    ("internal", "SomethingNew", "418 Teapot", "backup_secret_access_key"),
]


@pytest.mark.parametrize(("kind", "code", "status", "secret"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_an_object_storage_that_repeats_secrets(
    tally: Tally, tmp_path: Path, kind: str, code: str, status: str, secret: str
) -> None:
    with echoing_s3(code, status, told_by(secret)) as port:
        assert fails(tally, tmp_path, "milvus_backup_info", {**S3, "storage_port": port}) == kind


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """For modules in this process: no setting of the host's counts."""
    for name in filter(is_setting, list(os.environ)):
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("length", range(255, 300, 4))
def test_a_text_that_is_cut_shows_no_piece_of_a_secret(tally: Tally, length: int) -> None:
    """In the middle of a secret, where no mask fits any more."""
    with echoing_s3("AccessDenied", "403 Forbidden", f"{'x' * length} {S3['secret_access_key']}") as port:
        main = importlib.import_module(f"{PLUGINS}.modules.milvus_backup_info").main
        made = run_main(main, {**S3, "storage_port": port, "_ansible_verbosity": 4})
    judge(tally, "secrets in failures of a module", hits(made.output))
    assert made.kind == "permission"


ANSWERS: list[tuple[str, dict[str, Any], Options]] = [
    ("credentials", {"status": "UNAUTHENTICATED"}, LOGIN),
    ("credentials", {"code": 65535, "text": "auth check failure"}, TOKEN),
    ("permission", {"status": "PERMISSION_DENIED"}, TOKEN),
    ("throttled", {"status": "RESOURCE_EXHAUSTED"}, LOGIN),
    ("unreachable", {"status": "UNAVAILABLE"}, TOKEN),
    ("internal", {"status": "UNKNOWN"}, LOGIN),
    ("not_found", {"code": 100}, TOKEN),
    ("quota", {"code": 9}, LOGIN),
    ("timeout", {"seconds": 2.5}, TOKEN),
]


@pytest.mark.parametrize(("kind", "answer", "login"), ANSWERS, ids=[f"{row[0]} {row[1]}" for row in ANSWERS])
def test_a_server_that_repeats_secrets(
    tally: Tally, tmp_path: Path, kind: str, answer: dict[str, Any], login: Options
) -> None:
    text = f"{answer.get('text', '')} {told_by('token' if login is TOKEN else 'password')}"
    with listening(Echo(**{**answer, "text": text})) as port:
        options = {**MILVUS, **login, "port": port}
        assert fails(tally, tmp_path, "milvus_collection_info", options) == kind


OTHERS: list[tuple[str, str, Options]] = [
    ("unreachable", "milvus_backup_info", S3),
    ("unreachable", "milvus_collection_info", {**MILVUS, **LOGIN, "tls_mode": "server"}),
    ("unreachable", "milvus_backup_info", {**S3, "storage_use_ssl": True}),
    ("usage", "milvus_backup_info", {**S3, "storage_address": f"key:{CANARIES['token']}@127.0.0.1"}),
    ("usage", "milvus_collection_info", {**MILVUS, "address": f"{USER}:{forms(LOGIN['password'])['URL']}@a"}),
    ("usage", "milvus_collection_info", {**MILVUS, **LOGIN, **TOKEN}),
    ("usage", "milvus_backup_info", {**S3, "backup_access_key_id": ""}),
    ("bad_name", "milvus_backup_info", {**S3, "name": "../x"}),
]


@pytest.mark.parametrize(("kind", "module", "options"), OTHERS)
def test_other_failures(tally: Tally, tmp_path: Path, kind: str, module: str, options: Options) -> None:
    assert fails(tally, tmp_path, module, options) == kind


def test_metadata_that_repeats_secrets(tally: Tally, tmp_path: Path) -> None:
    """What cannot be read is not quoted."""
    with garbled_s3(json.dumps({all_forms(): all_forms(), "format": all_forms()})) as port:
        options = {**S3, "storage_port": port, "name": "nightly", "verify": "etag"}
        assert fails(tally, tmp_path, "milvus_backup_info", options) == "unreachable"


def test_secrets_that_only_the_environment_knows(tally: Tally, tmp_path: Path) -> None:
    with echoing_s3("AccessDenied", "403 Forbidden", told_by("backup_secret_access_key")) as port:
        options = {**KEYLESS, "storage_port": port}
        assert fails(tally, tmp_path, "milvus_backup_info", options, ENVIRONMENT) == "permission"


def test_secrets_of_a_profile(tally: Tally, tmp_path: Path) -> None:
    """The S3 library finds them by itself, so nothing else knows them: no failure of ours may quote a request."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    keys = f"aws_access_key_id = k\naws_secret_access_key = {CANARIES['secret_access_key']}\n"
    (home / "credentials").write_text(f"[default]\n{keys}aws_session_token = {CANARIES['session_token']}\n")
    (home / "config").write_text(f"[default]\n{CANARIES['token']} = [broken\n")
    files = {"AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"), "AWS_EC2_METADATA_DISABLED": "true"}
    with echoing_s3("AccessDenied", "403 Forbidden", "no") as port:
        options = {**KEYLESS, "use_iam": True, "storage_port": port}
        assert fails(tally, tmp_path, "milvus_backup_info", options, files) == "permission"
        broken = {**files, "AWS_CONFIG_FILE": str(home / "config")}
        assert fails(tally, tmp_path / "2", "milvus_backup_info", options, broken) in ("usage", "permission")


@pytest.mark.parametrize("text", ["milvus: {password: %s", "milvus:\n  port: %s", "milvus:\n  password: !x %s", "%s"])
def test_a_config_file_that_is_wrong(tally: Tally, tmp_path: Path, text: str) -> None:
    path = tmp_path / "backup.yaml"
    path.write_text(text % json.dumps(CANARIES["backup_secret_access_key"]))
    kind = fails(tally, tmp_path, "milvus_backup_info", {**S3, "config_file": str(path)})
    assert kind == "usage"


LAYERS = [
    ("milvus_backup_info", "module_utils._module:read_config_file"),
    ("milvus_backup_info", "module_utils._module:effective_options"),
    ("milvus_backup_info", "module_utils.store.config:resolve_backup_side"),
    ("milvus_backup_info", "module_utils.store.s3_service:find_route"),
    ("milvus_backup_info", "module_utils.store.sigv4:Signer.sign"),
    ("milvus_backup_info", "module_utils.store.http_wire:Connection.exchange"),
    ("milvus_backup_info", "modules.milvus_backup_info:Place"),
    ("milvus_backup", "modules.milvus_backup:parse_patterns"),
    ("milvus_backup", "modules.milvus_backup:connection_options"),
    ("milvus_collection_info", "module_utils.milvus.server:_open_channel"),
    ("milvus_collection_info", "module_utils.milvus.server:Server.call"),
    ("milvus_restore", "modules.milvus_restore:read_naming"),
    ("milvus_restore", "modules.milvus_restore:open_store"),
    ("milvus_backup_prune", "modules.milvus_backup_prune:open_store"),
    ("milvus_info", "modules.milvus_info:open_store"),
]


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(("module", "place"), LAYERS, ids=[row[1] for row in LAYERS])
def test_an_exception_inside_a_layer(
    tally: Tally, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str, place: str
) -> None:
    """A defect of ours, or of a library, whose text is a whole request with its headers."""

    def broken(*arguments: Any, **options: Any) -> NoReturn:
        raise RuntimeError(told_by(*(set(CANARIES) - {"password"})))

    path, _colon, name = place.partition(":")
    owner: Any = importlib.import_module(f"{PLUGINS}.{path}")
    *outer, name = name.split(".")
    for part in outer:
        owner = getattr(owner, part)
    monkeypatch.setattr(owner, name, broken)
    config = tmp_path / "backup.yaml"
    config.write_text("milvus:\n  address: 127.0.0.1\n")
    known: Options = {**S3, **TOKEN, "name": "nightly", "config_file": str(config)}
    needed = {"milvus_backup_prune": {"name_pattern": "*", "keep_last": 1}}
    options = {**known, **MILVUS, **needed.get(module, {})}
    with ExitStack() as services:
        options["storage_port"] = services.enter_context(echoing_s3("AccessDenied", "403 Forbidden", "no"))
        main = importlib.import_module(f"{PLUGINS}.modules.{module}").main
        fitting = {key: value for key, value in options.items() if fits(module, key)}
        made = run_main(main, {**fitting, "_ansible_verbosity": 4})
    judge(tally, "secrets in exceptions inside a layer", hits(made.output))
    assert "Traceback" not in made.output
    assert made.kind == "internal", made.output


def fits(module: str, option: str) -> bool:
    """Whether a module takes an option."""
    spec: Callable[[], dict[str, Any]] = importlib.import_module(f"{PLUGINS}.module_utils._arguments").group_spec
    own = importlib.import_module(f"{PLUGINS}.modules.{module}").SPEC
    return option in {**spec(), **own}
