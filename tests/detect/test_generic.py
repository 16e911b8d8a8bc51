"""Values without a format: believed for their name, their syntax and their rarity, and for nothing else."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.detect import generic
from nhiscan.detect.confirm import File
from nhiscan.detect.examples import assemble
from nhiscan.detect.judgement import judge, remembered
from nhiscan.detect.names import Role
from nhiscan.detect.paths import Setting, holds_settings, setting, trial
from nhiscan.detect.stage import matcher_kind
from nhiscan.model import Confidence, CredentialKind

MATCHER = matcher_kind().of(generic.EXPRESSIONS)
TOKEN = assemble("{an:32}", "token")
PASSWORD = assemble("{low:14}", "password")
HEX = assemble("{hex:64}", "key")


def scan(text, path="src/app.py"):
    data = text if isinstance(text, bytes) else text.encode()
    file, found = File(data, path), {}
    for expression, place in MATCHER.places(data) if generic.is_read(path) else ():
        candidate = generic.confirm(file, place, expression)
        if candidate is not None:
            found[candidate.start] = candidate
    return [found[start] for start in sorted(found)]


def values(text, path="src/app.py"):
    return [c.value.reveal() for c in scan(text, path)]


@pytest.mark.parametrize(
    "line",
    [
        'api_token = "{t}"', "api_token: '{t}'", '"api_token": "{t}",', "'api_token' => '{t}',", 'config["api_token"] = "{t}"',
        'api_token := "{t}"', 'api_token: str = "{t}"', 'var apiToken string = "{t}"', '#define API_TOKEN "{t}"', "--api-token {t}",
        '{{"name": "API_TOKEN", "value": "{t}"}}', 'set("api_token", "{t}")', 'withToken("{t}")', '\\"api_token\\": \\"{t}\\"',
        'x_api_key=b"{t}"', '"Authorization": "Bearer {t}"', "'X-Api-Key: {t}'", "static TOKEN: &'static str = \"{t}\"",
        'String apiToken = new Token("{t}");', 'def f(token="{t}"):', 'if token == "{t}":', 'tokens = ["{t}",', "url?access_token={t}&x=1",
        'Key: String("{t}")', "token = `{t}`", 'ENV="API_TOKEN={t}"', "conn = 'Server=db;Password={t};Encrypt=1'", "- Bearer {t}",
        'const apiSecret: string = "{t}"', 'val token: String = "{t}"', "$password   =   '{t}';", 'token =\n    "{t}"',
        'createSecretKey(Buffer.from("{t}"))', '{{"k": {{"access_token": "{t}"}}}}', "Consumer Secret: ``{t}``",
    ],
)  # fmt: skip
def test_a_value_is_read_from_every_form_in_code(line):
    assert values(line.format(t=TOKEN)) == [TOKEN]


@pytest.mark.parametrize(
    "line",
    [
        "API_TOKEN={t}", "export API_TOKEN={t}", "api_token: {t}", "<api_token>{t}</api_token>", '<add key="ApiToken" value="{t}" />',
        "- name: API_TOKEN\n  value: {t}", "mysql --password {t}", "x.api.token = {t}", "  - API_TOKEN={t}", "ENV API_TOKEN {t}",
        '<string name="api_key">{t}</string>', "<key>token</key>\n<string>{t}</string>", "IDENTIFIED BY '{t}'", "X-Auth-Token: {t}",
        "CREATE USER x WITH PASSWORD '{t}'", "login_secret {t}", 'variable "db_password" {{\n  type = "string"\n  default = "{t}"\n}}',
        "Server=db;Password={t};Encrypt=1", "<password>\n    {t}\n</password>", "define('AUTH_KEY',   '{t}');", "my_key={t}",
    ],
)  # fmt: skip
def test_a_value_is_read_from_every_form_in_settings(line):
    assert values(line.format(t=TOKEN), "deploy/app.conf") == [TOKEN]


@pytest.mark.parametrize(
    "line",
    [
        "api_token = os.environ['API_TOKEN']", 'api_token = "${{API_TOKEN}}"', 'api_token = "{{{{ token }}}}"', "api_token: !vault x",
        'api_token = "your-api-token-goes-here"', 'api_token = "xxxxxxxxxxxxxxxxxxxxxxxx"', 'api_token = "<api token of the app>"',
        'password = "password"', 'password = "changeme123"', 'token_type = "Bearer abc"', 'token_url = "https://acme.io/oauth/token"',
        'secret_name = "prod/database/main-8f3a9c1b2d"', 'key_path = "/etc/ssl/private/server.key"', 'private_key = "certs/server.pem"',
        'password_hash = "{h}"', 'cache_key = "{h}"', 'public_key = "{t}"', "token = request.headers.token", 'api_key = "api_key"',
        'token = "accessTokenExpiresInSeconds"', 'access_token = "get_access_token_silent"', 'token_id = "{u}"', 'session_key = "{u}"',
        'secret = "2026-11-01T10:00:00Z"', 'password: "%s"', 'password = "********"', 'auth = "user@acme.io"', 'csrf_token = "{t}"',
        'keyboard = "{t}"', 'token = "(?P<token>[a-z0-9]{{12,40}})"', "secret = 3", "password = self.get('x')", "token = {t}.strip()",
        'token = "AbstractSingletonProxyFactory"', 'api_key = "abcdefghijklmnop1234"', 'auth = "0000000000000000"', 'password = "ab"',
        'password = "{t}" + suffix', 'password = "{t}".format(x)', "token = tokens[{t}]", "password, {t}) = pair", 'token = "asdfghjklasdfgh"',
        'password = "vault:v1:{t}"', 'token = "{t}..."', 'password = "Kennwort eingeben bitte"', 'secret = "ENC[{t}]"', 'encrypted_key = "{t}"',
        'label = "{t}"', 'cert_sha256_key = "{h}"', 'checksum_key = "{h}"', "the password of the user is checked", 'translate("Enter your password again please")',
    ],
)  # fmt: skip
def test_what_only_looks_like_a_secret_is_left_alone(line):
    assert values(line.format(t=TOKEN, h=HEX, u=assemble("{uuid}"))) == []


@pytest.mark.parametrize(
    ("line", "kind", "basis"),
    [
        ("password = '{t}'", CredentialKind.PASSWORD, "keyword + rarity"),
        ("client_secret = '{t}'", CredentialKind.CLIENT_SECRET, "keyword + rarity"),
        ("api_key = '{t}'", CredentialKind.API_KEY, "keyword + rarity"),
        ("auth_token('{t}')", CredentialKind.TOKEN, "argument + rarity"),
        ("webhook_secret = '{t}'", CredentialKind.WEBHOOK, "keyword + rarity"),
        ("app_secret = '{t}'", CredentialKind.UNKNOWN, "keyword + rarity"),
        ("git clone https://ci:{t}@git.acme.io/x", CredentialKind.PASSWORD, "address + rarity"),
        ("'-H', 'Bearer {t}'", CredentialKind.TOKEN, "header + rarity"),
    ],
)
def test_findings_say_what_they_are_and_why(line, kind, basis):
    (found,) = scan(line.format(t=TOKEN))
    assert (found.kind, found.basis, found.detector, found.line) == (kind, basis, "nhiscan.generic", 1)
    assert TOKEN not in repr(found)


def test_confidence_falls_with_the_form_the_name_and_the_path():
    assert scan(f'token = "{TOKEN}"')[0].confidence is Confidence.HIGH
    assert scan(f'f("token", "{TOKEN}")')[0].confidence is Confidence.MEDIUM
    assert scan(f'dummy_token = "{TOKEN}"')[0].confidence is Confidence.LOW
    assert scan(f'token = "{TOKEN}"', "tests/test_app.py")[0].confidence is Confidence.LOW


@pytest.mark.parametrize(
    "path", ["package-lock.json", "vendor/x.py", "go.sum", "app.min.js", "locales/de.json", "a.map", "dist/a.js"]
)
def test_generated_files_are_left_to_the_exact_formats(path):
    assert values(f'"token": "{TOKEN}"', path) == []


def test_minified_code_is_left_to_the_exact_formats_and_long_lines_of_settings_are_read():
    blob = "a" * 6_000 + f' password="{TOKEN}" ' + "b" * 6_000
    assert values(blob, "a.js") == []
    assert values(f"{blob}\n", "a.yaml") == [TOKEN]
    assert values("\n" + blob[5_000:7_000] + "\n", "a.js") == [TOKEN]


def test_bare_values_count_in_settings_and_texts_and_not_in_code():
    assert values(f"password={PASSWORD}", "a.env") == [PASSWORD]
    assert values(f"password = {PASSWORD}(x)", "a.py") == []
    assert values(f"password = {PASSWORD}.x", "a.py") == []
    assert values(f"fetch('/x?password={PASSWORD}&y=1')", "a.js") == [PASSWORD]


def test_a_uuid_is_a_secret_only_where_the_name_says_secret():
    value = assemble("{uuid}")
    assert values(f'client_secret = "{value}"') == [value]
    assert values(f'key = "{value}"') == []


def test_user_and_password_in_base64_are_judged_by_the_password():
    def header(password):
        return "Authorization: Basic " + base64.b64encode(f"deploy:{password}".encode()).decode()

    assert len(scan(header(PASSWORD), "a.md")) == 1
    assert scan(header("password"), "a.md") == []
    assert len(scan(f"'{header(PASSWORD)}'", "a.py")) == 1


@pytest.mark.parametrize(
    "login", ["postgres:postgres", "user:password", "app:app123", "u:${PASSWORD}", "{user}:{password}", ":"]
)
def test_addresses_with_demonstration_passwords_are_left_alone(login):
    assert values(f"URL=postgres://{login}@localhost/app", "a.conf") == []


def test_words_in_base64_are_words():
    def encoded(text):
        return base64.b64encode(text.encode()).decode()

    assert values(f'secret = "{encoded("super-secret-key")}"') == []
    assert values(f'secret = "{encoded("dummy text data data data")}"') == []
    assert values(f'secret = "{encoded(PASSWORD)}"') == [encoded(PASSWORD)]


def test_a_password_in_an_address_may_hold_its_own_delimiters():
    assert values(f"url = 'amqp://app:{PASSWORD}@x@mq.acme.io/v'") == [f"{PASSWORD}@x"]


@pytest.mark.parametrize(
    ("text", "path", "value", "basis"),
    [
        ("machine acme.io login ci password {t}", ".netrc", "{t}", "netrc"),
        ("db.acme.io:5432:app:app:{t}", ".pgpass", "{t}", "pgpass"),
        ("curl -u ci:{t} https://acme.io", "run.sh", "{t}", "command line"),
        ("GRANT ALL TO x IDENTIFIED BY '{t}';", "a.sql", "{t}", "SQL"),
        ("admin:$apr1$saltsalt$Q7zX0pLm3kV9tRw2YcB1n.", ".htpasswd", "$apr1$saltsalt$Q7zX0pLm3kV9tRw2YcB1n.", "password file"),
        ("root:$6$saltsalt$Q7zX0pLm3kV9tRw2YcB1n.Q7zX0p:17431:0:", "etc/shadow", "$6$saltsalt$Q7zX0pLm3kV9tRw2YcB1n.Q7zX0p", "password file"),
        ("(1, 'a', '$2y$12$Q7zX0pLm3kV9tRw2YcB1n.Q7zX0pLm3kV9tRw2YcB1n', 1)", "dump.sql", "$2y$12$Q7zX0pLm3kV9tRw2YcB1n.Q7zX0pLm3kV9tRw2YcB1n", "database dump"),
        ('{{"kty":"oct","k":"{j}"}}', "a.json", "{j}", "JSON Web Key"),
        ("{{ kty: 'EC', d: '{j}' }}", "a.mjs", "{j}", "JSON Web Key"),
        ('"encryptedPassword": "MDoEEPgAAAA{t}=="', "logins.json", "MDoEEPgAAAA{t}==", "browser store"),
        ("{m}\n", "config/master.key", "{m}", "key file"),
    ],
)  # fmt: skip
def test_files_of_credentials_are_read_by_their_own_grammar(text, path, value, basis):
    holes = {"t": TOKEN, "j": assemble("{an:43}", "jwk"), "m": assemble("{hex:32}", "master")}
    found = scan(text.format(**holes), path)
    assert [(c.value.reveal(), c.basis) for c in found] == [(value.format(**holes), basis)]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("login ci password {t}", "notes.txt"), ("machine x login ci password changeme", ".netrc"), ("a:5432:b:c:{t} and more: x", "a.py"),
        ("x 5 :$apr1$saltsalt$Q7zX0pLm3kV9tRw2YcB1n.", "a.md"), ("'$2y$12$Q7zX0pLm3kV9tRw2YcB1n.Q7zX0p'", "a.py"),
        ('{{"d":"{j}"}}', "a.json"), ('{{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAA"}}', "a.json"), ("{m}\n", "a.txt"), ("{m} x", "a.key"),
        ('"encryptedPassword": "MDoEEPgAAAAxxxxxxxxxxxxxxxx"', "logins.json"), ("IDENTIFIED BY 'password'", "a.sql"),
        ("PuTTY-User-Key-File-2: ssh-rsa\nEncryption: aes256-cbc\nPrivate-Lines: 1\n{j}\nPrivate-MAC: x", "a.ppk"),
        ("PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\n", "a.ppk"), ("Authorization: Basic e30=e30=", "a.md"), ("Basic research and more", "a.md"),
        ("machine x login ci password abcde", "tests/.netrc"), ("admin:$apr1$saltsalt$Q7zX0pLm3kV9tRw2YcB1n.", "tests/.htpasswd"),
    ],
)  # fmt: skip
def test_grammars_of_credential_files_do_not_believe_everything(text, path):
    holes = {"t": PASSWORD, "j": assemble("{an:43}", "jwk"), "m": assemble("{hex:32}", "master")}
    assert values(text.format(**holes), path) == []


def test_a_putty_key_without_a_passphrase_is_a_private_key():
    body = assemble("{b64:64}", "ppk")
    text = f"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\n{body}\nPrivate-MAC: 00"
    (found,) = scan(text, "id.ppk")
    assert (found.kind, found.confidence) == (CredentialKind.SSH_KEY, Confidence.HIGH)
    assert body in found.value.reveal()


@pytest.mark.parametrize(
    ("value", "path", "level"),
    [
        ("hunter22", "sftp-config.json", Confidence.MEDIUM),
        ("RedisPass1!", ".env", Confidence.MEDIUM),
        ("hunter22", "src/app.py", None),
        ("hunter22", "tests/config.json", None),
        ("swordfish", "sftp-config.json", None),
        ("qzjxvkwpm", "src/app.py", Confidence.MEDIUM),
        ("Tr0ub4dor&3", ".env", Confidence.MEDIUM),
        ("changeme1", ".env", None),
        ("pass word1", ".env", None),
        ("12345678", ".env", None),
    ],
)
def test_passwords_to_remember_are_believed_where_one_installation_is_set_up(value, path, level):
    from nhiscan.detect.assignments import Form

    verdict = judge(value, "password", Role.PASSWORD, Form.ASSIGNED, path)
    assert (verdict and verdict.confidence) == level


def test_a_word_is_a_doubtful_password_beside_a_user_and_a_host():
    around = b'"host": "ftp.acme.io",\n"username": "deploy",\n'
    assert remembered("swordfish", "password", "sftp.json", around).confidence is Confidence.LOW
    assert remembered("swordfish", "password", "sftp.json", b'"title": ""') is None
    assert remembered("password", "passwordText", "sftp.json", around) is None
    assert remembered("changeme", "pass", "sftp.json", around) is None
    assert remembered("swordfish", "password", "a.py", around) is None
    assert values(around.decode() + '"password": "swordfish"', "sftp.json") == ["swordfish"]


def test_paths_tell_settings_code_and_tests():
    assert setting("a/b.py") is Setting.CODE
    assert setting("README.md") is Setting.PROSE
    assert setting(".env") is Setting.SETTINGS
    assert setting("poetry.lock") is Setting.GENERATED
    assert trial("tests/a.py")
    assert trial(".env.example")
    assert not trial("src/latest.py")
    assert holds_settings("config/database.yml")
    assert not holds_settings("src/main.go")


def test_names_of_secrets_are_told_from_others():
    assert generic.speaks_of_secrets("DB_PASSWORD")
    assert not generic.speaks_of_secrets("secret_name")


FLOODS = {
    "keys": b"password=", "blanks": b"token" + b" " * 100 + b"\n", "breaks": b'"key"' + b"\n" * 100, "urls": b"http://a:b",
    "quotes": b'key="\\', "open": b"token='aaaa", "braces": b"name: token { { { { { value:", "tags": b"<password>", "ats": b"://a:bb@",
    "members": b'{"k":"' + b"A" * 20, "hashes": b":$apr1$" + b"a" * 20, "hex": b"0123456789abcdef", "pairs": b"&token=abcde",
    "bearer": b"Bearer aaaaaaaa ", "machine": b"login a password bbb ", "putty": b"PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\n",
    "escapes": b'token=\\"aaaaa', "defines": b"define('key','", "serial": b'token";s:6:"', "bytes": bytes(range(256)),
}  # fmt: skip


def cost(data):
    """CPU seconds, the least of three: what else the process does in between must not count."""
    least = 1e9
    for _ in range(3):
        start = time.process_time()
        scan(data, "a.env")
        least = min(least, time.process_time() - start)
    return least


@pytest.mark.parametrize("piece", FLOODS.values(), ids=FLOODS)
def test_the_cost_of_hostile_files_grows_with_their_size_only(piece):
    small = piece * (12_000 // len(piece))
    # A quadratic scan would take 64 times as long for eight times as much.
    assert cost(small * 8) <= 24 * cost(small) + 0.3


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["a.py", "a.env", "a.sql", "x.key", "a.xml"]))
def test_no_bytes_raise(data, path):
    for found in scan(b'token="' + data + b'"\npassword=' + data + b"\n<pass>" + data + b"</pass>", path):
        assert found.line >= 1
        assert 0 <= found.start < found.end


def test_the_automaton_over_literals_names_the_same_places():
    from nhiscan.detect.literals import Literals

    text = "\n".join(
        [
            f'api_token: str = "{TOKEN}"',
            f"PASSWORD={PASSWORD}",
            f"<pass>{TOKEN}</pass>",
            f"https://a:{PASSWORD}@b.io",
            f"--key {TOKEN}",
        ]
    ).encode()
    assert set(Literals.of(generic.EXPRESSIONS).places(text)) == set(MATCHER.places(text))
