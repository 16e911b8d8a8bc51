-- The vocabulary rules are written in.  Each view gives the `id` and `scope_id` of its subject.  A view reads as few
-- tables as its name promises, because a rule must list every table it reads under `needs`, and a gap in a needed
-- table makes a pass "not assessed".  A rule that wants two vocabularies joins two views on `id`.
-- Standard SQL only: no recursion, no parameters; unknown stays NULL, a boolean is TRUE, FALSE or NULL (unknown).

-- credential_name: one row per credential, with what a message calls it: its kind in words, and enough of a public key
-- id to recognise it, else the name of its variable or format.
CREATE VIEW credential_name AS
SELECT
  c.id, c.scope_id, replace(c.kind, 'unknown', 'credential') AS kind,
  replace(replace(c.kind, 'unknown', 'credential'), '_', ' ') AS noun,
  concat(upper(substr(replace(c.kind, 'unknown', 'credential'), 1, 1)),
    substr(replace(replace(c.kind, 'unknown', 'credential'), '_', ' '), 2)) AS noun_title,
  CASE WHEN length(c.key_id) > 8 THEN concat(substr(c.key_id, 1, 4), '…', substr(c.key_id, length(c.key_id) - 1, 2))
    ELSE coalesce(c.key_id, c.name, c.format, 'of unknown name') END AS label
FROM credential AS c;

-- credential_part: one row per credential that opens nothing by itself, because it belongs to another one: Entra keeps
-- the key a single sign-on signs with as a pair of certificates and the password of its private half.
CREATE VIEW credential_part AS
SELECT c.id, c.scope_id
FROM credential AS c
WHERE c.facts LIKE '%"protects": "signing_certificate"%'
  OR (c.kind = 'signing_certificate' AND c.facts LIKE '%"usage": "Verify"%');

-- credential_issued: one row per credential, with the identity it proves and what the issuer says of it; no parts of
-- others.
CREATE VIEW credential_issued AS
WITH named AS (
  -- Names as in credential_name and parts as in credential_part: millions of rows are not joined with themselves.
  SELECT c.*,
    replace(replace(c.kind, 'unknown', 'credential'), '_', ' ') AS noun,
    concat(upper(substr(replace(c.kind, 'unknown', 'credential'), 1, 1)),
      substr(replace(replace(c.kind, 'unknown', 'credential'), '_', ' '), 2)) AS noun_title,
    CASE WHEN length(c.key_id) > 8 THEN concat(substr(c.key_id, 1, 4), '…', substr(c.key_id, length(c.key_id) - 1, 2))
      ELSE coalesce(c.key_id, c.name, c.format, 'of unknown name') END AS label,
    -- listed: account keys of Azure and API keys of Google Cloud are listed by their issuer and prove no identity.
    (c.identity_id IS NULL AND ((c.id LIKE 'gcp:api_key/%' AND c.account_id IS NOT NULL)
      OR (c.format = 'azure-storage-key' AND c.id LIKE '/%'))) IS TRUE AS listed
  FROM credential AS c
  WHERE (c.facts LIKE '%"protects": "signing_certificate"%'
    OR (c.kind = 'signing_certificate' AND c.facts LIKE '%"usage": "Verify"%')) IS NOT TRUE
)
SELECT
  c.id, c.scope_id, c.provider, c.kind, c.account_id, c.identity_id, c.state, c.lifetime, c.issued_at, c.expires_at,
  c.public, c.confidence,
  c.noun, c.noun_title, c.label, i.kind AS identity_kind, i.class AS identity_class,
  -- identity_name: for keys of a project or resource, which are nobody's, what they are keys of.
  coalesce(i.name, CASE WHEN c.listed THEN coalesce(nullif(regexp_extract(c.facts,
    '"resource": "[^"]*/([^/"]+)"', 1), ''), concat('project ', c.account_id)) END) AS identity_name,
  -- live: the issuer confirms it works, or that it does not; not_in_scope and unknown states are NULL.
  CASE WHEN c.state = 'active' THEN TRUE WHEN c.state IN ('inactive', 'expired', 'deleted') THEN FALSE END AS live,
  -- issued: some issuer that was asked knows this credential (otherwise it is only known from a file).
  (c.identity_id IS NOT NULL OR c.listed) AS issued,
  -- human_behind: a person stands behind it, by the format's own word or by the class of its identity.
  coalesce(c.human, CASE WHEN i.class IS NOT NULL THEN i.class = 'human' END) AS human_behind,
  -- by_name_only: all we know is the name of a variable; two places with that name need not hold the same value.
  (c.fingerprint IS NULL AND c.key_id IS NULL) AS by_name_only,
  coalesce(c.rotated_at, c.issued_at) AS renewed_at,
  -- idle_since: the last known use; for one that was never used, the day it was issued.
  coalesce(c.last_used_at, CASE WHEN c.last_used = 'never' THEN c.issued_at END) AS idle_since,
  (c.last_used = 'never') AS never_used,
  -- production: by the label of the credential, else of its identity, else of the account that issued it.
  coalesce(lower(c.environment), lower(i.environment), lower(s.environment)) IN ('production', 'prod', 'prd', 'live')
    AS production
FROM named AS c
LEFT JOIN identity AS i ON i.id = c.identity_id
LEFT JOIN scope AS s ON s.id = i.scope_id;

-- credential_sibling: one row per credential whose issuer calls it active, beside the others of its identity and kind.
CREATE VIEW credential_sibling AS
WITH ranked AS (
  SELECT c.*,
    count(*) OVER (PARTITION BY c.identity_id, c.kind) AS sibling_count,
    count(c.issued_at) OVER (PARTITION BY c.identity_id, c.kind) AS dated_count,
    max(c.issued_at) OVER (PARTITION BY c.identity_id, c.kind) AS newest_at,
    row_number() OVER (PARTITION BY c.identity_id, c.kind ORDER BY c.issued_at DESC NULLS LAST, c.id) AS age_rank
  FROM credential AS c
  LEFT JOIN credential_part AS t ON t.id = c.id
  -- What its provider renews, or what is no value at all (federation), is no older version of anything.
  WHERE c.state = 'active' AND c.identity_id IS NOT NULL AND coalesce(c.lifetime, 'static') = 'static' AND t.id IS NULL
)
SELECT
  r.id, r.scope_id, r.provider, r.kind, r.identity_id, r.issued_at, r.sibling_count, r.newest_at,
  n.noun, n.noun_title, n.label, i.name AS identity_name,
  -- superseded: a newer credential of the same kind exists; NULL when an issue date is missing.
  CASE WHEN r.sibling_count = 1 THEN FALSE WHEN r.dated_count = r.sibling_count THEN r.age_rank > 1 END AS superseded,
  coalesce(r.last_used = 'never', FALSE) AS never_used
FROM ranked AS r
LEFT JOIN credential_name AS n ON n.id = r.id
LEFT JOIN identity AS i ON i.id = r.identity_id;

-- value_file: one row per file in which the value of a credential lies.
CREATE VIEW value_file AS
SELECT e.credential_id AS id, e.scope_id, e.uri, min(e.line) AS line,
  max(CASE WHEN e.visibility IN ('tracked', 'untracked') THEN 1 ELSE 0 END) AS visible,
  max(CASE WHEN e.visibility = 'local' THEN 1 ELSE 0 END) AS is_local,
  max(CASE WHEN e.visibility IS NULL THEN 1 ELSE 0 END) AS unknown,
  -- past: HEAD no longer holds it, and no file beside it either; history does.
  min(CASE WHEN e.at_head = FALSE AND coalesce(e.visibility, 'tracked') = 'tracked' THEN 1 ELSE 0 END) AS past
