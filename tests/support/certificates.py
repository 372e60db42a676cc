"""A certificate authority of the tests' own, for servers on loopback."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Authority:
    """Issues server certificates; `certificate` is its own, as PEM, in the file `path`."""

    certificate: str
    path: Path
    _certificate: Any
    _key: Any

    @classmethod
    def make(cls, folder: Path) -> Authority:
        """A new authority, its certificate in `folder`."""
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("tests' own authority")
        basics = x509.BasicConstraints(ca=True, path_length=0)
        certificate = _signed(name, name, key.public_key(), key, [(basics, True)])
        path = folder / "ca.pem"
        path.write_text(_pem(certificate))
        return cls(_pem(certificate), path, certificate, key)

    def issue(self, *names: str) -> tuple[str, str]:
        """Certificate and private key as PEM, for a server of these names and addresses."""
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        entries = x509.SubjectAlternativeName([_general(name) for name in names])
        certificate = _signed(
            _name(names[0]), self._certificate.subject, key.public_key(), self._key,
            [(entries, False), (x509.BasicConstraints(ca=False, path_length=None), True)],
        )  # fmt: skip
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return _pem(certificate), private.decode()


def _general(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(text: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(
    subject: Any, issuer: Any, public: Any, key: Any, extensions: list[tuple[Any, bool]]
) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256())


def _pem(certificate: Any) -> str:
    from cryptography.hazmat.primitives import serialization

    return str(certificate.public_bytes(serialization.Encoding.PEM).decode())
