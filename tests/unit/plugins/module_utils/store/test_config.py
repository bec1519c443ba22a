# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two storage sides: the backup side inherits place, credentials and bucket, each as a whole or not at all."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.store.config import (
    StoreConfig,
    backup_store,
    clean_folder,
    clean_root_path,
    instance_store,
    resolve_backup_side,
)

Options = dict[str, Any]

INSTANCE: Options = {
    "storage_type": "minio",
    "storage_address": "store-a",
    "storage_port": 9000,
    "storage_region": "r1",
    "storage_use_ssl": False,
    "storage_ca_path": "/ca-a.pem",
    "access_key_id": "key-a",
    "secret_access_key": "secret-a",
    "session_token": "session-a",
    "iam_endpoint": "iam-a",
    "bucket_name": "bucket-a",
    "root_path": "files_a",
}
PLACE = {f"backup_{name}": INSTANCE[name] for name in INSTANCE if name.startswith("storage_")}
KEYS = {
    f"backup_{name}": INSTANCE[name] for name in ("access_key_id", "secret_access_key", "session_token", "iam_endpoint")
}
REST = {"backup_bucket_name": "bucket-a", "backup_root_path": "backup"}
OWN_KEYS = {"backup_access_key_id": "key-b", "backup_secret_access_key": "secret-b"}


