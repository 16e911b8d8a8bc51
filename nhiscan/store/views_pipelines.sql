-- Views over pipelines: what jobs are handed, by whom they are set to work, and what they give away.  What stands at the
-- head of views.sql holds here too.

-- pipeline_platform: one row per system that runs pipelines.  `federates`: its jobs can prove who they are to a cloud
-- without a stored key; `open_by_default`: a stored secret reaches every job that names it unless the job names an
-- environment (elsewhere the protection of a variable, context or connection is set where no file shows it).
CREATE VIEW pipeline_platform AS
SELECT p.id, '' AS scope_id, p.title, p.federates, p.open_by_default
FROM (VALUES
  ('github_actions', 'GitHub Actions', TRUE, TRUE),
  ('gitlab_ci', 'GitLab CI', TRUE, FALSE),
  ('azure_pipelines', 'Azure Pipelines', TRUE, FALSE),
  ('circleci', 'CircleCI', TRUE, FALSE),
  ('bitbucket_pipelines', 'Bitbucket Pipelines', TRUE, TRUE),
  ('buildkite', 'Buildkite', TRUE, FALSE),
  ('codebuild', 'AWS CodeBuild', TRUE, FALSE),
  ('jenkins', 'Jenkins', FALSE, FALSE),
  ('drone', 'Drone', FALSE, FALSE)
) AS p(id, title, federates, open_by_default);

-- pipeline_job: one row per enabled job of a pipeline, with what sets it to work and what stands before it.  Flows of
-- automation tools (n8n) are no pipelines: nobody proposes a change to them.
CREATE VIEW pipeline_job AS
WITH calling AS (
  SELECT h.from_id FROM hop AS h GROUP BY h.from_id
)
SELECT
  k.id, k.scope_id, k.name, k.platform, k.uri, k.line, k.environment, k.trigger, k.runs_untrusted, k.gated,
  array_to_string(k.triggers, ', ') AS triggers,
  -- privileged_triggers: events that outsiders cause and that run with the secrets of the repository all the same.
  nullif(regexp_extract(k.tags, '"privileged_triggers": "([^"]+)"', 1), '') AS privileged_triggers,
  -- bot_condition: the name of an actor is all that is asked for, and a later commit of somebody else leaves it as it is.
  nullif(regexp_extract(k.tags, '"bot_condition": "([^"]+)"', 1), '') AS bot_condition,
  -- takes_in: by which way what outsiders wrote comes into it.
  nullif(regexp_extract(k.tags, '"takes_in": "([^"]+)"', 1), '') AS takes_in,
  -- reusable: other workflows can call it; only_called: nothing else sets it to work, so the caller decides what it gets.
  coalesce(list_contains(k.triggers, 'workflow_call'), FALSE) AS reusable,
  array_to_string(k.triggers, ', ') = 'workflow_call' AS only_called,
  -- proposed: what somebody proposes can set it to work before anybody has accepted it.
  regexp_matches(lower(array_to_string(k.triggers, ' ')), '(pull|merge)_request') AS proposed,
  c.from_id IS NOT NULL AS calls
FROM consumer AS k
LEFT JOIN pipeline_platform AS p ON p.id = k.platform
LEFT JOIN calling AS c ON c.from_id = k.id
WHERE k.kind = 'pipeline' AND coalesce(k.enabled, TRUE) AND (p.id IS NOT NULL OR k.platform IS NULL);

-- pipeline_use: one row per use in a job, by the job itself or by a step, image or agent of it (the taker).
CREATE VIEW pipeline_use AS
SELECT
  u.id, u.scope_id, u.credential_id, u.identity_id, u.form, u.how, u.name, u.place, u.purpose, u.uri, u.line,
  k.id AS taker_id, k.kind AS taker_kind, coalesce(k.package, k.name) AS taker, k.launcher, k.pin,
  CASE WHEN k.kind = 'pipeline' THEN k.id WHEN p.kind = 'pipeline' THEN p.id ELSE p.parent_id END AS job_id
FROM "use" AS u
JOIN consumer AS k ON k.id = u.consumer_id
LEFT JOIN consumer AS p ON p.id = k.parent_id
WHERE coalesce(u.form, 'literal') NOT IN ('placeholder', 'empty', 'dangling', 'prompt') AND coalesce(k.enabled, TRUE)
  AND (k.kind = 'pipeline' OR p.kind = 'pipeline' OR (p.kind = 'agent' AND p.parent_id IS NOT NULL));

