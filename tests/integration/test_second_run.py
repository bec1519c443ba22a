# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a second run of milvus_backup does: the table of the documentation, line by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import oracle
import pytest
from labs import RunningLab, Side
from module_process import run

Fresh = Callable[[str], str]


@dataclass(frozen=True)
class Line:
    """What lies there, what is asked for, and what comes of it; C(kind) None means success."""

    lies_there: str
    request: dict[str, Any] = field(default_factory=dict)
    kind: str | None = None
    changed: bool = False
    says: str = ""


TABLE = {
    "absent": Line("nothing", changed=True),
    "unfinished, same request": Line("unfinished", changed=True),
    "unfinished, other selection": Line("unfinished", {"collections": ["films", "other"]}, "name_in_use", says="other"),
    "unfinished, other strategy": Line("unfinished", {"strategy": "meta_only"}, "name_in_use", says="meta_only"),
    "complete, same request": Line("complete"),
    "complete, speed is not part of a request": Line("complete", {"copy_concurrency": 3, "verify": "content"}),
    "complete, auto is flush": Line("complete", {"strategy": "flush"}),
    "complete, other selection": Line("complete", {"collections": ["films", "other"]}, "name_in_use", says="other"),
    "complete, other exclusion": Line("complete", {"exclude": ["nobody"]}, "name_in_use", says="exclude"),
    "complete, other strategy": Line("complete", {"strategy": "skip_flush"}, "name_in_use", says="strategy"),
    "complete, with rbac": Line("complete", {"rbac": True}, "name_in_use", says="rbac"),
    "complete, damaged": Line("damaged", kind="corrupt", says="missing"),
    "foreign, same collections": Line("foreign"),
    "foreign, other collections": Line("foreign", {"collections": ["films", "other"]}, "name_in_use", says="other"),
    "foreign, unfinished": Line("foreign unfinished", kind="name_in_use", says="no unfinished backup"),
    "complete, source has other rows": Line("drifted", {"collections": ["other"]}, says="rows now"),
}


@pytest.fixture(scope="module")
def other(lab: RunningLab) -> str:
    oracle.create_collection(lab.side("milvus_a").client(), "other", rows=20)
    return "other"


def prepare(lab: RunningLab, source: Side, name: str, what: str) -> None:
    """Bring about what lies at the place of the backup."""
    if what == "nothing":
        return
    collections = ["other"] if what == "drifted" else ["films"]
    run("milvus_backup", {**source.options, "name": name, "collections": collections})
    s3, prefix = lab.s3(), f"backup/{name}/"
    keys = sorted(lab.objects(prefix))
    gone: list[str] = []
    if what in ("unfinished", "foreign unfinished"):
        gone += [key for key in keys if "/meta/" in key] + [key for key in keys if "/binlogs/" in key][:3]
    if what in ("foreign", "foreign unfinished"):
        gone += [key for key in keys if "/control/" in key]
    if what == "damaged":
        gone += [key for key in keys if "/binlogs/" in key][:1]
    for key in gone:
        s3.delete_object(Bucket=lab.bucket, Key=key)
    if what == "drifted":
        oracle.insert(source.client(), "other", range(20, 30))
        source.client().flush("other")


@pytest.mark.parametrize("line", TABLE.values(), ids=TABLE)
@pytest.mark.usefixtures("films", "other")
def test_second_run(lab: RunningLab, source: Side, fresh: Fresh, line: Line) -> None:
    name = fresh("again")
    prepare(lab, source, name, line.lies_there)
    before = lab.objects("backup/")
    arguments = {**source.options, "name": name, "collections": ["films"], **line.request}
    planned = run("milvus_backup", arguments, check=True)
    assert lab.objects("backup/") == before
    made = run("milvus_backup", arguments)
    assert (made.kind, planned.kind) == (line.kind, line.kind), made.output
    assert line.says in made.output
    if line.kind is None:
        assert (made.result["changed"], planned.result["changed"]) == (line.changed, line.changed)
        assert made.result["backup"]["exists"]
    if not line.changed:
        assert lab.objects("backup/") == before
