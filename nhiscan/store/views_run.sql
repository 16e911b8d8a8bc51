-- Views over the run itself and over what a whole organisation allows: gaps, labels, owners, policies of tenants; and
-- over who left, who reviewed and who stands behind a machine.  What stands at the head of views.sql holds here too, and
-- these views build on all the files before this one.

-- scope_hole: one row per scope, with what of it could not be read; a scope that only a gap names counts too.
CREATE VIEW scope_hole AS
WITH hole AS (
  SELECT g.scope_id, coalesce(g.operation, nullif(array_to_string(g.covers, ', '), ''), 'something') AS what,
    min(g.reason) AS reason,
    min(g.remedy) AS remedy,
    -- open: somebody can do something about it; what a provider does not offer stays closed.
    max(CASE WHEN g.reason = 'unsupported' THEN 0 ELSE 1 END) AS open
  FROM gap AS g
  -- What covers nothing and was skipped (binary files, links, ignored files) is left out by design, and counted only.
  WHERE g.reason <> 'skipped' OR array_to_string(g.covers, '') <> '' OR g.operation IS NOT NULL
  GROUP BY g.scope_id, coalesce(g.operation, nullif(array_to_string(g.covers, ', '), ''), 'something')
),
numbered AS (
  SELECT h.*, concat(h.what, ' ', h.reason) AS hole,
    row_number() OVER (PARTITION BY h.scope_id ORDER BY h.open DESC, h.reason, h.what) AS n
  FROM hole AS h
),
summed AS (
  SELECT n.scope_id, sum(n.open) AS open_count, count(*) - sum(n.open) AS closed_count,
    concat(concat_ws(', ', max(CASE WHEN n.n = 1 AND n.open = 1 THEN n.hole END),
      max(CASE WHEN n.n = 2 AND n.open = 1 THEN n.hole END), max(CASE WHEN n.n = 3 AND n.open = 1 THEN n.hole END)),
      CASE WHEN sum(n.open) > 3 THEN concat(' and ', CAST(sum(n.open) - 3 AS VARCHAR), ' more') ELSE '' END) AS holes,
    min(CASE WHEN n.n = 1 THEN n.remedy END) AS first_remedy
  FROM numbered AS n
  GROUP BY n.scope_id
)
SELECT s.id, s.scope_id, s.provider, s.name, coalesce(h.open_count, 0) AS open_count,
  coalesce(h.closed_count, 0) AS closed_count, h.holes, h.first_remedy
FROM scope AS s
LEFT JOIN summed AS h ON h.scope_id = s.id
UNION ALL
SELECT h.scope_id AS id, h.scope_id, CAST(NULL AS VARCHAR) AS provider, h.scope_id AS name,
  h.open_count, h.closed_count, h.holes, h.first_remedy
FROM summed AS h
LEFT JOIN scope AS s ON s.id = h.scope_id
WHERE s.id IS NULL;

-- scope_label: one row per scope that holds machine identities, credentials, workloads or pipelines, and for how many of
-- them no word tells whether they are of production.
CREATE VIEW scope_label AS
WITH thing AS (
  SELECT m.scope_id, p.environment
  FROM identity_machine AS m
  JOIN identity_place AS p ON p.id = m.id
  UNION ALL
  SELECT k.scope_id, coalesce(k.environment, s.environment) AS environment
  FROM consumer AS k
  LEFT JOIN scope AS s ON s.id = k.scope_id
  -- The client of a developer is of no environment, and a job of a pipeline names one or none.
  WHERE (k.kind IN ('workload', 'function') OR (k.kind = 'agent' AND k.platform IS NOT NULL))
    AND coalesce(k.enabled, TRUE) AND coalesce(k.file_class, 'source') NOT IN ('test', 'documentation', 'vendored')
  UNION ALL
  SELECT c.scope_id, coalesce(c.environment, p.environment, s.environment) AS environment
  FROM credential AS c
  LEFT JOIN identity_place AS p ON p.id = c.identity_id
  LEFT JOIN scope AS s ON s.id = c.scope_id
  LEFT JOIN credential_part AS t ON t.id = c.id
  -- What lies in a file says nothing of where it is used.
  WHERE coalesce(s.kind, 'account') NOT IN ('repository', 'directory')
    AND t.id IS NULL AND coalesce(c.public, FALSE) = FALSE AND coalesce(c.sample, FALSE) = FALSE
    AND coalesce(c.state, 'active') NOT IN ('inactive', 'expired', 'deleted')
),
counted AS (
  SELECT t.scope_id, count(*) AS thing_count, count(*) - count(w.production) AS unlabelled_count
  FROM thing AS t
  LEFT JOIN environment_word AS w ON w.id = regexp_extract(lower(t.environment), '[a-z]+')
  GROUP BY t.scope_id
)
SELECT s.id, s.scope_id, s.provider, s.name, c.thing_count, c.unlabelled_count
FROM counted AS c
JOIN scope AS s ON s.id = c.scope_id;