-- pipeline_secret: one row per credential and use of it in a job.  A name that ends like an identifier (a client id, a
-- user name, a region) is no secret, and neither is what has no telling name at all, unless it is a whole group of them.
CREATE VIEW pipeline_secret AS
WITH known AS (
  SELECT c.id, c.provider, c.kind, c.name, c.format, c.lifetime, c.scopes, c.environment, n.noun, n.noun_title, n.label,
    regexp_matches(c.facts, '"basis": "(job|workflow|default|every job has one)"') AS of_job,
    c.id LIKE '%#context:%' OR c.id LIKE '%#variable_group:%' OR c.id LIKE '%#service_connection:%' AS grouped,
    c.key_id IS NULL AND c.fingerprint IS NULL AND regexp_matches(upper(coalesce(c.name, '')),
      '(^|[_-])(ID|IDS|NAME|USER|USERNAME|LOGIN|EMAIL|REGION|ACCOUNT|ENDPOINT|HOST|REPOSITORY|BUCKET|PROJECT)$')
      AS identifier,
    lower(coalesce(c.name, '')) AS words, w.production AS labelled
  FROM credential AS c
  JOIN credential_name AS n ON n.id = c.id
  LEFT JOIN identity AS i ON i.id = c.identity_id
  LEFT JOIN environment_word AS w
    ON w.id = regexp_extract(lower(coalesce(c.environment, i.environment, '')), '^[a-z]+')
  WHERE coalesce(c.public, FALSE) = FALSE AND coalesce(c.sample, FALSE) = FALSE
    AND coalesce(c.state, 'active') NOT IN ('inactive', 'expired', 'deleted')
),
called AS (
  SELECT h.to_id FROM hop AS h WHERE h.via = 'reusable_workflow' GROUP BY h.to_id
)
SELECT
  c.id, j.scope_id, c.provider, c.kind, c.name, c.format, c.lifetime, c.noun, c.noun_title, c.label, c.grouped, c.of_job,
  -- may_write: the token of a job may change something; NULL where its permissions are not written down.
  CASE WHEN array_to_string(c.scopes, ' ') LIKE '%: write%' THEN TRUE WHEN array_to_string(c.scopes, ' ') <> '' THEN FALSE END
    AS may_write,
  -- telling: its name or its kind says that it is a secret.
  (c.kind <> 'unknown' OR c.lifetime = 'static' OR c.grouped) AS telling,
  -- production: by its label, else by a word of its name; NULL where neither says.
  CASE WHEN c.labelled IS NOT NULL THEN c.labelled
    WHEN regexp_matches(c.words, '(^|[^a-z])(non|pre)[^a-z]?prod') THEN FALSE
    WHEN regexp_matches(c.words, '(^|[^a-z])(prod|production|prd|live)([^a-z]|$)') THEN TRUE
    WHEN regexp_matches(c.words,
      '(^|[^a-z])(dev|devel|development|test|tests|testing|qa|uat|e2e|staging|stage|stg|sandbox|preview|demo)([^a-z]|$)')
      THEN FALSE END AS production,
  u.id AS use_id, u.form, u.how, u.name AS variable, u.place, u.purpose, u.uri, u.line, u.taker_id, u.taker_kind, u.taker,
  u.launcher, u.pin,
  j.id AS job_id, j.name AS job, j.platform, j.environment, j.gated, j.trigger, j.proposed, j.reusable, j.calls,
  j.uri AS job_uri
FROM pipeline_use AS u
JOIN pipeline_job AS j ON j.id = u.job_id
JOIN known AS c ON c.id = u.credential_id
LEFT JOIN called AS h ON h.to_id = j.id
-- What a reusable workflow calls its parameter is judged where the caller hands it over.
WHERE NOT c.identifier AND (h.to_id IS NULL OR c.id NOT LIKE concat('%', j.uri, ':secret:%'));

-- pipeline_key: one row per static secret that jobs sign in to a cloud with.
CREATE VIEW pipeline_key AS
WITH elsewhere AS (
  -- A store of another company that speaks the protocol of S3 takes keys under the names of AWS.
  SELECT u.job_id FROM pipeline_use AS u WHERE lower(replace(u.name, '-', '_')) LIKE 'aws_endpoint_url%' GROUP BY u.job_id
),
aimed AS (
  SELECT s.*, lower(replace(s.variable, '-', '_')) AS slot
  FROM pipeline_secret AS s
  LEFT JOIN elsewhere AS e ON e.job_id = s.job_id
  WHERE s.purpose = 'cloud' AND s.telling AND coalesce(s.how, 'env') NOT IN ('federated', 'runs_as')
    AND coalesce(s.form, 'reference') <> 'federated' AND e.job_id IS NULL
),
placed AS (
  SELECT a.*,
    CASE WHEN a.provider IN ('aws', 'azure', 'gcp') THEN a.provider WHEN a.provider IS NOT NULL THEN NULL
      WHEN a.slot IN ('aws_secret_access_key', 'aws_access_key_id', 'aws_session_token') THEN 'aws'
      WHEN a.slot IN ('creds', 'azure_credentials', 'azure_client_secret', 'arm_client_secret') THEN 'azure'
      WHEN a.slot IN ('credentials_json', 'google_credentials', 'google_application_credentials', 'gcp_sa_key',
        'service_account_key') THEN 'gcp' END AS cloud
  FROM aimed AS a
),
jobs AS (
  SELECT p.id, p.job_id, min(p.platform) AS platform, concat(min(p.job), ' (', min(p.job_uri), ')') AS place,
    row_number() OVER (PARTITION BY p.id ORDER BY min(p.job_uri), min(p.job), p.job_id) AS n
  FROM placed AS p
  WHERE p.cloud IS NOT NULL
  GROUP BY p.id, p.job_id
),
named AS (
  SELECT j.id, count(*) AS job_count,
    concat(concat_ws(', ', max(CASE WHEN j.n = 1 THEN j.place END), max(CASE WHEN j.n = 2 THEN j.place END),
      max(CASE WHEN j.n = 3 THEN j.place END)),
      CASE WHEN count(*) > 3 THEN concat(' and ', CAST(count(*) - 3 AS VARCHAR), ' more') ELSE '' END) AS jobs,
    max(CASE WHEN l.federates THEN 1 ELSE 0 END) AS federating, count(*) - count(l.id) AS unknown,
    min(CASE WHEN l.federates THEN l.title END) AS platform
  FROM jobs AS j
  LEFT JOIN pipeline_platform AS l ON l.id = j.platform
  GROUP BY j.id
),
facts AS (
  SELECT p.id, min(p.scope_id) AS scope_id, min(p.cloud) AS cloud, min(p.kind) AS kind, min(p.lifetime) AS lifetime,
    min(p.provider) AS provider, min(p.noun) AS noun, min(p.label) AS label, bool_and(p.production) AS production,
    max(CASE WHEN upper(coalesce(p.name, '')) LIKE '%API_KEY%' THEN 1 ELSE 0 END) AS api_key
  FROM placed AS p
  WHERE p.cloud IS NOT NULL
  GROUP BY p.id
)
SELECT
  f.id, f.scope_id, f.provider, f.kind, f.noun, f.label, f.lifetime, n.jobs, n.job_count, n.platform,
  CASE f.cloud WHEN 'aws' THEN 'AWS' WHEN 'azure' THEN 'Azure' ELSE 'Google Cloud' END AS cloud,
  -- of_test: its own name says that it is not of production; of_service: it opens one service, not an account.
  coalesce(f.production = FALSE, FALSE) AS of_test, f.api_key = 1 AS of_service,
  -- by_variable: only the variable that it is handed over in tells its cloud.
  f.provider IS NULL AS by_variable,
  CASE WHEN n.federating = 1 THEN TRUE WHEN n.unknown > 0 THEN NULL ELSE FALSE END AS federates
