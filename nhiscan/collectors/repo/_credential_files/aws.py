"""`.aws/credentials` and `.aws/config`: static keys, roles taken by a profile, helpers and single sign-on.

Settings are those of the AWS SDKs and Tools Reference Guide, "Settings reference" (read November 2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import clean
from nhiscan.collectors.repo._credential_files.entry import Entry, role, taken
from nhiscan.collectors.repo._credential_files.lines import sections
from nhiscan.detect import pairs
from nhiscan.plugin import CredentialKind, Form, Lifetime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._credential_files.lines import Section

_SECRETS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_security_token")
_FACTS = {
    "role_arn": "role_arn", "source_profile": "source_profile", "credential_source": "credential_source",
    "mfa_serial": "mfa_serial", "sso_session": "sso_session", "sso_account_id": "sso_account_id",
    "sso_role_name": "sso_role_name", "sso_start_url": "sso_start_url", "region": "region",
    "web_identity_token_file": "web_identity_token_file",
}  # fmt: skip


def read(text: str, _path: str) -> Iterator[Entry]:
    """An entry for each profile's keys, and one for each profile that gets its keys elsewhere."""
    for section in sections(text):
        kind, _, rest = section.name.partition(" ")
        if kind in {"sso-session", "services", "preview", "plugins"} or not section.name:
            continue
        yield from _profile(rest.strip() if kind == "profile" and rest else section.name, section)


def _profile(name: str, section: Section) -> Iterator[Entry]:
    facts = {"profile": name, **{fact: section.text(key) for key, fact in _FACTS.items()}}
    found = [
        f
        for key in _SECRETS
        if key in section.values
        for f in taken(key, section.values[key][0], section.values[key][1], f"[{name}] {key}")
    ]
    if found:
        # One pair of a profile; a program takes the last of each, and so does the reader of sections.
        yield Entry(name, section.line, tuple(found), kind=CredentialKind.ACCESS_KEY, provider="aws", facts=facts)
    key_id = next((f.literal.value.reveal() for f in found if f.literal and f.literal.format == pairs.KEY_ID), None)
    form = _form(section)
    if form is None and key_id is None:
        return
    arn, account = role(section.text("role_arn"))
    yield Entry(
        name,
        section.line,
        form=form or Form.LITERAL,
        kind=_kind(form),
        provider="aws",
        facts=facts,
        # What an agent's AWS_PROFILE refers to; with static keys it meets them by the key id.
        id=f"#aws_profile:{clean(name)}",
        key_id=key_id if form is None else None,
        identity_id=arn,
        account_id=account or section.text("sso_account_id"),
        lifetime=Lifetime.STATIC if form is None else _lifetime(form),
        human=True if form is Form.FEDERATED and section.text("sso_session", "sso_start_url") else None,
    )


def _form(section: Section) -> Form | None:
    if section.text("web_identity_token_file", "sso_session", "sso_start_url"):
        return Form.FEDERATED
    if section.text("credential_process"):
        return Form.HELPER_COMMAND
    return Form.REFERENCE if section.text("role_arn", "credential_source") else None


def _kind(form: Form | None) -> CredentialKind:
    return {None: CredentialKind.ACCESS_KEY, Form.FEDERATED: CredentialKind.FEDERATED}.get(form, CredentialKind.TOKEN)


def _lifetime(form: Form) -> Lifetime | None:
    # What a process prints may be a static key (credential_process needs no Expiration).
    return {Form.FEDERATED: Lifetime.FEDERATED, Form.REFERENCE: Lifetime.SHORT_LIVED}.get(form)
