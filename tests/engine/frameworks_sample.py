"""Frameworks small enough to read."""

from nhiscan.engine.frameworks import load_frameworks

NHI = """\
id: owasp-nhi-2025
title: Non-Human Identities Top 10
edition: '2025'
source: a page
url: https://example.com
items:
  - {id: NHI3, title: Third Party}
  - {id: NHI7, title: Long-Lived Secrets}
aliases:
  - {label: NHI-03, id: NHI3, warning: some pages mean NHI7}
"""
ASI = """\
id: owasp-asi-2026
title: Agentic Applications
edition: '2026'
source: a page
url: https://example.com
items: [{id: ASI01, title: Goal}, {id: ASI03, title: Identity}]
aliases: [{label: A1, id: ASI01}]
"""
CIS = """\
id: {0}
title: Benchmark {0}
edition: first
source: a page
url: ""
items: [{{id: "1.1", title: One}}]
"""
CWE = """\
id: cwe
title: Weaknesses
edition: '4.14'
source: a page
url: ""
items: [{id: CWE-522, title: Credentials}]
"""


def written(directory, name, text):
    (directory / f"{name}.yaml").write_text(text, encoding="utf-8")


def frameworks(directory):
    """Five frameworks, two of which share a number."""
    for name, text in (("owasp-nhi-2025", NHI), ("owasp-asi-2026", ASI), ("cwe", CWE), ("cis-x", CIS.format("cis-x"))):
        written(directory, name, text)
    written(directory, "cis-y", CIS.format("cis-y").replace("title: One}", 'title: One}, {id: "1.2", title: Two}'))
    return load_frameworks(directory)
