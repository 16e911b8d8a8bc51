import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from nhiscan.collectors._common.values import moment, text
from nhiscan.collectors.aws import _files
from nhiscan.collectors.aws._documents import document
from nhiscan.collectors.aws.iam import COLLECTOR
from nhiscan.plugin import Target, TargetError, TargetKind, Unit

ARN = "arn:aws:iam::123456789012:"
OTHER = "arn:aws:iam::210987654321:"
KEY = "AKIA" + "RZPUZDIK" + "P2UPHREX"  # of account 123456789012
CANARY = "c4nary" + "S3cretV4lue" * 3
ALLOW = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
COLUMNS = (
    "user,arn,user_creation_time,password_enabled,password_last_used,access_key_1_active,access_key_1_last_rotated,"
    "access_key_1_last_used_date"
)
REPORT = f"""{COLUMNS}
<root_account>,{ARN}root,2019-01-01T00:00:00Z,not_supported,2026-01-01T00:00:00Z,true,2020-01-01T00:00:00Z,N/A
etl,{ARN}user/etl,2025-09-15T00:00:00Z,true,no_information,true,2025-09-15T00:00:00Z,2026-10-31T10:00:00Z
gone,{ARN}user/gone,2025-01-01T00:00:00Z,false,N/A,false,2025-01-01T00:00:00Z,N/A
"""
KEYS = {
    "AccessKeyMetadata": [
        {"UserName": "etl", "AccessKeyId": KEY, "Status": "Active", "CreateDate": "2025-09-15T00:00:00Z"}
    ]
}


