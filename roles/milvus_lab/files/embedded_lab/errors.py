# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error type of the lab, in the failure shape that the whole collection uses."""

from __future__ import annotations

from typing import Any


class LabError(Exception):
    """A failure that names what broke, where, why, what is left and what to do next."""

    def __init__(
        self,
        kind: str,
        *,
        operation: str,
        where: str,
        cause: str,
        state_left: str = "nothing was changed",
        next_step: str,
        retryable: bool = False,
    ) -> None:
        super().__init__(f"{operation} {where}: {cause}")
        self.failure: dict[str, Any] = {
            "kind": kind,
            "operation": operation,
            "where": where,
            "cause": cause,
            "state_left": state_left,
            "next_step": next_step,
            "retryable": retryable,
        }

    def as_result(self) -> dict[str, Any]:
        return {"failed": True, "msg": str(self), "failure": self.failure}


def usage(where: str, cause: str, next_step: str) -> LabError:
    return LabError("usage", operation="check the arguments of", where=where, cause=cause, next_step=next_step)
