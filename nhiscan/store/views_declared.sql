-- Views over what files declare: infrastructure code, manifests of clusters, brokers of secrets, lifetimes, history.
-- What stands at the head of views.sql holds here too.  What a file declares under a folder of tests, examples or
-- documentation is invented: the column `invented` says so by the path in the locator, as `file_class` says it of a
-- value.

-- credential_spread: one row per credential whose value lies somewhere, with the places by what their files are for.
CREATE VIEW credential_spread AS
WITH place AS (
  SELECT e.credential_id, e.scope_id, e.uri, min(e.line) AS line,
    coalesce(e.file_class, 'source') AS file_class,
    -- here: it lies in the files as they are; what only history holds does not.
    -- What git does not track is here, although HEAD does not hold it.
    max(CASE WHEN e.at_head OR (e.at_head IS NULL AND e.commit IS NULL) OR e.visibility IN ('untracked', 'local')
      THEN 1 ELSE 0 END) AS here,
    max(CASE WHEN e.at_head = FALSE AND coalesce(e.visibility, 'tracked') = 'tracked' THEN 1 ELSE 0 END) AS past,
    max(CASE WHEN e.at_head IS NULL AND e.commit IS NOT NULL THEN 1 ELSE 0 END) AS doubtful,
    max(CASE WHEN e.visibility IN ('tracked', 'untracked') THEN 1 ELSE 0 END) AS visible,
    max(CASE WHEN e.visibility IS NULL THEN 1 ELSE 0 END) AS unknown,
    min(e.commit) AS commit, min(e.first_seen) AS first_seen
  FROM exposure AS e
  WHERE e.part = 'value' AND e.uri NOT LIKE 'arn:%' AND e.uri NOT LIKE '/%'
    AND coalesce(e.file_class, 'source') NOT IN ('test', 'documentation', 'vendored')
  GROUP BY e.credential_id, e.scope_id, e.uri, coalesce(e.file_class, 'source')
),
judged AS (
  SELECT p.*, p.file_class IN ('infrastructure', 'state') AS built
  FROM place AS p
),
numbered AS (
  SELECT j.*, concat(j.uri, CASE WHEN j.line IS NOT NULL THEN concat(':', CAST(j.line AS VARCHAR)) ELSE '' END) AS place,
    concat(j.uri, CASE WHEN j.commit IS NOT NULL THEN concat(' of ', substr(j.commit, 1, 12)) ELSE '' END) AS past_place,
    row_number() OVER (PARTITION BY j.credential_id ORDER BY j.here DESC, j.visible DESC, j.uri, j.file_class) AS n,
    row_number() OVER (PARTITION BY j.credential_id, j.built ORDER BY j.here DESC, j.visible DESC, j.uri,
      j.file_class) AS built_n,
    row_number() OVER (PARTITION BY j.credential_id ORDER BY j.past DESC, j.first_seen, j.uri) AS past_n
  FROM judged AS j
)
SELECT
  n.credential_id AS id, min(n.scope_id) AS scope_id,
  sum(n.here) AS here_count, sum(n.past) AS past_count, sum(n.doubtful) AS doubtful_count,
  sum(CASE WHEN n.built THEN n.here ELSE 0 END) AS built_here,
  sum(CASE WHEN n.here = 1 AND n.built THEN n.visible ELSE 0 END) AS built_count,
  sum(CASE WHEN n.here = 1 AND n.built THEN n.unknown ELSE 0 END) AS built_unknown,
  max(CASE WHEN n.here = 1 AND n.file_class = 'state' THEN 1 ELSE 0 END) AS in_state,
  sum(CASE WHEN n.here = 1 THEN n.visible ELSE 0 END) AS visible_count,
  sum(CASE WHEN n.here = 1 THEN n.unknown ELSE 0 END) AS unknown_count,
  nullif(concat_ws(', ', max(CASE WHEN n.n = 1 AND n.here = 1 THEN n.place END),
    max(CASE WHEN n.n = 2 AND n.here = 1 THEN n.place END), max(CASE WHEN n.n = 3 AND n.here = 1 THEN n.place END)),
    '') AS places,
  nullif(concat_ws(', ', max(CASE WHEN n.built_n = 1 AND n.built AND n.here = 1 THEN n.place END),
    max(CASE WHEN n.built_n = 2 AND n.built AND n.here = 1 THEN n.place END),
    max(CASE WHEN n.built_n = 3 AND n.built AND n.here = 1 THEN n.place END)), '') AS built_places,
  nullif(concat_ws(', ', max(CASE WHEN n.past_n = 1 AND n.here = 0 THEN n.past_place END),
    max(CASE WHEN n.past_n = 2 AND n.here = 0 THEN n.past_place END),
    max(CASE WHEN n.past_n = 3 AND n.here = 0 THEN n.past_place END)), '') AS past_places
FROM numbered AS n
GROUP BY n.credential_id;

-- credential_history: one row per credential whose value lies in the history of a repository.
CREATE VIEW credential_history AS
SELECT
  s.id, s.scope_id, c.scope_id AS issuer_scope_id, c.provider, c.kind, c.state, c.confidence, c.public, c.sample,
  n.noun, n.noun_title, n.label, s.past_places,
  CASE WHEN c.state = 'active' THEN TRUE WHEN c.state IN ('inactive', 'expired', 'deleted') THEN FALSE END AS live,
  -- only_past: no file holds it any more, but a commit does; NULL where nobody could tell which files still do.
  CASE WHEN s.here_count > 0 THEN FALSE WHEN s.past_count > 0 THEN TRUE END AS only_past
FROM credential_spread AS s
JOIN credential AS c ON c.id = s.id
JOIN credential_name AS n ON n.id = s.id
WHERE s.past_count + s.doubtful_count > 0;

