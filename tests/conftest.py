# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test needs: the collection under its real name, and the ansible-playbook in use."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from collection_tree import link_checkout

os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(link_checkout())
# ansible-runner forks and closes all files before it becomes ansible-playbook. What gRPC does in between, for children
# that go on with its connections, then ends the child in some of a hundred cases.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

# Only now, because ansible reads its settings when it is imported. With its loader in place a module has one name,
# ansible_collections.vectorops.milvus..., for the tests as for ansible-playbook.
from ansible.plugins.loader import init_plugin_loader

init_plugin_loader()


def pytest_configure() -> None:
    """Run the ends of the fixtures on SIGTERM too, here and in each process of xdist: they stop the servers."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def ansible_playbook() -> Path:
    """The ansible-playbook to run: ANSIBLE_PLAYBOOK, or the one of this Python."""
    path = Path(os.environ.get("ANSIBLE_PLAYBOOK") or Path(sys.executable).with_name("ansible-playbook"))
    if not path.is_file():
        pytest.fail(f"no ansible-playbook at {path}; set ANSIBLE_PLAYBOOK to the full path of one")
    return path