-- scope_ownership: one row per scope with machine identities or agents, and how many of them anybody owns.
CREATE VIEW scope_ownership AS
WITH thing AS (
  SELECT o.scope_id, o.owner_count, o.owners_in_scope FROM identity_owner AS o
  UNION ALL
  SELECT a.scope_id, a.owner_count, a.owners_in_scope FROM agent_owner AS a
)
SELECT s.id, s.scope_id, s.provider, s.name, count(*) AS thing_count,
  sum(CASE WHEN t.owner_count > 0 THEN 1 ELSE 0 END) AS owned_count,
  -- sourced: some owner of something in it is known, so that there is a place where owners are written down.
  max(t.owners_in_scope) > 0 OR max(t.owner_count) > 0 AS sourced
FROM thing AS t
JOIN scope AS s ON s.id = t.scope_id
GROUP BY s.id, s.scope_id, s.provider, s.name;

-- scope_policy: one row per scope and kind of rule that its organisation can set, as its provider reports it.
CREATE VIEW scope_policy AS
SELECT g.subject_id AS id, g.scope_id, g.kind, bool_or(g.active) AS active, min(g.detail) AS detail
FROM signal AS g
JOIN scope AS s ON s.id = g.subject_id
GROUP BY g.subject_id, g.scope_id, g.kind;

-- scope_consent: one row per tenant of Entra, with what its users may let in without being asked.
CREATE VIEW scope_consent AS
SELECT s.id, s.scope_id, s.provider, s.name, u.active AS user_consent, r.active AS risky_consent,
  g.active AS user_registration,
  concat_ws(' and ',
    CASE WHEN u.active THEN concat('users may consent to any app for themselves', CASE WHEN u.detail <> ''
      THEN concat(' (', u.detail, ')') ELSE '' END) END,
    CASE WHEN r.active THEN 'users may consent to apps that Microsoft calls risky' END,
    CASE WHEN g.active THEN 'every user may register applications' END) AS allowed
FROM scope AS s
LEFT JOIN scope_policy AS u ON u.id = s.id AND u.kind = 'user_consent'
LEFT JOIN scope_policy AS r ON r.id = s.id AND r.kind = 'risky_consent'
LEFT JOIN scope_policy AS g ON g.id = s.id AND g.kind = 'user_registration'
WHERE s.provider = 'azure' AND s.kind = 'organization';

-- scope_lifetime: one row per tenant of Entra and per highest audited scope of Google Cloud, and per scope below that
-- sets a policy of its own, with what limits the life of credentials there.
CREATE VIEW scope_lifetime AS
SELECT s.id, s.scope_id, s.provider, s.kind, s.name, l.active AS limited, l.detail,
  CASE WHEN s.provider = 'gcp' THEN 'keys of service accounts' ELSE 'secrets of applications' END AS what,
  replace(s.kind, 'organizational_unit', 'folder') AS noun
FROM scope AS s
LEFT JOIN scope AS p ON p.id = s.parent_id
LEFT JOIN scope_policy AS l ON l.id = s.id AND l.kind = 'lifetime_limit'
WHERE (s.provider = 'azure' AND s.kind = 'organization') OR (s.provider = 'gcp' AND p.id IS NULL) OR l.id IS NOT NULL;

