# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a target."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.catalog import Collection
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.plan import decide

SOURCE = CollectionName("default", "docs")
TARGET = CollectionName("copy", "docs_bak")
OURS = {"vectorops.backup": "id", "vectorops.source": "docs", "vectorops.target": "docs_bak"}


def existing(properties: dict[str, str], name: CollectionName = TARGET) -> Collection:
    values: dict[str, Any] = {
        "collection_id": 1,
        "database_id": 1,
        "schema": {},
        "shards": 1,
        "consistency_level": 2,
        "properties": tuple({"key": key, "value": value} for key, value in properties.items()),
        "aliases": (),
        "virtual_channels": (),
        "physical_channels": (),
        "created": 1,
    }
    return Collection(name=name, **values)


REFUSED = "refused"


@pytest.mark.parametrize(
    ("found", "backup_id", "if_fail", "if_skip"),
    [
        (None, "id", "create", "create"),
        # this backup made it: nothing to do, whatever is asked
        (existing(OURS), "id", "unchanged", "unchanged"),
        (existing({**OURS, "collection.ttl.seconds": "60"}), "id", "unchanged", "unchanged"),
        # another backup, another source, no marker, half of the markers
        (existing(OURS), "other", REFUSED, "skip"),
        (existing({**OURS, "vectorops.source": "news"}), "id", REFUSED, "skip"),
        (existing({**OURS, "vectorops.source": "films.docs"}), "id", REFUSED, "skip"),
        (existing({}), "id", REFUSED, "skip"),
        (existing({"vectorops.backup": "id"}), "id", REFUSED, "skip"),
        # a planned backup has no id yet, and no marker is not equal to it
        (existing({}), "", REFUSED, "skip"),
        # an alias that leads to a collection of this backup is not the target itself
        (existing(OURS, CollectionName("copy", "behind")), "id", REFUSED, "skip"),
    ],
)
def test_decide(found: Collection | None, backup_id: str, if_fail: str, if_skip: str) -> None:
    assert decide(SOURCE, TARGET, found, backup_id, "skip") == if_skip
    if if_fail != REFUSED:
        assert decide(SOURCE, TARGET, found, backup_id, "fail") == if_fail
        return
    with pytest.raises(MilvusOpsError) as caught:
        decide(SOURCE, TARGET, found, backup_id, "fail")
    failure = caught.value.failure
    assert (failure.kind, failure.state_left) == ("target_exists", "nothing was written")
    assert failure.where == "copy.docs_bak on copy"
    assert ("an alias" in failure.cause) is (found is not None and found.name != TARGET)


OURS_BY_TIME = {**OURS, "vectorops.content": "end_ts=5"}


@pytest.mark.parametrize(
    ("found", "content", "if_restored", "if_any"),
    [
        (None, "", "create", "create"),
        (existing(OURS), "", "unchanged", "unchanged"),
        (existing(OURS_BY_TIME), "end_ts=5", "unchanged", "unchanged"),
        # another part of this backup, another backup, another source
        (existing(OURS_BY_TIME), "", "replace", "replace"),
        (existing(OURS), "end_ts=5", "replace", "replace"),
        (existing(OURS), "meta_only", "replace", "replace"),
        (existing({**OURS, "vectorops.backup": "older"}), "", "replace", "replace"),
        (existing({**OURS, "vectorops.source": "news"}), "", "replace", "replace"),
        # no restore made it
        (existing({}), "", REFUSED, "replace"),
        (existing({"collection.ttl.seconds": "60"}), "", REFUSED, "replace"),
        # a swap would leave the alias leading to something else than is asked for
        (existing(OURS, CollectionName("copy", "behind")), "", REFUSED, REFUSED),
    ],
)
def test_what_is_replaced(found: Collection | None, content: str, if_restored: str, if_any: str) -> None:
    for if_exists, wanted in (("replace_restored", if_restored), ("replace", if_any)):
        if wanted != REFUSED:
            assert decide(SOURCE, TARGET, found, "id", if_exists, content) == wanted
            continue
        with pytest.raises(MilvusOpsError) as caught:
            decide(SOURCE, TARGET, found, "id", if_exists, content)
        assert caught.value.kind == "target_exists"
