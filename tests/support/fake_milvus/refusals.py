# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the server says no: codes and words of its kinds of error."""

from __future__ import annotations

from typing import Any

from pymilvus.grpc_gen import common_pb2

RATE_LIMIT, COLLECTION, NOT_LOADED, PARTITION, INDEX, DATABASE = 8, 100, 101, 200, 700, 800
PARAMETER, ALIAS_MISSING, ALIAS_OF_COLLECTION, ALIAS_OF_OTHER, IMPORT, OTHER = 1100, 1600, 1601, 1602, 2100, 65535

LEGACY = {
    RATE_LIMIT: "RateLimit",
    COLLECTION: "CollectionNotExists",
    INDEX: "IndexNotExist",
    PARAMETER: "IllegalArgument",
}


class Refused(Exception):
    """An answer that is an error. C(http) is its status where it goes out by REST."""

    def __init__(self, code: int, reason: str, http: int = 200) -> None:
        super().__init__(reason)
        self.code, self.reason, self.http = code, reason, http


class Denied(Exception):
    """The caller lacks a privilege: an answer of gRPC itself."""

    def __init__(self, privilege: str) -> None:
        super().__init__(privilege)
        self.detail = f"Privilege{privilege}: permission deny to clerk in the `default` database"


class Unanswered(Exception):
    """The time of the caller is over before there is an answer."""


def status_of(refused: Refused) -> Any:
    """Old clients read error_code, new ones code; a server sets both."""
    legacy = common_pb2.ErrorCode.Value(LEGACY.get(refused.code, "UnexpectedError"))
    retriable = refused.code == RATE_LIMIT
    return common_pb2.Status(code=refused.code, error_code=legacy, reason=refused.reason, retriable=retriable)


def no_collection(database: str, name: str) -> Refused:
    return Refused(COLLECTION, f"can't find collection[database={database}][collection={name}]")


def no_database(database: str) -> Refused:
    return Refused(DATABASE, f"database not found[database={database}]")


def no_partition(name: str) -> Refused:
    return Refused(PARTITION, f"partition not found[partition={name}]")


def bad_parameter(text: str) -> Refused:
    return Refused(PARAMETER, f"{text}: invalid parameter")


def failed_import(text: str) -> Refused:
    return Refused(IMPORT, f"{text}: importing data failed")
