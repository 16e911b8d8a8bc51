"""What is taken for a secret, what is not, and that bad input costs neither time nor a traceback."""

from __future__ import annotations

import base64
import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.detect import checksum, claims, noise
from nhiscan.detect.candidate import Candidate
from nhiscan.detect.confirm import key_before
from nhiscan.detect.examples import assemble
from nhiscan.detect.formats import FormatError, load_formats
from nhiscan.detect.paths import trial as is_trial
from nhiscan.detect.scan import shipped, without_overlaps
from nhiscan.model import Confidence, CredentialKind, ExposurePart
from nhiscan.sensitive import Sensitive

SCANNER = shipped()
TOKEN = assemble("{an:32}", "token")
PASSWORD = assemble("{an:12}", "password") + "!7"


def scan(text, path="app.ini"):
    return SCANNER.scan(text.encode(), path)


def values(text, path="app.ini"):
    return [c.value.reveal() for c in scan(text, path)]


@pytest.mark.parametrize(
    "line",
    [
        'api_token = "{t}"', "api_token: '{t}'", "API_TOKEN={t}", "export API_TOKEN={t}", '"api_token": "{t}",',
        "'api_token' => '{t}',", 'config["api_token"] = "{t}"', 'api_token := "{t}"', 'api_token: str = "{t}"',
        'var apiToken string = "{t}"', '#define API_TOKEN "{t}"', "<api_token>{t}</api_token>", "--api-token {t}",
        '<add key="ApiToken" value="{t}" />', '{{"name": "API_TOKEN", "value": "{t}"}}', "- name: API_TOKEN\n  value: {t}",
        'set("api_token", "{t}")', 'withToken("{t}")', '\\"api_token\\": \\"{t}\\"', 'x_api_key=b"{t}"', "Authorization: Bearer {t}",
    ],
)  # fmt: skip
def test_a_value_is_read_from_every_form_of_assignment(line):
    assert values(line.format(t=TOKEN)) == [TOKEN]


def test_a_word_in_a_loose_form_is_no_password():
    assert values('["password", "Username1", "token", "refresh"]') == []


@pytest.mark.parametrize(
    "line",
    [
        'DATA_JWT_SECRET = "oauth2_jwt_secret"', "Sec-WebSocket-Key: {nonce}", "sign('salted', 'shared secret', '{t}')",
        '"Authorization": "Basic {login}"', "const searchApiKey = param('searchApiKey', data)",
        'cluster_auth_base64 = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUM1ekNDQWMrZ0F3SUJBZ0lCQURBTkJna3Foa2lHOXcw"',
    ],
)  # fmt: skip
def test_what_only_stands_beside_a_word_for_secrets_is_none(line):
    login = base64.b64encode(b"deploy-bot:").decode()  # a name, and no password
    nonce = base64.b64encode(bytes(range(16))).decode()
    assert values(line.format(t=TOKEN, login=login, nonce=nonce)) == []


@pytest.mark.parametrize("indent", ["", " " * 12])
def test_zeros_and_indentation_do_not_make_a_key_a_sample(indent):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    for form in (serialization.PrivateFormat.OpenSSH, serialization.PrivateFormat.PKCS8):
        pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
        text = "".join(f"{indent}{line}\n" for line in pem.splitlines())
        found = scan(f"key: |\n{text}", "deploy.yaml")
        assert [(c.kind, c.sample) for c in found] == [(CredentialKind.PRIVATE_KEY, False)]


def test_generated_files_are_left_to_the_exact_formats():
    text = f'"token": "{TOKEN}"\n"x": "{assemble("ghp_{crc}")}"'
    assert [c.format for c in scan(text, "package-lock.json")] == ["github-classic-pat"]


def test_one_value_never_gives_two_candidates():
    text = f'OPENAI_API_KEY="{assemble("sk-proj-{an:48}")}"\ntoken = "{assemble("ghp_{crc}")}"'
    found = scan(text)
    assert [c.format for c in found] == ["openai-project-key", "github-classic-pat"]
    assert found[0].key_name == "OPENAI_API_KEY"


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20), st.integers(0, 3)), max_size=30))
def test_chosen_candidates_never_overlap_and_leave_no_room(spans):
    items = [
        Candidate(kind=CredentialKind.TOKEN, value=Sensitive("x"), line=1, start=a, end=a + n, weight=w)
        for a, n, w in spans
    ]
    chosen = without_overlaps(items)
    assert all(a.end <= b.start for a, b in pairwise(chosen))
    assert all(any(i.start < c.end and c.start < i.end for c in chosen) for i in items)


