# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From options to two storage sides: where Milvus keeps its data, and where the backup lies.

The backup side inherits from the instance's side in three units, never option by option: place, credentials,
bucket. Option-wise inheritance could send one account's key to another's endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from .._arguments import BACKUP_PREFIX, CREDENTIAL_OPTIONS, PLACE_OPTIONS, is_complete_place, is_host
from ..errors import usage_error

S3_TYPES = ("minio", "s3", "aws")
LOCAL = "local"
DEFAULT_STORAGE_TYPE = "minio"
PLACE_DEFAULTS = {"storage_type": DEFAULT_STORAGE_TYPE, "storage_use_ssl": False}
SERVICE_OPTIONS = tuple(name for name in PLACE_OPTIONS if name != "storage_ca_path")
"""What tells one service from another; whom it is trusted by is another matter."""
DEFAULT_BACKUP_ROOT_PATH = "backup"
OPERATION = "reading the storage options"
BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{1,255}")


@dataclass(frozen=True)
class StoreConfig:
    """One side: a place, the credentials for it, one bucket and a root path (without leading or trailing slash).

    A local side is a folder: its root path is absolute, so its keys are the paths of files, and it has no bucket.
    """

    storage_type: str
    address: str | None
    port: int | None
    region: str | None
    use_ssl: bool
    ca_path: str | None
    access_key_id: str | None
    secret_access_key: str | None = field(repr=False)
    session_token: str | None = field(repr=False)
    use_iam: bool
    bucket: str
    root_path: str

    @cached_property
    def endpoint_url(self) -> str | None:
        """The URL of the service, or None for AWS itself (boto3 then builds it from the region)."""
        if not self.address:
            return None
        scheme = "https" if self.use_ssl else "http"
        port = f":{self.port}" if self.port else ""
        return f"{scheme}://{self.address}{port}"

    @property
    def is_local(self) -> bool:
        return self.storage_type == LOCAL

    @cached_property
    def label(self) -> str:
        """The bucket as shown to people: service and bucket, no credentials. A slash and a key make it a URL."""
        if self.is_local:
            return "file:/"
        return f"{self.endpoint_url or self.storage_type}/{self.bucket}"

    def same_service(self, other: StoreConfig) -> bool:
        """Whether one server-side copy can reach both sides."""
        if self.is_local or other.is_local:
            return self.is_local and other.is_local
        mine = (self.endpoint_url, self.region if not self.endpoint_url else None)
        return mine == (other.endpoint_url, other.region if not other.endpoint_url else None)

    def same_credentials(self, other: StoreConfig) -> bool:
        """Whether both sides are used with the same rights."""
        mine = (self.use_iam, self.access_key_id, self.secret_access_key, self.session_token)
        return mine == (other.use_iam, other.access_key_id, other.secret_access_key, other.session_token)


def require_same_service(instance: StoreConfig, backup: StoreConfig, operation: str, where: str) -> None:
    """Raises C(usage) where a Milvus server cannot move a snapshot by itself: it lets one service copy its objects."""
    if instance.same_service(backup) and not instance.is_local:
        return
    cause = "a server keeps no snapshots on a disk" if instance.is_local else "the backups lie in another service"
    raise usage_error(
        operation,
        where,
        f"a server moves snapshots within its own object storage only, and {cause}",
        "name a place for the backups in the service that the server uses, any bucket of it, or use format: binlog",
    )


