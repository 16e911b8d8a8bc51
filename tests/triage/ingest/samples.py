"""One report of each tool, as it documents it, about a place given; every other field holds a value."""

from __future__ import annotations

import json


def gitleaks(path="app/.env", line=3, value="x", last=None):
    """Gitleaks 8.30, `dir -f json`."""
    return json.dumps([
        {
            "RuleID": "aws-access-token", "Description": "Identified a pattern that may indicate AWS credentials.",
            "StartLine": line, "EndLine": last or line, "StartColumn": 20, "EndColumn": 39, "Match": f"KEY={value}",
            "Secret": value, "File": path, "SymlinkFile": "", "Commit": "", "Entropy": 3.4, "Author": value,
            "Email": value, "Date": "", "Message": value, "Tags": [value], "Link": value,
            "Fingerprint": f"{path}:aws-access-token:{value}",
        }
    ], indent=1)  # fmt: skip


def _kingfisher(path, line, value, status):
    return {
        "rule": {"title": value, "name": "aws-access-token", "id": "kingfisher.aws.1", "description": "An AWS key."},
        "finding": {
            "dependent_captures": {"AWS_SECRET_ACCESS_KEY": value}, "snippet": value, "fingerprint": "1283304440",
            "confidence": "high", "entropy": "3.38", "language": "Unknown", "line": line, "column_start": 18,
            "validation": {"outcome": "x", "status": status, "response": value}, "column_end": 37, "path": path,
            "validate_command": f"kingfisher validate --var KEY='{value}'", "blast_radius_command": value,
            "git_metadata": {"commit": {"message": value}},
        },
    }  # fmt: skip


def kingfisher(path="app/.env", line=3, value="x", status="Active Credential"):
    """Kingfisher 2.14, `scan --format json`."""
    audit = {"run_id": "2cae36f0", "repositories": [{"key": value}]}
    found = [_kingfisher(path, line, value, status)]
    return json.dumps(
        {"findings": found, "audit": audit, "metadata": {"kingfisher_version": "2.14.0", "target": value}}
    )


def kingfisher_lines(path="app/.env", line=3, value="x", status="Inactive Credential"):
    """Kingfisher 2.14, `scan --format jsonl`."""
    audit = {"audit": {"run_id": "2cae36f0", "repositories": [{"key": value}]}}
    return "\n".join(json.dumps(row) for row in (_kingfisher(path, line, value, status), audit)) + "\n"


def trufflehog(path="app/.env", line=3, value="x", source="Filesystem", verified=True):
    """TruffleHog 3.90, `filesystem --json`, with a line of its log."""
    found = {
        "SourceMetadata": {"Data": {source: {"file": path, "line": line, "email": value}}}, "SourceID": 1,
        "SourceType": 15, "SourceName": "trufflehog - filesystem", "DetectorType": 2, "DetectorName": "AWS",
        "DetectorDescription": "AWS is a cloud provider.", "DecoderName": "PLAIN", "Verified": verified,
        "VerificationFromCache": False, "Raw": value, "RawV2": value * 2, "Redacted": value,
        "ExtraData": {"account": value}, "StructuredData": {"token": value},
    }  # fmt: skip
    log = {"level": "info-0", "ts": "2026-11-01T00:00:00Z", "logger": "trufflehog", "msg": value}
    return "\n".join(json.dumps(row) for row in (log, found)) + "\n"


def checkov(path="infra/main.tf", lines=(3, 9), value="x", rule="CKV_AWS_40", root="/builds/shop"):
    """Checkov 3.2, `-d . -o json`, with two frameworks."""
    check = {
        "check_id": rule, "bc_check_id": None, "check_name": "Ensure IAM policies are attached only to groups",
        "check_result": {"result": "FAILED", "evaluated_keys": [value], "entity": {"key": value}},
        "code_block": [[3, value]], "file_path": "/" + path.rsplit("/", 1)[-1], "repo_file_path": f"/{path}",
        "file_abs_path": f"{root}/{path}", "file_line_range": list(lines), "resource": value, "evaluations": value,
        "guideline": "https://docs.example/check", "fixed_definition": value,
    }  # fmt: skip
    passed = check | {"check_id": "CKV_AWS_1", "check_result": {"result": "PASSED"}}
    results = {"passed_checks": [passed], "failed_checks": [check], "skipped_checks": [passed], "parsing_errors": []}
    empty = {"check_type": "dockerfile", "results": {"failed_checks": []}, "summary": {}}
    return json.dumps([{"check_type": "terraform", "results": results, "summary": {"failed": 1}}, empty], indent=4)


