"""What a path says of a file: whether it holds settings, code or prose, is generated, or belongs to tests."""

from __future__ import annotations

import functools
import re
from enum import Enum

VENDORED = frozenset({
    "vendor", "_vendor", "vendored", "third_party", "third-party", "thirdparty", "node_modules", "bower_components",
    "jspm_packages", "godeps", "site-packages",
})  # fmt: skip
"""Names, in lower case, of directories for code of others that is kept beside one's own."""
_GENERATED = re.compile(
    r"(?:^|/)(?:[\w.-]*\.lock|[\w-]*lock\.(?:json|ya?ml)|go\.(?:sum|mod)|npm-shrinkwrap\.json|[\w.-]*\.min\.(?:js|css)"
    r"|[\w.-]+\.(?:map|svg|po|pot|mo|csv|tsv|ipynb_checkpoints|snap|sum|sha\d*|md5|asc|sig|rdb|dat|geojson|xlf|css|scss|less)"
    r"|RECORD|SHASUMS\w*|constraints[\w.-]*\.txt)$"
    rf"|(?:^|/)(?:{'|'.join(sorted(VENDORED))}|dist|\.dist-info|translations|locales?|i18n)/",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"\.(?:py|pyi|pyx|js|jsx|mjs|cjs|ts|tsx|vue|svelte|go|rs|java|kt|kts|scala|groovy|gradle|c|cc|cpp|cxx|h|hh|hpp|m|mm|cs|vb|fs|swift"
    r"|rb|erb|php|phtml|pl|pm|lua|r|jl|ex|exs|erl|hs|clj|cljs|dart|sol|zig|nim|tf|hcl|bicep|html?|json|ipynb|proto|graphql|sql|tmpl|tpl|j2|jinja2?)$",
    re.IGNORECASE,
)
_PROSE = re.compile(r"\.(?:md|rst|txt|adoc|html?|mdx|ipynb|log)$|(?:^|/)(?:README|CHANGELOG)[^/]*$", re.IGNORECASE)
_TRIAL = re.compile(
    r"(?:^|/)(?:tests?|testing|specs?|__tests__|testdata|fixtures?|mocks?|examples?|samples?|demos?|docs?|e2e|benchmarks?)(?:/|$)",
    re.IGNORECASE,
)
_TRIAL_NAME = re.compile(
    r"^(?:test_|conftest\.py$)|[_.-](?:tests?|spec|example|sample|template|dist|mock)(?:\.|$)", re.IGNORECASE
)
# Files of names and values, by name without directories; no test, and no source but that of settings.
_DATA = re.compile(
    r"^\.?[\w-]*(?:\.(?:json5?|ya?ml|toml|ini|cfg|conf|cnf|config|properties|xml|plist|env|tfvars|rc|rdp|npmrc))?$"
    r"|\.env\b|^\.[\w-]+$|^[\w.-]*(?:config|settings|secrets?|credentials?)\.(?:php|inc|py|rb|js|ts)$",
    re.IGNORECASE,
)


class Setting(Enum):
    """What sort of file a value lies in."""

    SETTINGS = "settings"
    CODE = "code"
    PROSE = "prose"
    GENERATED = "generated"


@functools.lru_cache(maxsize=4096)
def setting(path: str) -> Setting:
    """What the path says of a file."""
    if _GENERATED.search(path):
        return Setting.GENERATED
    if _CODE.search(path):
        return Setting.CODE
    return Setting.PROSE if _PROSE.search(path) else Setting.SETTINGS


@functools.lru_cache(maxsize=4096)
def trial(path: str) -> bool:
    """Whether the path speaks of tests, examples or documentation, where invented values are common."""
    return _TRIAL.search(path) is not None or _TRIAL_NAME.search(path.rpartition("/")[2]) is not None


@functools.lru_cache(maxsize=4096)
def holds_settings(path: str) -> bool:
    """Whether the file holds the settings of one installation, where people write passwords they can remember."""
    return _DATA.search(path.rpartition("/")[2]) is not None and not trial(path)
