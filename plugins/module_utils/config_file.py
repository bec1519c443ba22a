# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a C(backup.yaml) of milvus-backup says, as options: the old schema (v1) and the new one (v2).

The values are read as text, whatever YAML would make of them: a password 0123 stays one. No message shows a value that
could be a secret.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ._arguments import BACKUP_PREFIX, CREDENTIAL_OPTIONS, PLACE_OPTIONS, group_spec
from .config_keys import (
    AUTH_TYPE,
    DEFAULTS,
    DEFAULTS_OF_THE_BACKUP_SIDE,
    NOT_APPLICABLE,
    OPTIONS,
    V1,
    V2,
    VERSION_KEY,
)
from .errors import MilvusOpsError, usage_error

OPERATION = "reading config_file"
MAX_BYTES = 256 * 1024
MAX_NODES = 5000
"""More than any real file has; aliases inside aliases would grow without end."""

TRUE_TEXTS = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE_TEXTS = frozenset({"0", "f", "F", "FALSE", "false", "False"})
TLS_MODES = {V1: ("0", "1", "2"), V2: ("disabled", "server", "mutual")}
YAML_TAG = "tag:yaml.org,2002:"
PLAIN_TAGS = frozenset(YAML_TAG + name for name in ("str", "int", "float", "bool", "timestamp", "value", "merge"))

STATIC, IAM, CHAIN = "static", "iam", "default"
USED_BY_AUTH = {
    STATIC: ("access_key_id", "secret_access_key", "session_token"),
    IAM: ("iam_endpoint",),
    CHAIN: (),
}
OTHER_AUTH = ("sharedKey", "serviceAccount")
"""Of providers that are not implemented; the storage type is refused where it is used."""

PLACE = tuple(name for name in PLACE_OPTIONS if name != "storage_ca_path")
"""The options of a place that a file can hold: it has no key for a certificate authority of the storage."""

Values = dict[str, Any]


@dataclass(frozen=True)
class ConfigFile:
    """A file that was read; C(options) is what it says, C(defaults) what milvus-backup takes for what it leaves out.

    C(keys) leads from an option to the key that gave it, C(backup_place) is where its backups lie, spelled out.
    """

    path: str
    schema: str
    options: Mapping[str, Any] = field(repr=False)
    defaults: Mapping[str, Any] = field(repr=False)
    backup_place: Mapping[str, Any]
    keys: Mapping[str, str]
    honoured: tuple[str, ...]
    not_applicable: tuple[str, ...]
    unknown: tuple[str, ...]

    def report(self) -> dict[str, Any]:
        """What a module returns as C(config_file): names of keys, no values."""
        return {
            "path": self.path,
            "schema": self.schema,
            "honoured": list(self.honoured),
            "not_applicable": list(self.not_applicable),
            "unknown": list(self.unknown),
        }


