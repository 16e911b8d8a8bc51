from __future__ import annotations

import pytest

from nhiscan.collectors.repo._config.launch import read_launch, split_command
from nhiscan.plugin import Pin

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("argv", "launcher", "package", "pin"),
    [
        ("npx -y pkg", "npx", "pkg", "none"),
        ("npx -y @scope/pkg", "npx", "@scope/pkg", "none"),
        ("npx -y @scope/pkg@1.2.3", "npx", "@scope/pkg@1.2.3", "exact"),
        ("npx pkg@1.2.3-beta.1 --flag", "npx", "pkg@1.2.3-beta.1", "exact"),
        ("npx pkg@latest", "npx", "pkg@latest", "latest"),
        ("npx pkg@next", "npx", "pkg@next", "tag"),
        ("npx pkg@^1.2.0", "npx", "pkg@^1.2.0", "range"),
        ("npx pkg@1", "npx", "pkg@1", "range"),
        ("npx pkg@1.x", "npx", "pkg@1.x", "range"),
        ("npx --package=a@1.0.0 b", "npx", "a@1.0.0", "exact"),
        ("npx -p a@1.0.0 b", "npx", "a@1.0.0", "exact"),
        ("npx https://e.example.org/p.tgz", "npx", "https://e.example.org/p.tgz", "url"),
        ("npx github:o/r", "npx", "github:o/r", "url"),
        (f"npx github:o/r#{SHA}", "npx", f"github:o/r#{SHA}", "digest"),
        ("npx ./tool", "npx", "./tool", "local"),
        ("npx ${PKG}", "npx", "${PKG}", None),
        ("npx -y", "npx", None, None),
        ("npx.cmd -y pkg@1.0.0", "npx", "pkg@1.0.0", "exact"),
        (r"C:\nodejs\npx.cmd pkg", "npx", "pkg", "none"),
        ("cmd /c npx -y pkg@latest", "npx", "pkg@latest", "latest"),
        ("bash -c|npx -y pkg@2.0.0 --x", "npx", "pkg@2.0.0", "exact"),
        ("sh -c|cd /srv && exec npx pkg", "npx", "pkg", "none"),
        ("sh -c|cd /srv", "sh", None, "local"),
        ("env A=b npx pkg", "npx", "pkg", "none"),
        ("env", "env", None, "local"),
        ("pnpm dlx pkg@1.0.0", "pnpm", "pkg@1.0.0", "exact"),
        ("yarn dlx pkg", "yarn", "pkg", "none"),
        ("bun x pkg", "bun", "pkg", "none"),
        ("bunx pkg", "bunx", "pkg", "none"),
        ("npm exec pkg@1.0.0", "npm", "pkg@1.0.0", "exact"),
        ("npm run server", "npm", None, "local"),
        ("uvx pkg", "uvx", "pkg", "none"),
        ("uvx pkg==1.2", "uvx", "pkg==1.2", "exact"),
        ("uvx pkg@1.2", "uvx", "pkg@1.2", "exact"),
        ("uvx pkg@latest", "uvx", "pkg@latest", "latest"),
        ("uvx pkg>=1.2", "uvx", "pkg>=1.2", "range"),
        ("uvx --python 3.12 --from pkg[x]==2.0.1 tool", "uvx", "pkg[x]==2.0.1", "exact"),
        (
            f"uvx --from git+https://g.example.org/o/r@{SHA} tool",
            "uvx",
            f"git+https://g.example.org/o/r@{SHA}",
            "digest",
        ),
        ("uvx --from git+https://g.example.org/o/r@v1 tool", "uvx", "git+https://g.example.org/o/r@v1", "tag"),
        ("uvx --from git+https://g.example.org/o/r tool", "uvx", "git+https://g.example.org/o/r", "url"),
        ("uvx --from . tool", "uvx", ".", "local"),
        ("uvx --from ./pkg tool", "uvx", "./pkg", "local"),
        ("uvx", "uvx", None, None),
        ("uv tool run pkg==1.0.0", "uv", "pkg==1.0.0", "exact"),
        ("uv run --directory /srv server.py", "uv", None, "local"),
        ("pipx run pkg", "pipx", "pkg", "none"),
        ("pipx run --spec pkg==1.0.0 tool", "pipx", "pkg==1.0.0", "exact"),
        ("docker run -i --rm org/img", "docker", "org/img", "none"),
        ("docker run -i --rm -e A=b --name x org/img:1.2 serve", "docker", "org/img:1.2", "tag"),
        ("docker run --network=host img:latest", "docker", "img:latest", "latest"),
        (f"docker run img@sha256:{'a' * 64}", "docker", f"img@sha256:{'a' * 64}", "digest"),
        ("podman container run reg.example.org:5000/img", "podman", "reg.example.org:5000/img", "none"),
        ("docker run ${IMAGE}", "docker", "${IMAGE}", None),
        ("docker run -i", "docker", None, None),
        ("docker mcp gateway run", "docker", "mcp gateway", None),
        ("docker compose run x", "docker", "compose run", None),
        ("docker", "docker", None, None),
        ("node server.js", "node", None, "local"),
        ("python3.11 -m shop.server", "python3.11", "shop.server", "local"),
        ("deno run -A https://d.example.org/x.ts", "deno", "https://d.example.org/x.ts", "url"),
        ("deno run npm:pkg@1.0.0", "deno", "npm:pkg@1.0.0", "exact"),
        ("deno run x.ts", "deno", None, "local"),
        ("go run example.org/x@v1.2.3", "go", "example.org/x@v1.2.3", "exact"),
        ("go run ./cmd", "go", None, "local"),
        ("/usr/bin/server --x", "server", None, "local"),
        ("", None, None, None),
    ],
)
def test_launcher_package_and_pin(argv, launcher, package, pin):
    head, _, script = argv.partition("|")
    launch = read_launch(head.split() + ([script] if script else []))
    assert (launch.launcher, launch.package, launch.pin) == (launcher, package, Pin(pin) if pin else None)


def test_a_proxy_is_told_by_its_name():
    assert read_launch(["npx", "-y", "mcp-remote@0.1.0", "https://m.example.org"]).proxied
    assert not read_launch(["npx", "-y", "mcp-remotely"]).proxied


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("docker run --rm img", ["docker", "run", "--rm", "img"]),
        (r"C:\Program Files\nodejs\npx.cmd", [r"C:\Program Files\nodejs\npx.cmd"]),
        ("node 'a b", ["node", "'a", "b"]),
        (" x ", ["x"]),
        ("  ", []),
    ],
)
def test_one_long_command_is_split_and_a_path_is_not(command, words):
    assert split_command(command) == words