-- credential_built: one row per credential that infrastructure code or its state holds, or whose making leaves its
-- value in the state.
CREATE VIEW credential_built AS
WITH made AS (
  SELECT c.id, c.scope_id, c.locator,
    -- stored: a resource whose attributes hold the value of what it makes (Terraform Registry, "sensitive" attributes;
    -- ephemeral resources are none of them).
    regexp_matches(c.id, '[:.](aws_iam_access_key|aws_iam_service_specific_credential|aws_iam_user_login_profile|'
      || 'google_service_account_key|azuread_application_password|azuread_service_principal_password|'
      || 'random_password|tls_private_key|vault_token|vault_approle_auth_backend_role_secret_id|'
      || 'aws_secretsmanager_random_password|grafana_service_account_token|gitlab_[a-z_]*access_token|'
      || 'cloudflare_api_token|datadog_api_key|datadog_application_key|postgresql_role|mysql_user_password)[.]')
      AND c.source IN ('repo.terraform', 'repo.pulumi')
      AND NOT regexp_matches(lower(coalesce(c.locator, '')), '(^|/)(__tests__|tests?|testing|testdata|fixtures?|mocks?|'
        || 'e2e|specs?|docs?|documentation|examples?|samples?|demos?|tutorials?)/') AS stored
  FROM credential AS c
  WHERE c.state = 'declared'
),
either AS (
  SELECT s.id, s.scope_id, s.built_places AS places, s.in_state, 0 AS by_making,
    CASE WHEN s.built_count > 0 THEN 1 WHEN s.built_unknown > 0 THEN NULL ELSE 0 END AS held
  FROM credential_spread AS s
  WHERE s.built_here > 0
  UNION ALL
  SELECT m.id, m.scope_id, m.locator AS places, 0 AS in_state, 1 AS by_making, 1 AS held
  FROM made AS m
  WHERE m.stored
)
SELECT
  c.id, min(e.scope_id) AS scope_id, c.scope_id AS issuer_scope_id, c.provider, c.kind, c.state, c.public, c.sample,
  c.confidence, n.noun, n.noun_title, n.label,
  CASE WHEN c.state = 'active' THEN TRUE WHEN c.state IN ('inactive', 'expired', 'deleted') THEN FALSE END AS live,
  CASE WHEN min(e.by_making) = 1 THEN 'is kept in the state that is made by'
    WHEN max(e.in_state) = 1 THEN 'stands in the state' ELSE 'stands in' END AS stands,
  coalesce(min(CASE WHEN e.by_making = 0 THEN e.places END), min(e.places)) AS places,
  -- by_making: no file holds it, its resource puts it into the state when it is applied.
  min(e.by_making) = 1 AS by_making,
  -- held: everybody with the repository has it, or everybody who reads the state.
  CASE WHEN max(e.held) = 1 THEN TRUE WHEN count(e.held) = count(*) THEN FALSE END AS held
FROM either AS e
JOIN credential AS c ON c.id = e.id
JOIN credential_name AS n ON n.id = e.id
GROUP BY c.id, c.scope_id, c.provider, c.kind, c.state, c.public, c.sample, c.confidence, n.noun, n.noun_title,
  n.label;

-- credential_key_file: one row per private key whose value lies in a file, and whether it asks for a passphrase.
CREATE VIEW credential_key_file AS
SELECT
  c.id, s.scope_id, c.scope_id AS issuer_scope_id, c.provider, c.kind, c.state, c.public, c.sample, c.confidence,
  n.noun, n.noun_title, n.label, s.places,
  CASE WHEN regexp_matches(c.facts, '"key_algorithm": "[^"]')
    THEN concat(regexp_extract(c.facts, '"key_algorithm": "([^"]+)"', 1), ' ', n.noun) ELSE n.noun_title END AS what,
  CASE WHEN c.state = 'active' THEN TRUE WHEN c.state IN ('inactive', 'expired', 'deleted') THEN FALSE END AS live,
  coalesce(c.encrypted, CASE regexp_extract(c.facts, '"encrypted": "([a-z]+)"', 1)
    WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END) AS encrypted,
  -- in_repository: everybody with the repository has the file.
  CASE WHEN s.visible_count > 0 THEN TRUE WHEN s.unknown_count > 0 THEN NULL ELSE FALSE END AS in_repository
FROM credential AS c
JOIN credential_spread AS s ON s.id = c.id
JOIN credential_name AS n ON n.id = c.id
WHERE c.kind IN ('private_key', 'ssh_key') AND s.here_count > 0;

-- credential_span: one row per credential that ends (no certificates, no tokens of brokers), with how long it lives.
CREATE VIEW credential_span AS
WITH hidden AS (
  SELECT e.credential_id, min(CASE WHEN e.file_class IN ('test', 'documentation', 'vendored') THEN 1 ELSE 0 END) AS invented
  FROM exposure AS e WHERE e.part = 'value' GROUP BY e.credential_id
)
SELECT
  c.id, c.scope_id, c.provider, c.kind, c.format, c.state, c.public, c.sample, c.issued_at, c.expires_at, c.ttl,
  n.noun, n.noun_title, n.label, i.name AS identity_name,
  coalesce(h.invented, 0) = 1 AS invented,
  -- sas: a signature that gives access to storage; app: a secret of an application registered at Entra.
  coalesce(c.format LIKE '%-sas-%', FALSE) AS sas,
  (c.kind = 'client_secret' AND coalesce(c.provider, '') = 'azure') AS app,
  -- days: from its making to its end, NULL where one of them is not known.
  CASE WHEN c.ttl > 0 THEN c.ttl / 86400.0
    WHEN c.issued_at IS NOT NULL THEN CAST(date_diff('day', c.issued_at, c.expires_at) AS DOUBLE) END AS days
