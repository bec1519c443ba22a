# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that a template, a typing error or an attacker could give to a backup; the same ones for the same seed."""

from __future__ import annotations

import random
import string

NEIGHBOUR = "keep"
"""A backup that lies beside whatever is named, and that many of the names try to reach."""

FIXED = (
    *(
        "",
        " ",
        "\t",
        "\n",
        "\u00a0",
        ".",
        "..",
        "...",
        "/",
        "//",
        "./",
        "../",
        "*",
        "**",
        "?",
        "[a-z]*",
        "~",
        "-",
        "--",
    ),
    *("********", "{{ undefined }}", "{{ backup_name }}", "{% raw %}", "${NAME}", "$(id)", "`id`", "; rm -rf /", "|"),
    *("None", "none", "null", "NULL", "undefined", "NaN", "False", "omit", "__omit_place_holder__"),
    *("../keep", "keep/../keep", "a/../keep", "a/../../files_A", "./keep", "keep/.", "keep/..", "/keep", "keep/"),
    *("//keep", "keep//meta", "keep/meta", "keep/control/lock.json", "keep/control/restores", "a/b", "a//b", "/etc"),
    *("..%2fkeep", "%2e%2e%2fkeep", "%2e%2e/keep", "%252e%252e%252fkeep", "keep%2fmeta", "keep%00", "%00", "%2f"),
    *("..\\keep", "a\\..\\keep", "\\keep", "keep\\", "C:\\keep", "\\\\host\\keep", "..;/keep", "keep#", "keep?x=1"),
    *("keep\0", "\0keep", "a\0/../keep", "keep\n", "a\nb", "a\r\nHost: x", "keep\r", "\x1b[2J", "\x7f", "keep\u2028"),
    *("\u202ekeep", "keep\u202e", "\u200bkeep", "keep\u200b", "\ufeffkeep", "\u2066keep\u2069", "ke\u00adep"),
    *("ｋｅｅｐ", "кеер", "kееp", "ke\u0301ep", "．．", "‥", "／", "∕keep", "․․/keep", "ⓚeep", "𝗄eep", "٠", "１"),
    *("x" * 129, "x" * 300, "x" * 5000, "ä" * 128, "keep" * 40, "../" * 50, ".keep", "a..b", "keep..", "..keep"),
    *(" keep", "keep ", "ke ep", "keep\t", "k", "_", "1", "-keep", "keep.", "a.b-c_d", "x" * 128, "KEEP", "kee"),
    *("keep_", "keep1", "keep-1", "control", "meta", "binlogs", "lock.json", "full_meta.json", "con", "insert_log"),
)
PIECES = (
    *("..", ".", "/", "//", "\\", "%2e", "%2f", "%5c", "%00", "keep", "KEEP", "a", "files_A", "meta", "control", "*"),
    *("\0", "\n", "\r", "\t", " ", "\u202e", "\u200b", "ä", "е", "／", "．", "?", "#", "&", "=", "+", ":", ";", "'"),
    *('"', "<", ">", "{{", "}}", "~", "|", "$", "-", "_", "1", "\ud7ff", "\ue000", "\U0001f4a5", "\uffff"),
)
ALLOWED = string.ascii_letters + string.digits + "_-."


def hostile_names(number: int, seed: int) -> list[str]:
    """All the fixed ones, as far as C(number) goes, then as many generated ones; one in five looks harmless."""
    chance = random.Random(seed)
    fixed = chance.sample(FIXED, min(number, len(FIXED)))
    return fixed + [_harmless(chance) if index % 5 == 0 else _odd(chance) for index in range(number - len(fixed))]


def _odd(chance: random.Random) -> str:
    return "".join(chance.choices(PIECES, k=chance.randint(1, 8)))


def _harmless(chance: random.Random) -> str:
    stem = "".join(chance.choices(ALLOWED, k=chance.randint(1, 12)))
    return chance.choice((stem, NEIGHBOUR + stem, stem + NEIGHBOUR))