-- repository_scan: one row per repository that infrastructure code declares, and per audited repository of a hosting
-- platform, and whether secrets are looked for in it.
CREATE VIEW repository_scan AS
WITH declared_one AS (
  SELECT r.id, r.scope_id, r.provider, r.name, r.public,
    nullif(regexp_extract(r.tags, '"secret_scanning": "([a-z]+)"', 1), '') AS scanning,
    nullif(regexp_extract(r.tags, '"push_protection": "([a-z]+)"', 1), '') AS pushing
  FROM resource AS r
  WHERE r.kind = 'repository'
),
scanner AS (
  -- A job with a tool that looks for secrets, by the name of the action, image or template.
  SELECT k.scope_id, min(coalesce(k.package, k.name)) AS tool
  FROM consumer AS k
  WHERE k.kind = 'step' AND coalesce(k.enabled, TRUE) AND regexp_matches(lower(coalesce(k.package, k.name)),
    'gitleaks|trufflehog|ggshield|gitguardian|detect-secrets|secret[-_]?(scan|detect)|talisman|noseyparker|kingfisher|'
    || 'nhiscan')
  GROUP BY k.scope_id
)
SELECT d.id, d.scope_id, d.provider, d.name, d.public, CAST(NULL AS VARCHAR) AS tool,
  CASE WHEN d.scanning = 'disabled' OR d.pushing = 'disabled' THEN TRUE
    WHEN d.scanning = 'enabled' AND d.pushing = 'enabled' THEN FALSE END AS unguarded,
  CASE WHEN d.scanning = 'disabled' AND coalesce(d.pushing, 'disabled') = 'disabled' THEN 'Secret scanning'
    WHEN d.scanning = 'disabled' THEN 'Secret scanning' ELSE 'Push protection' END AS missing
FROM declared_one AS d
UNION ALL
SELECT s.id, s.scope_id, s.provider, s.name, CAST(NULL AS BOOLEAN) AS public, c.tool,
  CASE WHEN c.tool IS NOT NULL THEN FALSE END AS off, 'Secret scanning' AS missing
FROM scope AS s
LEFT JOIN scanner AS c ON c.scope_id = s.id
WHERE s.kind = 'repository' AND s.id LIKE 'repo:%/%/%';

-- identity_reviewed: one row per machine identity, with the day somebody last looked whether it is still needed: from
-- `context: reviews:` or from a tag.
CREATE VIEW identity_reviewed AS
WITH said AS (
  SELECT d.value AS id, max(TRY_CAST(nullif(regexp_extract(d.note, '^([0-9]{4}-[0-9]{2}-[0-9]{2})', 1), '') AS TIMESTAMP))
    AS reviewed_at
  FROM declared AS d
  WHERE d.kind = 'review'
  GROUP BY d.value
),
read AS (
  SELECT m.*, TRY_CAST(nullif(regexp_extract(lower(i.tags),
    '"(last[-_ ]?review|reviewed[-_ ]?at)": "([0-9]{4}-[0-9]{2}-[0-9]{2})', 2), '') AS TIMESTAMP) AS tagged_at
  FROM identity_machine AS m
  JOIN identity AS i ON i.id = m.id
  WHERE m.kind <> 'workload_identity'
)
SELECT r.id, r.scope_id, r.provider, r.kind, r.name, r.class, r.created_at,
  coalesce(greatest(s.reviewed_at, r.tagged_at), s.reviewed_at, r.tagged_at) AS reviewed_at,
  -- recorded: of others in the same scope a review is written down.
  count(coalesce(s.reviewed_at, r.tagged_at)) OVER (PARTITION BY r.scope_id) > 0 AS recorded
FROM read AS r
LEFT JOIN said AS s ON s.id = r.id;

