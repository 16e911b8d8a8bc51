"""A synthetic estate of any size, written by SQL as the spool of a finished run: mixed over providers, in seconds.

Shares are invented and plausible: 40 % AWS, 25 % Azure, 15 % Google Cloud, 15 % Kubernetes, 5 % platforms of source
code; two credentials, five grants and 0.8 owners to an identity; a third of the machines idle; 6 % with a capability,
2 % that reach another identity.  `hash` is the only source of chance, so the same size gives the same estate.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
UNIT = "bench.estate:all"

MACROS = """
CREATE MACRO chance(i, salt) AS (hash(i, salt) % 1000)::INTEGER;
CREATE MACRO upto(i, salt, n) AS (hash(i, salt) % n)::BIGINT;
CREATE MACRO ago(days) AS TIMESTAMP '2026-11-01' - to_days(days::INTEGER);
CREATE MACRO day(i, salt, n) AS ago((hash(i, salt) % n)::INTEGER);
CREATE MACRO guid(i, salt) AS printf('%08x-%04x-4%03x-8%03x-%012x', hash(i, salt) % 4294967296, upto(i, salt, 65536),
  upto(i, salt || 'b', 4096), upto(i, salt || 'c', 4096), hash(i, salt || 'd') % 281474976710656);
CREATE MACRO provider_of(i) AS CASE WHEN chance(i, 'p') < 400 THEN 'aws' WHEN chance(i, 'p') < 650 THEN 'azure'
  WHEN chance(i, 'p') < 800 THEN 'gcp' WHEN chance(i, 'p') < 950 THEN 'kubernetes' ELSE 'github' END;
