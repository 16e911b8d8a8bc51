from __future__ import annotations

import base64
import contextlib
import json
import random
import time
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from nhiscan.collectors.repo._certificates import keys, stores
from nhiscan.collectors.repo._certificates.material import MOST, materials
from nhiscan.collectors.repo._certificates.names import may_hold
from nhiscan.collectors.repo.certificates import COLLECTOR
from nhiscan.collectors.repo.secrets import COLLECTOR as SECRETS
from nhiscan.detect.examples import assemble
from nhiscan.detect.noise import squeeze
from nhiscan.model import CredentialKind, ExposurePart, FileClass
from tests.collectors.repo.checkouts import collect, digest

S = serialization
PEM, DER, OPENSSH = S.Encoding.PEM, S.Encoding.DER, S.PrivateFormat.OpenSSH
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(sha256(b"shop").digest())
EC = ec.derive_private_key(7**20, ec.SECP256R1())


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 1024)


@pytest.fixture
def run(tmp_path):
    return lambda files: collect(COLLECTOR, tmp_path / "shop", files)


def text(key, form=S.PrivateFormat.PKCS8, password=None, encoding=PEM) -> bytes:
    guard = S.BestAvailableEncryption(password) if password else S.NoEncryption()
    return key.private_bytes(encoding, form, guard)


def public(key) -> str:
    return key.public_key().public_bytes(S.Encoding.OpenSSH, S.PublicFormat.OpenSSH).decode()


def spki(key) -> str:
    return sha256(key.public_key().public_bytes(DER, S.PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def certificate(key=KEY, name="shop", issuer=None, *, ca=False, san=()) -> x509.Certificate:
    def named(common):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])

    made = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer or name))
        .public_key(key.public_key())
        .serial_number(255)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
    )
    if ca:
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    if san:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(s) for s in san]), critical=False)
    return made.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def jks(*entries, magic=b"\xfe\xed\xfe\xed") -> bytes:
    return magic + (2).to_bytes(4) + len(entries).to_bytes(4) + b"".join(entries) + b"\0" * 20


def entry(tag, alias, *chain, key=b"sealed") -> bytes:
    def sized(raw, size):
        return len(raw).to_bytes(size) + raw

    head = tag.to_bytes(4) + sized(alias.encode(), 2) + (1_700_000_000_000).to_bytes(8)
    certificates = b"".join(sized(b"X.509", 2) + sized(c.public_bytes(DER), 4) for c in chain)
    return head + (sized(key, 4) + len(chain).to_bytes(4) if tag == 1 else b"") + certificates


def test_a_certificate_says_who_until_when_and_how_strong(run):
    made = certificate(EC, "shop.example", "acme ca", san=["a.example", "b.example"])
    seen = run({"tls/shop.crt": b"Certificate:\n" + made.public_bytes(PEM), "shop.der": made.public_bytes(DER)})
    found = seen.one()
    assert found.id == "x509:" + sha256(made.public_bytes(DER)).hexdigest()
    assert (found.kind, found.name, found.public) == (CredentialKind.CERTIFICATE, "shop.example", True)
    assert (found.issued_at, found.expires_at) == (made.not_valid_before_utc, made.not_valid_after_utc)
    assert found.facts == {
        "subject": "CN=shop.example", "issuer": "CN=acme ca", "serial": "ff", "self_signed": "false",
        "signature": "sha256", "san": "a.example, b.example", "key_algorithm": "EC", "key_bits": "256",
        "public_key": spki(EC),
    }  # fmt: skip
    assert [(e.uri, e.line, e.part) for e in seen.exposures] == [
        ("shop.der", None, ExposurePart.KEY_ID),
        ("tls/shop.crt", 2, ExposurePart.KEY_ID),
    ]


@pytest.mark.parametrize(
    ("ca", "name", "facts", "shown"),
    [(True, "root", {"role": "authority"}, "root"), (False, "x", {"origin": "private"}, "x"), (False, "", {}, "a.crt")],
)
def test_authorities_and_self_signed_certificates_are_told_apart(run, ca, name, facts, shown):
    found = run({"a.crt": certificate(name=name, ca=ca).public_bytes(PEM)}).one()
    assert facts.items() <= found.facts.items()
    assert ("role" in found.facts, found.facts["self_signed"], found.name) == (ca, "true", shown)


