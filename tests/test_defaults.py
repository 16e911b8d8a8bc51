"""Defaults a security team can trust: one test for each promise, each of which fails when the promise is broken."""

from __future__ import annotations

import json
import shutil
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nhiscan.collect import registry
from nhiscan.sensitive import KEY_VARIABLE
from tests.conftest import AS_OF, ROOT

SECRET_NAME = "API_" + "TOKEN"


def secret(tokens, n=1):
    return tokens.github_pat(f"defaults-{n}")


@pytest.fixture
def repo(tmp_path, git, tokens):
    """A repository with one leaked token on line 3 of app.py."""
    path = tmp_path / "work" / "shop"
    path.mkdir(parents=True)
    git(path, "init", "-q")
    git(path, "config", "remote.origin.url", "https://github.com/acme-example/shop.git")
    (path / "app.py").write_text(f"import os\n\nGITHUB_TOKEN = '{secret(tokens)}'\n")
    git(path, "add", ".")
    git(path, "commit", "-q", "-m", "start")
    return path


LEAKS = ("--select", "LEK")
"""What can fail in a repository that only leaks: other rules would take most of the time."""


def audit(nhiscan, *targets, form="json", more=(), rules=LEAKS):
    return nhiscan("audit", *targets, "--as-of", AS_OF, "-j", 1, "-q", "-f", form, *rules, *more)


def ids(done):
    return sorted(f["id"] for f in done.json["findings"])


# Finding identity


def test_reports_do_not_depend_on_the_home_the_key_or_the_path(nhiscan, repo, tmp_path, monkeypatch):
    first = audit(nhiscan, repo, more=("--save", tmp_path / "run"), rules=())
    baseline = tmp_path / "baseline.json"
    assert nhiscan("baseline", "create", tmp_path / "run", "-o", baseline, "--as-of", AS_OF, "-q").code == 0
    elsewhere = tmp_path / "deep" / "other-name"
    shutil.copytree(repo, elsewhere)
    other_home = tmp_path / "home2"
    other_home.mkdir()
    monkeypatch.setenv("HOME", str(other_home))
    told = []
    for key, place in (("one", repo), ("two", elsewhere)):
        monkeypatch.setenv(KEY_VARIABLE, key)
        monkeypatch.chdir(place)
        done = audit(nhiscan, ".", more=("-o", tmp_path / f"{key}.sarif"))
        told.append((done.out, (tmp_path / f"{key}.sarif").read_text()))
    assert told[0] == told[1]
    again = audit(nhiscan, elsewhere, more=("--baseline", baseline, "--new-only"), rules=())
    assert again.code == 0
    assert {f["state"] for f in again.json["findings"]} == {"known"}
    assert ids(again) == ids(first)


def test_moving_lines_changes_no_finding(nhiscan, repo, git):
    before = ids(audit(nhiscan, repo))
    path = repo / "app.py"
    path.write_text("# a comment\n" * 40 + path.read_text())
    git(repo, "commit", "-q", "-am", "comment")
    assert ids(audit(nhiscan, repo)) == before != []


def test_uris_are_relative_to_the_repository(nhiscan, repo, monkeypatch):
    monkeypatch.chdir(repo.parent)
    found = audit(nhiscan, "shop").json["findings"]
    assert {loc["uri"] for f in found for loc in f["locations"]} == {"app.py"}


def test_sarif_names_its_category(nhiscan, repo):
    (run,) = audit(nhiscan, repo, form="sarif").json["runs"]
    assert run["automationDetails"]["id"].startswith("nhiscan/")


# Joining runs


def test_a_saved_run_says_what_it_is_and_joins_with_others(nhiscan, acme, tmp_path):
    for n, target in enumerate((acme / "repo", f"snapshot:{acme / 'aws'}")):
        assert audit(nhiscan, target, more=("--save", tmp_path / f"run{n}", "--fail-on", "none")).code == 0
    info = json.loads((tmp_path / "run0" / "run.json").read_text())
    assert {"schema", "tool", "key_id"} <= set(info)
    both = (f"snapshot:{tmp_path / 'run0'}", f"snapshot:{tmp_path / 'run1'}")
    joined = audit(nhiscan, *both, more=("--select", "NS-TOX-007"))
    rules = {f["rule"]["id"] for f in joined.json["findings"]}
    assert {"NS-TOX-007", "NS-LEK-001"} <= rules


