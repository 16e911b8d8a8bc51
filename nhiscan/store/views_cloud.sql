-- Views over what clouds tell: workloads, environments, stores, certificates, logs, third parties.  What stands at the
-- head of views.sql holds here too.

-- environment_word: one row per word that names an environment, and whether it means production.  An environment is
-- known by the first word of its label (`prod-eu` is production, `pre-prod` is not, `eu-prod` stays unknown).
CREATE VIEW environment_word AS
SELECT w.id, '' AS scope_id, w.production
FROM (VALUES
  ('production', TRUE), ('prod', TRUE), ('prd', TRUE), ('live', TRUE), ('development', FALSE), ('dev', FALSE),
  ('devel', FALSE), ('test', FALSE), ('testing', FALSE), ('tst', FALSE), ('qa', FALSE), ('uat', FALSE),
  ('int', FALSE), ('integration', FALSE), ('staging', FALSE), ('stage', FALSE), ('stg', FALSE), ('sandbox', FALSE),
  ('preview', FALSE), ('demo', FALSE), ('pre', FALSE), ('preprod', FALSE), ('preproduction', FALSE), ('non', FALSE),
  ('nonprod', FALSE), ('nonproduction', FALSE), ('local', FALSE)
) AS w(id, production);

-- identity_workload: one row per identity and enabled consumer that runs as it.
CREATE VIEW identity_workload AS
SELECT
  u.identity_id AS id, k.scope_id, k.id AS consumer_id, k.name AS consumer_name, k.kind AS consumer_kind, k.platform,
  k.environment, k.scope_id AS consumer_scope_id,
  coalesce(min(i.name), regexp_replace(u.identity_id, '^.*[/:]', '')) AS identity_name,
  -- invented: a test, a document or code of others declares the workload.
  coalesce(k.file_class IN ('test', 'documentation', 'vendored'), FALSE) AS invented,
  -- starts_only: it is the role with which a platform starts the workload (fetches its image, writes its log).
  min(CASE WHEN u.name = 'execution_role' AND k.platform IN ('aws_ecs', 'aws_batch') THEN 1 ELSE 0 END) = 1
    AS starts_only,
  -- application: what its tags say it belongs to; instances of one role are one fleet; versions are one workload.
  coalesce(
    nullif(regexp_extract(lower(k.tags),
      '"(application|app|service|project|aws:cloudformation:stack-name|eks:cluster-name)": "([^"(][^"]*)"', 2), ''),
    CASE WHEN k.platform IN ('aws_ec2', 'azure_vm', 'gcp_compute') THEN 'instances' END, regexp_replace(k.id, ':[0-9]+$', '')) AS application
FROM "use" AS u
JOIN consumer AS k ON k.id = u.consumer_id
LEFT JOIN identity AS i ON i.id = u.identity_id
WHERE u.identity_id IS NOT NULL AND u.how = 'runs_as' AND coalesce(k.enabled, TRUE)
GROUP BY u.identity_id, k.scope_id, k.id, k.name, k.kind, k.platform, k.environment, k.tags, k.file_class;

