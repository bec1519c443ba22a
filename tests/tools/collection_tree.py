# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable and playable as ansible_collections.vectorops.milvus, wherever it was cloned to."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
COLLECTIONS_PATH = CHECKOUT / ".cache" / "collections"


def link_checkout() -> Path:
    """Link .cache/collections/ansible_collections/vectorops/milvus to the checkout; return .cache/collections."""
    link = COLLECTIONS_PATH / "ansible_collections" / "vectorops" / "milvus"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not (link.is_symlink() and link.resolve() == CHECKOUT):
        link.unlink(missing_ok=True)
        link.symlink_to(CHECKOUT, target_is_directory=True)
    return COLLECTIONS_PATH


if __name__ == "__main__":
    print(link_checkout())