FROM exposure AS e
-- A value in the configuration of a workload lies in no file; NS-LEK-005 judges it.
WHERE e.part = 'value' AND e.uri NOT LIKE 'arn:%' AND e.uri NOT LIKE '/%'
GROUP BY e.credential_id, e.scope_id, e.uri;

-- credential_place: one row per credential that lies in a file; its scope is the repository, not the issuer.
CREATE VIEW credential_place AS
WITH numbered AS (
  SELECT f.*, concat(f.uri, CASE WHEN f.line IS NOT NULL THEN concat(':', CAST(f.line AS VARCHAR)) ELSE '' END) AS place,
    row_number() OVER (PARTITION BY f.id ORDER BY f.visible DESC, f.scope_id, f.uri) AS n, row_number() OVER (
    PARTITION BY f.id ORDER BY f.is_local DESC, f.scope_id, f.uri) AS local_n
  FROM value_file AS f
),
value_place AS (
  SELECT n.id AS credential_id,
    count(*) AS file_count, sum(n.visible) AS visible_files, sum(n.is_local) AS local_files,
    sum(n.unknown) AS unknown_files, min(n.past) AS past,
    nullif(concat_ws(', ', max(CASE WHEN n.n = 1 THEN n.place END), max(CASE WHEN n.n = 2 THEN n.place END),
      max(CASE WHEN n.n = 3 THEN n.place END)), '') AS first_places,
    nullif(concat_ws(', ', max(CASE WHEN n.local_n = 1 AND n.is_local = 1 THEN n.place END),
      max(CASE WHEN n.local_n = 2 AND n.is_local = 1 THEN n.place END),
      max(CASE WHEN n.local_n = 3 AND n.is_local = 1 THEN n.place END)), '') AS first_local
  FROM numbered AS n
  GROUP BY n.id
),
any_place AS (
  SELECT e.credential_id, min(e.scope_id) AS scope_id,
    bool_and(coalesce(e.file_class IN ('test', 'documentation', 'vendored'), FALSE)) AS aside
  FROM exposure AS e
  GROUP BY e.credential_id
)
SELECT
  -- issuer_scope_id: a gap in the account that issued it bears on every verdict about it.
  c.id, a.scope_id, c.scope_id AS issuer_scope_id, c.provider, c.kind, c.state, c.public, c.confidence, c.account_id,
  CASE WHEN c.state = 'active' THEN TRUE WHEN c.state IN ('inactive', 'expired', 'deleted') THEN FALSE END AS live,
  n.noun, n.noun_title, n.label,
  coalesce(v.file_count, 0) AS file_count, coalesce(v.past = 1, FALSE) AS only_past,
  -- aside: it lies in tests, documentation and code of others alone, where values are mostly made up.
  a.aside,
  -- in_repository: the value lies where everybody with the repository sees it (tracked, or about to be).
  CASE WHEN coalesce(v.visible_files, 0) > 0 THEN TRUE WHEN v.unknown_files > 0 THEN NULL ELSE FALSE END
    AS in_repository,
  -- on_workstation: the value lies in a file that git ignores, so only this machine sees it.
  CASE WHEN coalesce(v.local_files, 0) > 0 THEN TRUE WHEN v.unknown_files > 0 THEN NULL ELSE FALSE END
    AS on_workstation,
  concat(v.first_places, CASE WHEN v.file_count > 3
    THEN concat(' and ', CAST(v.file_count - 3 AS VARCHAR), ' more') ELSE '' END) AS places,
  concat(v.first_local, CASE WHEN v.local_files > 3
    THEN concat(' and ', CAST(v.local_files - 3 AS VARCHAR), ' more') ELSE '' END) AS local_places
FROM credential AS c
LEFT JOIN credential_name AS n ON n.id = c.id
JOIN any_place AS a ON a.credential_id = c.id
LEFT JOIN value_place AS v ON v.credential_id = c.id;

-- use_site: one row per use of a credential, with the agent that stands behind it (a tool server counts as its agent)
-- and the application it belongs to: one directory of a repository for agents, the repository for what builds and
-- starts it, the consumer itself for the rest.
-- Placeholders, empty and dangling entries carry nothing; a prompt asks every person for a value of his own.
CREATE VIEW use_site AS
SELECT
  u.id, u.scope_id, u.credential_id, u.consumer_id, u.form, u.how, u.uri, u.purpose,
  k.kind AS consumer_kind, k.name AS consumer_name,  k.platform, k.visibility, k.file_class,
  -- A gateway of tools that a cloud runs serves whoever calls it: it is no agent.
  CASE WHEN k.kind = 'agent' THEN k.id WHEN k.kind <> 'tool_server' THEN NULL
    WHEN coalesce(p.kind, 'tool_server') = 'tool_server'
      AND regexp_matches(coalesce(k.platform, p.platform, ''), '^(aws|azure|gcp)_') THEN NULL
    ELSE coalesce(k.parent_id, k.id) END AS agent_id,
  CASE WHEN k.kind = 'agent' THEN k.name WHEN k.kind = 'tool_server' THEN coalesce(p.name, k.name) END AS agent_name,
  CASE WHEN k.kind = 'agent' THEN k.autonomy WHEN k.kind = 'tool_server' THEN coalesce(p.autonomy, k.autonomy) END
    AS autonomy,
  CASE WHEN k.kind IN ('pipeline', 'step') OR p.kind = 'pipeline'
      OR k.platform IN ('docker_compose', 'docker_image', 'devcontainer') THEN u.scope_id
    WHEN k.kind IN ('agent', 'tool_server') AND NOT regexp_matches(coalesce(k.platform, ''), '^((aws|azure|gcp)_|entra$)')
    THEN regexp_replace(coalesce(k.parent_id, k.id), ':[^:]*$', '')
    -- As for identities (identity_workload): functions whose tags name one application are one.
    ELSE coalesce(nullif(regexp_extract(lower(k.tags),
      '"(application|app|service|project|aws:cloudformation:stack-name|eks:cluster-name)": "([^"(][^"]*)"', 2), ''),
      k.parent_id, k.id) END AS application
FROM "use" AS u
JOIN consumer AS k ON k.id = u.consumer_id
LEFT JOIN consumer AS p ON p.id = k.parent_id
WHERE u.credential_id IS NOT NULL
  AND coalesce(u.form, 'literal') NOT IN ('placeholder', 'empty', 'dangling', 'prompt')
  AND coalesce(k.enabled, TRUE) AND coalesce(p.enabled, TRUE);