@pytest.mark.parametrize(
    ("given", "resolved"),
    [
        ({}, {**PLACE, **KEYS, **REST}),
        ({"backup_storage_address": "", "backup_access_key_id": None}, {**PLACE, **KEYS, **REST}),
        # the same place, spelled out again: wholly, partly, in other spellings
        (PLACE, {**PLACE, **KEYS, **REST}),
        ({"backup_storage_address": "store-a"}, {**PLACE, **KEYS, **REST}),
        ({"backup_storage_address": "Store-A"}, {**PLACE, **KEYS, **REST}),
        ({"backup_storage_port": "9000", "backup_storage_type": "MinIO"}, {**PLACE, **KEYS, **REST}),
        ({"backup_storage_use_ssl": False}, {**PLACE, **KEYS, **REST}),
        # another place: nothing of place and credentials is inherited, the bucket's name is
        (
            {"backup_storage_address": "store-b", **OWN_KEYS},
            {"backup_storage_address": "store-b", **OWN_KEYS, **REST},
        ),
        (
            {"backup_storage_port": 9001, **OWN_KEYS},
            {"backup_storage_port": 9001, **OWN_KEYS, **REST},
        ),
        (
            {"backup_storage_type": "aws", "backup_storage_region": "r2", **OWN_KEYS},
            {"backup_storage_type": "aws", "backup_storage_region": "r2", **OWN_KEYS, **REST},
        ),
        (
            {"backup_storage_use_ssl": True, "backup_use_iam": True},
            {"backup_storage_use_ssl": True, "backup_use_iam": True, **REST},
        ),
        # own keys only: the place is inherited, no part of the other credentials
        (OWN_KEYS, {**PLACE, **OWN_KEYS, **REST}),
        ({"backup_use_iam": True}, {**PLACE, "backup_use_iam": True, **REST}),
        # bucket and root path alone
        ({"backup_bucket_name": "bucket-b"}, {**PLACE, **KEYS, **REST, "backup_bucket_name": "bucket-b"}),
        ({"backup_root_path": "mine"}, {**PLACE, **KEYS, **REST, "backup_root_path": "mine"}),
        ({"backup_root_path": ""}, {**PLACE, **KEYS, **REST}),
    ],
)
def test_the_backup_side_inherits_in_units(given: Options, resolved: Options) -> None:
    assert resolve_backup_side({**INSTANCE, **given}) == resolved


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"backup_storage_address": "store-b"}, "backup_storage_address"),
        ({"backup_storage_port": 9001}, "backup_storage_port"),
        ({"backup_storage_type": "s3"}, "backup_storage_type"),
        ({"backup_storage_region": "r2"}, "backup_storage_region"),
        ({"backup_storage_use_ssl": True}, "backup_storage_use_ssl"),
        ({"backup_storage_ca_path": "/ca-b.pem"}, "backup_storage_ca_path"),
        (
            {"backup_storage_address": "store-b", "backup_storage_port": 9000},
            "backup_storage_address, backup_storage_port",
        ),
    ],
)
def test_the_instance_s_keys_never_go_elsewhere(given: Options, where: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        backup_store({**INSTANCE, **given})
    assert caught.value.kind == "usage"
    assert caught.value.failure.where == where
    assert "never sent to another service" in caught.value.failure.cause


def test_no_mixture_of_two_sides_is_ever_built() -> None:
    """Whatever is given: all of the place is of one side, all of the credentials too, and own keys stay at home."""
    generator = random.Random(3)
    other = {
        "backup_storage_type": "s3",
        "backup_storage_address": "store-b",
        "backup_storage_port": 9001,
        "backup_storage_region": "r2",
        **OWN_KEYS,
        "backup_session_token": "session-b",
    }
    resolved_some, refused = 0, set()
    for _unused in range(2000):
        given = {name: value for name, value in other.items() if generator.random() < 0.4}
        try:
            side = resolve_backup_side({**INSTANCE, **given})
        except MilvusOpsError as error:
            refused.add(error.kind)
            continue
        resolved_some += 1
        own_place = {name: value for name, value in side.items() if name.startswith("backup_storage_")} == PLACE
        own_keys = side["backup_access_key_id"] == "key-a"
        assert own_place or not own_keys, given
        assert own_place is not any(name.startswith("backup_storage_") for name in given), given
        assert str(side["backup_secret_access_key"]) == ("secret-a" if own_keys else "secret-b")
        assert side.get("backup_session_token") in ("session-a" if own_keys else "session-b", None)
    assert resolved_some > 100
    assert refused == {"usage"}


@pytest.mark.parametrize("prefix", ["", "backup_"])
@pytest.mark.parametrize(
    ("unit", "missing"),
    [
        (("access_key_id",), ["secret_access_key"]),
        (("secret_access_key",), ["access_key_id"]),
        (("session_token",), ["access_key_id", "secret_access_key"]),
        (("access_key_id", "session_token"), ["secret_access_key"]),
        (("secret_access_key", "session_token"), ["access_key_id"]),
        (("secret_access_key", "use_iam"), ["access_key_id"]),
    ],
)
def test_half_a_credential_is_refused(prefix: str, unit: tuple[str, ...], missing: list[str]) -> None:
    bare = {name: value for name, value in INSTANCE.items() if name in ("storage_address", "bucket_name")}
    options = {**(INSTANCE if prefix else bare), **{prefix + name: "SeCrEt" for name in unit}}
    with pytest.raises(MilvusOpsError) as caught:
        backup_store(options) if prefix else instance_store(options)
    failure = caught.value.failure
    assert failure.kind == "usage"
    assert failure.cause == "half a credential is given"
    assert failure.next_step == "set " + " and ".join(prefix + name for name in missing) + " too"
    assert failure.where.startswith(prefix + min(unit))
    assert "SeCrEt" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"storage_type": "tc"}, "storage_type"),
        ({"storage_type": "azure"}, "storage_type"),
        ({"storage_type": "gcp"}, "storage_type"),
        ({"storage_address": ""}, "storage_address"),
        ({"storage_address": None, "storage_type": None}, "storage_address"),
        ({"bucket_name": ""}, "bucket_name"),
        ({"bucket_name": None}, "bucket_name"),
        ({"access_key_id": "", "secret_access_key": "", "session_token": ""}, "access_key_id"),
        ({"root_path": "a/../b"}, "root_path"),
    ],
)
def test_what_is_missing_or_unknown_is_named(change: Options, where: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        instance_store({**INSTANCE, **change})
    assert caught.value.kind == "usage"
    assert caught.value.failure.where == where
    value = change[where]
    if where == "storage_type":
        assert repr(value) in caught.value.failure.cause


def test_the_config_of_an_instance() -> None:
    config = instance_store(INSTANCE)
    assert config == StoreConfig(
        storage_type="minio",
        address="store-a",
        port=9000,
        region="r1",
        use_ssl=False,
        ca_path="/ca-a.pem",
        access_key_id="key-a",
        secret_access_key="secret-a",
        session_token="session-a",
        use_iam=False,
        bucket="bucket-a",
        root_path="files_a",
    )
    assert config.endpoint_url == "http://store-a:9000"
    assert config.label == "http://store-a:9000/bucket-a"


def test_secrets_are_never_shown() -> None:
    for config in (instance_store(INSTANCE), backup_store(INSTANCE)):
        for text in (repr(config), str(config), config.label, f"{config!r:>10}"):
            assert "secret-a" not in text
            assert "session-a" not in text
        assert config.secret_access_key == "secret-a"


@pytest.mark.parametrize(
    ("change", "url"),
    [
        ({}, "http://store-a:9000"),
        ({"storage_use_ssl": True}, "https://store-a:9000"),
        ({"storage_port": None}, "http://store-a"),
        ({"storage_type": "aws", "storage_address": None}, None),
        ({"storage_type": "S3"}, "http://store-a:9000"),
    ],
)
def test_endpoint(change: Options, url: str | None) -> None:
    assert instance_store({**INSTANCE, **change}).endpoint_url == url


def test_one_service_is_told_from_two() -> None:
    own = instance_store(INSTANCE)
    aws = {"storage_type": "aws", "storage_address": None}
    assert own.same_service(backup_store({**INSTANCE, "backup_bucket_name": "other", **OWN_KEYS}))
    assert own.same_service(instance_store({**INSTANCE, "storage_region": "r2"}))
    assert not own.same_service(instance_store({**INSTANCE, "storage_port": 9001}))
    assert not own.same_service(instance_store({**INSTANCE, **aws}))
    assert not instance_store({**INSTANCE, **aws}).same_service(
        instance_store({**INSTANCE, **aws, "storage_region": "r2"})
    )


def test_use_iam_needs_no_keys() -> None:
    keyless = {**INSTANCE, "access_key_id": None, "secret_access_key": None, "session_token": None, "use_iam": True}
    assert instance_store(keyless).use_iam
    assert backup_store(keyless).use_iam
    assert backup_store({**INSTANCE, "backup_use_iam": True}).access_key_id is None


@pytest.mark.parametrize(
    ("root_path", "cleaned"),
    [
        ("", ""),
        ("/", ""),
        ("files", "files"),
        ("/files/", "files"),
        ("a/b/c", "a/b/c"),
        ("a b", "a b"),
        ("..a", "..a"),
        ("é", "é"),
    ],
)
def test_root_path(root_path: str, cleaned: str) -> None:
    assert clean_root_path(root_path, "root_path") == cleaned


@pytest.mark.parametrize(
    "root_path", ["a//b", ".", "..", "a/./b", "../a", " ", "a/ /b", " a", "a\\b", "a\nb", "a\x00", "a\u202eb"]
)
def test_a_root_path_that_stores_spell_differently_is_refused(root_path: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        clean_root_path(root_path, "backup_root_path")
    assert caught.value.kind == "usage"
    assert caught.value.failure.where == "backup_root_path"
    assert repr(root_path) in caught.value.failure.cause


def test_half_a_credential_names_each_option_in_full() -> None:
    with pytest.raises(MilvusOpsError) as caught:
        backup_store({**INSTANCE, "backup_access_key_id": "k", "backup_session_token": "t"})
    assert caught.value.failure.where == "backup_access_key_id, backup_session_token"


def test_half_a_credential_is_not_inherited() -> None:
    with pytest.raises(MilvusOpsError) as caught:
        backup_store({**INSTANCE, "secret_access_key": None, "session_token": None})
    assert caught.value.failure.cause == "half a credential is given"


@pytest.mark.parametrize(
    "given", [{"backup_storage_type": "minio"}, {"backup_storage_use_ssl": False}, {"backup_storage_use_ssl": "false"}]
)
def test_a_default_spelled_out_is_the_same_place(given: Options) -> None:
    unset = {**INSTANCE, "storage_type": None, "storage_use_ssl": None}
    assert resolve_backup_side({**unset, **given})["backup_access_key_id"] == "key-a"


def test_no_iam_is_no_credential() -> None:
    assert backup_store({**INSTANCE, "backup_use_iam": False}).access_key_id == "key-a"


def test_a_local_side_is_a_folder_and_nothing_else() -> None:
    config = instance_store({**INSTANCE, "storage_type": "Local", "root_path": "/var/lib/milvus/"})
    assert config.is_local
    assert config.root_path == "/var/lib/milvus"
    assert (config.address, config.bucket, config.access_key_id, config.secret_access_key) == (None, "", None, None)
    assert config.label == "file:/"
    other = backup_store({**INSTANCE, "backup_storage_type": "local", "backup_root_path": "/srv/backups"})
    assert config.same_service(other)
    assert not config.same_service(instance_store(INSTANCE))
    assert not instance_store(INSTANCE).same_service(config)


@pytest.mark.parametrize("root_path", ["/srv/a", "/srv/a/", "/a"])
def test_a_folder_is_absolute(root_path: str) -> None:
    assert clean_folder(root_path, "root_path") == root_path.rstrip("/")


@pytest.mark.parametrize(
    "root_path", ["", "/", "//", "//srv/a", "srv", "./srv", "/srv/../etc", "/srv//a", "/srv/a\n", "~"]
)
def test_what_is_no_folder_is_refused(root_path: str) -> None:
    with pytest.raises(MilvusOpsError) as caught:
        clean_folder(root_path, "backup_root_path")
    assert (caught.value.kind, caught.value.failure.where) == ("usage", "backup_root_path")


@pytest.mark.parametrize("side", ["", "backup_"])
@pytest.mark.parametrize(
    "address", ["key:CANARY@store-a", "http://store-a", "a/CANARY", "a?CANARY", "a#b", "a b", "a\\b"]
)
def test_an_address_is_a_host_alone(side: str, address: str) -> None:
    """Parts of a URL could be a login; the address is shown in every result, so a wrong one is not even quoted."""
    with pytest.raises(MilvusOpsError) as caught:
        backup_store({**INSTANCE, **OWN_KEYS, f"{side}storage_address": address})
    assert caught.value.kind == "usage"
    assert "storage_address" in caught.value.failure.where
    assert "CANARY" not in str(caught.value)


def some_instance(generator: random.Random, name: str) -> Options:
    """One whose storage can be told, with or without a port, TLS, a region, and an address where Amazon needs none."""
    kind = generator.choice(("minio", "s3", "aws", None))
    address = generator.choice(("store-a", "store-b") if kind in ("minio", None) else ("store-a", "store-b", None))
    return {
        "storage_type": kind,
        "storage_address": address,
        "storage_port": generator.choice((9000, None)),
        "storage_region": generator.choice(("r1", None)),
        "storage_use_ssl": generator.choice((True, False, None)),
        "access_key_id": f"key-{name}",
        "secret_access_key": f"secret-{name}",
        "bucket_name": f"bucket-{name}",
        "root_path": f"files_{name}",
    }


def test_a_resolved_side_means_the_same_beside_every_other_instance() -> None:
    """The backup of a source is handed to a target like that: nothing of the target's own store gets into it."""
    generator = random.Random(11)
    for _unused in range(2000):
        source, target = some_instance(generator, "a"), some_instance(generator, "b")
        handed = resolve_backup_side(source)
        own, there = backup_store(source), backup_store({**target, **handed})
        assert there.endpoint_url == own.endpoint_url, (source, target)
        assert there.same_service(own), (source, target)
        assert there.same_credentials(own), (source, target)
        assert there.bucket == own.bucket, (source, target)


@pytest.mark.parametrize(
    "place",
    [
        {"storage_type": "aws", "storage_region": "r1", "storage_address": "proxy"},
        {"storage_type": "aws", "storage_region": "r2"},
        {"storage_type": "local", "storage_address": "store-a"},
    ],
)
def test_keys_of_a_source_on_amazon_stay_there(place: Options) -> None:
    source = {"storage_type": "aws", "access_key_id": "k", "secret_access_key": "s", "bucket_name": "b"}
    side = backup_store({**place, **resolve_backup_side(source), "bucket_name": "c", "root_path": "/d"})
    assert (side.storage_type, side.endpoint_url, side.region, side.access_key_id) == ("aws", None, None, "k")