def read_config_file(path: str) -> ConfigFile:
    """Read and parse one file of this host. Raises usage errors that name the file."""
    try:
        with open(path, "rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise _refused(path, "it is not a regular file")
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        advice = "config_file is read on the host where the module runs; correct the path, or its permissions"
        raise usage_error(OPERATION, f"config_file={path}", str(error.strerror), advice) from error
    if len(content) > MAX_BYTES:
        raise _refused(path, f"it is larger than {MAX_BYTES // 1024} KiB")
    if content.startswith(b"$ANSIBLE_VAULT"):
        raise _refused(path, "it is encrypted with ansible-vault; ansible.builtin.copy decrypts a file as it copies it")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(path, f"it is not UTF-8 text at byte {error.start}") from None
    return parse_config(text, path)


def parse_config(text: str, path: str) -> ConfigFile:
    """The meaning of the text of a file; C(path) is only used in messages."""
    found = _leaves_by_key(text, path)
    schema = _schema(found, path)
    names = {key: name for key, (name, _value) in found.items() if key != VERSION_KEY}
    known = {option_key: option for option_key, option in OPTIONS[schema].items() if option_key in names}
    left = [key for key in names if key not in known]
    unknown = [key for key in left if key not in NOT_APPLICABLE[schema]]
    _refuse_the_other_schema(unknown, names, schema, path)
    written: Values = {}
    keys: dict[str, str] = {}
    for key, option in known.items():
        if option not in written:
            keys[option] = names[key]
            written[option] = _value(option, found[key][1], schema, f"{path}: {names[key]}")
    written = {option: value for option, value in written.items() if value is not None}
    options, defaults, backup_place = _settle(written, keys, schema, path)
    return ConfigFile(
        path=path,
        schema=schema,
        options=options,
        defaults=defaults,
        backup_place=backup_place,
        keys=keys,
        honoured=tuple(sorted(names[key] for key in known)),
        not_applicable=tuple(sorted(names[key] for key in left if key in NOT_APPLICABLE[schema])),
        unknown=tuple(sorted(names[key] for key in unknown)),
    )


def _leaves_by_key(text: str, path: str) -> dict[str, tuple[str, Any]]:
    """Every setting by its dotted key in lower case, with its key as written; null ones are left out."""
    try:
        import yaml
    except ImportError as error:
        raise MilvusOpsError("requirements", OPERATION, "PyYAML", str(error), next_step="install PyYAML") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        leaves = list(_leaves(root, "", path, iter(range(MAX_NODES)))) if root is not None else []
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # The error itself quotes the line, which may hold a secret.
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise _refused(path, f"it is not valid YAML{place}") from None
    except RecursionError:
        raise _refused(path, "it is nested too deeply") from None
    found: dict[str, tuple[str, Any]] = {}
    for name, value in leaves:
        if name.lower() in found:
            raise _refused(f"{path}: {name}", "this key is given twice (upper and lower case are the same)")
        found[name.lower()] = (name, value)
    given = {key: (name, value) for key, (name, value) in found.items() if value is not None}
    if not given:
        raise _refused(path, "it holds no settings")
    return given


def _leaves(node: Any, name: str, path: str, budget: Iterator[int]) -> Iterator[tuple[str, Any]]:
    where = f"{path}: {name}" if name else path
    if next(budget, None) is None:
        raise _refused(path, f"it holds more than {MAX_NODES} values")
    if node.id == "mapping":
        for key, value in node.value:
            if key.id != "scalar" or key.tag == YAML_TAG + "merge":
                raise _refused(where, "a key is not plain text; merge keys (<<) are not read")
            yield from _leaves(value, f"{name}.{key.value}" if name else key.value, path, budget)
    elif not name:
        raise _refused(path, "it is not a mapping of keys to values")
    elif node.id == "sequence":
        yield name, []
    elif node.tag == YAML_TAG + "null":
        yield name, None
    elif node.tag in PLAIN_TAGS:
        yield name, node.value
    else:
        raise _refused(where, "the value has a YAML tag")


def _schema(found: Mapping[str, tuple[str, Any]], path: str) -> str:
    if VERSION_KEY not in found:
        return V1
    name, version = found[VERSION_KEY]
    if version in (V1, V2):
        return str(version)
    raise _refused(f"{path}: {name}", f"{version!r} is not a version of the schema", f"write {V1} or {V2}")


def _refuse_the_other_schema(unknown: list[str], names: Mapping[str, str], schema: str, path: str) -> None:
    """Such a key would be ignored, and its setting silently become that of localhost."""
    other = V1 if schema == V2 else V2
    foreign = sorted(names[key] for key in unknown if key in OPTIONS[other])
    if foreign:
        raise _refused(
            f"{path}: {foreign[0]}",
            f"this key belongs to the schema {other}, but the file is read as {schema}",
            "the first line of a file of the new schema is 'configVersion: v2'; a file of the old one has no such line",
        )


def _value(option: str, value: Any, schema: str, where: str) -> Any:
    """One value in the type of its option; None where an empty text means that it is unset."""
    if not isinstance(value, str):
        raise _refused(where, "a list stands where one value is wanted")
    if option.endswith("root_path"):
        return value or "/"  # an empty root path is one, the root of the bucket
    if value == "":
        return None
    if option == "tls_mode":
        return _one_of(value, TLS_MODES[schema], where)
    if option.endswith(AUTH_TYPE):
        return _one_of(value, (*USED_BY_AUTH, *OTHER_AUTH), where)
    kind = group_spec()[option]["type"]
    if kind == "int":
        if value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= 65535:
            return int(value)
        raise _refused(where, f"{value[:80]!r} is not a port", "write a number from 1 to 65535")
    if kind == "bool":
        return _one_of(value, (*TRUE_TEXTS, *FALSE_TEXTS), where) in TRUE_TEXTS
    return value.lower() if option.endswith("storage_type") else value


def _one_of(value: str, texts: tuple[str, ...], where: str) -> str:
    if value in texts:
        return value
    raise _refused(where, f"{value[:80]!r} is none of its values", f"write one of {', '.join(sorted(texts))}")


def _settle(written: Values, keys: Mapping[str, str], schema: str, path: str) -> tuple[Values, Values, Values]:
    """Options, defaults and the backup side's place, from what is written."""
    plain = {
        option: value
        for option, value in written.items()
        if not option.startswith(BACKUP_PREFIX) and option not in (*CREDENTIAL_OPTIONS, AUTH_TYPE)
    }
    if plain.get("tls_mode") == "2" and not ("client_cert_path" in plain or "client_key_path" in plain):
        plain["tls_mode"] = "1"  # as milvus-backup does
    own_auth = _auth_type(written, "", STATIC)
    backup_auth = _auth_type(written, BACKUP_PREFIX, own_auth)
    own = _credentials(written, keys, "", own_auth, schema, path)
    backup = _credentials(written, keys, BACKUP_PREFIX, backup_auth, schema, path)
    if not backup and backup_auth == STATIC and own_auth != STATIC:
        raise _refused(path, "the backup side does not use IAM, but has no keys", "write its key id and its secret")
    place = {name: plain.get(name, DEFAULTS.get(name)) for name in PLACE}
    backup_place = {name: written.get(BACKUP_PREFIX + name, place[name]) for name in PLACE}
    elsewhere = _normal(backup_place) != _normal(place)
    backup_side: Values = dict(backup) if elsewhere or backup != own else {}
    if elsewhere:
        backup_side.update({name: value for name, value in backup_place.items() if value is not None})
    bucket = written.get("backup_bucket_name")
    if bucket != plain.get("bucket_name", DEFAULTS["bucket_name"]) and bucket is not None:
        backup_side["bucket_name"] = bucket
    if "backup_root_path" in written:
        backup_side["root_path"] = written["backup_root_path"]
    options = {**plain, **own, **{BACKUP_PREFIX + name: value for name, value in backup_side.items()}}
    defaults = {**DEFAULTS, "backup_root_path": DEFAULTS_OF_THE_BACKUP_SIDE[schema](plain.get("root_path"))}
    return options, defaults, backup_place


def _auth_type(written: Values, prefix: str, inherited: str) -> str:
    """How a side logs in: named in v2, told by use_iam in v1."""
    if prefix + AUTH_TYPE in written:
        return str(written[prefix + AUTH_TYPE])
    if prefix + "use_iam" in written:
        return IAM if written[prefix + "use_iam"] else STATIC
    return inherited


def _credentials(
    written: Values, keys: Mapping[str, str], prefix: str, auth: str, schema: str, path: str
) -> dict[str, Any]:
    """The credential unit that a side has of its own, empty where it has none."""
    used = USED_BY_AUTH.get(auth, ())
    given = [name for name in CREDENTIAL_OPTIONS if name != "use_iam" and prefix + name in written]
    idle = [name for name in given if name not in used]
    if schema == V2 and idle and auth in USED_BY_AUTH:
        raise _refused(
            f"{path}: {keys[prefix + idle[0]]}", f"auth.type {auth} does not use it", "remove one of the two"
        )
    unit = {name: written[prefix + name] for name in given if name in used}
    named = prefix + AUTH_TYPE in written or prefix + "use_iam" in written
    if auth in (IAM, CHAIN) and (named or unit):
        unit["use_iam"] = True
        if prefix and auth == IAM and "iam_endpoint" not in unit and "iam_endpoint" in written:
            unit["iam_endpoint"] = written["iam_endpoint"]
    return unit


def _normal(place: Mapping[str, Any]) -> dict[str, str]:
    """A place to compare: an unset value of a switch is off, host names know no case."""
    return {name: str(value or "").lower() for name, value in place.items()}


def _refused(where: str, cause: str, next_step: str = "correct the file that config_file names") -> MilvusOpsError:
    return usage_error(OPERATION, where, cause, next_step)
