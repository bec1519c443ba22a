# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One error type: a known kind, five parts, one line for people."""

from __future__ import annotations

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import (
    KINDS,
    NOTHING_WRITTEN,
    RETRYABLE_KINDS,
    Failure,
    MilvusOpsError,
    leaving,
    shortened,
    usage_error,
)


def full_error(kind: str = "corrupt") -> MilvusOpsError:
    return MilvusOpsError(
        kind, "reading the backup", "bucket/key", "it was cut", state_left="all is kept", next_step="use another"
    )


def test_the_message_has_every_part() -> None:
    expected = "reading the backup failed (bucket/key): It was cut. State: All is kept. Use another."
    assert full_error().failure.message == expected
    assert str(full_error()) == expected


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (Failure("internal", "copying", "", "lost"), "copying failed: Lost. State: Nothing was written."),
        (Failure("internal", "copying", "k", "why?"), "copying failed (k): Why? State: Nothing was written."),
        (Failure("internal", "copying", "k", "no!", next_step="go. "), "copying failed (k): No! State: Nothing was "),
        (Failure("internal", "copying", "k", ""), "copying failed (k): State: Nothing was written."),
        (Failure("internal", "copying", "k", "é"), "copying failed (k): É. State: Nothing was written."),
    ],
)
def test_sentences_are_closed_once(failure: Failure, message: str) -> None:
    assert failure.message.startswith(message)
    assert ".." not in failure.message


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\t", "\u2028", "\x0b", "  "])
def test_the_message_is_one_line(break_: str) -> None:
    text = f"first{break_}second"
    message = MilvusOpsError("internal", text, text, text, state_left=text, next_step=text).failure.message
    assert message.splitlines() == [message]
    assert break_ not in message
    assert message.lower().count("first second") == 5


@pytest.mark.parametrize("kind", ["", "Corrupt", "oops", "usage "])
def test_an_unknown_kind_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="unknown failure kind"):
        raise MilvusOpsError(kind, "a", "b", "c")


def test_the_kinds_are_those_of_the_design() -> None:
    design = (
        "usage, requirements, not_found, root_path, name_in_use, bad_name, incomplete, partial, lock_held, "
        "credentials, permission, throttled, unreachable, storage_full, quota, source_changed, corrupt, "
        "target_exists, version, verify_failed, ambiguous_import, timeout, cancelled, internal"
    )
    assert set(design.split(", ")) == KINDS
    assert RETRYABLE_KINDS <= KINDS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_only_some_kinds_are_worth_another_run(kind: str) -> None:
    expected = kind in {"lock_held", "source_changed", "throttled", "timeout", "unreachable"}
    assert full_error(kind).failure.retryable is expected


def test_the_caller_may_know_better_whether_to_retry() -> None:
    assert MilvusOpsError("internal", "a", "b", "c", retryable=True).failure.retryable is True
    assert MilvusOpsError("timeout", "a", "b", "c", retryable=False).failure.retryable is False


def test_with_context_replaces_some_parts_and_keeps_the_rest() -> None:
    first = MilvusOpsError("internal", "a", "b", "c", state_left="d", next_step="e", retryable=True)
    second = first.with_context(state_left="half is there", where="elsewhere")
    assert second.failure == Failure("internal", "a", "elsewhere", "c", "half is there", "e", True)
    assert first.failure == Failure("internal", "a", "b", "c", "d", "e", True)
    assert str(second) == second.failure.message
    with pytest.raises(TypeError):
        first.with_context(colour="red")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("of ten  \n ch", "of ten ch"),
        ("of more than ten", "of more ..."),
        ("a secret-that-is-cut", "a ..."),
        ("secret-that-is-cut", "..."),
        ("ten letter", "ten letter"),
        ("ten letter s", "ten letter ..."),
    ],
)
def test_a_text_is_cut_between_words(text: str, shown: str) -> None:
    """The beginning of a secret is one too, and no mask knows it."""
    assert shortened(text, 10) == shown


def test_who_knows_more_says_what_is_left() -> None:
    """A request knows of its own write only; what a failure knows already is not talked over."""
    knows = full_error()
    for error, expected in ((knows, "all is kept"), (MilvusOpsError("timeout", "a", "b", "c"), "half is there")):
        with pytest.raises(MilvusOpsError) as caught, leaving("half is there"):
            raise error
        assert caught.value.failure.state_left == expected
        assert caught.value.failure.cause == error.failure.cause


def test_a_usage_error_says_that_nothing_was_written() -> None:
    failure = usage_error("reading", "port", "it is no number", "set port").failure
    assert (failure.kind, failure.state_left, failure.retryable) == ("usage", NOTHING_WRITTEN, False)
