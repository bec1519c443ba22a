# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of an instance and of a backup, both ways, and the names that a backup may have."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.layout import (
    DELTA_LOG,
    INSERT_LOG,
    BackupLayout,
    InstanceLayout,
    LogKey,
    known_backup_name,
    new_backup_name,
)
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError

INSERT = LogKey(449577000000000010, 11, 20, 100, 3)
DELTA = LogKey(449577000000000010, 11, 20, None, 7)
DELTA_OF_ALL = LogKey(449577000000000010, -1, 21, None, 8)


@pytest.mark.parametrize(
    ("root_path", "key", "parsed"),
    [
        ("files", "files/insert_log/449577000000000010/11/20/100/3", INSERT),
        ("", "insert_log/449577000000000010/11/20/100/3", INSERT),
        ("a/b", "a/b/insert_log/449577000000000010/11/20/100/3", INSERT),
        ("files", "files/insert_log/1/2/3/0/0", LogKey(1, 2, 3, 0, 0)),
        ("files", "files/delta_log/449577000000000010/11/20/7", DELTA),
        ("files", "files/delta_log/449577000000000010/-1/21/8", DELTA_OF_ALL),
        # another root path, another kind, another shape
        ("files", "insert_log/1/2/3/100/3", None),
        ("files", "files2/insert_log/1/2/3/100/3", None),
        ("files", "other/insert_log/1/2/3/100/3", None),
        ("", "files/insert_log/1/2/3/100/3", None),
        ("files", "files/stats_log/1/2/3/100/3", None),
        ("files", "files/insert_log/1/2/3/100/3/4", None),
        ("files", "files/insert_log/1/2/3/100", None),
        ("files", "files/insert_log/1/2/3/100/", None),
        ("files", "files/insert_log/1/2/3/100/3.json", None),
        ("files", "files/insert_log/1/2/3/lobs/3", None),
        ("files", "files/insert_log/1/-1/3/100/3", None),
        ("files", "files/insert_log/1//3/100/3", None),
        ("files", "files/insert_log/1/2/3/100/3\n", None),
        ("files", "files/insert_log/1/2/3/100/+3", None),
        ("files", "files/delta_log/1/-2/3/4", None),
        ("files", "files/delta_log/1/2/3/4/5", None),
        ("files", "files/delta_log/1/2/-1/4", None),
        ("files", "", None),
    ],
)
def test_parsing_a_key_of_an_instance(root_path: str, key: str, parsed: LogKey | None) -> None:
    assert InstanceLayout(root_path).parse(key) == parsed


@pytest.mark.parametrize("root_path", ["", "files", "a/b"])
def test_prefixes_of_an_instance(root_path: str) -> None:
    layout = InstanceLayout(root_path)
    below = f"{root_path}/" if root_path else ""
    assert layout.insert_prefix(1) == f"{below}insert_log/1/"
    assert layout.delta_prefix(1) == f"{below}delta_log/1/"
    assert layout.segment_prefix(1, 2, 3) == f"{below}insert_log/1/2/3/"


@pytest.mark.parametrize(
    ("log", "group", "key"),
    [
        (INSERT, 20, "insert_log/449577000000000010/11/20/20/100/3"),
        (INSERT, 5, "insert_log/449577000000000010/11/5/20/100/3"),
        (INSERT, 0, "insert_log/449577000000000010/11/20/100/3"),
        (LogKey(1, 2, 3, 0, 4), 3, "insert_log/1/2/3/3/0/4"),
        (DELTA, 20, "delta_log/449577000000000010/11/20/20/7"),
        (DELTA, 0, "delta_log/449577000000000010/11/20/7"),
        (DELTA_OF_ALL, 0, "delta_log/449577000000000010/-1/21/8"),
    ],
)
def test_the_key_of_a_log_in_a_backup(log: LogKey, group: int, key: str) -> None:
    assert BackupLayout("backup", "nightly").log(log, group) == f"backup/nightly/binlogs/{key}"
    assert BackupLayout("", "nightly").log(log, group) == f"nightly/binlogs/{key}"