-- credential_agent: one row per credential that an agent or one of its tool servers uses; scope: where it is used.
CREATE VIEW credential_agent AS
WITH agents AS (
  SELECT s.credential_id, s.agent_id, min(s.agent_name) AS agent_name,
    row_number() OVER (PARTITION BY s.credential_id ORDER BY s.agent_id) AS n
  FROM use_site AS s
  WHERE s.agent_id IS NOT NULL
  GROUP BY s.credential_id, s.agent_id
),
named AS (
  SELECT a.credential_id, count(*) AS agent_count,
    nullif(concat_ws(', ', max(CASE WHEN a.n = 1 THEN a.agent_name END), max(CASE WHEN a.n = 2 THEN a.agent_name END),
      max(CASE WHEN a.n = 3 THEN a.agent_name END), max(CASE WHEN a.n = 4 THEN a.agent_name END)), '') AS first_agents
  FROM agents AS a
  GROUP BY a.credential_id
),
entries AS (
  SELECT s.credential_id, s.application, s.consumer_name,
    row_number() OVER (PARTITION BY s.credential_id ORDER BY s.application, s.consumer_name) AS n
  FROM use_site AS s
  WHERE s.consumer_kind = 'tool_server'
  GROUP BY s.credential_id, s.application, s.consumer_name
),
servers AS (
  SELECT e.credential_id, count(*) AS server_count,
    nullif(concat_ws(', ', max(CASE WHEN e.n = 1 THEN e.consumer_name END),
      max(CASE WHEN e.n = 2 THEN e.consumer_name END), max(CASE WHEN e.n = 3 THEN e.consumer_name END),
      max(CASE WHEN e.n = 4 THEN e.consumer_name END)), '') AS first_servers
  FROM entries AS e
  GROUP BY e.credential_id
),
forms AS (
  SELECT s.credential_id, min(s.scope_id) AS scope_id,
    sum(CASE WHEN s.form <> 'literal' THEN 0 WHEN f.visible = 1 THEN 1 WHEN f.id IS NOT NULL THEN 0
      WHEN s.visibility IN ('tracked', 'untracked') THEN 1 ELSE 0 END) AS open_literals,
    sum(CASE WHEN s.form = 'literal' AND (f.unknown = 1 OR (f.id IS NULL AND s.visibility IS NULL)) THEN 1
      ELSE 0 END) AS doubtful_literals,
    sum(CASE WHEN s.form = 'literal' THEN 1 ELSE 0 END) AS literals,
    sum(CASE WHEN s.form IS NULL THEN 1 ELSE 0 END) AS unknown_forms,
    sum(CASE WHEN s.autonomy = 'interactive' THEN 0 ELSE 1 END) AS unattended_uses,
    sum(CASE WHEN s.file_class IN ('test', 'documentation', 'vendored') THEN 0 ELSE 1 END) AS earnest_uses
  FROM use_site AS s
  LEFT JOIN value_file AS f ON f.id = s.credential_id AND f.scope_id = s.scope_id AND f.uri = s.uri
  WHERE s.agent_id IS NOT NULL
  GROUP BY s.credential_id
)
SELECT
  f.credential_id AS id, f.scope_id, n.agent_count,
  concat(n.first_agents, CASE WHEN n.agent_count > 4
    THEN concat(' and ', CAST(n.agent_count - 4 AS VARCHAR), ' more') ELSE '' END) AS agent_names,
  -- server_count: distinct tool server entries; one name repeated for several editors of a directory is one.
  coalesce(v.server_count, 0) AS server_count,
  concat(v.first_servers, CASE WHEN v.server_count > 4
    THEN concat(' and ', CAST(v.server_count - 4 AS VARCHAR), ' more') ELSE '' END) AS server_names,
  -- plaintext: the value itself stands in an agent's configuration that everybody with the repository sees.
  CASE WHEN f.open_literals > 0 THEN TRUE WHEN f.doubtful_literals + f.unknown_forms > 0 THEN NULL ELSE FALSE END
    AS plaintext,
  (f.literals > 0) AS written_out,
  -- attended: a person sits in front of every agent that uses it.
  (f.unattended_uses = 0) AS attended,
  -- invented: only agents that tests and documents declare use it.
  (f.earnest_uses = 0) AS invented
FROM forms AS f
JOIN named AS n ON n.credential_id = f.credential_id
LEFT JOIN servers AS v ON v.credential_id = f.credential_id;

-- credential_platform: one row per credential that some consumer uses, with the best platform that consumer runs on.
CREATE VIEW credential_platform AS
WITH judged AS (
  SELECT s.credential_id, s.scope_id, s.consumer_name, s.platform,
    -- What somebody runs himself stands on a machine that we do not know.
    CASE WHEN s.platform IS NULL
        OR s.platform IN ('docker_compose', 'jenkins', 'drone', 'n8n', 'dify', 'gcp_agent_registry') THEN NULL
      WHEN s.platform IN ('workstation', 'on_premises', 'browser') THEN 0 ELSE 1 END AS issues
  FROM use_site AS s
),
first_issuing AS (
  SELECT j.credential_id, j.consumer_name, j.platform,
    row_number() OVER (PARTITION BY j.credential_id ORDER BY j.consumer_name, j.platform) AS n
  FROM judged AS j
  WHERE j.issues = 1
),
summed AS (
  SELECT j.credential_id, min(j.scope_id) AS scope_id, max(j.issues) AS issues, count(*) AS uses,
    count(j.issues) AS known
  FROM judged AS j
  GROUP BY j.credential_id
)
SELECT
  s.credential_id AS id, s.scope_id, f.consumer_name, f.platform,
  -- platform_issues: the platform of a consumer can hand it an identity of its own (CI with OIDC, Kubernetes, cloud).
  CASE WHEN s.issues = 1 THEN TRUE WHEN s.known < s.uses THEN NULL ELSE FALSE END AS platform_issues
FROM summed AS s
LEFT JOIN first_issuing AS f ON f.credential_id = s.credential_id AND f.n = 1;

-- credential_application: one row per credential, with the applications that hold or use it.  A repository where it
-- merely lies counts as one application, unless a consumer of that repository is already counted.
CREATE VIEW credential_application AS
WITH used AS (
  -- Two clients seen with one key may well be one application.
  SELECT s.credential_id, s.scope_id, s.application FROM use_site AS s
  -- A template as a whole is no application beside its parts, and printing a value is no use of it.
  WHERE s.how <> 'observed' AND coalesce(s.purpose, 'data') <> 'exposed' AND s.application NOT LIKE '%:(%)'
  GROUP BY s.credential_id, s.scope_id, s.application
),
held AS (
  SELECT e.credential_id, e.scope_id FROM exposure AS e
  WHERE e.part = 'value' GROUP BY e.credential_id, e.scope_id
),
used_scope AS (
  SELECT u.credential_id, u.scope_id FROM used AS u GROUP BY u.credential_id, u.scope_id
),
every_application AS (
  SELECT u.credential_id, u.scope_id, u.application FROM used AS u
  UNION
  SELECT h.credential_id, h.scope_id, h.scope_id AS application
  FROM held AS h
  LEFT JOIN used_scope AS s ON s.credential_id = h.credential_id AND s.scope_id = h.scope_id
  WHERE s.credential_id IS NULL
),
numbered AS (
  SELECT a.*, row_number() OVER (PARTITION BY a.credential_id ORDER BY a.application) AS n
  FROM (SELECT credential_id, application, min(scope_id) AS scope_id FROM every_application
        GROUP BY credential_id, application) AS a
)
SELECT
  n.credential_id AS id, min(n.scope_id) AS scope_id, count(*) AS application_count,
  concat(concat_ws(', ', max(CASE WHEN n.n = 1 THEN n.application END), max(CASE WHEN n.n = 2 THEN n.application END),
    max(CASE WHEN n.n = 3 THEN n.application END)), CASE WHEN count(*) > 3
    THEN concat(' and ', CAST(count(*) - 3 AS VARCHAR), ' more') ELSE '' END) AS applications
FROM numbered AS n
GROUP BY n.credential_id;

-- identity_machine: one row per identity that software acts as and that can act: users, roles, service accounts, apps,
-- managed identities, agents and bots; no provider-managed or break-glass identity, no person, nothing disabled.  An
-- unclassified identity counts as a machine unless it can log in interactively; what infrastructure code declares
-- counts like what exists, and so does a token of a pool that Google Cloud gives roles to.
CREATE VIEW identity_machine AS
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class, i.interactive, i.environment, i.created_at, i.last_used_at,
  i.last_used
FROM identity AS i
WHERE (i.kind IN ('user', 'role', 'service_account', 'app', 'bot', 'managed_identity', 'agent_identity',
    'agent_blueprint') OR (i.kind = 'workload_identity' AND i.provider = 'gcp'))
  AND coalesce(i.state, 'enabled') IN ('enabled', 'declared')
  AND (i.class IN ('workload', 'agent') OR (i.class IS NULL AND coalesce(i.interactive, FALSE) = FALSE));

