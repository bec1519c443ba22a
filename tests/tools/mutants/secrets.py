# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safety rules of secrets."""

from __future__ import annotations

from .model import engine

SECRETS = (
    engine(
        "an unexpected exception does not leave as it is",
        "_module.py",
        "        _fail(module, _unexpected(error))\n",
        "        raise\n",
        "test_module.py",
        short=True,
    ),
    engine(
        "encoded secrets are masked",
        "_module.py",
        '        urllib.parse.quote(secret, safe=""),\n',
        "",
        "test_module.py",
    ),
    engine(
        "warnings are scrubbed",
        "_module.py",
        "module.warn(str(remove_values(warning, module.no_log_values)))",
        "module.warn(str(warning))",
        "test_module.py",
        short=True,
    ),
    engine(
        "a secret option says no_log",
        "_arguments.py",
        '"token": {"type": "str", "no_log": True}',
        '"token": {"type": "str", "no_log": False}',
        "tests/unit/plugins/modules/test_argument_specs.py",
        short=True,
    ),
    engine(
        "a secret is not part of what a configuration looks like",
        "store/config.py",
        "secret_access_key: str | None = field(repr=False)",
        "secret_access_key: str | None = field(repr=True)",
        "store/test_config.py",
    ),
    engine(
        "the keys of one service are not sent to another",
        "store/config.py",
        "if elsewhere and needs_credentials and not credentials:",
        "if False:",
        "store/test_config.py",
    ),
)