@pytest.mark.parametrize("root_path", ["", "files", "a/b"])
def test_keys_are_parsed_and_built_both_ways(root_path: str) -> None:
    """A backup of group 0 has the keys of an instance, so building and parsing must undo each other."""
    generator = random.Random(9)
    instance, backup = InstanceLayout(f"{root_path}/nightly/binlogs".lstrip("/")), BackupLayout(root_path, "nightly")
    for _unused in range(2000):
        collection, partition, segment, field, log = (generator.randrange(2**63) for _unused in range(5))
        key = LogKey(collection, partition, segment, field, log)
        assert instance.parse(backup.log(key, 0)) == key
        assert backup.log(key, segment).startswith(
            backup.group_directory(INSERT_LOG, collection, partition, segment) + f"{segment}/{field}/"
        )
        delta = LogKey(collection, generator.choice([partition, -1]), segment, None, log)
        assert instance.parse(backup.log(delta, 0)) == delta


@pytest.mark.parametrize("number", ["03", "\u0663", "\uff13"])
def test_a_number_has_one_spelling(number: str) -> None:
    assert InstanceLayout("files").parse(f"files/insert_log/1/2/3/100/{number}") is None


def test_directories_of_a_backup() -> None:
    layout = BackupLayout("backup", "nightly")
    assert layout.directory == "backup/nightly/"
    assert layout.binlogs == "backup/nightly/binlogs/"
    assert layout.control == "backup/nightly/control/"
    assert layout.commit == layout.meta("full_meta.json") == "backup/nightly/meta/full_meta.json"
    assert layout.partition_directory(DELTA_LOG, 1, -1) == "backup/nightly/binlogs/delta_log/1/-1/"
    assert layout.group_directory(INSERT_LOG, 1, 2, 5) == "backup/nightly/binlogs/insert_log/1/2/5/"
    assert layout.group_directory(INSERT_LOG, 1, 2, 0) == "backup/nightly/binlogs/insert_log/1/2/"


NAMES = [
    # name, may be given to a new backup, may be read
    ("nightly_01", True, True),
    ("_", True, True),
    ("A" * 128, True, True),
    ("9am", False, True),
    ("2026-01-31", False, True),
    ("v1.2", False, True),
    ("a-b", False, True),
    ("A" * 129, False, False),
    ("a" * 300, False, False),
    ("", False, False),
    (" ", False, False),
    (" a", False, False),
    ("a ", False, False),
    (".", False, False),
    ("..", False, False),
    (".a", False, False),
    ("-a", False, False),
    ("a..b", False, False),
    ("a/../b", False, False),
    ("/abs", False, False),
    ("a/", False, False),
    ("a//b", False, False),
    ("a\\b", False, False),
    ("%2e", False, False),
    ("a%2fb", False, False),
    ("a\n", False, False),
    ("a\x00", False, False),
    ("*", False, False),
    ("a\u202eb", False, False),
    ("é", False, False),
    ("\uff41", False, False),
    ("\u0661", False, False),
]


@pytest.mark.parametrize(("name", "new", "known"), NAMES)
def test_names(name: str, new: bool, known: bool) -> None:
    for check, allowed in ((new_backup_name, new), (known_backup_name, known)):
        if allowed:
            assert check(name) == name
            continue
        with pytest.raises(MilvusOpsError) as caught:
            check(name)
        failure = caught.value.failure
        assert (failure.kind, failure.where) == ("bad_name", f"name={name!r}")
        assert failure.next_step.startswith("use letters")
        assert failure.message.isprintable()


@pytest.mark.parametrize("check", [new_backup_name, known_backup_name])
def test_an_accepted_name_stays_in_its_own_directory(check: Callable[[str], str]) -> None:
    generator = random.Random(10)
    alphabet = "abZ09__--..//\\%* \n\x00\u202eé\uff0f"
    accepted, refused = 0, set()
    for _unused in range(2000):
        name = "".join(generator.choices(alphabet, k=generator.randrange(6)))
        try:
            layout = BackupLayout("backup", check(name))
        except MilvusOpsError as error:
            refused.add(error.kind)
            continue
        accepted += 1
        elements = layout.commit.split("/")
        assert elements == ["backup", name, "meta", "full_meta.json"]
        assert not {"", ".", ".."} & set(elements)
        assert layout.log(INSERT, 20).startswith(layout.directory)
        assert name.isascii()
        assert name.isprintable()
    assert accepted > 20
    assert refused == {"bad_name"}
