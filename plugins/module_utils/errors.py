# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error type of the engine: a kind, and the five things an operator needs to know.

Part of the private engine of vectorops.milvus; it may change in any release. Python 3.10 or newer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

KINDS = frozenset(
    {
        "ambiguous_import",
        "bad_name",
        "cancelled",
        "corrupt",
        "credentials",
        "incomplete",
        "internal",
        "lock_held",
        "name_in_use",
        "not_found",
        "partial",
        "permission",
        "quota",
        "requirements",
        "root_path",
        "source_changed",
        "storage_full",
        "target_exists",
        "throttled",
        "timeout",
        "unreachable",
        "usage",
        "verify_failed",
        "version",
    }
)
"""Every value that C(failure.kind) can take."""

RETRYABLE_KINDS = frozenset({"lock_held", "source_changed", "throttled", "timeout", "unreachable"})
"""Kinds for which the same task, run again, may succeed without any change by the operator."""

NOTHING_WRITTEN = "nothing was written"


@dataclass(frozen=True)
class Failure:
    """What is returned as C(failure): machine word, place, cause, what is left behind, what to do next."""

    kind: str
    operation: str
    where: str
    cause: str
    state_left: str = NOTHING_WRITTEN
    next_step: str = ""
    retryable: bool = False

    @property
    def message(self) -> str:
        """The failure as one line for C(msg)."""
        place = f" ({self.where})" if self.where else ""
        advice = f" {_sentence(self.next_step)}" if self.next_step else ""
        text = f"{self.operation} failed{place}: {_sentence(self.cause)} State: {_sentence(self.state_left)}{advice}"
        return " ".join(text.split())


class MilvusOpsError(Exception):
    """The only exception that leaves the engine; C(failure) says everything, C(results) what was done all the same."""

    def __init__(
        self,
        kind: str,
        operation: str,
        where: str,
        cause: str,
        *,
        state_left: str = NOTHING_WRITTEN,
        next_step: str = "",
        retryable: bool | None = None,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"unknown failure kind {kind!r}")
        self.failure = Failure(
            kind=kind,
            operation=operation,
            where=where,
            cause=cause,
            state_left=state_left,
            next_step=next_step,
            retryable=kind in RETRYABLE_KINDS if retryable is None else retryable,
        )
        self.results: Mapping[str, Any] = {}
        super().__init__(self.failure.message)

    @property
    def kind(self) -> str:
        return self.failure.kind

    def with_context(self, **changes: str) -> MilvusOpsError:
        """The same error with some parts replaced, for a caller that knows more (C(state_left) most often)."""
        failure = Failure(**{**asdict(self.failure), **changes})
        error = MilvusOpsError(
            failure.kind,
            failure.operation,
            failure.where,
            failure.cause,
            state_left=failure.state_left,
            next_step=failure.next_step,
            retryable=failure.retryable,
        )
        return error.with_results(self.results)

    def with_results(self, results: Mapping[str, Any]) -> MilvusOpsError:
        """The same error, to be returned beside what a module returns otherwise."""
        self.results = results
        return self


@contextmanager
def leaving(state_left: str) -> Iterator[None]:
    """What is left when something in here fails that knows of its own write only, and so says that there was none."""
    try:
        yield
    except MilvusOpsError as error:
        if error.failure.state_left != NOTHING_WRITTEN:
            raise
        raise error.with_context(state_left=state_left) from error


def usage_error(operation: str, where: str, cause: str, next_step: str) -> MilvusOpsError:
    """An argument is wrong; nothing was called yet."""
    return MilvusOpsError("usage", operation, where, cause, next_step=next_step)


def shortened(text: str, most: int) -> str:
    """One line of whole words: a piece of one could be a piece of a secret, which no mask would cover."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most + 1].rpartition(' ')[0]} ...".lstrip()


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."