def resolve_backup_side(options: Mapping[str, object]) -> dict[str, object]:
    """The effective backup side as C(backup_*) options in full; unset ones are left out.

    Raises usage errors for half a credential and for another place without credentials of its own.
    """
    place = _unit(options, PLACE_OPTIONS, BACKUP_PREFIX)
    own_place = _unit(options, PLACE_OPTIONS, "")
    credentials = _unit(options, CREDENTIAL_OPTIONS, BACKUP_PREFIX)
    _refuse_half_credential(credentials, BACKUP_PREFIX)
    elsewhere = _is_elsewhere(place, own_place, is_complete_place(place, bool(credentials)))
    needs_credentials = _normal(place.get("storage_type")) != LOCAL
    if elsewhere and needs_credentials and not credentials:
        raise usage_error(
            OPERATION,
            "backup_" + ", backup_".join(sorted(place)),
            "the backup side names another storage service but no credentials for it, "
            "and the instance's keys are never sent to another service",
            "set backup_access_key_id and backup_secret_access_key, or backup_use_iam: true",
        )
    if not elsewhere:
        place = own_place
    if not credentials:
        credentials = _unit(options, CREDENTIAL_OPTIONS, "")
        _refuse_half_credential(credentials, "")
    resolved = {BACKUP_PREFIX + name: value for name, value in {**place, **credentials}.items()}
    bucket = _given(options, "backup_bucket_name") or _given(options, "bucket_name")
    if bucket is not None:
        resolved["backup_bucket_name"] = bucket
    root_path = _given(options, "backup_root_path")
    resolved["backup_root_path"] = DEFAULT_BACKUP_ROOT_PATH if root_path is None else root_path
    return resolved


def _is_elsewhere(place: Mapping[str, object], own_place: Mapping[str, object], complete: bool) -> bool:
    """Whether the backup side names another place than the instance's own; nothing, or a part of it, is the same.

    In a complete place, what is not given has its default: one that was resolved for one instance must mean the same
    beside the options of another, whose port is not its port.
    """
    compared = {*place, *SERVICE_OPTIONS} if complete else set(place)
    return any(
        _normal(place.get(name, PLACE_DEFAULTS.get(name))) != _normal(own_place.get(name, PLACE_DEFAULTS.get(name)))
        for name in compared
    )


def instance_store(options: Mapping[str, object]) -> StoreConfig:
    """Where the instance keeps its data. Raises usage errors that name the missing option."""
    _refuse_half_credential(_unit(options, CREDENTIAL_OPTIONS, ""), "")
    return _store_config(options, "")


def backup_store(options: Mapping[str, object]) -> StoreConfig:
    """Where backups of the instance lie, after inheritance."""
    return _store_config(resolve_backup_side(options), BACKUP_PREFIX)


def _store_config(options: Mapping[str, object], prefix: str) -> StoreConfig:
    def text(name: str) -> str | None:
        value = _given(options, prefix + name)
        return None if value is None else str(value)

    storage_type = (text("storage_type") or DEFAULT_STORAGE_TYPE).lower()
    if storage_type == LOCAL:
        return _local_config(text("root_path"), prefix)
    if storage_type not in S3_TYPES:
        raise usage_error(
            OPERATION,
            f"{prefix}storage_type",
            f"storage type {storage_type!r} is not implemented",
            f"use one of {', '.join((*S3_TYPES, LOCAL))}",
        )
    bucket = _bucket(text("bucket_name"), f"{prefix}bucket_name")
    if storage_type == "minio" and text("storage_address") is None:
        raise usage_error(
            OPERATION,
            f"{prefix}storage_address",
            "storage type 'minio' needs the address of the service",
            f"set {prefix}storage_address, or {prefix}storage_type: aws for Amazon S3",
        )
    _require_host(text("storage_address"), prefix)
    use_iam = bool(_given(options, prefix + "use_iam"))
    if text("access_key_id") is None and not use_iam:
        raise usage_error(
            OPERATION,
            f"{prefix}access_key_id",
            "no credentials for the storage service are given",
            f"set {prefix}access_key_id and {prefix}secret_access_key, or {prefix}use_iam: true",
        )
    port = _given(options, prefix + "storage_port")
    return StoreConfig(
        storage_type=storage_type,
        address=text("storage_address"),
        port=None if port is None else int(str(port)),
        region=text("storage_region"),
        use_ssl=bool(_given(options, prefix + "storage_use_ssl")),
        ca_path=text("storage_ca_path"),
        access_key_id=text("access_key_id"),
        secret_access_key=text("secret_access_key"),
        session_token=text("session_token"),
        use_iam=use_iam,
        bucket=bucket,
        root_path=clean_root_path(text("root_path") or "", f"{prefix}root_path"),
    )


