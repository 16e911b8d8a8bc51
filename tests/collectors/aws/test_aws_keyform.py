"""Certificates and public keys made here by another implementation, and what is none of them."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.collectors.aws import _keyform
from nhiscan.collectors.aws._keyform import KeyForm

RSA = rsa.generate_private_key(65537, 1024)
KEYS = [
    (RSA, "RSA", 1024),
    (ec.generate_private_key(ec.SECP256R1()), "EC", 256),
    (ec.generate_private_key(ec.SECP384R1()), "EC", 384),
    (ec.generate_private_key(ec.SECP521R1()), "EC", 521),
    (ed25519.Ed25519PrivateKey.generate(), "Ed25519", 256),
]


def signed(key, start=datetime(2024, 1, 1, tzinfo=UTC), end=datetime(2034, 1, 1, tzinfo=UTC)):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, start, end)
    return builder.sign(key, digest).public_bytes(forms.Encoding.PEM).decode()


def public(key, encoding=forms.Encoding.PEM, form=forms.PublicFormat.SubjectPublicKeyInfo):
    return key.public_key().public_bytes(encoding, form).decode()


def ssh(key):
    return public(key, forms.Encoding.OpenSSH, forms.PublicFormat.OpenSSH)


@pytest.mark.parametrize(("key", "algorithm", "bits"), KEYS)
def test_certificate_key_and_ssh_line_of_one_key_agree(key, algorithm, bits):
    found = _keyform.certificate(signed(key))
    assert (found.algorithm, found.bits) == (algorithm, bits)
    assert (found.not_before.year, found.not_after.year) == (2024, 2034)
    alone, line = _keyform.public_key(public(key)), _keyform.ssh_key(f"{ssh(key)} somebody@host")
    assert (alone.algorithm, alone.bits, alone.digest) == (algorithm, bits, found.digest)
    assert (line.algorithm, line.bits) == (algorithm, bits)
    assert line.digest


def test_dates_before_2000_and_after_2049_are_read():
    found = _keyform.certificate(signed(RSA, datetime(1999, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)))
    assert (found.not_before.year, found.not_after.year) == (1999, 2060)


def test_of_a_bundle_the_certificate_that_ends_first_counts():
    late, soon = signed(RSA), signed(RSA, end=datetime(2025, 6, 1, tzinfo=UTC))
    assert _keyform.certificate(late + soon).not_after == _keyform.certificate(soon + late).not_after
    assert _keyform.certificate(late + soon).not_after.year == 2025


def test_a_dsa_line_tells_its_size():
    numbers = dsa.generate_private_key(1024).public_key().public_numbers()
    fields = [b"ssh-dss", numbers.parameter_numbers.p.to_bytes(129), b"q", b"g", b"y"]
    raw = b"".join(len(field).to_bytes(4) + field for field in fields)
    found = _keyform.ssh_key(f"ssh-dss {base64.b64encode(raw).decode()}").facts()
    assert (found["key_algorithm"], found["key_bits"]) == ("DSA", "1024")


@pytest.mark.parametrize(
    ("name", "algorithm", "bits"),
    [
        ("RSA_2048", "RSA", 2048), ("RSA-4096", "RSA", 4096), ("EC_prime256v1", "EC", 256), ("EC_secp521r1", "EC", 521),
        ("ED25519", "Ed25519", 256), ("rsa", "RSA", None), ("ECDSA", "EC", None), ("ML_DSA_65", "ML-DSA", None),
        ("QUANTUM", None, None), (None, None, None),
    ],
)  # fmt: skip
def test_names_of_algorithms(name, algorithm, bits):
    assert _keyform.named(name) == KeyForm(algorithm, bits)


BROKEN = ["", "x", "ssh-rsa", "ssh-rsa !!!", "ssh-rsa AAAA", "-----BEGIN CERTIFICATE-----", None, 7, "A" * 300_000,
          "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----",
          "-----BEGIN CERTIFICATE-----\nMAMwAQA=\n-----END CERTIFICATE-----",
          "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----",
          "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----",
          "-----BEGIN PUBLIC KEY-----\nAgEA\n-----END PUBLIC KEY-----"]  # fmt: skip


@pytest.mark.parametrize("value", BROKEN)
def test_what_is_none_gives_nothing(value):
    for read in (_keyform.certificate, _keyform.public_key, _keyform.ssh_key):
        assert read(value) == KeyForm()


@given(at=st.integers(0, 400), byte=st.integers(0, 255), cut=st.integers(0, 450))
def test_a_damaged_certificate_never_raises(at, byte, cut):
    raw = bytearray(x509.load_pem_x509_certificate(signed(RSA).encode()).public_bytes(forms.Encoding.DER))
    raw[min(at, len(raw) - 1)] = byte
    body = base64.b64encode(bytes(raw[: len(raw) - cut] if cut < len(raw) else raw)).decode()
    _keyform.certificate(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----")
    _keyform.public_key(f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----")