def details(**lists):
    return {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": [], **lists}


def user(name="etl", arn=ARN, **more):
    return {
        "Path": "/",
        "UserName": name,
        "Arn": f"{arn}user/{name}",
        "CreateDate": "2025-09-15T00:00:00+00:00",
        **more,
    }


def role(name="deploy", path="/", **more):
    return {"Path": path, "RoleName": name, "Arn": f"{ARN}role{path}{name}", "AssumeRolePolicyDocument": ALLOW, **more}


def managed(arn=f"{ARN}policy/p", **more):
    versions = [{"VersionId": "v1", "Document": {}}, {"VersionId": "v2", "IsDefaultVersion": True, "Document": ALLOW}]
    return {"PolicyName": arn.rsplit("/", 1)[-1], "Arn": arn, "PolicyVersionList": versions, **more}


OIDC_LIST = {"OpenIDConnectProviderList": [{"Arn": f"{ARN}oidc-provider/ci.example.com"}]}
SAML_LIST = {"SAMLProviderList": [{"Arn": f"{ARN}saml-provider/sso", "CreateDate": "2025-01-01T00:00:00Z"}, {}]}
OIDC = {"Url": "ci.example.com", "ClientIDList": ["sts"], "ThumbprintList": [], "CreateDate": "2025-01-01T00:00:00Z",
        "Tags": [{"Key": "team", "Value": "ci"}]}  # fmt: skip
WHOLE = {"details_dot_json": details(UserDetailList=[user()]), "report_dot_csv": REPORT, "keys_dot_json": KEYS,
         "oidc_dot_json": OIDC_LIST, "one_dot_json": OIDC, "saml_dot_json": SAML_LIST}  # fmt: skip


def reasons(records):
    return sorted((g.reason.value, g.operation or "", g.subject_id or "") for g in records if g.table == "gap")


def test_whole_export_joins_key_ids_with_the_report(snapshot, pick):
    records = snapshot(**WHOLE)
    key = pick(records, "credential")[f"aws:access_key/{KEY}"]
    assert (key.identity_id, key.state, key.last_used) == (f"{ARN}user/etl", "active", "known")
    assert key.last_used_at == datetime(2026, 10, 31, 10, tzinfo=UTC)
    assert pick(records, "identity")[f"{ARN}user/etl"].interactive is True
    assert reasons(records) == [
        ("skipped", "iam:ListServerCertificates", f"{ARN}server-certificate/*"),
        ("skipped", "iam:ListServiceSpecificCredentials", f"{ARN}service-specific-credential/*"),
        ("unsupported", "", f"{ARN}root"),
    ]


def test_exported_lists_of_what_users_hold_are_read(snapshot, pick):
    policy = {"PolicyName": "git", "PolicyDocument": {"Statement": [{"Action": "codecommit:*"}]}}
    report = (
        REPORT.replace(COLUMNS, f"{COLUMNS},cert_1_active,cert_1_last_rotated")
        .replace("2026-10-31T10:00:00Z\n", "2026-10-31T10:00:00Z,true,2020-01-01T00:00:00Z\n")
        .replace(",N/A\n", ",N/A,false,N/A\n")
    )
    held = {
        "ServiceSpecificCredentials": [
            {"UserName": "gone", "ServiceName": "codecommit.amazonaws.com", "ServiceSpecificCredentialId": "ACCA1",
             "Status": "Inactive", "CreateDate": "2020-01-01T00:00:00Z"},
            {"UserName": "etl"},
        ]
    }  # fmt: skip
    records = snapshot(
        **WHOLE
        | {"details_dot_json": details(UserDetailList=[user(UserPolicyList=[policy])]), "report_dot_csv": report},
        service=held,
        server={
            "ServerCertificateMetadataList": [{"Arn": f"{ARN}server-certificate/web", "Expiration": "2026-01-01"}, {}]
        },
        signing={
            "Certificates": [
                {"UserName": "etl", "CertificateId": "C1", "CertificateBody": "x", "Status": "Active"},
                {"UserName": "etl", "CertificateBody": ""},
            ]
        },
        ssh={"SSHPublicKeys": [{"UserName": "etl", "SSHPublicKeyId": "S1", "Status": "Inactive"}, {"UserName": "etl"}]},
    )
    credentials = pick(records, "credential")
    assert credentials[f"{ARN}user/gone#service_credential/ACCA1"].kind == "password"
    assert credentials[f"{ARN}server-certificate/web"].expires_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert credentials[f"{ARN}user/etl#signing_certificate/C1"].state == "active"
    assert credentials[f"{ARN}user/etl#ssh_key/S1"].state == "inactive"
    assert f"{ARN}user/etl#signing_certificate/1" not in credentials
    assert reasons(records) == [
        ("skipped", "iam:ListSSHPublicKeys", f"{ARN}user/gone"), ("unsupported", "", f"{ARN}root")
    ]  # fmt: skip


def test_root_and_users_known_to_the_report_alone_are_kept(snapshot, pick):
    records = snapshot(**WHOLE)
    identities, credentials = pick(records, "identity"), pick(records, "credential")
    root, gone = identities[f"{ARN}root"], identities[f"{ARN}user/gone"]
    assert (root.kind, root.interactive, root.last_used) == ("root", None, "known")
    assert credentials[f"{ARN}root#access_key/1"].state == "active"
    assert gone.state is None
    assert credentials[f"{ARN}user/gone#access_key/1"].state == "inactive"


def test_providers_carry_details_owner_and_age(snapshot, pick):
    records = snapshot(**WHOLE)
    provider = pick(records, "identity")[f"{ARN}oidc-provider/ci.example.com"]
    assert (provider.kind, provider.name, provider.created_at) == (
        "oidc_provider",
        "ci.example.com",
        datetime(2025, 1, 1, tzinfo=UTC),
    )
    assert [o.subject_id for o in pick(records, "owner").values()] == [provider.id]
    assert pick(records, "identity")[f"{ARN}saml-provider/sso"].kind == "saml_provider"


def test_each_absent_answer_is_a_gap_that_names_the_command(snapshot, pick):
    records = snapshot(details=details(UserDetailList=[user()]))
    gaps = pick(records, "gap").values()
    assert {g.operation for g in gaps} == {
        "iam:GetCredentialReport", "iam:ListAccessKeys", "iam:ListOpenIDConnectProviders", "iam:ListSAMLProviders",
        "iam:ListServiceSpecificCredentials", "iam:ListServerCertificates",
    }  # fmt: skip
    assert all(g.remedy.startswith("add the output of: aws iam ") for g in gaps)
    assert pick(records, "identity")[f"{ARN}user/etl"].interactive is None


def test_report_alone_gives_users_that_are_enabled(snapshot, pick):
    records = snapshot(report=REPORT)
    assert pick(records, "identity")[f"{ARN}user/etl"].state == "enabled"
    assert ("skipped", "iam:GetAccountAuthorizationDetails", "") in reasons(records)


def test_oidc_details_without_a_list_are_used_and_the_list_is_missed(snapshot, pick):
    records = snapshot(details=details(UserDetailList=[user()]), one=OIDC)
    assert f"{ARN}oidc-provider/ci.example.com" in pick(records, "identity")
    assert ("skipped", "iam:ListOpenIDConnectProviders", "aws:123456789012") in reasons(records)


def test_api_json_of_the_report_is_decoded(snapshot, pick):
    answer = {"Content": base64.b64encode(REPORT.encode()).decode(), "ReportFormat": "text/csv"}
    assert f"{ARN}root" in pick(snapshot(report=answer), "identity")
    assert f"{ARN}root" in pick(snapshot(report={"Content": REPORT, "ReportFormat": "text/csv"}), "identity")


def test_pages_lists_and_concatenated_answers_are_all_read(snapshot, pick):
    pages = [
        details(UserDetailList=[user("a")], IsTruncated=True),
        details(UserDetailList=[user("b")], IsTruncated=False),
    ]
    two = json.dumps(details(UserDetailList=[user("c")])) + "\n" + json.dumps(details(UserDetailList=[user("d")]))
    records = snapshot(pages=pages, more__two=two)
    assert sorted(i.name for i in pick(records, "identity").values()) == ["a", "b", "c", "d"]
    assert not [r for r in reasons(records) if r[1] == "iam:GetAccountAuthorizationDetails"]


def test_export_whose_last_page_is_missing_is_a_gap(snapshot):
    records = snapshot(page=details(UserDetailList=[user()], IsTruncated=True, Marker="m"))
    assert ("skipped", "iam:GetAccountAuthorizationDetails", "") in reasons(records)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_of_redirected_output_are_read(snapshot, pick, encoding):
    raw = json.dumps(details(UserDetailList=[user("ünal")]), ensure_ascii=False).encode(encoding)
    assert [i.name for i in pick(snapshot(export=raw), "identity").values()] == ["ünal"]


@pytest.mark.parametrize("shape", [ALLOW, json.dumps(ALLOW), quote(json.dumps(ALLOW))])
def test_policy_documents_are_read_as_object_text_and_url_encoded(snapshot, pick, shape):
    records = snapshot(details=details(RoleDetailList=[role(AssumeRolePolicyDocument=shape)]))
    assert json.loads(pick(records, "policy")[f"{ARN}role/deploy#trust"].document) == ALLOW


@pytest.mark.parametrize("shape", ["{", "[]", 5, "%7B", "9" * 5000, "[" * 100_000, {"a": {1}} and "x" * 1_000_001])
def test_unreadable_policy_document_is_a_gap_of_that_policy(snapshot, pick, shape):
    records = snapshot(details=details(RoleDetailList=[role(AssumeRolePolicyDocument=shape)]))
    assert pick(records, "policy")[f"{ARN}role/deploy#trust"].document is None
    assert ("malformed", "", f"{ARN}role/deploy#trust") in reasons(records)


def test_trust_inline_managed_boundary_and_group_policies_are_attached(snapshot, pick):
    inline = [{"PolicyName": "in", "PolicyDocument": ALLOW}]
    attached = [{"PolicyName": "p", "PolicyArn": f"{ARN}policy/p"}]
    limit = "arn:aws:iam::aws:policy/PowerUserAccess"
    records = snapshot(
        details=details(
            UserDetailList=[
                user(
                    GroupList=["ops", "unseen"],
                    UserPolicyList=inline,
                    PermissionsBoundary={"PermissionsBoundaryArn": limit},
                )
            ],
            GroupDetailList=[{"GroupName": "ops", "Arn": f"{ARN}group/x/ops", "AttachedManagedPolicies": attached}],
            RoleDetailList=[role(RolePolicyList=inline, PermissionsBoundary=f"{ARN}policy/p")],
            Policies=[managed(), managed(limit)],
        )
    )
    found = {(a.principal_id, a.policy_id, a.kind.value) for a in pick(records, "attachment").values()}
    assert found == {
        (f"{ARN}user/etl", f"{ARN}user/etl#inline/in", "grants"),
        (f"{ARN}user/etl", limit, "boundary"),
        (f"{ARN}group/x/ops", f"{ARN}policy/p", "grants"),
        (f"{ARN}role/deploy", f"{ARN}role/deploy#inline/in", "grants"),
        (f"{ARN}role/deploy", f"{ARN}role/deploy#trust", "trust"),
        (f"{ARN}role/deploy", f"{ARN}policy/p", "boundary"),
    }
    policies = pick(records, "policy")
    assert policies[limit].kind == "provider"
    assert (policies[f"{ARN}policy/p"].kind, json.loads(policies[f"{ARN}policy/p"].document)) == ("managed", ALLOW)
    assert {m.group_id for m in pick(records, "member").values()} == {f"{ARN}group/x/ops", f"{ARN}group/unseen"}


def test_boundary_whose_document_is_nowhere_is_a_gap_of_that_policy(snapshot, pick):
    limit = "arn:aws:iam::aws:policy/PowerUserAccess"
    records = snapshot(details=details(UserDetailList=[user(PermissionsBoundary={"PermissionsBoundaryArn": limit})]))
    assert pick(records, "policy")[limit].document is None
    assert ("skipped", "iam:GetPolicyVersion", limit) in reasons(records)


def test_policy_version_is_the_default_one_or_the_only_one(snapshot, pick):
    named = managed(f"{ARN}policy/named", DefaultVersionId="v2")
    named["PolicyVersionList"] = [{"VersionId": "v1", "Document": {}}, {"VersionId": "v2", "Document": ALLOW}]
    only = managed(f"{ARN}policy/only")
    only["PolicyVersionList"] = only["PolicyVersionList"][1:]
    none = managed(f"{ARN}policy/none")
    none["PolicyVersionList"] = [{"Document": {}}, {"Document": ALLOW}]
    policies = pick(snapshot(details=details(Policies=[named, only, none])), "policy")
    assert [json.loads(p.document) if p.document else None for p in policies.values()] == [ALLOW, ALLOW, None]


def test_service_linked_and_reserved_roles_are_provider_managed(snapshot, pick):
    roles = [
        role("AWSServiceRoleForX", "/aws-service-role/x.amazonaws.com/"),
        role("AWSReservedSSO_Admin_1", "/aws-reserved/sso.amazonaws.com/"),
        role("app", "/service-role/"),
        {"RoleName": "bare", "Arn": f"{ARN}role/aws-service-role/y/bare"},
    ]
    identities = pick(snapshot(details=details(RoleDetailList=roles)), "identity")
    assert [i.class_ for i in identities.values()] == ["provider_managed", "provider_managed", None, "provider_managed"]


def test_role_last_use_is_known_never_or_unknown(snapshot, pick):
    roles = [
        role("a", RoleLastUsed={"LastUsedDate": "2026-01-01T00:00:00Z", "Region": "r"}),
        role("b", RoleLastUsed={}),
        role("c"),
    ]
    identities = pick(snapshot(details=details(RoleDetailList=roles)), "identity")
    assert [i.last_used for i in identities.values()] == ["known", "never", None]


def test_instance_profile_of_several_roles_is_one_identity(snapshot, pick):
    profile = [{"InstanceProfileName": "box", "Arn": f"{ARN}instance-profile/box"}, {"InstanceProfileName": "no arn"}]
    records = snapshot(
        details=details(RoleDetailList=[role("a", InstanceProfileList=profile), role("b", InstanceProfileList=profile)])
    )
    assert [i.kind.value for i in records if i.table == "identity"].count("instance_profile") == 1
    assert len(pick(records, "member")) == 2


def test_entries_that_are_not_of_the_expected_shape_are_counted(snapshot, pick):
    broken = [
        None,
        5,
        {},
        {"Arn": 7},
        {"Arn": "x"},
        user(UserPolicyList=[{}, 3], AttachedManagedPolicies=[{}], GroupList=[1], Tags=4),
    ]
    (gap,) = [
        g for g in pick(snapshot(details=details(UserDetailList=broken)), "gap").values() if g.reason == "malformed"
    ]
    assert gap.detail == "8 entries have no name or ARN"


def test_control_characters_and_surrogates_do_not_pass(snapshot, pick):
    raw = json.dumps(details(UserDetailList=[user("a\x1b[31m\ud800")])).encode()
    (found,) = pick(snapshot(export=raw), "identity").values()
    assert found.name.isprintable()
    found.name.encode()


def test_files_that_have_nothing_to_do_with_aws_are_passed_over(snapshot):
    assert snapshot(readme="hello", data="[1, 2]", bad="{", blob=b"\0\xff" * 9, package=json.dumps({"name": "x"})) == []


def test_malformed_file_beside_a_good_one_is_a_gap(snapshot):
    good = details(UserDetailList=[user()])
    records = snapshot(
        a=good,
        b=json.dumps(good)[:-9],
        c={"Content": "???", "ReportFormat": "text/csv"},
        d=b'{"AccessKeyMetadata": [\xff\xfe',
    )
    found = [g.detail for g in records if g.table == "gap" and g.reason == "malformed"]
    assert found == ["b is not valid JSON", "c holds no credential report in Content", "d is not valid JSON"]


def test_malformed_report_is_a_gap(snapshot):
    records = snapshot(details=details(UserDetailList=[user()]), report=REPORT + "half,a row")
    assert [g.detail for g in records if g.table == "gap" and g.reason == "malformed"] == [
        "credential report: line 5 is not a row of a credential report"
    ]


def test_deep_json_is_a_gap_not_a_crash(snapshot):
    records = snapshot(a=details(UserDetailList=[user()]), deep='{"UserDetailList": ' + "[" * 200_000)
    assert [g.detail for g in records if g.table == "gap" and g.reason == "malformed"] == ["deep is not valid JSON"]


def test_snapshot_that_names_no_account_is_a_target_error(snapshot):
    with pytest.raises(TargetError, match="is not valid JSON"):
        snapshot(a='{"UserDetailList": [')
    with pytest.raises(TargetError, match="b does not say which account"):
        snapshot(a="x", b=details())


def test_account_is_told_by_key_ids_when_nothing_else_does(snapshot, pick):
    records = snapshot(keys=KEYS)
    assert list(pick(records, "scope")) == ["aws:123456789012"]


def test_several_accounts_are_several_units_with_their_own_files(snapshot, pick):
    keys = {"AccessKeyMetadata": [{"UserName": "far", "AccessKeyId": "AKIA" + "Q" * 16, "Status": "Active"}]}
    records = snapshot(
        one__details=details(UserDetailList=[user()]),
        two__details=details(UserDetailList=[user("far", OTHER)]),
        two__keys=keys,
        keys=KEYS,
        broken='{"UserDetailList": ',
    )
    assert sorted(pick(records, "scope")) == ["aws:123456789012", "aws:210987654321"]
    users = [(i.name, i.scope_id) for i in records if i.table == "identity"]
    assert users == [("etl", "aws:123456789012"), ("far", "aws:210987654321")]
    assert {c.key_id[-4:]: c.scope_id for c in pick(records, "credential").values()} == {
        KEY[-4:]: "aws:123456789012",
        "QQQQ": "aws:210987654321",
    }
    assert sum(g.detail == "broken is not valid JSON" for g in records if g.table == "gap") == 2


def test_unit_id_follows_the_content_and_not_the_path(tmp_path, ctx):
    def unit(folder, *names):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "d.json").write_text(json.dumps(details(UserDetailList=[user(n) for n in names])))
        return next(COLLECTOR.units(Target("s", TargetKind.SNAPSHOT, str(tmp_path / folder)), ctx)).id

    assert unit("a", "x") == unit("b", "x") != unit("c", "y")