CREATE MACRO scope_of(i, n) AS CASE provider_of(i)
  WHEN 'aws' THEN 'aws:' || (100000000000 + upto(i, 's', n))
  WHEN 'azure' THEN 'azure:tenant/' || guid(upto(i, 's', greatest(n // 50, 1)), 't')
  WHEN 'gcp' THEN 'gcp:project/acme-' || upto(i, 's', n)
  WHEN 'kubernetes' THEN 'repo:github.com/acme/platform-' || upto(i, 's', n)
  ELSE 'repo:github.com/acme/app-' || upto(i, 's', n) END;
CREATE MACRO kind_of(i) AS CASE provider_of(i)
  WHEN 'aws' THEN CASE WHEN chance(i, 'k') < 750 THEN 'role' ELSE 'user' END
  WHEN 'azure' THEN CASE WHEN chance(i, 'k') < 600 THEN 'app' WHEN chance(i, 'k') < 900 THEN 'managed_identity' ELSE 'user' END
  WHEN 'gcp' THEN 'service_account' WHEN 'kubernetes' THEN 'service_account' ELSE 'app' END;
CREATE MACRO identity_of(i, n) AS CASE provider_of(i)
  WHEN 'aws' THEN 'arn:aws:iam::' || substr(scope_of(i, n), 5) || ':' || kind_of(i) || '/svc-' || i
  WHEN 'azure' THEN 'entra:' || substr(scope_of(i, n), 14) || '/' || guid(i, 'i')
  WHEN 'gcp' THEN 'gcp:sa/svc-' || i || '@' || substr(scope_of(i, n), 13) || '.iam.gserviceaccount.com'
  WHEN 'kubernetes' THEN scope_of(i, n) || '#serviceaccount/default/svc-' || i
  ELSE scope_of(i, n) || '#app/svc-' || i END;
CREATE MACRO place(i) AS 'repo:github.com/acme/app-' || upto(i, 'r', greatest(getvariable('scopes')::BIGINT, 1));
CREATE MACRO consumer_of(i) AS place(i // 8) || '#' || CASE i % 8 WHEN 0 THEN '.github/workflows/ci.yml:job-' WHEN 1 THEN
  '.github/workflows/ci.yml:step-' WHEN 2 THEN '.mcp.json:agent-' WHEN 3 THEN '.mcp.json:server-' ELSE 'compose.yaml:svc-' END || i;
CREATE MACRO credential_of(i) AS CASE WHEN i % 10 < 4 THEN 'aws:access_key/AK' || i WHEN i % 10 < 8 THEN
  identity_of(i % getvariable('n')::BIGINT, getvariable('scopes')::BIGINT) || '#password/' || guid(i, 'c')
  ELSE place(i) || '#services/api/config-' || i || '.env:API_TOKEN:1' END;
"""

# Table -> how many rows per identity (a number, or "scopes"), and an expression for each column that is not the default.
TABLES: dict[str, tuple[str, dict[str, str]]] = {
    "identity": ("n", {
        "id": "identity_of(i, $scopes)", "scope_id": "scope_of(i, $scopes)", "source": "'bench.estate'",
        "locator": "identity_of(i, $scopes)", "provider": "provider_of(i)", "kind": "kind_of(i)", "name": "'svc-' || i",
        "class": "CASE WHEN kind_of(i) = 'user' AND chance(i, 'h') < 300 THEN 'human' WHEN chance(i, 'h') < 950 THEN 'workload' END",
        "state": "CASE WHEN chance(i, 'e') < 950 THEN 'enabled' ELSE 'disabled' END", "created_at": "day(i, 'cr', 1500)",
        "last_used_at": "CASE WHEN chance(i, 'u') < 850 THEN day(i, 'lu', CASE WHEN chance(i, 'u') < 600 THEN 60 ELSE 700 END) END",
        "last_used": "CASE WHEN chance(i, 'u') < 850 THEN 'known' WHEN chance(i, 'u') < 930 THEN 'never' END",
        "interactive": "kind_of(i) = 'user' AND chance(i, 'in') < 300",
        "environment": "CASE WHEN chance(i, 'env') < 300 THEN 'production' WHEN chance(i, 'env') < 500 THEN 'dev' END",
        "tags": "CASE WHEN chance(i, 'tag') < 400 THEN '{\"team\": \"team-' || upto(i, 'team', 300) || '\"}' ELSE '{}' END",
    }),
    "credential": ("2 * n", {
        "id": "credential_of(i)", "source": "'bench.estate'", "locator": "credential_of(i)",
        "scope_id": "CASE WHEN i % 10 < 8 THEN scope_of(i % $n, $scopes) ELSE place(i) END",
        "provider": "CASE WHEN i % 10 < 4 THEN 'aws' WHEN i % 10 < 8 THEN provider_of(i % $n) END",
        "kind": "CASE WHEN i % 10 < 4 THEN 'access_key' WHEN i % 10 < 8 THEN 'client_secret' ELSE 'token' END",
        "name": "'API_TOKEN'", "identity_id": "CASE WHEN i % 10 < 8 THEN identity_of(i % $n, $scopes) END",
        "state": "CASE WHEN i % 10 < 8 THEN CASE WHEN chance(i, 's') < CASE WHEN i < $n THEN 850 ELSE 150 END THEN 'active' ELSE 'inactive' END END",
        "lifetime": "'static'", "issued_at": "CASE WHEN i % 10 < 8 THEN day(i, 'is', CASE WHEN chance(i, 'old') < 920 THEN 80 ELSE 900 END) END",
        "expires_at": "CASE WHEN i % 10 BETWEEN 4 AND 7 THEN ago(upto(i, 'ex', 400) - 350) END",
        "last_used_at": "CASE WHEN i % 10 < 4 AND chance(i, 'u') < 700 THEN day(i, 'lu', 120) END",
        "last_used": "CASE WHEN i % 10 < 4 THEN CASE WHEN chance(i, 'u') < 700 THEN 'known' WHEN chance(i, 'u') < 800 THEN 'never' END END",
        "key_id": "CASE WHEN i % 10 < 4 THEN 'AK' || i END", "fingerprint": "CASE WHEN i % 10 >= 8 THEN sha256('f' || i) END",
    }),
    "exposure": ("0.4 * n", {
        "id": "credential_of(i * 10 + 8) || '@1'", "scope_id": "place(i * 10 + 8)", "source": "'bench.estate'",
        "credential_id": "CASE WHEN chance(i, 'x') < 900 THEN credential_of((i * 10 + 8) % (2 * $n)) ELSE credential_of((i * 10) % (2 * $n)) END",
        "uri": "'services/api/config-' || i || '.env'", "line": "1 + upto(i, 'l', 90)", "key_name": "'API_TOKEN'", "detector": "'generic'",
        "visibility": "CASE WHEN chance(i, 'v') < 300 THEN 'tracked' ELSE 'local' END", "file_class": "'credential_file'", "at_head": "TRUE",
    }),
    "policy": ("0.3 * n", {
        "id": "'policy/' || i", "scope_id": "scope_of(i, $scopes)", "source": "'bench.estate'", "provider": "provider_of(i)",
        "kind": "CASE WHEN chance(i, 'k') < 700 THEN 'managed' ELSE 'inline' END", "name": "'policy-' || i",
        "document": "'{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"s3:Get*\", \"Resource\": \"*\"}]}'",
    }),
    "attachment": ("1.2 * n", {
        "id": "'attachment/' || i", "scope_id": "scope_of(i % $n, $scopes)", "source": "'bench.estate'",
        "policy_id": "'policy/' || upto(i, 'p', greatest(3 * $n // 10, 1))", "principal_id": "identity_of(i % $n, $scopes)",
        "kind": "'grants'", "time_bound": "FALSE", "eligible": "FALSE",
    }),
    "member": ("0.1 * n", {
        "id": "'member/' || i", "scope_id": "scope_of(i, $scopes)", "source": "'bench.estate'",
        "identity_id": "identity_of(i, $scopes)", "group_id": "'group/' || upto(i, 'g', 1000)",
    }),
    "trust": ("0.5 * n", {
        "id": "'trust/' || i", "scope_id": "scope_of(i, $scopes)", "source": "'bench.estate'",
        "principal": "CASE WHEN i % 10 < 5 THEN 'lambda.amazonaws.com' WHEN i % 10 < 7 THEN '' || (100000000000 + upto(i, 'o', $scopes + 50)) "
                     "ELSE 'token.actions.githubusercontent.com' END",
        "principal_kind": "CASE WHEN i % 10 < 5 THEN 'service' WHEN i % 10 < 7 THEN 'account' ELSE 'oidc' END",
        "target_id": "identity_of(i, $scopes)", "kind": "CASE WHEN i % 10 < 7 THEN 'assume' ELSE 'federate' END",
        "account_id": "CASE WHEN i % 10 BETWEEN 5 AND 6 THEN '' || (100000000000 + upto(i, 'o', $scopes + 50)) END",
        "external": "CASE WHEN i % 10 BETWEEN 5 AND 6 THEN upto(i, 'o', $scopes + 50) >= $scopes END",
        "external_id": "chance(i, 'ex') < 500", "certainty": "'certain'", "source_bound": "i % 10 < 5 AND chance(i, 'sb') < 500",
        "subjects": "CASE WHEN i % 10 >= 7 THEN ['repo:acme/app-' || upto(i, 'r', $scopes) || CASE WHEN chance(i, 'w') < 200 THEN ':*' ELSE ':ref:refs/heads/main' END] ELSE [] END",
        "audiences": "CASE WHEN i % 10 >= 7 THEN ['sts.amazonaws.com'] ELSE [] END",
    }),
    "consumer": ("0.5 * n", {
        "id": "consumer_of(i)", "scope_id": "place(i // 8)", "source": "'bench.estate'", "name": "'thing-' || i",
        "kind": "CASE i % 8 WHEN 0 THEN 'pipeline' WHEN 1 THEN 'step' WHEN 2 THEN 'agent' WHEN 3 THEN 'tool_server' WHEN 4 THEN 'function' ELSE 'workload' END",
        "framework": "CASE i % 8 WHEN 2 THEN 'claude-code' WHEN 3 THEN 'claude-code' END",
        "parent_id": "CASE i % 8 WHEN 1 THEN consumer_of(i - 1) WHEN 3 THEN consumer_of(i - 1) END",
        "uri": "CASE i % 8 WHEN 0 THEN '.github/workflows/ci.yml' WHEN 1 THEN '.github/workflows/ci.yml' WHEN 2 THEN '.mcp.json' WHEN 3 THEN '.mcp.json' ELSE 'compose.yaml' END",
        "line": "1 + upto(i, 'l', 200)", "enabled": "TRUE", "visibility": "'tracked'", "environment": "CASE WHEN chance(i, 'e') < 300 THEN 'prod' WHEN chance(i, 'e') < 500 THEN 'dev' END",
        "autonomy": "CASE i % 8 WHEN 2 THEN CASE WHEN chance(i, 'a') < 200 THEN 'unattended' ELSE 'interactive' END END",
        "approval": "CASE i % 8 WHEN 2 THEN CASE WHEN chance(i, 'ap') < 200 THEN 'auto' ELSE 'ask' END END",
        "platform": "CASE i % 8 WHEN 0 THEN 'github_actions' WHEN 1 THEN 'github_actions' WHEN 2 THEN 'workstation' WHEN 4 THEN 'aws_lambda' WHEN 5 THEN 'aws_ecs' WHEN 6 THEN 'kubernetes' WHEN 7 THEN 'docker_compose' END",
        "transport": "CASE i % 8 WHEN 3 THEN CASE WHEN chance(i, 't') < 700 THEN 'stdio' ELSE 'http' END END",
        "url": "CASE WHEN i % 8 = 3 AND chance(i, 't') >= 700 THEN 'https://mcp.acme.example/' || i END",
        "auth": "CASE WHEN i % 8 = 3 AND chance(i, 't') >= 700 THEN 'oauth' END", "tls": "CASE WHEN i % 8 = 3 AND chance(i, 't') >= 700 THEN TRUE END",
        "launcher": "CASE i % 8 WHEN 3 THEN 'npx' WHEN 1 THEN 'action' END", "package": "CASE i % 8 WHEN 3 THEN 'server-' || upto(i, 'pk', 500) WHEN 1 THEN 'acme/deploy' END",
        "pin": "CASE WHEN i % 8 IN (1, 3) THEN CASE WHEN chance(i, 'pin') < 600 THEN 'exact' ELSE 'latest' END END",
        "trigger": "CASE i % 8 WHEN 0 THEN CASE WHEN chance(i, 'tr') < 50 THEN 'untrusted' ELSE 'event' END END",
        "triggers": "CASE i % 8 WHEN 0 THEN ['push', 'pull_request'] ELSE [] END", "runs_untrusted": "CASE i % 8 WHEN 0 THEN chance(i, 'tr') < 20 END",
        "issuer": "CASE i % 8 WHEN 0 THEN 'token.actions.githubusercontent.com' END",
        "subjects": "CASE i % 8 WHEN 0 THEN ['repo:' || substr(place(i // 8), 17) || ':ref:refs/heads/main'] ELSE [] END",
    }),
    "tool": ("0.1 * n", {
        "id": "'tool/' || i", "scope_id": "place((i * 8 + 2) // 8)", "source": "'bench.estate'", "consumer_id": "consumer_of((i * 8 + 2) % greatest($n // 2, 8))",
        "name": "CASE upto(i, 'nm', 3) WHEN 0 THEN 'Bash(git *)' WHEN 1 THEN 'mcp__db__query' ELSE '*' END",
        "class": "CASE upto(i, 'nm', 3) WHEN 0 THEN 'exec' WHEN 1 THEN 'read' ELSE 'destructive' END",
        "approval": "CASE WHEN chance(i, 'ap') < 300 THEN 'auto' ELSE 'ask' END", "uri": "'.claude/settings.json'", "line": "3",
    }),
    "hop": ("0.02 * n", {
        "id": "'hop/' || i", "scope_id": "place((i * 8 + 2) // 8)", "source": "'bench.estate'", "from_id": "consumer_of(i * 8 + 2)", "to_id": "consumer_of(i * 8 + 3)", "via": "'mcp'",
    }),
    "use": ("0.8 * n", {
        "id": "'use/' || i", "scope_id": "place((i % greatest($n // 2, 1)) // 8)", "source": "'bench.estate'", "consumer_id": "consumer_of(i % greatest($n // 2, 1))",
        "credential_id": "CASE WHEN i % 4 < 2 THEN credential_of(upto(i, 'c', 2 * $n)) END", "identity_id": "CASE WHEN i % 4 >= 2 THEN identity_of(upto(i, 'c', $n), $scopes) END",
        "how": "CASE i % 4 WHEN 0 THEN 'env' WHEN 1 THEN 'configured' WHEN 2 THEN 'runs_as' ELSE 'federated' END",
        "form": "CASE i % 4 WHEN 0 THEN 'reference' WHEN 1 THEN CASE WHEN chance(i, 'f') < 200 THEN 'literal' ELSE 'reference' END END",
        "name": "CASE WHEN i % 4 < 2 THEN 'API_TOKEN' END", "place": "'env'", "purpose": "CASE WHEN i % 4 < 2 THEN 'data' END", "uri": "'compose.yaml'", "line": "7",
    }),
    "store": ("0.05 * n", {
        "id": "'arn:aws:secretsmanager:eu-west-1:' || (100000000000 + upto(i, 's', $scopes)) || ':secret:s-' || i", "scope_id": "'aws:' || (100000000000 + upto(i, 's', $scopes))", "source": "'bench.estate'",
        "provider": "'aws'", "kind": "'secret'", "name": "'s-' || i", "rotation": "chance(i, 'r') < 400", "created_at": "day(i, 'c', 900)", "changed_at": "day(i, 'ch', 400)",
    }),
    "resource": ("0.1 * n", {
        "id": "'arn:aws:s3:::bucket-' || i", "scope_id": "'aws:' || (100000000000 + upto(i, 's', $scopes))", "source": "'bench.estate'", "provider": "'aws'", "kind": "'bucket'",
        "name": "'bucket-' || i", "public": "chance(i, 'p') < 20", "environment": "CASE WHEN chance(i, 'e') < 500 THEN 'production' END",
    }),
    "usage": ("0.5 * n", {
        "id": "'usage/' || i", "scope_id": "scope_of(i, $scopes)", "source": "'bench.estate'", "identity_id": "identity_of(i, $scopes)", "service": "'s3'",
        "last_used": "CASE WHEN chance(i, 'u') < 500 THEN 'known' ELSE 'never' END", "last_used_at": "CASE WHEN chance(i, 'u') < 500 THEN day(i, 'ua', 300) END",
    }),
    "logging": ("0.02 * n", {
        "id": "'logging/' || i", "scope_id": "place((i * 8 + 2) // 8)", "source": "'bench.estate'", "subject_id": "consumer_of(i * 8 + 2)", "kind": "'tool_calls'", "enabled": "chance(i, 'e') < 700",
    }),
    "owner": ("0.8 * n", {
        "id": "'owner/' || i", "scope_id": "scope_of(i, $scopes)", "source": "'bench.estate'", "subject_id": "identity_of(i, $scopes)", "name": "'team-' || upto(i, 'team', 300)",
        "kind": "'team'", "basis": "'tag'", "confidence": "'high'",
    }),
    "signal": ("0.002 * n", {
        "id": "'signal/' || i", "scope_id": "scope_of(i, $scopes)", "source": "'bench.estate'", "subject_id": "identity_of(i, $scopes)", "kind": "'unused_identity'", "provider": "provider_of(i)", "active": "TRUE",
    }),
    "gap": ("scopes", {
        "id": "'aws:' || (100000000000 + i) || '#gap'", "scope_id": "'aws:' || (100000000000 + i)", "source": "'bench.estate'", "covers": "['logging', 'usage']",
        "reason": "'denied'", "remedy": "'allow cloudtrail:DescribeTrails'", "operation": "'cloudtrail:DescribeTrails'",
    }),
    "grant": ("5 * n", {
        "id": "'grant/' || i", "scope_id": "scope_of(i % $n, $scopes)", "source": "'analysis.permissions'", "identity_id": "identity_of(i % $n, $scopes)",
        "policy_id": "'policy/' || upto(i, 'p', greatest(3 * $n // 10, 1))", "statement": "i // $n", "effect": "CASE WHEN chance(i, 'd') < 30 THEN 'Deny' ELSE 'Allow' END",
        "actions": "CASE WHEN upto(i, 'a', 200) = 0 THEN ['*'] WHEN i % 2 = 0 THEN ['s3:Get*', 's3:List*'] ELSE ['dynamodb:PutItem'] END",
        "resources": "CASE upto(i, 'rs', 2) WHEN 0 THEN ['*'] ELSE ['arn:aws:s3:::bucket-' || upto(i, 'b', greatest($n // 10, 1)) || '/*'] END",
        "level": "CASE WHEN upto(i, 'a', 200) = 0 THEN 'wildcard' WHEN i % 2 = 0 THEN 'read' ELSE 'write' END",
    }),
    "effective": ("0.06 * n", {
        "id": "'effective/' || i", "scope_id": "scope_of(i, $scopes)", "source": "'analysis.permissions'", "identity_id": "identity_of(i, $scopes)",
        "capability": "['admin', 'escalate', 'grant_access', 'read_secrets', 'wildcard', 'write_data'][1 + upto(i, 'cap', 6)]",
        "certainty": "CASE WHEN chance(i, 'ce') < 700 THEN 'certain' ELSE 'conditional' END", "method": "'iam:PassRole+lambda:CreateFunction'", "steps": "['policy/' || i || ' statement 0']",
    }),
    "reach": ("0.02 * n", {
        "id": "'reach/' || i", "scope_id": "scope_of(i * 7, $scopes)", "source": "'analysis.permissions'", "identity_id": "identity_of((i * 7) % $n, $scopes)", "target_id": "identity_of(i, $scopes)",
        "hops": "2", "path": "[identity_of((i * 7) % $n, $scopes), identity_of(i + 1, $scopes), identity_of(i, $scopes)]", "certainty": "'certain'", "steps": "['may assume']",
    }),
    "finding": ("n", {
        "id": "'NSF-' || i", "scope_id": "scope_of(i % $n, $scopes)", "source": "'audit'", "rule_id": "'NS-BEN-' || (i % 50)",
        "severity": "['critical', 'high', 'medium', 'low'][1 + upto(i, 'sev', 4)]", "confidence": "'high'", "subject_table": "'identity'",
        "subject_id": "identity_of(i % $n, $scopes)", "message": "'role svc-' || i || ' has not been used for 91 days'", "state": "'new'",
    }),
    "cluster": ("0.02 * n", {
        "id": "'cluster/' || i", "scope_id": "place(i)", "source": "'analysis.clusters'", "credential_id": "credential_of((i * 10 + 8) % (2 * $n))", "member_id": "place(i) || '#other-' || i || '.env:API_TOKEN:1'", "basis": "'fingerprint'",
    }),
}  # fmt: skip

SCOPES = """
SELECT DISTINCT scope_id AS id, scope_id, 'bench.estate' AS source, split_part(scope_id, ':', 1) AS provider,
  CASE WHEN scope_id LIKE 'repo:%' THEN 'repository' ELSE 'account' END AS kind, scope_id AS name,
  CASE WHEN hash(scope_id) % 3 = 0 THEN 'production' END AS environment
FROM (SELECT scope_id FROM identity UNION SELECT scope_id FROM consumer UNION SELECT scope_id FROM credential)
"""


def tables(identities: int):
    """A connection that holds every table of the model, filled."""
    import duckdb

    from nhiscan.model import RECORDS
    from nhiscan.store.schema import columns, create_table

    db = duckdb.connect(":memory:", config={"preserve_insertion_order": "false", "memory_limit": "4GB"})
    scopes = max(identities // 500, 4)
    db.execute(f"SET VARIABLE n = {identities}; SET VARIABLE scopes = {scopes}")
    db.execute(MACROS)
    for table, record in RECORDS.items():
        db.execute(create_table(record))
        if table not in TABLES:
            continue
        count, given = TABLES[table]
        rows = scopes if count == "scopes" else int(eval(count, {"n": identities}))
        picked = ", ".join(f'{_value(c, given)} AS "{c.name}"' for c in columns(record))
        body = f"SELECT {picked} FROM range({max(rows, 1)}) AS r(i)".replace("$n", str(identities))
        db.execute(f'INSERT INTO "{table}" {body.replace("$scopes", str(scopes))}')
    db.execute(f"INSERT INTO scope BY NAME {SCOPES}")
    db.execute("UPDATE scope SET delegated = [] WHERE delegated IS NULL")
    return db


def _value(column, given: dict[str, str]) -> str:
    if column.name in given:
        return given[column.name]
    if column.nullable:
        return f"CAST(NULL AS {column.sql})"
    if column.sql == "VARCHAR[]":
        return "CAST([] AS VARCHAR[])"
    return "'{}'" if isinstance(column.default, dict) else f"'{column.default}'"


def _written(column, given: dict[str, str]) -> bool:
    """Columns that are unknown in every row are left out, which halves gigabytes and means the same."""
    return column.name in given or not column.nullable


def spool(db, directory: Path) -> Path:
    """The directory of a finished run whose one unit holds the tables; returns the directory of that unit."""
    from nhiscan.model import RECORDS
    from nhiscan.store.schema import columns
    from nhiscan.store.spool import SCHEMA, Manifest, RunInfo, Spool, unit_name

    info = RunInfo(SCHEMA, "bench", "key", AS_OF.isoformat(), ("bench",), complete=True)
    run = Spool.begin(directory, info)
    run.add_unit(Manifest(UNIT, "bench.estate", "bench", "bench", "succeeded", {}), [])
    unit = directory / "units" / unit_name(UNIT)
    for table, record in RECORDS.items():
        (count,) = db.execute(f'SELECT count(*) FROM "{table}"').fetchone()
        if count and table != "finding":
            names = ", ".join(
                f'"{c.name}"' for c in columns(record) if table not in TABLES or _written(c, TABLES[table][1])
            )
            file = f"'{unit / table}.jsonl' (FORMAT json, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%SZ')"
            db.execute(f'COPY (SELECT {names} FROM "{table}") TO {file}')
    return unit


DRIFT = """
DELETE FROM identity WHERE hash(id) % 200 = 0;
DELETE FROM credential WHERE hash(id) % 200 = 0;
UPDATE identity SET id = id || '-next' WHERE hash(id) % 200 = 1;
UPDATE credential SET id = id || '-next', key_id = key_id || '-next', issued_at = TIMESTAMP '2026-10-30' WHERE hash(id) % 200 = 1;
UPDATE credential SET fingerprint = sha256(fingerprint) WHERE hash(id) % 200 = 2;
UPDATE credential SET rotated_at = TIMESTAMP '2026-10-30' WHERE hash(id) % 200 = 3;
UPDATE owner SET name = name || '-next' WHERE hash(id) % 200 = 4;
DELETE FROM owner WHERE hash(id) % 200 = 5;
DELETE FROM "grant" WHERE hash(id) % 1000 = 6;
UPDATE effective SET capability = 'admin' WHERE hash(id) % 100 = 7;
DELETE FROM finding WHERE hash(id) % 100 = 8;
UPDATE finding SET severity = 'critical' WHERE hash(id) % 100 = 9;
UPDATE finding SET subject_id = subject_id || '-next' WHERE hash(id) % 100 = 10;
UPDATE gap SET covers = ['credential', 'identity', 'policy'] WHERE hash(id) % 20 = 0;
"""


def drift(db) -> None:
    """Change half a percent of everything in each of the ways `nhiscan diff` tells apart, and blind some accounts."""
    db.execute(DRIFT)


def analysed(db, directory: Path) -> None:
    """What `nhiscan audit --save` keeps beside the spool for `nhiscan diff`, and its findings."""
    from nhiscan.store.analysed import FOLDER
    from nhiscan.store.analysed import TABLES as KEPT
    from nhiscan.store.spool import SCHEMA, RunInfo, Spool

    place = directory / FOLDER
    if not (directory / "run.json").exists():
        Spool.begin(directory, RunInfo(SCHEMA, "bench", "key", AS_OF.isoformat(), ("bench",), complete=True))
    place.mkdir()
    for table in KEPT:
        db.execute(f"COPY \"{table}\" TO '{place / table}.parquet' (FORMAT parquet, COMPRESSION zstd)")
    read = [{"id": UNIT, "collector": "bench.estate", "scope_id": "bench", "status": "succeeded"}]
    (place / "read.json").write_text(json.dumps(read))
    rules = [rule for (rule,) in db.execute("SELECT DISTINCT rule_id FROM finding ORDER BY 1").fetchall()]
    (place / "coverage.json").write_text(json.dumps({rule: [] for rule in rules}))
    (directory / "findings").mkdir()
    db.execute(f"COPY finding TO '{directory}/findings/finding.jsonl' (FORMAT json)")