-- identity_sharing: one row per identity that workloads run as, with the applications they belong to; none of tests.
CREATE VIEW identity_sharing AS
WITH applications AS (
  SELECT w.id, w.application, min(w.consumer_name) AS consumer_name,
    row_number() OVER (PARTITION BY w.id ORDER BY min(w.consumer_name), w.application) AS n
  FROM identity_workload AS w
  WHERE NOT w.starts_only AND NOT w.invented AND w.consumer_kind NOT IN ('agent', 'tool_server')
  GROUP BY w.id, w.application
),
counted AS (
  SELECT a.id, count(*) AS application_count,
    nullif(concat_ws(', ', max(CASE WHEN a.n = 1 THEN a.consumer_name END),
      max(CASE WHEN a.n = 2 THEN a.consumer_name END), max(CASE WHEN a.n = 3 THEN a.consumer_name END)),
      '') AS first_names
  FROM applications AS a
  GROUP BY a.id
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class, i.environment, c.application_count,
  concat(c.first_names, CASE WHEN c.application_count > 3
    THEN concat(' and ', CAST(c.application_count - 3 AS VARCHAR), ' more') ELSE '' END) AS workloads
FROM counted AS c
JOIN identity AS i ON i.id = c.id;

-- identity_environments: one row per identity that two or more consumers run as, with the environments of these.
CREATE VIEW identity_environments AS
WITH placed AS (
  SELECT w.id, w.consumer_name, e.production
  FROM identity_workload AS w
  LEFT JOIN scope AS s ON s.id = w.consumer_scope_id
  LEFT JOIN environment_word AS e ON e.id = regexp_extract(lower(coalesce(w.environment, s.environment)), '[a-z]+')
  WHERE NOT w.starts_only
),
counted AS (
  SELECT p.id, count(*) AS consumer_count,
    sum(CASE WHEN p.production THEN 1 ELSE 0 END) AS production_count,
    sum(CASE WHEN NOT p.production THEN 1 ELSE 0 END) AS other_count,
    min(CASE WHEN p.production THEN p.consumer_name END) AS production_name,
    min(CASE WHEN NOT p.production THEN p.consumer_name END) AS other_name
  FROM placed AS p
  GROUP BY p.id
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class, c.consumer_count, c.production_name, c.other_name,
  CASE WHEN c.production_count > 0 AND c.other_count > 0 THEN TRUE
    WHEN c.production_count + c.other_count < c.consumer_count THEN NULL ELSE FALSE END AS spans
FROM counted AS c
JOIN identity AS i ON i.id = c.id
WHERE c.consumer_count > 1;

-- identity_breaks: one row per identity, with a sentence on what stops when it goes.
CREATE VIEW identity_breaks AS
WITH acting AS (
  SELECT w.id, w.consumer_name AS name FROM identity_workload AS w
  UNION
  SELECT c.identity_id AS id, s.consumer_name AS name
  FROM use_site AS s JOIN credential AS c ON c.id = s.credential_id
  WHERE c.identity_id IS NOT NULL
),
numbered AS (
  SELECT a.id, a.name, row_number() OVER (PARTITION BY a.id ORDER BY a.name) AS n FROM acting AS a
),
named AS (
  SELECT n.id, count(*) AS total, nullif(concat_ws(', ', max(CASE WHEN n.n = 1 THEN n.name END),
    max(CASE WHEN n.n = 2 THEN n.name END), max(CASE WHEN n.n = 3 THEN n.name END),
    max(CASE WHEN n.n = 4 THEN n.name END)), '') AS first_names
  FROM numbered AS n
  GROUP BY n.id
),
signs AS (
  SELECT c.identity_id AS id, max(c.last_used_at) AS last_used_at
  FROM credential AS c WHERE c.identity_id IS NOT NULL GROUP BY c.identity_id
)
SELECT
  i.id, i.scope_id, coalesce(n.total, 0) AS consumer_count,
  concat(
    CASE WHEN n.total IS NULL THEN 'no consumer of it is known'
      WHEN n.total > 4 THEN concat(n.first_names, ' and ', CAST(n.total - 4 AS VARCHAR), ' more')
      ELSE n.first_names END,
    CASE WHEN coalesce(greatest(i.last_used_at, s.last_used_at), i.last_used_at, s.last_used_at) IS NOT NULL
      THEN concat('; last used ', CAST(CAST(
        coalesce(greatest(i.last_used_at, s.last_used_at), i.last_used_at, s.last_used_at) AS DATE) AS VARCHAR))
      WHEN i.last_used = 'never' THEN '; never used' ELSE '; its last use is not known' END) AS breaks
FROM identity AS i
LEFT JOIN named AS n ON n.id = i.id
LEFT JOIN signs AS s ON s.id = i.id;

-- credential_breaks: one row per credential, with a sentence on what stops when it goes.
CREATE VIEW credential_breaks AS
WITH acting AS (
  SELECT s.credential_id AS id, s.consumer_name AS name FROM use_site AS s GROUP BY s.credential_id, s.consumer_name
),
numbered AS (
  SELECT a.id, a.name, row_number() OVER (PARTITION BY a.id ORDER BY a.name) AS n FROM acting AS a
),
named AS (
  SELECT n.id, count(*) AS total, nullif(concat_ws(', ', max(CASE WHEN n.n = 1 THEN n.name END),
    max(CASE WHEN n.n = 2 THEN n.name END), max(CASE WHEN n.n = 3 THEN n.name END),
    max(CASE WHEN n.n = 4 THEN n.name END)), '') AS first_names
  FROM numbered AS n
  GROUP BY n.id
),
-- Where a job beside it signs in to the same cloud without a key, that is the way for the others too.
keyless AS (
  SELECT u.scope_id, min(concat(k.name, ' as ', regexp_extract(u.identity_id, '[^/:]+$'))) AS instead,
    CASE WHEN u.identity_id LIKE 'arn:aws%:iam::%' THEN 'aws' WHEN u.identity_id LIKE 'gcp:%' THEN 'gcp'
      WHEN u.identity_id LIKE 'azure:%' OR u.identity_id LIKE 'entra:%' THEN 'azure' END AS cloud
  FROM "use" AS u
  JOIN consumer AS k ON k.id = u.consumer_id
  WHERE u.how = 'federated' AND coalesce(u.name, 'exact') <> 'possible'
  GROUP BY u.scope_id, CASE WHEN u.identity_id LIKE 'arn:aws%:iam::%' THEN 'aws' WHEN u.identity_id LIKE 'gcp:%' THEN 'gcp'
    WHEN u.identity_id LIKE 'azure:%' OR u.identity_id LIKE 'entra:%' THEN 'azure' END
),
federated AS (
  SELECT s.credential_id AS id, min(y.instead) AS instead
  FROM use_site AS s
  JOIN credential AS c ON c.id = s.credential_id
  JOIN keyless AS y ON y.scope_id = s.scope_id AND y.cloud = c.provider
  GROUP BY s.credential_id
)
SELECT
  c.id, c.scope_id, coalesce(n.total, 0) AS consumer_count,
  concat(
    CASE WHEN n.total IS NULL THEN 'no consumer of it is known'
      WHEN n.total > 4 THEN concat(n.first_names, ' and ', CAST(n.total - 4 AS VARCHAR), ' more')
      ELSE n.first_names END,
    CASE WHEN c.last_used_at IS NOT NULL THEN concat('; last used ', CAST(CAST(c.last_used_at AS DATE) AS VARCHAR))
      WHEN c.last_used = 'never' THEN '; never used' ELSE '; its last use is not known' END,
    CASE WHEN f.instead IS NOT NULL THEN concat('; federation does without a key here: ', f.instead) END) AS breaks
FROM credential AS c
LEFT JOIN named AS n ON n.id = c.id
LEFT JOIN federated AS f ON f.id = c.id;

-- service_platform: one row per AWS service that is trusted by roles of software which collectors list in full, and the
-- platform under which they list it.  Services with short-lived or unlisted users of roles are left out.
CREATE VIEW service_platform AS
SELECT s.id, '' AS scope_id, s.platform
FROM (VALUES
  ('lambda.amazonaws.com', 'aws_lambda'),
  ('ec2.amazonaws.com', 'aws_ec2'),
  ('ecs-tasks.amazonaws.com', 'aws_ecs'),
  ('codebuild.amazonaws.com', 'aws_codebuild'),
  ('states.amazonaws.com', 'aws_stepfunctions'),
  ('tasks.apprunner.amazonaws.com', 'aws_apprunner'),
  ('bedrock-agentcore.amazonaws.com', 'aws_agentcore')
) AS s(id, platform);

-- identity_attached: one row per role that only services of `service_platform` may assume, and per identity of Azure that
-- is made to be assigned to workloads and that no federation opens, with how many consumers run as it.
CREATE VIEW identity_attached AS
WITH seen AS (
  SELECT k.scope_id, k.platform FROM consumer AS k WHERE k.platform IS NOT NULL GROUP BY k.scope_id, k.platform
),
trusted AS (
  SELECT t.target_id AS id, count(*) AS trust_count, count(p.id) AS listed_count, count(s.platform) AS seen_count,
    min(t.principal) AS service
  FROM trust AS t
  LEFT JOIN service_platform AS p ON p.id = t.principal AND t.principal_kind = 'service'
  LEFT JOIN seen AS s ON s.platform = p.platform AND s.scope_id = t.scope_id
  GROUP BY t.target_id
),
running AS (
  SELECT u.identity_id AS id, count(*) AS consumer_count FROM "use" AS u
  WHERE u.identity_id IS NOT NULL GROUP BY u.identity_id
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class, 'Role' AS noun, i.created_at, t.service,
  coalesce(r.consumer_count, 0) AS consumer_count,
  -- listed: this kind of software was found in the account, so that its collector ran; else nothing is known.
  CASE WHEN t.seen_count = t.trust_count THEN TRUE END AS listed,
  coalesce(i.last_used_at, CASE WHEN i.last_used = 'never' THEN i.created_at END) AS idle_since
FROM trusted AS t
JOIN identity AS i ON i.id = t.id
LEFT JOIN running AS r ON r.id = t.id
WHERE t.listed_count = t.trust_count AND coalesce(i.class, 'workload') NOT IN ('provider_managed', 'break_glass')
UNION ALL
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class, 'Managed identity' AS noun, i.created_at,
  'workloads of Azure' AS service, coalesce(r.consumer_count, 0) AS consumer_count,
  -- Some workload of Azure was found in its subscription; one of another subscription may run as it too, unseen.
  CASE WHEN s.scope_id IS NOT NULL THEN TRUE END AS listed,
  coalesce(i.last_used_at, CASE WHEN i.last_used = 'never' THEN i.created_at END) AS idle_since
FROM identity AS i
LEFT JOIN running AS r ON r.id = i.id
LEFT JOIN (
  SELECT k.scope_id FROM seen AS k WHERE k.platform LIKE 'azure_%' GROUP BY k.scope_id
) AS s ON s.scope_id = concat('azure:sub/', regexp_extract(i.native_id, '^/subscriptions/([^/]+)/', 1))
LEFT JOIN (
  SELECT t.target_id FROM trust AS t WHERE t.kind = 'federate' GROUP BY t.target_id
) AS f ON f.target_id = i.id
WHERE i.kind = 'managed_identity' AND i.tags LIKE '%"assigned": "user"%' AND f.target_id IS NULL
  AND coalesce(i.state, 'enabled') = 'enabled';

-- identity_locked: one row per user-like identity, and whether any way to sign in is left.
CREATE VIEW identity_locked AS
WITH proof AS (
  SELECT c.identity_id, sum(CASE WHEN c.state = 'active' THEN 1 ELSE 0 END) AS active_count,
    sum(CASE WHEN c.state IS NULL THEN 1 ELSE 0 END) AS unknown_count,
    sum(CASE WHEN c.state = 'active' AND coalesce(c.lifetime, 'static') = 'static' AND t.id IS NULL THEN 1 ELSE 0 END)
      AS kept_count
  FROM credential AS c
  LEFT JOIN credential_part AS t ON t.id = c.id
  WHERE c.identity_id IS NOT NULL GROUP BY c.identity_id
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class,
  -- kept_count: credentials that work again as soon as it is enabled.
  coalesce(p.kept_count, 0) AS kept_count,
  CASE WHEN i.state = 'disabled' THEN 'is disabled' ELSE 'has no way left to sign in' END AS how,
  CASE WHEN i.state = 'disabled' THEN TRUE
    WHEN i.interactive OR p.active_count > 0 THEN FALSE
    -- Workloads act as accounts of a cloud without any credential; an app registered here acts by its own alone, and
    -- one of another tenant by what is kept there.
    WHEN i.provider = 'azure' AND i.kind IN ('app', 'agent_blueprint') THEN
      CASE WHEN p.unknown_count > 0 THEN NULL
        WHEN p.identity_id IS NOT NULL
          AND coalesce(nullif(regexp_extract(i.tags, '"home_tenant": "([^"]*)"', 1), ''), 'own')
            IN ('own', replace(i.scope_id, 'azure:tenant/', '')) THEN TRUE ELSE FALSE END
    WHEN i.kind IN ('managed_identity', 'agent_identity') THEN FALSE
    WHEN i.provider = 'gcp' THEN CASE WHEN i.state = 'enabled' THEN FALSE END
    WHEN i.interactive IS NULL OR p.unknown_count > 0 THEN NULL ELSE TRUE END AS locked
FROM identity AS i
LEFT JOIN proof AS p ON p.identity_id = i.id
WHERE i.kind IN ('user', 'service_account', 'app', 'bot', 'managed_identity', 'agent_identity', 'agent_blueprint')
  AND coalesce(i.state, 'enabled') <> 'deleted'
  AND coalesce(i.class, 'workload') NOT IN ('provider_managed', 'break_glass');

-- credential_flagged: one row per credential that its provider reports as stolen, itself or through its identity.
CREATE VIEW credential_flagged AS
WITH raised AS (
  SELECT s.subject_id, min(s.kind) AS signal, min(s.seen_at) AS seen_at
  FROM signal AS s
  WHERE s.kind IN ('compromised', 'quarantined') AND coalesce(s.active, TRUE)
  GROUP BY s.subject_id
)
SELECT
  c.id, c.scope_id, c.noun, c.noun_title, c.label, c.identity_name, c.live,
  coalesce(own.signal, its.signal) AS signal, coalesce(own.seen_at, its.seen_at) AS seen_at,
  -- named: the provider named this credential, not only the identity it proves.
  (own.subject_id IS NOT NULL) AS named
FROM credential_issued AS c
LEFT JOIN raised AS own ON own.subject_id = c.id
LEFT JOIN raised AS its ON its.subject_id = c.identity_id
WHERE own.subject_id IS NOT NULL OR its.subject_id IS NOT NULL;

-- trust_party: one row per trust that lets another account, tenant or project, or somebody of one, be an identity: by
-- assuming it, as the publisher of an application that is registered elsewhere, or with a token of another cloud.
CREATE VIEW trust_party AS
SELECT a.id, a.scope_id, a.principal, a.principal_kind, a.account_id, a.target_id, 'role' AS target_noun, a.target_name,
  a.provider, a.outside, a.external_id, a.certainty
FROM trust_assume AS a
UNION ALL
SELECT t.id, t.scope_id, t.principal, t.principal_kind, t.account_id, t.target_id, replace(i.kind, '_', ' ') AS target_noun,
  i.name AS target_name, i.provider, t.external AS outside, FALSE AS external_id, t.certainty
FROM trust AS t
JOIN identity AS i ON i.id = t.target_id
WHERE t.kind IN ('impersonate', 'act_as', 'federate', 'delegate') AND i.provider IN ('azure', 'gcp')
  AND (t.principal_kind = 'account' OR (t.principal_kind IN ('identity', 'anyone') AND t.external))
  AND coalesce(i.class, 'workload') <> 'provider_managed';

-- identity_outside: one row per identity that another account may be, with how far that account is a stranger.
CREATE VIEW identity_outside AS
WITH party AS (
  SELECT a.target_id, a.principal, a.account_id, a.outside, a.external_id,
    row_number() OVER (PARTITION BY a.target_id ORDER BY a.outside DESC NULLS LAST, a.principal) AS n
  FROM trust_party AS a
),
counted AS (
  SELECT p.target_id, count(*) AS party_count,
    sum(CASE WHEN p.outside THEN 1 ELSE 0 END) AS outside_count,
    sum(CASE WHEN p.outside IS NULL THEN 1 ELSE 0 END) AS doubtful_count,
    sum(CASE WHEN p.outside AND NOT coalesce(p.external_id, FALSE) THEN 1 ELSE 0 END) AS open_count,
    nullif(concat_ws(', ', max(CASE WHEN p.n = 1 AND p.outside THEN p.principal END),
      max(CASE WHEN p.n = 2 AND p.outside THEN p.principal END),
      max(CASE WHEN p.n = 3 AND p.outside THEN p.principal END)), '') AS parties
  FROM party AS p
  GROUP BY p.target_id
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, c.parties,
  -- without: what the provider knows to bind a stranger with and this trust lacks.
  CASE WHEN i.provider IN ('azure', 'gcp') THEN '' ELSE ' without an external id' END AS without,
  CASE WHEN c.outside_count > 0 THEN TRUE WHEN c.doubtful_count > 0 THEN NULL ELSE FALSE END AS third_party,
  -- unbound: a stranger can take it without giving the external id that ties him to you.
  CASE WHEN c.open_count > 0 THEN TRUE WHEN c.doubtful_count > 0 THEN NULL ELSE FALSE END AS unbound
FROM counted AS c
JOIN identity AS i ON i.id = c.target_id;

-- identity_vendor: one row per identity whose tags say that another party holds it.
CREATE VIEW identity_vendor AS
SELECT i.id, i.scope_id, i.provider, i.kind, i.name
FROM identity AS i
WHERE regexp_matches(lower(i.tags), '"(vendor|supplier|(third|external)[-_ ]?party)[^":]*":');

-- identity_minting: one row per identity that may give others access (create users, keys, roles, policies), and whether
-- a demanded boundary or condition limits what it gives.
CREATE VIEW identity_minting AS
WITH able AS (
  SELECT e.identity_id, min(e.certainty) AS certainty, min(e.method) AS method
  FROM effective AS e WHERE e.capability = 'grant_access' GROUP BY e.identity_id
),
limited AS (
  SELECT g.identity_id FROM "grant" AS g
  -- Azure limits by the roles or principals that may be assigned, Google Cloud by the roles that may be given.
  WHERE lower(g.condition) LIKE '%iam:permissionsboundary%'
    OR regexp_matches(lower(g.condition), 'roleassignments:(roledefinitionid|principalid|principaltype)')
    OR lower(g.condition) LIKE '%modifiedgrantsbyrole%' GROUP BY g.identity_id
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class, a.certainty, a.method, (l.identity_id IS NOT NULL) AS limited
FROM able AS a
JOIN identity AS i ON i.id = a.identity_id
LEFT JOIN limited AS l ON l.identity_id = a.identity_id;

-- identity_callers: one row per role, with how many different principals may assume it and whether each session must
-- name who stands behind it.
CREATE VIEW identity_callers AS
WITH caller AS (
  SELECT t.target_id, t.principal,
    -- A role taken by a service is named after the thing that runs; one taken with a token carries its subject.
    t.principal_kind IN ('account', 'identity', 'anyone') AS borrowed,
    coalesce(lower(t.condition) LIKE '%sts:sourceidentity%' OR lower(t.condition) LIKE '%sts:rolesessionname%', FALSE)
      AS named
  FROM trust AS t
  WHERE t.kind = 'assume'
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class,
  count(DISTINCT c.principal) FILTER (WHERE c.borrowed) AS caller_count,
  sum(CASE WHEN c.borrowed AND NOT c.named THEN 1 ELSE 0 END) AS unnamed_count
FROM caller AS c
JOIN identity AS i ON i.id = c.target_id
WHERE coalesce(i.class, 'workload') NOT IN ('provider_managed', 'human', 'break_glass')
GROUP BY i.id, i.scope_id, i.provider, i.kind, i.name, i.class;

-- identity_place: one row per identity, with the environment of it or of where it is kept; a managed identity lies in a
-- subscription, although its directory is that of the whole tenant.
CREATE VIEW identity_place AS
SELECT i.id, i.scope_id, coalesce(i.environment, h.environment, s.environment) AS environment
FROM identity AS i
LEFT JOIN scope AS s ON s.id = i.scope_id
LEFT JOIN scope AS h ON h.id = concat('azure:sub/', regexp_extract(i.native_id, '^/subscriptions/([^/]+)/', 1));

-- trust_ends: one row per trust between two identities or accounts, with what is known of both ends.
CREATE VIEW trust_ends AS
SELECT
  t.id, t.scope_id, t.kind, t.principal, t.principal_kind, t.target_id, t.certainty, t.external,
  i.name AS target_name, i.provider, i.class AS target_class, p.name AS principal_name, p.class AS principal_class,
  coalesce(p.scope_id, CASE WHEN t.principal_kind = 'account' THEN a.id END) AS principal_scope_id,
  te.production AS target_production, pe.production AS principal_production,
  ts.environment AS target_environment,
  coalesce(ps.environment, a.environment) AS principal_environment
FROM trust AS t
JOIN identity AS i ON i.id = t.target_id
JOIN identity_place AS ts ON ts.id = t.target_id
LEFT JOIN identity AS p ON p.id = t.principal
LEFT JOIN identity_place AS ps ON ps.id = t.principal
LEFT JOIN scope AS a ON t.principal_kind = 'account'
  AND a.id = concat(CASE WHEN length(t.account_id) = 36 THEN 'azure:tenant/' ELSE 'aws:' END, t.account_id)
LEFT JOIN environment_word AS te ON te.id = regexp_extract(lower(ts.environment), '[a-z]+')
LEFT JOIN environment_word AS pe ON pe.id = regexp_extract(lower(coalesce(ps.environment, a.environment)), '[a-z]+')
WHERE t.principal_kind IN ('account', 'identity');

-- credential_environments: one row per credential that two or more consumers use, with the environments of these.
CREATE VIEW credential_environments AS
WITH placed AS (
  SELECT s.credential_id, s.scope_id, s.consumer_id, min(s.consumer_name) AS consumer_name,
    bool_or(e.production) AS production
  FROM use_site AS s
  JOIN consumer AS k ON k.id = s.consumer_id
  LEFT JOIN scope AS o ON o.id = k.scope_id
  LEFT JOIN environment_word AS e ON e.id = regexp_extract(lower(coalesce(k.environment, o.environment)), '[a-z]+')
  GROUP BY s.credential_id, s.scope_id, s.consumer_id
)
SELECT
  p.credential_id AS id, min(p.scope_id) AS scope_id, count(*) AS consumer_count,
  min(CASE WHEN p.production THEN p.consumer_name END) AS production_name,
  min(CASE WHEN NOT p.production THEN p.consumer_name END) AS other_name,
  CASE WHEN max(CASE WHEN p.production THEN 1 ELSE 0 END) + max(CASE WHEN NOT p.production THEN 1 ELSE 0 END) = 2
    THEN TRUE WHEN count(p.production) < count(*) THEN NULL ELSE FALSE END AS spans
FROM placed AS p
GROUP BY p.credential_id
HAVING count(*) > 1;

-- identity_touches: one row per identity with a grant to write, and the environments of the things its grants name, or
-- of the subscriptions and projects they are in.
CREATE VIEW identity_touches AS
WITH thing AS (
  SELECT r.id, r.name, r.environment FROM resource AS r
  UNION ALL
  SELECT t.id, t.name, t.environment FROM store AS t
),
pattern AS (
  SELECT g.identity_id, r.pattern,
    -- A name of its own, or everything in one thing (a bucket's objects, a queue's versions).
    regexp_replace(r.pattern, '[/:][*]$', '') AS thing_id,
    CASE WHEN r.pattern LIKE '/subscriptions/%'
        THEN concat('azure:sub/', regexp_extract(r.pattern, '^/subscriptions/([^/]+)', 1))
      WHEN r.pattern LIKE '//%/projects/%'
        THEN concat('gcp:project/', regexp_extract(r.pattern, '^//[^/]+/projects/([^/]+)', 1)) END AS home_id
  FROM "grant" AS g
  CROSS JOIN UNNEST(g.resources) AS r(pattern)
  WHERE lower(g.effect) = 'allow' AND g.level NOT IN ('read', 'list')
),
placed AS (
  SELECT p.identity_id, coalesce(t.name, s.name) AS name, e.production
  FROM pattern AS p
  LEFT JOIN thing AS t ON t.id = p.thing_id
  LEFT JOIN scope AS s ON s.id = p.home_id
  LEFT JOIN environment_word AS e ON e.id = regexp_extract(lower(coalesce(t.environment, s.environment)), '[a-z]+')
),
counted AS (
  SELECT p.identity_id, count(*) AS pattern_count, count(p.production) AS known_count,
    min(CASE WHEN p.production THEN p.name END) AS production_name,
    min(CASE WHEN NOT p.production THEN p.name END) AS other_name
  FROM placed AS p
  GROUP BY p.identity_id
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class, c.production_name, c.other_name,
  CASE WHEN c.production_name IS NOT NULL AND c.other_name IS NOT NULL THEN TRUE
    WHEN c.known_count < c.pattern_count THEN NULL ELSE FALSE END AS spans
FROM counted AS c
JOIN identity AS i ON i.id = c.identity_id
WHERE coalesce(i.class, 'workload') NOT IN ('provider_managed', 'human', 'break_glass');

-- agent_acting: one row per enabled agent and identity it acts as, by a role or by a credential of it or its servers.
CREATE VIEW agent_acting AS
SELECT a.agent_id AS id, k.scope_id, a.identity_id, k.name
FROM (
  SELECT c.agent_id, c.identity_id FROM agent_credential AS c
  UNION
  SELECT r.agent_id, r.identity_id FROM agent_runs_as AS r
) AS a
JOIN consumer AS k ON k.id = a.agent_id
WHERE k.kind = 'agent' AND coalesce(k.enabled, TRUE);

-- agent_ability: one row per agent that acts as an identity, with what the most able of its identities can do beyond
-- being administrator.
CREATE VIEW agent_ability AS
WITH able AS (
  SELECT e.identity_id,
    max(CASE WHEN e.capability = 'read_secrets' THEN 1 ELSE 0 END) AS reads_secrets,
    min(CASE WHEN e.capability = 'read_secrets' THEN e.certainty END) AS reads_certainty,
    max(CASE WHEN e.capability = 'grant_access' THEN 1 ELSE 0 END) AS mints,
    min(CASE WHEN e.capability = 'grant_access' THEN e.certainty END) AS mints_certainty,
    min(CASE WHEN e.capability = 'grant_access' THEN e.method END) AS mints_method
  FROM effective AS e
  GROUP BY e.identity_id
)
SELECT
  a.id, a.scope_id, a.name, count(*) AS identity_count,
  CASE WHEN max(b.reads_secrets) = 1 THEN TRUE WHEN count(i.id) < count(*) THEN NULL ELSE FALSE END AS reads_secrets,
  min(CASE WHEN b.reads_secrets = 1 THEN i.name END) AS reads_as,
  min(b.reads_certainty) AS reads_certainty,
  CASE WHEN max(b.mints) = 1 THEN TRUE WHEN count(i.id) < count(*) THEN NULL ELSE FALSE END AS mints,
  min(CASE WHEN b.mints = 1 THEN i.name END) AS mints_as,
  min(b.mints_certainty) AS mints_certainty, min(b.mints_method) AS mints_method
FROM agent_acting AS a
LEFT JOIN identity AS i ON i.id = a.identity_id
LEFT JOIN able AS b ON b.identity_id = a.identity_id
GROUP BY a.id, a.scope_id, a.name;

-- agent_chain: one row per agent that acts as an identity, and whether one of these reaches an administrator over roles
-- without being one.
CREATE VIEW agent_chain AS
SELECT
  a.id, a.scope_id, a.name,
  CASE WHEN max(CASE WHEN p.reaches_admin AND NOT p.admin THEN 1 ELSE 0 END) = 1 THEN TRUE
    WHEN count(p.id) < count(*) THEN NULL ELSE FALSE END AS chains,
  min(CASE WHEN p.reaches_admin AND NOT p.admin THEN p.name END) AS identity_name,
  min(CASE WHEN p.reaches_admin AND NOT p.admin THEN p.admin_hops END) AS admin_hops,
  min(CASE WHEN p.reaches_admin AND NOT p.admin THEN p.admin_steps END) AS admin_steps,
  min(CASE WHEN p.reaches_admin AND NOT p.admin THEN p.reach_certainty END) AS certainty
FROM agent_acting AS a
LEFT JOIN identity_power AS p ON p.id = a.identity_id
GROUP BY a.id, a.scope_id, a.name;

-- identity_agents: one row per identity that agents run as, with these agents.  An application that is made of agents
-- with the same identity is none beside them.
CREATE VIEW identity_agents AS
WITH whole AS (
  SELECT k.parent_id, r.identity_id
  FROM consumer AS k
  JOIN agent_runs_as AS r ON r.agent_id = k.id
  WHERE k.kind = 'agent' AND k.parent_id IS NOT NULL AND coalesce(k.enabled, TRUE)
  GROUP BY k.parent_id, r.identity_id
),
running AS (
  SELECT r.identity_id, r.agent_id, k.name, row_number() OVER (PARTITION BY r.identity_id ORDER BY k.name, k.id) AS n
  FROM agent_runs_as AS r
  JOIN consumer AS k ON k.id = r.agent_id
  LEFT JOIN whole AS w ON w.parent_id = r.agent_id AND w.identity_id = r.identity_id
  WHERE k.kind = 'agent' AND coalesce(k.enabled, TRUE) AND w.parent_id IS NULL
    -- What Entra tells of an agent identity is the agent that somebody else tells of, where somebody does.
    AND NOT (coalesce(k.framework, '') = 'entra_agent' AND r.identity_id IN (
      SELECT o.identity_id FROM agent_runs_as AS o JOIN consumer AS x ON x.id = o.agent_id
      WHERE x.kind = 'agent' AND coalesce(x.framework, '') <> 'entra_agent'))
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class, count(*) AS agent_count,
  concat(concat_ws(', ', max(CASE WHEN r.n = 1 THEN r.name END), max(CASE WHEN r.n = 2 THEN r.name END),
    max(CASE WHEN r.n = 3 THEN r.name END), max(CASE WHEN r.n = 4 THEN r.name END)), CASE WHEN count(*) > 4
    THEN concat(' and ', CAST(count(*) - 4 AS VARCHAR), ' more') ELSE '' END) AS agent_names
FROM running AS r
JOIN identity AS i ON i.id = r.identity_id
GROUP BY i.id, i.scope_id, i.provider, i.kind, i.name, i.class;

-- agent_owner: one row per agent, with how many owners it has and how many its scope knows at all.  The sponsors of the
-- identity that is an agent's own (Entra) are its owners.
CREATE VIEW agent_owner AS
WITH sponsored AS (
  SELECT o.subject_id, o.id FROM owner AS o
  UNION
  SELECT u.consumer_id AS subject_id, o.id
  FROM "use" AS u
  JOIN identity AS i ON i.id = u.identity_id AND i.kind = 'agent_identity'
  JOIN owner AS o ON o.subject_id = i.id
  WHERE u.how = 'runs_as'
),
owned AS (
  SELECT o.subject_id, count(*) AS owner_count FROM sponsored AS o GROUP BY o.subject_id
),
known AS (
  -- Who wrote a line is no answer to who owns a thing: it does not make a source of owners.
  SELECT o.scope_id, count(*) AS owner_count FROM owner AS o WHERE o.basis <> 'blame' GROUP BY o.scope_id
)
SELECT
  k.id, k.scope_id, k.name, k.framework, k.platform, k.uri, k.line, coalesce(o.owner_count, 0) AS owner_count,
  coalesce(n.owner_count, 0) AS owners_in_scope
FROM consumer AS k
LEFT JOIN owned AS o ON o.subject_id = k.id
LEFT JOIN known AS n ON n.scope_id = k.scope_id
WHERE k.kind = 'agent' AND coalesce(k.enabled, TRUE);

-- agent_hop: one row per agent that hands work to another agent, with the power of both.
CREATE VIEW agent_hop AS
WITH judged AS (
  SELECT h.from_id, h.to_id, h.via, h.auth, b.name AS to_name, b.identity_name AS to_identity, b.power AS to_power,
    b.certainty, a.powerful AS from_powerful, b.powerful AS to_powerful,
    -- on_behalf: the callee gets the caller's user, not only the caller.
    CASE WHEN h.auth IS NOT NULL THEN h.auth = 'oauth' END AS on_behalf
  FROM hop AS h
  LEFT JOIN agent_power AS a ON a.id = h.from_id
  LEFT JOIN agent_power AS b ON b.id = h.to_id
),
lifted AS (
  SELECT j.*, CASE WHEN j.from_powerful OR NOT j.to_powerful OR j.on_behalf THEN FALSE
    WHEN j.to_powerful AND NOT j.from_powerful AND NOT j.on_behalf THEN TRUE END AS lifts
  FROM judged AS j
)
SELECT
  k.id, k.scope_id, k.name, count(*) AS hop_count,
  bool_or(l.lifts) AS lifts, count(l.lifts) AS known_count,
  min(CASE WHEN l.lifts THEN l.to_name END) AS to_name,
  min(CASE WHEN l.lifts THEN l.to_identity END) AS to_identity,
  min(CASE WHEN l.lifts THEN l.to_power END) AS to_power,
  min(CASE WHEN l.lifts THEN l.certainty END) AS certainty
FROM lifted AS l
JOIN consumer AS k ON k.id = l.from_id
JOIN consumer AS t ON t.id = l.to_id
WHERE k.kind = 'agent' AND t.kind = 'agent' AND coalesce(k.enabled, TRUE)
GROUP BY k.id, k.scope_id, k.name;

-- agent_guard: one row per agent of a cloud platform, with the limits that are set on it.
CREATE VIEW agent_guard AS
WITH bounded AS (
  -- Where there are no boundaries, a policy that denies the identity something is one.
  SELECT t.principal_id AS id FROM attachment AS t WHERE t.kind IN ('boundary', 'denies') GROUP BY t.principal_id
),
acting AS (
  SELECT r.agent_id, count(*) AS identity_count, count(b.id) AS bounded_count, min(i.name) AS identity_name,
    count(i.id) AS known_count
  FROM agent_runs_as AS r
  LEFT JOIN identity AS i ON i.id = r.identity_id
  LEFT JOIN bounded AS b ON b.id = r.identity_id
  GROUP BY r.agent_id
)
SELECT
  k.id, k.scope_id, k.name, k.platform, k.guardrail, a.identity_name,
  w.production,
  CASE WHEN a.identity_count = a.bounded_count THEN TRUE WHEN a.known_count = a.identity_count THEN FALSE END AS bounded
FROM consumer AS k
LEFT JOIN scope AS s ON s.id = k.scope_id
LEFT JOIN environment_word AS w ON w.id = regexp_extract(lower(coalesce(k.environment, s.environment)), '[a-z]+')
LEFT JOIN acting AS a ON a.agent_id = k.id
WHERE k.kind = 'agent' AND regexp_matches(k.platform, '^(aws|azure|gcp)_') AND coalesce(k.enabled, TRUE);

-- scope_log: one row per account and kind of log, and whether it is on wherever somebody looked.  The id of a record
-- ends in its region; `every-region` stands for all of them.
CREATE VIEW scope_log AS
WITH place AS (
  SELECT g.subject_id, g.kind, g.enabled, regexp_extract(g.id, '[^/]*$') AS region FROM logging AS g
)
SELECT
  p.subject_id AS id, p.subject_id AS scope_id, p.kind,
  CASE WHEN max(CASE WHEN p.region = 'every-region' AND p.enabled THEN 1 ELSE 0 END) = 1 THEN TRUE
    WHEN max(CASE WHEN NOT p.enabled THEN 1 ELSE 0 END) = 1 THEN FALSE
    WHEN count(p.enabled) = count(*) THEN TRUE END AS enabled,
  max(CASE WHEN p.enabled THEN 1 ELSE 0 END) = 1 AS anywhere,
  string_agg(CASE WHEN NOT p.enabled THEN p.region END, ', ' ORDER BY p.region) AS off_regions
FROM place AS p
GROUP BY p.subject_id, p.kind;

-- account_log: one row per account, and which of its logs are on; NULL when nobody looked or could not say.  Azure keeps
-- the activity log of every subscription, which nobody can switch off (learn.microsoft.com, "Activity log in Azure
-- Monitor").  A tenant of Entra is told by the sign-ins of its applications, which it keeps for 30 days at most unless
-- they are sent elsewhere ("Microsoft Entra data retention").
CREATE VIEW account_log AS
SELECT
  s.id, s.scope_id, s.provider, s.name,
  CASE WHEN s.kind = 'account' THEN 'Calls to the API of account' ELSE 'Sign-ins of applications of tenant' END AS calls_noun,
  CASE WHEN s.kind <> 'account' THEN n.enabled
    ELSE coalesce(a.enabled, CASE WHEN s.provider = 'azure' THEN TRUE END) END AS calls_logged,
  -- Of the sign-ins of the last days there always is a log.
  CASE WHEN s.kind <> 'account' THEN TRUE
    ELSE coalesce(a.anywhere, CASE WHEN s.provider = 'azure' THEN TRUE END) END AS calls_anywhere,
  CASE WHEN s.kind = 'account' THEN a.off_regions ELSE 'a place that keeps them beyond 30 days' END AS calls_off,
  r.enabled AS secrets_logged, r.off_regions AS secrets_off
FROM scope AS s
LEFT JOIN scope_log AS a ON a.id = s.id AND a.kind = 'api_calls'
LEFT JOIN scope_log AS r ON r.id = s.id AND r.kind = 'secret_access'
LEFT JOIN scope_log AS n ON n.id = s.id AND n.kind = 'sign_ins'
WHERE s.kind = 'account' OR s.id LIKE 'azure:tenant/%';

-- agent_log: one row per agent of a cloud platform, and whether what it says and calls is written down.
CREATE VIEW agent_log AS
WITH place AS (
  SELECT g.subject_id, g.kind, g.enabled, regexp_extract(g.id, '[^/]*$') AS region FROM logging AS g
),
own AS (
  SELECT p.subject_id, bool_or(p.enabled) AS enabled FROM place AS p WHERE p.kind = 'tool_calls' GROUP BY p.subject_id
),
events AS (
  SELECT p.subject_id, p.region FROM place AS p WHERE p.kind = 'tool_calls' AND p.enabled
  GROUP BY p.subject_id, p.region
),
model AS (
  SELECT p.subject_id, p.region, bool_or(p.enabled) AS enabled
  FROM place AS p WHERE p.kind = 'model_invocation' GROUP BY p.subject_id, p.region
)
SELECT
  k.id, k.scope_id, k.name, k.platform, k.framework,
  CASE WHEN k.platform LIKE 'aws_%' THEN split_part(k.id, ':', 4) WHEN k.platform LIKE 'gcp_%' THEN 'its project'
    ELSE 'its subscription' END AS region,
  -- logged: its own log, or data events of the account, or for an agent without a log of its own the log of its models.
  CASE WHEN o.enabled OR e.region IS NOT NULL OR every.region IS NOT NULL THEN TRUE
    WHEN o.enabled IS NOT NULL THEN FALSE ELSE m.enabled END AS logged
FROM consumer AS k
LEFT JOIN own AS o ON o.subject_id = k.id
LEFT JOIN events AS e ON e.subject_id = k.scope_id AND e.region = split_part(k.id, ':', 4)
LEFT JOIN events AS every ON every.subject_id = k.scope_id AND every.region = 'every-region'
LEFT JOIN model AS m ON m.subject_id = k.scope_id AND m.region = split_part(k.id, ':', 4)
WHERE k.kind = 'agent' AND regexp_matches(k.platform, '^(aws|azure|gcp)_') AND coalesce(k.enabled, TRUE);

-- agent_endpoint: one row per agent or gateway of tools that others call, with how it asks who they are.
CREATE VIEW agent_endpoint AS
SELECT k.id, k.scope_id, k.kind, replace(k.kind, '_', ' ') AS noun, k.name, k.platform, k.url, k.auth, k.tls, k.public,
  CASE WHEN k.auth = 'none' OR NOT k.tls THEN TRUE WHEN k.auth IS NOT NULL THEN FALSE END AS open
FROM consumer AS k
WHERE (k.kind = 'agent' OR (k.kind = 'tool_server' AND k.parent_id IS NULL))
  AND (k.platform = 'aws_agentcore' OR (k.url IS NOT NULL AND (k.kind = 'agent' OR k.platform LIKE 'gcp_%')))
  AND coalesce(k.enabled, TRUE) AND coalesce(k.loopback, FALSE) = FALSE;

-- certificate: one row per certificate of software (no authorities), with what its facts say.
CREATE VIEW certificate AS
WITH read AS (
  SELECT c.id, c.scope_id, c.provider, c.kind, c.name, c.state, c.issued_at, c.expires_at, c.environment, c.identity_id,
    nullif(regexp_extract(c.facts, '"in_use": "([a-z]+)"', 1), '') AS in_use,
    nullif(regexp_extract(c.facts, '"renewal": "([a-z]+)"', 1), '') AS renewal,
    nullif(regexp_extract(c.facts, '"origin": "([a-z]+)"', 1), '') AS origin,
    nullif(regexp_extract(c.facts, '"role": "([a-z]+)"', 1), '') AS role
  FROM credential AS c
  LEFT JOIN credential_part AS t ON t.id = c.id
  WHERE c.kind IN ('certificate', 'signing_certificate') AND coalesce(c.sample, FALSE) = FALSE AND t.id IS NULL
)
SELECT
  r.id, r.scope_id, r.provider, r.kind, coalesce(r.name, 'without a name') AS name, r.state, r.issued_at, r.expires_at,
  r.origin, r.renewal,
  -- in_use: something presents it; NULL where the provider does not say.
  CASE WHEN r.in_use IS NOT NULL THEN r.in_use = 'true' END AS in_use,
  -- renews: a new one is made in time without anybody's doing.
  CASE WHEN r.renewal IS NOT NULL THEN r.renewal = 'automatic' END AS renews
FROM read AS r
WHERE coalesce(r.role, 'end') <> 'authority' AND coalesce(r.state, 'active') NOT IN ('inactive', 'deleted')
  AND coalesce(r.in_use, 'true') = 'true';

-- key_form: one row per credential with a key pair of its own, with algorithm, size and who else has the same key.
CREATE VIEW key_form AS
WITH read AS (
  SELECT c.id, c.scope_id, c.provider, c.kind, c.state, coalesce(c.name, 'without a name') AS name, c.environment,
    -- Google Cloud writes KEY_ALG_RSA_2048.
    nullif(coalesce(nullif(regexp_extract(c.facts, '"key_algorithm": "([^"]+)"', 1), ''),
      regexp_extract(c.facts, '"KEY_ALG_([A-Z]+)_[0-9]+"', 1)), '') AS algorithm,
    CAST(nullif(coalesce(nullif(regexp_extract(c.facts, '"key_bits": "([0-9]+)"', 1), ''),
      regexp_extract(c.facts, '"KEY_ALG_[A-Z]+_([0-9]+)"', 1)), '') AS INTEGER) AS bits,
    nullif(regexp_extract(c.facts, '"public_key": "([^"]+)"', 1), '') AS public_key,
    -- The public half of an SSH key stands wherever the key may be used, and an authority signs for many.
    (coalesce(c.public, FALSE) AND c.kind = 'ssh_key') OR c.facts LIKE '%"role": "authority"%' AS spread
  FROM credential AS c
  WHERE c.kind IN ('certificate', 'signing_certificate', 'ssh_key', 'private_key')
    AND coalesce(c.state, 'active') NOT IN ('inactive', 'deleted', 'expired') AND coalesce(c.sample, FALSE) = FALSE
    AND NOT coalesce(c.kind = 'signing_certificate' AND c.facts LIKE '%"usage": "Verify"%', FALSE)
),
holder AS (
  -- The same name in one account is one thing, in however many regions.
  SELECT r.public_key, r.scope_id, lower(r.name) AS name, min(r.environment) AS environment
  FROM read AS r WHERE r.public_key IS NOT NULL AND NOT r.spread
  GROUP BY r.public_key, r.scope_id, lower(r.name)
),
shared AS (
  SELECT h.public_key, count(*) AS holder_count, min(h.name) AS first_name, max(h.name) AS last_name
  FROM holder AS h GROUP BY h.public_key
)
SELECT
  r.id, r.scope_id, r.provider, r.kind, replace(r.kind, '_', ' ') AS noun, r.name, r.algorithm, r.bits,
  coalesce(s.holder_count, 1) AS holder_count, s.first_name, s.last_name
FROM read AS r
LEFT JOIN shared AS s ON s.public_key = r.public_key
WHERE NOT r.spread
  AND (r.algorithm IS NOT NULL OR r.public_key IS NOT NULL OR r.kind IN ('certificate', 'signing_certificate'));

-- store_breaks: one row per store, with a sentence on what reads it.
CREATE VIEW store_breaks AS
WITH acting AS (
  -- A reference may leave out the six characters that Secrets Manager appends to a name.
  SELECT regexp_replace(coalesce(u.place, u.credential_id), '(:secret:.*)-[A-Za-z0-9]{6}$', '\1') AS place, k.name
  FROM "use" AS u JOIN consumer AS k ON k.id = u.consumer_id
  WHERE u.form = 'vault'
  GROUP BY regexp_replace(coalesce(u.place, u.credential_id), '(:secret:.*)-[A-Za-z0-9]{6}$', '\1'), k.name
),
numbered AS (
  SELECT a.place, a.name, row_number() OVER (PARTITION BY a.place ORDER BY a.name) AS n FROM acting AS a
),
named AS (
  SELECT n.place, count(*) AS total, nullif(concat_ws(', ', max(CASE WHEN n.n = 1 THEN n.name END),
    max(CASE WHEN n.n = 2 THEN n.name END), max(CASE WHEN n.n = 3 THEN n.name END),
    max(CASE WHEN n.n = 4 THEN n.name END)), '') AS first_names
  FROM numbered AS n GROUP BY n.place
)
SELECT
  t.id, t.scope_id, coalesce(n.total, 0) AS consumer_count,
  concat(
    CASE WHEN n.total IS NULL THEN 'no consumer of it is known'
      WHEN n.total > 4 THEN concat(n.first_names, ' and ', CAST(n.total - 4 AS VARCHAR), ' more')
      ELSE n.first_names END,
    CASE WHEN t.last_used_at IS NOT NULL THEN concat('; last read ', CAST(CAST(t.last_used_at AS DATE) AS VARCHAR))
      WHEN t.last_used = 'never' THEN '; never read' ELSE '; its last use is not known' END) AS breaks
FROM store AS t
LEFT JOIN named AS n ON n.place = regexp_replace(t.id, '(:secret:.*)-[A-Za-z0-9]{6}$', '\1');

-- store_rotation: one row per secret or key that can rotate by itself, with when it last got a new value.
CREATE VIEW store_rotation AS
SELECT
  t.id, t.scope_id, t.provider, t.kind, replace(t.kind, '_', ' ') AS noun, t.name, t.rotation_days,
  -- Key Vault renews no secret by itself (learn.microsoft.com, "Understanding autorotation in Azure Key Vault").
  coalesce(t.rotation, CASE WHEN t.provider = 'azure' AND t.kind = 'secret' THEN FALSE END) AS rotation,
  t.kind IN ('kms_key', 'key') AS of_key,
  -- A key that does not rotate keeps the material it was made with.
  CASE WHEN t.kind = 'kms_key' THEN coalesce(t.rotated_at, t.created_at)
    ELSE coalesce(greatest(t.changed_at, t.rotated_at), t.changed_at, t.rotated_at, t.created_at) END AS renewed_at
FROM store AS t
WHERE t.kind IN ('secret', 'kms_key', 'key', 'foundry_connection') AND coalesce(t.state, 'enabled') NOT IN ('deleting', 'empty', 'disabled');

-- credential_workload: one row per credential whose value stands in the configuration of a workload.
CREATE VIEW credential_workload AS
WITH held AS (
  SELECT u.credential_id AS id, k.scope_id, concat(coalesce(u.name, 'its settings'), ' of ', k.name) AS place,
    row_number() OVER (PARTITION BY u.credential_id ORDER BY k.name, k.id, u.name) AS n
  FROM "use" AS u
  JOIN consumer AS k ON k.id = u.consumer_id
  WHERE u.form = 'literal' AND u.how IN ('env', 'configured', 'mounted')
    AND k.kind IN ('workload', 'function', 'pipeline', 'agent', 'tool_server')
    AND regexp_matches(k.platform, '^(aws|azure|gcp)_')
)
SELECT h.id, min(h.scope_id) AS scope_id, count(*) AS place_count,
  concat(concat_ws(', ', max(CASE WHEN h.n = 1 THEN h.place END), max(CASE WHEN h.n = 2 THEN h.place END),
    max(CASE WHEN h.n = 3 THEN h.place END)), CASE WHEN count(*) > 3
    THEN concat(' and ', CAST(count(*) - 3 AS VARCHAR), ' more') ELSE '' END) AS places
FROM held AS h
GROUP BY h.id;

-- provider_account: one row per account of AWS itself that policies name so that load balancers can write their logs
-- (Elastic Load Balancing User Guide, "Enable access logs", account ids by region).
CREATE VIEW provider_account AS
SELECT a.id, '' AS scope_id, 'load balancer logs' AS purpose
FROM UNNEST([
  '127311923021', '033677994240', '027434742980', '797873946194', '098369216593', '754344448648', '589379963580',
  '718504428378', '383597477331', '600734575887', '114774131450', '783225319266', '582318560864', '985666609251',
  '054676820928', '156460612806', '652711504416', '635631232127', '009996457667', '897822967062', '076674570225',
  '507241528517', '048591011584', '190560391635', '638102146993', '037604701340'
]) AS a(id);

-- trust_access: one row per thing with a policy of its own and principal from outside that the policy lets in.
CREATE VIEW trust_access AS
WITH standing AS (
  SELECT a.principal_id FROM attachment AS a WHERE a.kind = 'resource' GROUP BY a.principal_id
)
SELECT
  t.id, t.scope_id, t.principal, t.principal_kind, t.target_id, t.account_id, t.external, t.source_bound, t.condition,
  t.certainty, coalesce(r.provider, s.provider, 'aws') AS provider,
  coalesce(r.name, s.name, k.name, t.target_id) AS target_name,
  coalesce(r.kind, s.kind, k.kind) AS target_kind,
  replace(coalesce(r.kind, s.kind, k.kind, 'thing'), '_', ' ') AS target_noun,
  (s.id IS NOT NULL) AS target_stored, r.public
FROM trust AS t
JOIN standing AS h ON h.principal_id = t.target_id
LEFT JOIN resource AS r ON r.id = t.target_id
LEFT JOIN store AS s ON s.id = t.target_id
LEFT JOIN consumer AS k ON k.id = t.target_id
WHERE t.kind = 'access';

-- trust_outside: one row per trust, by a role or by the policy of a thing, in another account or one of its identities.
CREATE VIEW trust_outside AS
WITH either AS (
  SELECT a.id, a.scope_id, a.principal, a.principal_kind, a.account_id, a.target_id, a.target_noun,
    a.target_name, a.provider, a.outside, a.external_id, a.certainty
  FROM trust_party AS a
  UNION ALL
  SELECT x.id, x.scope_id, x.principal, x.principal_kind, x.account_id, x.target_id, x.target_noun, x.target_name,
    x.provider, x.external AS outside, FALSE AS external_id, x.certainty
  FROM trust_access AS x
)
SELECT e.*
FROM either AS e
LEFT JOIN provider_account AS p ON p.id = e.account_id
WHERE e.principal_kind IN ('account', 'identity') AND p.id IS NULL
  -- Secrets and keys are judged as such (store_opening).
  AND e.target_id NOT LIKE 'arn:%:secretsmanager:%' AND e.target_id NOT LIKE 'arn:%:kms:%';

-- trust_service: one row per service that a role or the policy of a thing trusts and that acts for many customers.
CREATE VIEW trust_service AS
WITH deputy AS (
  -- Services whose console writes the condition into the roles it makes, so that one without it was made by hand.
  SELECT d.id
  FROM UNNEST([
    'bedrock.amazonaws.com', 'bedrock-agentcore.amazonaws.com', 'scheduler.amazonaws.com', 'pipes.amazonaws.com',
    'qbusiness.amazonaws.com', 'grafana.amazonaws.com'
  ]) AS d(id)
)
SELECT t.id, t.scope_id, t.principal, t.target_id, i.provider, 'role' AS target_noun, i.name AS target_name,
  t.source_bound, t.certainty, FALSE AS stands
FROM trust AS t
JOIN identity AS i ON i.id = t.target_id
JOIN deputy AS d ON d.id = t.principal
WHERE t.kind = 'assume' AND t.principal_kind = 'service' AND coalesce(i.class, 'workload') <> 'provider_managed'
UNION ALL
SELECT x.id, x.scope_id, x.principal, x.target_id, x.provider, x.target_noun, x.target_name,
  x.source_bound, x.certainty, TRUE AS stands
FROM trust_access AS x
WHERE x.principal_kind = 'service'
  -- A key is bound by what it encrypts; whom a share of RAM or a private CA serves is decided by AWS.
  AND NOT x.target_stored
  AND x.target_id NOT LIKE 'arn:%:kms:%' AND x.target_id NOT LIKE 'arn:%:ram:%'
  AND x.target_id NOT LIKE 'arn:%:acm-pca:%' AND x.target_id NOT LIKE 'arn:%:secretsmanager:%';

-- store_binding: one row per secret of Google Cloud and principal from outside that a role on it names: everybody, or an
-- account of a project that was not audited.
CREATE VIEW store_binding AS
WITH named AS (
  SELECT a.id, a.scope_id, a.target_id, a.principal_id, a.condition,
    a.principal_id IN ('gcp:allUsers', 'gcp:allAuthenticatedUsers') AS anyone,
    regexp_extract(a.principal_id, '^gcp:sa/[^@/]+@([a-z0-9-]+)[.]iam[.]gserviceaccount[.]com$', 1) AS project
  FROM attachment AS a
  JOIN store AS s ON s.id = a.target_id
  WHERE a.kind = 'grants' AND a.principal_id LIKE 'gcp:%'
)
SELECT n.id, n.scope_id, n.target_id, regexp_replace(n.principal_id, '^gcp:(sa/)?', '') AS principal, n.anyone,
  CASE WHEN n.condition IS NULL THEN 'certain' ELSE 'conditional' END AS certainty
FROM named AS n
LEFT JOIN identity AS i ON i.id = n.principal_id
LEFT JOIN scope AS p ON p.id = concat('gcp:project/', n.project)
WHERE n.anyone OR (n.project <> '' AND n.project NOT LIKE 'gcp-sa-%' AND p.id IS NULL
  AND coalesce(i.class, 'workload') <> 'provider_managed');

-- store_opening: one row per secret or key whose readers its policy can widen, with who from outside may read it.
CREATE VIEW store_opening AS
WITH party AS (
  SELECT x.target_id, x.principal, x.principal_kind = 'anyone' AS anyone, x.external, x.certainty
  FROM trust_access AS x
  LEFT JOIN provider_account AS p ON p.id = x.account_id
  WHERE x.principal_kind IN ('anyone', 'account', 'identity') AND p.id IS NULL
  UNION ALL
  SELECT b.target_id, b.principal, b.anyone, TRUE AS external, b.certainty FROM store_binding AS b
),
opened AS (
  SELECT x.target_id, count(*) AS row_count, count(x.external) AS known_count,
    max(CASE WHEN x.external AND x.anyone THEN 1 ELSE 0 END) AS anyone,
    max(CASE WHEN x.external THEN 1 ELSE 0 END) AS outside,
    min(CASE WHEN x.external THEN x.certainty END) AS certainty,
    min(CASE WHEN x.external THEN x.principal END) AS principal
  FROM party AS x
  GROUP BY x.target_id
)
SELECT
  s.id, s.scope_id, s.provider, s.kind, replace(s.kind, '_', ' ') AS noun, s.name, o.principal, o.certainty,
  coalesce(o.anyone, 0) = 1 AS anyone,
  CASE WHEN o.outside = 1 THEN TRUE WHEN o.known_count < o.row_count THEN NULL ELSE FALSE END AS outside
FROM store AS s
LEFT JOIN opened AS o ON o.target_id = s.id
WHERE s.kind IN ('secret', 'managed_secret', 'kms_key', 'kms_imported_key', 'kms_asymmetric_key', 'kms_external_key')
  AND coalesce(s.state, 'enabled') <> 'deleting';

-- attachment_open: one row per role that a policy of Google Cloud gives to somebody, with what it is on.
CREATE VIEW attachment_open AS
SELECT a.id, a.scope_id, a.policy_id, a.principal_id, a.target_id, a.condition, p.provider, p.name AS role_name,
  coalesce(r.name, k.name, s.name, regexp_replace(a.target_id, '^.*/', '')) AS target_name,
  regexp_replace(regexp_extract(a.target_id, '^//([^/]+)/', 1), '[.]googleapis[.]com$', '') AS service,
  -- open: to everybody, or to everybody with a Google account.
  a.principal_id IN ('gcp:allUsers', 'gcp:allAuthenticatedUsers') AS open,
  -- sees: it lets others look and nothing more.
  regexp_matches(lower(p.name), '(viewer|reader|browser|getter|puller)$') AS sees
FROM attachment AS a
JOIN policy AS p ON p.id = a.policy_id
LEFT JOIN resource AS r ON r.id = a.target_id
LEFT JOIN consumer AS k ON k.id = a.target_id
LEFT JOIN store AS s ON s.id = a.target_id
WHERE a.kind = 'grants' AND p.provider = 'gcp'
  -- A secret that is open is told by store_opening.
  AND s.id IS NULL;

-- attachment_orphan: one row per role that is given to a principal of Azure or Google Cloud, and whether that is gone.
CREATE VIEW attachment_orphan AS
SELECT a.id, a.scope_id, a.policy_id, a.principal_id, a.target_id, p.provider, p.name AS role_name,
  coalesce(i.name, regexp_replace(a.principal_id, '^.*/', '')) AS principal_name,
  -- gone: NULL where the directory did not tell of the principal, which may be a person or a group.
  CASE WHEN i.state = 'deleted' THEN TRUE WHEN i.id IS NOT NULL OR a.principal_id LIKE '%/everyone' THEN FALSE END AS gone
FROM attachment AS a
JOIN policy AS p ON p.id = a.policy_id
LEFT JOIN identity AS i ON i.id = a.principal_id
WHERE a.kind = 'grants' AND p.provider IN ('azure', 'gcp') AND coalesce(a.source, '') NOT LIKE 'repo.%';

-- attachment_consent: one row per permission that an administrator gave an application of Entra for everybody who signs
-- in to it.
CREATE VIEW attachment_consent AS
SELECT a.id, a.scope_id, a.policy_id, a.principal_id, regexp_extract(a.policy_id, '[^/]*$') AS scope_name,
  coalesce(i.name, 'an unknown application') AS app_name,
  -- strong: it acts on what belongs to others, or reads what they write to one another.
  regexp_matches(regexp_extract(a.policy_id, '[^/]*$'), concat('(ReadWrite|FullControl|Manage|AccessAsUser|PrivilegedOperations|[.]Send|',
    '^(Mail|Files|Sites|Chat|ChannelMessage|Notes|MailboxSettings|Contacts)[.]Read|user_impersonation|^full_access)')) AS strong,
  -- foreign: another tenant publishes it; unverified: and nobody vouches for who that is.
  CASE WHEN i.id IS NOT NULL THEN coalesce(nullif(regexp_extract(i.tags, '"home_tenant": "([^"]*)"', 1), '')
    <> replace(i.scope_id, 'azure:tenant/', ''), FALSE) END AS foreign_app,
  CASE WHEN i.id IS NOT NULL THEN coalesce(i.tags, '') NOT LIKE '%"verified_publisher":%' END AS unverified
FROM attachment AS a
LEFT JOIN identity AS i ON i.id = a.principal_id
WHERE a.kind = 'grants' AND a.policy_id LIKE 'entra:delegated/%' AND lower(a.condition) = 'allprincipals'
  AND coalesce(i.class, 'workload') <> 'provider_managed';

-- identity_multi_tenant: one row per application that is registered in an audited tenant of Entra and that other tenants
-- can take in, with the secrets it has.
CREATE VIEW identity_multi_tenant AS
WITH held AS (
  SELECT c.identity_id, sum(CASE WHEN c.state = 'active' THEN 1 ELSE 0 END) AS secret_count,
    sum(CASE WHEN c.state IS NULL THEN 1 ELSE 0 END) AS unknown_count
  FROM credential AS c
  LEFT JOIN credential_part AS t ON t.id = c.id
  WHERE c.kind = 'client_secret' AND c.identity_id IS NOT NULL AND t.id IS NULL
  GROUP BY c.identity_id
)
SELECT i.id, i.scope_id, i.provider, i.kind, i.name, coalesce(h.secret_count, 0) AS secret_count,
  CASE WHEN h.secret_count > 0 THEN TRUE WHEN h.unknown_count > 0 THEN NULL ELSE FALSE END AS keeps_secret
FROM identity AS i
LEFT JOIN held AS h ON h.identity_id = i.id
WHERE i.provider = 'azure' AND i.kind IN ('app', 'agent_blueprint')
  AND regexp_matches(i.tags, '"audience": "(AzureADMultipleOrgs|AzureADandPersonalMicrosoftAccount)"')
  AND coalesce(nullif(regexp_extract(i.tags, '"home_tenant": "([^"]*)"', 1), ''), 'own')
    IN ('own', replace(i.scope_id, 'azure:tenant/', ''))
  AND coalesce(i.class, 'workload') <> 'provider_managed' AND coalesce(i.state, 'enabled') = 'enabled';

-- identity_gate: one row per provider of a pool of Google Cloud that takes tokens of a platform that serves everybody,
-- and whether it says whose it takes.
CREATE VIEW identity_gate AS
SELECT i.id, i.scope_id, i.provider, i.kind, i.name, c.platform,
  nullif(regexp_extract(i.tags, '"attribute_condition": "([^"]*)"', 1), '') AS demand,
  -- gated: a condition that compares something that the token says; NULL for one that compares nothing we know.
  CASE WHEN i.tags NOT LIKE '%"attribute_condition": "%' THEN FALSE
    WHEN regexp_matches(i.tags, '"attribute_condition": ".*(==| in |startsWith|matches)') THEN TRUE END AS gated
FROM identity AS i
JOIN ci_issuer AS c ON NOT c.tenanted AND NOT c.clients
  AND c.id = regexp_replace(lower(regexp_extract(i.tags, '"issuer": "([^"]*)"', 1)), '^https://|/$', '', 'g')
WHERE i.provider = 'gcp' AND i.kind = 'oidc_provider' AND coalesce(i.state, 'enabled') IN ('enabled', 'declared');

-- identity_sweep: one row per machine identity of Azure or Google Cloud, and whether it holds a role over every service.
CREATE VIEW identity_sweep AS
WITH wide AS (
  SELECT e.identity_id, min(e.certainty) AS certainty, min(e.steps[1]) AS how
  FROM effective AS e
  WHERE e.capability = 'wildcard' AND (e.method = '*' OR e.method LIKE 'roles/%')
  GROUP BY e.identity_id
)
SELECT m.id, m.scope_id, m.provider, m.kind, m.name, m.class, w.certainty, w.how, (w.identity_id IS NOT NULL) AS wide
FROM identity_machine AS m
LEFT JOIN wide AS w ON w.identity_id = m.id
WHERE m.provider IN ('azure', 'gcp');

-- identity_keeper: one row per machine identity that has owners, with how many of these are gone by what their
-- directory says.
CREATE VIEW identity_keeper AS
WITH person AS (
  SELECT o.subject_id, lower(o.name) AS name,
    max(CASE WHEN p.state IN ('disabled', 'deleted') THEN 1 WHEN p.state = 'enabled' THEN 0 END) AS gone
  FROM owner AS o
  JOIN identity AS i ON i.id = o.subject_id
  LEFT JOIN identity AS p ON lower(p.name) = lower(o.name) AND p.kind = 'user' AND p.provider = i.provider
  GROUP BY o.subject_id, lower(o.name)
),
counted AS (
  SELECT p.subject_id, count(*) AS owner_count, count(p.gone) AS known_count, sum(coalesce(p.gone, 0)) AS gone_count,
    min(CASE WHEN p.gone = 1 THEN p.name END) AS gone_name
  FROM person AS p GROUP BY p.subject_id
)
SELECT m.id, m.scope_id, m.provider, m.kind, m.name, m.class, c.owner_count, c.gone_count, c.gone_name,
  -- abandoned: nobody of them is left; one that is there suffices, and one of whom nothing is known may be.
  CASE WHEN c.gone_count = c.owner_count THEN TRUE WHEN c.known_count > c.gone_count THEN FALSE END AS abandoned
FROM counted AS c
JOIN identity_machine AS m ON m.id = c.subject_id;

-- trust_guest: one row per person who owns an application of Entra, and so may add a secret to it, and whether that is a
-- guest of another tenant.
CREATE VIEW trust_guest AS
SELECT t.id, t.scope_id, t.target_id, i.name AS target_name, coalesce(p.name, t.principal) AS principal_name,
  CASE WHEN p.name LIKE '%@%' THEN lower(p.name) LIKE '%#ext#@%' END AS guest
FROM trust AS t
JOIN identity AS i ON i.id = t.target_id AND i.provider = 'azure' AND i.kind IN ('app', 'agent_blueprint')
LEFT JOIN identity AS p ON p.id = t.principal
WHERE t.kind = 'impersonate' AND t.principal_kind = 'identity' AND t.id LIKE '%#trust/owner/%'
  AND coalesce(p.kind, 'user') = 'user';

-- key_reach: one row per API key of Google Cloud, with what it opens and from where.
CREATE VIEW key_reach AS
SELECT c.id, c.scope_id, c.noun, c.noun_title, c.label, c.identity_name, c.live,
  coalesce(list_contains(k.scopes, '*'), CASE WHEN array_length(k.scopes) > 0 THEN FALSE END) AS any_service,
  NOT k.bound AS any_client,
  concat_ws(' and ', CASE WHEN list_contains(k.scopes, '*') THEN 'opens every service of its project' END,
    CASE WHEN NOT k.bound THEN 'works from anywhere' END) AS lacks
FROM credential_issued AS c
JOIN credential AS k ON k.id = c.id
WHERE c.provider = 'gcp' AND c.kind = 'api_key' AND c.issued;