@pytest.mark.parametrize(
    ("name", "form", "password", "encrypted"),
    [
        ("a.key", S.PrivateFormat.PKCS8, None, False),
        ("a.pem", S.PrivateFormat.TraditionalOpenSSL, None, False),
        ("b.pem", S.PrivateFormat.PKCS8, b"pw", True),
        ("c.pem", S.PrivateFormat.TraditionalOpenSSL, b"pw", True),
    ],
)
def test_a_private_key_has_strength_guard_and_the_fingerprint_of_the_scan(
    run, tmp_path, rsa_key, name, form, password, encrypted
):
    pem = text(rsa_key, form, password)
    seen = run({name: b"\n" + pem})
    found = seen.one()
    assert (found.kind, found.encrypted, found.name) == (CredentialKind.PRIVATE_KEY, encrypted, name)
    assert found.fingerprint == digest(squeeze(pem.decode()))
    assert found.facts.get("public_key") == (None if encrypted else spki(rsa_key))
    assert found.facts.get("key_bits") == (None if encrypted else "1024")
    scanned = collect(SECRETS, tmp_path / "shop", {})
    assert [(e.uri, e.line) for e in scanned.exposures] == [(e.uri, e.line) for e in seen.exposures] == [(name, 2)]
    assert {c.fingerprint for c in scanned.credentials} == {found.fingerprint}


@pytest.mark.parametrize("password", [None, b"pw"])
def test_an_openssh_key_shows_its_public_half_even_when_encrypted(run, password):
    guard = S.BestAvailableEncryption(password) if password else S.NoEncryption()
    pem = EC.private_bytes(PEM, OPENSSH, guard) if password is None else None
    if pem is None:  # the cipher is named in the open, whatever the rest is
        head = b"openssh-key-v1\0" + b"".join(len(p).to_bytes(4) + p for p in (b"aes256-ctr", b"bcrypt", b"x" * 24))
        blob = base64.b64decode(public(EC).split()[1])
        body = base64.b64encode(head + (1).to_bytes(4) + len(blob).to_bytes(4) + blob + random.Random(1).randbytes(200))
        pem = b"-----BEGIN OPENSSH PRIVATE" + b" KEY-----\n" + body + b"\n-----END OPENSSH PRIVATE" + b" KEY-----\n"
    found = run({".ssh/work": pem}).one()
    blob = sha256(base64.b64decode(public(EC).split()[1]))
    assert (found.kind, found.encrypted) == (CredentialKind.SSH_KEY, password is not None)
    assert found.facts["public_key"] == blob.hexdigest()
    assert found.facts["fingerprint"] == "SHA256:" + base64.b64encode(blob.digest()).decode().rstrip("=")
    assert found.facts.get("cipher") == (None if password is None else "aes256-ctr")


def test_halves_of_a_pair_find_each_other_and_have_one_name(run):
    made = certificate(EC, "shop.example")
    seen = run(
        {"a/server.key": text(EC), "b/x.crt": made.public_bytes(PEM), "id_x": text(KEY), "id_x.pub": public(KEY)}
    )
    key, public_half = seen.one("server.key"), seen.one("x509:")
    assert key.facts["certificate"] == public_half.id
    assert public_half.facts["private_key"] == "in_checkout"
    assert key.name == public_half.name == "shop.example"
    assert seen.one("id_x:").name == seen.one("ssh_key:").name == "id_x"
    assert seen.one("id_x:").facts["public_key"] == seen.one("ssh_key:").facts["public_key"]


def test_public_ssh_keys_are_public(run, rsa_key):
    lines = f'# x\n\nfrom="10.0.0.0/8",no-pty {public(rsa_key)} me@laptop\nssh-rsa nonsense\n{public(EC)}\n'
    seen = run({"home/authorized_keys": lines})
    assert [(c.public, c.fingerprint, c.facts["key_bits"]) for c in seen.credentials] == [
        (True, None, "1024"),
        (True, None, "256"),
    ]
    assert [(e.line, e.part) for e in seen.exposures] == [(3, ExposurePart.KEY_ID), (5, ExposurePart.KEY_ID)]


