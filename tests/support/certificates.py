# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate authorities that last for a day, and what they sign."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME = timedelta(days=1)
SIGNING = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True)
class KeyPair:
    """The files of one certificate and its private key."""

    cert_path: str
    key_path: str


@dataclass(frozen=True)
class Authority:
    """A CA of its own in a folder; what it signs is written there too."""

    name: str
    folder: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def path(self) -> str:
        return str(self.folder / f"{self.name}.pem")

    def issue(self, name: str, alternatives: Sequence[str] = ()) -> KeyPair:
        """A certificate for these host names and IP addresses; without any, one for a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        unsigned = _unsigned(name, self.certificate.subject, key).add_extension(signer, critical=False)
        if alternatives:
            names = x509.SubjectAlternativeName([_general_name(text) for text in alternatives])
            unsigned = unsigned.add_extension(names, critical=False)
        signed = unsigned.sign(self.key, hashes.SHA256())
        pair = KeyPair(str(self.folder / f"{name}.pem"), str(self.folder / f"{name}.key"))
        Path(pair.cert_path).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        Path(pair.key_path).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return pair


def create_authority(name: str, folder: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    unsigned = (
        _unsigned(name, subject, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(SIGNING, critical=True)
    )
    authority = Authority(name, folder, unsigned.sign(key, hashes.SHA256()), key)
    Path(authority.path).write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
    return authority


def _unsigned(name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + LIFETIME)
        # Python 3.13 and newer take no certificate without what names its key and that of its signer
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