FROM facts AS f
JOIN named AS n ON n.id = f.id;

-- pipeline_publish: one row per stored token that jobs publish packages with.
CREATE VIEW pipeline_publish AS
WITH placed AS (
  SELECT s.*, lower(replace(s.variable, '-', '_')) AS slot
  FROM pipeline_secret AS s
  WHERE s.purpose = 'publish' AND s.telling AND coalesce(s.form, 'reference') <> 'federated'
),
aimed AS (
  SELECT p.*,
    CASE WHEN p.provider IN ('npm', 'pypi', 'rubygems', 'crates', 'crates_io', 'nuget') THEN p.provider
      WHEN p.provider IS NOT NULL THEN 'other'
      WHEN p.slot IN ('node_auth_token', 'npm_token', 'npm_auth_token', 'npm_config__auth') THEN 'npm'
      WHEN p.slot IN ('twine_password', 'uv_publish_token', 'poetry_pypi_token_pypi', 'flit_password', 'hatch_index_auth',
        'maturin_pypi_token') THEN 'pypi'
      WHEN p.slot IN ('gem_host_api_key', 'rubygems_api_key') THEN 'rubygems'
      WHEN p.slot = 'cargo_registry_token' THEN 'crates'
      WHEN p.slot = 'nuget_api_key' THEN 'nuget'
      WHEN p.slot IN ('vsce_pat', 'ovsx_pat', 'docker_password', 'sonatype_password', 'maven_password') THEN 'other'
      END AS registry
  FROM placed AS p
),
jobs AS (
  SELECT a.id, a.job_id, min(a.platform) AS platform, min(a.registry) AS registry,
    concat(min(a.job), ' (', min(a.job_uri), ')') AS place,
    row_number() OVER (PARTITION BY a.id ORDER BY min(a.job_uri), min(a.job), a.job_id) AS n
  FROM aimed AS a
  GROUP BY a.id, a.job_id
),
judged AS (
  -- Which registries take the token of which system instead of a stored one: what their documentation lists.
  SELECT j.*,
    CASE WHEN j.registry = 'other' THEN FALSE WHEN j.registry IS NULL OR j.platform IS NULL THEN NULL
      WHEN j.platform = 'github_actions' THEN TRUE
      WHEN j.platform = 'gitlab_ci' THEN j.registry IN ('npm', 'pypi') ELSE FALSE END AS takes
  FROM jobs AS j
),
named AS (
  SELECT j.id, concat(concat_ws(', ', max(CASE WHEN j.n = 1 THEN j.place END), max(CASE WHEN j.n = 2 THEN j.place END),
    max(CASE WHEN j.n = 3 THEN j.place END)),
      CASE WHEN count(*) > 3 THEN concat(' and ', CAST(count(*) - 3 AS VARCHAR), ' more') ELSE '' END) AS jobs,
    max(CASE WHEN j.takes THEN 1 ELSE 0 END) AS takes, count(*) - count(j.takes) AS unknown,
    min(CASE WHEN j.takes THEN j.registry END) AS registry
  FROM judged AS j
  GROUP BY j.id
)
SELECT
  n.id, min(a.scope_id) AS scope_id, min(a.kind) AS kind, min(a.noun) AS noun, min(a.label) AS label,
  min(a.lifetime) AS lifetime, min(n.jobs) AS jobs,
  CASE min(n.registry) WHEN 'pypi' THEN 'PyPI' WHEN 'rubygems' THEN 'RubyGems' WHEN 'nuget' THEN 'NuGet' WHEN 'npm' THEN 'npm'
    WHEN 'other' THEN 'its registry' ELSE 'crates.io' END AS registry,
  CASE WHEN min(n.takes) = 1 THEN TRUE WHEN min(n.unknown) > 0 THEN NULL ELSE FALSE END AS takes_federation
FROM named AS n
JOIN aimed AS a ON a.id = n.id
GROUP BY n.id;