def test_a_wrong_checksum_lowers_confidence_and_a_right_one_stays_high_in_tests():
    fake, real = assemble("ghp_{an:36}"), assemble("ghp_{crc}")
    assert [(c.confidence, c.facts) for c in scan(fake)] == [(Confidence.MEDIUM, {"checksum": "mismatch"})]
    assert scan(real)[0].confidence is Confidence.HIGH
    assert [c.sample for c in scan(fake, "tests/test_api.py") + scan(real, "tests/test_api.py")] == [True, False]
    with pytest.raises(KeyError):
        checksum.verify("unknown", real)


def test_the_middle_of_an_image_in_base64_is_no_token():
    token = assemble("EAAC{an:160}")
    blob = assemble("{an:400}", "blob")
    for text in (f"{blob}/{token}/{blob}", f"{blob}+{token}", f"{token}/{blob}"):
        assert values(f'"image/png": "{text}"', "a.ipynb") == []
    for text in (token, f"https://graph.example/me/{token}", f"a/b/{token}/c", f"{blob}/{token[:20]} {token}"):
        assert values(f'"url": "{text}"', "a.ipynb") == [token]


def test_what_a_name_announces_and_says_that_it_is_an_example_is_a_sample():
    value = assemble("{an:12}") + "EXAMPLE" + assemble("{an:16}", "more")
    assert [(c.detector, c.sample) for c in scan(f"AWS_SESSION_TOKEN={value}")] == [("nhiscan.named", True)]


def test_escapes_before_a_token_do_not_hide_it():
    assert values('x = "line\\n' + assemble("ghp_{crc}") + '"') == [assemble("ghp_{crc}")]


def test_a_bare_aws_secret_next_to_its_id_is_found():
    text = assemble("{b64:40}", "s") + "\n" + assemble("AKIA{b32:16}") + "\n" + "a" * 40 + "\n"
    found = scan(text, "notes.txt")
    assert [(c.part, c.line) for c in found] == [(ExposurePart.VALUE, 1), (ExposurePart.KEY_ID, 2)]


def test_two_aws_pairs_are_not_mixed_up():
    ids = [assemble("AKIA{b32:16}", str(n)) for n in range(2)]
    secrets = [assemble("{b64:40}", str(n)) for n in range(2)]
    text = "".join(f"[p{n}]\naws_access_key_id={ids[n]}\naws_secret_access_key={secrets[n]}\n" for n in range(2))
    pairs = {c.facts["key_id"]: c.value.reveal() for c in scan(text) if c.part is ExposurePart.VALUE}
    assert pairs == dict(zip(ids, secrets, strict=True))


def test_a_secret_too_far_from_the_id_stays_alone():
    text = assemble("AKIA{b32:16}") + "\n" * 12 + assemble("aws_secret_access_key={b64:40}")
    assert [c.format for c in scan(text)] == ["aws-access-key-id", "aws-secret-access-key"]


def test_private_keys_in_source_and_file_have_one_fingerprint_value():
    body = [base64.b64encode(bytes(range(i, i + 48))).decode() for i in range(4)]
    lines = ["-----BEGIN RSA PRIVATE KEY-----", *body, "-----END RSA PRIVATE KEY-----"]
    plain, escaped = "\n".join(lines), '"' + "\\n".join(lines) + '"'
    joined = " +\n".join(f'    "{line}\\n"' for line in lines)
    assert {values(t)[0] for t in (plain, escaped, joined)} == {plain}
    assert scan(plain)[0].facts == {"encrypted": "false"}


def test_an_encrypted_private_key_says_so():
    body = base64.b64encode(bytes(range(120))).decode()
    text = f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}\n-----END ENCRYPTED PRIVATE KEY-----"
    assert scan(text)[0].facts == {"encrypted": "true"}
    for cipher, encrypted in ((b"none", False), (b"aes256-ctr", True)):
        raw = b"openssh-key-v1\0" + len(cipher).to_bytes(4, "big") + cipher + bytes(range(90))
        pem = (
            f"-----BEGIN OPENSSH PRIVATE KEY-----\n{base64.b64encode(raw).decode()}\n-----END OPENSSH PRIVATE KEY-----"
        )
        assert claims.key_encrypted(pem) is encrypted
    assert claims.key_encrypted("-----BEGIN OPENSSH PRIVATE KEY-----\n!!!!\n") is None
    assert claims.key_encrypted("-----BEGIN PGP PRIVATE KEY BLOCK-----\nabc\n") is None