FROM credential AS c
JOIN credential_name AS n ON n.id = c.id
LEFT JOIN identity AS i ON i.id = c.identity_id
LEFT JOIN hidden AS h ON h.credential_id = c.id
LEFT JOIN credential_part AS t ON t.id = c.id
WHERE (c.kind NOT IN ('certificate', 'signing_certificate', 'federated', 'private_key', 'ssh_key')
    -- The key of a service account ends where it was uploaded with a certificate, or where a policy ends all of them.
    OR (c.kind = 'private_key' AND c.provider = 'gcp' AND c.lifetime = 'static'))
  AND t.id IS NULL
  AND coalesce(c.provider, '') <> 'vault'
  AND (c.expires_at IS NOT NULL OR c.ttl > 0)
  AND coalesce(c.state, 'active') IN ('active', 'declared', 'not_in_scope');

-- credential_cluster_token: one row per token of a service account of Kubernetes.
CREATE VIEW credential_cluster_token AS
WITH used AS (
  SELECT u.credential_id, count(*) AS use_count FROM "use" AS u WHERE u.credential_id IS NOT NULL
  GROUP BY u.credential_id
)
SELECT
  c.id, c.scope_id, c.provider, c.kind, c.name, c.state, c.lifetime, c.identity_id, c.last_used_at, n.label,
  coalesce(i.name, 'a service account') AS account_name, coalesce(u.use_count, 0) AS use_count,
  coalesce(regexp_matches(lower(c.locator), '(^|/)(__tests__|tests?|testing|testdata|fixtures?|mocks?|e2e|specs?|docs?|'
    || 'documentation|examples?|samples?|demos?|tutorials?)/') AND c.source LIKE 'repo.%', FALSE) AS invented,
  -- endless: a Secret of the token type, which works until the Secret is deleted.
  CASE WHEN c.expires_at IS NOT NULL OR c.ttl > 0 THEN FALSE WHEN c.lifetime = 'static' THEN TRUE
    WHEN c.lifetime IN ('short_lived', 'federated') THEN FALSE END AS endless
FROM credential AS c
JOIN credential_name AS n ON n.id = c.id
LEFT JOIN identity AS i ON i.id = c.identity_id
LEFT JOIN used AS u ON u.credential_id = c.id
WHERE c.provider = 'kubernetes' AND c.kind IN ('token', 'jwt') AND (c.identity_id IS NOT NULL OR c.ttl IS NOT NULL)
  AND coalesce(c.state, 'active') IN ('active', 'declared');