-- credential_holder: one row per credential and person who made it, wrote it down or owns what it proves, with the day
-- that person left, from `context: departures:`, and what the directory says of the account.
CREATE VIEW credential_holder AS
WITH departure AS (
  SELECT lower(d.value) AS name, min(TRY_CAST(d.note AS TIMESTAMP)) AS left_at FROM declared AS d
  WHERE d.kind = 'departure'
  GROUP BY lower(d.value)
),
listed AS (
  SELECT count(*) AS size FROM departure
),
directory AS (
  SELECT lower(p.name) AS name,
    max(CASE WHEN p.state IN ('disabled', 'deleted') THEN 1 WHEN p.state = 'enabled' THEN 0 END) AS gone
  FROM identity AS p
  WHERE p.kind = 'user'
  GROUP BY lower(p.name)
),
holding AS (
  SELECT o.subject_id AS id, lower(o.name) AS person, o.name FROM owner AS o WHERE o.kind = 'person'
  UNION
  SELECT c.id, lower(o.name) AS person, o.name
  FROM credential AS c JOIN owner AS o ON o.subject_id = c.identity_id
  WHERE o.kind = 'person'
),
holder AS (
  SELECT h.id, h.person, min(h.name) AS name FROM holding AS h GROUP BY h.id, h.person
)
SELECT c.id, c.scope_id, c.provider, c.kind, c.noun, c.noun_title, c.label, c.lifetime, c.live, c.renewed_at,
  c.identity_id, c.identity_name, h.name AS holder_name, d.left_at,
  -- here: the directory has an account of the person that is enabled, or the list of who left does not name the person.
  CASE WHEN p.gone = 1 THEN NULL WHEN p.gone = 0 OR l.size > 0 THEN TRUE END AS here
FROM holder AS h
JOIN credential_issued AS c ON c.id = h.id
CROSS JOIN listed AS l
LEFT JOIN departure AS d ON d.name = h.person
LEFT JOIN directory AS p ON p.name = h.person;

-- credential_derived: one row per credential that was signed with, or is served beside, a key that others hang on.
CREATE VIEW credential_derived AS
WITH either AS (
  -- A signature of storage made with the account key; one that names a stored policy or a user's key is of another format.
  SELECT c.id, 'is signed with the key of its account and names no stored access policy' AS how, TRUE AS tied
  FROM credential AS c WHERE c.format = 'azure-sas-signature'
  UNION ALL
  SELECT c.id, '' AS how, FALSE AS tied
  FROM credential AS c WHERE c.format IN ('azure-sas-stored-policy', 'azure-sas-user-delegation')
  UNION ALL
  -- The keys of a Supabase project are tokens signed with one secret; of other tokens nobody knows what keeps a list.
  SELECT c.id, 'is signed with the one secret of its project' AS how,
    CASE WHEN c.facts LIKE '%"iss": "supabase"%' THEN TRUE END AS tied
  FROM credential AS c
  WHERE c.kind = 'jwt' AND coalesce(c.provider, '') <> 'kubernetes' AND coalesce(c.public, FALSE) = FALSE
  UNION ALL
  SELECT t.id, concat('is one Secret that ', CAST(t.use_count AS VARCHAR), ' workloads use') AS how, t.use_count > 1 AS tied
  FROM credential_cluster_token AS t
  WHERE t.endless AND NOT t.invented
)
SELECT c.id, c.scope_id, c.provider, c.kind, c.lifetime, c.sample, n.noun, n.noun_title, n.label, e.how,
  CASE WHEN c.state = 'active' THEN TRUE WHEN c.state IN ('inactive', 'expired', 'deleted') THEN FALSE END AS live,
  -- tied: to end it ends others too; what ends within a day by itself is not tied.
  CASE WHEN c.lifetime = 'short_lived' OR c.ttl BETWEEN 1 AND 86400
    OR date_diff('second', c.issued_at, c.expires_at) <= 86400 THEN FALSE ELSE e.tied END AS tied
FROM either AS e
JOIN credential AS c ON c.id = e.id
JOIN credential_name AS n ON n.id = c.id
LEFT JOIN credential_place AS p ON p.id = c.id
WHERE NOT coalesce(p.aside, FALSE);