def test_single_file_can_be_a_snapshot_and_links_are_not_followed(tmp_path, ctx):
    path = tmp_path / "details.json"
    path.write_text(json.dumps(details(UserDetailList=[user()])))
    folder = tmp_path / "links"
    folder.mkdir()
    (folder / "loop").symlink_to(folder)
    (folder / "file").symlink_to(path)
    os.mkfifo(folder / "pipe")  # opening it would wait for ever
    assert len(list(COLLECTOR.units(Target("s", TargetKind.SNAPSHOT, str(path)), ctx))) == 1
    assert list(COLLECTOR.units(Target("s", TargetKind.SNAPSHOT, str(folder)), ctx)) == []


def test_files_that_vanish_between_the_steps_are_a_target_error(tmp_path, ctx):
    target = Target("s", TargetKind.SNAPSHOT, str(tmp_path))
    unit = Unit("u", "aws.iam", "aws:123456789012", target, {"account": "123456789012"})
    with pytest.raises(TargetError, match="no longer holds"):
        list(COLLECTOR.collect(unit, ctx))


def test_file_too_large_or_unreadable_is_a_gap(snapshot, monkeypatch):
    monkeypatch.setattr(_files, "MAX_BYTES", 1000)
    records = snapshot(a=details(UserDetailList=[user()]), b=details(Policies=[managed()] * 9))
    assert [g.detail for g in records if g.table == "gap" and g.reason == "malformed"] == ["b larger than 0 MB"]


