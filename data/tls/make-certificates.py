#!/usr/bin/env python3
"""Makes the certificates and keys that tests of TLS use, in this folder (python3 -m pip install cryptography).

The keys are public: they are of no use but for tests.
"""
import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = pathlib.Path(__file__).resolve().parent
BEGIN = datetime.datetime(2020, 1, 1)
END = datetime.datetime(2120, 1, 1)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make(common, issuer=None, end=END, is_authority=False, hosts=()):
    """A certificate and its key, signed by `issuer` or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (x509.CertificateBuilder().subject_name(name(common))
               .issuer_name(issuer[0].subject if issuer else name(common))
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(BEGIN).not_valid_after(end)
               .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True))
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(hosts)), critical=False)
    certificate = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    return certificate, key


def write(file, made, with_key=True):
    (HERE / f"{file}.pem").write_bytes(made[0].public_bytes(serialization.Encoding.PEM))
    if with_key:
        (HERE / f"{file}.key").write_bytes(made[1].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def main():
    local = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    authority = make("test authority", is_authority=True)
    other = make("other authority", is_authority=True)
    past = datetime.datetime(2021, 1, 1)
    write("authority", authority, with_key=False)
    write("other-authority", other, with_key=False)
    write("server", make("server", authority, hosts=local))
    write("server-expired", make("server", authority, end=past, hosts=local))
    write("server-elsewhere", make("server", authority, hosts=[x509.DNSName("silt.example")]))
    write("client-ada", make("ada", authority))
    write("client-nobody", make("nobody", authority))
    write("client-expired", make("ada", authority, end=past))
    write("client-other", make("ada", other))


main()
