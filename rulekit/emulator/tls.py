"""A throw-away certificate authority, so that the emulator can be spoken to by https.

Made with the package `cryptography` (azure-identity brings it), imported on use.
"""

from __future__ import annotations

import os

from rulekit.errors.tree import InfrastructureError
from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DAYS = 7


@frozen
class Certificates:
    """Paths of PEM files: what clients must trust, and what a server shows (`certificate`, `key`).

    A client of Python takes `authority` as `connection_verify=` or by REQUESTS_CA_BUNDLE.
    """

    authority: str
    certificate: str
    key: str


def make(folder: str, hosts: tuple[str, ...] = ("127.0.0.1", "::1", "localhost")) -> Certificates:
    """Make an authority and a certificate for `hosts` in `folder`; good for a week.

    The key of the authority is forgotten at once, that of the server can be read by the owner
    only. Raises InfrastructureError (RK0671) without `cryptography`.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID
    except ImportError:
        raise InfrastructureError(
            "https needs the Python package `cryptography`",
            code="RK0671",
            help="pip install cryptography, or use the emulator by http",
        ) from None
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("rulekit emulator authority")
    authority = (
        _builder(authority_name, authority_name, authority_key, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(authority_key, _sha256())
    )
    server_key = ec.generate_private_key(ec.SECP256R1())
    server = (
        _builder(_name("rulekit emulator"), authority_name, server_key, authority_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_alternatives(hosts), critical=False)
        .sign(authority_key, _sha256())
    )
    pem = serialization.Encoding.PEM
    secret = server_key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made = Certificates(*[os.path.join(folder, f"{n}.pem") for n in ("ca", "server", "key")])
    os.makedirs(folder, exist_ok=True)
    _write(made.authority, authority.public_bytes(pem), 0o644)
    _write(made.certificate, server.public_bytes(pem), 0o644)
    _write(made.key, secret, 0o600)
    return made


def _write(path: str, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _name(text: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _sha256() -> Any:
    from cryptography.hazmat.primitives import hashes

    return hashes.SHA256()


def _builder(subject: Any, issuer: Any, key: Any, signer: Any) -> Any:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks differ.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )


def _usage(signs: bool) -> Any:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(hosts: tuple[str, ...]) -> Any:
    import ipaddress

    from cryptography import x509

    names: list[Any] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return x509.SubjectAlternativeName(names)