-- pipeline_token: one row per file of GitHub workflows, with what the tokens of its jobs may do beyond the need.  The
-- subject is the token of the first job that shows it.  A workflow that only others call gets the token of its caller.
CREATE VIEW pipeline_token AS
WITH tokens AS (
  SELECT c.id, j.scope_id, j.uri, j.name AS job, array_to_string(c.scopes, ', ') AS scopes,
    regexp_extract(c.facts, '"basis": "([a-z]+)"', 1) AS basis,
    regexp_extract(c.facts, '"workflow": "([a-z-]+)"', 1) AS workflow,
    nullif(regexp_extract(c.facts, '"declared": "([a-z-]+)"', 1), '') AS declared, j.only_called
  FROM credential AS c
  JOIN "use" AS u ON u.credential_id = c.id AND u.place = 'job'
  JOIN pipeline_job AS j ON j.id = u.consumer_id
  -- What a reusable workflow writes down can only take away from what its caller has.
  WHERE regexp_matches(c.facts, '"basis": "(job|workflow|default)"')
    AND (NOT j.only_called OR c.facts LIKE '%"basis": "default"%')
),
judged AS (
  -- In falling order of what it gives away.
  SELECT t.*,
    CASE WHEN t.only_called THEN 6
      WHEN t.declared = 'write-all' THEN 1
      WHEN t.basis = 'workflow' AND t.declared IS NULL AND t.scopes LIKE '%: write%' THEN 2
      WHEN t.basis = 'default' THEN 3
      WHEN t.declared = 'read-all' THEN 4
      WHEN t.basis = 'workflow' AND t.workflow IN ('write-all', 'read-all') THEN 4
      -- Each job says what it needs, and the file leaves to a setting, or grants, what the next job would have.
      WHEN t.workflow IN ('absent', 'read-all', 'write-all') THEN 5 ELSE 7 END AS grade
  FROM tokens AS t
),
numbered AS (
  SELECT j.*, row_number() OVER (PARTITION BY j.scope_id, j.uri ORDER BY j.grade, j.job, j.id) AS n,
    count(*) OVER (PARTITION BY j.scope_id, j.uri) AS jobs_in_file,
    -- counts: told by name; what is spare is told only where nothing is worse.
    j.grade < 5 OR (j.grade < 7 AND min(j.grade) OVER (PARTITION BY j.scope_id, j.uri) >= 5) AS counts
  FROM judged AS j
),
summed AS (
  SELECT n.scope_id, n.uri, min(n.grade) AS grade, max(n.jobs_in_file) AS jobs_in_file,
    sum(CASE WHEN n.counts THEN 1 ELSE 0 END) AS job_count,
    concat(concat_ws(', ', max(CASE WHEN n.n = 1 AND n.counts THEN n.job END),
      max(CASE WHEN n.n = 2 AND n.counts THEN n.job END), max(CASE WHEN n.n = 3 AND n.counts THEN n.job END)),
      CASE WHEN sum(CASE WHEN n.counts THEN 1 ELSE 0 END) > 3
      THEN concat(' and ', CAST(sum(CASE WHEN n.counts THEN 1 ELSE 0 END) - 3 AS VARCHAR), ' more') ELSE '' END) AS jobs
  FROM numbered AS n
  GROUP BY n.scope_id, n.uri
)
SELECT
  n.id, n.scope_id, n.uri, s.jobs, s.job_count, s.grade = 3 AS unset,
  -- called: of a reusable workflow that writes nothing down, so that its caller decides.
  s.grade = 6 AS called,
  -- A file with one job gives that job what it asks for, wherever it is written.
  s.grade < 5 AND NOT (s.grade = 2 AND s.jobs_in_file = 1) AS loose,
  -- spare: granted to nobody but the one job that is there, or the one to come.
  s.grade IN (5, 6) OR (s.grade = 2 AND s.jobs_in_file = 1) AS spare,
  -- minor: nothing is known to be given away that was not asked for, or it is reading alone.
  s.grade >= 3 OR (s.grade = 2 AND s.jobs_in_file = 1) AS minor,
  CASE s.grade WHEN 1 THEN 'write everything (write-all)'
    WHEN 2 THEN concat('all have what the file grants as a whole (', n.scopes, ')')
    WHEN 3 THEN 'have no permissions written down, so a setting decides that may allow every write'
    WHEN 5 THEN 'stand in each job, and a job to come has what a setting or the whole file grants'
    WHEN 6 THEN 'have all that a caller has, since nothing is written down'
    ELSE 'read everything (read-all)' END AS grants
FROM numbered AS n
JOIN summed AS s ON s.scope_id = n.scope_id AND s.uri = n.uri
WHERE n.n = 1;

-- pipeline_everything: one row per job that is handed any secret, and whether all secrets are handed on as a whole.
CREATE VIEW pipeline_everything AS
WITH whole AS (
  SELECT u.job_id, u.name, u.taker, u.taker_kind, u.pin, u.form, u.launcher,
    row_number() OVER (PARTITION BY u.job_id ORDER BY
      CASE WHEN u.name = 'inherit' AND u.pin = 'local' THEN 1 ELSE 0 END, u.taker, u.name) AS n
  FROM pipeline_use AS u
  -- What a file includes as a template sees every variable by design (NS-TPY-007).
  WHERE u.place = 'all_secrets' AND u.credential_id IS NULL AND (u.name IN ('inherit', 'toJSON', 'computed')
    OR u.form = 'vault')
),
vaults AS (
  SELECT u.job_id, min(c.name) AS vault FROM pipeline_use AS u JOIN credential AS c ON c.id = u.credential_id
  WHERE u.place = 'all_secrets' GROUP BY u.job_id
),
handed AS (
  SELECT u.job_id FROM pipeline_use AS u WHERE u.credential_id IS NOT NULL OR u.place = 'all_secrets' GROUP BY u.job_id
)
SELECT
  j.id, j.scope_id, j.name, j.uri, j.line, j.platform,
  (w.job_id IS NOT NULL OR v.job_id IS NOT NULL) AS everything,
  -- inside: they stay within the repository, in a workflow of its own.
  coalesce(w.name = 'inherit' AND w.pin = 'local', FALSE) AS inside,
  CASE WHEN v.job_id IS NOT NULL AND w.job_id IS NULL THEN concat('every secret of the vault ', coalesce(v.vault, 'it names'))
    WHEN w.name = 'inherit' THEN concat('every secret on to ', w.taker, ' (secrets: inherit)')
    WHEN w.name = 'computed' THEN 'every secret, because it picks one by a computed name'
    ELSE concat('every secret', CASE WHEN w.taker_kind = 'pipeline' THEN '' ELSE concat(' to ', w.taker) END,
      ' as one text (toJSON)') END AS what