@pytest.mark.parametrize("password", [b"", None, b"changeit"])
def test_a_pkcs12_store_is_opened_with_an_empty_password_only(run, password):
    guard = S.BestAvailableEncryption(password) if password else S.NoEncryption()
    data = pkcs12.serialize_key_and_certificates(b"shop", EC, certificate(EC), None, guard)
    seen = run({"store.p12": data})
    (key,) = [c for c in seen.credentials if c.kind is CredentialKind.PRIVATE_KEY]
    assert (key.encrypted, key.format) == (bool(password), "pkcs12")
    assert key.fingerprint == (None if password else digest(squeeze(text(EC).decode())))
    assert len(seen.credentials) == (1 if password else 2)
    assert ("certificate" in key.facts) is not bool(password)


def test_a_java_store_tells_aliases_dates_and_chains(run):
    mine, root = certificate(EC, "app", "root"), certificate(KEY, "root", ca=True)
    seen = run({"app.jks": jks(entry(1, "app-key", mine, root), entry(2, "root", root))})
    key = seen.one("app-key:1")
    assert (key.kind, key.encrypted, key.fingerprint, key.format) == (CredentialKind.PRIVATE_KEY, True, None, "jks")
    assert key.issued_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert key.facts["certificate"] == "x509:" + sha256(mine.public_bytes(DER)).hexdigest()
    assert sorted(c.name for c in seen.credentials) == ["app", "app", "root"]
    secret = jks(entry(3, "k"), magic=b"\xce\xce\xce\xce")
    assert [(m.label, m.encrypted) for m in materials(secret, "x.jks")] == [("k", True)]
    assert list(materials(jks(entry(9, "x")), "x.jks")) == []


def test_der_and_putty_and_others(run):
    data = {
        "a.der": text(EC, encoding=DER),
        "b.ppk": "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: aes256-cbc\nComment: ops\nPublic-Lines: 1\n"
        f"{public(KEY).split()[1]}\nPrivate-Lines: 1\n{assemble('{b64:44}')}\n",
        "c.asc": "-----BEGIN PGP PRIVATE"
        + assemble(" KEY BLOCK-----\n\n{b64:64}\n{b64:64}\n-----END PGP PRIVATE")
        + " KEY BLOCK-----\n",
        "age/keys.txt": "# public key: age1x\nAGE-SECRET-KEY-1" + assemble("{up:58}"),
        "d.jwt": assemble("{jwt}"),
        "e.jwk": json.dumps({"kty": "EC", "crv": "P-256", "kid": "k", "x": "eA", "d": assemble("{an:43}")}),
        "jwks.json": json.dumps({"keys": [{"kty": "RSA", "n": "x" * 342, "e": "AQAB"}]}),
    }
    seen = run(data)
    assert seen.one("a.der").fingerprint == digest(squeeze(text(EC).decode()))
    assert (seen.one("b.ppk").encrypted, seen.one("b.ppk").name) == (True, "ops")
    assert seen.one("b.ppk").facts["key_algorithm"] == "Ed25519"
    assert seen.one("c.asc").facts == {"form": "openpgp"}
    assert seen.one("keys.txt").format == "age-secret-key"
    assert (seen.one("d.jwt").kind, seen.one("d.jwt").facts["iss"]) == (CredentialKind.JWT, "acme")
    assert seen.one("e.jwk").facts == {"key_algorithm": "EC", "key_bits": "256", "kid": "k"}
    assert len(seen.credentials) == 6


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("a.pem", "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n"),
        ("a.pem", "-----BEGIN PRIVATE" + " KEY-----\n...\n-----END PRIVATE" + " KEY-----\n"),
        ("a.crt", "-----BEGIN CERTIFICATE-----\n" + "QUJD" * 20 + "\n-----END CERTIFICATE-----\n"),
        ("a.key", "Schlüssel=Wert\n"),
        ("a.p12", b"\x30\x03\x02\x01\x00"),
        ("a.jks", b"\xfe\xed\xfe\xed\0\0"),
        ("a.cer", b""),
        ("known_hosts", "github.com ssh-ed25519 AAAA"),
        ("jwks.json", '{"kty": '),
        ("a.jwt", "eyJ not one"),
        ("keyboard.json", '{"kty": "oct", "k": "abcdefgh"}'),
    ],
)
def test_near_misses_stay_quiet(run, path, data):
    seen = run({path: data})
    assert (seen.credentials, seen.gaps) == ([], [])