-- identity_login: one row per enabled identity that could have a password and is not known to be a person's.
CREATE VIEW identity_login AS
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class, i.interactive,
  -- software: software acts as it, by its class or, where nothing else tells, by what it or its folder is called.
  CASE WHEN i.class IN ('workload', 'agent') THEN TRUE
    WHEN regexp_matches(lower(i.name),
        '(^|[-_.])(svc|service|bot|robot|ci|cd|automation|deploy|deployer|terraform|jenkins)([-_.0-9]|$)')
      OR regexp_matches(lower(i.id), '/(svc|services?|service-(accounts|users)|bots?|machines?)/')
    THEN TRUE END AS software
FROM identity AS i
WHERE i.kind IN ('user', 'service_account', 'app', 'bot') AND coalesce(i.state, 'enabled') = 'enabled'
  AND coalesce(i.class, 'workload') NOT IN ('human', 'break_glass', 'provider_managed');

-- identity_activity: one row per machine identity, with its last sign of life over all its credentials.
CREATE VIEW identity_activity AS
WITH proof AS (
  SELECT c.identity_id, count(*) AS active_credentials,
    max(coalesce(c.last_used_at, CASE WHEN c.last_used = 'never' THEN c.issued_at END)) AS last_sign,
    min(coalesce(c.last_used_at, CASE WHEN c.last_used = 'never' THEN c.issued_at END)) AS idlest,
    sum(CASE WHEN c.last_used_at IS NULL AND c.last_used IS NULL THEN 1 ELSE 0 END) AS unknown_use,
    -- Google Cloud does not record what an API key of a service account is used for (Activity Analyzer).
    sum(CASE WHEN c.last_used_at IS NULL AND c.last_used IS NULL AND c.kind = 'api_key' THEN 1 ELSE 0 END) AS unseen_use
  FROM credential AS c
  WHERE c.identity_id IS NOT NULL AND c.state = 'active'
  GROUP BY c.identity_id
),
sign AS (
  SELECT m.*, p.active_credentials, p.last_sign, p.idlest, p.unknown_use, p.unseen_use,
    coalesce(m.last_used_at, CASE WHEN m.last_used = 'never' THEN m.created_at END) AS own_sign
  FROM identity_machine AS m
  LEFT JOIN proof AS p ON p.identity_id = m.id
)
SELECT
  s.id, s.scope_id, s.provider, s.kind, s.name, s.class, s.created_at,
  coalesce(s.active_credentials, 0) AS active_credentials,
  -- idle_since: the latest known use, else the creation of what was never used.
  CASE WHEN s.own_sign IS NULL THEN s.last_sign WHEN s.last_sign IS NULL THEN s.own_sign
    WHEN s.own_sign >= s.last_sign THEN s.own_sign ELSE s.last_sign END AS idle_since,
  -- use_known: TRUE when no way to act is left whose use is unknown, else NULL.  The sign-ins that Entra and Google
  -- Cloud report of an identity are those with any of its credentials.
  CASE WHEN s.provider IN ('azure', 'gcp') AND s.kind <> 'user' THEN
      CASE WHEN coalesce(s.unseen_use, 0) = 0 AND (s.last_used IS NOT NULL OR s.last_used_at IS NOT NULL) THEN TRUE END
    WHEN coalesce(s.unknown_use, 0) = 0
    AND (s.last_used IS NOT NULL OR s.last_used_at IS NOT NULL
      OR (s.active_credentials > 0 AND coalesce(s.interactive, FALSE) = FALSE)) THEN TRUE END AS use_known,
  s.idlest AS credential_idle_since
FROM sign AS s;

-- identity_owner: one row per machine identity, with how many owners it has and how many its scope knows at all.  No
-- identities that are part of a resource or agent and owned with it, and none that only a binding names.
CREATE VIEW identity_owner AS
WITH owned AS (
  SELECT o.subject_id, count(*) AS owner_count FROM owner AS o GROUP BY o.subject_id
),
counted AS (
  SELECT m.*, coalesce(o.owner_count, 0) AS owner_count
  FROM identity_machine AS m
  JOIN identity AS i ON i.id = m.id
  LEFT JOIN owned AS o ON o.subject_id = m.id
  WHERE ((i.tags LIKE '%"assigned": "system"%' OR (m.kind = 'user' AND i.tags LIKE '%"agent": "%'))
      AND o.subject_id IS NULL) IS NOT TRUE
    AND m.kind <> 'workload_identity'
    -- The provider makes it for one agent, and agent_owner tells of that.
    AND NOT (m.kind = 'agent_identity' AND o.subject_id IS NULL)
    AND NOT (m.provider = 'gcp' AND i.state IS NULL AND o.subject_id IS NULL)
)
SELECT c.id, c.scope_id, c.provider, c.kind, c.name, c.class, c.created_at, c.owner_count,
  sum(c.owner_count) OVER (PARTITION BY c.scope_id) AS owners_in_scope
FROM counted AS c;

