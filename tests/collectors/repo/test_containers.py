from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.nodes import Document, MalformedError
from nhiscan.collectors.repo._config.records import Book
from nhiscan.collectors.repo._containers import names
from nhiscan.collectors.repo._containers.compose import compose, parse_compose
from nhiscan.collectors.repo._containers.devcontainer import devcontainer
from nhiscan.collectors.repo._containers.dockerfile import dockerfile, parse_dockerfile, steps
from nhiscan.collectors.repo._containers.records import host_place, kind_of, pin_of
from nhiscan.model import Consumer, Credential, Use
from nhiscan.plugin import Visibility
from nhiscan.sensitive import FingerprintKey

READERS = {
    "compose": (parse_compose, compose),
    "dockerfile": (parse_dockerfile, dockerfile),
    "devcontainer": (parse_json, devcontainer),
}
CASES = Path(__file__).resolve().parents[3] / "fixtures" / "collectors" / "repo.containers"


def told(kind: str, text: str) -> list:
    parse, tell = READERS[kind]
    document = Document("f", parse(text), Visibility.TRACKED)
    return list(tell(document, Book("dir:x", "repo.containers", FingerprintKey(b"k" * 32))))


def only(records: list, kind: type) -> list:
    return [r for r in records if isinstance(r, kind)]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("docker-compose.yml", "compose"), ("a/compose.yaml", "compose"), ("docker-compose.prod.yml", "compose"),
        ("compose-dev.yaml", "compose"), ("docker-stack.yml", "compose"), ("decompose.yml", None), ("app.yml", None),
        ("Dockerfile", "dockerfile"), ("a/Dockerfile.dev", "dockerfile"), ("api.Dockerfile", "dockerfile"),
        ("Containerfile", "dockerfile"), ("Dockerfile.md", None), ("dockerfile.py", None), ("notes.txt", None),
        (".devcontainer/devcontainer.json", "devcontainer"), (".devcontainer.json", "devcontainer"), ("x.json", None),
    ],
)  # fmt: skip
def test_a_path_says_which_reader_may_look(path, kind):
    assert names.kind_of(path) == kind


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/var/run/docker.sock", "docker_socket"), ("/run/podman/podman.sock", "docker_socket"),
        ("$SSH_AUTH_SOCK", "ssh_agent"), ("~/.ssh", "ssh_keys"), ("${HOME}/.ssh/id_ed25519", "ssh_keys"),
        ("~/.aws", "cloud_profile"), ("${localEnv:HOME}/.config/gcloud", "cloud_profile"), ("~/.kube/config", "kubeconfig"),
        ("~/.docker/config.json", "registry_login"), ("~/.npmrc", "credential_file"), ("~", "home"), ("/", "root"),
        ("./src", None), ("data", None), ("./awsome", None), ("~/.ssh/known_hosts", None), ("~/.cache", None),
    ],
)  # fmt: skip
def test_mounted_paths_say_what_of_the_machine_they_hand_over(path, place):
    assert host_place(path) == place


@pytest.mark.parametrize(
    ("image", "argv", "kind"),
    [
        ("mcp/github", [], "tool_server"), ("ghcr.io/acme/mcp-server:1", [], "tool_server"),
        (None, ["uvx", "mcp-server-git"], "tool_server"), ("acme/claude-code:2", [], "agent"),
        ("acme/decampment", [], "workload"), ("postgres", ["postgres", "-c", "a=b"], "workload"),
    ],
)  # fmt: skip
def test_images_and_commands_say_what_runs(image, argv, kind):
    assert kind_of(image, argv) == kind


def test_the_pin_of_an_image_is_open_where_a_variable_decides():
    assert [pin_of(i) for i in (None, "a:${TAG}", "a", "a:latest", "a:1")] == [None, None, "none", "latest", "tag"]


def test_a_file_without_services_is_no_compose_file():
    assert told("compose", "services: [a]") == []
    assert told("compose", "services: {a: {title: x}}") == []
    assert told("compose", "# nothing\n") == []


def test_what_weakens_the_walls_is_told_in_the_words_of_the_file():
    text = (
        "services: {a: {image: x, pid: host, cap_add: [NET_BIND_SERVICE, ALL], security_opt: ['seccomp:unconfined']}}"
    )
    assert only(told("compose", text), Consumer)[0].sandbox == "pid: host, cap_add: ALL, unconfined"


