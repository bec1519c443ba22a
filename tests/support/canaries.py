# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that can be told from everything else, and the forms in which one may come to light."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterable, Mapping
from pathlib import Path

USER = "canary_user"
PARTS = 12
"""So many characters of a secret are a leak too: a text that holds it may be cut."""

CANARIES: Mapping[str, str] = {
    "secret_access_key": "CANARYs3secret0wJalrXUtnFEMIK7MDENGbPxRfi",
    "session_token": "CANARYsession0FwoGZXIvYXdzEBYaDkZvb0Jhcg",
    "password": "CANARYpass+0/w=ord\"quoted'and\\back",
    "token": "CANARYtoken0:eyJhbGciOiJIUzI1NiJ9",
    "backup_secret_access_key": "CANARYbackup+side/secret==0Tr1Ck",
    "backup_session_token": "CANARYoutside0of-the-options-only",
}
"""The six, by the option that each is the value of. The password has everything that needs an escape somewhere."""

ENVIRONMENT: Mapping[str, str] = {
    "MILVUS_USER": USER,
    "MILVUS_PASSWORD": CANARIES["password"],
    "MILVUS_STORAGE_AUTH_ACCESS_KEY_ID": "the-key-id",
    "MILVUS_STORAGE_AUTH_SECRET_ACCESS_KEY": CANARIES["secret_access_key"],
    "MILVUS_STORAGE_AUTH_SESSION_TOKEN": CANARIES["session_token"],
    "BACKUP_STORAGE_AUTH_ACCESS_KEY_ID": "other",
    "BACKUP_STORAGE_AUTH_SECRET_ACCESS_KEY": CANARIES["backup_secret_access_key"],
    "BACKUP_STORAGE_AUTH_SESSION_TOKEN": CANARIES["backup_session_token"],
}
"""All but the token, which no variable holds."""


def is_setting(variable: str) -> bool:
    """Whether the modules, or the libraries that they use, read this variable of the environment."""
    return variable.startswith(("MILVUS_", "BACKUP_STORAGE_", "AWS_")) or variable.lower().endswith("_proxy")


def forms(secret: str) -> dict[str, str]:
    """How libraries, services and languages write a secret."""
    return {
        "raw": secret,
        "base64": base64.b64encode(secret.encode()).decode(),
        "login in base64": base64.b64encode(f"{USER}:{secret}".encode()).decode(),
        "base64 without padding": base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
        "URL": urllib.parse.quote(secret, safe=""),
        "URL path": urllib.parse.quote(secret),
        "JSON": json.dumps(secret)[1:-1],
        "Python": repr(secret)[1:-1],
    }


def all_forms(secrets: Iterable[str] = CANARIES.values()) -> str:
    """One text that holds every form of every secret."""
    return " ; ".join(form for secret in secrets for form in forms(secret).values())


def hits(text: str) -> list[str]:
    """Which secrets a text shows, and in which form; also the beginning of one, and whatever calls itself a canary."""
    found = [
        f"{option} ({name})"
        for option, secret in CANARIES.items()
        for name, form in forms(secret).items()
        if form in text or (name != "login in base64" and form[:PARTS] in text)
    ]
    return [*found, *(["the word CANARY"] if "CANARY" in text and not found else [])]


def hits_below(folder: Path) -> list[str]:
    """As M(hits), in every file of a folder; a file that goes away meanwhile has none."""
    found: list[str] = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        try:
            text = path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
        except OSError:
            continue
        found += [f"{path}: {hit}" for hit in hits(text)]
    return found