-- identity_stopping: one row per agent, or identity with a privilege, whose longest session is known or matters.
CREATE VIEW identity_stopping AS
SELECT s.id, s.scope_id, s.provider, s.kind, s.name, s.class, s.agent, s.seconds, p.privileged, p.power,
  w.production, CAST(round(s.seconds / 60.0) AS BIGINT) AS minutes,
  CASE WHEN s.agent THEN 'an agent acts as it' ELSE concat('it ', p.power, ' in production') END AS weight
FROM identity_session AS s
JOIN identity_power AS p ON p.id = s.id
JOIN identity_place AS e ON e.id = s.id
LEFT JOIN environment_word AS w ON w.id = regexp_extract(lower(e.environment), '[a-z]+')
WHERE NOT s.invented AND (s.agent OR p.privileged);

-- identity_hand: one row per machine identity with a key, and with what clients were seen to use it: those that a person
-- sits at, and those that may as well be a script.
CREATE VIEW identity_hand AS
WITH keyed AS (
  SELECT c.identity_id FROM credential AS c
  WHERE c.state = 'active' AND c.kind IN ('access_key', 'api_key', 'private_key', 'client_secret', 'password')
    AND coalesce(c.lifetime, 'static') = 'static' AND c.identity_id IS NOT NULL
  GROUP BY c.identity_id
),
seen AS (
  SELECT c.identity_id, k.name, min(u.place) AS place,
    -- by_hand: the console, a browser, or a program with windows.
    regexp_matches(lower(k.name), '^(console|browser|cyberduck|winscp) from ') AS by_hand,
    -- by_command: a shell; scripts use it too, so only a network that is no data centre's own makes it telling.
    regexp_matches(lower(k.name), '^(aws-cli|aws-tools-for-powershell|curl) from the internet') AS by_command
  FROM "use" AS u
  JOIN consumer AS k ON k.id = u.consumer_id
  JOIN credential AS c ON c.id = u.credential_id
  WHERE u.how = 'observed' AND c.identity_id IS NOT NULL
  GROUP BY c.identity_id, k.name
),
summed AS (
  SELECT s.identity_id, count(*) AS client_count, bool_or(s.by_hand) AS by_hand, bool_or(s.by_command) AS by_command,
    min(CASE WHEN s.by_hand THEN concat(s.name, ' (', coalesce(s.place, 'an unknown day'), ')') END) AS hand,
    min(CASE WHEN s.by_command THEN concat(s.name, ' (', coalesce(s.place, 'an unknown day'), ')') END) AS command
  FROM seen AS s
  GROUP BY s.identity_id
)
SELECT m.id, m.scope_id, m.provider, m.kind, m.name, m.class, coalesce(s.client_count, 0) AS client_count,
  s.by_hand, s.by_command, coalesce(s.hand, s.command) AS client
FROM identity_machine AS m
JOIN keyed AS c ON c.identity_id = m.id
LEFT JOIN summed AS s ON s.identity_id = m.id;