def _bucket(name: str | None, option: str) -> str:
    if name is None:
        raise usage_error(OPERATION, option, "no bucket is named", f"set {option}")
    if not BUCKET_NAME.fullmatch(name) or not name.strip("."):
        cause = f"{name!r} is no name of a bucket"
        raise usage_error(OPERATION, option, cause, "write the name alone, without a path or an address")
    return name


def _require_host(address: str | None, prefix: str) -> None:
    if address is None or is_host(address):
        return
    raise usage_error(
        OPERATION,
        f"{prefix}storage_address",
        "it is not the name of a host",
        f"write the name or number alone; the rest of a URL is {prefix}storage_use_ssl, {prefix}storage_port, "
        f"{prefix}bucket_name, {prefix}access_key_id and {prefix}secret_access_key",
    )


def _local_config(root_path: str | None, prefix: str) -> StoreConfig:
    """A folder has neither address nor credentials nor bucket; what is set of these, for other hosts, is ignored."""
    return StoreConfig(
        storage_type=LOCAL,
        address=None,
        port=None,
        region=None,
        use_ssl=False,
        ca_path=None,
        access_key_id=None,
        secret_access_key=None,
        session_token=None,
        use_iam=False,
        bucket="",
        root_path=clean_folder(root_path or "", f"{prefix}root_path"),
    )


def clean_folder(root_path: str, option: str) -> str:
    """The root path of a local side: absolute, without a trailing slash, and not the root of all files."""
    if root_path.startswith("/") and not root_path.startswith("//") and root_path.strip("/"):
        return "/" + clean_root_path(root_path, option)
    raise usage_error(
        OPERATION,
        option,
        f"root path {root_path!r} is not an absolute folder, which storage type 'local' needs",
        "write the whole path, for example /var/lib/milvus/data or /srv/milvus-backups",
    )


def clean_root_path(root_path: str, option: str) -> str:
    """A root path without surrounding slashes; refuses what S3 services spell differently from each other."""
    cleaned = root_path.strip("/")
    parts = cleaned.split("/") if cleaned else []
    if any(part in ("", ".", "..") or part != part.strip() or "\\" in part or not part.isprintable() for part in parts):
        raise usage_error(
            OPERATION,
            option,
            f"root path {root_path!r} has an empty, dotted, blank or unprintable element",
            "write the root path as in the server's minio.rootPath, for example files_a",
        )
    return cleaned


def _refuse_half_credential(credentials: Mapping[str, object], prefix: str) -> None:
    halves = [name for name in ("access_key_id", "secret_access_key") if name in credentials]
    token_alone = "session_token" in credentials and len(halves) < 2
    if len(halves) == 1 or token_alone:
        missing = [name for name in ("access_key_id", "secret_access_key") if name not in credentials]
        raise usage_error(
            OPERATION,
            ", ".join(prefix + name for name in sorted(credentials)),
            "half a credential is given",
            "set " + " and ".join(prefix + name for name in missing) + " too",
        )


def _unit(options: Mapping[str, object], names: tuple[str, ...], prefix: str) -> dict[str, object]:
    found = {name: _given(options, prefix + name) for name in names}
    return {name: value for name, value in found.items() if value is not None and not _is_no_iam(name, value)}


def _is_no_iam(name: str, value: object) -> bool:
    """C(use_iam: false) says where credentials do not come from; it is none itself."""
    return name == "use_iam" and value is False


def _given(options: Mapping[str, object], name: str) -> object | None:
    """The value of an option, None when it is unset or empty: AWX sends '' for an unanswered question."""
    value = options.get(name)
    return None if value is None or value == "" else value


def _normal(value: object) -> str:
    return str(value).strip().lower()