-- identity_power: one row per identity, with what it can effectively do and whether it reaches an administrator.
CREATE VIEW identity_power AS
WITH able AS (
  SELECT e.identity_id,
    max(CASE WHEN e.capability = 'admin' THEN 1 ELSE 0 END) AS admin,
    max(CASE WHEN e.capability = 'escalate' THEN 1 ELSE 0 END) AS escalate,
    max(CASE WHEN e.capability = 'read_secrets' THEN 1 ELSE 0 END) AS read_secrets,
    -- 'certain' sorts before 'conditional': the minimum is certain as soon as one proof is.
    min(CASE WHEN e.capability = 'admin' THEN e.certainty END) AS admin_certainty,
    min(CASE WHEN e.capability = 'escalate' THEN e.certainty END) AS escalate_certainty,
    min(CASE WHEN e.capability = 'read_secrets' THEN e.certainty END) AS read_secrets_certainty,
    -- Where it holds, when that is less than the whole scope: one subscription of a tenant, one project.
    CASE WHEN bool_and(e.method LIKE '%@/%' OR e.method LIKE '%@gcp:%') FILTER (WHERE e.capability = 'admin')
      THEN min(regexp_extract(e.method, '@(.+)', 1)) FILTER (WHERE e.capability = 'admin') END AS admin_in,
    CASE WHEN bool_and(e.method LIKE '%@/%' OR e.method LIKE '%@gcp:%') FILTER (WHERE e.capability = 'read_secrets')
      THEN min(regexp_extract(e.method, '@(.+)', 1)) FILTER (WHERE e.capability = 'read_secrets') END AS secrets_in,
    min(CASE WHEN e.capability = 'escalate' THEN e.method END) AS escalate_method,
    count(DISTINCT CASE WHEN e.capability = 'escalate' THEN e.method END) AS escalate_methods
  FROM effective AS e
  GROUP BY e.identity_id
),
way AS (
  -- To an administrator, or to somebody who can make himself one: the latter is said in brackets.
  SELECT r.identity_id, r.target_id, r.hops, array_to_string(r.path, ' > ') AS path,
    CASE WHEN a.admin = 1 OR r.certainty = 'conditional' THEN r.certainty ELSE a.escalate_certainty END AS certainty,
    r.path AS ids, CASE WHEN a.admin = 1 THEN '' ELSE concat(' (', coalesce(a.escalate_method, 'unnamed'), ')') END AS by,
    row_number() OVER (PARTITION BY r.identity_id
      ORDER BY a.admin DESC, r.hops, r.certainty, a.escalate_certainty, r.target_id) AS n
  FROM reach AS r
  JOIN able AS a ON a.identity_id = r.target_id AND (a.admin = 1 OR a.escalate = 1)
  WHERE r.identity_id <> r.target_id
),
chosen AS (SELECT w.* FROM way AS w WHERE w.n = 1),
passed AS (
  SELECT c.identity_id, u.passed_id, u.place
  FROM chosen AS c
  CROSS JOIN UNNEST(c.ids) WITH ORDINALITY AS u(passed_id, place)
),
named AS (
  -- steps: the same way by names; a service account by the part before the @.
  SELECT p.identity_id, string_agg(coalesce(
    CASE WHEN p.passed_id LIKE 'gcp:sa/%' THEN regexp_extract(p.passed_id, 'gcp:sa/([^@]+)', 1)
      WHEN p.passed_id LIKE 'entra:%' THEN i.name END,
    regexp_replace(p.passed_id, '.*[/:]', '')), ' → ' ORDER BY p.place) AS steps
  FROM passed AS p
  LEFT JOIN identity AS i ON i.id = p.passed_id
  GROUP BY p.identity_id
),
best AS (
  SELECT c.identity_id, c.target_id, c.hops, c.path, c.certainty, concat(n.steps, c.by) AS steps
  FROM chosen AS c
  JOIN named AS n ON n.identity_id = c.identity_id
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class,
  -- admin_in, secrets_in: where that holds; the scope itself unless the proof names a part of it, or a file declares it.
  coalesce(regexp_replace(a.admin_in, '^/subscriptions/([0-9a-f-]{36})$', 'azure:sub/\1'), i.place) AS admin_in,
  coalesce(regexp_replace(a.secrets_in, '^/subscriptions/([0-9a-f-]{36})$', 'azure:sub/\1'), i.place) AS secrets_in,
  coalesce(a.admin, 0) = 1 AS admin,
  coalesce(a.escalate, 0) = 1 AS escalate,
  coalesce(a.read_secrets, 0) = 1 AS read_secrets,
  w.hops IS NOT NULL AS reaches_admin,
  -- privileged: administrator now, in one step, over roles, or holder of every secret.
  (coalesce(a.admin, 0) + coalesce(a.escalate, 0) + coalesce(a.read_secrets, 0) > 0 OR w.hops IS NOT NULL)
    AS privileged,
  a.admin_certainty, a.escalate_certainty, a.read_secrets_certainty, a.escalate_method, a.escalate_methods,
  concat(a.escalate_method, CASE WHEN a.escalate_methods > 1
    THEN concat(' (and ', CAST(a.escalate_methods - 1 AS VARCHAR), ' more)') ELSE '' END) AS escalate_ways,
  w.hops AS admin_hops, w.certainty AS reach_certainty, w.path AS admin_path,
  w.steps AS admin_steps, t.name AS admin_target,
  CASE WHEN a.admin = 1 THEN 'is administrator'
    WHEN a.escalate = 1 THEN concat('can raise its own privileges (', coalesce(a.escalate_method, 'unnamed'), ')')
    WHEN w.hops IS NOT NULL THEN concat('reaches administrator: ', w.steps)
    WHEN a.read_secrets = 1 THEN 'reads every secret' ELSE 'has no privilege' END AS power
FROM (
  SELECT o.*, CASE WHEN NOT regexp_matches(o.scope_id, '^(repo|dir):') THEN o.scope_id
    WHEN o.provider = 'kubernetes' THEN 'the cluster it is deployed to' ELSE 'the account it is deployed to' END AS place
  FROM identity AS o
) AS i
LEFT JOIN able AS a ON a.identity_id = i.id
LEFT JOIN best AS w ON w.identity_id = i.id
LEFT JOIN identity AS t ON t.id = w.target_id;

-- credential_power: one row per credential, with the power of the identity it proves; NULL when that is unknown.
CREATE VIEW credential_power AS
SELECT
  c.id, c.scope_id, p.scope_id AS identity_scope_id, c.identity_id, p.name AS identity_name,
  p.privileged, p.admin, p.power,
  -- power_certainty: conditional when every proof of the power that is named depends on a condition we cannot evaluate.
  CASE WHEN p.admin THEN p.admin_certainty WHEN p.escalate THEN p.escalate_certainty
    WHEN p.reaches_admin THEN p.reach_certainty ELSE p.read_secrets_certainty END AS power_certainty
FROM credential AS c
LEFT JOIN identity_power AS p ON p.id = c.identity_id;

-- policy_wildcard: one row per policy of your own (managed or inline) that is attached, with its wildcard statements.
CREATE VIEW policy_wildcard AS
WITH attached AS (
  SELECT a.policy_id, count(*) AS attachment_count FROM attachment AS a
  WHERE a.kind = 'grants' GROUP BY a.policy_id
),
wild AS (
  SELECT g.policy_id, count(DISTINCT g.statement) AS wildcard_statements, min(g.statement) AS first_statement,
    count(DISTINCT CASE WHEN g.condition IS NULL THEN g.statement END) AS unconditional_statements,
    min(CASE WHEN array_to_string(g.actions, '') = '' THEN concat('all but ', array_to_string(g.not_actions, ', '))
      ELSE array_to_string(g.actions, ', ') END) AS actions
  FROM "grant" AS g
  WHERE g.level = 'wildcard' AND lower(g.effect) = 'allow'
  GROUP BY g.policy_id
)
SELECT
  p.id, p.scope_id, p.provider, p.kind, p.name, a.attachment_count,
  CASE WHEN length(w.actions) > 60 THEN concat(substr(w.actions, 1, 59), '…') ELSE w.actions END AS actions,
  w.unconditional_statements,
  coalesce(w.wildcard_statements, 0) AS wildcard_statements,
  CASE WHEN w.wildcard_statements > 0 THEN TRUE WHEN p.document IS NOT NULL THEN FALSE END AS wildcard
FROM policy AS p
JOIN attached AS a ON a.policy_id = p.id
LEFT JOIN wild AS w ON w.policy_id = p.id
WHERE p.kind IN ('managed', 'inline');

-- trust_assume: one row per trust that lets another account, one of its identities, or anyone assume an identity.
CREATE VIEW trust_assume AS
SELECT
  t.id, t.scope_id, t.principal, t.principal_kind, t.account_id, t.target_id, t.certainty,
  i.name AS target_name, i.provider,
  t.external_id,
  -- outside: the principal belongs to nobody we know; for `*` it is everybody, unless a condition narrows it.
  CASE WHEN t.principal_kind <> 'anyone' OR t.certainty = 'certain' THEN t.external END AS outside
FROM trust AS t
JOIN identity AS i ON i.id = t.target_id
WHERE t.kind = 'assume' AND t.principal_kind IN ('account', 'identity', 'anyone')
  AND coalesce(i.class, 'workload') <> 'provider_managed';

-- ci_issuer: one row per kind of OIDC issuer, and how the subject it signs begins.  An issuer without `tenanted` signs
-- tokens for every customer of its platform with one key set; one with a tenant in its address is scoped by that.
-- `clients`: its audience is a client of one customer, and its subjects are people or devices.
-- Sources (November 2026): docs.github.com/actions/reference/security/oidc, docs.gitlab.com/ci/secrets/id_token_authentication,
-- buildkite.com/docs/apis/workload-identity-federation/buildkite-agents, circleci.com/docs openid-connect-tokens,
-- developer.hashicorp.com/terraform workload-identity-tokens, azure-pipelines-tasks docs/service-connections/azure-oidc
-- (sc://ORG/PROJECT/CONNECTION); newer connections of Azure DevOps are issued by Entra and are not among these.
CREATE VIEW ci_issuer AS
SELECT i.id, '' AS scope_id, i.prefix, i.platform, i.tenanted, i.clients
FROM (VALUES
  ('token.actions.githubusercontent.com', 'repo:', 'GitHub Actions', FALSE, FALSE),
  ('token.actions.githubusercontent.com/', 'repo:', 'GitHub Actions', TRUE, FALSE),
  ('gitlab.com', 'project_path:', 'GitLab CI', FALSE, FALSE),
  ('app.terraform.io', 'organization:', 'HCP Terraform', FALSE, FALSE),
  ('agent.buildkite.com', 'organization:', 'Buildkite', FALSE, FALSE),
  ('oidc.vercel.com', 'owner:', 'Vercel', FALSE, FALSE),
  ('oidc.vercel.com/', 'owner:', 'Vercel', TRUE, FALSE),
  ('api.pulumi.com/oidc', 'pulumi:deploy:org:', 'Pulumi Cloud', FALSE, FALSE),
  ('oidc.codefresh.io', 'account:', 'Codefresh', FALSE, FALSE),
  ('oidc.circleci.com/', 'org/', 'CircleCI', TRUE, FALSE),
  ('api.bitbucket.org/', '', 'Bitbucket Pipelines', TRUE, FALSE),
  ('vstoken.dev.azure.com/', 'sc://', 'Azure DevOps', TRUE, FALSE),
  ('.app.spacelift.io', 'space:', 'Spacelift', TRUE, FALSE),
  ('.semaphoreci.com', 'org:', 'Semaphore', TRUE, FALSE),
  ('oidc.eks.', 'system:serviceaccount:', 'Kubernetes', TRUE, FALSE),
  ('.oic.prod-aks.azure.com/', 'system:serviceaccount:', 'Kubernetes', TRUE, FALSE),
  ('container.googleapis.com/', 'system:serviceaccount:', 'Kubernetes', TRUE, FALSE),
  ('.svc.id.goog', 'system:serviceaccount:', 'Kubernetes', TRUE, FALSE),
  ('accounts.google.com', '', 'Google', FALSE, TRUE),
  ('cognito-identity.amazonaws.com', '', 'Amazon Cognito', FALSE, TRUE),
  ('www.amazon.com', '', 'Login with Amazon', FALSE, TRUE),
  ('graph.facebook.com', '', 'Facebook Login', FALSE, TRUE)
) AS i(id, prefix, platform, tenanted, clients);

-- trust_issuer: one row per trust in an OIDC issuer, with the kind of issuer it is.
CREATE VIEW trust_issuer AS
SELECT t.id, t.scope_id, t.subjects,
  CASE
    WHEN lower(t.principal) LIKE 'oidc.eks.%' THEN 'oidc.eks.'
    WHEN lower(t.principal) LIKE '%.oic.prod-aks.azure.com/%' THEN '.oic.prod-aks.azure.com/'
    WHEN lower(t.principal) LIKE 'container.googleapis.com/%' THEN 'container.googleapis.com/'
    WHEN lower(t.principal) LIKE '%.svc.id.goog' THEN '.svc.id.goog'
    WHEN lower(t.principal) LIKE 'oidc.circleci.com/%' THEN 'oidc.circleci.com/'
    WHEN lower(t.principal) LIKE 'token.actions.githubusercontent.com/_%' THEN 'token.actions.githubusercontent.com/'
    WHEN lower(t.principal) LIKE 'oidc.vercel.com/_%' THEN 'oidc.vercel.com/'
    WHEN lower(t.principal) LIKE 'api.bitbucket.org/%' THEN 'api.bitbucket.org/'
    WHEN lower(t.principal) LIKE 'vstoken.dev.azure.com/%' THEN 'vstoken.dev.azure.com/'
    WHEN lower(t.principal) LIKE '%.app.spacelift.io' THEN '.app.spacelift.io'
    WHEN lower(t.principal) LIKE '%.semaphoreci.com' THEN '.semaphoreci.com'
    ELSE lower(t.principal) END AS issuer,
  -- client_bound: the audience is one that it demands exactly.
  (array_length(t.audiences) > 0 AND array_to_string(t.audiences, '') NOT LIKE '%*%'
    AND array_to_string(t.audiences, '') NOT LIKE '%?%') AS client_bound
FROM trust AS t
WHERE t.kind = 'federate' AND t.principal_kind = 'oidc';

-- trust_subject: one row per trust in a CI platform or cluster and subject pattern it accepts.
CREATE VIEW trust_subject AS
WITH spelled AS (
  -- What comes before the first colon is made the project everywhere: org/O/project/P/user/U of CircleCI, {repo}* of
  -- Bitbucket; subjects of Pulumi's environments are read like those of its deployments.  Since July 2026 GitHub writes
  -- the ids of owner and repository behind their names (repo:acme@12/app@34:…): an id names one alone whatever stands
  -- before it, and any id (@*) leaves the name to decide.
  SELECT i.id, i.scope_id, s.subject, c.prefix,
    CASE i.issuer
      WHEN 'token.actions.githubusercontent.com' THEN regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        s.subject, '[^:/@]*@([0-9]+)', 'id\1'), '[^:/@]*@([0-9]+)', 'id\1'), '@[*]', ''), '@[*]', '')
      WHEN 'oidc.circleci.com/' THEN regexp_replace(s.subject, '^org/([^/]+)/project/([^/]+)/?', 'org/\1/\2:')
      WHEN 'api.bitbucket.org/' THEN regexp_replace(s.subject, '^([{][^}]*[}])[*]', '\1:*')
      WHEN 'api.pulumi.com/oidc' THEN replace(s.subject, 'pulumi:environments:', 'pulumi:deploy:')
      ELSE s.subject END AS text
  FROM trust_issuer AS i
  JOIN ci_issuer AS c ON c.id = i.issuer
  CROSS JOIN UNNEST(i.subjects) AS s(subject)
  WHERE c.clients = FALSE
),
pattern AS (
  SELECT p.id, p.scope_id, p.subject, p.prefix,
    substr(p.text, 1, length(p.prefix)) = p.prefix AS well_formed,
    substr(p.text, length(p.prefix) + 1) AS rest,
    -- head: what stands before the first wildcard; one that ends inside the prefix leaves the owner open.
    regexp_replace(p.text, '[*?].*$', '') AS head,
    p.text LIKE '%*%' OR p.text LIKE '%?%' AS wild
  FROM spelled AS p
),
parted AS (
  -- repo:acme/app:ref:refs/heads/main has the project acme/app, the owner acme and the ref ref:refs/heads/main.  What
  -- differs from run to run by nature (the commit of Buildkite, the phase of HCP Terraform, the step of Bitbucket) is
  -- no part of it.
  SELECT p.id, p.scope_id, p.subject, p.well_formed, p.wild,
    p.wild AND length(p.head) < length(p.prefix) AND substr(p.prefix, 1, length(p.head)) = p.head AS open_prefix,
    split_part(split_part(p.rest, ':', 1), '/', 1) AS owner_part,
    split_part(p.rest, ':', 1) AS project_part,
    regexp_replace(regexp_replace(substr(p.rest, length(split_part(p.rest, ':', 1)) + 2),
      '(:commit:.*|:run_phase:[*])$', ''), '^([{][^}]*[}]):[*]$', '\1') AS ref_part
  FROM pattern AS p
)
SELECT
  q.id, q.scope_id, q.subject,
  -- An owner with a wildcard is anybody: everyone can register a name that matches.
  CASE WHEN q.well_formed THEN q.owner_part LIKE '%*%' OR q.owner_part LIKE '%?%' ELSE q.open_prefix END AS any_owner,
  -- Subjects of a customised form name something we do not know: their wildcards stay open.
  CASE WHEN q.well_formed THEN q.project_part LIKE '%*%' OR q.project_part LIKE '%?%'
    WHEN q.open_prefix THEN TRUE WHEN q.wild THEN NULL ELSE FALSE END AS many_projects,
  CASE WHEN NOT q.well_formed AND q.open_prefix THEN TRUE WHEN NOT q.well_formed AND q.wild THEN NULL
    ELSE q.ref_part LIKE '%*%' OR q.ref_part LIKE '%?%' OR q.ref_part = 'pull_request' END AS many_refs,
  -- A wildcard behind a prefix (refs/tags/v*) is several refs, not every one; CircleCI can name no ref in a subject.
  q.ref_part LIKE 'ref:refs/%/_%*' OR q.ref_part LIKE 'ref_type:%:ref:_%*' OR q.ref_part = 'user/*' AS some_refs
