# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line and Python interface of the embedded lab: real Milvus 2.3.5 servers on one real S3 store, on loopback.

For demonstrations and tests only; it may change in any release. The exit code is 0 or 1, and stdout is one JSON object.
Tests import `start`, `stop`, `kill`, `status`, `LabConfig` and `LabError` from here.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedded_lab.errors import LabError, usage
from embedded_lab.inventory import write_inventory
from embedded_lab.lab import kill, start, status, stop
from embedded_lab.models import Identity, LabConfig, identity_from
from embedded_lab.report import without_secrets

__all__ = ["Identity", "LabConfig", "LabError", "kill", "main", "start", "status", "stop", "write_inventory"]

FILE_KEYS = ("bucket", "access_key_id", "secret_access_key", "identities", "instances", "address", "s3_port")
# What a template writes for an option that nobody has set.
UNSET = (None, "", 0)
PATH_OPTIONS = ("server_cert_path", "server_key_path", "ca_path")
CLI_OPTIONS = {
    "root_path": str,
    "port": int,
    "authorization": bool,
    "tls_mode": int,
    **dict.fromkeys(PATH_OPTIONS, str),
}


def main(arguments: Sequence[str] | None = None) -> int:
    signal.signal(
        signal.SIGTERM, lambda *_unused: sys.exit(143)
    )  # unwinds, so that a start cut short stops what it started
    try:
        options = _parser().parse_args(arguments)
        result = run(options)
    except LabError as error:
        print(json.dumps(error.as_result()))
        return 1
    except (OSError, RuntimeError) as error:
        print(json.dumps(_unexpected(error).as_result()))
        return 1
    print(json.dumps(result))
    return 0


def run(options: argparse.Namespace) -> dict[str, Any]:
    config = read_config(options)
    if options.command == "start":
        result = start(config)
    elif options.command == "stop":
        result = stop(config, wipe=options.wipe)
    else:
        result = kill(config) if options.command == "kill" else status(config)
    if options.inventory and result["instances"]:
        path = options.inventory.expanduser().absolute()
        written = write_inventory(path, result)
        result = {**result, "inventory": str(path), "changed": result["changed"] or written}
    return without_secrets(result) if options.no_secrets else result


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise usage("the command line", message, "see --help")


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="milvus_lab.py", description=__doc__, formatter_class=raw, allow_abbrev=False)
    parser.add_argument("command", choices=("start", "stop", "kill", "status"))
    parser.add_argument("--directory", type=Path, required=True, help="where the lab keeps its state, data and logs")
    parser.add_argument(
        "--instance",
        action="append",
        default=[],
        metavar="NAME[:OPTION=VALUE,...]",
        help=f"a Milvus server (repeatable); options: {', '.join(CLI_OPTIONS)}."
        " Default: all recorded ones, at first milvus_a and milvus_b. stop and kill also take s3, the store;"
        " stop ends the store with the last server that is named",
    )
    parser.add_argument("--config", help=f"a JSON file, or - for stdin, with {', '.join(FILE_KEYS)}")
    parser.add_argument("--bucket", help="the one bucket of the lab (bucket-a)")
    parser.add_argument("--inventory", type=Path, help="write an Ansible inventory of the lab to this file")
    parser.add_argument("--cache", type=Path, help="where all labs share the unpacked server (the user's cache folder)")
    parser.add_argument("--timeout", type=float, default=180.0, help="seconds until every server must be ready (180)")
    grace = "seconds between asking a server to end and killing it (3)"
    parser.add_argument("--stop-grace", type=float, default=3.0, help=grace)
    parser.add_argument("--no-secrets", action="store_true", help="leave secrets out of the answer")
    parser.add_argument("--wipe", action="store_true", help="stop: also forget the servers and remove their files")
    return parser


def read_config(options: argparse.Namespace) -> LabConfig:
    """The request: the JSON file first, the command line over it."""
    given = _read_file(options.config) if options.config else {}
    if options.wipe and options.command != "stop":
        raise usage("--wipe", f"it goes with stop, not with {options.command}", "leave it out")
    if options.timeout <= 0 or options.stop_grace < 0:
        raise usage("--timeout, --stop-grace", "they are positive numbers of seconds", "correct them")
    instances = {name: dict(values or {}) for name, values in (given.pop("instances", None) or {}).items()}
    for text in options.instance:
        name, values = parse_instance(text)
        instances.setdefault(name, {}).update(values)
    identities = given.pop("identities", None)
    config = LabConfig(
        directory=options.directory.expanduser(),
        instances=instances,
        identities=None if identities is None else tuple(identity_from(item, "identities") for item in identities),
        cache=options.cache and options.cache.expanduser(),
        timeout=options.timeout,
        stop_grace=options.stop_grace,
        **{key: value for key, value in given.items() if value not in UNSET},
    )
    return dataclasses.replace(config, bucket=options.bucket or config.bucket)


def _read_file(path: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        given = json.loads(text)
    except (OSError, ValueError) as error:
        raise usage(f"--config {path}", f"it cannot be read as JSON: {error}", "correct the file") from error
    unknown = sorted(set(given) - set(FILE_KEYS)) if isinstance(given, dict) else ["(not an object)"]
    if unknown:
        raise usage(f"--config {path}", f"unknown keys: {', '.join(unknown)}", f"use {', '.join(FILE_KEYS)}")
    instances, identities = given.get("instances") or {}, given.get("identities") or []
    if not isinstance(instances, dict) or not all(isinstance(value or {}, dict) for value in instances.values()):
        raise usage(f"--config {path}", "instances is not an object of names with objects of options", "correct it")
    if not isinstance(identities, list):
        raise usage(f"--config {path}", "identities is not a list", "correct it")
    return dict(given)


def parse_instance(text: str) -> tuple[str, dict[str, Any]]:
    """`milvus_a:root_path=files_a,tls_mode=1` as a name and typed options."""
    name, _unused, rest = text.partition(":")
    values: dict[str, Any] = {}
    for item in filter(None, rest.split(",")):
        key, equals, value = item.partition("=")
        kind = CLI_OPTIONS.get(key)
        if not equals or kind is None:
            cause = f"{item!r} is not OPTION=VALUE with one of {', '.join(CLI_OPTIONS)}"
            raise usage(f"--instance {text}", cause, "correct it")
        values[key] = _typed(text, key, value, kind)
    return name, values


def _typed(text: str, key: str, value: str, kind: type) -> Any:
    booleans: Mapping[str, bool] = {"true": True, "yes": True, "false": False, "no": False}
    try:
        return booleans[value.lower()] if kind is bool else kind(value)
    except (KeyError, ValueError):
        raise usage(f"--instance {text}", f"{key}={value} is not a {kind.__name__}", "correct it") from None


def _unexpected(error: Exception) -> LabError:
    return LabError(
        "internal",
        operation="run",
        where="the lab",
        cause=f"{type(error).__name__}: {error}",
        state_left="lab.json names what runs",
        next_step="run status, correct what the cause names, run the command again",
    )


if __name__ == "__main__":
    sys.exit(main())