def test_file_that_cannot_be_opened_is_a_gap(snapshot, monkeypatch):
    opened = Path.open

    def guarded(path, *args, **kwargs):
        if path.name == "b" and args == ("rb",):
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", guarded)
    records = snapshot(a=details(UserDetailList=[user()]), b="{}")
    assert "b cannot be opened (Permission denied)" in [g.detail for g in records if g.table == "gap"]


def test_directories_of_endless_files_and_depth_are_bounded(snapshot, monkeypatch):
    monkeypatch.setattr(_files, "_MAX_DEPTH", 1)
    deep = details(UserDetailList=[user("deep")])
    monkeypatch.setattr(_files, "_MAX_FILES", 9)
    records = snapshot(a=details(UserDetailList=[user()]), b="x", x__y__d=deep)
    assert [i.name for i in records if i.table == "identity"] == ["etl"]
    monkeypatch.setattr(_files, "_MAX_FILES", 2)
    many = snapshot(a=details(UserDetailList=[user()]), b="x", c=deep)
    assert [i.name for i in many if i.table == "identity"] == ["etl"]
    assert ". holds more files than the 2 looked at" in [g.detail for g in many if g.table == "gap"]


def test_no_secret_of_a_tag_or_of_a_broken_file_reaches_a_record(snapshot):
    tagged = user(Tags=[{"Key": "password", "Value": CANARY}, {"Key": "owner", "Value": CANARY}])
    records = snapshot(a=details(UserDetailList=[tagged]), b='{"AccessKeyMetadata": "' + CANARY)
    assert records
    assert CANARY not in repr(records)


def test_text_moment_and_document_refuse_what_they_are_not():
    assert text(5) is None
    assert text(" \n") is None
    assert moment("soon") is None
    assert moment(5) is None
    assert moment("0001-01-01T00:00:00+14:00") is None
    assert moment("2026-01-01T00:00:00") == datetime(2026, 1, 1, tzinfo=UTC)
    assert moment("9999-12-31T23:59:59-14:00") is None
    assert document({"a": {1: object}, (1, 2): 3}) is None