FROM parted AS q;

-- trust_claim: one row per trust and further claim its conditions demand, written `name=pattern`.
CREATE VIEW trust_claim AS
WITH split AS (
  SELECT t.id, t.scope_id, split_part(c.claim, '=', 1) AS name,
    -- The version behind @ is no part of which workflow is named.
    split_part(substr(c.claim, length(split_part(c.claim, '=', 1)) + 2), '@', 1) AS pattern
  FROM trust AS t
  CROSS JOIN UNNEST(t.claims) AS c(claim)
)
SELECT s.id, s.scope_id, s.name, s.pattern,
  s.name IN ('repository', 'repository_id', 'job_workflow_ref', 'project_id', 'project_path', 'terraform_workspace_id',
    'pipeline_id', 'environment', 'oidc.circleci.com/project-id')
    AND s.pattern NOT LIKE '%*%' AND s.pattern NOT LIKE '%?%' AS narrow,
  -- owned: what it names belongs to one customer; an environment or a ref is called alike in everybody's repository.
  s.name IN ('repository', 'repository_id', 'repository_owner', 'repository_owner_id', 'job_workflow_ref', 'project_id',
    'project_path', 'namespace_id', 'namespace_path', 'organization_id', 'organization_slug', 'pipeline_id',
    'terraform_organization_id', 'terraform_organization_name', 'terraform_workspace_id', 'enterprise', 'enterprise_id',
    'actor', 'actor_id', 'oidc.circleci.com/project-id', 'google/organization_number', 'app_id', 'oaud', 'team_id',
    'owner_id') AND split_part(s.pattern, '/', 1) NOT LIKE '%*%' 
    AND split_part(s.pattern, '/', 1) NOT LIKE '%?%' AS owned
