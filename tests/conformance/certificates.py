"""A certificate authority of the tests' own."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Writes `<name>.cert` and `<name>.key` into `folder`; its own are `ca`. All are good for `host`."""

    def __init__(self, folder: Path, host: str) -> None:
        self._host = host
        self.folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        folder.mkdir(parents=True)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        self._write("ca", self.name, self._key, is_authority=True)

    def issue(self, name: str) -> None:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._write(name, subject, ec.generate_private_key(ec.SECP256R1()), is_authority=False)

    def _write(self, name: str, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool) -> None:
        now = datetime.datetime.now(datetime.UTC)
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(self._host))])
        builder = x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
        builder = builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        certificate = builder.add_extension(address, critical=False).sign(self._key, hashes.SHA256())
        pem = serialization.Encoding.PEM
        (self.folder / f"{name}.cert").write_bytes(certificate.public_bytes(pem))
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self.folder / f"{name}.key").write_bytes(private)