def test_bundles_of_authorities_are_not_ours_and_long_files_are_cut(run):
    roots = [certificate(name=f"root {n}", ca=True).public_bytes(PEM) for n in range(12)]
    leaf = certificate(name="x").public_bytes(PEM)
    seen = run({"cacert.pem": b"".join(roots), "few.pem": b"".join(roots[:2]), "many.pem": leaf * (MOST + 1)})
    assert sorted(c.name for c in seen.credentials) == ["root 0", "root 1", "x"]
    assert [g.locator for g in seen.gaps] == ["many.pem"]
    assert len(seen.exposures) == 2 + MOST


def test_invented_and_common_keys_open_nothing(run):
    made = certificate(name="localhost").public_bytes(PEM)
    seen = run(
        {
            "tests/a.crt": made,
            "testdata/b.crt": made,
            "debug.keystore": jks(entry(1, "androiddebugkey", certificate(EC))),
        }
    )
    assert seen.one("x509:" + certificate(name="localhost").fingerprint(hashes.SHA256()).hex()).sample
    assert seen.one("androiddebugkey").public
    assert {e.file_class for e in seen.exposures if e.uri.startswith("test")} == {FileClass.TEST}
    both = run({"tls/a.crt": made})
    assert not both.one("x509:" + certificate(name="localhost").fingerprint(hashes.SHA256()).hex()).sample


def test_what_is_too_large_or_a_link_is_left_out(run, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "b.pem").symlink_to(tmp_path / "nowhere.pem")
    seen = run({"a.pem": b"x" * 2_000_001})
    assert [g.locator for g in seen.gaps] == ["a.pem"]


def test_numbers_chosen_to_cost_time_cost_none():
    def der(tag, body):
        size = len(body)
        return bytes([tag]) + (bytes([size]) if size < 128 else b"\x83" + size.to_bytes(3)) + body

    number = der(2, b"\x7f" + b"\xff" * 16_000)
    huge = der(0x30, der(2, b"\0") + number * 8)
    began = time.monotonic()
    keys.of_der(huge, {})
    data = pkcs12.serialize_key_and_certificates(b"x", EC, None, None, S.BestAvailableEncryption(b"pw"))
    at = data.index(b"\x02\x02\x4e\x20") if b"\x02\x02\x4e\x20" in data else -1
    if at >= 0:
        list(stores.pkcs12(data[:at] + b"\x02\x04\x7f\xff\xff\xff" + data[at + 4 :]))
    costly = b"\x30\x20\x04\x08" + b"s" * 8 + b"\x02\x04\x7f\xff\xff\xff\x30\x00"
    assert [h.encrypted for h in stores.pkcs12(costly)] == [True]
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("seed", range(8))
def test_mutated_files_break_nothing(seed, rsa_key):
    rng = random.Random(seed)
    inputs = [
        certificate(EC, san=["a"]).public_bytes(DER), text(rsa_key), text(EC, OPENSSH), jks(entry(1, "a", certificate(EC))),
        pkcs12.serialize_key_and_certificates(b"x", EC, certificate(EC), None, S.NoEncryption()), text(EC, encoding=DER),
        f"x {public(rsa_key)} c".encode(), b'{"keys": [{"kty": "oct", "k": "abc"}]}',
    ]  # fmt: skip
    base = inputs[seed]
    for n in range(60):
        data = bytearray(base)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(data) + 1)
            data[at : at + rng.randint(0, 4)] = rng.randbytes(rng.randint(0, 4))
        if n % 10 == 0:
            data = data[: rng.randrange(len(data) + 1)]
        began = time.monotonic()
        with contextlib.suppress(StopIteration):
            list(materials(bytes(data), "authorized_keys" if seed == 6 else "id_x"))
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("path", "held"),
    [
        ("a.pem", True), (".ssh/config", True), ("id_rsa", True), ("id_ed25519.pub", True), ("deploy_key", True),
        ("privkey", True), ("jwks.json", True), ("age-keys.txt", True), ("server-key", True), ("key", True),
        ("src/keyboard.py", False), ("package.json", False), ("keys.go", False), ("id_generator.py", False),
        ("certificate.md", False), ("monkey", False), ("README", False), ("image.png", False), ("keyring.json", False),
    ],
)  # fmt: skip
def test_few_files_are_opened(path, held):
    assert may_hold(path) is held