-- agent_delegate: one row per agent that another agent hands work to, with what both act as.  What is started in the
-- process of its parent and has no identity of its own acts as its parent does.
CREATE VIEW agent_delegate AS
WITH handed AS (
  SELECT h.from_id, h.to_id, max(CASE WHEN h.via = 'sub_agent' AND coalesce(h.forwards, TRUE) THEN 1 ELSE 0 END) AS inside
  FROM hop AS h
  GROUP BY h.from_id, h.to_id
),
own AS (
  SELECT a.id AS agent_id, count(*) AS identity_count FROM agent_acting AS a GROUP BY a.id
),
delegate AS (
  SELECT h.from_id, h.to_id, h.inside, a.identity_id
  FROM handed AS h
  JOIN agent_acting AS a ON a.id = h.to_id
  UNION
  SELECT h.from_id, h.to_id, h.inside, a.identity_id
  FROM handed AS h
  JOIN agent_acting AS a ON a.id = h.from_id
  LEFT JOIN own AS o ON o.agent_id = h.to_id
  WHERE h.inside = 1 AND o.agent_id IS NULL
),
shared AS (
  SELECT d.from_id, d.to_id, count(*) AS identity_count, count(i.id) AS known_count,
    count(a.identity_id) AS shared_count,
    max(CASE WHEN a.identity_id IS NOT NULL AND w.writes THEN 1 ELSE 0 END) AS shared_writes,
    sum(CASE WHEN a.identity_id IS NOT NULL AND w.writes IS NULL THEN 1 ELSE 0 END) AS shared_unknown,
    min(CASE WHEN a.identity_id IS NOT NULL AND w.writes THEN coalesce(i.name, d.identity_id) END) AS identity_name
  FROM delegate AS d
  LEFT JOIN agent_acting AS a ON a.id = d.from_id AND a.identity_id = d.identity_id
  LEFT JOIN identity AS i ON i.id = d.identity_id
  LEFT JOIN identity_writes AS w ON w.id = d.identity_id
  GROUP BY d.from_id, d.to_id
),
tools AS (
  SELECT c.agent_id, count(*) AS tool_count, sum(CASE WHEN c.heavy THEN 1 ELSE 0 END) AS heavy_count,
    sum(CASE WHEN c.class IS NULL THEN 1 ELSE 0 END) AS unclassed
  FROM agent_call AS c
  GROUP BY c.agent_id
)
SELECT t.id, t.scope_id, t.name, t.framework, t.uri, t.line, f.name AS from_name, h.inside = 1 AS inside,
  CASE WHEN s.shared_writes = 1 THEN concat(s.identity_name, ', as its parent does')
    ELSE concat(tp.identity_name, ', which ', tp.power, ', and its parent ', fp.power) END AS acts_as,
  coalesce(t.file_class IN ('test', 'documentation', 'vendored'), FALSE) AS invented,
  -- narrowed: its own list of tools holds none of those that run code, change or give away.
  coalesce(x.tool_count > 0 AND x.heavy_count = 0 AND x.unclassed = 0 AND y.heavy_count > 0, FALSE) AS narrowed,
  CASE WHEN s.shared_writes = 1 THEN TRUE WHEN s.shared_unknown > 0 OR s.identity_count IS NULL THEN NULL ELSE FALSE END
    AS shares,
  -- as_powerful: both are, or can become, administrator, each by an identity of its own.
  CASE WHEN fp.powerful AND tp.powerful THEN TRUE
    WHEN NOT fp.powerful OR NOT tp.powerful THEN FALSE WHEN s.known_count = s.identity_count THEN FALSE END AS as_powerful
FROM handed AS h
JOIN consumer AS f ON f.id = h.from_id AND f.kind = 'agent'
JOIN consumer AS t ON t.id = h.to_id AND t.kind = 'agent'
LEFT JOIN shared AS s ON s.from_id = h.from_id AND s.to_id = h.to_id
LEFT JOIN agent_power AS fp ON fp.id = h.from_id
LEFT JOIN agent_power AS tp ON tp.id = h.to_id
LEFT JOIN tools AS x ON x.agent_id = h.to_id
LEFT JOIN tools AS y ON y.agent_id = h.from_id
WHERE coalesce(f.enabled, TRUE) AND coalesce(t.enabled, TRUE);

-- pipeline_runner: one row per job that runs on a machine of one's own, and what the machines of that sort act as.
CREATE VIEW pipeline_runner AS
WITH host AS (
  SELECT k.id, k.name, u.identity_id, coalesce(i.name, u.identity_id) AS identity_name, w.writes
  FROM consumer AS k
  JOIN "use" AS u ON u.consumer_id = k.id AND u.how = 'runs_as' AND u.identity_id IS NOT NULL
  LEFT JOIN identity AS i ON i.id = u.identity_id
  LEFT JOIN identity_writes AS w ON w.id = u.identity_id
  -- By what it is called, or the kind of its manifest; a machine of another name is not known to run jobs.
  WHERE k.kind IN ('workload', 'function') AND coalesce(k.enabled, TRUE)
    AND (regexp_matches(lower(k.name), '(^|[-_. /])(runners?|build[-_]?agents?|ci[-_]?agents?|azp[-_]?agents?|buildkite)([-_. /0-9]|$)')
      OR regexp_matches(lower(coalesce(k.framework, '')), 'runner(deployment|set)'))
),
hosts AS (
  SELECT count(*) AS host_count, sum(CASE WHEN h.writes THEN 1 ELSE 0 END) AS writing_count,
    count(h.writes) AS known_count, min(CASE WHEN h.writes THEN h.name END) AS host_name,
    min(CASE WHEN h.writes THEN h.identity_name END) AS identity_name
  FROM host AS h
)
SELECT j.id, j.scope_id, j.name, j.uri, j.line, j.platform, j.triggers, h.host_name, h.identity_name, h.host_count,
  -- entered: somebody without write access can have the job run there.
  CASE WHEN j.trigger = 'untrusted' THEN NOT coalesce(j.gated, FALSE) WHEN j.trigger IS NOT NULL THEN FALSE END AS entered,
  -- carries: every machine of that sort may change something; which of several a job gets is not known.
  CASE WHEN h.host_count = 0 THEN NULL WHEN h.writing_count = h.host_count THEN TRUE
    WHEN h.writing_count = 0 AND h.known_count = h.host_count THEN FALSE END AS carries
