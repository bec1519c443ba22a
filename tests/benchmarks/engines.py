# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measured processes in Python: `python engines.py OURS|BOTO3 ACTION < job.json`, one line of JSON as result."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OURS, BOTO3 = "ours", "boto3"


def ours(action: str, job: dict[str, Any]) -> dict[str, int]:
    """The collection's own engine, as the backup uses it."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
    from collection_tree import link_checkout

    sys.path.insert(0, str(link_checkout()))
    from ansible_collections.vectorops.milvus.plugins.module_utils.store.base import WriteScope
    from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import instance_store
    from ansible_collections.vectorops.milvus.plugins.module_utils.store.copy import Copy, CopyRun
    from ansible_collections.vectorops.milvus.plugins.module_utils.store.open import open_store

    threads, prefix, target = job["concurrency"], job["prefix"], job["target"]
    source = open_store(instance_store(job["source"]), connections=threads)
    listed = source.list_objects(prefix)
    if action == "list":
        return {"objects": sum(1 for _item in listed)}
    destination = open_store(instance_store(job["destination"]), WriteScope((target,)), threads)
    copies = (Copy(item.key, item.etag, item.size, target + item.key.removeprefix(prefix)) for item in listed)
    run = CopyRun(source, destination, concurrency=threads, before_each=lambda: None, after_each=lambda copy: None)
    return {"objects": run.run(copies).objects}


def boto3(action: str, job: dict[str, Any]) -> dict[str, int]:
    """boto3 as its documentation advises for many small requests: one client, many threads, a pool for all."""
    import boto3
    from botocore.config import Config

    def client(side: dict[str, Any]) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=f"http://{side['storage_address']}:{side['storage_port']}",
            region_name="us-east-1",
            aws_access_key_id=side["access_key_id"],
            aws_secret_access_key=side["secret_access_key"],
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=job["concurrency"]),
        )

    source, destination, prefix = client(job["source"]), client(job["destination"]), job["prefix"]
    bucket, target_bucket = job["source"]["bucket_name"], job["destination"]["bucket_name"]
    pages = source.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    listed = (item["Key"] for page in pages for item in page.get("Contents", []))
    if action == "list":
        return {"objects": sum(1 for _key in listed)}

    def move(key: str) -> None:
        target = job["target"] + key.removeprefix(prefix)
        if action == "stream":
            body = source.get_object(Bucket=bucket, Key=key)["Body"]
            destination.upload_fileobj(body, target_bucket, target)
        else:
            what = {"Bucket": bucket, "Key": key}
            destination.copy_object(Bucket=target_bucket, Key=target, CopySource=what)

    return {"objects": in_threads(move, listed, job["concurrency"])}


def in_threads(move: Any, keys: Iterator[str], threads: int) -> int:
    """Threads that share one iterator: a pool of futures would cost boto3 more."""
    guard, counts = threading.Lock(), []

    def work() -> None:
        done = 0
        while True:
            with guard:
                key = next(keys, None)
            if key is None:
                counts.append(done)
                return
            move(key)
            done += 1

    workers = [threading.Thread(target=work) for _number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts)


if __name__ == "__main__":
    engine = {OURS: ours, BOTO3: boto3}[sys.argv[1]]
    print(json.dumps(engine(sys.argv[2], json.load(sys.stdin))))