def test_joining_under_two_keys_says_that_values_cannot_be_compared(nhiscan, repo, tokens, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "app.py").write_text(f"{SECRET_NAME} = '{secret(tokens, 3)}'\n")
    for n, target in enumerate((repo, other)):
        monkeypatch.setenv(KEY_VARIABLE, f"key {n}")
        audit(nhiscan, target, more=("--save", tmp_path / f"run{n}"))
    joined = nhiscan("audit", tmp_path / "run0", tmp_path / "run1", "--as-of", AS_OF, "-v", *LEAKS)
    assert "different fingerprint keys" in joined.out
    assert KEY_VARIABLE in joined.out


def test_a_newer_schema_is_refused(nhiscan, repo, tmp_path):
    audit(nhiscan, repo, more=("--save", tmp_path / "run"))
    marker = tmp_path / "run" / "run.json"
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"schema": 99}))
    done = audit(nhiscan, f"snapshot:{tmp_path / 'run'}")
    assert done.code == 2
    assert "upgrade nhiscan" in done.err


def test_targets_can_come_from_a_file(nhiscan, repo, tmp_path):
    listing = tmp_path / "targets.txt"
    listing.write_text(f"# ours\n{repo}\n\n")
    assert ids(audit(nhiscan, "--targets-file", listing)) == ids(audit(nhiscan, repo))


# Declared facts


def test_declared_facts_enter_the_inventory(nhiscan, acme):
    done = nhiscan(
        "inventory",
        f"snapshot:{acme / 'aws'}",
        "--config",
        ROOT / "fixtures/acme/nhiscan.yaml",
        "-f",
        "json",
        "-j",
        1,
        "-q",
    )
    declared = {(d["kind"], d["value"]) for d in done.json["declared"]}
    assert ("trusted_account", "210987654321") in declared
    assert any(i["class"] == "break_glass" for i in done.json["identity"])


# Nothing hides