def _zizmor_place(path, row, kind, value):
    place = {"start_point": {"row": row, "column": 4}, "end_point": {"row": row, "column": 9}, "offset_span": {}}
    symbolic = {"key": {"Local": {"verbatim_path": path}}, "annotation": value, "route": {"route": []}, "kind": kind}
    return {"symbolic": symbolic, "concrete": {"location": place, "feature": value, "comments": [value]}}


def zizmor(path=".github/workflows/ci.yml", line=7, value="x", audit="excessive-permissions", ignored=False):
    """Zizmor 1.32, `--format json`."""
    return json.dumps([
        {
            "ident": audit, "desc": "overly broad permissions", "url": "https://docs.zizmor.sh/audits/", "fixes": [value],
            "determinations": {"confidence": "High", "severity": "High", "persona": "Regular"}, "ignored": ignored,
            "locations": [
                _zizmor_place(path, 0, "Hidden", value), _zizmor_place(path, 90, "Related", value),
                _zizmor_place(path, line - 1, "Primary", value),
            ],
        }
    ])  # fmt: skip


def prowler(uid="arn:aws:iam::123456789012:user/etl", value="x", code="FAIL", status="New"):
    """Prowler 5.13, `aws --output-formats json-ocsf`."""
    return json.dumps([
        {
            "message": value, "severity_id": 4, "severity": "High", "status": status, "status_code": code,
            "metadata": {
                "event_code": "iam_rotate_access_key_90_days", "version": "1.5.0", "tenant_uid": value,
                "product": {"name": "Prowler", "uid": "prowler", "vendor_name": "Prowler", "version": "5.13.0"},
            },
            "status_detail": value, "unmapped": {"notes": value}, "activity_name": "Create", "risk_details": value,
            "finding_info": {"desc": value, "title": "Ensure access keys are rotated", "uid": f"prowler-{value}"},
            "resources": [{"uid": uid, "name": value, "type": "AwsIamUser", "data": {"details": value}, "labels": [value]}],
            "category_name": "Findings", "class_name": "Detection Finding", "class_uid": 2004,
            "cloud": {"account": {"name": value, "uid": "123456789012"}, "provider": "aws", "region": "eu-west-1"},
            "remediation": {"desc": value},
        }
    ])  # fmt: skip


def sarif(uri="app/.env", line=3, value="x", tool="gitleaks", rule="aws-access-token", last=None, **result):
    """SARIF 2.1.0 with a value wherever free text may stand."""
    region = {"startLine": line, "endLine": last or line, "startColumn": 1, "snippet": {"text": value}}
    place = {
        "physicalLocation": {
            "artifactLocation": {"uri": uri}, "region": region, "contextRegion": {"snippet": {"text": value}},
        },
        "message": {"text": value}, "properties": {"command": value},
        "logicalLocations": [{"name": value, "fullyQualifiedName": value}],
    }  # fmt: skip
    driver = {
        "name": tool, "semanticVersion": "v8.0.0", "informationUri": "https://example.com",
        "rules": [{"id": rule, "shortDescription": {"text": "An AWS key."}, "help": {"text": value, "markdown": value}}],
    }  # fmt: skip
    found = {
        "ruleId": rule, "ruleIndex": 0, "message": {"text": f"found {value}", "markdown": value}, "locations": [place],
        "partialFingerprints": {"commitMessage": value, "email": value}, "properties": {"tags": [value]},
        "codeFlows": [{"threadFlows": [{"locations": [{"location": place}]}]}], "fixes": [{"description": {"text": value}}],
    }  # fmt: skip
    run = {
        "tool": {"driver": driver}, "results": [found | result], "invocations": [{"commandLine": value}],
        "properties": {"note": value},
    }  # fmt: skip
    return json.dumps({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]})


SECRETS = {
    "gitleaks": gitleaks, "kingfisher": kingfisher, "kingfisher_lines": kingfisher_lines, "trufflehog": trufflehog,
    "sarif": sarif,
}  # fmt: skip
ALL = SECRETS | {"checkov": checkov, "zizmor": zizmor, "prowler": prowler}
