"""What the collector says of the secrets in a checkout, and what it never says."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.repo.secrets import COLLECTOR
from nhiscan.detect.examples import assemble
from nhiscan.model import Confidence, Credential, Declared, Exposure, ExposurePart, Gap, Lifetime, Owner, Visibility
from nhiscan.plugin import Collector, Context, CredentialKind, OwnerBasis, Target, TargetError, TargetKind
from nhiscan.sensitive import FingerprintKey, Sensitive

KEY = FingerprintKey(b"k" * 32)
CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=KEY)
AWS_ID = assemble("AKIA{b32:16}")
AWS_SECRET = assemble("{b64:40}", "secret")
OPENAI = assemble("sk-proj-{an:48}")
PASSWORD = assemble("{an:18}", "password") + "!7"


def git(root, *arguments):
    env = {
        "PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Ana Li",
        "GIT_AUTHOR_EMAIL": "a@b.c", "GIT_COMMITTER_NAME": "C", "GIT_COMMITTER_EMAIL": "a@b.c",
    }  # fmt: skip
    subprocess.run(["git", *arguments], cwd=root, env=env, check=True, capture_output=True)


@pytest.fixture
def run(tmp_path):
    """Collects a repository made of the given files; gives the records by type."""
    root = tmp_path / "shop"
    root.mkdir()

    def collect(files, *, commit=True):
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if commit:
            git(root, "init", "-q")
            git(root, "add", "-A")
            git(root, "commit", "-qm", "all")
            git(root, "remote", "add", "origin", "git@github.com:acme/shop.git")
        target = Target(".", TargetKind.PATH, str(root))
        (unit,) = COLLECTOR.units(target, CTX)
        return list(COLLECTOR.collect(unit, CTX))

    return collect


def of(kind, records):
    return [r for r in records if isinstance(r, kind)]


def test_the_collector_keeps_the_protocol():
    assert isinstance(COLLECTOR, Collector)
    assert list(COLLECTOR.units(Target("aws", "aws", ""), CTX)) == []


def test_a_directory_without_files_is_a_target_error(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(TargetError, match="holds no file"):
        list(COLLECTOR.units(Target(".", TargetKind.PATH, str(tmp_path / "empty")), CTX))


def test_an_aws_id_and_its_secret_are_one_credential_wherever_they_lie(run):
    pair = f"AWS_ACCESS_KEY_ID={AWS_ID}\nAWS_SECRET_ACCESS_KEY={AWS_SECRET}\n"
    call = f's3 = Session(aws_access_key_id="{AWS_ID}",\n            aws_secret_access_key="{AWS_SECRET}")\n'
    records = run({"prod.env": pair, "app.py": call})
    credentials = of(Credential, records)
    assert {c.id for c in credentials} == {f"aws:access_key/{AWS_ID}"}
    assert {c.fingerprint for c in credentials} == {None, KEY.fingerprint(Sensitive(AWS_SECRET))}
    assert {c.account_id is not None for c in credentials} == {True}
    places = {(e.uri, e.line, e.part, e.key_name) for e in of(Exposure, records)}
    assert places == {
        ("app.py", 1, ExposurePart.KEY_ID, "aws_access_key_id"), ("app.py", 2, ExposurePart.VALUE, "aws_secret_access_key"),
        ("prod.env", 1, ExposurePart.KEY_ID, "AWS_ACCESS_KEY_ID"), ("prod.env", 2, ExposurePart.VALUE, "AWS_SECRET_ACCESS_KEY"),
    }  # fmt: skip


def test_an_aws_id_alone_is_its_public_half_and_a_secret_alone_is_bound_to_its_place(run):
    records = run({"a.env": f"AWS_ACCESS_KEY_ID={AWS_ID}\n", "b.env": f"AWS_SECRET_ACCESS_KEY={AWS_SECRET}\n"})
    first, second = of(Credential, records)
    assert (first.id, first.fingerprint, first.key_id) == (f"aws:access_key/{AWS_ID}", None, AWS_ID)
    assert second.id == "repo:github.com/acme/shop#b.env:AWS_SECRET_ACCESS_KEY:1"
    assert [e.part for e in of(Exposure, records)] == [ExposurePart.KEY_ID, ExposurePart.VALUE]


def test_a_temporary_aws_key_is_short_lived(run):
    (credential,) = of(Credential, run({"a.env": assemble("AWS_ACCESS_KEY_ID=ASIA{b32:16}")}))
    assert credential.lifetime is Lifetime.SHORT_LIVED


def test_the_same_value_has_one_fingerprint_in_several_places(run):
    records = run(
        {"app.py": f'llm = ChatOpenAI(api_key="{OPENAI}")\n', "prod.env": f"export OPENAI_API_KEY={OPENAI}\n"}
    )
    credentials = of(Credential, records)
    assert {c.id for c in credentials} == {
        "repo:github.com/acme/shop#app.py:api_key:1", "repo:github.com/acme/shop#prod.env:OPENAI_API_KEY:1",
    }  # fmt: skip
    assert {c.fingerprint for c in credentials} == {KEY.fingerprint(Sensitive(OPENAI))}
    assert {(c.provider, c.format) for c in credentials} == {("openai", "openai-project-key")}


def test_ids_count_by_name_and_survive_moved_lines(run):
    other = assemble("sk-proj-{an:48}", "other")
    text = f'api_key="{OPENAI}"\nx = 1\napi_key="{other}"\n'
    before = [c.id for c in of(Credential, run({"a.py": text}))]
    after = [c.id for c in of(Credential, run({"a.py": "\n\n" + text}, commit=False))]
    assert before == after == [f"repo:github.com/acme/shop#a.py:api_key:{n}" for n in (1, 2)]


def test_a_service_account_key_is_one_credential_known_by_its_public_facts(run):
    body = base64.b64encode(os.urandom(300)).decode()
    document = {
        "type": "service_account", "private_key_id": "0f" * 20,
        "private_key": f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n",
        "client_email": "etl@acme-prod.iam.gserviceaccount.com",
    }  # fmt: skip
    (credential,) = of(Credential, run({"sa.json": json.dumps(document)}))
    assert (credential.provider, credential.kind) == ("gcp", CredentialKind.PRIVATE_KEY)
    assert credential.key_id == "0f" * 20
    assert credential.facts["client_email"] == "etl@acme-prod.iam.gserviceaccount.com"


def test_a_jwt_tells_its_expiry_and_a_public_one_is_public(run):
    claims = {"iss": "supabase", "role": "anon", "ref": "abcdefghij", "exp": 1_900_000_000, "iat": 1_600_000_000}
    parts = [json.dumps(p).encode() for p in ({"alg": "HS256"}, claims)]
    token = ".".join(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts) + assemble(".{an:43}")
    (credential,) = of(Credential, run({"prod.env": f"SUPABASE_ANON_KEY={token}"}))
    assert credential.public is True
    assert credential.provider == "supabase"
    assert credential.expires_at == datetime.fromtimestamp(1_900_000_000, UTC)
    assert credential.issued_at == datetime.fromtimestamp(1_600_000_000, UTC)


def test_blame_and_codeowners_say_who_answers(run):
    records = run({"prod.env": f"OPENAI_API_KEY={OPENAI}\n", "CODEOWNERS": "*.env @acme/ops\n"})
    (exposure,) = of(Exposure, records)
    assert exposure.author == "Ana Li"
    assert exposure.commit is not None
    assert exposure.at_head is True
    assert {(o.name, o.basis, o.subject_id == exposure.credential_id) for o in of(Owner, records)} == {
        ("@acme/ops", OwnerBasis.CODEOWNERS, True), ("Ana Li", OwnerBasis.BLAME, True),
    }  # fmt: skip


def test_ignored_files_are_local_and_not_at_head(run):
    records = run({".env": f"OPENAI_API_KEY={OPENAI}\n", ".gitignore": ".env\n"})
    (exposure,) = of(Exposure, records)
    assert (exposure.visibility, exposure.at_head, exposure.author) == (Visibility.LOCAL, False, None)


def test_ignore_comments_become_declared_facts(run):
    records = run(
        {"a.py": f'api_key = "{OPENAI}"  # nhiscan: ignore NS-LEK-001, NS-LIF-001 -- rotated until 2026-12-31\n'}
    )
    (declared,) = of(Declared, records)
    assert (declared.kind, declared.value) == ("inline_ignore", "a.py:1")
    assert json.loads(declared.note) == {
        "rules": ["NS-LEK-001", "NS-LIF-001"], "reason": "rotated", "expires": "2026-12-31",
    }  # fmt: skip
    assert len(of(Credential, records)) == 1


def test_an_ignore_comment_with_an_impossible_day_is_not_believed(run):
    (declared,) = of(Declared, run({"a.py": "x = 1  # nhiscan: ignore NS-LEK-001 -- why until 2026-02-31\n"}))
    assert json.loads(declared.note)["expires"] == "invalid"


def test_pragmas_of_other_tools_hide_nothing(run):
    line = f'api_key = "{OPENAI}"  # pragma: allowlist secret  # gitleaks:allow  # nosec  # trufflehog:ignore\n'
    assert len(of(Credential, run({"a.py": line}))) == 1


def test_encrypted_values_are_no_secrets(run):
    body = assemble("{b64:60}")
    records = run({
        "a.yaml": f"password: ENC[AES256_GCM,data:{body},type:str]\napi_key: encrypted:{body}\n",
        "b.yaml": f"secret: $ANSIBLE_VAULT;1.1;AES256\ntoken: vault:v1:{body}\nkey: ${{{{ secrets.API_KEY }}}}\n",
        "c.py": 'api_key = os.environ["API_KEY"]\npassword = get_secret("db")\ntoken: str = config.token\n',
    })  # fmt: skip
    assert of(Credential, records) == []


def test_what_is_skipped_is_counted(run):
    records = run({"a.bin": b"\0\1", "b.py": "x"})
    (gap,) = of(Gap, records)
    assert gap.detail == "1 binary files: a.bin"


def test_invented_values_in_tests_are_doubted_and_not_hidden(run):
    records = run(
        {"tests/test_a.py": f'api_key = "{OPENAI}"\npassword = "{PASSWORD}"\n', "app.py": f'password = "{PASSWORD}"\n'}
    )
    levels = {c.id.partition("#")[2]: c.confidence for c in of(Credential, records)}
    assert levels == {
        "app.py:password:1": Confidence.HIGH, "tests/test_a.py:api_key:1": Confidence.MEDIUM,
        "tests/test_a.py:password:1": Confidence.LOW,
    }  # fmt: skip


def test_no_value_is_in_any_record(run):
    dsn = f"postgres://app:{PASSWORD}@db.acme.io/app"
    records = run({
        "prod.env": f"AWS_ACCESS_KEY_ID={AWS_ID}\nAWS_SECRET_ACCESS_KEY={AWS_SECRET}\nK={OPENAI}\nDATABASE_URL={dsn}\n",
        "a.py": f'requests.get("https://svc:{PASSWORD}@git.acme.io/x")\npassword = "{PASSWORD}"\n',
        "url.txt": f"https://{assemble('ghp_{crc}')}:x-oauth-basic@github.com/acme/shop\n",
    })  # fmt: skip
    assert len(of(Exposure, records)) >= 7
    shown = repr(records)
    for value in (AWS_SECRET, OPENAI, PASSWORD, assemble("ghp_{crc}")):
        assert value not in shown
