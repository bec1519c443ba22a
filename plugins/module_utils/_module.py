# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows Ansible: arguments in, result or C(fail_json) out."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import sys
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values

from ._arguments import group_spec
from .caller import stop_when_nobody_listens
from .config_file import ConfigFile, read_config_file
from .credentials import effective_options, secrets_of
from .ending_signals import ENDING_SIGNALS
from .errors import MilvusOpsError

REQUIREMENTS = "'pymilvus>=2.6,<4' 'boto3>=1.36,<2' PyYAML"
SHORTEST_MASKED = 4
"""Shorter secrets are masked as options only: as C(no_log_values) they would garble every result."""


@dataclass(frozen=True)
class Call:
    """What a module was called with; C(options) is completed from config_file and the environment."""

    options: Mapping[str, Any]
    check_mode: bool


def run_module(spec: Mapping[str, Any], action: Callable[[Call], Mapping[str, Any]], **rules: Any) -> NoReturn:
    """Run one module of the action group: C(action) returns the result, or raises MilvusOpsError."""
    module = AnsibleModule(argument_spec={**group_spec(), **spec}, supports_check_mode=True, **rules)
    for number in ENDING_SIGNALS:
        signal.signal(number, _cancel)
    stop_when_nobody_listens()
    _mask_secrets(module, module.params)
    try:
        config = read_config_file(module.params["config_file"]) if module.params["config_file"] else None
        options = _masked_options(module, config)
        result = dict(action(Call(options, module.check_mode)))
    except MilvusOpsError as error:
        _fail(module, error)
    except KeyboardInterrupt:
        _fail(module, _cancelled())
    except Exception as error:  # noqa: BLE001 - the last line of defence: a traceback could show secrets, so it is not passed on
        _fail(module, _unexpected(error))
    _warn(module, result.pop("warnings", ()))
    if config is not None:
        result["config_file"] = config.report()
    module.exit_json(**result)


def text_diff(before: str, after: str, header: str) -> dict[str, str]:
    """A C(diff) of two texts, as C(--diff) shows it."""
    return {"before": before, "after": after, "before_header": header, "after_header": header}


def _masked_options(module: AnsibleModule, config: ConfigFile | None) -> Mapping[str, Any]:
    """The options to work with; every secret of them is masked, and so is one of config_file that is not used."""
    if config is not None:
        _mask_secrets(module, config.options)
        if config.unknown:
            # A key that is misspelled leaves its setting at a default, which is localhost for an address.
            unknown = ", ".join(config.unknown)
            _warn(module, [f"config_file {config.path} has keys that milvus-backup does not: {unknown}"])
    options = effective_options(module.params, config, os.environ)
    _mask_secrets(module, options)
    return options


def _fail(module: AnsibleModule, error: MilvusOpsError) -> NoReturn:
    if error.kind == "requirements":
        error = error.with_context(
            where=f"{sys.executable} on {socket.gethostname()}",
            next_step=f"run: {sys.executable} -m pip install --upgrade {REQUIREMENTS}; or point "
            "ansible_python_interpreter at a Python that has them",
        )
    _warn(module, error.results.get("warnings", ()))
    results = {key: value for key, value in error.results.items() if key != "warnings"}
    module.fail_json(**results, msg=error.failure.message, failure=asdict(error.failure))


def _warn(module: AnsibleModule, warnings: Iterable[str]) -> None:
    """From ansible-core 2.19 on Ansible scrubs all of a result but its warnings."""
    for warning in warnings:
        module.warn(str(remove_values(warning, module.no_log_values)))


def _unexpected(error: Exception) -> MilvusOpsError:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno}" if place else "unknown"
    return MilvusOpsError(
        "internal",
        "running the module",
        where,
        f"{type(error).__name__}: {error}",
        state_left="unknown; an unfinished backup or staging collection may be left, the next run looks at it",
        next_step="report this as a defect with this message",
    )


def _cancelled() -> MilvusOpsError:
    return MilvusOpsError(
        "cancelled",
        "running the module",
        socket.gethostname(),
        "the run was told to stop",
        state_left="an unfinished backup or staging collection may be left",
        next_step="run the task again; it continues",
        retryable=True,
    )


def _cancel(signum: int, frame: object) -> NoReturn:
    """Only once: a second signal, of a caller that is gone or has no patience, must not break off the tidying up."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _mask_secrets(module: AnsibleModule, options: Mapping[str, Any]) -> None:
    """Let Ansible scrub the secrets wherever they came from, and in the forms in which libraries repeat them."""
    for secret in secrets_of(options, os.environ):
        if len(secret) >= SHORTEST_MASKED:
            module.no_log_values.update(_forms(secret))


def _forms(secret: str) -> set[str]:
    """A secret as it is, and as headers, addresses, documents and messages write it."""
    encoded = secret.encode()
    whole = {base64.b64encode(encoded).decode(), base64.urlsafe_b64encode(encoded).decode()}
    return {
        secret,
        *whole,
        *(text.rstrip("=") for text in whole),
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote(secret),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
    }