FROM pipeline_job AS j
JOIN handed AS h ON h.job_id = j.id
LEFT JOIN whole AS w ON w.job_id = j.id AND w.n = 1
LEFT JOIN vaults AS v ON v.job_id = j.id;

-- pipeline_reach: one row per stored secret that jobs are handed, with the environments of these jobs.
CREATE VIEW pipeline_reach AS
WITH sites AS (
  SELECT s.id, s.job_id, min(s.scope_id) AS scope_id, min(s.job) AS job, min(s.job_uri) AS job_uri,
    min(s.provider) AS provider, min(s.kind) AS kind, min(s.noun) AS noun, min(s.noun_title) AS noun_title,
    min(s.label) AS label, bool_or(s.production) AS production, bool_or(s.proposed) AS proposed,
    bool_or(coalesce(s.purpose IN ('cloud', 'publish', 'registry'), FALSE)) AS delivers,
    min(s.environment) AS environment, min(p.title) AS platform, bool_or(coalesce(p.open_by_default, FALSE)) AS open_platform,
    bool_or(coalesce(s.telling, FALSE)) AS telling,
    -- A reusable workflow or one that hands on: the environment stands on the other side.
    bool_or(s.reusable OR s.calls) AS elsewhere,
    CASE WHEN bool_or(s.gated) THEN TRUE WHEN count(s.gated) = 0 THEN NULL ELSE FALSE END AS gated
  FROM pipeline_secret AS s
  LEFT JOIN pipeline_platform AS p ON p.id = s.platform
  WHERE s.form IN ('reference', 'vault') AND coalesce(s.purpose, 'data') <> 'exposed'
    AND coalesce(s.how, 'env') <> 'federated' AND coalesce(s.lifetime, 'static') = 'static'
    AND (s.grouped OR s.id LIKE '%#secret:%') AND s.job_uri NOT LIKE '%.md'
  GROUP BY s.id, s.job_id
),
judged AS (
  SELECT s.*,
    CASE WHEN s.gated THEN FALSE WHEN s.elsewhere THEN NULL
      WHEN s.environment IS NOT NULL THEN NULL
      WHEN s.open_platform AND s.gated = FALSE THEN TRUE END AS unguarded,
    w.production AS of_production
  FROM sites AS s
  LEFT JOIN environment_word AS w ON w.id = regexp_extract(lower(coalesce(s.environment, '')), '^[a-z]+')
),
numbered AS (
  SELECT j.*, concat(j.job, ' (', j.job_uri, ')') AS place,
    row_number() OVER (PARTITION BY j.id ORDER BY CASE WHEN j.unguarded THEN 0 ELSE 1 END, j.job_uri, j.job,
      j.job_id) AS n,
    row_number() OVER (PARTITION BY j.id ORDER BY
      CASE WHEN j.of_production = FALSE OR (j.proposed AND j.environment IS NULL) THEN 0
        WHEN j.environment IS NULL THEN 1 ELSE 2 END, j.job_uri, j.job, j.job_id) AS other_n
  FROM judged AS j
),
summed AS (
  SELECT
  n.id, min(n.scope_id) AS scope_id, min(n.provider) AS provider, min(n.kind) AS kind, min(n.noun) AS noun,
  min(n.noun_title) AS noun_title, min(n.label) AS label, min(n.platform) AS platform,
  bool_or(n.production) AS production, bool_or(n.delivers) AS delivers,
  -- telling: its name or its kind says that it is a secret; otherwise only the place where it is kept does.
  bool_or(n.telling) AS telling,
  -- unguarded: a job gets it before which neither a person nor an environment stands; NULL where no file can say.
  CASE WHEN bool_or(n.unguarded) THEN TRUE WHEN count(*) > count(n.unguarded) THEN NULL ELSE FALSE END AS unguarded,
  concat(concat_ws(', ', max(CASE WHEN n.n = 1 AND n.unguarded THEN n.place END),
    max(CASE WHEN n.n = 2 AND n.unguarded THEN n.place END), max(CASE WHEN n.n = 3 AND n.unguarded THEN n.place END)),
    CASE WHEN sum(CASE WHEN n.unguarded THEN 1 ELSE 0 END) > 3 THEN concat(' and ',
      CAST(sum(CASE WHEN n.unguarded THEN 1 ELSE 0 END) - 3 AS VARCHAR), ' more') ELSE '' END) AS open_jobs,
  -- environments: how many of its jobs name production, something else, nothing, or what is not known until they run.
  sum(CASE WHEN n.of_production THEN 1 ELSE 0 END) AS production_jobs,
  sum(CASE WHEN n.of_production = FALSE OR (n.proposed AND n.environment IS NULL) THEN 1 ELSE 0 END) AS other_jobs,
  sum(CASE WHEN n.environment IS NULL THEN 1 ELSE 0 END) AS free_jobs,
  sum(CASE WHEN n.environment IS NOT NULL AND n.of_production IS NULL THEN 1 ELSE 0 END) AS unknown_jobs,
  min(CASE WHEN n.other_n = 1 THEN n.place END) AS other_job
  FROM numbered AS n
  GROUP BY n.id
)
SELECT s.*,
  -- placed: some job of it names an environment, or is none of production.
  s.production_jobs + s.other_jobs + s.unknown_jobs > 0 AS placed,
  -- crosses: jobs outside production get it, or jobs without an environment beside those of production.
  CASE WHEN s.other_jobs > 0 OR (s.production_jobs > 0 AND s.free_jobs > 0) THEN TRUE WHEN s.unknown_jobs > 0 THEN NULL
    ELSE FALSE END AS crosses
FROM summed AS s;

