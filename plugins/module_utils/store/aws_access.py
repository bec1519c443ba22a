# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only botocore knows: credentials of its chain, the region of a profile, the addresses of Amazon's own services.

It is imported where one of these is asked for. A service with an address, keys and no TLS needs none of it, and its
import takes longer than most calls of a module.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ..errors import MilvusOpsError
from .config import StoreConfig
from .s3_errors import Refusal
from .sigv4 import Keys

DEFAULT_REGION = "us-east-1"
REGION_SETTINGS = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE")
AMAZON = (".amazonaws.com", ".amazonaws.com.cn")
HOST_NAME_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


class Access:
    """The answers for one side; botocore's session is made once, when it is needed."""

    def __init__(self, config: StoreConfig) -> None:
        self._config = config
        self._made: Any = None

    def region(self) -> str:
        """The configured one, else that of the environment or the profile."""
        if self._config.region:
            return self._config.region
        profile = os.path.expanduser("~/.aws/config")
        asked = not self._config.address or any(os.environ.get(name) for name in REGION_SETTINGS)
        found = self._told("region") if asked or os.path.exists(profile) else None
        return str(found or DEFAULT_REGION)

    def keys(self) -> Callable[[], Keys]:
        """Where to ask for keys before each request: those of the chain are renewed before they expire."""
        config = self._config
        if not config.use_iam:
            fixed = Keys(config.access_key_id or "", config.secret_access_key or "", config.session_token or "")
            return lambda: fixed
        return _Chain(self._session).keys

    def bucket_url(self, region: str) -> str:
        """Amazon's buckets by host name, where the name allows it; all others by path below their service."""
        config = self._config
        service = config.endpoint_url or self._address_of_amazon(region)
        amazon = (urlsplit(service).hostname or "").endswith(AMAZON)
        if amazon and HOST_NAME_BUCKET.fullmatch(config.bucket):
            return service.replace("://", f"://{config.bucket}.", 1)
        return f"{service}/{config.bucket}"

    def tls_context(self) -> ssl.SSLContext:
        """Trusts the configured CA alone, else what botocore trusts."""
        return ssl.create_default_context(cafile=self._config.ca_path or self._trusted())

    def _trusted(self) -> str:
        named = os.environ.get("AWS_CA_BUNDLE")
        if named:
            return named
        configured = self._told("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
        if configured:
            return str(configured)
        from botocore.httpsession import get_cert_path

        return str(get_cert_path(True))

    def _address_of_amazon(self, region: str) -> str:
        """Keys in the place of real ones: without any, a client would look for some, at addresses that may stall."""
        keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
        client = self._settled(lambda session: session.create_client("s3", region_name=region, **keys))
        return str(client.meta.endpoint_url)

    def _told(self, setting: str) -> Any:
        return self._settled(lambda session: session.get_config_variable(setting))

    def _settled(self, ask: Callable[[Any], Any]) -> Any:
        """Raises ValueError for settings that are wrong: a profile that does not exist, a file that cannot be read."""
        session = self._session()
        from botocore.exceptions import BotoCoreError

        try:
            return ask(session)
        except BotoCoreError as error:
            raise ValueError(str(error)) from error

    def _session(self) -> Any:
        if self._made is None:
            try:
                import botocore.session
            except ImportError as error:
                raise MilvusOpsError(
                    "requirements", "loading the S3 client", "boto3", str(error), next_step="install boto3"
                ) from error
            self._made = botocore.session.get_session()
        return self._made


class _Chain:
    """Credentials of botocore's chain, looked up at the first request."""

    def __init__(self, session: Callable[[], Any]) -> None:
        self._session = session
        self._found: Any = None

    def keys(self) -> Keys:
        """Raises Refusal."""
        if self._found is None:
            self._found = self._asked(self._session().get_credentials)
            if self._found is None:
                raise Refusal("NoCredentialsError", "Unable to locate credentials")
        frozen = self._asked(self._found.get_frozen_credentials)
        return Keys(str(frozen.access_key), str(frozen.secret_key), str(frozen.token or ""))

    def _asked(self, ask: Callable[[], Any]) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return ask()
        except ClientError as error:  # the token service refused
            details = error.response.get("Error", {})
            raise Refusal(str(details.get("Code", "")), str(details.get("Message", ""))) from error
        except BotoCoreError as error:
            raise Refusal(type(error).__name__, str(error)) from error
