# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The S3 store of the lab: one SeaweedFS `weed server`."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import os
from collections.abc import Mapping
from pathlib import Path

from .locks import write_private
from .models import Identity, Lab
from .ports import LOOPBACK

PORT_NAMES = ("s3", "s3_grpc", "master", "master_grpc", "volume", "volume_grpc", "filer", "filer_grpc")
REGION = "us-east-1"
READY_KEY = "lab-ready-check"


def write_identities(path: Path, identities: tuple[Identity, ...]) -> str:
    """Write the store's list of users; returns its text, so that the caller can tell when it changed."""
    record = [
        {
            "name": identity.name,
            "credentials": [{"accessKey": identity.access_key_id, "secretKey": identity.secret_access_key}],
            "actions": list(identity.actions),
        }
        for identity in identities
    ]
    text = json.dumps({"identities": record}, indent=2) + "\n"
    write_private(path, text)
    return text


def command(binary: Path, directory: Path, ports: Mapping[str, int]) -> list[str]:
    """The store's command line: loopback only, small on disk, and strict where SeaweedFS is lax by default."""
    options: dict[str, object] = {
        "ip": LOOPBACK,
        "ip.bind": LOOPBACK,
        "dir": directory,
        "master.port": ports["master"],
        "master.port.grpc": ports["master_grpc"],
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 1024,
        "master.electionTimeout": "1s",
        "volume.port": ports["volume"],
        "volume.port.public": ports["volume"],
        "volume.port.grpc": ports["volume_grpc"],
        "volume.max": 0,
        "volume.preStopSeconds": 0,
        "filer": "true",
        "filer.port": ports["filer"],
        "filer.port.grpc": ports["filer_grpc"],
        "filer.localSocket": "filer.sock",
        "s3": "true",
        "s3.port": ports["s3"],
        "s3.port.grpc": ports["s3_grpc"],
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.localSocket": "s3.sock",
        "s3.config": directory / "identities.json",
        "s3.allowDeleteBucketNotEmpty": "false",
        "s3.autoCreateBucket": "false",
    }
    return [str(binary), "-logtostderr=true", "server", *(f"-{name}={value}" for name, value in options.items())]


def environment() -> dict[str, str]:
    """The caller's environment without cloud settings, which the store would obey."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WEED_"))}


def sockets(ports: Mapping[str, int]) -> list[Path]:
    """The socket files that SeaweedFS puts into /tmp and leaves there."""
    parts = ("master", "volume", "filer", "s3")
    return [Path(f"/tmp/seaweedfs-{part}-grpc-{ports[f'{part}_grpc']}.sock") for part in parts]


def is_ready(lab: Lab) -> bool:
    """True once the bucket exists and takes an object, which proves that the volume server is there, too."""
    key = f"/{lab.bucket}/{READY_KEY}"
    with contextlib.suppress(OSError, http.client.HTTPException):
        # 409 is the answer for a bucket that is there already
        bucket_exists = request(lab, "PUT", f"/{lab.bucket}") in (200, 409)
        return bucket_exists and request(lab, "PUT", key) == 200 and request(lab, "DELETE", key) == 204
    return False


def request(lab: Lab, method: str, path: str) -> int:
    """The HTTP status of one empty request, signed with the administrator's key (AWS Signature Version 4)."""
    port = lab.servers["s3"].ports["s3"]
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    body_hash = hashlib.sha256(b"").hexdigest()
    headers = {"host": f"{LOOPBACK}:{port}", "x-amz-content-sha256": body_hash, "x-amz-date": now}
    signed = ";".join(headers)
    header_lines = [f"{name}:{value}" for name, value in headers.items()]
    canonical = "\n".join([method, path, "", *header_lines, "", signed, body_hash])
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{lab.admin.secret_access_key}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = f"Credential={lab.admin.access_key_id}/{scope}, SignedHeaders={signed}, Signature={key.hex()}"
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request(method, path, headers={**headers, "authorization": f"AWS4-HMAC-SHA256 {credential}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()
