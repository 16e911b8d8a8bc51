"""Which configuration, baseline and inline ignores hold for a run, and where they come from.

With a policy ref all three are taken from that git ref of the audited repository, so that a pull request cannot
suppress its own finding; an inline ignore then counts only where the same lines stood at that ref.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan import cache
from nhiscan.collect.protocol import TargetKind
from nhiscan.collect.targets import parse as parse_target
from nhiscan.collectors.repo._git import Git, GitError, find_root
from nhiscan.config import Config, load, parse
from nhiscan.config.load import FILE_NAME
from nhiscan.detect.inline import inline_ignores
from nhiscan.triage import baseline as baselines
from nhiscan.triage.result import Notice

if TYPE_CHECKING:
    from collections.abc import Callable

    from nhiscan.api.options import Options
    from nhiscan.triage.baseline import Baseline


class PolicyError(Exception):
    """A policy ref that cannot be read; `remedy` says what would."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def _everything(_uri: str, _line: int) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Policy:
    """What a run obeys.

    `options` are completed from a trusted configuration; `inline_allowed(uri, line)` tells whether the inline ignore
    written there counts.
    """

    options: Options
    config: Config = field(default_factory=Config)
    baseline: Baseline | None = None
    inline_allowed: Callable[[str, int], bool] = _everything
    notices: tuple[Notice, ...] = ()


def load_policy(options: Options) -> Policy:
    """Read configuration and baseline.  Raises ConfigError, BaselineError and PolicyError."""
    cache.use(options.cache_dir)
    config = Config()
    if options.config_path is not None:
        config = load(options.config_path, trusted=True, shown=str(options.config_path))
        options = _completed(options, config)
    root = _root(options)
    if options.policy_ref is not None:
        return _at_ref(options, config, root)
    if options.config_path is None and options.use_config and root is not None and (root / FILE_NAME).is_file():
        config = load(root / FILE_NAME, trusted=False)
    return Policy(options, config, _baseline(options, config, root))


def _completed(options: Options, config: Config) -> Options:
    if config.targets and not options.named:
        options = dataclasses.replace(options, targets=tuple(parse_target(text) for text in config.targets))
    return dataclasses.replace(
        options,
        rules=(*map(Path, config.rules), *options.rules),
        save=options.save or (Path(config.save) if config.save else None),
        redact=options.redact | frozenset(config.redact),
    )


def _root(options: Options) -> Path | None:
    """The root of the first path target: the top of its repository, or the directory itself."""
    for target in options.targets:
        if target.kind is TargetKind.PATH:
            path = Path(target.value)
            directory = path if path.is_dir() else path.parent
            return find_root(directory) or directory
    return None


def _baseline(options: Options, config: Config, root: Path | None) -> Baseline | None:
    if options.baseline is not None:
        return baselines.load(options.baseline)
    if config.baseline is None:
        return None
    base = options.config_path.parent if options.config_path else root
    return baselines.load((base or Path()) / config.baseline)


def _at_ref(options: Options, config: Config, root: Path | None) -> Policy:
    ref = options.policy_ref or ""
    commit = _commit(root, ref) if root is not None else None
    if root is None or commit is None:
        msg = f"--policy-ref {ref!r} is no commit of the audited repository"
        raise PolicyError(msg, "fetch the ref first (actions/checkout: fetch-depth: 0) and name it, e.g. origin/main")
    if options.config_path is None and options.use_config:
        raw = _show(root, commit, FILE_NAME)
        config = Config() if raw is None else parse(raw, f"{ref}:{FILE_NAME}", trusted=False)
    known, notices = _baseline_at(options, config, root, commit, ref)
    return Policy(options, config, known, _InlineAt(root, commit), notices)


def _commit(root: Path, ref: str) -> str | None:
    """The commit a ref names; None when it names none, or looks like an option."""
    if ref.startswith("-"):
        return None
    try:
        out = Git(root).run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    except GitError:
        return None
    return out.decode("ascii", "replace").strip() or None


def _show(root: Path, commit: str, path: str) -> bytes | None:
    """A file as it stood at a commit; None when it was not there."""
    try:
        return Git(root).run("cat-file", "blob", f"{commit}:{path}")
    except GitError:
        return None


def _baseline_at(
    options: Options, config: Config, root: Path, commit: str, ref: str
) -> tuple[Baseline | None, tuple[Notice, ...]]:
    name = options.baseline or (Path(config.baseline) if config.baseline else None)
    if name is None:
        return None, ()
    try:
        inner = (Path.cwd() / name if options.baseline else root / name).resolve().relative_to(root).as_posix()
    except ValueError:
        msg = f"the baseline {name} lies outside the repository, so {ref} has none"
        raise PolicyError(msg, "name a baseline inside the repository together with --policy-ref") from None
    raw = _show(root, commit, inner)
    if raw is None:
        return None, (Notice("policy", f"{ref} has no baseline {inner}: every finding counts as new"),)
    return baselines.parse(raw, f"{ref}:{inner}"), ()


class _InlineAt:
    """Whether an inline ignore of the work tree stood, with the line it covers, at a commit too.

    Compared by text, because lines move; counted, because copying an ignored line must not ignore the copy.
    """

    def __init__(self, root: Path, commit: str) -> None:
        self._root = root
        self._commit = commit
        self._files: dict[str, frozenset[int]] = {}

    def __call__(self, uri: str, line: int) -> bool:
        if uri not in self._files:
            self._files[uri] = self._allowed(uri)
        return line in self._files[uri]

    def _allowed(self, uri: str) -> frozenset[int]:
        old = _show(self._root, self._commit, uri)
        if old is None:
            return frozenset()
        try:
            new = (self._root / uri).read_bytes()
        except OSError:
            return frozenset()
        known = Counter(_covered(old, i.line) for i in inline_ignores(old))
        allowed = set()
        for ignore in inline_ignores(new):
            text = _covered(new, ignore.line)
            if known[text] > 0:
                known[text] -= 1
                allowed.add(ignore.line)
        return frozenset(allowed)


def _covered(data: bytes, line: int) -> bytes:
    """The ignore's own line and the next one, which it may speak of."""
    return b"\n".join(part.strip() for part in data.splitlines()[max(line - 2, 0) : line + 1])