def test_a_kubernetes_token_is_known_by_its_issuer():
    parts = ['{"alg":"RS256","kid":"k1"}', '{"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:a:b"}']
    token = ".".join(base64.urlsafe_b64encode(p.encode()).decode().rstrip("=") for p in parts) + assemble(".{an:43}")
    (found,) = scan(f"token: {token}")
    assert (found.provider, found.facts["kid"]) == ("kubernetes", "k1")


@pytest.mark.parametrize("body", ['{"exp": true}', '{"exp": 1e300}', '{"exp": "soon"}', "{}"])
def test_odd_expiries_are_unknown(body):
    token = ".".join(base64.urlsafe_b64encode(p.encode()).decode() for p in ('{"alg":"x"}', body)) + ".sig"
    assert "exp" not in claims.jwt_facts(token)


@pytest.mark.parametrize("token", ["", "a.b.c", "bm9qc29u.e30.x", "W10.e30.x", "e30.e30.x", "\u00e4.e30"])
def test_what_is_no_jwt_has_no_claims(token):
    assert claims.jwt_facts(token) is None


def test_the_jwt_of_the_documentation_is_a_sample():
    assert noise.is_sample_jwt({"sub": "1234567890"})


@pytest.mark.parametrize("text", ["Zm9v", "/+/+/w==", "not base64!", base64.b64encode(b"user:").decode()])
def test_what_is_no_basic_credential_is_left_alone(text):
    assert claims.basic_pair(text) is None


def test_addresses_with_demonstration_passwords_are_samples():
    for login in ("postgres:postgres", "user:password", "app:app123", "root:rootroot"):
        assert all(c.sample for c in scan(f"DATABASE_URL=postgres://{login}@localhost/app"))


def test_the_driver_of_a_connection_string_belongs_to_it():
    dsn = f"postgresql+psycopg2://app:{PASSWORD}@db.acme.io/app"
    assert values(f'url = "{dsn}"', "a.py") == [dsn]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"KEY=", "KEY"), (b'f(api_key="', "api_key"), (b"x['k'] = '", "k"), (b"Authorization: Bearer ", "Authorization"),
        (b"\nplain ", None), (b'"a.b-c": "', "a.b-c"), (b"token: str = '", "token"),
    ],
)  # fmt: skip
def test_the_name_before_a_value_is_read(head, name):
    assert key_before(head, len(head)) == name


@pytest.mark.parametrize(
    ("path", "trial"),
    [
        ("tests/a.py", True),
        ("src/test_a.py", True),
        ("a.spec.ts", True),
        (".env.example", True),
        ("src/latest.py", False),
        ("contest/a.py", False),
    ],
)
def test_paths_of_tests_and_examples_are_known(path, trial):
    assert is_trial(path) is trial


FLOODS = {
    "keys": b"password=",
    "blanks": b"token" + b" " * 100 + b"\n",
    "breaks": b'"key' + b"\n" * 100,
    "begins": b"-----BEGIN PRIVATE KEY-----",
    "jwt": b"eyJ-",
    "one line": b"A",
    "urls": b"http://",
    "logins": b"http://" + b"a" * 70 + b":b",
    "quotes": b'key="\\',
    "ids": assemble("AKIA{b32:16} ").encode() + b"kkk",
    "bearer": b"Bearer ",
    "bytes": bytes(range(256)),
}


def cost(data):
    start = time.process_time()
    SCANNER.scan(data, "a.env")
    return time.process_time() - start


@pytest.mark.parametrize("piece", FLOODS.values(), ids=FLOODS)
def test_the_cost_of_hostile_files_grows_with_their_size_only(piece):
    small = piece * (60_000 // len(piece))
    # A quadratic scan would take 64 times as long for eight times as much.
    assert cost(small * 8) <= 24 * cost(small) + 0.2


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["a.py", "a.env", "x"]))
def test_no_bytes_raise(data, path):
    for found in SCANNER.scan(b'token="' + data + b'"\npassword=' + data, path):
        assert found.line >= 1
        assert 0 <= found.start < found.end


@given(st.text(max_size=60))
def test_entropy_is_bounded_by_the_alphabet(text):
    assert 0 <= noise.entropy(text) <= 6


def test_values_are_never_shown():
    (found,) = scan(f'password = "{PASSWORD}"')
    assert PASSWORD not in repr(found)


def test_short_or_repeating_values_are_placeholders():
    assert noise.is_placeholder("ab")
    assert noise.is_placeholder("sk-" + "ab" * 20)
    assert not noise.is_placeholder(TOKEN)