-- pipeline_taker: one row per credential and code of somebody else that a pipeline hands it to.
CREATE VIEW pipeline_taker AS
SELECT
  s.id, s.scope_id, s.use_id, s.noun, s.noun_title, s.label, s.provider, s.kind, s.lifetime, s.taker_id, s.taker, s.launcher,
  s.pin, s.job, s.of_job, s.may_write,
  -- org: whose code it is; the address of a registry or server before it says nothing of that.
  CASE WHEN split_part(s.taker, '/', 1) LIKE '%.%' THEN split_part(s.taker, '/', 2) ELSE split_part(s.taker, '/', 1) END
    AS org,
  -- own: it belongs to whoever the repository belongs to, or is a curated image without an owner in its name.
  (s.scope_id LIKE 'repo:%' AND (lower(split_part(s.scope_id, '/', 2)) = lower(split_part(s.taker, '/', 1))
      OR (s.taker LIKE '%.%/%' AND lower(split_part(s.scope_id, '/', 2)) = lower(split_part(s.taker, '/', 2)))))
    OR (s.launcher = 'image' AND s.taker NOT LIKE '%/%') AS own,
  -- Versions of orbs and components cannot be moved; a tag of an action or an image can.
  CASE WHEN s.pin IN ('digest', 'local') THEN FALSE
    WHEN s.pin = 'exact' THEN s.launcher IN ('action', 'workflow', 'image', 'pipe')
    WHEN s.pin IS NOT NULL THEN TRUE END AS movable,
  -- moving: not even a version is named: a branch, the newest, an address.
  coalesce(s.pin IN ('none', 'latest', 'url'), FALSE) AS moving
FROM pipeline_secret AS s
WHERE s.taker_kind IN ('step', 'agent') AND s.launcher IS NOT NULL AND s.telling
  AND coalesce(s.purpose, 'data') <> 'exposed' AND coalesce(s.form, 'reference') <> 'federated';

-- pipeline_literal: one row per credential whose value stands in the definition of a pipeline, or that pipelines name.
CREATE VIEW pipeline_literal AS
WITH sites AS (
  SELECT s.*,
    s.form = 'literal' AS written,
    -- helper: the password of a service that lives as long as its job and answers nobody else.
    s.form = 'literal' AND s.format IS NULL AND s.taker_kind = 'step' AND s.launcher = 'image' AND s.place = 'env' AS helper
  FROM pipeline_secret AS s
),
numbered AS (
  SELECT s.*, row_number() OVER (PARTITION BY s.id ORDER BY CASE WHEN s.written AND NOT s.helper THEN 0 ELSE 1 END,
    s.uri, s.line, s.use_id) AS n
  FROM sites AS s
)
SELECT
  n.id, n.scope_id, n.provider, n.kind, n.noun, n.noun_title, n.label, n.format, n.variable, n.job,
  c.confidence, n.production,
  concat(n.uri, CASE WHEN n.line IS NULL THEN '' ELSE concat(':', CAST(n.line AS VARCHAR)) END) AS place,
  -- written: NULL where the collector could not tell what stands there.
  n.written AND NOT n.helper AS written,
  n.format IS NOT NULL AS recognised,
  -- for_test: it is of a job that only tests, by its own name.
  coalesce(n.production = FALSE, FALSE) OR regexp_matches(lower(concat(n.job, ' ', n.job_uri)),
    '(^|[^a-z])(tests?|e2e|integration|lint)([^a-z]|$)') AS for_test
FROM numbered AS n
JOIN credential AS c ON c.id = n.id
WHERE n.n = 1;

-- pipeline_exposed: one row per credential that jobs are handed, and whether one prints it or puts it in an artifact.
CREATE VIEW pipeline_exposed AS
WITH bare AS (
  -- What prints the whole environment prints every variable of the job.
  SELECT u.job_id, min(u.name) AS name, min(u.uri) AS uri, min(u.line) AS line
  FROM pipeline_use AS u
  WHERE u.place = 'log' AND u.credential_id IS NULL AND u.purpose = 'exposed' GROUP BY u.job_id
),
sites AS (
  SELECT s.id, s.scope_id, s.noun, s.noun_title, s.label, s.lifetime, s.job, s.job_id, s.platform,
    coalesce(b.uri, s.uri) AS uri, coalesce(b.line, s.line) AS line,
    CASE WHEN s.purpose = 'exposed' AND s.place = 'artifact' THEN 'artifact'
      WHEN s.purpose = 'exposed' AND s.variable = 'fromJSON' THEN 'structured'
      WHEN s.purpose = 'exposed' THEN 'log'
      WHEN b.job_id IS NOT NULL THEN 'environment' END AS way,
    b.name AS command
  FROM pipeline_secret AS s
  LEFT JOIN bare AS b ON b.job_id = s.job_id AND s.place = 'env' AND coalesce(s.purpose, 'data') <> 'exposed'
),
numbered AS (
  SELECT s.*, row_number() OVER (PARTITION BY s.id ORDER BY
    CASE s.way WHEN 'structured' THEN 0 WHEN 'artifact' THEN 1 WHEN 'log' THEN 2 WHEN 'environment' THEN 3 ELSE 4 END,
    s.uri, s.line, s.job_id) AS n
  FROM sites AS s
)
SELECT
  n.id, n.scope_id, n.noun, n.noun_title, n.label, n.lifetime, n.job, n.way, n.platform,
  concat(n.uri, CASE WHEN n.line IS NULL THEN '' ELSE concat(':', CAST(n.line AS VARCHAR)) END) AS place,
  n.way IS NOT NULL AS exposed,
  -- masked: the platform strikes out the value in its logs as long as it is printed as it is.
  coalesce(n.way IN ('log', 'environment') AND n.platform IN ('github_actions', 'azure_pipelines', 'circleci', 'jenkins',
    'bitbucket_pipelines', 'buildkite', 'drone'), FALSE) AS masked,
  CASE n.way WHEN 'artifact' THEN 'puts it in an artifact' WHEN 'structured' THEN 'prints a part of it, which is not masked'
    WHEN 'log' THEN 'prints it'
    ELSE concat('prints its variables (', n.command, ')') END AS what