FROM pipeline_job AS j
JOIN consumer AS k ON k.id = j.id AND k.self_hosted
CROSS JOIN hosts AS h
WHERE coalesce(k.file_class, 'pipeline') NOT IN ('test', 'documentation', 'vendored');

-- credential_stray: one row per credential that lies in a file or is used by several, whether it is of production, and
-- where outside of production others can see it.
CREATE VIEW credential_stray AS
WITH site AS (
  SELECT s.credential_id, s.consumer_name, e.production,
    CASE WHEN s.form = 'literal' AND f.visible = 1 THEN concat('stands in ', s.uri)
      WHEN k.public THEN concat('is held by ', s.consumer_name, ', which answers the internet')
      WHEN s.purpose = 'exposed' THEN concat('is printed by ', s.consumer_name) END AS seen
  FROM use_site AS s
  JOIN consumer AS k ON k.id = s.consumer_id
  LEFT JOIN scope AS o ON o.id = k.scope_id
  LEFT JOIN environment_word AS e ON e.id = regexp_extract(lower(coalesce(k.environment, o.environment)), '[a-z]+')
  LEFT JOIN value_file AS f ON f.id = s.credential_id AND f.scope_id = s.scope_id AND f.uri = s.uri
),
used AS (
  SELECT s.credential_id, bool_or(s.production) AS production,
    min(CASE WHEN s.production THEN s.consumer_name END) AS production_name,
    min(CASE WHEN NOT s.production THEN s.seen END) AS seen,
    sum(CASE WHEN s.production IS NULL AND s.seen IS NOT NULL THEN 1 ELSE 0 END) AS doubtful
  FROM site AS s
  GROUP BY s.credential_id
),
filed AS (
  -- A file whose path says that it is not of production.
  SELECT f.id, min(concat('stands in ', f.uri)) AS seen
  FROM value_file AS f
  WHERE f.past = 0 AND f.visible = 1 AND regexp_matches(lower(f.uri),
    '(^|[/._-])(dev|devel|development|tests?|testing|qa|uat|staging|stage|stg|sandbox|preview|demo)([/._-]|$)')
  GROUP BY f.id
),
held AS (
  SELECT f.id FROM value_file AS f GROUP BY f.id
  UNION
  SELECT u.credential_id AS id FROM used AS u
)
SELECT c.id, c.scope_id, c.provider, c.kind, c.noun, c.noun_title, c.label, c.live, c.public, c.identity_name,
  coalesce(u.production_name, c.identity_name, 'production') AS production_name,
  coalesce(u.seen, f.seen) AS seen,
  CASE WHEN u.production OR c.production THEN TRUE WHEN c.production = FALSE THEN FALSE END AS production,
  CASE WHEN u.seen IS NOT NULL OR f.id IS NOT NULL THEN TRUE WHEN u.doubtful > 0 THEN NULL ELSE FALSE END AS strays
FROM held AS h
JOIN credential_issued AS c ON c.id = h.id
LEFT JOIN used AS u ON u.credential_id = h.id
LEFT JOIN filed AS f ON f.id = h.id
WHERE NOT c.by_name_only;