def test_shipped_formats_cover_forty_formats_of_twenty_five_providers():
    formats = shipped().formats
    assert len(formats) >= 40
    assert len({f.provider for f in formats}) >= 25
    # A page, or the name of one where the page lies on the host of a package registry.
    assert all(f.match and f.no_match and (f.source.startswith("https://") or ", " in f.source) for f in formats)


def test_facts_of_a_value_are_no_large_part_of_it():
    """A public id inside a token may be shown; what is left of the token must be long enough to be the secret."""
    for item in shipped().formats:
        for found in shipped().scan(assemble(item.match[0]).encode(), "a.ini"):
            secret = found.value.reveal()
            if found.format == item.id and found.part is ExposurePart.VALUE and not found.public:
                inside = sum(len(fact) for fact in found.facts.values() if len(fact) > 5 and fact in secret)
                assert len(secret) - inside >= min(12, len(secret) // 3), item.id


GOOD = "provider: acme\ntitle: Acme\nformats:\n  - id: acme-key\n    kind: api_key\n    source: https://acme.io\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "exactly the keys"), ("a: [\n", "YAML"), ("provider: a\ntitle: b\nformats: [1]\n", "every format needs"),
        (GOOD + "    pattern: '(?P<value>x)'\n", "either anchors or key"),
        (GOOD + "    pattern: '(?P<value>x'\n    anchors: [x]\n", "format acme-key"),
        (GOOD + "    pattern: 'x'\n    anchors: [x]\n", "group named value"),
        (GOOD + "    pattern: '(?P<value>x)'\n    anchors: [x]\n    colour: red\n", "unknown key colour"),
        (GOOD + "    pattern: '(?P<value>x)'\n    anchors: [x]\n    checksum: crc9\n", "checksum"),
        (GOOD + "    pattern: '(?P<value>x)'\n    anchors: [1]\n", "list of texts"),
        (GOOD + "    pattern: '(?P<value>x)'\n    anchors: [x]\n    human: maybe\n", "true or false"),
        (GOOD + "    pattern: '(?P<value>x)'\n    anchors: [x]\n    near: [x]\n", "near is a mapping"),
        (GOOD.replace("api_key", "sword") + "    pattern: '(?P<value>x)'\n    anchors: [x]\n", "sword"),
    ],
)  # fmt: skip
def test_a_broken_format_file_is_refused_with_its_name(tmp_path, text, message):
    (tmp_path / "acme.yaml").write_text(text)
    with pytest.raises(FormatError, match=re.escape(message)):
        load_formats(tmp_path)


def test_two_formats_of_one_id_are_refused(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(GOOD + "    pattern: '(?P<value>xyz)'\n    anchors: [xyz]\n")
    with pytest.raises(FormatError, match="defined twice"):
        load_formats(tmp_path)


def test_near_facts_are_demanded():
    text = assemble("SharedAccessKey={b64:43}=").encode()
    assert "azure-shared-access-key" not in {c.format for c in shipped().known(text)}


@pytest.mark.parametrize(
    "line",
    [
        '"password": "\\u041f\\u0430\\u0440\\u043e\\u043b\\u044c",',
        'translation_key="pm25_aqi_24h_average",',
        'key="tlx_energy_today_input_1",',
        "password = '$6$saYbZFw2$rtmvt2LOYchvlM22y34mCs7FiIN4Fq27rmv'",
        "password = 'pbkdf2_sha256$10000$LUyhxJjuLwXF$f6Zbpnx1L5dPze8m0itBaHMDyZ'",
        "key = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl'",
        "pwd: 'U2FsdGVkX19h6vVGBA4sRsZ624wbAJfDmagPLq2LsGDOcW'",
        'if not password.startswith("SCRAM-SHA-256x9"):',
        "trust_key fingerprint='53C96788253E58416D20BCD352952C84C3252192'",
        "backbone_key = '00112233445566778899AABBCCDDEEFF'",
    ],
)
def test_words_digests_and_encrypted_values_are_no_secrets(line):
    scanner = shipped()
    assert scanner.scan(line.encode(), "app/settings.py") == []


def test_shown_texts_lose_the_values_in_them():
    from nhiscan.detect.conceal import conceal, conceal_name
    from nhiscan.detect.examples import assemble

    token = assemble("ghp_{crc}")
    assert conceal(f"by {token} and mcp__{token}__run") == "by *** and mcp__***__run"
    assert conceal("nothing to hide") == "nothing to hide"
    assert conceal_name(token) in {None, "***"}
    assert conceal_name("q8Zt4Vw1Xc7Lp2Rk9Jm5") is None
    assert conceal_name("OPENAI_API_KEY_2") == "OPENAI_API_KEY_2"