def test_a_target_that_yields_nothing_is_not_hidden_by_the_others(nhiscan, repo, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert audit(nhiscan, empty).code == 4
    both = audit(nhiscan, repo, empty)
    assert both.code == 4
    assert "empty" in both.err
    assert audit(nhiscan, repo, empty, more=("--allow-failed-targets",)).code == 1
    assert audit(nhiscan, empty, more=("--allow-failed-targets",)).code == 4


def test_aws_without_credentials_exits_4_and_says_what_to_do(nhiscan, repo):
    done = audit(nhiscan, "aws", repo)
    assert done.code == 4
    assert "aws" in done.err
    assert "try:" in done.err


@pytest.fixture
def broken_rule(tmp_path):
    folder = tmp_path / "more" / "xxx"
    folder.mkdir(parents=True)
    text = (ROOT / "rules" / "lek" / "NS-LEK-001.yaml").read_text()
    text = (
        text.split("\ntests:")[0].replace("NS-LEK-001", "NS-XXX-001").replace("name: secret-in-source", "name: broken")
    )
    lines = [
        "fails_when: CAST(places AS INTEGER) / 0 > 1" if x.startswith("fails_when") else x for x in text.splitlines()
    ]
    (folder / "NS-XXX-001.yaml").write_text("\n".join(lines) + "\ntests: []\n")
    return tmp_path / "more"


def test_a_rule_that_breaks_is_shown_is_not_assessed_and_exits_5(nhiscan, repo, broken_rule):
    done = audit(nhiscan, repo, more=("--rules", broken_rule, "--select", "NS-XXX-001"))
    assert done.code == 5
    assert "NS-XXX-001" in done.err
    (coverage,) = [c for c in done.json["coverage"]["rules"] if c["rule"] == "NS-XXX-001"]
    assert coverage["failed"] == coverage["passed"] == 0
    assert coverage["gaps"]
    assert "NS-LEK-001" in {f["rule"]["id"] for f in done.json["findings"]}


def test_the_precedence_of_exit_codes(nhiscan, repo, broken_rule, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert audit(nhiscan, repo, empty, more=("--rules", broken_rule, "--select", "NS-XXX-001")).code == 5
    assert audit(nhiscan, empty, "no/such/path").code == 2
    assert audit(nhiscan, repo, empty, more=("--require-coverage",)).code == 4
    assert audit(nhiscan, repo, more=("--require-coverage",)).code == 1
    assert audit(nhiscan, repo, more=("--require-coverage", "--fail-on", "none"), rules=()).code == 3
    assert audit(nhiscan, repo, more=("--fail-on", "none")).code == 0


def test_a_pull_request_cannot_suppress_its_own_finding(nhiscan, repo, git, tokens):
    path = repo / "app.py"
    path.write_text(path.read_text().rstrip() + "  # nhiscan: ignore NS-LEK-001 -- trust me\n")
    (repo / "nhiscan.yaml").write_text("version: 1\nignore: [LEK]\nfail_on: none\n")
    git(repo, "checkout", "-q", "-b", "change")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "nothing to see")
    states = {f["rule"]["id"]: f["state"] for f in audit(nhiscan, repo, "--no-config").json["findings"]}
    assert states["NS-LEK-001"] == "suppressed"
    assert audit(nhiscan, repo).json["findings"] == []
    guarded = audit(nhiscan, repo, more=("--policy-ref", "main"))
    assert guarded.code == 1
    assert {f["rule"]["id"]: f["state"] for f in guarded.json["findings"]}["NS-LEK-001"] == "new"


def test_a_policy_of_the_ref_is_honoured(nhiscan, repo, git, tokens):
    path = repo / "app.py"
    path.write_text(path.read_text().rstrip() + "  # nhiscan: ignore NS-LEK-001 -- accepted\n")
    git(repo, "commit", "-q", "-am", "accept")
    git(repo, "checkout", "-q", "-b", "change")
    path.write_text("# moved\n" + path.read_text())
    done = audit(nhiscan, repo, more=("--policy-ref", "main"))
    assert {f["rule"]["id"]: f["state"] for f in done.json["findings"]}["NS-LEK-001"] == "suppressed"
    # The same ignore on another value is not the one that was accepted.
    path.write_text(path.read_text().replace(secret(tokens), secret(tokens, 2)))
    done = audit(nhiscan, repo, more=("--policy-ref", "main"))
    assert {f["rule"]["id"]: f["state"] for f in done.json["findings"]}["NS-LEK-001"] == "new"


@pytest.mark.parametrize("ref", ["no-such-ref", "--output=x"])
def test_a_policy_ref_that_does_not_exist_is_told(nhiscan, repo, ref):
    done = audit(nhiscan, repo, more=(f"--policy-ref={ref}",))
    assert done.code == 2
    assert "fetch the ref first" in done.err


@pytest.mark.parametrize("key", ["targets: [aws]", "output: [stolen.json]", "rules: [evil]", "save: x", "plugins: [x]"])
def test_a_found_configuration_cannot_steer_the_audit(nhiscan, repo, key):
    (repo / "nhiscan.yaml").write_text(f"version: 1\n{key}\n")
    done = audit(nhiscan, repo)
    assert done.code == 2
    assert "nhiscan.yaml:2" in done.err


def test_added_rules_never_replace_shipped_ones(nhiscan, repo, tmp_path):
    folder = tmp_path / "more" / "lek"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "rules" / "lek" / "NS-LEK-001.yaml", folder)
    done = audit(nhiscan, repo, more=("--rules", tmp_path / "more"))
    assert done.code == 2
    assert "NS-LEK-001" in done.err


# Network and disk


def test_auditing_a_path_opens_no_socket(nhiscan, acme, no_network):
    done = audit(nhiscan, acme / "repo", f"snapshot:{acme / 'aws'}", more=("--fail-on", "none"), rules=())
    assert done.code == 0
    assert done.json["findings"]