FROM split AS s;

-- trust_ci: one row per trust in a CI platform, cluster or sign-in of everybody, with how narrowly it names who may
-- come.
CREATE VIEW trust_ci AS
WITH patterns AS (
  SELECT s.id, count(*) AS subject_count, min(s.subject) AS first_subject,
    max(CASE WHEN s.any_owner THEN 1 ELSE 0 END) AS any_owner,
    min(CASE WHEN s.any_owner THEN s.subject END) AS open_subject,
    max(CASE WHEN s.many_projects THEN 1 ELSE 0 END) AS many_projects,
    max(CASE WHEN s.many_projects OR s.many_refs THEN 1 ELSE 0 END) AS loose,
    max(CASE WHEN s.many_refs AND NOT s.some_refs THEN 1 ELSE 0 END) AS every_ref,
    min(CASE WHEN s.many_projects OR s.many_refs THEN s.subject END) AS loose_subject,
    max(CASE WHEN s.many_refs IS NULL THEN 1 ELSE 0 END) AS doubtful
  FROM trust_subject AS s
  GROUP BY s.id
),
claimed AS (
  SELECT c.id,
    max(CASE WHEN c.owned THEN 1 ELSE 0 END) AS owned,
    -- untold: what is demanded is given by a reference, so that any demand may stand there.
    max(CASE WHEN c.name LIKE '${%' THEN 1 ELSE 0 END) AS untold,
    max(CASE WHEN c.narrow AND c.name <> 'environment' THEN 1 ELSE 0 END) AS one_project,
    max(CASE WHEN c.narrow AND c.name IN ('environment', 'job_workflow_ref', 'terraform_workspace_id') THEN 1
      WHEN c.name = 'ref' AND c.pattern NOT LIKE '%*%' THEN 1 ELSE 0 END) AS one_ref
  FROM trust_claim AS c
  GROUP BY c.id
),
judged AS (
  SELECT i.id, c.platform, c.tenanted, c.clients, coalesce(p.subject_count, 0) AS subject_count,
    coalesce(p.open_subject, p.loose_subject, p.first_subject,
      CASE WHEN c.clients THEN 'any client' ELSE 'any subject' END) AS subject,
    CASE WHEN c.tenanted THEN FALSE
      WHEN c.clients THEN NOT (i.client_bound OR coalesce(d.owned, 0) = 1 OR array_to_string(i.subjects, '') <> ''
        AND array_to_string(i.subjects, '') NOT LIKE '%*%')
      ELSE coalesce(p.any_owner, 1) = 1 AND coalesce(d.owned, 0) = 0 END AS any_owner,
    (coalesce(p.many_projects, 1) = 1 AND coalesce(d.one_project, 0) = 0) AS many_projects,
    (coalesce(p.loose, 1) = 1 AND coalesce(d.one_ref, 0) = 0) AS many_refs,
    (coalesce(p.every_ref, 1) = 1 AND coalesce(d.one_ref, 0) = 0) AS every_ref,
    (coalesce(p.doubtful, 0) = 1 AND (coalesce(d.one_ref, 0) = 0 OR coalesce(d.one_project, 0) = 0)) AS doubtful,
    coalesce(d.untold, 0) = 1 AS untold
  FROM trust_issuer AS i
  JOIN ci_issuer AS c ON c.id = i.issuer
  LEFT JOIN patterns AS p ON p.id = i.id
  LEFT JOIN claimed AS d ON d.id = i.id
)
SELECT
  t.id, t.scope_id, t.principal, t.target_id, t.certainty, i.name AS target_name, i.provider, j.platform, j.tenanted,
  j.clients, j.subject_count, j.subject,
  -- any_owner: everybody on the platform can obtain the identity.
  CASE WHEN j.untold AND j.any_owner THEN NULL ELSE j.any_owner END AS any_owner,
  -- wider_than_ref: more than one project and ref can obtain it (whole organisation, any ref, pull requests), or more
  -- than one service account of a cluster; nobody counts the users of a sign-in.
  CASE WHEN j.clients THEN FALSE WHEN (j.many_projects OR j.many_refs) AND j.untold THEN NULL
    WHEN j.many_projects OR j.many_refs THEN TRUE WHEN j.doubtful THEN NULL
    ELSE FALSE END AS wider_than_ref,
  -- unit: what one of its subjects stands for.
  CASE WHEN j.platform = 'Kubernetes' THEN 'service account' ELSE 'repository and ref' END AS unit,
  -- few_refs: one project, and only refs that share a prefix.
  (NOT j.many_projects AND j.many_refs AND NOT j.every_ref) AS few_refs
FROM judged AS j
JOIN trust AS t ON t.id = j.id
JOIN identity AS i ON i.id = t.target_id;

-- identity_writes: one row per identity that has any grant, and whether one of them is more than reading.
CREATE VIEW identity_writes AS
SELECT g.identity_id AS id, min(g.scope_id) AS scope_id,
  CASE WHEN max(CASE WHEN g.level NOT IN ('read', 'list') THEN 1 ELSE 0 END) = 1 THEN TRUE
    WHEN count(*) > count(g.level) THEN NULL ELSE FALSE END AS writes
FROM "grant" AS g
WHERE lower(g.effect) = 'allow'
GROUP BY g.identity_id;

