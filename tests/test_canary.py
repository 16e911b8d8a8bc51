"""No secret leaves: values planted in every kind of file and field occur in no output, spool, cache or error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import AS_OF, text_of

INNER = 12


@pytest.fixture(scope="module")
def canaries(tokens):
    """A maker of values: each call gives a new one of the wanted form and remembers it."""

    class Canaries:
        def __init__(self):
            self.values = {}

        def __call__(self, form, place):
            maker = getattr(tokens, form)
            many = {"stripe": ("live",), "jwt": ("service_role",), "gcp_key_json": ("acme-canary",)}
            value = maker(*many.get(form, ()), f"canary-{place}")
            self.values[place] = value
            return value

        def secret_parts(self):
            """What must not occur: the value, and 12 characters from the middle of its secret part."""
            for place, value in self.values.items():
                secret = proof(value)
                middle = len(secret) // 2
                yield place, secret
                yield place, secret[middle - INNER // 2 : middle + INNER // 2]

    return Canaries()


def proof(value):
    """The secret part of a value: of a key file the key, of a JWT the signature."""
    if value.startswith("{"):
        return "".join(json.loads(value)["private_key"].split("\n")[1:-2])
    if value.startswith("eyJ"):
        return value.rpartition(".")[2]
    return "".join(value.split("\n")[1:-1]) if "PRIVATE KEY" in value else value


def servers(make, client):
    """One tool server per way to hand over a credential."""
    pat, key, word = (lambda p, f=f: make(f, f"{client}-{p}") for f in ("github_pat", "openai", "password"))
    nested = json.dumps({"headers": {"Authorization": f"Bearer {word('nested')}"}, "openai": key("nested-key")})
    return {
        "env": {"command": "npx", "args": ["-y", "srv"], "env": {"GITHUB_TOKEN": pat("env"), "API_KEY": word("env-w")}},
        "header": {"type": "http", "url": "https://mcp.acme.example/a", "headers": {"X-Api-Key": word("header"),
                   "Authorization": f"Bearer {word('bearer')}"}},
        "flag": {"command": "npx", "args": ["srv", "--token", word("flag"), f"--api-key={word('flag-eq')}"]},
        "docker": {"command": "docker", "args": ["run", "-e", f"API_KEY={word('docker-e')}", "img:1"]},
        "dsn": {"command": "npx", "args": ["srv", f"postgres://app:{word('dsn')}@db.acme.example:5432/app"]},
        "userinfo": {"url": f"https://bot:{word('userinfo')}@mcp.acme.example/sse"},
        "query": {"url": f"https://mcp.acme.example/sse?api_key={word('query')}&token={pat('query-pat')}"},
        "path": {"url": f"https://mcp.acme.example/{pat('path')}/sse"},
        "shell": {"command": "sh", "args": ["-c", f"GITHUB_TOKEN={pat('shell')} exec srv"]},
        "bare": {"command": pat("command"), "args": [key("bare")], "cwd": f"/srv/{pat('cwd')}"},
        "string": {"command": "srv", "env": {"CONFIG": nested}},
        f"name-{pat('name')}": {"command": "srv", "env": {pat("env-name"): "x", "TOKEN": "${" + pat("reference") + "}"}},
        "package": {"command": "npx", "args": [f"srv@{pat('version')}"], "description": key("description")},
    }  # fmt: skip


def codex(make):
    return "\n".join((
        'approval_policy = "never"',
        "[mcp_servers.one]",
        'command = "npx"',
        f'args = ["srv", "--token", "{make("password", "toml-arg")}"]',
        f'env = {{ API_KEY = "{make("password", "toml-env")}" }}',
        "[mcp_servers.two]",
        'url = "https://mcp.acme.example"',
        f'http_headers = {{ Authorization = "Bearer {make("password", "toml-header")}" }}',
        f'[projects."/srv/{make("github_pat", "toml-project")}"]',
        'trust_level = "trusted"',
        "",
    ))  # fmt: skip


def settings(make):
    hook = {"type": "command", "command": f"curl -H 'Authorization: Bearer {make('github_pat', 'hook')}' https://x"}
    helper = f"sh -c 'echo {make('anthropic', 'helper')}'"
    allow = [
        f"Bash(curl -H 'X-Key: {make('github_pat', 'pattern')}' *)",
        f"WebFetch(domain:{make('openai', 'domain')})",
    ]
    return {
        "env": {"ANTHROPIC_API_KEY": make("anthropic", "settings-env")},
        "permissions": {"allow": [*allow, f"mcp__{make('github_pat', 'mcp-pattern')}__run"], "defaultMode": "acceptEdits"},
        "hooks": {"PreToolUse": [{"matcher": make("github_pat", "matcher"), "hooks": [hook]}]},
        "apiKeyHelper": helper,
    }  # fmt: skip


def code(make):
    gcp = make("gcp_key_json", "gcp")
    return {
        "src/app.py": f'x = ChatOpenAI(api_key="{make("openai", "call")}")\nSTRIPE = "{make("stripe", "stripe")}"\n',
        "src/conf.py": f'DB = "postgres://u:{make("password", "code-dsn")}@db.acme.example/x"\n',
        "src/sup.js": f'createClient("https://x.supabase.co", "{make("jwt", "jwt")}")\n',
        "src/key.pem": make("private_key", "pem") + "\n",
        "src/sa.json": gcp,
        "src/escaped.yaml": f"sa: {json.dumps(gcp)}\ncache_key: {make('github_pat', 'cache-key')}\n",
        "src/slack.rb": f"Slack.new(token: '{make('slack_bot', 'slack')}') # {make('github_pat', 'comment')}\n",
        "src/aws.ini": f"[default]\naws_secret_access_key = {make('aws_secret', 'aws')}\n",
        "src/names.py": f'd["{make("github_pat", "key-name")}"] = "{make("github_pat", "of-key")}"\n',
        "src/login.txt": f"https://{make('github_pat', 'login')}:x-oauth-basic@github.com/a/b\n",
        "src/odd.txt": f"Authorization: Basic {make('github_pat', 'basic')}\npassword = {make('password', 'word')}\n",
        "src/skip.py": f'T = "{make("github_pat", "skipped")}"  # nhiscan: ignore NS-LEK-001 -- '
        f"was {make('github_pat', 'ignore-reason')}\n",
        "src/bad.py": f"# nhiscan: ignore {make('github_pat', 'ignore-rule')} -- no such rule\n",
        "src/args.js": f'connect("{make("password", "argument")}", "{make("github_pat", "second")}")\n',
        ".npmrc": f"//npm.acme.example/:_authToken={make('npm', 'npm')}\n",
        ".env": f"OPENAI_API_KEY={make('openai', 'dotenv')}\nDB_PASSWORD={make('password', 'dotenv-w')}\n",
        ".github/CODEOWNERS": f"# {make('github_pat', 'codeowners-comment')}\n* @acme/{make('github_pat', 'owner')}\n",
    }  # fmt: skip


@pytest.fixture(scope="module")
def estate(assemble, canaries, tmp_path_factory):
    """The example estate with a canary in every kind of file and field."""
    out = assemble(tmp_path_factory.mktemp("canary") / "acme")
    repo = out / "repo"
    put = {name: json.dumps({"mcpServers": servers(canaries, name)}) for name in
           (".mcp.json", ".cursor/mcp.json", ".gemini/settings.json", "desk/claude_desktop_config.json")}  # fmt: skip
    inputs = [{"type": "promptString", "id": "k", "description": canaries("github_pat", "input"), "default":
               canaries("github_pat", "input-default")}]  # fmt: skip
    put[".vscode/mcp.json"] = json.dumps({"servers": servers(canaries, "vscode"), "inputs": inputs})
    put[".claude/settings.json"] = json.dumps(settings(canaries))
    put[".codex/config.toml"] = codex(canaries)
    put["broken/.mcp.json"] = '{"mcpServers": {"a": {"env": {"T": "' + canaries("github_pat", "broken") + '"} oops'
    put["broken/.codex/config.toml"] = f"a = '{canaries('github_pat', 'broken-toml')}' = {canaries('github_pat', 'b2')}"
    put |= code(canaries)
    for name, text in put.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(text)
    return out


@pytest.fixture
def committed(estate, canaries, git):
    """The estate, committed by somebody whose name and message hold a value as well."""
    repo = estate / "repo"
    if "author" not in canaries.values:
        author = f"Bot {canaries('github_pat', 'author')} <{canaries('github_pat', 'mail')}@acme.example>"
        git(repo, "add", "-A", "-f", ".")
        git(repo, "commit", "-q", "--author", author, "-m", f"add {canaries('openai', 'message')}")
        git(repo, "config", "remote.origin.url", f"https://x:{canaries('github_pat', 'remote')}@github.com/acme/e.git")
    return estate


def clean(canaries, outputs):
    """Fail with every place whose value occurs in an output, never printing the value."""
    seen = {}
    for place, part in canaries.secret_parts():
        seen |= {f"{place}: {where[-60:]}": None for where, text in outputs if part in text}
    assert not seen, "\n".join(sorted(seen))


def below(*places):
    return [(str(p), text_of(p)) for place in places for p in place.rglob("*") if p.is_file()]  # fmt: skip


def test_planted_values_occur_nowhere(nhiscan, committed, canaries, tmp_path, home, monkeypatch):
    monkeypatch.chdir(tmp_path)
    targets = (committed / "repo", f"snapshot:{committed / 'aws'}")
    files = [part for name in ("r.json", "r.sarif") for part in ("-o", tmp_path / "out" / name)]
    (tmp_path / "out").mkdir()
    outputs = []

    def run(*argv, code=None):
        done = nhiscan(*argv)
        outputs.append((" ".join(map(str, argv[:4])), done.text))
        assert code is None or done.code == code, done.err
        return done

    keep = ("--save", tmp_path / "run", "--include-people", *files)
    run("audit", *targets, "--as-of", AS_OF, "-j", 1, "-vv", *keep, code=1)
    found = json.loads((tmp_path / "out" / "r.json").read_text())
    assert found["summary"]["inventory"]["credential"] > 80
    saved = f"snapshot:{tmp_path / 'run'}"
    for form in ("table", "json", "csv"):  # json prints every table
        run("inventory", saved, "-f", form, code=0)
    run("query", "SELECT c.*, e.* FROM credential c JOIN exposure e ON e.credential_id = c.id", saved, code=0)
    run("explain", next(f["id"] for f in found["findings"] if f["rule"]["id"] == "NS-LEK-001"), saved, code=0)
    run("doctor", *targets)
    run("baseline", "create", saved, "-o", tmp_path / "out" / "baseline.json", "--as-of", AS_OF, "-q", code=0)
    clean(canaries, [*outputs, *below(tmp_path / "out", tmp_path / "run", home)])


STAGES = (
    "nhiscan.collectors.repo._tree.Checkout.files",
    "nhiscan.collectors.repo._tree.Checkout.read",
    "nhiscan.collectors.repo._owners.blame",
    "nhiscan.collectors.repo._scan.credential",
    "nhiscan.collectors.repo._agents.grouping.records",
    "nhiscan.detect.scan.Scanner.confirmed",
    "nhiscan.detect.inline.inline_ignores",
    "nhiscan.collectors.aws._details.Details.page",
    "nhiscan.sensitive.FingerprintKey.fingerprint",
    "nhiscan.store.spool.UnitWriter.write",
    "nhiscan.store.spool.Spool.publish",
    "nhiscan.store.inventory.Inventory.ingest",
    "nhiscan.store.inventory.Inventory.lock",
    "nhiscan.analysis.run",
    "nhiscan.engine.evaluate.evaluate",
    "nhiscan.triage.assemble.triage",
    "nhiscan.report.json.write",
    "nhiscan.report.sarif.write",
    "nhiscan.report.text.write",
)


@pytest.fixture(scope="module")
def small(canaries, tmp_path_factory):
    """A directory with one leaked value and one agent, and that value."""
    root = tmp_path_factory.mktemp("small") / "shop"
    root.mkdir()
    value = canaries("github_pat", "small")
    (root / "app.py").write_text(f"TOKEN = '{value}'\n")
    (root / "known.py").write_text("x = 1  # nhiscan: ignore NS-LEK-001 -- nothing here\n")
    (root / ".mcp.json").write_text(json.dumps({"mcpServers": {"s": {"command": "x", "env": {"TOKEN": value}}}}))
    return root, value


@pytest.mark.parametrize("stage", STAGES)
def test_a_crash_that_carries_a_value_does_not_tell_it(nhiscan, acme, small, tmp_path, home, monkeypatch, stage):
    root, value = small
    crashed = []

    def crash(*_args, **_kwargs):
        crashed.append(stage)
        cause = KeyError(value)
        cause.add_note(value)
        raise RuntimeError(value, {"value": value}) from cause

    try:
        monkeypatch.setattr(stage, crash)
    except AttributeError:
        pytest.fail(f"{stage} is gone; name the stage that took its place")
    form = stage.split(".")[2] if ".report." in stage else "json"
    targets = (root, f"snapshot:{acme / 'aws'}") if ".aws." in stage else (root,)
    argv = ("audit", *targets, "--as-of", AS_OF, "-j", 1, "-vv", "-f", form, "--select", "LEK")
    done = nhiscan(*argv, "--save", tmp_path / "run")
    assert crashed
    assert "RuntimeError in test_canary.py" in done.text
    outputs = [("out", done.out), ("err", done.err), *below(tmp_path / "run", home)]
    assert [where for where, text in outputs if value[14:26] in text] == []


def test_a_worker_that_crashes_does_not_tell_it_either(program, small, tmp_path):
    root, value = small
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import nhiscan.detect.scan as s\n"
        "def crash(self, data, path, places):\n    raise RuntimeError(data)\n"
        "s.Scanner.confirmed = crash\n"
    )
    path = f"{tmp_path / 'site'}:{Path(__file__).resolve().parent.parent}"
    argv = ("audit", root, "-j", 2, "-vv", "-f", "json", "--select", "LEK", "--save", tmp_path / "run")
    done = program(*argv, env={"PYTHONPATH": path})
    assert "RuntimeError in sitecustomize.py" in done.text
    assert [w for w, text in [("text", done.text), *below(tmp_path / "run")] if value[14:26] in text] == []
