# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a golden archive: a backup by milvus-backup itself, and the rows that were in it, as test data.

    PYTHONPATH=tests/support:tests/tools:roles/milvus_lab/files \\
        python tests/tools/golden_archive.py MILVUS_BACKUP CONFIG ARCHIVE

MILVUS_BACKUP is a binary of that tool, CONFIG the configs/backup.yaml of the same version, ARCHIVE the zip to write.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import yaml
from golden import BACKUP, COLLECTIONS, OBJECTS, ROWS
from labs import RunningLab, Side
from milvus_lab import LabConfig, start, stop
from shapes import SHAPES, read_rows

TIMEOUT = 300
DELETED_LAST = ("binary_vector", "three_partitions")
FIRST_DATE = (1980, 1, 1, 0, 0, 0)


def main(binary: str, config_path: str, archive: str) -> None:
    config = LabConfig(directory=Path(tempfile.mkdtemp(prefix="golden")))
    try:
        lab = RunningLab(start(config))
        side = lab.side("milvus_a")
        rows = make_collections(side)
        (config.directory / "backup.yaml").write_text(yaml.safe_dump(settings(side, Path(config_path))))
        backup(binary, config.directory)
        write_archive(lab, rows, Path(archive))
    finally:
        stop(config, wipe=True)


def make_collections(side: Side) -> dict[str, Any]:
    """Each collection in its database; the rows of each."""
    shapes = {shape.name: shape for shape in SHAPES}
    rows = {}
    for database, name in COLLECTIONS:
        if database not in side.client().list_databases():
            side.client().create_database(database)
        client, shape = side.client(database), shapes[name]
        shape.make(client, name)
        if name in DELETED_LAST:  # so late that no compaction takes the delta logs away
            client.delete(name, filter=f"id in {list(range(0, 150, 7))}")
        rows[f"{database}.{name}"] = read_rows(client, name, shape.key)
    return rows


def settings(side: Side, path: Path) -> dict[str, Any]:
    """The tool's own settings, on this instance."""
    options = side.options
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    found["milvus"].update(address=options["address"], port=options["port"], user="", password="")
    for prefix in ("", "backup"):
        store = {
            "address": options["storage_address"],
            "port": options["storage_port"],
            "accessKeyID": options["access_key_id"],
            "secretAccessKey": options["secret_access_key"],
            "bucketName": options["bucket_name"],
            "rootPath": "backup" if prefix else options["root_path"],
        }
        found["minio"].update({prefix + (key[0].upper() + key[1:] if prefix else key): store[key] for key in store})
    return found


def backup(binary: str, directory: Path) -> None:
    command = [binary, "--config", str(directory / "backup.yaml"), "create", "-n", BACKUP]
    subprocess.run(command, cwd=directory, check=True, timeout=TIMEOUT, stdout=subprocess.DEVNULL)


def write_archive(lab: RunningLab, rows: dict[str, Any], path: Path) -> None:
    """Every object below the path of its key."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        prefix = f"backup/{BACKUP}/"
        for key in sorted(lab.objects(prefix)):
            body = lab.s3().get_object(Bucket=lab.bucket, Key=key)["Body"].read()
            archive.writestr(
                zipfile.ZipInfo(OBJECTS + key.removeprefix(prefix), FIRST_DATE), body, zipfile.ZIP_DEFLATED
            )
        content = json.dumps(rows, sort_keys=True, ensure_ascii=False, indent=0)
        archive.writestr(zipfile.ZipInfo(ROWS, FIRST_DATE), content, zipfile.ZIP_DEFLATED)
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