FROM numbered AS n
WHERE n.n = 1;

-- pipeline_holds: one row per job, with what could be taken from it.
CREATE VIEW pipeline_holds AS
WITH handed AS (
  SELECT u.job_id,
    count(DISTINCT CASE WHEN s.telling AND coalesce(s.lifetime, 'static') = 'static' THEN s.id END) AS secrets,
    count(DISTINCT CASE WHEN s.telling AND coalesce(s.lifetime, 'static') = 'static' AND coalesce(s.purpose, 'data') <> 'model'
      THEN s.id END) AS other_secrets,
    min(CASE WHEN s.telling AND coalesce(s.lifetime, 'static') = 'static' THEN s.label END) AS first_secret,
    max(CASE WHEN u.place = 'all_secrets' THEN 1 ELSE 0 END) AS whole,
    max(CASE WHEN u.identity_id IS NOT NULL THEN 1 ELSE 0 END) AS identity,
    min(i.name) AS identity_name,
    max(CASE WHEN array_to_string(c.scopes, ' ') LIKE '%: write%' OR array_to_string(c.scopes, ' ') = '*'
      THEN 1 ELSE 0 END) AS writes,
    max(CASE WHEN c.facts LIKE '%"basis": "default"%' THEN 1 ELSE 0 END) AS unset
  FROM pipeline_use AS u
  LEFT JOIN pipeline_secret AS s ON s.use_id = u.id
  LEFT JOIN credential AS c ON c.id = u.credential_id
  LEFT JOIN identity AS i ON i.id = u.identity_id
  GROUP BY u.job_id
)
SELECT
  j.id, j.scope_id,
  -- strong: it can change something: a token that writes, a cloud identity, or a secret other than the key of a model.
  CASE WHEN h.writes = 1 OR h.identity = 1 OR h.whole = 1 OR h.other_secrets > 0 THEN TRUE WHEN h.unset = 1 THEN NULL
    ELSE FALSE END AS strong,
  CASE WHEN h.writes = 1 OR h.identity = 1 OR h.whole = 1 OR h.secrets > 0 THEN TRUE WHEN h.unset = 1 THEN NULL
    ELSE FALSE END AS anything,
  CASE WHEN h.identity = 1 THEN concat('the cloud identity ', coalesce(h.identity_name, 'it names'))
    WHEN h.whole = 1 THEN 'every secret'
    WHEN h.secrets > 0 AND h.writes = 1 THEN concat('a token that writes and ',
      CASE WHEN h.secrets = 1 THEN concat('the secret ', h.first_secret)
        ELSE concat(CAST(h.secrets AS VARCHAR), ' secrets') END)
    WHEN h.writes = 1 THEN 'a token that writes'
    WHEN h.secrets = 1 THEN concat('the secret ', h.first_secret)
    WHEN h.secrets > 1 THEN concat(CAST(h.secrets AS VARCHAR), ' secrets')
    ELSE 'nothing we know of' END AS what
FROM pipeline_job AS j
LEFT JOIN handed AS h ON h.job_id = j.id;

-- pipeline_untrusted: one row per job that an outsider can set to work, with what it then runs and holds.
CREATE VIEW pipeline_untrusted AS
SELECT
  j.id, j.scope_id, j.name, j.uri, j.line, j.platform, j.environment, j.gated, j.bot_condition,
  coalesce(j.privileged_triggers, j.triggers) AS events, h.anything, h.strong, h.what,
  -- runs_untrusted: NULL where only an event that brings no secrets along (a proposal) may bring what outsiders wrote.
  CASE WHEN j.runs_untrusted AND j.proposed AND j.privileged_triggers IS NOT NULL
      AND NOT regexp_matches(j.privileged_triggers, 'pull_request_target|workflow_run') THEN NULL
    ELSE j.runs_untrusted END AS runs_untrusted,
  -- privileged: the event runs with the secrets of the repository; elsewhere a setting decides that no file shows.
  CASE WHEN j.privileged_triggers IS NOT NULL THEN TRUE WHEN j.platform = 'github_actions' THEN FALSE END AS privileged,
  -- fooled: whoever acts is asked by a name that an outsider can make it bear.
  j.bot_condition IS NOT NULL AS fooled,
  -- only_asked: it runs nothing of theirs; the name of the actor is all that keeps them out.
  coalesce(j.bot_condition IS NOT NULL AND j.runs_untrusted = FALSE, FALSE) AS only_asked,
  CASE WHEN NOT coalesce(j.runs_untrusted, FALSE) AND j.bot_condition IS NOT NULL THEN 'trusts the name of whoever acts'
    WHEN j.takes_in = 'checkout' THEN 'checks out what they wrote and runs something there'
    WHEN j.takes_in = 'script' THEN 'puts what they wrote into a script'
    WHEN j.takes_in = 'artifact' THEN 'takes what their run made'
    WHEN j.runs_untrusted = FALSE THEN 'runs nothing of theirs'
    ELSE 'runs on what they wrote' END AS how
FROM pipeline_job AS j
JOIN pipeline_holds AS h ON h.id = j.id
WHERE j.trigger = 'untrusted' OR j.trigger IS NULL;