-- agent_credential: one row per agent and credential it (or one of its tool servers) uses.
CREATE VIEW agent_credential AS
WITH pair AS (
  SELECT s.agent_id, s.credential_id,
    -- for_model: it only pays for the model and opens nothing else.
    min(CASE WHEN s.purpose = 'model' THEN 1 ELSE 0 END) = 1 AS for_model
  FROM use_site AS s
  WHERE s.agent_id IS NOT NULL GROUP BY s.agent_id, s.credential_id
)
SELECT p.agent_id, p.credential_id, p.for_model, c.identity_id, c.state, c.human, c.lifetime,
  (c.fingerprint IS NULL AND c.key_id IS NULL AND c.identity_id IS NULL) AS by_name_only,
  count(*) OVER (PARTITION BY p.credential_id) AS agents_of_credential
FROM pair AS p
JOIN credential AS c ON c.id = p.credential_id
WHERE coalesce(c.public, FALSE) = FALSE AND coalesce(c.state, 'active') NOT IN ('inactive', 'expired', 'deleted');

-- agent_runs_as: one row per agent and identity it runs as without a stored credential.
CREATE VIEW agent_runs_as AS
SELECT CASE WHEN k.kind = 'tool_server' THEN coalesce(k.parent_id, k.id) ELSE k.id END AS agent_id, u.identity_id
FROM "use" AS u
JOIN consumer AS k ON k.id = u.consumer_id
WHERE u.identity_id IS NOT NULL AND k.kind IN ('agent', 'tool_server') AND coalesce(k.enabled, TRUE)
GROUP BY CASE WHEN k.kind = 'tool_server' THEN coalesce(k.parent_id, k.id) ELSE k.id END, u.identity_id;

-- agent_identity: one row per agent, with how it proves who it is.
CREATE VIEW agent_identity AS
WITH judged AS (
  SELECT a.agent_id, a.by_name_only AND NOT coalesce(a.human, FALSE) AS by_name_only,
    -- borrowed: a person's, or one that another agent presents too; own: an identity that only this agent presents.
    CASE WHEN a.agents_of_credential > 1 OR coalesce(a.human, i.class = 'human', FALSE) THEN 'borrowed'
      WHEN i.class IN ('workload', 'agent') THEN 'own' ELSE 'unknown' END AS proof
  FROM agent_credential AS a
  LEFT JOIN identity AS i ON i.id = a.identity_id
  WHERE NOT a.for_model
),
counted AS (
  SELECT j.agent_id, count(*) AS credential_count,
    sum(CASE WHEN j.proof = 'own' THEN 1 ELSE 0 END) AS own_count,
    sum(CASE WHEN j.proof = 'borrowed' THEN 1 ELSE 0 END) AS borrowed_count,
    sum(CASE WHEN j.proof = 'borrowed' AND NOT j.by_name_only THEN 1 ELSE 0 END) AS seen_count
  FROM judged AS j
  GROUP BY j.agent_id
),
bound AS (
  SELECT r.agent_id,
    sum(CASE WHEN i.class = 'human' THEN 0 ELSE 1 END) AS bound_count, count(*) AS runs_as_count
  FROM agent_runs_as AS r
  LEFT JOIN identity AS i ON i.id = r.identity_id
  GROUP BY r.agent_id
)
SELECT
  k.id, k.scope_id, k.name, k.framework, k.uri, k.line, k.autonomy, k.environment,
  coalesce(c.credential_count, 0) AS credential_count, coalesce(c.borrowed_count, 0) AS borrowed_count,
  -- own_identity: NULL when it uses nothing we see, or something whose identity we do not know.
  CASE WHEN coalesce(c.own_count, 0) + coalesce(b.bound_count, 0) > 0 THEN TRUE
    WHEN coalesce(c.credential_count, 0) + coalesce(b.runs_as_count, 0) = 0 THEN NULL
    WHEN coalesce(c.credential_count, 0) > coalesce(c.borrowed_count, 0) THEN NULL
    ELSE FALSE END AS own_identity,
  -- by_name_only: that others use the same credentials, the names of variables say alone.
  (coalesce(c.borrowed_count, 0) > 0 AND coalesce(c.seen_count, 0) = 0) AS by_name_only,
  -- invented: a test or document declares it.
  coalesce(k.file_class IN ('test', 'documentation', 'vendored'), FALSE) AS invented
FROM consumer AS k
LEFT JOIN counted AS c ON c.agent_id = k.id
LEFT JOIN bound AS b ON b.agent_id = k.id
WHERE k.kind = 'agent' AND coalesce(k.enabled, TRUE);

-- agent_power: one row per agent that acts as an identity or uses a credential, with the most powerful of them.
CREATE VIEW agent_power AS
WITH acting AS (
  SELECT a.agent_id, a.identity_id FROM agent_credential AS a
  UNION
  SELECT r.agent_id, r.identity_id FROM agent_runs_as AS r
),
judged AS (
  SELECT a.agent_id, a.identity_id, p.name, p.power, p.admin, p.escalate,
    CASE WHEN p.admin THEN p.admin_certainty ELSE p.escalate_certainty END AS certainty,
    row_number() OVER (PARTITION BY a.agent_id ORDER BY
      CASE WHEN p.admin THEN 0 WHEN p.escalate THEN 1 WHEN p.id IS NULL THEN 3 ELSE 2 END, a.identity_id) AS n
  FROM acting AS a
  LEFT JOIN identity_power AS p ON p.id = a.identity_id
),
summed AS (
  SELECT j.agent_id, sum(CASE WHEN j.admin OR j.escalate THEN 1 ELSE 0 END) AS powerful,
    sum(CASE WHEN j.name IS NULL THEN 1 ELSE 0 END) AS unknown
  FROM judged AS j
  GROUP BY j.agent_id
)
SELECT
  k.id, k.scope_id, k.name, k.framework, k.uri, k.line, k.autonomy,
  j.identity_id, j.name AS identity_name, j.power, j.certainty,
  CASE WHEN s.powerful > 0 THEN TRUE WHEN s.unknown > 0 THEN NULL ELSE FALSE END AS powerful
FROM consumer AS k
JOIN summed AS s ON s.agent_id = k.id
JOIN judged AS j ON j.agent_id = k.id AND j.n = 1
WHERE k.kind = 'agent' AND coalesce(k.enabled, TRUE);

-- tool_server: one row per enabled tool server entry, with how it is reached and which credentials it is handed.
CREATE VIEW tool_server AS
WITH handed AS (
  SELECT u.consumer_id, count(*) AS credential_count
  FROM "use" AS u
  WHERE (u.credential_id IS NOT NULL OR u.form IS NOT NULL)
    AND coalesce(u.form, 'literal') NOT IN ('placeholder', 'empty', 'dangling')
  GROUP BY u.consumer_id
),
approved AS (
  SELECT d.value FROM declared AS d WHERE d.kind = 'approved_tool_server' GROUP BY d.value
)
SELECT
  k.id, k.scope_id, k.name, k.uri, k.line, k.transport, k.url, k.tls, k.loopback, k.auth, k.launcher, k.package, k.pin,
  p.name AS agent_name,
  coalesce(h.credential_count, 0) AS credential_count,
  (a.value IS NOT NULL OR b.value IS NOT NULL OR d.value IS NOT NULL) AS approved
FROM consumer AS k
LEFT JOIN consumer AS p ON p.id = k.parent_id
LEFT JOIN handed AS h ON h.consumer_id = k.id
LEFT JOIN approved AS a ON a.value = k.name
LEFT JOIN approved AS b ON b.value = k.url
LEFT JOIN approved AS d ON d.value = k.package
-- What nobody starts is an endpoint of its own (agent_endpoint).
WHERE k.kind = 'tool_server' AND coalesce(k.enabled, TRUE)
  AND (k.parent_id IS NOT NULL OR NOT regexp_matches(coalesce(k.platform, ''), '^(aws|azure|gcp)_'));