def test_variables_in_every_notation_and_doubled_dollars():
    records = told(
        "compose",
        "services:\n  a:\n    image: x\n    environment: [API_TOKEN, 'DB_PASSWORD=${DB_PASSWORD:?needed}', 'OTHER_TOKEN=$$']\n"
        "    build: {args: {NPM_TOKEN: '${NPM_TOKEN}'}}\n    command: run --token ${CLI_TOKEN}\n"
        "    volumes: ['${SOCK:-/var/run/docker.sock}:/s', 'named:/d']\n    configs: [api_key]\n",
    )
    names = {c.id.rpartition(":")[2] for c in only(records, Credential)}
    assert {"API_TOKEN", "NPM_TOKEN", "CLI_TOKEN"} <= names
    assert {(u.name, str(u.form)) for u in only(records, Use) if u.place == "file"} == {("api_key", "dangling")}


def test_a_secret_written_into_the_file_is_a_value():
    text = "services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {content: Zx9kQ2mVb7Lp4RtY}}\n"
    assert {str(u.form) for u in only(told("compose", text), Use)} == {"reference", "literal"}


def test_instructions_are_joined_over_lines_comments_and_heredocs():
    text = "# escape=`\nFROM a\nRUN x `\n# note\n  y\nnonsense here\nCOPY <<E /f\nRUN not me\nE\nONBUILD RUN z\n"
    assert [(s.word, s.line) for s in steps(text)] == [("FROM", 2), ("RUN", 3), ("COPY", 7), ("RUN", 10)]
    assert next(s for s in steps(text) if s.word == "RUN").text.split() == ["x", "y"]


@pytest.mark.parametrize("text", ["RUN x\n", "ENV A=b\nFROM x\n"])
def test_a_file_that_begins_with_no_image_is_no_dockerfile(text):
    with pytest.raises(MalformedError):
        parse_dockerfile(text)


def test_prose_under_the_name_of_a_dockerfile_says_nothing():
    assert told("dockerfile", "What our images have in common.\n") == []
    assert told("dockerfile", "ARG A\n") == []


def test_the_last_stage_and_user_count():
    text = "FROM a:1 AS base\nUSER app\nFROM base\nUSER 0:0\nADD https://u:Zx9kQ2mVb7Lp4RtY@h.example.org/x /x\nENTRYPOINT /run\n"
    (image,) = only(told("dockerfile", text), Consumer)
    assert (image.package, image.sandbox) == ("a:1", "root")
    assert only(told("dockerfile", "FROM scratch\nENV TOKEN=$T\n"), Consumer)[0].package is None


def test_copied_key_files_are_told_and_samples_and_stages_are_not():
    text = 'FROM a\nCOPY id_rsa server.key .env.example ca.pem /x/\nCOPY --from=b id_rsa /y\nCOPY [".aws/credentials", "/z"]\n'
    assert [u.name for u in only(told("dockerfile", text), Use)] == ["id_rsa", "server.key", ".aws/credentials"]


def test_a_development_container_tells_what_it_takes_from_the_machine():
    text = (
        '{"image": "x", "runArgs": ["--network", "host", "--volume=/:/host", "--mount", "type=bind,source=/root,target=/r"],'
        ' "mounts": "source=vol,target=/v", "remoteEnv": {"T_TOKEN": "${localEnv:OTHER}", "PATH": "${localEnv:PATH}"}}'
    )
    records = told("devcontainer", text)
    assert only(records, Consumer)[0].host_network is True
    assert {u.name for u in only(records, Use)} == {"home", "root", "T_TOKEN"}
    assert told("devcontainer", '{"title": "x"}') == []


def test_any_change_of_a_file_is_read_or_malformed():
    chance = random.Random(3)
    sources = [(p, p.read_text(encoding="utf-8")) for p in sorted(CASES.rglob("input/**/*")) if p.is_file()]
    for _ in range(200):
        path, text = chance.choice(sources)
        kind = names.kind_of(path.name) or "compose"
        for _ in range(3):
            at = chance.randrange(len(text) + 1)
            text = (
                text[:at]
                + chance.choice(["{", "}", '"', "$", "\n", "\\\n", "<<E\n", ""])
                + text[at + chance.randrange(9) :]
            )
        with contextlib.suppress(MalformedError):
            told(kind, text)
