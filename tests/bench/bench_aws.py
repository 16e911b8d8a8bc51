"""How an AWS audit grows: seconds, calls, peak memory and identities per second, as medians of whole processes.

    python tests/bench/bench_aws.py [--live 200] [--snapshot 10000] [--runs 3]

The live account is moto on loopback, so its seconds are mostly moto's own and only the calls count; the snapshot is
generated as the AWS command line would export it.  N stands for N users with a key each and N roles.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
ARN = f"arn:aws:iam::{ACCOUNT}:"
AS_OF = "2026-11-01"
SERVICES = ("s3", "dynamodb", "sqs", "kms", "logs", "secretsmanager")
GITHUB = "token.actions.githubusercontent.com"
COLUMNS = (
    "user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed",
    "password_next_rotation", "mfa_active", "access_key_1_active", "access_key_1_last_rotated",
    "access_key_1_last_used_date", "access_key_1_last_used_region", "access_key_1_last_used_service",
    "access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date",
    "access_key_2_last_used_region", "access_key_2_last_used_service", "cert_1_active", "cert_1_last_rotated",
    "cert_2_active", "cert_2_last_rotated",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One audit: seconds, peak resident memory in MB, and the JSON report."""

    seconds: float
    megabytes: float
    report: dict


def allow(actions, resources):
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def policies(chance, n):
    """One managed policy for every ten users: mostly scoped, some wide, one in a hundred an administrator."""
    for i in range(max(20, n // 10)):
        service = chance.choice(SERVICES)
        draw = chance.random()
        grant = allow([f"{service}:Get*", f"{service}:List*"], [f"arn:aws:{service}:*:{ACCOUNT}:app/{i}/*"])
        if draw < 0.01:
            grant = allow("*", "*")
        elif draw < 0.1:
            grant = allow(f"{service}:*", "*")
        versions = [{"VersionId": "v1", "IsDefaultVersion": True, "Document": document(grant)}]
        name = f"p{i:05}"
        yield {"PolicyName": name, "Arn": f"{ARN}policy/{name}", "PolicyVersionList": versions}


def trusts(chance, n):
    """Services, other roles of the account, other accounts and a CI platform, as in a grown account."""
    draw = chance.random()
    who = {"Service": "lambda.amazonaws.com"}
    if draw < 0.1:
        who = {"AWS": f"{ARN}role/r{chance.randrange(n):06}"}
    elif draw < 0.2:
        who = {"AWS": "arn:aws:iam::999988887777:root"}
    elif draw < 0.3:
        who = {"Federated": f"{ARN}oidc-provider/{GITHUB}"}
        only = {"StringLike": {f"{GITHUB}:sub": f"repo:acme/app{chance.randrange(n)}:*"}}
        return document(
            {"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": only}
        )
    return document({"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"})


def account(n):
    """The details, report rows and key lists of N users and N roles; the same for equal N."""
    chance = random.Random(n)
    managed = list(policies(chance, n))
    arns = [p["Arn"] for p in managed]
    users, roles, rows, keys = [], [], [], []
    for i in range(n):
        name, made = f"u{i:06}", f"20{chance.randrange(18, 26)}-0{chance.randrange(1, 10)}-11T08:00:00+00:00"
        inline = document(allow("s3:GetObject", f"arn:aws:s3:::bucket-{i}/*"))
        owner = [{"Key": "Owner", "Value": f"team{i % 40}"}] if chance.random() < 0.6 else []
        attached = [{"PolicyArn": arn} for arn in chance.sample(arns, 2)]
        shared = {"Path": "/", "CreateDate": made, "AttachedManagedPolicies": attached, "Tags": owner}
        users.append({"UserName": name, "Arn": f"{ARN}user/{name}", "UserPolicyList": [], "GroupList": [], **shared})
        role = {"RoleName": f"r{i:06}", "Arn": f"{ARN}role/r{i:06}", "AssumeRolePolicyDocument": trusts(chance, n)}
        used = {"LastUsedDate": "2026-10-20T08:00:00+00:00"} if chance.random() < 0.8 else {}
        roles.append(
            role | {"RolePolicyList": [{"PolicyName": "own", "PolicyDocument": inline}], "RoleLastUsed": used} | shared
        )
        last = "2026-10-30T08:00:00+00:00" if chance.random() < 0.7 else "N/A"
        key = ["true", made, last, *(("us-east-1", "s3") if last != "N/A" else ("N/A", "N/A"))]
        rest = ["false", "N/A", "N/A", "N/A", "N/A", "false", "N/A", "false", "N/A"]
        rows.append([name, f"{ARN}user/{name}", made, "false", "N/A", "N/A", "N/A", "false", *key, *rest])
        keys.append({"UserName": name, "AccessKeyId": "AKIA" + f"{i:016}", "Status": "Active", "CreateDate": made})
    details = {"UserDetailList": users, "GroupDetailList": [], "RoleDetailList": roles, "Policies": managed}
    return details, rows, keys


def export(n, directory):
    """Write the account as the AWS command line exports it."""
    details, rows, keys = account(n)
    (directory / "details.json").write_text(json.dumps(details))
    (directory / "keys.json").write_text("\n".join(json.dumps({"AccessKeyMetadata": [key]}) for key in keys))
    with (directory / "report.csv").open("w", newline="") as out:
        csv.writer(out).writerows([COLUMNS, *rows])


def audit(target, env):
    """One whole audit in a process of its own."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "report.json"
        clean = {"PATH": os.environ["PATH"], "HOME": place, "PYTHONPATH": str(ROOT)} | env
        command = [sys.executable, "-m", "nhiscan", "audit", target, "--as-of", AS_OF, "-q", "-j", "1", "-f", "json"]
        start = time.perf_counter()
        with out.open("w") as stdout:
            process = subprocess.Popen([*command, "--fail-on", "none"], stdout=stdout, env=clean)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if process.returncode:
            sys.exit(f"the audit of {target} ended with {process.returncode}")
        return Run(
            seconds, usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2), json.loads(out.read_text())
        )


def tell(name, runs, calls):
    """One line of medians."""
    seconds = statistics.median(r.seconds for r in runs)
    memory = statistics.median(r.megabytes for r in runs)
    identities = runs[0].report["summary"]["inventory"]["identity"]
    entries = runs[0].report["summary"]["entries"]
    print(
        f"{name}: {seconds:.1f} s, {calls} calls ({1000 * calls / identities:.0f} per 1,000 identities), "
        f"{memory:.0f} MB, {identities} identities ({identities / seconds:.0f} per second), {entries} entries"
    )


def live(n, runs):
    """Against moto over HTTP."""
    sys.path.insert(0, str(ROOT))
    from tests.collectors.aws.lab import empty_account, serving

    details, _, _ = account(n)
    with serving() as lab:
        empty_account(lab)
        for user in details["UserDetailList"]:
            lab.backend.create_user("us-east-1", user["UserName"], "/", user["Tags"])
            lab.backend.create_access_key(user["UserName"])
        for role in details["RoleDetailList"]:
            trust = json.dumps(role["AssumeRolePolicyDocument"])
            lab.backend.create_role(role["RoleName"], trust, "/", None, "", role["Tags"], "3600")
        lab.clear()
        env = {"AWS_ENDPOINT_URL": lab.url, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
        done = [audit("aws", env) for _ in range(runs)]
        tell(f"live, {n} users + {n} roles", done, lab.calls.total() // runs)


def snapshot(n, runs):
    """From exported files."""
    with tempfile.TemporaryDirectory() as place:
        export(n, Path(place))
        tell(f"snapshot, {n} users + {n} roles", [audit(f"snapshot:{place}", {}) for _ in range(runs)], 0)


def main():
    parser = argparse.ArgumentParser(description="Measure audits of AWS accounts.")
    parser.add_argument("--live", type=int, default=200, metavar="N")
    parser.add_argument("--snapshot", type=int, default=10_000, metavar="N")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if options.live:
        live(options.live, options.runs)
    if options.snapshot:
        snapshot(options.snapshot, options.runs)


if __name__ == "__main__":
    main()