-- pipeline_power: one row per job that an outsider can set to work and cloud identity it takes by its own token.
CREATE VIEW pipeline_power AS
WITH taken AS (
  SELECT u.job_id, u.identity_id, min(CASE WHEN u.place = 'oidc' AND u.name = 'possible' THEN 1 ELSE 0 END) AS possible
  FROM pipeline_use AS u WHERE u.identity_id IS NOT NULL GROUP BY u.job_id, u.identity_id
),
judged AS (
  SELECT t.job_id, coalesce(p.name, t.identity_id) AS identity_name, coalesce(p.power, 'may do what is not known') AS power,
    -- conditional: a condition nobody can evaluate, or the trust may not accept the token of this very job.
    CASE WHEN t.possible = 1 THEN 'conditional' WHEN p.admin THEN p.admin_certainty WHEN p.escalate THEN p.escalate_certainty
      ELSE p.reach_certainty END AS certainty,
    p.admin OR p.escalate OR p.reaches_admin AS able
  FROM taken AS t
  LEFT JOIN identity_power AS p ON p.id = t.identity_id
),
numbered AS (
  SELECT j.*, row_number() OVER (PARTITION BY j.job_id ORDER BY
    CASE WHEN j.able THEN 0 WHEN j.able IS NULL THEN 1 ELSE 2 END, j.certainty, j.identity_name) AS n
  FROM judged AS j
)
SELECT
  u.id, u.scope_id, u.name, u.how, n.identity_name, n.power, n.certainty, n.able,
  u.privileged AND (u.runs_untrusted OR u.fooled) AND coalesce(u.gated, FALSE) = FALSE AS open
FROM pipeline_untrusted AS u
JOIN numbered AS n ON n.job_id = u.id AND n.n = 1;

-- pipeline_agent: one row per agent that runs in a job, with who sets it to work and what stands in its reach.
CREATE VIEW pipeline_agent AS
SELECT
  k.id, k.scope_id, k.name, k.framework, k.uri, k.line, j.name AS job, j.privileged_triggers AS events,
  h.anything, h.strong, h.what, k.bypass,
  coalesce(k.enforced, FALSE) AS enforced,
  -- steered: somebody from outside sets it to work and writes what it reads; proposals of outsiders get no secrets.
  CASE WHEN k.trigger <> 'untrusted' OR k.runs_untrusted = FALSE THEN FALSE
    WHEN k.trigger IS NULL OR k.runs_untrusted IS NULL THEN NULL
    WHEN j.privileged_triggers IS NOT NULL THEN TRUE
    WHEN j.platform = 'github_actions' THEN FALSE END AS steered,
  CASE WHEN k.gated THEN TRUE WHEN j.environment IS NOT NULL THEN NULL ELSE FALSE END AS gated
FROM consumer AS k
JOIN pipeline_job AS j ON j.id = k.parent_id
JOIN pipeline_holds AS h ON h.id = j.id
WHERE k.kind = 'agent' AND coalesce(k.enabled, TRUE);

-- token_scope: one row per token or key of a source platform that is not one job's own, and how much it may do.
CREATE VIEW token_scope AS
WITH read AS (
  SELECT c.id, c.scope_id, c.provider, c.kind, c.lifetime, c.scopes, n.noun, n.noun_title, n.label,
    nullif(array_to_string(c.scopes, ' '), '') AS scoped,
    concat(' ', lower(array_to_string(c.scopes, ' ')), ' ') AS words,
    c.facts LIKE '%"basis": "app"%' AS app,
    -- administers: what the platforms call rights over an organisation, its administration, or everything.
    regexp_matches(concat(' ', lower(array_to_string(c.scopes, ' ')), ' '),
      concat(' (repo|delete_repo|api|sudo|admin_mode|write_repository|owner|(admin|write):(org|enterprise|repo_hook)|',
        '(organization_)?administration: write) ')) AS administers,
    c.facts LIKE '%"repositories": "*"%' AS every_repository,
    c.facts LIKE '%"revoked": "false"%' AS kept
  FROM credential AS c
  JOIN credential_name AS n ON n.id = c.id
  WHERE c.provider IN ('github', 'gitlab', 'bitbucket', 'azure_devops') AND c.kind IN ('token', 'ssh_key', 'private_key')
    AND NOT regexp_matches(c.facts, '"basis": "(job|workflow|default|every job has one)"')
    AND c.id NOT LIKE '%:System.AccessToken' AND c.id NOT LIKE '%:CI_JOB_TOKEN'
    AND coalesce(c.sample, FALSE) = FALSE AND coalesce(c.state, 'active') NOT IN ('inactive', 'expired', 'deleted')
),
used AS (
  SELECT s.credential_id, min(s.consumer_name) AS consumer_name FROM use_site AS s GROUP BY s.credential_id
)
SELECT
  r.id, r.scope_id, r.provider, r.kind, r.noun_title, r.label,
  coalesce(u.consumer_name, 'nothing we know of') AS consumer_name,
  -- weight: `wide` is an organisation, its administration or everything; `app` more of one app than a job needs; `kept`
  -- only that it lives on after its job.
  CASE WHEN (r.words = ' * ' AND (r.every_repository OR NOT r.app)) OR r.administers THEN 'wide'
    WHEN r.words = ' * ' OR r.every_repository THEN 'app' ELSE 'kept' END AS weight,
  CASE WHEN r.words = ' * ' AND r.every_repository THEN 'every permission of its app on every repository it is installed on'
    WHEN r.words = ' * ' THEN 'every permission of its app'
    WHEN r.every_repository THEN 'every repository its app is installed on'
    WHEN r.scoped IS NOT NULL
      AND NOT (r.kept AND r.app) THEN concat('the scopes ', array_to_string(r.scopes, ', '))
    ELSE 'nothing more, but it outlives its job' END AS reach,
  CASE WHEN r.scoped IS NULL AND NOT r.every_repository AND NOT r.kept THEN NULL
    ELSE r.words = ' * ' OR r.every_repository OR r.kept OR r.administers END AS broad
FROM read AS r
LEFT JOIN used AS u ON u.credential_id = r.id;