-- identity_cluster_right: one row per service account of Kubernetes that any role is bound to, with the rights among
-- its grants by which one takes over others (Kubernetes documentation, "RBAC good practices").
CREATE VIEW identity_cluster_right AS
WITH action AS (
  -- group/resource:verb; `core` is the first API, `*` any, and a resource may have a part behind a second slash.
  SELECT g.identity_id, g.resources, split_part(a.action, '/', 1) AS api, split_part(a.action, ':', 2) AS verb,
    substr(split_part(a.action, ':', 1), length(split_part(a.action, '/', 1)) + 2) AS resource
  -- Most grants are of a cloud: taking all their lists apart would cost more than all the rest.
  FROM (
    SELECT h.identity_id, h.resources, h.actions FROM "grant" AS h
    WHERE lower(h.effect) = 'allow' AND array_to_string(h.actions, ' ') LIKE '%/%:%'
  ) AS g
  CROSS JOIN UNNEST(g.actions) AS a(action)
),
judged AS (
  SELECT a.identity_id, a.resources,
    CASE
      WHEN a.api = '*' AND a.resource = '*' AND a.verb = '*' THEN 'everything'
      WHEN a.api IN ('rbac.authorization.k8s.io', '*') AND a.verb IN ('bind', 'escalate', '*')
        AND a.resource IN ('roles', 'clusterroles', '*')
        THEN concat(replace(a.verb, '*', 'bind and escalate'), ' roles')
      WHEN a.api IN ('core', '*') AND a.verb IN ('impersonate', '*')
        AND a.resource IN ('users', 'groups', 'serviceaccounts')
        THEN concat('impersonate ', a.resource)
      WHEN a.verb = 'impersonate' AND a.resource = '*' THEN 'impersonate anybody'
      WHEN a.api IN ('core', '*') AND a.verb IN ('create', '*') AND a.resource IN ('pods', '*') THEN 'create pods'
      WHEN a.api IN ('core', '*') AND a.verb IN ('create', '*') AND a.resource = 'serviceaccounts/token'
        THEN 'create tokens'
      WHEN a.api IN ('rbac.authorization.k8s.io', '*') AND a.verb IN ('create', 'update', 'patch', '*')
        AND a.resource IN ('rolebindings', 'clusterrolebindings', '*') THEN 'write bindings'
      WHEN a.api IN ('admissionregistration.k8s.io', '*') AND a.verb IN ('create', 'update', 'patch', '*')
        AND a.resource IN ('mutatingwebhookconfigurations', 'validatingwebhookconfigurations', '*')
        THEN 'write webhooks'
      WHEN a.api IN ('certificates.k8s.io', '*') AND a.verb IN ('update', 'patch', '*')
        AND a.resource IN ('certificatesigningrequests/approval', '*') THEN 'approve certificates'
      -- Reading everything reaches these too; that alone is left to the analysis of escalation.
      WHEN a.api IN ('core', '*') AND a.verb IN ('get', 'create', '*') AND a.resource IN ('nodes/proxy', 'nodes/*')
        THEN 'use nodes/proxy'
      WHEN a.api IN ('core', '*') AND a.verb IN ('get', 'create', '*') AND a.resource IN ('pods/exec', 'pods/*')
        THEN 'run commands in pods'
    END AS word
  FROM action AS a
),
counted AS (
  SELECT j.identity_id, j.word,
    max(CASE WHEN array_to_string(j.resources, ' ') LIKE '*%' THEN 1 ELSE 0 END) AS everywhere
  FROM judged AS j
  WHERE j.word IS NOT NULL
  GROUP BY j.identity_id, j.word
),
named AS (
  SELECT c.identity_id, string_agg(c.word, ', ' ORDER BY c.word) AS rights, max(c.everywhere) AS everywhere,
    min(CASE WHEN c.word = 'everything' THEN 0 ELSE 1 END) AS limited
  FROM counted AS c
  GROUP BY c.identity_id
),
bound AS (
  SELECT g.identity_id FROM "grant" AS g GROUP BY g.identity_id
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class,
  coalesce(nullif(regexp_extract(i.tags, '"namespace": "([^"]*)"', 1), ''), 'an unknown namespace') AS namespace,
  coalesce(regexp_matches(lower(i.locator), '(^|/)(__tests__|tests?|testing|testdata|fixtures?|mocks?|e2e|specs?|docs?|'
    || 'documentation|examples?|samples?|demos?|tutorials?)/') AND i.source LIKE 'repo.%', FALSE) AS invented,
  -- A cluster-admin is NS-PRV-001's.
  coalesce(n.limited, 1) = 0 AS administrator,
  n.rights, coalesce(n.everywhere, 0) = 1 AS everywhere
FROM bound AS b
JOIN identity AS i ON i.id = b.identity_id
LEFT JOIN named AS n ON n.identity_id = b.identity_id
WHERE i.provider = 'kubernetes' AND i.kind = 'service_account' AND coalesce(i.class, 'workload') <> 'provider_managed';

-- workload_account: one row per workload of Kubernetes or a cloud that runs as an account, and whether that is the one
-- that is there without anybody's doing.
CREATE VIEW workload_account AS
WITH granted AS (
  SELECT a.principal_id AS id FROM attachment AS a WHERE a.kind = 'grants' GROUP BY a.principal_id
),
held AS (
  SELECT k.id, k.scope_id, k.name, k.framework, k.platform, k.automount, k.tags, k.uri, k.line, k.locator, k.source,
    u.identity_id, i.name AS identity_name, (g.id IS NOT NULL) AS granted,
    CASE
      WHEN k.platform = 'kubernetes' THEN
        CASE WHEN coalesce(i.name, regexp_extract(u.identity_id, '[^/]*$')) = 'default' THEN 'namespace' ELSE 'own' END
      WHEN regexp_matches(coalesce(i.name, u.identity_id), '[0-9]+-compute@developer[.]gserviceaccount[.]com$')
        OR regexp_matches(coalesce(i.name, u.identity_id), '@appspot[.]gserviceaccount[.]com$') THEN 'project'
      ELSE 'own' END AS level,
    row_number() OVER (PARTITION BY k.id ORDER BY u.identity_id) AS n
  FROM "use" AS u
  JOIN consumer AS k ON k.id = u.consumer_id
  LEFT JOIN identity AS i ON i.id = u.identity_id
  LEFT JOIN granted AS g ON g.id = u.identity_id
  WHERE u.identity_id IS NOT NULL AND u.how = 'runs_as' AND coalesce(k.enabled, TRUE)
    AND (k.platform = 'kubernetes' OR k.platform LIKE 'gcp_%')
)
SELECT
  h.id, h.scope_id, h.name, h.framework, h.platform, h.uri, h.line, h.identity_name, h.granted,
  coalesce(nullif(regexp_extract(h.tags, '"namespace": "([^"]*)"', 1), ''), '-') AS namespace,
  replace(coalesce(h.framework, 'workload'), '_', ' ') AS noun, h.level,
  coalesce(regexp_matches(lower(h.locator), '(^|/)(__tests__|tests?|testing|testdata|fixtures?|mocks?|e2e|specs?|docs?|'
    || 'documentation|examples?|samples?|demos?|tutorials?)/') AND h.source LIKE 'repo.%', FALSE) AS invented,
  -- by_default: it holds the token of an account that others hold as well.
  CASE WHEN h.level = 'own' THEN FALSE WHEN h.level = 'project' THEN TRUE ELSE h.automount END AS by_default
FROM held AS h
WHERE h.n = 1;

-- identity_node: one row per identity that the nodes of a cluster run as, with the pods that can reach it.
CREATE VIEW identity_node AS
WITH node AS (
  SELECT u.identity_id, k.scope_id, min(k.name) AS node_name, max(k.metadata_hops) AS hops,
    count(*) AS group_count, count(k.metadata_hops) AS known_count
  FROM "use" AS u
  JOIN consumer AS k ON k.id = u.consumer_id
  WHERE u.identity_id IS NOT NULL AND u.how = 'runs_as' AND coalesce(k.enabled, TRUE)
    AND (u.name IN ('node_role', 'node_account', 'kubeletidentity') OR (k.platform = 'aws_eks' AND u.name = 'role' AND k.id LIKE '%:nodegroup/%')
      OR (k.platform = 'aws_ec2' AND regexp_matches(k.tags, '"(eks:cluster-name|kubernetes.io/cluster/[^"]+)":')))
  GROUP BY u.identity_id, k.scope_id
),
pods AS (
  SELECT k.scope_id, sum(CASE WHEN k.host_network THEN 1 ELSE 0 END) AS host_count,
    min(CASE WHEN k.host_network THEN k.name END) AS host_name
  FROM consumer AS k
  WHERE k.platform = 'kubernetes' AND coalesce(k.enabled, TRUE)
  GROUP BY k.scope_id
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, n.node_name, w.writes, coalesce(p.host_count, 0) AS host_count,
  p.host_name,
  concat(CASE WHEN n.hops > 1 THEN 'its metadata answers from inside pods' ELSE '' END,
    CASE WHEN n.hops > 1 AND p.host_count > 0 THEN ', and ' ELSE '' END,
    CASE WHEN p.host_count > 0 THEN concat(p.host_name, ' shares the network of its nodes') ELSE '' END) AS way,
  -- reachable: a pod gets an answer from the metadata of its node; one hop ends at the node itself.
  CASE WHEN n.hops > 1 OR p.host_count > 0 THEN TRUE
    WHEN n.known_count = n.group_count AND p.host_count IS NOT NULL THEN FALSE END AS reachable
FROM node AS n
JOIN identity AS i ON i.id = n.identity_id
LEFT JOIN identity_writes AS w ON w.id = n.identity_id
LEFT JOIN pods AS p ON p.scope_id = n.scope_id;

-- identity_session: one row per machine identity whose longest session is known, or as which an agent acts.
CREATE VIEW identity_session AS
WITH running AS (
  SELECT u.identity_id, k.id AS consumer_id, k.kind
  FROM "use" AS u JOIN consumer AS k ON k.id = u.consumer_id
  WHERE u.identity_id IS NOT NULL AND u.how IN ('runs_as', 'federated') AND coalesce(k.enabled, TRUE)
),
agents AS (
  SELECT r.identity_id FROM running AS r WHERE r.kind IN ('agent', 'tool_server') GROUP BY r.identity_id
),
token AS (
  SELECT c.identity_id, max(c.ttl) AS ttl FROM credential AS c
  WHERE c.identity_id IS NOT NULL AND c.lifetime = 'short_lived' AND c.ttl > 0 GROUP BY c.identity_id
  UNION ALL
  -- A token that a pod asks for is one of the account it runs as.
  SELECT r.identity_id, max(c.ttl) AS ttl
  FROM credential AS c
  JOIN "use" AS u ON u.credential_id = c.id
  JOIN running AS r ON r.consumer_id = u.consumer_id
  JOIN identity AS i ON i.id = r.identity_id AND i.provider = c.provider
  WHERE c.identity_id IS NULL AND c.lifetime = 'short_lived' AND c.ttl > 0 GROUP BY r.identity_id
),
longest AS (
  SELECT t.identity_id, max(t.ttl) AS ttl FROM token AS t GROUP BY t.identity_id
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, i.class,
  coalesce(i.class = 'agent', FALSE) OR a.identity_id IS NOT NULL AS agent,
  coalesce(regexp_matches(lower(i.locator), '(^|/)(__tests__|tests?|testing|testdata|fixtures?|mocks?|e2e|specs?|docs?|'
    || 'documentation|examples?|samples?|demos?|tutorials?)/') AND i.source LIKE 'repo.%', FALSE) AS invented,
  -- seconds: a role of Vault without a limit of its own (0) has that of the server, 32 days unless it was changed.
  CASE WHEN i.provider = 'vault' AND i.max_session = 0 THEN 2764800
    ELSE coalesce(greatest(i.max_session, l.ttl), i.max_session, l.ttl) END AS seconds
FROM identity AS i
LEFT JOIN longest AS l ON l.identity_id = i.id
LEFT JOIN agents AS a ON a.identity_id = i.id
WHERE i.kind IN ('user', 'role', 'service_account', 'app', 'bot', 'workload_identity', 'managed_identity',
    'agent_identity', 'identity_pool')
  AND coalesce(i.class, 'workload') IN ('workload', 'agent') AND coalesce(i.state, 'enabled') IN ('enabled', 'declared')
  AND (i.max_session IS NOT NULL OR l.ttl IS NOT NULL OR a.identity_id IS NOT NULL);

-- identity_oauth: one row per OAuth client whose settings are known, with those that are unsafe.
CREATE VIEW identity_oauth AS
WITH client AS (
  SELECT i.id, i.scope_id, i.provider, i.kind, i.name, i.state, i.locator, i.source, i.environment, i.redirect_uris,
    i.implicit_grant, i.public_client,
    -- Entra has no switch of its own for the password grant: it goes with the flows of public clients.
    coalesce(i.password_grant, CASE WHEN i.provider = 'azure' THEN i.public_client END) AS password_grant
  FROM identity AS i
  WHERE coalesce(i.state, 'enabled') IN ('enabled', 'declared')
    AND (i.public_client IS NOT NULL OR i.implicit_grant IS NOT NULL OR i.password_grant IS NOT NULL
      OR array_length(i.redirect_uris) > 0)
),
uri AS (
  SELECT i.id, u.uri,
    regexp_matches(lower(u.uri), '^https?://(localhost|127[.0-9]+|\[::1\])([:/]|$)') AS loopback
  FROM client AS i
  CROSS JOIN UNNEST(i.redirect_uris) AS u(uri)
),
uris AS (
  SELECT u.id, min(CASE WHEN u.loopback THEN u.uri END) AS loopback_uri,
    min(CASE WHEN NOT u.loopback AND (lower(u.uri) LIKE 'http://%' OR u.uri LIKE '%*%') THEN u.uri END) AS open_uri
  FROM uri AS u
  GROUP BY u.id
)
SELECT
  i.id, i.scope_id, i.provider, i.kind, i.name, u.open_uri, u.loopback_uri,
  i.implicit_grant, i.public_client, i.password_grant,
  coalesce(regexp_matches(lower(i.locator), '(^|/)(__tests__|tests?|testing|testdata|fixtures?|mocks?|e2e|specs?|docs?|'
    || 'documentation|examples?|samples?|demos?|tutorials?)/') AND i.source LIKE 'repo.%', FALSE) AS invented,
  (u.open_uri IS NOT NULL) AS opens,
  -- local_in_production: whoever runs a program on the machine of a user can take the code there.
  CASE WHEN u.loopback_uri IS NULL THEN FALSE ELSE w.production END AS local_in_production,
  -- without_proof: a public client that does not demand PKCE; whether it does is told by nothing we read.
  CASE WHEN NOT i.public_client THEN FALSE END AS without_proof,
  concat_ws(', ', CASE WHEN i.implicit_grant THEN 'the implicit grant' END,
    CASE WHEN i.password_grant THEN 'the password grant' END,
    CASE WHEN u.open_uri IS NOT NULL THEN concat('the redirect to ', u.open_uri) END,
    CASE WHEN u.open_uri IS NULL AND w.production THEN concat('the redirect to ', u.loopback_uri) END) AS allowed
FROM client AS i
LEFT JOIN uris AS u ON u.id = i.id
LEFT JOIN scope AS s ON s.id = i.scope_id
LEFT JOIN environment_word AS w ON w.id = regexp_extract(lower(coalesce(i.environment, s.environment)), '[a-z]+');

-- attachment_standing: one row per grant of a privileged role, on a platform that knows grants with an end, to a
-- principal that is no person.
CREATE VIEW attachment_standing AS
SELECT
  a.id, a.scope_id, a.policy_id, a.principal_id, a.time_bound, p.provider, p.name AS role_name,
  coalesce(i.name, 'an unknown principal') AS principal_name, i.class,
  coalesce(regexp_matches(lower(a.locator), '(^|/)(__tests__|tests?|testing|testdata|fixtures?|mocks?|e2e|specs?|docs?|'
    || 'documentation|examples?|samples?|demos?|tutorials?)/') AND a.source LIKE 'repo.%', FALSE) AS invented
FROM attachment AS a
JOIN policy AS p ON p.id = a.policy_id
LEFT JOIN identity AS i ON i.id = a.principal_id
WHERE a.kind = 'grants' AND coalesce(i.class, 'workload') IN ('workload', 'agent')
  AND coalesce(i.kind, 'app') <> 'group'
  AND (
    (p.provider = 'azure' AND lower(p.name) IN ('owner', 'user access administrator', 'contributor',
      'role based access control administrator', 'global administrator', 'privileged role administrator',
      'application administrator', 'cloud application administrator', 'privileged authentication administrator',
      'hybrid identity administrator', 'domain name administrator', 'partner tier2 support',
      '8e3af657-a8ff-443c-a75c-2fe8c4bcb635', '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9',
      'b24988ac-6180-42a0-ab88-20f7382dd24c', 'f58310d9-a9f6-439a-9e8d-f62e7b41a168'))
    OR (p.provider = 'gcp' AND lower(p.name) IN ('roles/owner', 'roles/editor', 'roles/iam.securityadmin',
      'roles/resourcemanager.organizationadmin', 'roles/resourcemanager.projectiamadmin',
      'roles/resourcemanager.folderadmin', 'roles/resourcemanager.folderiamadmin', 'roles/iam.workloadidentitypooladmin',
      'roles/iam.serviceaccountadmin', 'roles/iam.serviceaccounttokencreator', 'roles/iam.serviceaccountkeyadmin')));

-- vault_token: one row per token of Vault that still may work.
CREATE VIEW vault_token AS
WITH hidden AS (
  SELECT e.credential_id, min(CASE WHEN e.file_class IN ('test', 'documentation', 'vendored') THEN 1 ELSE 0 END) AS invented
  FROM exposure AS e WHERE e.part = 'value' GROUP BY e.credential_id
)
SELECT
  c.id, c.scope_id, c.name, c.state, c.sample, c.ttl, c.lifetime, n.label,
  coalesce(h.invented, 0) = 1 OR coalesce(regexp_matches(lower(c.locator), '(^|/)(__tests__|tests?|testing|testdata|'
    || 'fixtures?|mocks?|e2e|specs?|docs?|documentation|examples?|samples?|demos?|tutorials?)/')
    AND c.source LIKE 'repo.%', FALSE) AS invented,
  -- called_root: nothing but its name says so.
  regexp_matches(lower(coalesce(c.name, '')), '(^|[-_])root([-_]|$)') AS called_root,
  regexp_matches(lower(coalesce(c.name, '')), '(^|[-_])dev([-_]|$)') AS development,
  coalesce(list_contains(c.scopes, 'root'), FALSE) AS root,
  CASE WHEN c.ttl > 0 THEN c.ttl / 3600.0 END AS hours,
  CASE WHEN c.ttl = 0 OR c.lifetime = 'static' AND c.state = 'declared' THEN TRUE WHEN c.ttl > 0 THEN FALSE END
    AS endless
FROM credential AS c
JOIN credential_name AS n ON n.id = c.id
LEFT JOIN hidden AS h ON h.credential_id = c.id
WHERE (c.provider = 'vault' OR c.format IN ('vault-token', 'vault-legacy-token')) AND c.kind = 'token'
  AND coalesce(c.state, 'active') IN ('active', 'declared', 'not_in_scope');

-- vault_secret_id: one row per role of Vault that is entered with a secret id, and what limits that.
CREATE VIEW vault_secret_id AS
SELECT
  c.id, c.scope_id, coalesce(i.name, c.name, 'without a name') AS role_name, c.ttl, c.max_uses, c.bound,
  coalesce(regexp_matches(lower(c.locator), '(^|/)(__tests__|tests?|testing|testdata|fixtures?|mocks?|e2e|specs?|docs?|'
    || 'documentation|examples?|samples?|demos?|tutorials?)/') AND c.source LIKE 'repo.%', FALSE) AS invented,
  concat_ws(', ', CASE WHEN c.ttl = 0 THEN 'never ends' END,
    CASE WHEN c.max_uses = 0 THEN 'works any number of times' END,
    CASE WHEN NOT c.bound THEN 'works from any network' END) AS lacks,
  CASE WHEN c.ttl = 0 THEN 1 ELSE 0 END + CASE WHEN c.max_uses = 0 THEN 1 ELSE 0 END
    + CASE WHEN NOT c.bound THEN 1 ELSE 0 END AS missing
FROM credential AS c
LEFT JOIN identity AS i ON i.id = c.identity_id
WHERE c.provider = 'vault' AND c.kind = 'client_secret' AND coalesce(c.state, 'active') IN ('active', 'declared');

-- vault_trust: one row per trust by which a role of Vault is entered, with how narrowly it says who may come.  Trusts
-- in platforms that serve everybody are judged as such (trust_ci).
CREATE VIEW vault_trust AS
WITH pattern AS (
  SELECT t.id, s.subject AS pattern FROM trust AS t CROSS JOIN UNNEST(t.subjects) AS s(subject)
  UNION ALL
  SELECT t.id, substr(c.claim, length(split_part(c.claim, '=', 1)) + 2) AS pattern
  FROM trust AS t CROSS JOIN UNNEST(t.claims) AS c(claim)
  UNION ALL
  SELECT t.id, t.principal AS pattern FROM trust AS t WHERE t.principal_kind IN ('identity', 'account', 'anyone')
),
judged AS (
  SELECT p.id, count(*) AS pattern_count, min(CASE WHEN p.pattern LIKE '%*%' THEN p.pattern END) AS loose_pattern,
    -- empty: nothing is left of the pattern beside wildcards and what every service account begins with.
    sum(CASE WHEN regexp_matches(p.pattern, '^(system:serviceaccount:)?[*:/]+$') THEN 1 ELSE 0 END) AS empty_count,
    -- A name of `*` in a namespace of one's own is wide, a name of one's own in every namespace is anybody.
    sum(CASE WHEN regexp_matches(p.pattern, '^system:serviceaccount:[*]:') THEN 1 ELSE 0 END) AS everywhere_count
  FROM pattern AS p
  GROUP BY p.id
)
SELECT
  t.id, t.scope_id, t.principal, t.principal_kind, t.target_id, t.certainty, i.name AS target_name,
  coalesce(regexp_matches(lower(t.locator), '(^|/)(__tests__|tests?|testing|testdata|fixtures?|mocks?|e2e|specs?|docs?|'
    || 'documentation|examples?|samples?|demos?|tutorials?)/') AND t.source LIKE 'repo.%', FALSE) AS invented,
  coalesce(j.loose_pattern, 'any subject') AS accepted,
  -- unbound: an audience alone is chosen by whoever asks for the token.  Vault refuses a role that demands nothing at
  -- all, so there the demand is merely not known.
  CASE WHEN j.pattern_count = j.empty_count OR j.everywhere_count > 0 THEN TRUE
    WHEN j.pattern_count IS NULL AND array_length(t.audiences) > 0 THEN TRUE
    WHEN j.pattern_count > 0 THEN FALSE END AS unbound,
  CASE WHEN j.loose_pattern IS NOT NULL THEN TRUE WHEN j.pattern_count > 0 THEN FALSE END AS loose,
  -- by_audience: nothing but an audience is demanded, so far as the file says.
  (j.pattern_count IS NULL AND array_length(t.audiences) > 0) AS by_audience
FROM trust AS t
JOIN identity AS i ON i.id = t.target_id AND i.provider = 'vault'
LEFT JOIN trust_ci AS k ON k.id = t.id
LEFT JOIN judged AS j ON j.id = t.id
-- Who of a cluster that was read a trust lets in is that trust once more, not another one.
WHERE k.id IS NULL AND t.id NOT LIKE '%#trust:from:%';

-- vault_policy: one row per policy of Vault, with what it opens.
CREATE VIEW vault_policy AS
WITH read AS (
  SELECT p.id, p.scope_id, p.name, p.document, p.locator, p.source,
    regexp_extract(p.document, '"([*]|[+]/[*]|secret/([+]/)?[*]|secret/data/[*]|kv/[*]|kv/data/[*]|kv-v2/[*]|'
      || 'kv-v2/data/[*]|sys/[*]|auth/[*])": [{][^{}]*"(create|read|update|patch|delete|write|sudo|root)"', 1) AS wide,
    regexp_extract(p.document, '"([^"]*)": [{][^{}]*"sudo"', 1) AS sudo,
    -- issues: with it one makes tokens, roles or policies, and so more access than one was given.
    regexp_extract(p.document, '"([*]|auth/[*]|sys/[*]|auth/token/(create[^"]*|roles/[^"]*|[*])|sys/polic(y|ies)/[^"]*|'
      || 'auth/[^"]*/role/[^"]*|sys/auth/[^"]*|sys/mounts/[^"]*|identity/[^"]*)": '
      || '[{][^{}]*"(create|update|patch|write|sudo|root)"', 1) AS issues
  FROM policy AS p
  WHERE p.provider = 'vault'
)
SELECT
  r.id, r.scope_id, r.name,
  coalesce(regexp_matches(lower(r.locator), '(^|/)(__tests__|tests?|testing|testdata|fixtures?|mocks?|e2e|specs?|docs?|'
    || 'documentation|examples?|samples?|demos?|tutorials?)/') AND r.source LIKE 'repo.%', FALSE) AS invented,
  CASE WHEN r.name = 'root' THEN 'everything' WHEN r.wide <> '' THEN r.wide
    WHEN r.sudo <> '' THEN concat(r.sudo, ' with sudo') END AS opened,
  nullif(r.issues, '') AS issues_at,
  -- `root` opens everything and `default` only what is its holder's own; both come with Vault and have no document.
  CASE WHEN r.name = 'root' THEN TRUE WHEN r.document IS NOT NULL THEN r.wide <> '' OR r.sudo <> ''
    WHEN r.name = 'default' THEN FALSE END AS wide,
  CASE WHEN r.name = 'root' THEN TRUE WHEN r.document IS NOT NULL THEN r.issues <> ''
    WHEN r.name = 'default' THEN FALSE END AS issues
FROM read AS r;

-- vault_policy_attached: one row per policy of Vault that a role or group has, with who has it.
CREATE VIEW vault_policy_attached AS
SELECT v.id, v.scope_id, v.name, v.opened, v.wide, v.invented, count(*) AS holder_count,
  min(coalesce(i.name, 'an unknown role')) AS holder_name
FROM vault_policy AS v
JOIN attachment AS a ON a.policy_id = v.id AND a.kind = 'grants'
LEFT JOIN identity AS i ON i.id = a.principal_id
WHERE coalesce(i.class, 'workload') IN ('workload', 'agent')
GROUP BY v.id, v.scope_id, v.name, v.opened, v.wide, v.invented;

-- agent_broker: one row per agent that acts as an identity of a broker (Vault, token services), and whether it can ask
-- there for more than it was given.
CREATE VIEW agent_broker AS
WITH vaulted AS (
  SELECT a.principal_id AS identity_id,
    max(CASE WHEN v.issues THEN 1 ELSE 0 END) AS issues, count(*) AS policy_count, count(v.issues) AS known_count,
    min(CASE WHEN v.issues THEN concat('policy ', v.name) END) AS way
  FROM attachment AS a
  JOIN vault_policy AS v ON v.id = a.policy_id
  WHERE a.kind = 'grants'
  GROUP BY a.principal_id
),
lending AS (
  SELECT g.identity_id,
    max(CASE WHEN array_to_string(g.resources, ' ') = '*' AND g.condition IS NULL THEN 1 ELSE 0 END) AS issues,
    min(CASE WHEN array_to_string(g.resources, ' ') = '*' AND g.condition IS NULL
      THEN concat(regexp_extract(lower(array_to_string(g.actions, ' ')),
        '(sts:(\*|assumerole)|bedrock-agentcore:(get(workload|resource)[a-z0-9]*[*]?|[*]))', 1), ' on everything') END)
      AS way
  FROM "grant" AS g
  WHERE lower(g.effect) = 'allow' AND regexp_matches(lower(array_to_string(g.actions, ' ')),
    '(^| )(sts:([*]|assumerole([*]| |$))|bedrock-agentcore:(get(workload|resource)[a-z0-9]*[*]?|[*]))')
  GROUP BY g.identity_id
),
judged AS (
  SELECT a.id, a.scope_id, a.name, i.name AS identity_name, coalesce(v.way, l.way) AS way,
    CASE WHEN v.issues = 1 OR l.issues = 1 THEN TRUE
      WHEN i.provider = 'vault' AND (v.identity_id IS NULL OR v.known_count < v.policy_count) THEN NULL
      ELSE FALSE END AS asks_more,
    (i.provider = 'vault' OR l.identity_id IS NOT NULL) AS brokered
  FROM agent_acting AS a
  JOIN identity AS i ON i.id = a.identity_id
  LEFT JOIN vaulted AS v ON v.identity_id = a.identity_id
  LEFT JOIN lending AS l ON l.identity_id = a.identity_id
)
SELECT j.id, j.scope_id, j.name,
  min(CASE WHEN j.asks_more THEN j.identity_name END) AS identity_name,
  min(CASE WHEN j.asks_more THEN j.way END) AS way,
  CASE WHEN bool_or(j.asks_more) THEN TRUE WHEN count(j.asks_more) < count(*) THEN NULL ELSE FALSE END AS asks_more
FROM judged AS j
WHERE j.brokered
GROUP BY j.id, j.scope_id, j.name;

-- webhook: one row per webhook, with how a receiver knows who calls.
CREATE VIEW webhook AS
SELECT r.id, r.scope_id, r.provider, r.name, r.authenticated, r.tls,
  coalesce(regexp_matches(lower(r.locator), '(^|/)(__tests__|tests?|testing|testdata|fixtures?|mocks?|e2e|specs?|docs?|'
    || 'documentation|examples?|samples?|demos?|tutorials?)/') AND r.source LIKE 'repo.%', FALSE) AS invented,
  concat_ws(' and ', CASE WHEN NOT r.authenticated THEN 'has no secret' END,
    CASE WHEN NOT r.tls THEN 'is called without verified encryption' END) AS lacks
FROM resource AS r
WHERE r.kind = 'webhook';

-- decision_log: one row per agent or gateway behind which a policy decides, and whether the decisions are written down.
CREATE VIEW decision_log AS
WITH told AS (
  SELECT g.subject_id, bool_or(g.enabled) AS enabled,
    max(CASE WHEN g.kind IN ('policy_decision', 'policy_decisions') THEN 1 ELSE 0 END) AS own
  FROM logging AS g
  -- The audit log of ToolHive says of each call whether it was allowed.
  WHERE g.kind IN ('policy_decision', 'policy_decisions', 'tool_call', 'tool_calls')
  GROUP BY g.subject_id
)
SELECT k.id, k.scope_id, replace(k.kind, '_', ' ') AS noun, k.name, k.framework, k.platform, t.enabled AS logged,
  coalesce(regexp_matches(lower(k.locator), '(^|/)(__tests__|tests?|testing|testdata|fixtures?|mocks?|e2e|specs?|docs?|'
    || 'documentation|examples?|samples?|demos?|tutorials?)/') AND k.source LIKE 'repo.%', FALSE) AS invented
FROM consumer AS k
LEFT JOIN told AS t ON t.subject_id = k.id
WHERE coalesce(k.enabled, TRUE) AND (k.enforced OR t.own = 1);