def test_a_saved_run_is_private_and_nothing_else_is_left(nhiscan, repo, tmp_path, monkeypatch):
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    audit(nhiscan, repo, more=("--save", tmp_path / "run"))
    for path in [tmp_path / "run", *(tmp_path / "run").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert list(scratch.iterdir()) == []


def test_outputs_replace_files_whole_and_refuse_links(nhiscan, repo, tmp_path):
    target = tmp_path / "precious"
    target.write_text("precious")
    link = tmp_path / "out.json"
    link.symlink_to(target)
    done = audit(nhiscan, repo, more=("-o", link))
    assert done.code == 2
    assert target.read_text() == "precious"


def test_no_cache_leaves_nothing_and_a_read_only_home_works(nhiscan, repo, home, monkeypatch):
    before = list(home.rglob("*"))
    assert audit(nhiscan, repo, more=("--no-cache",)).code == 1
    assert list(home.rglob("*")) == before
    blocked = home / "file"
    blocked.write_text("")
    monkeypatch.setenv("HOME", str(blocked / "missing"))
    assert audit(nhiscan, repo).code == 1


def test_a_cache_of_somebody_else_is_refused(nhiscan, repo, home):
    key = home / ".cache" / "nhiscan" / "fingerprint.key"
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_bytes(b"x" * 32)
    key.chmod(0o666)
    done = audit(nhiscan, repo)
    assert done.code == 2
    assert "chmod 600" in done.err


def test_the_cloud_client_goes_through_the_proxy_of_the_environment(nhiscan, repo, monkeypatch):
    asked = []

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            self.send_error(403)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, value in {
            "HTTP_PROXY": f"http://127.0.0.1:{server.server_port}", "NO_PROXY": "", "AWS_ENDPOINT_URL": "http://aws.acme.example",
            "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-west-1",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        done = audit(nhiscan, "aws", repo)
        server.shutdown()
    assert done.code == 4
    assert asked
    assert all(path.startswith("http://aws.acme.example") for path in asked)


def test_a_ca_bundle_of_the_environment_is_used(nhiscan, repo, monkeypatch, tmp_path):
    for name, value in {
        "AWS_CA_BUNDLE": str(tmp_path / "none.pem"), "AWS_ENDPOINT_URL": "https://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    seen = []
    monkeypatch.setattr("botocore.httpsession.get_cert_path", lambda verify: seen.append(verify) or str(verify))
    assert audit(nhiscan, "aws", repo).code == 4
    assert set(seen) == {str(tmp_path / "none.pem")}


# No leaks by diagnostics


@pytest.mark.parametrize("loud", ["-q", "-v", "-vv"])
def test_no_output_shows_a_value(nhiscan, repo, tokens, tmp_path, loud):
    files = [tmp_path / name for name in ("r.json", "r.sarif")]
    outputs = [part for file in files for part in ("-o", file)]
    done = nhiscan("audit", repo, "--as-of", AS_OF, "-j", 1, loud, *LEAKS, *outputs)
    assert done.code == 1
    for text in (done.text, *(file.read_text() for file in files)):
        assert "GITHUB_TOKEN lies in app.py" in text
        assert secret(tokens) not in text


@pytest.mark.parametrize("stage", ["nhiscan.analysis.run", "nhiscan.engine.evaluate.evaluate"])
def test_a_crash_is_a_bug_report_without_values(nhiscan, repo, tokens, monkeypatch, stage):
    def crash(*_args, **_kwargs):
        raise RuntimeError(secret(tokens))

    monkeypatch.setattr(stage, crash)
    done = audit(nhiscan, repo, more=("-vv",))
    assert done.code == 5
    assert "report it" in done.err
    assert secret(tokens) not in done.text


def test_people_stay_out_of_sarif_and_can_be_kept_out_of_everything(nhiscan, acme, tmp_path):
    targets = (acme / "repo", f"snapshot:{acme / 'aws'}")
    saved = ("--save", tmp_path / "run", "-o", tmp_path / "plain.json")
    sarif = audit(nhiscan, *targets, form="sarif", more=saved, rules=()).out
    assert "Marek Dvorak" not in sarif
    assert "@acme.example" not in sarif
    plain = (tmp_path / "plain.json").read_text()
    assert "Marek Dvorak" in plain
    assert "123456789012" in plain
    files = [tmp_path / name for name in ("r.json", "r.sarif")]
    outputs = [part for file in files for part in ("-o", file)]
    redacted = ("--redact", "people,accounts", *outputs)
    shown = audit(nhiscan, tmp_path / "run", form="text", more=redacted, rules=()).out
    for out in (shown, *(file.read_text() for file in files)):
        assert "is leaked and live" in out
        assert "Marek Dvorak" not in out
        assert "123456789012" not in out
    assert len(json.loads(files[0].read_text())["findings"]) == len(json.loads(plain)["findings"])


# Ignored files


def test_ignored_files_are_local_never_a_leak_and_what_was_skipped_is_counted(nhiscan, repo, git, tokens):
    (repo / ".gitignore").write_text(".env\n*.bin\n")
    (repo / ".env").write_text(f"PROD_GITHUB_TOKEN={secret(tokens, 5)}\n")
    (repo / "picture").write_bytes(b"\x00\x01" * 2000)
    git(repo, "add", ".gitignore", "picture")
    done = nhiscan("inventory", repo, "-f", "json", "-j", 1, "-q")
    places = {e["uri"]: e["visibility"] for e in done.json["exposure"]}
    assert places[".env"] == "local"
    assert places["app.py"] == "tracked"
    leaks = [f for f in audit(nhiscan, repo).json["findings"] if f["rule"]["id"] == "NS-LEK-001"]
    assert {loc["uri"] for f in leaks for loc in f["locations"]} == {"app.py"}
    assert any(g["reason"] == "skipped" and "1" in g["detail"] for g in done.json["gap"])


def test_an_untracked_file_is_scanned(nhiscan, repo, tokens):
    (repo / "new.py").write_text(f"{SECRET_NAME} = '{secret(tokens, 6)}'\n")
    leaks = audit(nhiscan, repo).json["findings"]
    assert "new.py" in {loc["uri"] for f in leaks for loc in f["locations"]}


# Extras and the rest


def test_a_target_whose_extra_is_missing_names_the_command(nhiscan, repo, monkeypatch):
    from nhiscan.collectors.aws.iam import IamCollector

    monkeypatch.setattr(IamCollector, "modules", ("no_such_cloud_sdk.client",), raising=False)
    monkeypatch.setattr(IamCollector, "extra", "cloud", raising=False)
    done = audit(nhiscan, "aws", repo)
    assert done.code == 2
    assert "no_such_cloud_sdk" in done.err
    assert "pip install 'nhiscan[cloud]'" in done.err
    assert audit(nhiscan, repo).code == 1


def test_the_shipped_pipeline_covers_the_three_systems():
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert all(system in text for system in ("ubuntu", "macos", "windows"))


def test_nothing_the_program_does_calls_home():
    for path in (ROOT / "nhiscan").rglob("*.py"):
        text = path.read_text()
        assert "urlopen" not in text, path
        # What google-auth signs in with.
        assert "import requests" not in text or path.parts[-3:-1] == ("collectors", "gcp"), path
        assert "http.client" not in text, path


def test_a_collector_that_breaks_never_looks_clean(nhiscan, repo, monkeypatch):
    from nhiscan.detect.scan import Scanner

    def broken(*_):
        raise RuntimeError

    monkeypatch.setattr(Scanner, "confirmed", broken)
    done = audit(nhiscan, repo, more=("--fail-on", "none"))
    assert done.code == 5
    assert "a collector broke" in done.err
    assert any(g["reason"] == "failed" for g in done.json["coverage"]["gaps"])


def test_a_saved_run_in_which_a_collector_broke_does_not_look_clean_when_it_is_joined(
    nhiscan, repo, tmp_path, monkeypatch
):
    from nhiscan.detect.scan import Scanner

    with monkeypatch.context() as patch:
        patch.setattr(Scanner, "confirmed", lambda *_: 1 / 0)
        assert audit(nhiscan, repo, more=("--save", tmp_path / "run")).code == 5
    joined = audit(nhiscan, tmp_path / "run", more=("--fail-on", "none"))
    assert joined.code == 5
    assert "ZeroDivisionError" in joined.err


def test_a_shipped_collector_that_cannot_name_its_units_is_a_bug_not_an_empty_target(nhiscan, repo, monkeypatch):
    for collector in map(registry.load, registry.names_for("path")):
        monkeypatch.setattr(type(collector), "units", lambda *_: iter([1 / 0]))
    done = audit(nhiscan, repo)
    assert done.code == 5
    assert "bug of nhiscan" in done.err
