# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module loads only what its call can need: a play starts a module for each of its tasks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from collection_tree import link_checkout

PLUGINS = Path(__file__).parents[2] / "plugins"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("milvus_*.py"))
OF_THE_CONTROL_NODE = sorted(
    f"{kind}.{path.stem}" for kind in ("action", "filter", "lookup") for path in (PLUGINS / kind).glob("*.py")
)
HEAVY = ("pandas", "numpy", "pymilvus", "boto3", "botocore", "requests", "yaml", "grpc")
TALKS_TO_MILVUS = frozenset(MODULES) - {"milvus_backup_info", "milvus_backup_prune"}
PROBE = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
importlib.import_module(f"ansible_collections.vectorops.milvus.plugins.{sys.argv[2]}")
print(json.dumps([name for name in sys.argv[3:] if name in sys.modules]))
"""


def loaded_by(plugin: str) -> list[str]:
    command = [sys.executable, "-c", PROBE, str(link_checkout()), plugin, *HEAVY]
    return list(json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout))


@pytest.mark.parametrize("module", MODULES)
def test_nothing_heavy_is_loaded_at_the_start(module: str) -> None:
    """Of pymilvus only its protocol is used; boto3 is for credentials and addresses that an option does not give."""
    assert loaded_by(f"modules.{module}") == (["grpc"] if module in TALKS_TO_MILVUS else [])


@pytest.mark.parametrize("plugin", OF_THE_CONTROL_NODE)
def test_a_plugin_of_the_control_node_needs_ansible_alone(plugin: str) -> None:
    """It needs no pymilvus there; and each task forks, so that each would load it anew."""
    assert set(loaded_by(plugin)) <= {"yaml"}


def test_the_protocol_is_that_of_pymilvus() -> None:
    """Both in one process, in either order: what one made, the other reads."""
    program = """
import sys
sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "first":
    import pymilvus
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import sdk
from pymilvus.grpc_gen import milvus_pb2
made = sdk.milvus_pb2.ImportRequest(collection_name="films", files=["a/", "b/"]).SerializeToString()
assert list(milvus_pb2.ImportRequest.FromString(made).files) == ["a/", "b/"]
assert sdk.MISSING is None
"""
    for order in ("first", "last"):
        command = [sys.executable, "-c", program, str(link_checkout()), order]
        subprocess.run(command, check=True, timeout=60)
